"""Connections that can be cut: uvicorn's HTTP/1.1 protocol, with its transport within reach of the application."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import struct
import sys
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

_LOG: Final = logging.getLogger(__name__)
_TELL_SECONDS: Final = 60.0


class ConnectionCutError(Exception):
    """The connection is cut; nothing more is to be read or sent."""


class CuttableConnection(H11Protocol):
    """HTTP/1.1 protocol that puts its transport into `scope["state"]`, which ASGI itself has no word for."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent does
        """A connection has been accepted."""
        self.app_state = {**self.app_state, "transport": transport}
        # asyncio does this by itself only for sockets that were opened naming TCP, which `create_server` does not;
        # without it every answer waits 40 ms for an acknowledgement.
        raw: socket.socket = transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)


KEEP_ALIVE_SECONDS: Final = 75
"""An idle connection stays for longer than httpx keeps one (5 s), which could send on it as it is closed."""


class PausingListener(socket.socket):
    """Listening socket that fails once in a second.

    asyncio leaves it alone for a second after it found no descriptor for a connection, but first tries as often again
    as its queue is long, each time with an error and a timer.
    """

    _failed = False

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection; right after a failure say that there is none."""
        if self._failed:
            self._failed = False
            raise BlockingIOError
        try:
            return super().accept()
        except BlockingIOError:
            raise
        except OSError:
            self._failed = True
            raise


class AcceptErrorLog:
    """Handles errors of an event loop: that no connection can be accepted is logged once a minute."""

    def __init__(self) -> None:
        self._told = float("-inf")

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Handle an error of the event loop; see `asyncio.AbstractEventLoop.set_exception_handler`."""
        error = context.get("exception")
        if isinstance(error, ValueError) and "_start_serving" in context["message"]:
            return  # the listener was closed within the second in which asyncio leaves it alone
        if "socket" not in context or not isinstance(error, OSError):
            loop.default_exception_handler(context)
        elif loop.time() - self._told >= _TELL_SECONDS:
            self._told = loop.time()
            _LOG.error("the sandbox accepts no connection: %s", error.strerror)


class PortListener:
    """One listening socket that serves one ASGI application inside the running event loop.

    uvicorn's own `Server` takes over signals, polls ten times a second and needs 0.1 s to stop; a sandbox lives in a
    thread of another program, so it only uses uvicorn's protocol.
    """

    def __init__(self, app: ASGIApp, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        self._config.load()
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    async def start(self, listening: socket.socket) -> None:
        """Accept connections; the socket is closed by `stop`."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, sock=listening, ssl=self._tls)

    async def stop(self) -> None:
        """Stop accepting, cut what is open, and wait for the requests that were being answered."""
        if self._server is not None:
            await _end_accepting(self._server)
            self._server.close()
        # A connection that is being accepted is among them two turns of the loop later, and closed one after that.
        for _ in range(4):
            for connection in list(self._state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)
        if self._state.tasks:
            await asyncio.wait(list(self._state.tasks))
        if self._server is not None:
            await self._server.wait_closed()

    def _connection(self) -> asyncio.Protocol:
        return CuttableConnection(config=self._config, server_state=self._state, app_state={})


async def _end_accepting(server: asyncio.Server) -> None:
    """Accept no more, and give what was accepted its transport: at a closed server asyncio makes none, and leaks it."""
    if sys.platform == "win32":
        return  # its event loop accepts in another way
    for listening in server.sockets:
        asyncio.get_running_loop().remove_reader(listening.fileno())
    await asyncio.sleep(0)


async def cut(scope: Scope, receive: Receive) -> None:
    """Reset the request's connection and wait until that is noticed, so that no answer is sent any more."""
    transport: asyncio.Transport = scope["state"]["transport"]
    raw = transport.get_extra_info("socket")
    if raw is not None:
        # Zero linger makes the kernel send RST instead of FIN; the structure is two shorts on Windows.
        raw.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        )
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
