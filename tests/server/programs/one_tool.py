"""A tiny MCP server behind our shell: `one_tool.py stdio`, or `one_tool.py http [SECRET]` on a free port."""

import logging
import sys
import threading
from typing import Any

import anyio
import anyio.to_thread
from mcp.server import Server
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, TextContent, Tool

from server import logging as logs
from server.mcp.http import serve_http
from server.mcp.stdio import serve_stdio

secret = sys.argv[2] if len(sys.argv) > 2 else None
logs.configure("info", "json", secrets=[secret] if secret else [], queued=True)
inside: list[str] = []
complete = anyio.Event()


async def chat() -> str:
    """Write to stdout, as a careless library would."""
    sys.stdout.write("stray words\n")
    sys.stdout.write("an unfinished line")
    return "said"


async def meet(word: str, company: int) -> str:
    """Give the word back once so many callers are here."""
    inside.append(word)
    if len(inside) == company:
        complete.set()
    await complete.wait()
    return word


async def hang() -> str:
    """Never come back, as a read from a network share that went away."""
    sys.stderr.write("hanging\n")
    await anyio.to_thread.run_sync(threading.Event().wait)
    return "impossible"


async def log(lines: int) -> str:
    """Write so many lines to the log."""
    for number in range(lines):
        logging.getLogger("one_tool").warning("line %d %s", number, "x" * 500)
    return "logged"


async def slow(word: str) -> str:
    """Give the word back once stdin has ended."""
    stdin = next((one for one in threading.enumerate() if one.name == "stdin"), threading.current_thread())
    if stdin is not threading.current_thread():
        await anyio.to_thread.run_sync(stdin.join)
    return word


TOOLS = {tool.__name__: tool for tool in (chat, meet, hang, log, slow)}


async def list_tools(_context: Any, _params: Any) -> ListToolsResult:
    return ListToolsResult(tools=[Tool(name=name, input_schema={"type": "object"}) for name in TOOLS])


async def call_tool(_context: Any, params: CallToolRequestParams) -> CallToolResult:
    text = await TOOLS[params.name](**params.arguments or {})
    return CallToolResult(content=[TextContent(type="text", text=text)])


server = Server[Any]("one tool", version="1", on_list_tools=list_tools, on_call_tool=call_tool)
if sys.argv[1] == "stdio":
    serve_stdio(server)
else:
    serve_http(server, host="127.0.0.1", port=0, secret=secret, announce_secret=secret is not None)
sys.stderr.write("put away\n")
