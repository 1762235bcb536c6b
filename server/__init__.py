"""Entry points: command line, settings, logging, and the MCP server over stdio and HTTP."""

__version__ = "0.1.0"
