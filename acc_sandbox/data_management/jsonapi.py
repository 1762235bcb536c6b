"""JSON:API documents of Data Management: pages, filters and their comparisons (fact sheet 9)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from acc_sandbox.http.errors import RefusedError, app_not_provisioned
from acc_sandbox.http.operation import RequestContext, Response
from acc_sandbox.http.validation import is_uuid
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.access import Membership, membership

T = TypeVar("T")
VERSION = {"version": "1.0"}
LARGEST_PAGE = 200


def document(call: RequestContext, data: object, *, included: list[dict[str, Any]] | None = None) -> Response:
    """One resource, or a list that is never paged."""
    body: dict[str, Any] = {"jsonapi": VERSION, "links": {"self": {"href": _here(call)}}, "data": data}
    if included is not None:
        body["included"] = included
    return Response(body)


def page_of(call: RequestContext, rows: Sequence[T], *, limit: int | None = None) -> tuple[list[T], dict[str, Any]]:
    """The rows of the asked page and its links; there is a next page exactly when `links.next` is there.

    `limit` fixes the size where a list has no `page[limit]`, as search has none.
    """
    number = call.query.number("page[number]", 0, 0)
    size = limit or call.query.number("page[limit]", LARGEST_PAGE, 1, LARGEST_PAGE)
    links: dict[str, Any] = {"self": {"href": _here(call)}}
    if number > 0:
        links["first"] = {"href": _here(call, 0)}
        links["prev"] = {"href": _here(call, number - 1)}
    if (number + 1) * size < len(rows):
        links["next"] = {"href": _here(call, number + 1)}
    return list(rows[number * size : (number + 1) * size]), links


def paged_document(
    data: list[dict[str, Any]], links: dict[str, Any], included: list[dict[str, Any]] | None = None
) -> Response:
    """A list on pages."""
    body: dict[str, Any] = {"jsonapi": VERSION, "links": links, "data": data}
    if included is not None:
        body["included"] = included
    return Response(body)


def dm_member(call: RequestContext) -> Membership:
    """The caller's membership in the project of the path, which needs its `b.` prefix here.

    Raises `RefusedError`: 400 without the prefix, 404 for an unknown project, 403 for a stranger or an app that is not
    provisioned.
    """
    person = call.person
    project_id = call.path["projectId"]
    if not project_id.startswith("b.") or not is_uuid(project_id[2:]):
        raise RefusedError(400, "The project id must be b. and a GUID")
    if not call.sandbox.switches.provisioned:
        raise app_not_provisioned()
    project = call.sandbox.store.row("SELECT * FROM projects WHERE id = ?", project_id[2:].lower())
    if project is None:
        raise RefusedError(404, "The specified project was not found")
    member = membership(call.sandbox, project, person)
    if member is None:
        raise RefusedError(403, "You don't have permission to access this project")
    return member


def extension_types(call: RequestContext) -> list[str]:
    """The types of `filter[extension.type]`, such as `hubs:autodesk.bim360:Account`; 400 for others."""
    types = call.query.several("filter[extension.type]")
    if not all(re.fullmatch(r"(hubs|folders|items):autodesk\.[a-z0-9]+:[A-Z]\w+", one, re.ASCII) for one in types):
        raise RefusedError(400, "The filter extension.type holds a value that it cannot have")
    return types


def need_row(call: RequestContext, member: Membership, table: str, row_id: str) -> Row:
    """A folder, file or version of the member's project; raises `RefusedError` (404) where it has none of that id."""
    # Table names come from this package, never from a request.
    row = call.sandbox.store.row(
        f"SELECT * FROM {table} WHERE id = ? AND projectId = ?",  # noqa: S608
        row_id,
        member.project_id,
    )
    if row is None:
        raise RefusedError(404, "The specified resource was not found")
    return row


def folders_above(call: RequestContext, folder_id: str) -> list[Row]:
    """A folder and those above it, from the bottom up, without the project's root."""
    return call.sandbox.store.rows(
        "WITH RECURSIVE above (id, level) AS (SELECT ?, 0 UNION ALL"
        " SELECT folders.parentId, level + 1 FROM folders JOIN above ON folders.id = above.id)"
        " SELECT folders.* FROM folders JOIN above ON folders.id = above.id ORDER BY level",
        folder_id,
    )


def need_access(call: RequestContext, member: Membership, folder_id: str) -> None:
    """Refuse (403) a folder that is not below one of those that the member may see.

    What ACC's other tools keep follows their permissions, not those of folders.
    """
    if member.top_folders is None:
        return
    above = folders_above(call, folder_id)
    if above and above[-1]["folderType"] == "normal" and not {one["id"] for one in above} & set(member.top_folders):
        raise RefusedError(403, "You don't have permission to access this folder")


def _here(call: RequestContext, number: int | None = None) -> str:
    pairs = [(name, value) for name, value in call.query.pairs if number is None or name != "page[number]"]
    if number is not None:
        pairs.append(("page[number]", str(number)))
    query = urlencode(pairs, safe="[]:")
    return f"{call.base_url}{call.url_path}" + (f"?{query}" if query else "")


Compare = Callable[[str, str], bool]
Test = Callable[[Row], bool]

_COMPARISONS: dict[str, Compare] = {
    "": lambda value, wanted: value == wanted,
    "eq": lambda value, wanted: value == wanted,
    "contains": lambda value, wanted: wanted in value,
    "starts": lambda value, wanted: value.startswith(wanted),
    "ends": lambda value, wanted: value.endswith(wanted),
    "lt": lambda value, wanted: _ordered(value) < _ordered(wanted),
    "le": lambda value, wanted: _ordered(value) <= _ordered(wanted),
    "ge": lambda value, wanted: _ordered(value) >= _ordered(wanted),
    "gt": lambda value, wanted: _ordered(value) > _ordered(wanted),
}
"""Comparison suffixes of JSON:API filters, as in `filter[displayName]-contains=beam`."""


def filters(call: RequestContext) -> Iterator[tuple[str, Compare, str]]:
    """Attribute, comparison and value of every filter; `RefusedError` (400) for a comparison that there is not."""
    for name, raw in call.query.pairs:
        found = re.fullmatch(r"filter\[([\w.]+)\](?:-(\w+))?", name)
        if found is None:
            continue
        if (found[2] or "") not in _COMPARISONS:
            raise RefusedError(400, f"The filter {name} is not supported")
        yield found[1], _COMPARISONS[found[2] or ""], raw


def test(column: str, compare: Compare, raw: str) -> Test:
    """Whether a row's column compares with any of the comma-separated values, in any case of letters."""
    wanted = [one.strip().lower() for one in raw.split(",")]
    return lambda row: any(compare(str(row[column]).lower(), one) for one in wanted)


def _ordered(value: str) -> tuple[int, str]:
    return (int(value), "") if value.isdigit() and value.isascii() and len(value) < 20 else (0, value)
