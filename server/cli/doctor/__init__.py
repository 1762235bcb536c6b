"""`submittal-mcp doctor`: checks of the setup, from this machine to a submittal."""
