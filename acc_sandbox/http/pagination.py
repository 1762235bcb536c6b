"""Pages of Submittals lists: limit, offset, sort, and the links to the neighbours (fact sheet 0)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import RequestContext, Response
from acc_sandbox.state.store import Row


@dataclass(frozen=True)
class PageSize:
    """Number of rows that a list gives by default, and at most."""

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
    search_related: Mapping[str, str] = field(default_factory=dict)
    """Column: a query, with `{like}`, for the ids in it that a search finds besides."""
    search_source: str = ""
    """Where a search looks, if another table than `source` is faster; it has the same ids."""
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
    plan, store = _PageQuery.of(call, listing, conditions), call.sandbox.store
    if is_search(call):
        # A search reads every row, so it is done once for both the count and the page.
        return plan.page(call, store.column(plan.ordered, *plan.values))
    # The limit that is none keeps SQLite from joining what is only counted.
    total = store.count(f"SELECT COUNT(*) FROM ({plan.ids} LIMIT -1)", *plan.values)  # noqa: S608
    return plan.read(call, store.page(plan.ordered, *plan.values, limit=plan.limit, offset=plan.offset), total)


async def search_page(call: RequestContext, listing: ListDefinition, conditions: Iterable[SqlCondition]) -> ResultPage:
    """The page of a search as `find_page` gives it, found in a worker thread while other requests go on."""
    plan, store = _PageQuery.of(call, listing, conditions), call.sandbox.store
    return plan.page(call, await asyncio.to_thread(store.search, plan.ordered, *plan.values))


def is_search(call: RequestContext) -> bool:
    """Whether a call of a list looks for words."""
    return bool(call.query.text("search").strip())


@dataclass(frozen=True)
class _PageQuery:
    """The SQL of a list, made from its own tables; what the client sent is bound.

    Ids first: of a large table only the page's rows are then read and joined.
    """

    source: str
    ids: str
    order: str
    values: list[object]
    limit: int
    offset: int
    sort: str

    @classmethod
    def of(cls, call: RequestContext, listing: ListDefinition, conditions: Iterable[SqlCondition]) -> _PageQuery:
        limit, offset = _limit(call, listing.size), call.query.number("offset", 0, 0)
        sort = call.query.text("sort", listing.default_sort)
        order = _order(sort, listing)
        wanted = [*_search(call, listing), *conditions, *_filters(call, listing)]
        where = " AND ".join(condition.sql for condition in wanted) or "1"
        values = [value for condition in wanted for value in condition.values]
        return cls(listing.source, f"SELECT id FROM {listing.source} WHERE {where}", order, values, limit, offset, sort)  # noqa: S608

    @property
    def ordered(self) -> str:
        return f"{self.ids} ORDER BY {self.order}"

    def page(self, call: RequestContext, found: list[Any]) -> ResultPage:
        """The page, of all ids that were found."""
        return self.read(call, found[self.offset : self.offset + self.limit], len(found))

    def read(self, call: RequestContext, ids: list[Any], total: int) -> ResultPage:
        """The page with these ids."""
        sql = f"SELECT * FROM {self.source} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY {self.order}"  # noqa: S608
        return ResultPage(call.sandbox.store.rows(sql, json.dumps(ids)), self.limit, self.offset, total, self.sort)


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
    if not (is_search(call) and listing.search):
        return
    words = call.query.text("search").strip()
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    pattern, like = f"%{escaped}%", "LIKE ? ESCAPE '\\'"
    numbers = [f"CAST({one} AS TEXT) {{like}}" for one in listing.search_numbers if words.isdigit()]
    conditions = [one.replace("{like}", like) for one in (*listing.search, *numbers)]
    values = [pattern] * len(conditions)
    for column, query in listing.search_related.items():
        found = [row["id"] for row in call.sandbox.store.rows(query.replace("{like}", like), pattern)]
        if found:
            conditions.append(f"{column} IN ({', '.join('?' * len(found))})")
            values += found
    sql = " OR ".join(conditions)
    if listing.search_source:
        yield SqlCondition(f"id IN (SELECT id FROM {listing.search_source} WHERE {sql})", tuple(values))  # noqa: S608  # ours
    else:
        yield SqlCondition(f"({sql})", tuple(values))


def _link(call: RequestContext, page: ResultPage, offset: int) -> str:
    kept = [pair for pair in call.query.pairs if pair[0] not in ("limit", "offset", "sort")]
    pairs = [("limit", str(page.limit)), ("offset", str(offset)), *kept]
    if page.sort:
        pairs.append(("sort", page.sort))
    return f"{call.base_url}{call.url_path}?{urlencode(pairs)}"
