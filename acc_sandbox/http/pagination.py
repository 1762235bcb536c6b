"""Pages of Submittals lists: limit, offset, sort, and the links to the neighbours (fact sheet 0)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import RequestContext, Response
from acc_sandbox.state.store import Row


@dataclass(frozen=True)
class PageSize:
    """How many rows a list gives when nothing is asked, and at most."""

    default: int
    largest: int


_UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_FORMS = {
    **{f"filter[{name}]": _UUID for name in ("id", "specId", "typeId", "responseId", "reviewResponseId")},
    "filter[packageId]": f"noPackage|{_UUID}",
    **{f"filter[{name}]": r"\d+" for name in ("revision", "leadTime")},
    **{f"filter[{name}]": "[123]" for name in ("managerType", "subcontractorType")},
    **{
        f"filter[{name}]": "[0-9A-Z]+"
        for name in (
            *("manager", "subcontractor", "createdBy", "watchers", "autodeskId"),
            *("ballInCourtUsers", "ballInCourtCompanies", "ballInCourtRoles"),
        )
    },
    "filter[statusId]": "[1-6]",
    "filter[stateId]": "draft|sbc-1|mgr-1|rev|mgr-2|sbc-2|void",
    "filter[categoryId]": "[1-8]",
}
"""What the values of filters look like, but for what people write (fact sheet 0, 2, 3)."""
ITEMS = PageSize(20, 50)
"""The documented sizes."""
HUNDRED = PageSize(100, 100)
"""Steps, item types and mappings, as their samples came back."""
TEMPLATES = PageSize(20, 200)
"""A sample with limit=200 came back with 200."""


@dataclass(frozen=True)
class ListDefinition:
    """A table (or view) that can be listed: SQL by API name for filters and order, and the columns' defaults.

    `filters` maps a query parameter to SQL with one `{marks}` for the comma-separated values; `sorts` maps a sort
    field to an SQL expression; `search` holds conditions with one `{like}` for what `search` looks for, and
    `search_numbers` expressions for whole numbers, which are looked into for digits only.
    """

    source: str
    size: PageSize
    sorts: Mapping[str, str]
    default_sort: str
    filters: Mapping[str, str]
    search: Sequence[str] = ()
    search_numbers: Sequence[str] = ()
    extra_parameters: Sequence[str] = ()
    unique: Sequence[str] = ("id",)
    """Sort fields that no two rows share, after which no other is needed."""

    def parameters(self) -> tuple[str, ...]:
        """Every query parameter that the list knows."""
        return (
            "limit",
            "offset",
            *(["sort"] if self.sorts else []),
            *(["search"] if self.search else []),
            *self.filters,
            *self.extra_parameters,
        )


@dataclass(frozen=True)
class SqlCondition:
    """SQL for a WHERE clause, with the values it binds."""

    sql: str
    values: tuple[object, ...] = ()


@dataclass(frozen=True)
class ResultPage:
    """Rows of one page, and what the `pagination` object says about them."""

    rows: list[Row]
    limit: int
    offset: int
    total: int
    sort: str


def find_page(call: RequestContext, listing: ListDefinition, conditions: Iterable[SqlCondition]) -> ResultPage:
    """The page that a call asks for. Raises `RefusedError` (400) for a bad limit, offset, sort or parameter."""
    query = call.query
    limit = _limit(call, listing.size)
    offset = query.number("offset", 0, 0)
    sort = query.text("sort", listing.default_sort)
    order = _order(sort, listing)
    wanted = [*conditions, *_filters(call, listing), *_search(call, listing)]
    where = " AND ".join(condition.sql for condition in wanted) or "1"
    values = [value for condition in wanted for value in condition.values]
    store = call.sandbox.store
    # Every piece of SQL comes from the listing's own tables; what the client sent is bound.
    # Ids first: of a large table only the page's rows are then read and joined. The limit that is none keeps SQLite
    # from joining what is only counted.
    ids = f"SELECT id FROM {listing.source} WHERE {where}"  # noqa: S608
    if query.text("search").strip() and listing.search:
        # A search reads every row, so it is done once for both the count and the page.
        found = [row["id"] for row in store.rows(f"{ids} ORDER BY {order}", *values)]
        total, found = len(found), found[offset : offset + limit]
    else:
        total = store.count(f"SELECT COUNT(*) FROM ({ids} LIMIT -1)", *values)  # noqa: S608
        found = [row["id"] for row in store.rows(f"{ids} ORDER BY {order} LIMIT ? OFFSET ?", *values, limit, offset)]
    chosen = "id IN (SELECT value FROM json_each(?))"
    rows = store.rows(f"SELECT * FROM {listing.source} WHERE {chosen} ORDER BY {order}", json.dumps(found))  # noqa: S608
    return ResultPage(rows, limit, offset, total, sort)


def slice_page(call: RequestContext, rows: list[Row], size: PageSize) -> ResultPage:
    """The page that a call asks for, of rows that are at hand. Raises `RefusedError` (400) as `find_page` does."""
    limit, offset = _limit(call, size), call.query.number("offset", 0, 0)
    return ResultPage(rows[offset : offset + limit], limit, offset, len(rows), "")


def page_answer(call: RequestContext, page: ResultPage, results: list[Any]) -> Response:
    """`{"pagination", "results"}` with absolute links that repeat the effective query."""
    pagination: dict[str, Any] = {"limit": page.limit, "offset": page.offset, "totalResults": page.total}
    if page.offset + page.limit < page.total:
        pagination["nextUrl"] = _link(call, page, page.offset + page.limit)
    elif call.sandbox.switches.last_page_next_url == "null":
        pagination["nextUrl"] = None
    if page.offset > 0:
        pagination["previousUrl"] = _link(call, page, max(0, page.offset - page.limit))
    return Response({"pagination": pagination, "results": results})


def _limit(call: RequestContext, size: PageSize) -> int:
    asked = call.query.number("limit", size.default, 1)
    if asked <= size.largest or call.sandbox.switches.limit_too_large == "honour":
        return asked
    if call.sandbox.switches.limit_too_large == "refuse":
        raise RefusedError(400, f'"limit" must be less than or equal to {size.largest}')
    return size.largest


def _order(sort: str, listing: ListDefinition) -> str:
    pieces, name = [], ""
    for one in sort.split(","):
        name, _, direction = one.partition(" ")
        if name not in listing.sorts or direction not in ("", "asc", "desc"):
            raise RefusedError(400, f'"sort" does not take "{one}"')
        pieces.append(f"{listing.sorts[name]} {direction or 'asc'}")
    # A unique last key keeps every row on exactly one page.
    return ", ".join(pieces if name in listing.unique else [*pieces, "id asc"])


def _filters(call: RequestContext, listing: ListDefinition) -> Iterable[SqlCondition]:
    for name, sql in listing.filters.items():
        if name in call.query:
            members = call.query.several(name)
            form = _FORMS.get(name, "")
            if form and not all(re.fullmatch(form, one, re.ASCII) for one in members):
                raise RefusedError(400, f'"{name}" holds a value that it cannot have')
            yield SqlCondition(sql.replace("{marks}", ", ".join("?" * len(members))), tuple(members))


def _search(call: RequestContext, listing: ListDefinition) -> Iterable[SqlCondition]:
    words = call.query.text("search").strip()
    if words and listing.search:
        escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        numbers = [f"CAST({one} AS TEXT) {{like}}" for one in listing.search_numbers if words.isdigit()]
        conditions = [one.replace("{like}", "LIKE ? ESCAPE '\\'") for one in (*listing.search, *numbers)]
        yield SqlCondition(f"({' OR '.join(conditions)})", (f"%{escaped}%",) * len(conditions))


def _link(call: RequestContext, page: ResultPage, offset: int) -> str:
    kept = [pair for pair in call.query.pairs if pair[0] not in ("limit", "offset", "sort")]
    pairs = [("limit", str(page.limit)), ("offset", str(offset)), *kept]
    if page.sort:
        pairs.append(("sort", page.sort))
    return f"{call.base_url}{call.url_path}?{urlencode(pairs)}"
