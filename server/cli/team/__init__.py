"""`submittal-mcp team`: commands of those who look after a team server."""
