"""Lookups of items: specs, packages, item types, responses, templates; and who the caller is (fact sheet 5)."""

from __future__ import annotations

import sqlite3
import uuid
from dataclasses import replace
from typing import Any

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, Handler, RequestContext, Response
from acc_sandbox.http.pagination import (
    HUNDRED,
    ITEMS,
    TEMPLATES,
    ListDefinition,
    ResultPage,
    SqlCondition,
    find_page,
    page_answer,
)
from acc_sandbox.http.router import SUBMITTALS
from acc_sandbox.http.schemas import ObjectSchema
from acc_sandbox.http.validation import BodySchema, filled_text
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.access import Membership, admin_only, submittals_member
from acc_sandbox.submittals.permitted_actions import action, project_actions, require_action
from acc_sandbox.submittals.schemas import ITEM_TYPE, ME, PACKAGE, RESPONSE, SPEC, TEMPLATE, page_shape

_STAMPS = ("createdAt", "createdBy", "updatedAt", "updatedBy")
_STAMP_SORTS = {name: name for name in ("id", *_STAMPS)}

_SPECS = ListDefinition(
    "specs",
    ITEMS,
    {"identifier": "identifier", "title": "title"},
    default_sort="identifier asc",
    filters={"filter[identifier]": "identifier IN ({marks})"},
    search=("identifier {like}", "title {like}"),
)
_PACKAGES = ListDefinition(
    "(SELECT packages.*, specs.identifier AS specIdentifier FROM packages JOIN specs ON specs.id = packages.specId)",
    ITEMS,
    {
        **{name: name for name in ("id", "identifier", "title", "description")},
        "spec": "specIdentifier",
        "spec.identifier": "specIdentifier",
    },
    default_sort="identifier asc",
    filters={
        "filter[identifier]": "CAST(identifier AS TEXT) IN ({marks})",
        "filter[title]": "title IN ({marks})",
        "filter[specId]": "specId IN ({marks})",
        "filter[spec.identifier]": "specIdentifier IN ({marks})",
    },
    search=("title {like}", "description {like}", "specIdentifier {like}"),
    search_numbers=("identifier",),
)
_ITEM_TYPES = ListDefinition(
    "(SELECT item_types.*, EXISTS (SELECT 1 FROM items WHERE items.typeId = item_types.id) AS isInUse FROM item_types)",
    HUNDRED,
    {**_STAMP_SORTS, "value": "value", "key": "key"},
    default_sort="value asc",
    filters={},
)
_RESPONSES = ListDefinition(
    "(SELECT responses.*, EXISTS (SELECT 1 FROM items WHERE items.responseId = responses.id)"
    " OR EXISTS (SELECT 1 FROM tasks WHERE tasks.responseId = responses.id) AS isInUse FROM responses)",
    ITEMS,
    {**_STAMP_SORTS, "value": "value", "key": "key"},
    default_sort="value asc",
    filters={},
)
_TEMPLATES = ListDefinition(
    "templates", TEMPLATES, {**_STAMP_SORTS, "name": "name"}, default_sort="createdAt desc", filters={}
)

_NEW_SPEC = BodySchema({"identifier": filled_text, "title": filled_text}, ("identifier", "title"))


def package_json(row: Row) -> dict[str, Any]:
    """A package; nothing can be done with one over the API but read it."""
    return PACKAGE.of(row, permittedActions=[action("Package::retrieve")])


def item_type_json(row: Row) -> dict[str, Any]:
    """An item type."""
    return ITEM_TYPE.of(row, platformId=None, isInUse=bool(row["isInUse"]))


def response_json(sandbox: SandboxState, row: Row) -> dict[str, Any]:
    """A response that a reviewer or a manager may give."""
    if sandbox.switches.response_categories == "tutorial":
        row = row | {"categoryId": {"2": "3", "3": "2"}.get(row["categoryId"], row["categoryId"])}
    return RESPONSE.of(row, platformId=None, isInUse=bool(row["isInUse"]))


def spec_of_query(call: RequestContext, member: Membership) -> str | None:
    """The spec whose sequence counts custom identifiers, or None where the project has one sequence.

    Raises `RefusedError`: 400 when the project's sequence needs `specId` and none is given, 404 for an unknown one.
    """
    if member.project["sequenceType"] != "2":
        return None
    spec_id = call.query.text("specId")
    if not spec_id:
        raise RefusedError(400, '"specId" is required')
    if find_one(call, "specs", member, spec_id) is None:
        raise RefusedError(404, "The spec was not found")
    return spec_id.lower()


def find_one(call: RequestContext, table: str, member: Membership, row_id: str) -> Row | None:
    """A row of one of this module's tables by id, within the project."""
    listing = {
        "specs": _SPECS,
        "packages": _PACKAGES,
        "item_types": _ITEM_TYPES,
        "responses": _RESPONSES,
        "templates": _TEMPLATES,
    }[table]
    # The source is one of the five above.
    return call.sandbox.store.row(
        f"SELECT * FROM {listing.source} WHERE id = ? AND projectId = ?",  # noqa: S608
        row_id.lower(),
        member.project_id,
    )


def _listed(call: RequestContext, listing: ListDefinition) -> ResultPage:
    member = submittals_member(call)
    return find_page(call, listing, [SqlCondition("projectId = ?", (member.project_id,))])


def _one(call: RequestContext, table: str) -> Row:
    found = find_one(call, table, submittals_member(call), call.path["id"])
    if found is None:
        raise RefusedError(404, "The resource was not found")
    return found


def list_specs(call: RequestContext) -> Response:
    """GET /specs."""
    page = _listed(call, _SPECS)
    return page_answer(call, page, [SPEC.of(row) for row in page.rows])


def get_spec(call: RequestContext) -> Response:
    """GET /specs/:id."""
    return Response(SPEC.of(_one(call, "specs")))


def create_spec(call: RequestContext) -> Response:
    """POST /specs; an identifier that the project has already is refused."""
    member = submittals_member(call)
    require_action(project_actions(member), "Spec::create")
    body = call.read_body(_NEW_SPEC)
    who = member.person.autodesk_id
    row = {"id": str(uuid.uuid4()), "projectId": member.project_id, **body}
    row |= {"createdAt": call.moment, "createdBy": who, "updatedAt": call.moment, "updatedBy": who}
    try:
        call.sandbox.store.insert("specs", row)
    except sqlite3.IntegrityError:
        raise call.conflict("The project already has a spec with this identifier") from None
    return Response(SPEC.of(row), 201)


def list_packages(call: RequestContext) -> Response:
    """GET /packages."""
    page = _listed(call, _PACKAGES)
    return page_answer(call, page, [package_json(row) for row in page.rows])


def get_package(call: RequestContext) -> Response:
    """GET /packages/:id."""
    return Response(package_json(_one(call, "packages")))


def list_item_types(call: RequestContext) -> Response:
    """GET /item-types."""
    page = _listed(call, _ITEM_TYPES)
    return page_answer(call, page, [item_type_json(row) for row in page.rows])


def get_item_type(call: RequestContext) -> Response:
    """GET /item-types/:id."""
    return Response(item_type_json(_one(call, "item_types")))


def list_responses(call: RequestContext) -> Response:
    """GET /responses."""
    page = _listed(call, _RESPONSES)
    return page_answer(call, page, [response_json(call.sandbox, row) for row in page.rows])


def get_response(call: RequestContext) -> Response:
    """GET /responses/:id."""
    return Response(response_json(call.sandbox, _one(call, "responses")))


def list_templates(call: RequestContext) -> Response:
    """GET /templates; Submittals admins only."""
    admin_only(submittals_member(call))
    page = _listed(call, _TEMPLATES)
    return page_answer(call, page, [TEMPLATE.of(row) for row in page.rows])


def users_me(call: RequestContext) -> Response:
    """GET /users/me: roles and what may be done in the project."""
    member = submittals_member(call)
    me = ME.of({}, id=member.person.autodesk_id, roles=member.roles, permittedActions=project_actions(member))
    return Response(me)


def every_item_type(call: RequestContext, member: Membership) -> list[dict[str, Any]]:
    """All item types of the project, for the metadata."""
    return [item_type_json(row) for row in _every(call, member, _ITEM_TYPES)]


def every_response(call: RequestContext, member: Membership) -> list[dict[str, Any]]:
    """All responses of the project, for the metadata."""
    return [response_json(call.sandbox, row) for row in _every(call, member, _RESPONSES)]


def _every(call: RequestContext, member: Membership, listing: ListDefinition) -> list[Row]:
    return call.sandbox.store.rows(
        f"SELECT * FROM {listing.source} WHERE projectId = ? ORDER BY value",  # noqa: S608  # a listing's own source
        member.project_id,
    )


def _read(name: str, path: str, handler: Handler, answer: ObjectSchema) -> ApiOperation:
    return ApiOperation(
        name, "GET", f"{SUBMITTALS}/{path}", handler, "submittals", ("data:read",), answers={200: answer}
    )


def _list(name: str, path: str, handler: Handler, row: ObjectSchema, listing: ListDefinition) -> ApiOperation:
    return replace(_read(name, path, handler, page_shape(row)), query=listing.parameters())


OPERATIONS = (
    _list("specs.list", "specs", list_specs, SPEC, _SPECS),
    _read("specs.get", "specs/{id}", get_spec, SPEC),
    ApiOperation(
        "specs.create",
        "POST",
        f"{SUBMITTALS}/specs",
        create_spec,
        "submittals",
        ("data:write",),
        fields=_NEW_SPEC,
        answers={201: SPEC},
    ),
    _list("packages.list", "packages", list_packages, PACKAGE, _PACKAGES),
    _read("packages.get", "packages/{id}", get_package, PACKAGE),
    _list("item-types.list", "item-types", list_item_types, ITEM_TYPE, _ITEM_TYPES),
    _read("item-types.get", "item-types/{id}", get_item_type, ITEM_TYPE),
    _list("responses.list", "responses", list_responses, RESPONSE, _RESPONSES),
    _read("responses.get", "responses/{id}", get_response, RESPONSE),
    _list("templates.list", "templates", list_templates, TEMPLATE, _TEMPLATES),
    _read("users.me", "users/me", users_me, ME),
)
