"""The pages that people look at: projects, a project's submittals, one submittal as somebody sees it."""

from __future__ import annotations

import json
from html import escape
from urllib.parse import urlencode

from acc_sandbox.admin.control_pages import revision_button
from acc_sandbox.admin.html import cell, page, select, table
from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, HtmlBody, RequestContext, Response
from acc_sandbox.http.validation import is_uuid
from acc_sandbox.state.sandbox_state import (
    CONFIDENTIAL_CLIENT_ID,
    CONFIDENTIAL_CLIENT_SECRET,
    PUBLIC_CLIENT_ID,
    SERVER_CLIENT_ID,
    SERVER_CLIENT_SECRET,
)
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.access import Membership, membership
from acc_sandbox.submittals.attachments import attachment_json
from acc_sandbox.submittals.items import actions_of
from acc_sandbox.submittals.states import STATE_TITLES

_PAGE = 50
_CATEGORIES = {
    "1": "Submission",
    "2": "For Review",
    "3": "Review Response",
    "4": "Final Response",
    "5": "Previous Submission",
    "6": "Previous For Review",
    "7": "Previous Review Response",
    "8": "Previous Final Response",
}
_PROCESSING = {"1": "waiting", "2": "started", "3": "done", "4": "failed"}


def home(call: RequestContext) -> Response:
    """`/`: projects, people and what a client needs."""
    rows = [
        [
            cell(_link(f"/projects/{row['id']}", row["name"])),
            cell(escape(row["projectType"])),
            cell(str(_count(call, row))),
            cell(f"<code>{row['id']}</code>"),
        ]
        for row in call.sandbox.store.rows("SELECT * FROM projects ORDER BY rowid")
    ]
    people = [
        [cell(f"<b>{escape(one.name)}</b>"), cell(escape(one.role)), cell(f"<code>{escape(one.email)}</code>")]
        for one in call.sandbox.people.people
    ]
    callbacks = "<br>".join(escape(one) for one in sorted(call.sandbox.callback_urls))
    settings = (
        f"<dl><dt>APS_BASE_URL</dt><dd><code>{escape(call.base_url)}</code></dd>"
        f"<dt>APS_CLIENT_ID</dt><dd><code>{PUBLIC_CLIENT_ID}</code></dd>"
        f"<dt>with a secret</dt><dd><code>{CONFIDENTIAL_CLIENT_ID}</code>"
        f" <code>{CONFIDENTIAL_CLIENT_SECRET}</code></dd>"
        f"<dt>Server-to-Server, for service accounts</dt><dd><code>{SERVER_CLIENT_ID}</code>"
        f" <code>{SERVER_CLIENT_SECRET}</code></dd>"
        f"<dt>APS_CALLBACK_URL</dt><dd><code>{callbacks}</code></dd></dl>"
    )
    body = (
        "<h1>An ACC on your own machine</h1>"
        "<p>It behaves as Autodesk documents Submittals, object storage, Data Management and sign-in to behave. "
        "Nothing here leaves this machine.</p>"
        f"<h2>Projects</h2>{table(['Project', 'Kind', 'Submittals', 'Id'], rows)}"
        f"<h2>For a client</h2><div class='card'>{settings}</div>"
        f"<h2>People who can sign in</h2>{table(['Person', 'In the main project', 'Address'], people)}"
    )
    return Response(HtmlBody(page("Projects", body)))


def project(call: RequestContext) -> Response:
    """`/projects/:id?state=&court=&search=&offset=`: the project's submittals, 50 a page, in any state."""
    row = _project(call)
    offset = call.query.number("offset", 0, 0)
    wanted = {name: call.query.text(name) for name in ("state", "court", "search")}
    found = call.sandbox.store.rows(
        "SELECT * FROM item_rows WHERE projectId = ?1 AND (?2 = '' OR stateId = ?2) AND (?3 = ''"
        " OR EXISTS (SELECT 1 FROM json_each(ballInCourtUsers) WHERE value = ?3)"
        " OR EXISTS (SELECT 1 FROM json_each(ballInCourtCompanies) WHERE value = ?3)"
        " OR EXISTS (SELECT 1 FROM json_each(ballInCourtRoles) WHERE value = ?3))"
        " AND (?4 = '' OR instr(lower(customIdentifierHumanReadable || ' ' || title), lower(?4)))"
        " ORDER BY specIdentifier, identifier LIMIT ?5 OFFSET ?6",
        row["id"],
        *wanted.values(),
        _PAGE + 1,
        offset,
    )
    lines = [
        [
            _number_cell(row, item),
            cell(escape(item["title"])),
            cell(_state(item)),
            cell(escape(item["ballInCourtNames"] or "-")),
            f'<td class="date">{escape(item["dueDate"] or "-")}</td>',
        ]
        for item in found[:_PAGE]
    ]
    listed = table(["Number", "Title", "State", "Ball in court", "Due"], lines) if lines else "<p>No submittals.</p>"
    following = urlencode({**wanted, "offset": offset + _PAGE})
    more = _link(f"/projects/{row['id']}?{following}", "Next page") if len(found) > _PAGE else ""
    kind = "" if row["projectType"] == "ACC" else "<p>A BIM 360 project: the Submittals API refuses it.</p>"
    body = f"<h1>{escape(row['name'])}</h1>{kind}<h2>Submittals</h2>{_filters(call, wanted)}{listed}<p>{more}</p>"
    return Response(HtmlBody(page(row["name"], body)))


def item(call: RequestContext) -> Response:
    """`/projects/:id/items/:id?person=key`: one submittal, with what the chosen person may do."""
    row = _project(call)
    found = call.sandbox.store.row(
        "SELECT * FROM item_rows WHERE id = ? AND projectId = ?", call.path["itemId"].lower(), row["id"]
    )
    if found is None:
        raise RefusedError(404, "There is no such submittal")
    chosen = call.sandbox.people.by_key(call.query.text("person")) or call.sandbox.people.people[0]
    member = membership(call.sandbox, row, chosen)
    here = f"/projects/{row['id']}/items/{found['id']}"
    people = "".join(
        f'<a class="person{" chosen" if one is chosen else ""}" href="{here}?{urlencode({"person": one.key})}">'
        f"<b>{escape(one.name)}</b><span>{escape(one.role)}</span></a>"
        for one in call.sandbox.people.people
    )
    body = (
        f"<p>{_link('/projects/' + row['id'], row['name'])}</p>"
        f"<h1>{escape(_number(found))} {escape(found['title'])}</h1>{_facts(call, found)}"
        f"<h2>Attachments</h2>{_attachments(call, found)}<h2>Review</h2>{_steps(call, found)}"
        f"{_revising(call, found)}"
        f"<h2>As {escape(chosen.name)}</h2>{_permitted(call, member, found)}<div class='people'>{people}</div>"
    )
    return Response(HtmlBody(page(found["title"], body)))


def picture(call: RequestContext) -> Response:
    """`/people/:key.svg`: the picture that userinfo names."""
    person = call.sandbox.people.by_key(call.path["key"])
    if person is None:
        raise RefusedError(404, "There is no such person")
    initials = "".join(word[0] for word in person.name.split())[:2]
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" fill="#0b6bcb"/>'
        f'<text x="32" y="40" font-size="24" text-anchor="middle" fill="#fff">{escape(initials)}</text></svg>'
    )
    return Response(HtmlBody(drawing), headers={"Content-Type": "image/svg+xml"})


def _filters(call: RequestContext, wanted: dict[str, str]) -> str:
    groups = call.sandbox.store.rows("SELECT id, name FROM people_groups ORDER BY rowid")
    courts = {one.autodesk_id: one.name for one in call.sandbox.people.people} | {
        one["id"]: one["name"] for one in groups
    }
    return (
        "<form method='get' class='row'>"
        f"<label>State {select('state', {'': 'All', **STATE_TITLES}, wanted['state'])}</label>"
        f"<label>Ball in court {select('court', {'': 'Anybody', **courts}, wanted['court'])}</label>"
        f"<label>Number or title <input name='search' value='{escape(wanted['search'])}'></label>"
        "<button class='small'>Show</button></form>"
    )


def _facts(call: RequestContext, found: Row) -> str:
    facts = {
        "State": _state(found),
        "Ball in court": escape(found["ballInCourtNames"] or "-"),
        "Spec": escape(f"{found['specIdentifier']} {found['specTitle']}"),
        "Package": escape(found["packageTitle"] or "-"),
        "Manager": escape(call.sandbox.people.name_of(found["manager"])),
        "Responsible contractor": escape(call.sandbox.people.name_of(found["subcontractor"])),
        "Due": escape(found["dueDate"] or "-"),
        "Revision": str(found["revision"]),
        "Response": escape(found["responseValue"] or "-"),
        "Id": f"<code>{found['id']}</code>",
    }
    return f"<dl class='card'>{''.join(f'<dt>{name}</dt><dd>{value}</dd>' for name, value in facts.items())}</dl>"


def _attachments(call: RequestContext, found: Row) -> str:
    rows = call.sandbox.store.rows(
        "SELECT * FROM attachments WHERE itemId = ? ORDER BY createdAt DESC, id", found["id"]
    )
    if not rows:
        return "<p>None yet.</p>"
    lines = []
    for row in rows:
        state = _PROCESSING[row["asyncState"]]
        confirmed = "confirmed" if row["isFileUploaded"] else "reserved"
        shown = escape(json.dumps(attachment_json(row, []), indent=1, ensure_ascii=False))
        lines.append(
            [
                cell(f"<b>{escape(row['name'])}</b><details><summary>JSON</summary><pre>{shown}</pre></details>"),
                cell(_CATEGORIES[row["categoryId"]]),
                cell(f'{confirmed} <span class="state {state}">{state}</span>'),
                cell(f"<code>{escape(row['urn'] or '-')}</code>"),
                cell(escape(call.sandbox.people.name_of(row["createdBy"]))),
            ]
        )
    return table(["Name", "Category", "State", "Version", "By"], lines)


def _steps(call: RequestContext, found: Row) -> str:
    tasks = call.sandbox.store.rows(
        "SELECT tasks.*, steps.stepNumber, responses.value AS response FROM tasks JOIN steps ON steps.id = tasks.stepId"
        " LEFT JOIN responses ON responses.id = tasks.responseId WHERE tasks.itemId = ? ORDER BY stepNumber, position",
        found["id"],
    )
    if not tasks:
        return "<p>No review steps.</p>"
    lines = [
        [
            cell(str(task["stepNumber"])),
            cell(escape(call.sandbox.people.name_of(task["assignedTo"]))),
            cell(f'<span class="state">{escape(task["status"])}</span>'),
            cell(escape(task["response"] or "-")),
            cell(escape(task["responseComment"] or "-")),
        ]
        for task in tasks
    ]
    return table(["Step", "Assigned to", "Status", "Response", "Comment"], lines)


def _permitted(call: RequestContext, member: Membership | None, found: Row) -> str:
    if member is None:
        return "<p>Not a member of this project.</p>"
    if found["stateId"] == "draft" and not member.manages:
        return "<p>Drafts are visible to managers only.</p>"
    actions = actions_of(call.sandbox, member, found)
    codes = "".join(f"<code>{escape(one['id'])}</code>" for one in actions)
    return f"<div class='actions'>{codes}</div>"


def _revising(call: RequestContext, found: Row) -> str:
    """The one thing that people do in ACC's own pages only, for those who may move the sandbox."""
    if found["stateId"] in ("draft", "void") or not call.sandbox.controls.is_allowed(call.headers):
        return ""
    return revision_button(found["id"])


def _project(call: RequestContext) -> Row:
    project_id = call.path["projectId"].lower()
    row = call.sandbox.store.row("SELECT * FROM projects WHERE id = ?", project_id) if is_uuid(project_id) else None
    if row is None:
        raise RefusedError(404, "There is no such project")
    return row


def _count(call: RequestContext, row: Row) -> int:
    count: int = call.sandbox.store.value("SELECT COUNT(*) FROM items WHERE projectId = ?", row["id"])
    return count


def _number(found: Row) -> str:
    return str(found["customIdentifierHumanReadable"])


def _number_cell(row: Row, found: Row) -> str:
    target = f"/projects/{row['id']}/items/{found['id']}"
    return f'<td class="number">{_link(target, _number(found))}</td>'


def _state(found: Row) -> str:
    state = found["stateId"]
    return f'<span class="state {state}">{escape(STATE_TITLES[state])}</span>'


def _link(target: str, text: str) -> str:
    return f'<a href="{escape(target)}">{escape(text)}</a>'


OPERATIONS = (
    ApiOperation("page.home", "GET", "/", home, "page", access="anybody"),
    ApiOperation("page.project", "GET", "/projects/{projectId}", project, "page", access="anybody"),
    ApiOperation("page.item", "GET", "/projects/{projectId}/items/{itemId}", item, "page", access="anybody"),
    ApiOperation("page.picture", "GET", "/people/{key}.svg", picture, "page", access="anybody"),
)
