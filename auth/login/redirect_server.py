"""HTTP server for OAuth redirects on 127.0.0.1 and ::1, open while a login is pending.

Both addresses are taken, or none: `localhost` may mean either, and another program on the other one would be handed
the answer. HTTP comes from the standard library, in daemon threads: an authorization code is one short request.
"""

import errno
import io
import math
import re
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self
from urllib.parse import urlsplit

import structlog

from auth.login.pending_logins import PendingLogins
from auth.login.redirect_handler import COOKIE, LINK_PATH, PROOF_HEADER, BrowserRequest, RedirectHandler
from persistence.errors import DescriptorsExhausted, check_descriptors, no_descriptors_left

_READ_SECONDS: Final = 10.0
"""From the first byte of a connection to the end of its request, however it trickles."""

_MAX_CONNECTIONS: Final = 32
"""At both addresses; a browser opens six."""

_LAST_ANSWER_SECONDS: Final = 3.0
_PROBE_SECONDS: Final = 2.0
_PROBE_BYTES: Final = 8192
_PROOF: Final = re.compile(rf"^{PROOF_HEADER}:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)

_SCARCE: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""What accepting says where the process or the machine has nothing left for another connection."""

_PAUSE_SECONDS: Final = 0.5
"""Until a connection that could not be accepted is tried again: it waits on, so the socket is readable all the time."""

_LINE_BYTES: Final = 1024 * 1024
"""Of a line with cookies; a browser keeps 180 for a host, of 4 KiB each."""

_ABSENT: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)
"""What binding says where the machine has no IPv6, or no IPv4."""


class PortTaken(Exception):  # it names what was found
    """The callback's port is in use."""


class RedirectServer:
    """Answers at a callback URL from `open` to `close`."""

    def __init__(self, servers: list["_CallbackServer"], connections: "_Connections") -> None:
        self._servers = servers
        self._connections = connections

    @classmethod
    def open(cls, callback: RedirectHandler, read_seconds: float = _READ_SECONDS) -> Self:
        """Start to listen; a request has so many seconds to come.

        Raises:
            PortTaken: Another program, or another window of this one, listens there.
            DescriptorsExhausted: This process has no descriptor left to listen with.
        """
        port = urlsplit(callback.url).port or 0
        connections = _Connections(read_seconds)
        servers: list[_CallbackServer] = []
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            try:
                servers.append(_CallbackServer(family, (address, port), callback, connections))
            except OSError as error:
                if error.errno in _ABSENT:
                    continue
                for server in servers:
                    server.server_close()
                check_descriptors(error, f"the callback's port {port}")
                raise PortTaken from error
        if not servers:
            raise PortTaken
        for server in servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), name="sign-in", daemon=True).start()
        return cls(servers, connections)

    def close(self) -> None:
        """Stop listening, once the answers under way have been given."""
        self._connections.end()
        for server in self._servers:
            server.shutdown()
            server.server_close()


def is_our_listener(attempts: PendingLogins, callback_url: str, id_: str) -> bool:
    """Whether who listens at the callback's port is a window that shares our vault and knows the try `id_`.

    On each half of `localhost` that answers at all.
    """
    parts = urlsplit(callback_url)
    proven = []
    for address in ("127.0.0.1", "::1"):
        challenge = secrets.token_urlsafe(24)
        target = f"{LINK_PATH}{id_}/known?challenge={challenge}"
        request = f"GET {target} HTTP/1.0\r\nHost: {parts.netloc.lower()}\r\n\r\n"
        answer = _answer_of((address, parts.port or 0), request.encode("ascii"))
        if answer is not None:
            found = _PROOF.search(answer.decode("latin-1"))
            proven.append(found is not None and attempts.is_proof(found[1], id_, callback_url, challenge))
    return any(proven) and all(proven)


def _answer_of(address: tuple[str, int], request: bytes) -> bytes | None:
    """Return the head of what is answered at an address, within `_PROBE_SECONDS` in all; None where no one listens."""
    ends = time.monotonic() + _PROBE_SECONDS
    try:
        connection = socket.create_connection(address, _PROBE_SECONDS)
    except OSError:
        return None
    answer = b""
    with connection, suppress(OSError):
        connection.sendall(request)
        while b"\r\n\r\n" not in answer and len(answer) < _PROBE_BYTES and (left := ends - time.monotonic()) > 0:
            connection.settimeout(left)
            more = connection.recv(_PROBE_BYTES)
            if not more:
                break
            answer += more
    return answer


class _BrowserLines(io.BufferedReader):
    """Lines of a browser's request, without the cookies of other programs on this host, however many those are."""

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return a line of at most `size` bytes, once cookies that are not ours have gone from it."""
        line = super().readline(_LINE_BYTES)
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"cookie":
            ours = [one for one in value.split(b";") if one.strip().startswith(COOKIE.encode("ascii"))]
            line = b"Cookie:" + b";".join(ours).rstrip() + b"\r\n"
        return line if size is None or size < 0 else line[:size]


class _Connections:
    """Connections to both addresses: how many there are, when their requests must be there, which are answered."""

    def __init__(self, read_seconds: float) -> None:
        self._read_seconds = read_seconds
        self._changed = threading.Condition()
        self._answering = 0
        self._read_until: dict[socket.socket, float] = {}
        self._ended = threading.Event()
        self._told = threading.Lock()

    def add(self, connection: socket.socket) -> bool:
        """Count a connection; false where it is one too many."""
        if len(self._read_until) >= _MAX_CONNECTIONS:
            return False
        self._read_until[connection] = time.monotonic() + self._read_seconds
        return True

    def remove(self, connection: socket.socket) -> None:
        """Count a closed connection no longer."""
        self._read_until.pop(connection, None)

    def hang_up(self) -> None:
        """End what has not come in time."""
        now = time.monotonic()
        for connection, ends in self._read_until.copy().items():
            if ends < now:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def answering(self, connection: socket.socket) -> Iterator[None]:
        """Count an answer to a request that has come: the program must not end while a page is being sent."""
        self._read_until[connection] = math.inf
        with self._changed:
            self._answering += 1
        try:
            yield
        finally:
            with self._changed:
                self._answering -= 1
                self._changed.notify_all()

    def pause(self, error: OSError) -> None:
        """Wait after a connection that could not be accepted; the first one is logged."""
        if self._told.acquire(blocking=False):
            reason = DescriptorsExhausted("a connection") if no_descriptors_left(error) else error.strerror
            structlog.get_logger(__name__).error("connections_not_accepted", reason=str(reason))
        self._ended.wait(_PAUSE_SECONDS)

    def end(self) -> None:
        """Return once the answers under way have been given, or took too long; no pause lasts any longer."""
        ends = time.monotonic() + _LAST_ANSWER_SECONDS
        with self._changed:
            while self._answering and (left := ends - time.monotonic()) > 0:
                self._changed.wait(left)
        self._ended.set()


class _CallbackServer(ThreadingHTTPServer):
    """Listener at one address, with a thread for each connection."""

    daemon_threads = True
    request_queue_size = _MAX_CONNECTIONS

    def __init__(
        self,
        family: socket.AddressFamily,
        address: tuple[str, int],
        callback: RedirectHandler,
        connections: _Connections,
    ) -> None:
        self.address_family = family
        self.callback = callback
        self.connections = connections
        super().__init__(address, _RequestHandler)

    def server_bind(self) -> None:
        if sys.platform == "win32":
            # There, reusing an address would let another program take it away.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Not HTTPServer's, which looks the host's name up, and may wait for that.
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError as error:
            if error.errno in _SCARCE:
                self.connections.pause(error)
            raise  # which the loop of the base class takes for nothing to accept

    def process_request(self, request: Any, client_address: Any) -> None:
        if self.connections.add(request):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def service_actions(self) -> None:
        self.connections.hang_up()

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.connections.remove(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: what breaks here is a browser that went away, and a traceback holds its request."""


class _RequestHandler(BaseHTTPRequestHandler):
    """One connection, which is one request."""

    server: _CallbackServer
    timeout = _READ_SECONDS
    server_version = "submittal-mcp"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self.rfile = _BrowserLines(self.connection.makefile("rb", 0))

    def do_GET(self) -> None:
        with self.server.connections.answering(self.connection):
            # A program between browser and us may hand cookies on in several lines; two hosts are none of ours.
            headers = {name.lower(): "; ".join(self.headers.get_all(name, ())) for name in self.headers}
            answer = self.server.callback.answer(BrowserRequest(self.command, self.path, headers))
            body = answer.body.encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it
        """Say nothing: a request line holds the code."""
