"""Submittal items as they are read: one, the list, their revisions, and custom identifiers."""

from __future__ import annotations

import re
from typing import Any

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, RequestContext, Response
from acc_sandbox.http.pagination import (
    ITEMS,
    ListDefinition,
    SqlCondition,
    find_page,
    is_search,
    page_answer,
    search_page,
    slice_page,
)
from acc_sandbox.http.router import SUBMITTALS
from acc_sandbox.http.validation import BodySchema, filled_text
from acc_sandbox.state.clock import is_plain_date
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.access import Membership, item_role, submittals_member, visible_item
from acc_sandbox.submittals.lookups import spec_of_query
from acc_sandbox.submittals.permitted_actions import LEADS_TO_REVIEW, Action, AttachRules, item_actions
from acc_sandbox.submittals.schemas import ITEM, NEXT_IDENTIFIER, REVISION, page_shape
from acc_sandbox.submittals.steps import revision_steps

_VALUE_FILTERS = {
    **{
        f"filter[{name}]": f"{name} IN ({{marks}})"
        for name in (
            *("id", "title", "statusId", "stateId", "specId", "typeId", "responseId", "manager", "managerType"),
            *("subcontractor", "subcontractorType", "createdBy"),
        )
    },
    **{f"filter[{name}]": f"CAST({name} AS TEXT) IN ({{marks}})" for name in ("identifier", "revision", "leadTime")},
    **{
        # The names are the three of the next line.
        f"filter[{name}]": f"EXISTS (SELECT 1 FROM json_each({name}) AS one WHERE one.value IN ({{marks}}))"  # noqa: S608
        for name in ("ballInCourtUsers", "ballInCourtCompanies", "ballInCourtRoles")
    },
    "filter[watchers]": (
        "EXISTS (SELECT 1 FROM json_each(watchers) AS one WHERE json_extract(one.value, '$.id') IN ({marks}))"
    ),
    "filter[packageId]": "COALESCE(packageId, 'noPackage') IN ({marks})",
    "filter[reviewResponseId]": (
        "EXISTS (SELECT 1 FROM tasks WHERE tasks.itemId = item_rows.id AND tasks.responseId IN ({marks}))"
    ),
}
_DATE_FILTERS = {
    f"filter[{name}]": name
    for name in (
        *("dueDate", "submitterDueDate", "managerDueDate", "createdAt", "updatedAt", "sentToSubmitter"),
        *("receivedFromSubmitter", "sentToReview", "receivedFromReview", "publishedDate", "requiredDate"),
        *("requiredApprovalDate", "requiredOnJobDate"),
    )
}
_OWN_SORTS = (
    *("ballInCourtUsers", "ballInCourtCompanies", "ballInCourtRoles", "ballInCourtType", "customIdentifier"),
    *("customIdentifierHumanReadable", "createdAt", "createdBy", "description", "dueDate", "id", "identifier"),
    *("leadTime", "manager", "managerType", "managerDueDate", "packageId", "packageIdentifier"),
    *("packageSpecIdentifier", "packageTitle", "priority", "publishedBy", "publishedDate", "receivedFromReview"),
    *("receivedFromSubmitter", "requiredApprovalDate", "requiredDate", "requiredOnJobDate", "respondedAt"),
    *("respondedBy", "responseComment", "responseId", "revision", "sentToReview", "sentToReviewBy"),
    *("sentToSubmitter", "specId", "specIdentifier", "specTitle", "stateId", "statusId", "subcontractor"),
    *("subcontractorType", "submittedBy", "submitterDueDate", "subsection", "title", "typeId", "updatedAt"),
    *("updatedBy", "watchers"),
)
_LIST = ListDefinition(
    source="item_rows",
    size=ITEMS,
    sorts={
        **{name: name for name in _OWN_SORTS},
        "package.identifier": "packageIdentifier",
        "package.spec.identifier": "packageSpecIdentifier",
        "response.value": "responseValue",
        "spec.identifier": "specIdentifier",
        "type.value": "typeValue",
    },
    default_sort="identifier desc",
    filters=_VALUE_FILTERS,
    search=("title {like}",),
    search_related={
        "specId": "SELECT id FROM specs WHERE identifier {like}",
        # Each name once, by leaps through its index.
        "ballInCourtNames": """WITH RECURSIVE court (names) AS (
            SELECT MIN(ballInCourtNames) FROM items UNION ALL
            SELECT (SELECT MIN(ballInCourtNames) FROM items WHERE ballInCourtNames > names) FROM court
            WHERE names IS NOT NULL
        ) SELECT names AS id FROM court WHERE names {like}""",
    },
    # A scan of this index reads a tenth of the table.
    search_source="items INDEXED BY items_searched",
    search_numbers=("identifier",),
    extra_parameters=tuple(_DATE_FILTERS),
    unique=("id", "identifier"),
)

_CUSTOM_IDENTIFIER = BodySchema({"customIdentifier": filled_text}, ("customIdentifier",))


def actions_of(sandbox: SandboxState, member: Membership, item: Row) -> list[Action]:
    """The item's `permittedActions` for a member."""
    state = item["stateId"]
    # Steps count for the ways to review alone.
    has_steps = state in LEADS_TO_REVIEW and bool(
        sandbox.store.value("SELECT EXISTS (SELECT 1 FROM steps WHERE itemId = ?)", item["id"])
    )
    return item_actions(state, item_role(sandbox, member, item), AttachRules.of(sandbox.switches), has_steps=has_steps)


def item_json(sandbox: SandboxState, member: Membership, item: Row) -> dict[str, Any]:
    """The item object of GET, list rows, POST, PATCH and transition (fact sheet 2.1)."""
    return ITEM.of(item, ballInCourt=[], permittedActions=actions_of(sandbox, member, item))


def stored_item(sandbox: SandboxState, item_id: str) -> Row:
    """An item that is known to be there, with what it takes from its spec and package."""
    item = sandbox.store.row("SELECT * FROM item_rows WHERE id = ?", item_id)
    if item is None:
        raise LookupError(f"there is no submittal {item_id}")
    return item


async def list_items(call: RequestContext) -> Response:
    """GET /items: search, filters, sort, pages; drafts for managers only, void items only when asked for."""
    member = submittals_member(call)
    # The plus keeps SQLite from going through the whole project where a search has few ids already.
    own = "+projectId = ?" if is_search(call) else "projectId = ?"
    conditions = [SqlCondition(own, (member.project_id,))]
    if not member.manages:
        conditions.append(SqlCondition("stateId != 'draft'"))
    asks_void = "void" in call.query.several("filter[stateId]") or "4" in call.query.several("filter[statusId]")
    if not asks_void:
        conditions.append(SqlCondition("stateId != 'void'"))
    conditions += [_date_condition(call, name, column) for name, column in _DATE_FILTERS.items() if name in call.query]
    page = await search_page(call, _LIST, conditions) if is_search(call) else find_page(call, _LIST, conditions)
    with call.sandbox.store.transaction():
        return page_answer(call, page, [item_json(call.sandbox, member, row) for row in page.rows])


def get_item(call: RequestContext) -> Response:
    """GET /items/:itemId."""
    member = submittals_member(call)
    return Response(item_json(call.sandbox, member, visible_item(call, member)))


def list_revisions(call: RequestContext) -> Response:
    """GET /items/:itemId/revisions: past ones as they were, then the present one, newest first."""
    member = submittals_member(call)
    item = visible_item(call, member)
    past = call.sandbox.store.rows(
        "SELECT body FROM past_revisions WHERE itemId = ? ORDER BY revision DESC", item["id"]
    )
    every = [revision_json(call.sandbox, item), *(one["body"] for one in past)]
    page = slice_page(call, every, ITEMS)
    return page_answer(call, page, page.rows)


def revision_json(sandbox: SandboxState, item: Row) -> dict[str, Any]:
    """One row of the history (fact sheet 2.8)."""
    return REVISION.of(item, itemId=item["id"], reviewerDueDate=None, steps=revision_steps(sandbox, item))


def next_custom_identifier(call: RequestContext) -> Response:
    """GET /items:next-custom-identifier (fact sheet 2.7)."""
    member = submittals_member(call)
    taken = taken_identifiers(call.sandbox, member, spec_of_query(call, member))
    previous = max(taken, key=_as_number, default=None)
    following = "1" if previous is None else _counted_up(previous)
    return Response(NEXT_IDENTIFIER.of({}, previousCustomIdentifier=previous, nextCustomIdentifier=following))


def validate_custom_identifier(call: RequestContext) -> Response:
    """POST /items:validate-custom-identifier: 204, or 409 when it is taken."""
    member = submittals_member(call)
    body = call.read_body(_CUSTOM_IDENTIFIER)
    if body["customIdentifier"] in taken_identifiers(call.sandbox, member, spec_of_query(call, member)):
        raise RefusedError(409, "The custom identifier is already in use")
    return Response(status=204, headers={"Content-Type": "application/json"})


def taken_identifiers(
    sandbox: SandboxState, member: Membership, spec_id: str | None, *, besides: str = ""
) -> list[str]:
    """Custom identifiers in use within the project's sequence: one spec section, or the whole project."""
    rows = sandbox.store.rows(
        "SELECT customIdentifier FROM items WHERE projectId = ? AND customIdentifier IS NOT NULL AND id != ?"
        " AND (? IS NULL OR specId = ?)",
        member.project_id,
        besides,
        spec_id,
        spec_id,
    )
    return [row["customIdentifier"] for row in rows]


def _date_condition(call: RequestContext, name: str, column: str) -> SqlCondition:
    first, dots, last = call.query.text(name).partition("..")
    last = last if dots else first
    if not (is_plain_date(first) and is_plain_date(last)):
        raise RefusedError(400, f'"{name}" must be YYYY-MM-DD or YYYY-MM-DD..YYYY-MM-DD')
    return SqlCondition(f"substr({column}, 1, 10) BETWEEN ? AND ?", (first, last))


def _as_number(identifier: str) -> tuple[int, str]:
    digits = re.search(r"\d{1,18}$", identifier)
    return (int(digits.group()) if digits else -1, identifier)


def _counted_up(identifier: str) -> str:
    digits = re.search(r"\d{1,18}$", identifier)
    if digits is None:
        return f"{identifier}1"
    return identifier[: digits.start()] + str(int(digits.group()) + 1).zfill(len(digits.group()))


OPERATIONS = (
    ApiOperation(
        "items.list",
        "GET",
        f"{SUBMITTALS}/items",
        list_items,
        "submittals",
        ("data:read",),
        query=_LIST.parameters(),
        answers={200: page_shape(ITEM)},
    ),
    ApiOperation(
        "items.get",
        "GET",
        f"{SUBMITTALS}/items/{{itemId}}",
        get_item,
        "submittals",
        ("data:read",),
        answers={200: ITEM},
    ),
    ApiOperation(
        "items.revisions",
        "GET",
        f"{SUBMITTALS}/items/{{itemId}}/revisions",
        list_revisions,
        "submittals",
        ("data:read",),
        query=("limit", "offset"),
        answers={200: page_shape(REVISION)},
    ),
    ApiOperation(
        "items.next-custom-identifier",
        "GET",
        f"{SUBMITTALS}/items:next-custom-identifier",
        next_custom_identifier,
        "submittals",
        ("data:read",),
        query=("specId",),
        answers={200: NEXT_IDENTIFIER},
    ),
    ApiOperation(
        "items.validate-custom-identifier",
        "POST",
        f"{SUBMITTALS}/items:validate-custom-identifier",
        validate_custom_identifier,
        "submittals",
        ("data:read",),
        query=("specId",),
        fields=_CUSTOM_IDENTIFIER,
        answers={204: None},
        refused=(409,),
    ),
)
