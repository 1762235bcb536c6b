"""The page with the controls: clock, who signs in, faults and switches, as plain forms."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import parse_qsl, quote

from acc_sandbox.admin.access import COOKIE
from acc_sandbox.admin.html import cell, hidden_field, page, select, table
from acc_sandbox.faults.effects import EFFECTS
from acc_sandbox.faults.plan import fault_json, parse_fault, set_switches
from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, Handler, HtmlBody, RequestContext, Response
from acc_sandbox.seed.loader import DocumentError
from acc_sandbox.state.switches import describe
from acc_sandbox.submittals.revisions import create_revision

_HERE = "/controls"
_MOVES = {"A minute": 60, "An hour": 3600, "A day": 86_400, "15 days": 15 * 86_400}
_LONGEST_MOVE = 10 * 365 * 86_400


def controls(call: RequestContext) -> Response:
    """`/controls`: everything that moves the sandbox, or why it may not be moved from here."""
    rule = call.sandbox.controls
    if not rule.is_allowed(call.headers):
        body = _closed(asks=rule.asks_for_token)
        return Response(HtmlBody(page("Controls", f"<h1>Controls</h1>{body}")), 403)
    parts = (_clock(call), _people(call), _faults(call), _switches(call))
    return Response(HtmlBody(page("Controls", f"<h1>Controls</h1>{''.join(parts)}")))


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


def _clock(call: RequestContext) -> str:
    buttons = "".join(
        f'<button name="seconds" value="{seconds}" class="small">{escape(name)}</button>'
        for name, seconds in _MOVES.items()
    )
    return (
        f"<h2>Clock</h2><div class='card'><p>It is <b id='now'>{call.moment[:19].replace('T', ' ')}</b> UTC in here. "
        f"Let time pass:</p><form method='post' action='{_HERE}/clock' class='row'>{buttons}</form>"
        f"<form method='post' action='{_HERE}/clock' class='row'><label>Seconds "
        "<input name='seconds' inputmode='numeric' size='8' required></label>"
        "<button class='small'>Move</button></form></div>"
    )


def _people(call: RequestContext) -> str:
    sandbox = call.sandbox
    chosen = (sandbox.auto_person or sandbox.people.people[0].key) if sandbox.auto_approve else ""
    options = {"": "Ask every time", **{one.key: f"{one.name}, {one.role}" for one in sandbox.people.people}}
    return (
        f"<h2>Person</h2><form method='post' action='{_HERE}/person' class='card row'>"
        f"<label>Whoever signs in is {select('person', options, chosen)}</label>"
        "<button class='small'>Change</button></form>"
    )


def _faults(call: RequestContext) -> str:
    sandbox = call.sandbox
    rows = []
    for fault in map(fault_json, sandbox.faults.all()):
        more = {name: one for name, one in fault.items() if name in ("status", "size", "bytes_per_second")}
        shown = ", ".join(f"{name} {one}" for name, one in more.items())
        times = "for ever" if fault["times"] is None else f"{fault['times']} x"
        cells = (fault["operation"], f"{fault['effect']} {shown}", f"call {fault['nth']}, {times}", str(fault["seen"]))
        rows.append([cell(escape(one)) for one in cells])
    planned = table(["Operation", "Effect", "Strikes", "Calls seen"], rows) if rows else "<p>Nothing is planned.</p>"
    operations = {"*": "every operation", **{name: name for name in sorted(sandbox.faults.operations)}}
    form = (
        f"<form method='post' action='{_HERE}/faults' class='card row'>"
        f"<label>Operation {select('operation', operations, 'attachments.create')}</label>"
        f"<label>Effect {select('effect', {name: name.replace('_', ' ') for name in EFFECTS}, 'refuse')}</label>"
        "<label>From call <input name='nth' value='1' inputmode='numeric' size='4'></label>"
        "<label>Times (0: for ever) <input name='times' value='1' inputmode='numeric' size='4'></label>"
        "<label>Status <input name='status' value='503' inputmode='numeric' size='4'></label>"
        "<label>Bytes <input name='amount' value='0' inputmode='numeric' size='8'></label>"
        "<button class='small'>Plan this fault</button></form>"
    )
    end = (
        f"<div class='row'><form method='post' action='{_HERE}/faults/clear'><button class='small'>Forget all</button>"
        f"</form><form method='post' action='{_HERE}/faults/release'><button class='small'>Release stalled</button>"
        "</form></div>"
    )
    return f"<h2>Faults</h2>{planned}{form}{end}"


def _switches(call: RequestContext) -> str:
    rows = []
    for one in describe(call.sandbox.switches):
        value = str(one.value).lower() if isinstance(one.value, bool) else str(one.value)
        field = (
            select(one.name, {choice: choice for choice in one.choices}, value, spoken=one.name)
            if one.choices
            else f"<input name='{one.name}' value='{value}' size='8' aria-label='{one.name}'>"
        )
        about = f"<b>{one.name}</b><br><span class='soft'>{escape(one.meaning)} (fact sheet {one.section})</span>"
        rows.append([cell(about), cell(field)])
    return (
        "<h2>Switches</h2><p>What the documentation leaves open.</p>"
        f"<form method='post' action='{_HERE}/switches'>{table(['Question', 'Answer'], rows)}"
        "<p><button class='small'>Set the switches</button></p></form>"
    )


def _closed(*, asks: bool) -> str:
    if not asks:
        return "<p>They are off: this sandbox listens beyond loopback and was started without a control token.</p>"
    return (
        f"<form method='post' action='{_HERE}/token' class='card row'><label>Control token "
        "<input name='token' type='password' required></label><button class='small'>Enter</button></form>"
    )


def revision_button(item_id: str) -> str:
    """A form that makes an item's next revision."""
    return (
        f"<form method='post' action='{_HERE}/revisions' class='row'>{hidden_field('item', item_id)}"
        "<button class='small'>Make the next revision</button></form>"
    )


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
