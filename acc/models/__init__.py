"""Models of Autodesk's answers; one module for each service or subject."""
