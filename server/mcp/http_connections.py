"""Limits of HTTP connections: how many there may be, and how long a request may take to arrive."""

import asyncio
import socket
import ssl
import sys
import time
from collections.abc import Callable
from typing import Any, Final, cast

import anyio
import h11
import structlog
import uvicorn
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from persistence.errors import DescriptorsExhausted, no_descriptors_left

MAX_CONNECTIONS: Final = 256
HEADER_SECONDS: Final = 10.0
"""From the first byte of a connection, or of its next request, to the end of the headers."""

MAX_BODY_BYTES: Final = 1024 * 1024
"""The largest request that is read. Files never travel in tool arguments, so calls are small."""

BODY_IDLE_SECONDS: Final = 60.0
"""The longest pause within a body; how long a part takes in all is up to the network."""

KEEP_ALIVE_SECONDS: Final = 150
"""An idle connection stays for longer than proxies keep theirs (Caddy 2 minutes, load balancers 1): one that is closed
as the next request comes would be answered 502 there."""

GATHERED_BYTES: Final = 64 * 1024
"""Beyond so much nothing is gathered: as much as a transport takes before it asks for a pause."""

_TELL_SECONDS: Final = 60.0


def connection_limit() -> int:
    """Return how many connections may be open: 256, or half the descriptors: files and Autodesk need some too."""
    if sys.platform == "win32":
        return MAX_CONNECTIONS
    import resource

    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, min(MAX_CONNECTIONS, descriptors // 2)) if descriptors > 0 else MAX_CONNECTIONS


class PausingListener(socket.socket):
    """Listening socket that says once in a second that nothing can be accepted.

    asyncio leaves it alone for a second then, but first tries as often again as its queue is long, each time with an
    error and a timer: a server without descriptors would be busy with that alone, and drown its end in tracebacks.
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


async def end_accepting(server: asyncio.Server) -> None:
    """Accept no more, and give what was accepted its transport: at a closed server asyncio makes none, and leaks it."""
    if sys.platform == "win32":
        return  # its event loop accepts in another way
    for listening in server.sockets:
        asyncio.get_running_loop().remove_reader(listening.fileno())
    await asyncio.sleep(0)


class DrainingServer(uvicorn.Server):
    """uvicorn's server, which closes once no connection is being accepted."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving."""
        for server in self.servers:
            await end_accepting(server)
        await super().shutdown(sockets)


class GatheredTransport:
    """Transport whose writes of one turn of the event loop leave together: a short answer, head and body, in one piece.

    A proxy written in Go reads on a request's body to see that there is no more, closes the body when the head of the
    answer is there, and hangs up if it has not seen the end by then: what it has received of the answer goes through.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        """Be the transport in everything else."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write at the end of this turn, or now where that is a lot."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)
        self._size += len(data)
        if self._size > GATHERED_BYTES:
            self._flush()

    def close(self) -> None:
        """Close it once all is written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        parts, self._parts, self._size = self._parts, [], 0
        if parts:
            self._transport.write(b"".join(parts))


class BoundedHttpProtocol(H11Protocol):
    """uvicorn's protocol, which closes a connection too many and one whose request does not arrive in time.

    With `tls` it shakes hands itself: uvicorn's own way knows no connection before its handshake has ended.
    """

    most = MAX_CONNECTIONS
    tls: ssl.SSLContext | None = None
    header_seconds = HEADER_SECONDS
    body_idle_seconds = BODY_IDLE_SECONDS
    _deadline: asyncio.TimerHandle | None = None
    _waits_for: str | None = None
    _handshake: asyncio.Task[None] | None = None
    _early = b""
    """What came before the handshake's own task has gone on."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take a connection, or hang up."""
        super().connection_made(self._gathered(transport) if self.tls is None else transport)
        if len(self.connections) > self.most:
            transport.abort()
        elif self.tls is not None:
            transport.pause_reading()
            self._handshake = self.loop.create_task(self._secure(transport, self.tls))
        else:
            self._wait()

    def _gathered(self, transport: asyncio.Transport) -> asyncio.Transport:
        return cast("asyncio.Transport", GatheredTransport(transport, self.loop))

    async def _secure(self, transport: asyncio.Transport, tls: ssl.SSLContext) -> None:
        """Shake hands, which has the time of headers."""
        try:
            secured = await self.loop.start_tls(
                transport, self, tls, server_side=True, ssl_handshake_timeout=self.header_seconds
            )
        except OSError:  # no TLS, too late, or hung up
            secured = None
        self._handshake = None
        if secured is None:
            self.connections.discard(self)
            return
        super().connection_made(self._gathered(secured))
        self._wait()
        if self._early:
            self.data_received(self._early)

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait for the rest."""
        if self._handshake is not None:
            self._early += data
            return
        super().data_received(data)
        self._wait()

    def on_response_complete(self) -> None:
        """Begin with what came of the next request meanwhile."""
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        """Set the deadline of what the caller sends next; that of headers is not moved by more of them."""
        state = self.conn.their_state
        begun = self.conn.trailing_data[0] != b"" or self.scope is None
        waits_for = "body" if state is h11.SEND_BODY else "headers" if state is h11.IDLE and begun else None
        if waits_for == "headers" == self._waits_for:
            return
        self._stop_waiting()
        self._waits_for = waits_for
        if waits_for is not None:
            seconds = self.header_seconds if waits_for == "headers" else self.body_idle_seconds
            self._deadline = self.loop.call_later(seconds, self._hang_up)

    def _stop_waiting(self) -> None:
        self._waits_for = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _hang_up(self) -> None:
        if self._waits_for == "body" and self.flow.read_paused:
            self._waits_for = None
            self._wait()  # it is we who do not read
        elif not self.transport.is_closing():
            self.transport.abort()


class UnreadBodyMiddleware:
    """Middleware that reads the rest of a request's body before the answer begins.

    A proxy written in Go (Caddy, Traefik) cuts an answer short that comes while it still sends the body: the 401 with
    which a client's sign-in begins, for example. A caller who waits for `100 Continue`, sends more than the largest
    request, or takes longer than `seconds` is answered before.
    """

    def __init__(self, app: ASGIApp, seconds: float = HEADER_SECONDS) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or "expect" in Headers(scope=scope):
            await self._app(scope, receive, send)
            return
        unread = MAX_BODY_BYTES

        async def receive_part() -> Message:
            nonlocal unread
            message = await receive()
            unread = unread - len(message.get("body", b"")) if message.get("more_body") else 0
            return message

        async def send_after_body(message: Message) -> None:
            nonlocal unread
            with anyio.move_on_after(self._seconds):
                while unread > 0:
                    await receive_part()
            unread = 0
            await send(message)

        await self._app(scope, receive_part, send_after_body)


class AcceptErrorLog:
    """Handles errors of an event loop: that no connection can be accepted is logged once a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told = float("-inf")

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Handle an error of the event loop; see `asyncio.AbstractEventLoop.set_exception_handler`."""
        error = context.get("exception")
        if isinstance(error, ValueError) and "_start_serving" in context["message"]:
            return  # the listener was closed within the second in which asyncio leaves it alone
        if "socket" not in context or not isinstance(error, OSError):
            loop.default_exception_handler(context)
        elif self._clock() - self._told >= _TELL_SECONDS:
            self._told = self._clock()
            reason = DescriptorsExhausted("a connection") if no_descriptors_left(error) else error.strerror
            structlog.get_logger(__name__).error("connections_not_accepted", reason=str(reason))
