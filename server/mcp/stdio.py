"""Serving over stdin and stdout, for the chat client that started this process.

Nothing but JSON-RPC is written to stdout: the SDK points descriptor 1 at stderr while it serves.
"""

import os
import threading
from typing import Any, Final

import anyio
import structlog
from mcp.server import Server
from mcp.server.stdio import stdio_server

from server.shutdown import STDIO_SECONDS, force_exit_after, on_shutdown_signal

_CHUNK: Final = 64 * 1024


class _StdioTransport:
    """Descriptor 0 as a pipe that this process can end itself.

    The SDK's reader sits in a blocking read of stdin, which nothing can interrupt, so a signal alone would end nothing.
    A daemon thread copies the real stdin into a pipe that takes its place. When the pipe is closed, because stdin ended
    or because of a signal, the SDK sees the end of input and everything unwinds the one ordinary way.
    """

    def __init__(self) -> None:
        self._stdin = os.dup(0)
        reader, writer = os.pipe()
        os.dup2(reader, 0)
        os.close(reader)
        self._pipe = os.fdopen(writer, "wb", buffering=0)
        # A plain flag, not a lock: on Windows `end` runs in a signal handler, which may interrupt itself.
        self._ended = False

    def start(self) -> None:
        threading.Thread(target=self._copy, name="stdin", daemon=True).start()

    def end(self) -> None:
        """Let the server see the end of its input, and the process end soon after. Further calls do nothing."""
        if not self._ended:
            self._ended = True
            force_exit_after(STDIO_SECONDS)
            self._pipe.close()

    def _copy(self) -> None:
        try:
            while chunk := os.read(self._stdin, _CHUNK):
                while chunk:
                    chunk = chunk[self._pipe.write(chunk) :]
        except (OSError, ValueError):
            # The client's end broke, or the pipe was closed by a signal: the end of input either way.
            pass
        self.end()


async def _serve(server: Server[Any], wire: _StdioTransport) -> None:
    on_shutdown_signal(wire.end)
    wire.start()
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def serve_stdio(server: Server[Any]) -> None:
    """Serve until stdin ends or the process is told to stop (SIGTERM, Ctrl-C).

    The process is to end after this: within `STDIO_SECONDS` it does, whatever else still runs.
    """
    wire = _StdioTransport()
    try:
        anyio.run(_serve, server, wire)
    except* BrokenPipeError:
        structlog.get_logger().info("client_gone")
    finally:
        # The SDK has given descriptor 1 back to the client. What a library printed may still sit in sys.stdout's
        # buffer, which Python flushes at its end: it goes where the rest went.
        os.dup2(2, 1)
