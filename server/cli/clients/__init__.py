"""`submittal-mcp config` and `setup`: this program in the configuration files of chat clients."""
