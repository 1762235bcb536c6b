"""The control API, below /sandbox, by which a test in another language moves the sandbox.

Bodies are JSON; errors are `{"error": text}`. Who may use it stands in `controls`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from acc_sandbox.faults.plan import fault_json, parse_fault, set_switches
from acc_sandbox.faults.request_log import LoggedRequest
from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, Handler, RequestContext, Response
from acc_sandbox.http.schemas import (
    ANYTHING,
    COUNT,
    FLAG,
    STAMP,
    TEXT,
    URL,
    UUID,
    ObjectSchema,
    by_name,
    choice,
    maybe,
    several,
)
from acc_sandbox.http.validation import BodySchema, FieldValidator, filled_text, flag, identifier, nullable, read_json
from acc_sandbox.oauth.access_tokens import DEFAULT_SCOPES, scopes_of
from acc_sandbox.oauth.schemas import TOKEN
from acc_sandbox.seed.loader import DocumentError
from acc_sandbox.state.clock import stamp
from acc_sandbox.state.sandbox_state import PUBLIC_CLIENT_ID
from acc_sandbox.state.switches import describe
from acc_sandbox.submittals.item_writes import create_revision
from acc_sandbox.version import __version__

_MOST_REQUESTS = 200
_LONGEST_MOVE = 10 * 365 * 86_400
_LONGEST_LIFE = 365 * 86_400


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _LONGEST_MOVE:
        raise RefusedError(400, f'"{name}" must be a number of seconds from 0 to {_LONGEST_MOVE}')
    return float(value)


_SECONDS = FieldValidator(_seconds, {"type": "number", "minimum": 0, "maximum": _LONGEST_MOVE})
_MOVE = BodySchema({"move": _SECONDS}, ("move",))
_TOKEN = BodySchema({"person": filled_text, "scopes": filled_text, "expires_in": _SECONDS}, ("person",))
_INVITATION = BodySchema(
    {"email": filled_text, "project": filled_text, "manager": flag, "admin": flag}, ("email", "project")
)
_REVISION = BodySchema({"item": identifier}, ("item",))
_CALLBACK = BodySchema({"url": filled_text, "auto_approve": nullable(flag)})


def read_state(call: RequestContext) -> Response:
    """GET /sandbox/state: what there is, in one answer."""
    sandbox = call.sandbox
    projects = sandbox.store.rows("SELECT id, key, name, projectType FROM projects ORDER BY rowid")
    people = [
        {"key": one.key, "name": one.name, "email": one.email, "autodesk_id": one.autodesk_id, "role": one.role}
        for one in sandbox.people.people
    ]
    return Response(
        {
            "now": call.moment,
            "storage": call.storage_url,
            "callback_urls": sorted(sandbox.callback_urls),
            "auto_approve": sandbox.auto_approve,
            "people": people,
            "projects": projects,
            "faults": [fault_json(one) for one in sandbox.faults.all()],
            "switches": {one.name: one.value for one in describe(sandbox.switches)},
        }
    )


def read_health(call: RequestContext) -> Response:
    """GET /sandbox/health: that it answers, and which version it is; open to everybody."""
    del call
    return Response({"status": "ok", "version": __version__})


def reset(call: RequestContext) -> Response:
    """POST /sandbox/reset: back to the state of a new start."""
    call.sandbox.reset()
    return Response(status=204)


def move_clock(call: RequestContext) -> Response:
    """POST /sandbox/clock: let so many seconds pass."""
    call.sandbox.clock.move(_MOVE.read(call.content)["move"])
    return Response({"now": stamp(call.sandbox.clock.now())})


def change_switches(call: RequestContext) -> Response:
    """PATCH /sandbox/switches: an object of names and values, all or none."""
    body = read_json(call.content)
    if not isinstance(body, dict):
        raise RefusedError(400, "The request body must be a JSON object")
    try:
        set_switches(call.sandbox.switches, body)
    except DocumentError as error:
        raise RefusedError(400, str(error)) from None
    return Response({one.name: one.value for one in describe(call.sandbox.switches)})


def add_fault(call: RequestContext) -> Response:
    """POST /sandbox/faults: plan a fault, spelled as in a fault plan's file."""
    try:
        fault = call.sandbox.faults.add(parse_fault(read_json(call.content)))
    except DocumentError as error:
        raise RefusedError(400, str(error)) from None
    return Response(fault_json(fault), 201)


def clear_faults(call: RequestContext) -> Response:
    """DELETE /sandbox/faults: forget the plan, and release what is stalled."""
    call.sandbox.faults.clear()
    return Response(status=204)


def release_faults(call: RequestContext) -> Response:
    """POST /sandbox/faults/release: let every stalled request go on."""
    call.sandbox.faults.release()
    return Response(status=204)


def list_requests(call: RequestContext) -> Response:
    """GET /sandbox/requests: the newest ones, oldest first; `after` leaves out those up to a number."""
    after = call.query.number("after", 0, 0)
    found = call.sandbox.requests.after(after, call.query.number("limit", 50, 1, _MOST_REQUESTS))
    wanted = call.query.text("operation")
    return Response({"requests": [_request_json(one) for one in found if wanted in ("", one.operation)]})


def clear_requests(call: RequestContext) -> Response:
    """DELETE /sandbox/requests: clear the request log."""
    call.sandbox.requests.clear()
    return Response(status=204)


def make_token(call: RequestContext) -> Response:
    """POST /sandbox/token: an access token for a person, as if they had just signed in."""
    body = _TOKEN.read(call.content)
    person = call.sandbox.people.by_key(body["person"])
    scopes = scopes_of(body.get("scopes", DEFAULT_SCOPES))
    if person is None or not scopes:
        raise RefusedError(400, "There is no such person or scope")
    seconds = min(int(body.get("expires_in", 3599)), _LONGEST_LIFE)
    token = call.sandbox.tokens.access_token(
        now=call.now, client_id=PUBLIC_CLIENT_ID, scopes=scopes, seconds=seconds, autodesk_id=person.autodesk_id
    )
    return Response({"access_token": token, "token_type": "Bearer", "expires_in": seconds})


def make_invitation(call: RequestContext) -> Response:
    """POST /sandbox/invitations: put a person or service account into a project, named by key or id."""
    body = _INVITATION.read(call.content)
    named = body["project"]
    project = call.sandbox.store.row("SELECT id FROM projects WHERE id = ? OR key = ?", named.lower(), named)
    if project is None:
        raise RefusedError(404, "There is no such project")
    try:
        call.sandbox.people.invite(
            body["email"],
            str(project["id"]),
            call.moment,
            manager=body.get("manager", False),
            admin=body.get("admin", False),
        )
    except LookupError as error:
        raise RefusedError(404, str(error.args[0])) from None
    return Response(status=204)


def make_revision(call: RequestContext) -> Response:
    """POST /sandbox/revisions: the item's next revision, which ACC makes in its own pages only."""
    try:
        create_revision(call.sandbox, _REVISION.read(call.content)["item"])
    except LookupError as error:
        raise RefusedError(404, f"{error.args[0]}") from None
    return Response(status=204)


def change_callback(call: RequestContext) -> Response:
    """POST /sandbox/callbacks: register a redirect URI, or switch signing in without asking on or off."""
    body = _CALLBACK.read(call.content)
    if "url" in body:
        call.sandbox.callback_urls.add(body["url"])
    if body.get("auto_approve") is not None:
        call.sandbox.auto_approve = body["auto_approve"]
    return Response({"callback_urls": sorted(call.sandbox.callback_urls), "auto_approve": call.sandbox.auto_approve})


def list_operations(call: RequestContext) -> Response:
    """GET /sandbox/operations: the names that faults and the request log use."""
    return Response({"operations": sorted(call.sandbox.faults.operations)})


def _request_json(one: LoggedRequest) -> dict[str, Any]:
    names = ("number", "operation", "method", "path", "query", "moment", "status", "person", "notes", "body", "answer")
    return {name: getattr(one, name) for name in names}


def _control(
    name: str,
    method: Any,
    path: str,
    handler: Handler,
    answers: Mapping[int, Any],
    fields: BodySchema | None = None,
    query: tuple[str, ...] = (),
    access: Literal["anybody", "control"] = "control",
) -> ApiOperation:
    return ApiOperation(
        f"control.{name}",
        method,
        f"/sandbox/{path}",
        handler,
        "control",
        access=access,
        fields=fields,
        query=query,
        answers=answers,
    )


SWITCHES = by_name(ANYTHING)
FAULT = ObjectSchema(
    "Fault",
    {
        **dict.fromkeys(("operation", "effect"), TEXT),
        "nth": COUNT,
        "times": maybe(COUNT),
        "seen": COUNT,
        "status": COUNT,
        "body": ANYTHING,
        "headers": by_name(TEXT),
        "size": COUNT,
        "bytes_per_second": COUNT,
    },
    optional=("status", "body", "headers", "size", "bytes_per_second"),
)
_PERSON = ObjectSchema("Person", dict.fromkeys(("key", "name", "email", "autodesk_id", "role"), TEXT))
_PROJECT = ObjectSchema("Project", {"id": UUID, "key": TEXT, "name": TEXT, "projectType": choice("ACC", "BIM360")})
STATE = ObjectSchema(
    "State",
    {
        "now": STAMP,
        "storage": URL,
        "callback_urls": several(TEXT),
        "auto_approve": FLAG,
        "people": several(_PERSON),
        "projects": several(_PROJECT),
        "faults": several(FAULT),
        "switches": SWITCHES,
    },
)
CLOCK = ObjectSchema("Clock", {"now": STAMP})
_REQUEST = ObjectSchema(
    "LoggedRequest",
    {
        "number": COUNT,
        **dict.fromkeys(("operation", "method", "path", "query"), TEXT),
        "moment": STAMP,
        "status": maybe(COUNT),
        "person": maybe(TEXT),
        "notes": several(TEXT),
        **dict.fromkeys(("body", "answer"), TEXT),
    },
)
REQUESTS = ObjectSchema("LoggedRequests", {"requests": several(_REQUEST)})
CALLBACKS = ObjectSchema("Callbacks", {"callback_urls": several(TEXT), "auto_approve": FLAG})
HEALTH = ObjectSchema("Health", {"status": choice("ok"), "version": TEXT})
OPERATION_NAMES = ObjectSchema("OperationNames", {"operations": several(TEXT)})


_DONE: Mapping[int, None] = {204: None}
OPERATIONS = (
    _control("health", "GET", "health", read_health, {200: HEALTH}, access="anybody"),
    _control("state", "GET", "state", read_state, {200: STATE}),
    _control("reset", "POST", "reset", reset, _DONE),
    _control("operations", "GET", "operations", list_operations, {200: OPERATION_NAMES}),
    _control("clock", "POST", "clock", move_clock, {200: CLOCK}, _MOVE),
    _control("switches", "PATCH", "switches", change_switches, {200: SWITCHES}),
    _control("faults.add", "POST", "faults", add_fault, {201: FAULT}),
    _control("faults.clear", "DELETE", "faults", clear_faults, _DONE),
    _control("faults.release", "POST", "faults/release", release_faults, _DONE),
    _control("requests", "GET", "requests", list_requests, {200: REQUESTS}, query=("after", "limit", "operation")),
    _control("requests.clear", "DELETE", "requests", clear_requests, _DONE),
    _control("token", "POST", "token", make_token, {200: TOKEN}, _TOKEN),
    _control("invitations", "POST", "invitations", make_invitation, _DONE, _INVITATION),
    _control("revisions", "POST", "revisions", make_revision, _DONE, _REVISION),
    _control("callbacks", "POST", "callbacks", change_callback, {200: CALLBACKS}, _CALLBACK),
)
