"""Pages for people: projects, a project's submittals, one submittal as a person sees it, and the log of requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from mimetypes import guess_type
from urllib.parse import quote, urlencode

from acc_sandbox.admin.rendering import render
from acc_sandbox.faults.request_log import LoggedRequest
from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, FileBody, RequestContext, Response
from acc_sandbox.http.validation import is_uuid
from acc_sandbox.object_storage.objects import blob_paths, sha256_of
from acc_sandbox.state.sandbox_state import (
    CONFIDENTIAL_CLIENT_ID,
    CONFIDENTIAL_CLIENT_SECRET,
    PUBLIC_CLIENT_ID,
    SERVER_CLIENT_ID,
    SERVER_CLIENT_SECRET,
)
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.access import membership
from acc_sandbox.submittals.attachments import attachment_json
from acc_sandbox.submittals.items import actions_of
from acc_sandbox.submittals.processing import OBJECT_URN
from acc_sandbox.submittals.states import STATE_TITLES

_PAGE = 50
_SHOWN = 100
_SHOWN_TYPES = ("application/pdf", "image/gif", "image/jpeg", "image/png", "text/plain")
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
    projects = call.sandbox.store.rows(
        "SELECT projects.*, (SELECT COUNT(*) FROM items WHERE projectId = projects.id) AS submittals FROM projects"
        " ORDER BY rowid"
    )
    return render(
        "home.html",
        title="Projects",
        projects=projects,
        base_url=call.base_url,
        public_client=PUBLIC_CLIENT_ID,
        confidential_client=(CONFIDENTIAL_CLIENT_ID, CONFIDENTIAL_CLIENT_SECRET),
        server_client=(SERVER_CLIENT_ID, SERVER_CLIENT_SECRET),
        callback_urls=sorted(call.sandbox.callback_urls),
        people=call.sandbox.people.people,
    )


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
    groups = call.sandbox.store.rows("SELECT id, name FROM people_groups ORDER BY rowid")
    people = {one.autodesk_id: one.name for one in call.sandbox.people.people}
    return render(
        "project.html",
        title=row["name"],
        project=row,
        wanted=wanted,
        states={"": "All", **STATE_TITLES},
        courts={"": "Anybody", **people, **{one["id"]: one["name"] for one in groups}},
        items=found[:_PAGE],
        following=urlencode({**wanted, "offset": offset + _PAGE}) if len(found) > _PAGE else "",
    )


async def item(call: RequestContext) -> Response:
    """`/projects/:id/items/:id?person=key`: one submittal, with what the chosen person may do."""
    row, found, sandbox = _project(call), _item(call), call.sandbox
    digests = {
        one["id"]: await asyncio.to_thread(sha256_of, tuple(blob_paths(call, stored)))
        for one in _attachment_rows(call, found)
        if (stored := _stored_object(call, one)) is not None
    }
    chosen = sandbox.people.by_key(call.query.text("person")) or sandbox.people.people[0]
    member = membership(sandbox, row, chosen)
    refusal = ""
    if member is None:
        refusal = "Not a member of this project."
    elif found["stateId"] == "draft" and not member.manages:
        refusal = "Drafts are visible to managers only."
    return render(
        "item.html",
        title=found["title"],
        project=row,
        item=found,
        state_title=STATE_TITLES[found["stateId"]],
        facts=_facts(call, found),
        attachments=_attachments(call, found, digests),
        tasks=_tasks(call, found),
        # A next revision is made in ACC's own pages only, here by those who may use the controls.
        may_revise=found["stateId"] not in ("draft", "void") and sandbox.controls.is_allowed(call.headers),
        chosen=chosen,
        refusal=refusal,
        actions=[] if member is None else actions_of(sandbox, member, found),
        people=sandbox.people.people,
    )


def attachment_file(call: RequestContext) -> Response:
    """`/projects/:id/items/:id/attachments/:id`: the bytes that storage has of an attachment."""
    for row in _attachment_rows(call, _item(call)):
        if row["id"] == call.path["attachmentId"].lower() and (stored := _stored_object(call, row)) is not None:
            kind = guess_type(row["name"])[0] or "application/octet-stream"
            # What could run a script in this origin is saved, and not shown.
            way = "inline" if kind in _SHOWN_TYPES else "attachment"
            headers = {
                "Content-Type": kind,
                "Content-Length": str(stored["size"]),
                "Content-Disposition": f"{way}; filename*=UTF-8''{quote(row['name'], safe='')}",
                "X-Content-Type-Options": "nosniff",
            }
            return Response(FileBody(blob_paths(call, stored)), headers=headers)
    raise RefusedError(404, "There is no such file")


def picture(call: RequestContext) -> Response:
    """`/people/:key.svg`: the picture that userinfo names."""
    person = call.sandbox.people.by_key(call.path["key"])
    if person is None:
        raise RefusedError(404, "There is no such person")
    drawn = render("picture.svg", initials="".join(word[0] for word in person.name.split())[:2])
    return replace(drawn, headers={**drawn.headers, "Content-Type": "image/svg+xml"})


def requests(call: RequestContext) -> Response:
    """`/requests`: the newest requests, which a script keeps up to date."""
    if not call.sandbox.controls.is_allowed(call.headers):
        return render("requests.html", 403, title="Requests", closed=True)
    found = _newest(call, 0)
    last = _last_settled(found, 0)
    return render("requests.html", title="Requests", closed=False, requests=found, last=last, base_url=call.base_url)


def request_rows(call: RequestContext) -> Response:
    """`/requests/rows?after=N`: the rows that came later, for the script."""
    after = call.query.number("after", 0, 0)
    found = _newest(call, after)
    return render("request_rows.html", requests=found, last=_last_settled(found, after))


def icon(call: RequestContext) -> Response:
    """`/favicon.ico`, which browsers ask for: none."""
    del call
    return Response(status=204)


def _newest(call: RequestContext, after: int) -> list[LoggedRequest]:
    found = call.sandbox.requests.after(after, _SHOWN)
    return [one for one in found if not one.operation.startswith("page.")][::-1]


def _last_settled(found: list[LoggedRequest], after: int) -> int:
    """The number up to which nothing can change any more: what has no status yet is asked for again."""
    waiting = [one.number for one in found if one.status is None]
    return min(waiting) - 1 if waiting else max((one.number for one in found), default=after)


def _facts(call: RequestContext, found: Row) -> dict[str, str]:
    people = call.sandbox.people
    return {
        "Ball in court": found["ballInCourtNames"] or "-",
        "Spec": f"{found['specIdentifier']} {found['specTitle']}",
        "Package": found["packageTitle"] or "-",
        "Manager": people.name_of(found["manager"]),
        "Responsible contractor": people.name_of(found["subcontractor"]),
        "Due": found["dueDate"] or "-",
        "Revision": str(found["revision"]),
        "Response": found["responseValue"] or "-",
    }


def _item(call: RequestContext) -> Row:
    found = call.sandbox.store.row(
        "SELECT * FROM item_rows WHERE id = ? AND projectId = ?", call.path["itemId"].lower(), _project(call)["id"]
    )
    if found is None:
        raise RefusedError(404, "There is no such submittal")
    return found


def _attachment_rows(call: RequestContext, found: Row) -> list[Row]:
    return call.sandbox.store.rows(
        "SELECT * FROM attachments WHERE itemId = ? ORDER BY createdAt DESC, id", found["id"]
    )


def _stored_object(call: RequestContext, row: Row) -> Row | None:
    """The stored object of an attachment: of its own upload, or of the version that it links."""
    store, name = call.sandbox.store, row["uploadUrn"].removeprefix(OBJECT_URN)
    own = store.row("SELECT * FROM objects WHERE id = ?", f"{OBJECT_URN}{name}") if name else None
    return own or store.row(
        "SELECT objects.* FROM versions JOIN objects ON objects.id = versions.storageUrn WHERE versions.id = ?",
        row["urn"],
    )


def _attachments(call: RequestContext, found: Row, digests: Mapping[str, str]) -> list[Row]:
    return [
        {
            **row,
            "size": stored["size"] if (stored := _stored_object(call, row)) is not None else None,
            "sha256": digests.get(row["id"]),
            "category": _CATEGORIES[row["categoryId"]],
            "confirmed": "confirmed" if row["isFileUploaded"] else "reserved",
            "processing": _PROCESSING[row["asyncState"]],
            "by": call.sandbox.people.name_of(row["createdBy"]),
            "json": json.dumps(attachment_json(row, []), indent=1, ensure_ascii=False),
        }
        for row in _attachment_rows(call, found)
    ]


def _tasks(call: RequestContext, found: Row) -> list[Row]:
    rows = call.sandbox.store.rows(
        "SELECT tasks.*, steps.stepNumber, responses.value AS response FROM tasks JOIN steps ON steps.id = tasks.stepId"
        " LEFT JOIN responses ON responses.id = tasks.responseId WHERE tasks.itemId = ? ORDER BY stepNumber, position",
        found["id"],
    )
    return [{**row, "assignee": call.sandbox.people.name_of(row["assignedTo"])} for row in rows]


def _project(call: RequestContext) -> Row:
    project_id = call.path["projectId"].lower()
    row = call.sandbox.store.row("SELECT * FROM projects WHERE id = ?", project_id) if is_uuid(project_id) else None
    if row is None:
        raise RefusedError(404, "There is no such project")
    return row


OPERATIONS = (
    ApiOperation("page.home", "GET", "/", home, "page", access="anybody"),
    ApiOperation("page.project", "GET", "/projects/{projectId}", project, "page", access="anybody"),
    ApiOperation("page.item", "GET", "/projects/{projectId}/items/{itemId}", item, "page", access="anybody"),
    ApiOperation(
        "page.attachment",
        "GET",
        "/projects/{projectId}/items/{itemId}/attachments/{attachmentId}",
        attachment_file,
        "page",
        access="anybody",
    ),
    ApiOperation("page.picture", "GET", "/people/{key}.svg", picture, "page", access="anybody"),
    ApiOperation("page.requests.icon", "GET", "/favicon.ico", icon, "page", access="anybody"),
    ApiOperation("page.requests", "GET", "/requests", requests, "page", access="anybody"),
    ApiOperation("page.requests.rows", "GET", "/requests/rows", request_rows, "page", access="control"),
)
