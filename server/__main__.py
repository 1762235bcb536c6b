"""`python -m server` is `submittal-mcp`."""

from server.cli.main import main

main()
