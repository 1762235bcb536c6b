"""The team server: Streamable HTTP for a whole company, each caller as themself."""
