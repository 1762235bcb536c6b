"""A tiny MCP server behind our shell: `one_tool.py stdio`, or `one_tool.py http [SECRET]` on a free port."""

import sys
import threading

import anyio
from mcp.server import MCPServer

from server import logs
from server.mcp.http import serve_http
from server.mcp.stdio import serve_stdio

secret = sys.argv[2] if len(sys.argv) > 2 else None
logs.configure("info", "json", secrets=[secret] if secret else [])
server = MCPServer("one tool", version="1")
inside: list[str] = []
complete = anyio.Event()


@server.tool(name="chat")
def chat() -> str:
    """Write to stdout, as a careless library would."""
    sys.stdout.write("stray words\n")
    sys.stdout.write("an unfinished line")
    return "said"


@server.tool(name="meet")
async def meet(word: str, company: int) -> str:
    """Give the word back once so many callers are here."""
    inside.append(word)
    if len(inside) == company:
        complete.set()
    await complete.wait()
    return word


@server.tool(name="hang")
def hang() -> str:
    """Never come back, as a read from a network share that went away."""
    sys.stderr.write("hanging\n")
    threading.Event().wait()
    return "impossible"


if sys.argv[1] == "stdio":
    serve_stdio(server)
else:
    serve_http(server, host="127.0.0.1", port=0, secret=secret, announce_secret=secret is not None)
sys.stderr.write("put away\n")
