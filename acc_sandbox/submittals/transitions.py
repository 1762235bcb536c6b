"""POST :transition: an item goes from one state to another, with everything that this entails (fact sheet 2.6, 6)."""

from __future__ import annotations

from typing import Any

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, RequestContext, Response
from acc_sandbox.http.router import SUBMITTALS
from acc_sandbox.http.validation import BodySchema, read_json
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.access import Membership, submittals_member, visible_item
from acc_sandbox.submittals.item_fields import check_references, checks_for, columns_of
from acc_sandbox.submittals.items import actions_of, item_json, stored_item
from acc_sandbox.submittals.permitted_actions import TRANSITION_FIELDS, Action, require_action
from acc_sandbox.submittals.processing import duplicate
from acc_sandbox.submittals.reviews import next_step, open_tasks, reset_open_steps, returned_step, start_step, take_back
from acc_sandbox.submittals.schemas import ITEM
from acc_sandbox.submittals.states import STATUS_OF_STATE, court

_ALWAYS = ("duplicateAttachments", "saveAttachmentDrafts")
"""The tutorial sends duplicates with every transition, listed or not."""
_MANAGERS_ONLY = ("customIdentifier", "managerDueDate")
"""PATCH fields that `Item::wf_transition` leaves out of its list, documented for transitions all the same."""


def transition_item(call: RequestContext) -> Response:
    """POST /items/:itemId:transition."""
    member = submittals_member(call)
    item = visible_item(call, member)
    action = require_action(actions_of(call.sandbox, member, item), "Item::wf_transition")
    body = _read_body(call, member, item, action)
    target = body["stateId"]
    changes = columns_of(body)
    check_references(call, member, item, changes)
    changes |= _effects(call, item | changes, item["stateId"], target, body)
    changes |= {"statusId": STATUS_OF_STATE[target], "updatedAt": call.moment, "updatedBy": member.person.autodesk_id}
    moved = court(target, item | changes, open_tasks(call.sandbox, item), call.sandbox.people)
    changes |= {name: value for name, value in moved.items() if name not in changes}
    call.sandbox.store.update("items", item["id"], changes)
    copies = body.get("duplicateAttachments", [])
    who = member.person.autodesk_id
    duplicate(call.sandbox, item, copies, target=target, who=who, moment=call.moment)
    return Response(item_json(call.sandbox, member, stored_item(call.sandbox, item["id"])))


def _read_body(call: RequestContext, member: Membership, item: Row, action: Action) -> dict[str, Any]:
    raw = read_json(call.content)
    target = raw.get("stateId") if isinstance(raw, dict) else None
    way = next((one for one in action["transitions"] if one["stateTo"]["id"] == target), None)
    names = [*action["fields"], *_ALWAYS]
    if way is not None:
        names += [*(way["transitionFields"] or []), *(way["mandatoryFields"] or [])]
    if member.manages:
        names += _MANAGERS_ONLY
    body = call.read_body(BodySchema(checks_for(names), ("stateId",)))
    if way is None:
        status = call.sandbox.switches.refused_transition_status
        raise RefusedError(status, f"The item cannot go from {item['stateId']} to {target}")
    # Mandatory means known afterwards: a number that the item has already need not be sent again.
    after = {"managerType": "1", "subcontractorType": "1"} | {**item, **body}
    for name in way["mandatoryFields"] or []:
        if after.get(name) is None:
            raise RefusedError(400, f'"{name}" is required')
    return body


def _effects(call: RequestContext, item: Row, source: str, target: str, body: dict[str, Any]) -> Row:
    """Changes that the transition itself makes; what the request sets wins where both do."""
    who, now = call.person.autodesk_id, call.moment
    changes: Row = {}
    if source == "rev" and target != "mgr-1":
        reset_open_steps(call.sandbox, item)
    if target == "sbc-1":
        changes = {"sentToSubmitter": now, "dueDate": item["submitterDueDate"]}
    elif target == "mgr-1" and source == "sbc-1":
        changes = {"receivedFromSubmitter": now, "submittedBy": who, "dueDate": item["managerDueDate"]}
    elif target == "mgr-1":
        take_back(call.sandbox, item)
        changes = {"dueDate": item["managerDueDate"]}
    elif target == "rev":
        step = next_step(call.sandbox, item) if source == "mgr-1" else returned_step(call.sandbox, item)
        due = start_step(call, step, body.get("stepDueDate"))
        changes = {"sentToReview": now, "sentToReviewBy": who, "dueDate": due}
    elif target == "sbc-2":
        changes = {"publishedDate": now, "publishedBy": who, "respondedAt": now, "respondedBy": who}
    elif target == "mgr-2":
        changes = {"publishedDate": None, "publishedBy": None, "dueDate": item["managerDueDate"]}
    elif target == "void":
        changes = {"dueDate": None}
    return {name: value for name, value in changes.items() if name not in body}


OPERATIONS = (
    ApiOperation(
        "items.transition",
        "POST",
        f"{SUBMITTALS}/items/{{itemId}}:transition",
        transition_item,
        "submittals",
        ("data:write",),
        fields=BodySchema(checks_for(TRANSITION_FIELDS), ("stateId",)),
        answers={200: ITEM},
    ),
)
