"""Middleware of the team server, before any route: Host, exact path, CORS, limits by address."""

import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.issuer.errors import TooManyRequests
from auth.issuer.metadata import CALLBACK_PATH, MCP_PATH, RESOURCE_PATHS, SERVER_PATHS
from auth.issuer.pages import PageRenderer
from auth.issuer.routes import too_many_requests
from server.team.options import TeamOptions
from server.team.request_limits import CallerAddress, SharedQuota
from tools.core.request_quota import QuotaLimit

HEALTH_PATHS: Final = frozenset({"/healthz", "/readyz"})

_BROWSER_PATHS: Final = frozenset({"/authorize", "/consent", CALLBACK_PATH, "/connect", "/account"})
_CROSS_ORIGIN: Final = frozenset({MCP_PATH, "/token", "/register", "/revoke", *RESOURCE_PATHS, *SERVER_PATHS})
_ALLOWED_HEADERS: Final = (
    "authorization, content-type, accept, mcp-session-id, mcp-protocol-version, mcp-method, mcp-name, last-event-id, "
    "traceparent, tracestate"
)
_EXPOSED_HEADERS: Final = "Mcp-Session-Id, WWW-Authenticate, Retry-After"
_PARAM_PREFIX: Final = "mcp-param-"


class PublicHostMiddleware:
    """Serves the public URL's host alone, so that no page reaches the server under another name (DNS rebinding).

    The Host header is compared and never used: every address that the server gives out starts with the public URL.
    Probes of the machine's own watchers need no host.
    """

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        self._app = app
        self._refusal = (
            f"Misdirected request: this server answers at {public_url} alone.\n"
            "If that is how it was called, the proxy in between has to pass the Host header on as it came.\n"
        )
        parts = urlsplit(public_url)
        default = {"https": 443, "http": 80}[parts.scheme]
        name = parts.netloc.lower()
        self._hosts = {name, f"{name}:{default}"} if parts.port is None else {name}
        if parts.port == default:
            self._hosts.add(name.removesuffix(f":{default}"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or answer 421."""
        if scope["type"] == "http":
            hosts = Headers(scope=scope).getlist("host")
            if scope["path"] not in HEALTH_PATHS and not (len(hosts) == 1 and hosts[0].lower() in self._hosts):
                await PlainTextResponse(self._refusal, 421)(scope, receive, send)
                return
            if scope["path"] == f"{MCP_PATH}/":
                # Not a redirect: behind a proxy it would lead to http, and clients drop their token on the way.
                scope = {**scope, "path": MCP_PATH, "raw_path": MCP_PATH.encode()}
            with structlog.contextvars.bound_contextvars(request=uuid.uuid4().hex[:12]):
                await self._app(scope, receive, send)
            return
        await self._app(scope, receive, send)


class CrossOriginMiddleware:
    """Lets web pages of the allowed `origins` call what a bearer token guards; no cookie is ever accepted there."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or answer a preflight."""
        if scope["type"] != "http" or scope["path"] not in _CROSS_ORIGIN:
            await self._app(scope, receive, send)
            return
        origin = Headers(scope=scope).get("origin")
        if "*" in self._origins:
            allowed = "*"
        elif origin is None or origin in self._origins:
            allowed = origin or ""
        else:
            await PlainTextResponse("Forbidden origin\n", 403)(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            await _preflight(Headers(scope=scope), allowed)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if allowed != "*":
                    headers.add_vary_header("Origin")  # or a cache gives one page the permission of another
                if allowed:
                    headers["Access-Control-Allow-Origin"] = allowed
                headers["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS
                if headers.get("content-type", "").startswith("text/event-stream"):
                    headers["X-Accel-Buffering"] = "no"
            await send(message)

        await self._app(scope, receive, send_with_headers)


class AddressLimitMiddleware:
    """Limits requests of one network address to the public routes."""

    def __init__(
        self,
        app: ASGIApp,
        options: TeamOptions,
        address_of: CallerAddress,
        quota: Callable[[str, QuotaLimit], SharedQuota],
        public_url: str,
    ) -> None:
        self._app = app
        self._address_of = address_of
        self._pages = PageRenderer(public_url)
        authorize = quota("authorize", QuotaLimit(options.authorize_per_minute))
        token = quota("token", QuotaLimit(options.token_per_minute))
        self._quotas: Mapping[str, SharedQuota] = {
            **dict.fromkeys(_BROWSER_PATHS, authorize),
            "/token": token,
            "/revoke": token,
            "/register": quota("register", QuotaLimit(options.register_per_hour, 3600.0)),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or answer 429."""
        quota = self._quotas.get(scope["path"]) if scope["type"] == "http" else None
        if quota is not None:
            wait = await quota.take(self._address_of.of(Request(scope)))
            if wait > 0:
                structlog.get_logger(__name__).info("request_limited", path=scope["path"], seconds=math.ceil(wait))
                refusal = self._pages.too_many_requests if scope["path"] in _BROWSER_PATHS else too_many_requests
                await refusal(TooManyRequests(wait))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _preflight(headers: Headers, origin: str) -> Response:
    asked = [name.strip().lower() for name in headers.get("access-control-request-headers", "").split(",")]
    extra = [name for name in asked if name.startswith(_PARAM_PREFIX) and name.replace("-", "").isalnum()]
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
            "Access-Control-Allow-Headers": ", ".join([_ALLOWED_HEADERS, *extra[:20]]),
            "Access-Control-Max-Age": "600",
            "Vary": "Origin, Access-Control-Request-Headers",
        },
    )
