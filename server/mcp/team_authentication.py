"""Bearer authentication: token, scope and limits of each request; ends a grant's streams when it is revoked."""

import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, Final

import anyio
import structlog
from mcp.server.auth.middleware.auth_context import auth_context_var, get_access_token
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from pydantic_core import from_json
from starlette.authentication import AuthCredentials
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.issuer.errors import TooManyRequests
from auth.issuer.metadata import MCP_PATH, RESOURCE_PATHS
from auth.issuer.routes import too_many_requests
from auth.issuer.scopes import DEFAULT, implied, in_order
from auth.issuer.tokens import VerifiedToken
from persistence.errors import StorageProblem
from server.mcp.session_limit import SessionChange, session_change
from server.team.request_limits import SharedQuota
from server.team.required_scopes import required_scope

VerifyToken = Callable[[str], Awaitable[VerifiedToken | None]]

RETRY_SECONDS: Final = 5
_COUNTED: Final = ("tools/call", "resources/read")
"""Requests that call a tool."""
_SESSION_IDLE_SECONDS: Final = 1800.0
"""As long as the SDK keeps an idle session."""


def current_subject() -> str | None:
    """Return the subject of the request that is being answered; None outside of a team server."""
    token = get_access_token()
    return token.subject if token is not None else None


class OpenStreams:
    """Requests under way, by grant, so that revoking ends them."""

    def __init__(self) -> None:
        self._scopes: dict[str, set[anyio.CancelScope]] = defaultdict(set)

    @property
    def grants(self) -> Collection[str]:
        """The grants with requests under way."""
        return tuple(self._scopes)

    def count(self, grant_id: str) -> int:
        """Number of a grant's requests in progress."""
        return len(self._scopes.get(grant_id, ()))

    def add(self, grant_id: str, scope: anyio.CancelScope) -> None:
        """Note a request."""
        self._scopes[grant_id].add(scope)

    def discard(self, grant_id: str, scope: anyio.CancelScope) -> None:
        """Forget a request."""
        self._scopes[grant_id].discard(scope)
        if not self._scopes[grant_id]:
            del self._scopes[grant_id]

    def end(self, grant_id: str) -> None:
        """End the requests of a grant."""
        for scope in tuple(self._scopes.get(grant_id, ())):
            scope.cancel()


class LegacySessions:
    """Sessions of the older protocol by person, as far as their answers showed them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._used: dict[str, dict[bytes, float]] = defaultdict(dict)

    def wait_to_open(self, subject: str) -> float:
        """Return 0 where a person may open another one, or the seconds after which an idle one is over."""
        now = time.monotonic()
        live = {id_: used for id_, used in self._used[subject].items() if now - used < _SESSION_IDLE_SECONDS}
        self._used[subject] = live
        return 0.0 if len(live) < self._most else min(live.values()) + _SESSION_IDLE_SECONDS - now

    def note(self, subject: str, change: SessionChange, id_: bytes) -> None:
        """Note what an answer to a person says of a session."""
        live = self._used[subject]
        if change == "ended":
            live.pop(id_, None)
        elif change == "opened" or id_ in live:
            live[id_] = time.monotonic()


class BearerMiddleware:
    """Lets requests to `/mcp` in that carry a good token of ours, and tells the SDK whose it is.

    401 without a good token; 403 `insufficient_scope` with all scopes that a client should ask for; 429 past a limit;
    503 where the database is away: a 401 would make clients throw their tokens away.
    """

    def __init__(
        self,
        app: ASGIApp,
        verify: VerifyToken,
        *,
        public_url: str,
        offered: Collection[str],
        streams: OpenStreams,
        sessions: LegacySessions,
        calls: SharedQuota,
        writes: SharedQuota,
        at_once: int,
        max_body_bytes: int,
        holding: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._app = app
        self._verify = verify
        self._public_url = public_url
        self._offered = offered
        self._challenge = [scope for scope in DEFAULT if scope in offered]
        self._streams = streams
        self._sessions = sessions
        self._calls = calls
        self._writes = writes
        self._at_once = at_once
        self._max_body_bytes = max_body_bytes
        self._holding = holding

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] != MCP_PATH:
            await self._app(scope, receive, send)
            return
        token = _bearer_token(Headers(scope=scope))
        try:
            verified = await self._verify(token) if token is not None else None
        except StorageProblem as problem:
            structlog.get_logger(__name__).warning("token_not_verified", problem=str(problem))
            await _away()(scope, receive, send)
            return
        if verified is None:
            await self._refusal(401, "invalid_token" if token is not None else None, self._challenge)(
                scope, receive, send
            )
            return
        await self._admitted(scope, receive, send, verified, token or "")

    async def _admitted(self, scope: Scope, receive: Receive, send: Send, verified: VerifiedToken, token: str) -> None:
        message: object = None
        if scope["method"] == "POST":
            body = await _read(receive, self._max_body_bytes)
            if body is None:
                await Response("Request body too large\n", 413)(scope, receive, send)
                return
            message, receive = _parsed(body), _replayed(body, receive)
        refusal = await self._check(verified, message, Headers(scope=scope))
        if refusal is not None:
            structlog.get_logger(__name__).info(
                "call_refused", status=refusal.status_code, person=verified.subject, grant=verified.grant_id
            )
            await refusal(scope, receive, send)
            return
        user = AuthenticatedUser(_access_token(verified, token, self._public_url))
        scope = {**scope, "user": user, "auth": AuthCredentials(list(verified.scopes))}
        context = auth_context_var.set(user)
        fields = {"person": verified.subject, "client": verified.client_name, "grant": verified.grant_id}
        try:
            with structlog.contextvars.bound_contextvars(**fields), self._holding(verified.subject):
                await self._serve(scope, receive, send, verified)
        finally:
            auth_context_var.reset(context)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, verified: VerifiedToken) -> None:
        started = finished = False

        async def watched(message: Message) -> None:
            nonlocal started, finished
            if message["type"] == "http.response.start":
                started = True
                if change := session_change(scope, message):
                    self._sessions.note(verified.subject, *change)
            elif not message.get("more_body", False):
                finished = True
            await send(message)

        with anyio.CancelScope() as ends:
            self._streams.add(verified.grant_id, ends)
            try:
                await self._app(scope, receive, watched)
            finally:
                self._streams.discard(verified.grant_id, ends)
        if ends.cancelled_caught and not finished:
            if started:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                await self._refusal(401, "invalid_token", self._challenge)(scope, receive, send)

    async def _check(self, verified: VerifiedToken, message: object, headers: Headers) -> Response | None:
        messages = message if isinstance(message, list) else [message]
        # A scope that the server never grants is not asked for, or clients would ask again and again: the tools refuse.
        needed = {scope for scope in map(required_scope, messages) if scope is not None and scope in self._offered}
        held = implied(verified.scopes)
        if not needed <= held:
            return self._refusal(403, "insufficient_scope", in_order(held | needed | implied(needed)))
        if self._streams.count(verified.grant_id) >= self._at_once:
            return too_many_requests(TooManyRequests(1))
        methods = [one.get("method") for one in messages if isinstance(one, Mapping)]
        if (
            "initialize" in methods
            and "mcp-session-id" not in headers
            and (wait := self._sessions.wait_to_open(verified.subject)) > 0
        ):
            return too_many_requests(TooManyRequests(wait))
        if not any(method in _COUNTED for method in methods):
            return None
        quotas = [self._calls, self._writes] if needed - {"submittals:read"} else [self._calls]
        wait = max([await quota.take(verified.subject) for quota in quotas])
        return too_many_requests(TooManyRequests(wait)) if wait > 0 else None

    def _refusal(self, status: int, error: str | None, scopes: Sequence[str]) -> Response:
        parts = {"resource_metadata": f"{self._public_url}{RESOURCE_PATHS[1]}", "scope": " ".join(scopes)}
        if error is not None:
            parts = {"error": error, **parts}
        challenge = "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parts.items())
        description = {
            401: "A token of this server is needed; an MCP client that is given this address gets one by itself.",
            403: "The person has not allowed this yet; ask for the scopes that the challenge names.",
        }[status]
        content = {"error": error or "unauthorized", "error_description": description}
        return JSONResponse(content, status, {"WWW-Authenticate": challenge, "Cache-Control": "no-store"})


def _access_token(verified: VerifiedToken, token: str, public_url: str) -> AccessToken:
    """Return the token as the SDK binds sessions and request state to it: client, issuer and subject."""
    return AccessToken(
        token=token,
        client_id=verified.client_id,
        scopes=list(verified.scopes),
        expires_at=int(verified.expires_at),
        resource=f"{public_url}{MCP_PATH}",
        subject=verified.subject,
        claims={"iss": public_url, "grant": verified.grant_id},
    )


def _bearer_token(headers: Headers) -> str | None:
    given = headers.getlist("authorization")
    scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _away() -> Response:
    content = {"error": "temporarily_unavailable", "error_description": "The server's database is away; try again."}
    return JSONResponse(content, 503, {"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"})


async def _read(receive: Receive, most: int) -> bytes | None:
    """Return a request's body; None when it is larger than allowed, or its sender went away."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    unread = [body]

    async def again() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return again


def _parsed(body: bytes) -> Any:
    """Read a body as the SDK does: by one parser in the stateless era, by another one before."""
    for parse in (json.loads, from_json):
        with suppress(ValueError, RecursionError):
            return parse(body)
    return None  # the SDK says what is wrong with it
