"""The page with the controls: clock, who signs in, faults and switches, as plain forms."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, quote

from acc_sandbox.admin.access import COOKIE
from acc_sandbox.admin.rendering import render
from acc_sandbox.faults.plan import fault_json, parse_fault, set_switches
from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, Handler, RequestContext, Response
from acc_sandbox.seed.loader import DocumentError
from acc_sandbox.state.switches import describe
from acc_sandbox.submittals.item_writes import create_revision

_HERE = "/controls"
_MOVES = {"A minute": 60, "An hour": 3600, "A day": 86_400, "15 days": 15 * 86_400}
_LONGEST_MOVE = 10 * 365 * 86_400


def controls(call: RequestContext) -> Response:
    """`/controls`: everything that moves the sandbox, or why it may not be moved from here."""
    sandbox, rule = call.sandbox, call.sandbox.controls
    if not rule.is_allowed(call.headers):
        return render("controls.html", 403, title="Controls", closed=True, asks_for_token=rule.asks_for_token)
    from acc_sandbox.faults.effects import EFFECTS

    return render(
        "controls.html",
        title="Controls",
        closed=False,
        asks_for_token=False,
        now=call.moment[:19].replace("T", " "),
        moves=_MOVES,
        people={"": "Ask every time", **{one.key: f"{one.name}, {one.role}" for one in sandbox.people.people}},
        person=(sandbox.auto_person or sandbox.people.people[0].key) if sandbox.auto_approve else "",
        faults=[fault_json(one) for one in sandbox.faults.all()],
        operations={"*": "every operation", **{name: name for name in sorted(sandbox.faults.operations)}},
        effects={name: name.replace("_", " ") for name in EFFECTS},
        switches=describe(sandbox.switches),
    )


def enter(call: RequestContext) -> Response:
    """POST: the control token, kept in a cookie that other sites' requests do not carry."""
    token = _form(call).get("token", "")
    if not call.sandbox.controls.is_token(token):
        raise RefusedError(403, "The control token is wrong")
    cookie = f"{COOKIE}={quote(token, safe='')}; HttpOnly; SameSite=Strict; Path=/"
    return Response(status=303, headers={"Location": _HERE, "Set-Cookie": cookie})


def move_clock(call: RequestContext) -> Response:
    """POST: let time pass."""
    raw = _form(call).get("seconds", "")
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10 and int(raw) <= _LONGEST_MOVE):
        raise RefusedError(400, f"Seconds are a whole number up to {_LONGEST_MOVE}")
    call.sandbox.clock.move(int(raw))
    return _back()


def sign_in_as(call: RequestContext) -> Response:
    """POST: who is signed in without being asked, or that everybody is asked again."""
    key = _form(call).get("person", "")
    if key and call.sandbox.people.by_key(key) is None:
        raise RefusedError(400, "There is no such person")
    call.sandbox.auto_approve, call.sandbox.auto_person = bool(key), key or None
    return _back()


def plan_fault(call: RequestContext) -> Response:
    """POST: a fault from the form; a field that its effect does not take is left out."""
    form = _form(call)
    numbers = {name: _whole(form, name) for name in ("nth", "times", "status", "amount")}
    effect = form.get("effect", "")
    fault: dict[str, Any] = {"operation": form.get("operation"), "effect": effect, "nth": numbers["nth"] or 1}
    fault["times"] = numbers["times"] or None
    if effect == "refuse":
        fault["status"] = numbers["status"] or 503
    elif effect in ("reset_after", "stall"):
        fault["size"] = numbers["amount"]
    elif effect == "slow":
        fault["bytes_per_second"] = numbers["amount"] or 1024
    try:
        call.sandbox.faults.add(parse_fault(fault))
    except DocumentError as error:
        raise RefusedError(400, str(error)) from None
    return _back()


def clear_faults(call: RequestContext) -> Response:
    """POST: forget the plan and release what is stalled."""
    call.sandbox.faults.clear()
    return _back()


def release_faults(call: RequestContext) -> Response:
    """POST: release what is stalled."""
    call.sandbox.faults.release()
    return _back()


def change_switches(call: RequestContext) -> Response:
    """POST: every switch that the form names."""
    try:
        set_switches(call.sandbox.switches, _form(call))
    except DocumentError as error:
        raise RefusedError(400, str(error)) from None
    return _back()


def make_revision(call: RequestContext) -> Response:
    """POST: an item's next revision, as ACC's own pages make it."""
    form = _form(call)
    try:
        create_revision(call.sandbox, form.get("item", ""))
    except LookupError:
        raise RefusedError(404, "There is no such submittal, or it can have no next revision") from None
    project = call.sandbox.store.value("SELECT projectId FROM items WHERE id = ?", form["item"])
    return Response(status=303, headers={"Location": f"/projects/{project}/items/{form['item']}"})


def _form(call: RequestContext) -> dict[str, str]:
    return dict(parse_qsl(call.content.decode("utf-8", "replace"), keep_blank_values=True))


def _whole(form: dict[str, str], name: str) -> int:
    raw = form.get(name) or "0"
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10):
        raise RefusedError(400, f"{name} is a whole number")
    return int(raw)


def _back() -> Response:
    return Response(status=303, headers={"Location": _HERE})


def _post(name: str, handler: Handler, path: str) -> ApiOperation:
    return ApiOperation(f"page.controls.{name}", "POST", f"{_HERE}/{path}", handler, "page", access="control")


OPERATIONS = (
    ApiOperation("page.controls", "GET", _HERE, controls, "page", access="anybody"),
    ApiOperation("page.controls.token", "POST", f"{_HERE}/token", enter, "page", access="anybody"),
    _post("clock", move_clock, "clock"),
    _post("person", sign_in_as, "person"),
    _post("faults", plan_fault, "faults"),
    _post("faults.clear", clear_faults, "faults/clear"),
    _post("faults.release", release_faults, "faults/release"),
    _post("switches", change_switches, "switches"),
    _post("revisions", make_revision, "revisions"),
)
