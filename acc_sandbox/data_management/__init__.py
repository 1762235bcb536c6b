"""Data Management: hubs, projects, folders, files and their versions (fact sheet 9)."""
