"""Creating items and changing their fields (fact sheet 2.4, 2.5), and giving one its next revision.

People make a revision in ACC's own pages: the public API has no way (fact sheet 1, 12).
"""

from __future__ import annotations

import uuid
from typing import Any

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, RequestContext, Response
from acc_sandbox.http.router import SUBMITTALS
from acc_sandbox.http.validation import BodySchema
from acc_sandbox.state.clock import stamp
from acc_sandbox.state.people import PeopleDirectory
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.access import Membership, submittals_member, visible_item
from acc_sandbox.submittals.item_fields import check_references, checks_for, columns_of
from acc_sandbox.submittals.items import actions_of, item_json, revision_json, stored_item
from acc_sandbox.submittals.permitted_actions import (
    CREATE_FIELDS,
    CREATE_REQUIRED,
    PATCH_FIELDS,
    project_actions,
    require_action,
)
from acc_sandbox.submittals.reviews import reset_steps, steps_from_template
from acc_sandbox.submittals.schemas import ITEM
from acc_sandbox.submittals.states import STATUS_OF_STATE, court

_CREATE_STATES = ("draft", "sbc-1", "mgr-1")


def create_item(call: RequestContext) -> Response:
    """POST /items: a manager makes a draft or asks a contractor to submit; anybody else submits to a manager."""
    member = submittals_member(call)
    action = require_action(project_actions(member), "Item::create")
    body = call.read_body(BodySchema(checks_for(CREATE_FIELDS), action["mandatoryFields"]))
    state = body["stateId"]
    if state not in _CREATE_STATES:
        raise RefusedError(400, f'"stateId" must be one of [{", ".join(_CREATE_STATES)}]')
    way = next((one for one in action["transitions"] if one["stateTo"]["id"] == state), None)
    if way is None:
        raise RefusedError(403, f"You are not permitted to create an item in {state}")
    for name in way["mandatoryFields"] or []:
        if body.get(name) is None:
            raise RefusedError(400, f'"{name}" is required')
    row = _new_row(call, member, body)
    call.sandbox.store.insert("items", row)
    if body.get("templateId") is not None:
        steps_from_template(call, member, row["id"], body["templateId"])
    call.sandbox.schedule("item.folder", row["id"], call.sandbox.switches.folder_delay)
    return Response(item_json(call.sandbox, member, stored_item(call.sandbox, row["id"])), 201)


def patch_item(call: RequestContext) -> Response:
    """PATCH /items/:itemId: exactly the fields that `Item::partial_update` lists for the person and state."""
    member = submittals_member(call)
    item = visible_item(call, member)
    action = require_action(actions_of(call.sandbox, member, item), "Item::partial_update")
    # managerDueDate is documented for PATCH, though no sample lists it.
    body = call.read_body(BodySchema(checks_for([*action["fields"], "managerDueDate"])))
    changes = columns_of(body)
    check_references(call, member, item, changes)
    changes |= _court_changes(item, changes, call.sandbox.people)
    changes |= {"updatedAt": call.moment, "updatedBy": member.person.autodesk_id}
    call.sandbox.store.update("items", item["id"], changes)
    return Response(item_json(call.sandbox, member, stored_item(call.sandbox, item["id"])))


def _new_row(call: RequestContext, member: Membership, body: dict[str, Any]) -> Row:
    who, now, state = member.person.autodesk_id, call.moment, body["stateId"]
    number = call.sandbox.store.value("SELECT MAX(identifier) FROM items WHERE projectId = ?", member.project_id)
    row: Row = {"description": "", "priority": "Normal", "watchers": [], "responseComment": "", **columns_of(body)}
    if member.manages:
        row = {"manager": who, "managerType": "1", **row}
    else:
        # A creator who is no manager is the responsible contractor.
        row |= {"subcontractor": who, "subcontractorType": "1"}
    check_references(call, member, {}, row)
    row |= {
        "id": str(uuid.uuid4()),
        "projectId": member.project_id,
        "identifier": (number or 0) + 1,
        "revision": 0,
        "statusId": STATUS_OF_STATE[state],
        "createdAt": now,
        "createdBy": who,
        "updatedAt": now,
        "updatedBy": who,
    }
    if state == "sbc-1":
        row |= {"sentToSubmitter": now, "dueDate": row["submitterDueDate"]}
    if state == "mgr-1":
        row |= {"receivedFromSubmitter": now, "submittedBy": who, "dueDate": row.get("managerDueDate")}
    return row | court(state, {"subcontractor": None, "subcontractorType": None, **row}, [], call.sandbox.people)


def _court_changes(item: Row, changes: Row, people: PeopleDirectory) -> Row:
    """The ball follows the person it lies with, and the due date follows the contractor's."""
    state = item["stateId"]
    if state == "rev":
        return {}
    moved = court(state, item | changes, [], people) if {"manager", "subcontractor"} & changes.keys() else {}
    if state == "sbc-1" and "submitterDueDate" in changes:
        moved["dueDate"] = changes["submitterDueDate"]
    return {name: value for name, value in moved.items() if name not in changes}


OPERATIONS = (
    ApiOperation(
        "items.create",
        "POST",
        f"{SUBMITTALS}/items",
        create_item,
        "submittals",
        ("data:write",),
        fields=BodySchema(checks_for(CREATE_FIELDS), CREATE_REQUIRED),
        answers={201: ITEM},
    ),
    ApiOperation(
        "items.patch",
        "PATCH",
        f"{SUBMITTALS}/items/{{itemId}}",
        patch_item,
        "submittals",
        ("data:write",),
        fields=BodySchema(checks_for(PATCH_FIELDS)),
        answers={200: ITEM},
    ),
)


_KEPT = ("manager", "managerType", "subcontractor", "subcontractorType", "submitterDueDate", "managerDueDate")
_CLEARED = (
    *("receivedFromSubmitter", "submittedBy", "sentToReview", "sentToReviewBy", "receivedFromReview"),
    *("publishedDate", "publishedBy", "responseId", "respondedAt", "respondedBy", "folderUrn"),
)


def create_revision(sandbox: SandboxState, item_id: str) -> None:
    """Give an item its next revision, and back to the contractor with it.

    What it was stays in its history; its attachments get the categories 5 to 8; its folder follows as for a new item.
    Raises `LookupError` for an item that does not exist, or is a draft or void.
    """
    with sandbox.store.transaction():
        item = stored_item(sandbox, item_id)
        if item["stateId"] in ("draft", "void"):
            raise LookupError(f"an item in {item['stateId']} has no next revision")
        now = stamp(sandbox.clock.now())
        past = {"itemId": item_id, "revision": item["revision"], "body": revision_json(sandbox, item)}
        sandbox.store.insert("past_revisions", past)
        # 1 to 4 become 5 to 8 in this order (fact sheet 6, inferred).
        sandbox.store.run(
            "UPDATE attachments SET categoryId = CAST(categoryId + 4 AS TEXT) WHERE itemId = ? AND categoryId < '5'",
            item_id,
        )
        reset_steps(sandbox, item)
        changes: Row = {
            **dict.fromkeys(_CLEARED),
            **{name: item[name] for name in _KEPT},
            "revision": item["revision"] + 1,
            "stateId": "sbc-1",
            "statusId": STATUS_OF_STATE["sbc-1"],
            "responseComment": "",
            "sentToSubmitter": now,
            "dueDate": item["submitterDueDate"],
            "updatedAt": now,
            "updatedBy": item["manager"] or item["createdBy"],
        }
        sandbox.store.update("items", item_id, changes | court("sbc-1", item, [], sandbox.people))
        sandbox.schedule("item.folder", item_id, sandbox.switches.folder_delay)
