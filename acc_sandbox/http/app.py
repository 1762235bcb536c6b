"""The first port: from an HTTP request to an operation's answer, and every refusal in the right shape."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response as HttpResponse
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from acc_sandbox.admin import api as control
from acc_sandbox.admin import control_pages, pages, rendering
from acc_sandbox.data_management import folders, hubs, versions
from acc_sandbox.http import openapi
from acc_sandbox.http.errors import (
    RefusedError,
    Service,
    api_not_granted,
    error_body,
    missing_scope,
    not_allowed,
    unauthorized,
)
from acc_sandbox.http.operation import ApiOperation, BearerToken, FileBody, HtmlBody, RequestContext, Response
from acc_sandbox.http.rate_limits import RateLimits
from acc_sandbox.http.router import OperationRouter, service_of
from acc_sandbox.http.validation import QueryParameters
from acc_sandbox.oauth import authorize, discovery, service_accounts
from acc_sandbox.oauth import token_endpoint as oauth
from acc_sandbox.object_storage import objects, uploads
from acc_sandbox.object_storage.storage_app import STORAGE_OPERATIONS
from acc_sandbox.seed.bulk import create_bulk_items
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.submittals import attachments, item_writes, items, lookups, members, reviews, steps, transitions
from acc_sandbox.submittals import project_settings as settings
from acc_sandbox.submittals.permitted_actions import reference_form
from acc_sandbox.submittals.processing import run_due

_BLOCK = 256 * 1024
LARGEST_BODY = 4 * 1024 * 1024
"""No JSON or form of these services comes near it."""

OPERATIONS: tuple[ApiOperation, ...] = (
    *items.OPERATIONS,
    *item_writes.OPERATIONS,
    *transitions.OPERATIONS,
    *attachments.OPERATIONS,
    *steps.OPERATIONS,
    *reviews.OPERATIONS,
    *lookups.OPERATIONS,
    *settings.OPERATIONS,
    *objects.OPERATIONS,
    *uploads.OPERATIONS,
    *hubs.OPERATIONS,
    *members.OPERATIONS,
    *folders.OPERATIONS,
    *versions.OPERATIONS,
    *authorize.OPERATIONS,
    *oauth.OPERATIONS,
    *discovery.OPERATIONS,
    *service_accounts.OPERATIONS,
    *pages.OPERATIONS,
    *rendering.OPERATIONS,
    *control_pages.OPERATIONS,
    *control.OPERATIONS,
)
"""Everything that the first port answers, but for their description."""


OPERATION_NAMES = frozenset(
    [one.name for one in OPERATIONS if one.service not in ("page", "control")] + list(STORAGE_OPERATIONS)
)
"""What a fault may strike."""


_APIS: Final = {"submittals": "construction_cloud", "dm": "data_management", "oss": "data_management"}
"""Which API, as the pages of APS call them, a service belongs to; signing in belongs to none."""


_PRINTED_OTHERWISE = ("attachments.", "steps.", "tasks.", "users.me")
"""Operations whose reference pages show `permittedActions` in other shapes than the tutorials."""


class ApiApplication:
    """The ASGI application of the API port."""

    def __init__(self, sandbox: SandboxState, limits: RateLimits) -> None:
        self._sandbox = sandbox
        sandbox.faults.operations = OPERATION_NAMES
        sandbox.on_reset.append(limits.clear)
        self._limits = limits
        self._router = OperationRouter([*OPERATIONS, openapi.operation(OPERATIONS)])

    def operation_name(self, scope: Scope) -> str:
        """Name of a request in the request log and the fault plan."""
        try:
            return self._match(scope)[0].name
        except RefusedError:
            return "unknown"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        service: Service = service_of(_raw_path(scope))
        try:
            operation, path = self._match(scope)
            service = operation.service
            answer = await self._answer(request, operation, path)
        except RefusedError as refused:
            body = error_body(service, refused, self._sandbox.switches)
            answer = Response(HtmlBody(body) if isinstance(body, str) else body, refused.status, refused.headers)
        except ClientDisconnect:
            return
        await _response(answer)(scope, receive, send)

    async def _answer(self, request: Request, operation: ApiOperation, path: dict[str, str]) -> Response:
        sandbox = self._sandbox
        sandbox.controls.require_host(request.headers)
        if operation.service in ("submittals", "page"):
            create_bulk_items(sandbox)
        run_due(sandbox)
        now = sandbox.clock.now()
        if operation.access == "control":
            sandbox.controls.require(request.headers)
        bearer = self._identified(request, operation)
        self._limits.count(operation, bearer, now)
        if sandbox.switches.app_apis not in ("all", _APIS.get(operation.service, sandbox.switches.app_apis)):
            raise api_not_granted()
        if bearer is not None and not bearer.scopes.issuperset(operation.scopes):
            raise missing_scope()
        call = RequestContext(
            sandbox=sandbox,
            path=path,
            query=QueryParameters(request.scope["query_string"].decode("latin-1")),
            headers=dict(request.headers),
            content=await _content(request),
            base_url=f"{request.url.scheme}://{request.headers.get('host') or sandbox.origin.partition('://')[2]}",
            storage_url=sandbox.storage_url(request.headers.get("host")),
            url_path=_raw_path(request.scope),
            now=now,
            bearer=bearer,
            count=lambda name, limit: self._limits.count_use(name, limit, now),
        )
        if operation.access == "person":
            call.require_person()
        if operation.service not in ("page", "control"):
            _check_query(call, operation)
            _check_no_body(call, operation)
        with sandbox.store.transaction():
            answer = operation.handler(call)
        if isinstance(answer, Awaitable):
            return await answer
        if operation.name.startswith(_PRINTED_OTHERWISE) and sandbox.switches.permitted_actions == "reference":
            return replace(answer, body=reference_form(answer.body))
        return answer

    def _match(self, scope: Scope) -> tuple[ApiOperation, dict[str, str]]:
        """The operation of a request, looked up once: the request log asks for its name first."""
        state = scope["state"]
        if "match" not in state:
            state["match"] = self._router.match(scope["method"], _raw_path(scope), self._sandbox.switches)
        match: tuple[ApiOperation, dict[str, str]] = state["match"]
        return match

    def _identified(self, request: Request, operation: ApiOperation) -> BearerToken | None:
        """Claims of the token of a request, where the operation asks for one; its person is put into the log."""
        if operation.name == "auth.token" and request.scope["state"].get("expired"):
            raise RefusedError(400, "The refresh token is invalid or expired.", code="invalid_grant")
        if operation.access not in ("token", "person"):
            return None
        bearer = self._bearer(request)
        if bearer.person is not None:
            request.scope["state"]["request"].person = bearer.person.key
        return bearer

    def _bearer(self, request: Request) -> BearerToken:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        usable = scheme.lower() == "bearer" and not request.scope["state"].get("expired")
        claims = self._sandbox.tokens.read(token, self._sandbox.clock.now()) if usable else None
        if claims is None or not _is_access_token(claims) or self._revoked(claims["jti"]):
            raise unauthorized()
        person = self._sandbox.people.by_id(claims.get("userid", ""))
        return BearerToken(claims["jti"], claims["client_id"], frozenset(claims["scope"]), person)

    def _revoked(self, token_id: str) -> bool:
        return self._sandbox.store.row("SELECT id FROM revoked_tokens WHERE id = ?", token_id) is not None


def _check_query(call: RequestContext, operation: ApiOperation) -> None:
    """400 for a query parameter that the operation does not name, or that comes twice, unless the switch ignores it."""
    if call.sandbox.switches.unknown_query == "ignore":
        return
    seen = set()
    for name, _ in call.query.pairs:
        known = re.sub(r"(?<=\])-\w+$", "", name) if operation.comparisons else name
        if known not in operation.query or name in seen:
            raise not_allowed(name)
        seen.add(name)


def _check_no_body(call: RequestContext, operation: ApiOperation) -> None:
    """400 for a body where the operation has none, unless the switch ignores what is not named."""
    form = operation.method == "POST" and operation.access == "anybody"
    if call.content and operation.fields is None and not form and call.sandbox.switches.unknown_fields == "refuse":
        raise RefusedError(400, "This request has no body")


def _is_access_token(claims: dict[str, Any]) -> bool:
    """An id token is signed with the same key, and opens nothing."""
    return {"jti", "client_id", "scope"} <= claims.keys()


async def _content(request: Request) -> bytes:
    content = bytearray()
    async for block in request.stream():
        content += block
        if len(content) > LARGEST_BODY:
            raise RefusedError(413, "The request body is too large", headers={"Connection": "close"})
    return bytes(content)


def _raw_path(scope: Scope) -> str:
    raw: bytes = scope["raw_path"]
    return raw.decode("latin-1")


def _response(answer: Response) -> HttpResponse:
    headers = dict(answer.headers)
    if answer.body is None:
        return HttpResponse(b"", answer.status, headers)
    if isinstance(answer.body, HtmlBody):
        return HttpResponse(str(answer.body), answer.status, headers, media_type="text/html")
    if isinstance(answer.body, FileBody):
        return StreamingResponse(_blocks(answer.body.paths), answer.status, headers)
    # Four times as fast as json, and imported by the first answer: a start waits for nothing that it may not need.
    from pydantic_core import PydanticSerializationError, to_json

    try:
        content = to_json(answer.body)
    except PydanticSerializationError:
        # A lone surrogate, which UTF-8 cannot carry.
        content = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return HttpResponse(content, answer.status, headers, media_type="application/json")


def _blocks(paths: Iterable[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
