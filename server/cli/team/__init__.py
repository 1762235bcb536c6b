"""`submittal-mcp team`: administration of a team server."""
