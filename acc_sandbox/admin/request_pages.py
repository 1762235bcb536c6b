"""The page that shows requests as they come in, with bodies folded and secrets masked."""

from __future__ import annotations

import contextlib
import json
from html import escape

from acc_sandbox.admin.html import page
from acc_sandbox.faults.request_log import LoggedRequest
from acc_sandbox.http.operation import ApiOperation, HtmlBody, RequestContext, Response

_SHOWN = 100
_SCRIPT = """
const list = document.getElementById('requests');
const quiet = document.getElementById('quiet');
async function more() {
  if (document.hidden) return;
  try {
    const answer = await fetch('/requests/rows?after=' + list.dataset.last);
    if (!answer.ok) return;
    const rows = document.createElement('template');
    rows.innerHTML = await answer.text();
    for (const row of [...rows.content.children].reverse()) {
      const old = document.getElementById(row.id);
      if (old) { row.open = old.open; old.replaceWith(row); } else list.prepend(row);
    }
    const last = list.querySelector('[data-done]');
    if (last) { list.dataset.last = last.dataset.done; quiet.hidden = true; }
  } catch { /* the sandbox has stopped; the next round will tell */ }
}
setInterval(more, 1500);
"""


def requests(call: RequestContext) -> Response:
    """`/requests`: the newest requests, which a few lines of script keep up to date."""
    if not call.sandbox.controls.is_allowed(call.headers):
        closed = "<h1>Requests</h1><p>They belong to the <a href='/controls'>controls</a>, which are closed here.</p>"
        return Response(HtmlBody(page("Requests", closed)), 403)
    found = _newest(call, 0)
    last = _last_settled(found, 0)
    quiet = " hidden" if found else ""
    body = (
        "<h1>Requests</h1><p>Newest first; tokens, codes, keys and signatures are masked.</p>"
        f"<p id='quiet'{quiet}>No request yet. Point a client at <code>{escape(call.base_url)}</code>.</p>"
        f"<div id='requests' data-last='{last}'>{_rows(found, last)}</div><script>{_SCRIPT}</script>"
    )
    return Response(HtmlBody(page("Requests", body)))


def rows(call: RequestContext) -> Response:
    """`/requests/rows?after=N`: the rows that came later, for the script."""
    after = call.query.number("after", 0, 0)
    found = _newest(call, after)
    return Response(HtmlBody(_rows(found, _last_settled(found, after))))


def _newest(call: RequestContext, after: int) -> list[LoggedRequest]:
    found = call.sandbox.requests.after(after, _SHOWN)
    return [one for one in found if not one.operation.startswith("page.")][::-1]


def _last_settled(found: list[LoggedRequest], after: int) -> int:
    """The number up to which nothing can change any more: what has no status yet is asked for again."""
    waiting = [one.number for one in found if one.status is None]
    return min(waiting) - 1 if waiting else max((one.number for one in found), default=after)


def _rows(found: list[LoggedRequest], last: int) -> str:
    return "".join(_row(one, last) for one in found)


def _row(one: LoggedRequest, last: int) -> str:
    kind = "waiting" if one.status is None else "done" if one.status < 400 else "failed"
    status = "-" if one.status is None else str(one.status)
    query = f"?{one.query}" if one.query else ""
    notes = f"<span class='note'>{escape('; '.join(one.notes))}</span>" if one.notes else ""
    return (
        f"<details class='request' id='request-{one.number}' data-done='{last}'><summary>"
        f"<span class='state {kind}'>{status}</span> <b>{escape(one.method)}</b> {escape(one.operation)} "
        f"<span class='soft'>{escape(one.person or '')} {one.moment[11:19]}</span> {notes}</summary>"
        f"<code>{escape(one.path + query)}</code>{_body('Sent', one.body)}{_body('Answered', one.answer)}</details>"
    )


def _body(title: str, text: str) -> str:
    if not text:
        return ""
    # What is cut off, or a form, is shown as it is.
    with contextlib.suppress(ValueError):
        text = json.dumps(json.loads(text), indent=1, ensure_ascii=False)
    return f"<details><summary>{title}</summary><pre>{escape(text)}</pre></details>"


def icon(call: RequestContext) -> Response:
    """`/favicon.ico`, which browsers ask for and nobody needs."""
    del call
    return Response(status=204)


OPERATIONS = (
    ApiOperation("page.requests.icon", "GET", "/favicon.ico", icon, "page", access="anybody"),
    ApiOperation("page.requests", "GET", "/requests", requests, "page", access="anybody"),
    ApiOperation("page.requests.rows", "GET", "/requests/rows", rows, "page", access="control"),
)
