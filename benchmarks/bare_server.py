"""The yardstick of the start-up benchmark: the SDK's own server with one tool, and nothing else."""

from mcp.server import MCPServer

server = MCPServer("bare", version="1")


@server.tool(name="echo")
def echo(text: str) -> str:
    """Answer with the text."""
    return text


server.run("stdio")
