"""`submittal-mcp demo`: one attachment from question to ready, in a sandbox."""
