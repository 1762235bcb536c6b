"""`submittal-mcp attach`: files and manifests from a shell."""
