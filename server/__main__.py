"""`python -m server` is `submittal-mcp`."""

from server.cli import main

main()
