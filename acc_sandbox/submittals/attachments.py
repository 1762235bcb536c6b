"""Attachments: listed, reserved (or linked) and confirmed (fact sheet 3); what follows is `processing`."""

from __future__ import annotations

import re
import uuid
from functools import partial
from typing import Any

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, RequestContext, Response
from acc_sandbox.http.pagination import ITEMS, ListDefinition, SqlCondition, find_page, page_answer
from acc_sandbox.http.router import SUBMITTALS
from acc_sandbox.http.validation import BodySchema, FieldValidator, filled_text, flag, identifier, one_of, text
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.access import ItemRole, Membership, item_role, submittals_member, visible_item
from acc_sandbox.submittals.items import actions_of
from acc_sandbox.submittals.permitted_actions import Action, attachment_actions, require_action
from acc_sandbox.submittals.processing import copy_object, follow, new_object_urn, stored_object
from acc_sandbox.submittals.schemas import ATTACHMENT, page_shape
from acc_sandbox.submittals.states import DEFAULT_CATEGORY

FORBIDDEN_IN_NAMES = frozenset("/\n\r\t\0\f?*\\<>|:")
"""Characters that a name may not have (fact sheet 3.3)."""

_NEVER_FILLED = dict.fromkeys(("url", "urnPage", "resourceUrns"))
_SORTS = (
    *("id", "isFileUploaded", "asyncState", "createdBy", "createdAt", "updatedBy", "updatedAt", "name", "uploadUrn"),
    *("urn", "urnTypeId", "urnVersion", "revision", "categoryId"),
)
_LIST = ListDefinition(
    source="attachments",
    size=ITEMS,
    sorts={
        **{name: name for name in _SORTS},
        "urnPage": "NULL",
        "resourceUrns": "NULL",
        "isReview": "(categoryId IN ('2', '3', '6', '7'))",
        "isResponse": "(categoryId IN ('3', '4', '7', '8'))",
    },
    default_sort="createdAt desc",
    filters={
        "filter[categoryId]": "categoryId IN ({marks})",
        "filter[revision]": "CAST(revision AS TEXT) IN ({marks})",
    },
    extra_parameters=("filter[isFileUploaded]",),
)

_NEW = BodySchema(
    {
        "name": filled_text,
        "itemId": identifier,
        "taskId": identifier,
        "urn": text,
        "urnTypeId": one_of("2"),
        "sendEmails": flag,
        "isFileUploaded": flag,
        "categoryId": one_of("1", "2", "3", "4", numbers=True),  # Postman sends a number (fact sheet 3.3)
    },
    ("name", "urnTypeId"),
)
_CONFIRMATION = BodySchema({"isFileUploaded": flag, "sendEmails": flag}, ("isFileUploaded",))


def attachment_json(attachment: Row, actions: list[Action]) -> dict[str, Any]:
    """The attachment object (fact sheet 3.1)."""
    return ATTACHMENT.of({**attachment, **_NEVER_FILLED}, permittedActions=actions)


def list_attachments(call: RequestContext) -> Response:
    """GET …/attachments: of every revision unless filtered."""
    member = submittals_member(call)
    item = visible_item(call, member)
    conditions = [SqlCondition("itemId = ?", (item["id"],))]
    if "filter[isFileUploaded]" in call.query:
        wanted = call.query.flag("filter[isFileUploaded]", default=False)
        conditions.append(SqlCondition("isFileUploaded = ?", (int(wanted),)))
    page = find_page(call, _LIST, conditions)
    mine = item_role(call.sandbox, member, item)
    return page_answer(call, page, [_shown(row, item, mine, member) for row in page.rows])


def create_attachment(call: RequestContext) -> Response:
    """POST …/attachments: reserve an object for local bytes, or link a version of the Files tool."""
    member = submittals_member(call)
    item = visible_item(call, member)
    mine = item_role(call.sandbox, member, item)
    allowed = require_action(actions_of(call.sandbox, member, item), "Attachment::create")
    body = call.read_body(BodySchema(_create_checks(call, allowed), _NEW.required))
    if body.get("itemId", item["id"]) != item["id"]:
        raise RefusedError(400, '"itemId" differs from the item of the path')
    _refuse_repeated_name(call, item, body["name"])
    version = _linked_version(call, body, member)
    moment, who = call.moment, member.person.autodesk_id
    row: Row = {
        "id": str(uuid.uuid4()),
        "itemId": item["id"],
        "projectId": member.project_id,
        "revisionFolderUrn": item["folderUrn"],
        "isFileUploaded": version is not None,
        "asyncState": "1" if version is None else call.sandbox.switches.linked_async_state,
        "createdBy": who,
        "createdAt": moment,
        "updatedBy": who,
        "updatedAt": moment,
        "name": body["name"],
        "uploadUrn": new_object_urn(call.sandbox, member.project_id, body["name"]),
        "urn": None if version is None else version["id"],
        "urnTypeId": "2",
        "urnVersion": None if version is None else version["versionNumber"],
        "revision": item["revision"],
        "categoryId": _category(call, body.get("categoryId"), item, allowed),
        "taskId": _task(call, body.get("taskId"), item, mine),
        "duplicatedFrom": None,
    }
    call.sandbox.store.insert("attachments", row)
    if version is not None:
        copy_object(call.sandbox, version["storageUrn"], row["uploadUrn"])
        follow(call.sandbox, row["id"])
    return Response(_shown(row, item, mine, member), 201)


def patch_attachment(call: RequestContext) -> Response:
    """PATCH …/attachments/:attachmentId: say that the bytes are there; the version URN follows later."""
    member = submittals_member(call)
    item = visible_item(call, member)
    sandbox, mine = call.sandbox, item_role(call.sandbox, member, item)
    row = sandbox.store.row(
        "SELECT * FROM attachments WHERE id = ? AND itemId = ?", call.path["attachmentId"].lower(), item["id"]
    )
    if row is None:
        raise RefusedError(404, "The attachment was not found")
    require_action(_shown(row, item, mine, member)["permittedActions"], "Attachment::partial_update")
    body = call.read_body(_CONFIRMATION)
    if not body["isFileUploaded"]:
        raise RefusedError(400, '"isFileUploaded" must be [true]')
    if row["isFileUploaded"]:
        if sandbox.switches.patch_twice == "refuse":
            raise RefusedError(400, "The file is uploaded already")
        return Response(_shown(row, item, mine, member))
    if sandbox.switches.patch_before_upload == "refuse" and not stored_object(sandbox, row["uploadUrn"]):
        raise RefusedError(400, "The upload is not completed")
    changes = {"isFileUploaded": True, "updatedAt": call.moment, "updatedBy": member.person.autodesk_id}
    sandbox.store.update("attachments", row["id"], changes)
    follow(sandbox, row["id"])
    return Response(_shown(row | changes, item, mine, member))


def _shown(row: Row, item: Row, mine: ItemRole, member: Membership) -> dict[str, Any]:
    actions = attachment_actions(row, mine, item_state=item["stateId"], person_id=member.person.autodesk_id)
    return attachment_json(row, actions)


def _create_checks(call: RequestContext, allowed: Action) -> dict[str, FieldValidator]:
    checks = {
        **_NEW.checks,
        "name": FieldValidator(partial(_file_name, longest=call.sandbox.switches.longest_name), text.schema),
    }
    # The default category may be named even by a person who may not choose another one.
    return {name: check for name, check in checks.items() if name in allowed["fields"] or name == "categoryId"}


def _file_name(field: str, value: Any, longest: int) -> str:
    name: str = text(field, value)
    if not name.strip():
        raise RefusedError(400, '"name" is not allowed to be empty')
    if FORBIDDEN_IN_NAMES.intersection(name):
        raise RefusedError(400, '"name" holds a forbidden character')
    if len(name) > longest:
        raise RefusedError(400, f'"name" may have {longest} characters')
    return name


def _refuse_repeated_name(call: RequestContext, item: Row, name: str) -> None:
    if call.sandbox.switches.duplicate_names == "refuse" and call.sandbox.store.row(
        "SELECT id FROM attachments WHERE itemId = ? AND revision = ? AND name = ?", item["id"], item["revision"], name
    ):
        raise call.conflict('"name" is already in use')


def _category(call: RequestContext, asked: str | None, item: Row, allowed: Action) -> str:
    draft = item["stateId"] == "draft"
    default = call.sandbox.switches.draft_category if draft else DEFAULT_CATEGORY[item["stateId"]]
    if asked is not None and asked not in (default, *allowed["fields"].get("categoryId", [])):
        raise RefusedError(400, f'"categoryId" {asked} is not allowed in this state')
    return asked or default


def _task(call: RequestContext, task_id: str | None, item: Row, mine: ItemRole) -> str | None:
    if item["stateId"] != "rev":
        return None
    if task_id is None:
        raise RefusedError(400, '"taskId" is required while the item is in review')
    task = call.sandbox.store.row("SELECT status FROM tasks WHERE id = ? AND itemId = ?", task_id, item["id"])
    if task is None:
        raise RefusedError(400, '"taskId" is not a task of this item')
    any_task = mine.manages and call.sandbox.switches.managers_attach_in_review and task["status"] == "in-progress"
    if not any_task and task_id not in mine.open_tasks:
        raise RefusedError(403, "The task is not open, or not yours")
    return task_id


def _linked_version(call: RequestContext, body: dict[str, Any], member: Membership) -> Row | None:
    uploaded, urn = body.get("isFileUploaded"), body.get("urn")
    if uploaded is False:
        raise RefusedError(400, '"isFileUploaded" must be [true]')
    if (urn is None) != (uploaded is None):
        raise RefusedError(400, '"urn" and "isFileUploaded" go together')
    if urn is None:
        return None
    if not re.fullmatch(r"urn:adsk\.wip\w+:fs\.file:vf\.[\w-]+\?version=\d+", urn):
        raise RefusedError(400, '"urn" is not the URN of a file version')
    version = call.sandbox.store.row("SELECT * FROM versions WHERE id = ? AND projectId = ?", urn, member.project_id)
    if version is None:
        raise RefusedError(call.sandbox.switches.foreign_urn_status, "The file version was not found in this project")
    return version


_PATH = f"{SUBMITTALS}/items/{{itemId}}/attachments"
OPERATIONS = (
    ApiOperation(
        "attachments.list",
        "GET",
        _PATH,
        list_attachments,
        "submittals",
        ("data:read",),
        query=_LIST.parameters(),
        answers={200: page_shape(ATTACHMENT)},
    ),
    ApiOperation(
        "attachments.create",
        "POST",
        _PATH,
        create_attachment,
        "submittals",
        ("data:write",),
        fields=_NEW,
        answers={201: ATTACHMENT},
    ),
    ApiOperation(
        "attachments.patch",
        "PATCH",
        f"{_PATH}/{{attachmentId}}",
        patch_attachment,
        "submittals",
        ("data:write",),
        fields=_CONFIRMATION,
        answers={200: ATTACHMENT},
    ),
)
