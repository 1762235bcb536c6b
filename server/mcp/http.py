"""Streamable HTTP server at `/mcp`, for clients on this machine.

    ListenError        the address is not this machine's own, or is taken

Every request meets the same guards, in this order: Host and Origin (a web page must not reach us through DNS
rebinding), then the bearer secret. Only `/healthz` is answered without the secret.
"""

import asyncio
import hmac
import re
import signal
import socket
import ssl
import sys
from collections.abc import Collection, Sequence
from types import FrameType
from typing import Any, Final

import uvicorn
from mcp.server import Server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from acc.hosts import is_loopback
from persistence.errors import check_descriptors
from server.mcp.http_connections import (
    KEEP_ALIVE_SECONDS,
    MAX_BODY_BYTES,
    AcceptErrorLog,
    BoundedHttpProtocol,
    DrainingServer,
    PausingListener,
    UnreadBodyMiddleware,
    connection_limit,
)
from server.mcp.session_limit import MAX_SESSIONS, SPARE_SESSIONS, SessionLimitMiddleware
from server.shutdown import HTTP_SECONDS, force_exit_after

PATH: Final = "/mcp"
HEALTH_PATH: Final = "/healthz"

_AUTHORITY: Final = re.compile(r"(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_LAST_PORT: Final = 65535
_GRACE_SECONDS: Final = 2
"""Grace period for responses in progress at shutdown."""


_EXPECTED: Final = (
    "Send the header `Authorization: Bearer SECRET` with every request; SECRET is SUBMITTAL_MCP_HTTP_SECRET, or what "
    "the server printed at its start."
)
_ANY_METHOD: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class ListenError(Exception):
    """The server cannot listen at its address; the text says why, and what to do."""


def http_app(server: Server[Any], *, host: str, secret: str | None) -> ASGIApp:
    """Return the ASGI application that serves `server`, guarded.

    Args:
        server: What is served.
        host: The loopback name or address that is listened on; callers may use it or `localhost` in URLs.
        secret: What callers send as `Authorization: Bearer …`. None lets everyone on this machine in, which is for a
            sandbox only: there is nothing to protect.
    """
    routes = [Route(HEALTH_PATH, _health, methods=["GET"])]
    routes += [Route(path, _no_oauth, methods=_ANY_METHOD) for path in ("/.well-known/{rest:path}", "/register")]
    app = mcp_app(server, routes)
    guarded = app if secret is None else BearerGuard(app, secret)
    return RebindingGuard(guarded, {"127.0.0.1", "localhost", "[::1]", _in_url(host).lower()})


def mcp_app(server: Server[Any], routes: Sequence[Route]) -> ASGIApp:
    """Return the application that serves `server` at `/mcp`, and `routes` beside it.

    Its guard has looked at Host and Origin. No path is answered with a redirect.
    """
    # json_response would drop progress notifications, and calls would not end with their connection.
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=False,
        max_request_body_size=MAX_BODY_BYTES,
        max_sessions=MAX_SESSIONS + SPARE_SESSIONS,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        custom_starlette_routes=list(routes),
    )
    app.router.redirect_slashes = False
    return SessionLimitMiddleware(app)


async def _health(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok\n")


async def _no_oauth(_request: Request) -> JSONResponse:
    # A client that reads no JSON there takes the server for a broken one, and never sends its header.
    return _problem(404, "not_found", f"This server has no OAuth. {_EXPECTED}")


def _problem(status: int, code: str, description: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": code, "error_description": description}, status, headers)


class RebindingGuard:
    """Refuses a Host (421) or an Origin (403) that is not this machine's, on every path.

    Both are parsed: the SDK compares how they begin, and covers `/mcp` alone. `names` are hosts in lower case.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and (refusal := self._refusal(Headers(scope=scope))) is not None:
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, headers: Headers) -> Response | None:
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return PlainTextResponse("Invalid Host header", status_code=421)
        for origin in origins:
            if not (origin.startswith("http://") and self._is_ours(origin.removeprefix("http://"))):
                return PlainTextResponse("Invalid Origin header", status_code=403)
        return None

    def _is_ours(self, authority: str) -> bool:
        found = _AUTHORITY.fullmatch(authority.lower())
        return found is not None and found["host"] in self._names and int(found["port"] or 0) <= _LAST_PORT


class BearerGuard:
    """Answers 401 to a request without the secret, and says which header is expected, not what was wrong with it.

    `/healthz` and the paths at which clients look for OAuth are open.
    """

    def __init__(self, app: ASGIApp, secret: str) -> None:
        self._app = app
        self._secret = secret.encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan" or _is_open(scope["path"]) or self._admits(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        refusal = _problem(401, "unauthorized", _EXPECTED, {"WWW-Authenticate": "Bearer"})
        await refusal(scope, receive, send)

    def _admits(self, headers: Headers) -> bool:
        given = headers.getlist("authorization")
        if len(given) != 1:
            return False
        scheme, _, secret = given[0].partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(secret.strip().encode("latin-1"), self._secret)


def _is_open(path: str) -> bool:
    return path in (HEALTH_PATH, "/register") or path.startswith("/.well-known/")


def serve_http(server: Server[Any], *, host: str, port: int, secret: str | None, announce_secret: bool = False) -> None:
    """Serve until SIGTERM or Ctrl-C, after saying on stderr where; with `announce_secret` also what callers send.

    Raises:
        ListenError: `host` is not this machine's own, or the port is taken.
    """
    listener = listen(host, port)
    address = f"http://{_in_url(host)}:{listener.getsockname()[1]}{PATH}"
    lines = [f"submittal-mcp listens on {address}"]
    if announce_secret and secret:
        # Straight to the terminal and once: log lines are kept and shipped elsewhere.
        lines.append(f"Callers send this header: Authorization: Bearer {secret}")
    run_app(http_app(server, host=host, secret=secret), listener, lines)


def uvicorn_config(app: ASGIApp) -> uvicorn.Config:
    """Return how uvicorn serves `app`, with bounded connections and whole answers behind a proxy."""
    return uvicorn.Config(
        UnreadBodyMiddleware(app),
        http=BoundedHttpProtocol,
        ws="none",
        lifespan="on",
        log_config=None,  # uvicorn's lines go through our pipeline,
        log_level="error",  # that it starts and stops is said by ours, and strangers' nonsense would fill a disk
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


def run_app(
    app: ASGIApp, listener: socket.socket, announcement: Sequence[str], *, tls: ssl.SSLContext | None = None
) -> None:
    """Serve `app` until SIGTERM or Ctrl-C, after the `announcement` on stderr; with `tls` over TLS."""
    BoundedHttpProtocol.tls = tls
    with listener:
        _HttpServer(uvicorn_config(app), announcement).run(sockets=[listener])


class _HttpServer(DrainingServer):
    """Server, which says where it listens once it does, and leaves the end of the process to its caller."""

    def __init__(self, config: uvicorn.Config, announcement: Sequence[str]) -> None:
        super().__init__(config)
        self._announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        BoundedHttpProtocol.most = connection_limit()
        asyncio.get_running_loop().set_exception_handler(AcceptErrorLog())
        await super().startup(sockets)
        if self.started:
            sys.stderr.write("".join(f"{line}\n" for line in self._announcement))
            sys.stderr.flush()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        # uvicorn's own raises the signal again at the end, which would skip our caller's cleanup.
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
        force_exit_after(HTTP_SECONDS)


def listen(host: str, port: int, *, beyond_loopback: bool = False) -> socket.socket:
    """Return a socket that listens.

    Raises:
        ListenError: The port is taken, or the address is not this machine's own though it must be.
        DescriptorsExhausted: This process has no descriptor left to listen with.
    """
    if not (beyond_loopback or is_loopback(host)):
        raise ListenError(
            f"--http serves one person on this machine: {host!r} would open it to others. Use --host 127.0.0.1 and an "
            "SSH tunnel from elsewhere, or --team, where everybody signs in."
        )
    try:
        family, _, _, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        opened = socket.create_server(address[:2], family=family)
        listener = PausingListener(opened.family, opened.type, opened.proto, opened.detach())
        # asyncio sets this on sockets it makes itself; without it every answer waits some 40 ms for the client's ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        check_descriptors(error, f"port {port}", may_hide=isinstance(error, socket.gaierror))
        raise ListenError(f"Cannot listen on {host} port {port}: {error.strerror}. Choose another --port.") from error


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
