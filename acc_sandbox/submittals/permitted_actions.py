"""`permittedActions`: what a person may do now, in the ids and shapes of the samples (fact sheet 2.2, 3.1, 3.5, 4).

The lists are the only source of permission: a handler looks its own action up here and refuses with 403 what it
does not find, so that no answer ever promises what is then refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.state.store import Row
from acc_sandbox.state.switches import Switches
from acc_sandbox.submittals.access import ItemRole, Membership
from acc_sandbox.submittals.states import (
    CATEGORY_OVERRIDES,
    CREATE_DRAFT,
    CREATE_FOR_SUBMISSION,
    CREATE_SUBMITTED,
    SUBMIT_TO_MANAGER,
    TRANSITIONS,
    Transition,
)

Action = dict[str, Any]

_ANY: list[Any] = []
_EITHER = [True, False]

_COURT = ("ballInCourtUsers", "ballInCourtRoles", "ballInCourtCompanies")
_PARTIAL_UPDATE = (
    *("description", "subsection", "typeId", "mailNote", "sendEmails", "title", "packageId", "specId", "priority"),
    *_COURT,
    *("dueDate", "manager", "managerType", "subcontractor", "subcontractorType", "watchers", "submitterDueDate"),
    *("sentToSubmitter", "receivedFromSubmitter", "managerDueDate", "sentToReview", "receivedFromReview"),
    *("publishedDate", "requiredDate", "requiredApprovalDate", "requiredOnJobDate", "leadTime", "customIdentifier"),
)
_TRANSITION = (
    *("stateId", "title", "description", "packageId", "specId", "subsection", "typeId", "priority"),
    *_COURT,
    *("manager", "managerType", "subcontractor", "subcontractorType", "watchers", "submitterDueDate"),
    *("sentToSubmitter", "receivedFromSubmitter", "managerDueDate", "sentToReview", "receivedFromReview"),
    *(
        "publishedDate",
        "requiredDate",
        "requiredApprovalDate",
        "requiredOnJobDate",
        "leadTime",
        "mailNote",
        "sendEmails",
    ),
)
_LISTS = ("Attachment::list", "AttachmentDraft::list", "Comment::list", "Step::list")
LEADS_TO_REVIEW = frozenset(one.source for one in TRANSITIONS if one.target == "rev")
"""States with a transition to review, which only an item with steps has."""
_OPEN_STATES = ("draft", "sbc-1", "mgr-1", "rev", "mgr-2")
_BEFORE_REVIEW = ("draft", "sbc-1", "mgr-1")


def action(
    action_id: str,
    fields: Mapping[str, Sequence[Any]] | None = None,
    mandatory: Sequence[str] = (),
    transitions: Iterable[Transition] = (),
) -> Action:
    """One element of `permittedActions`; an empty list in `fields` means any value."""
    return {
        "id": action_id,
        "fields": {name: list(values) for name, values in (fields or {}).items()},
        "mandatoryFields": list(mandatory),
        "transitions": [one.as_json() for one in transitions],
    }


def reference_form(value: Any) -> Any:
    """A JSON answer whose `permittedActions` have the shapes that the reference pages print (fact sheet 2.2)."""
    if isinstance(value, list):
        return [reference_form(one) for one in value]
    if not isinstance(value, dict):
        return value
    body = {name: reference_form(one) for name, one in value.items()}
    for one in body.get("permittedActions", []):
        for way in one["transitions"]:
            way["mandatoryFields"] = way["mandatoryFields"] and [way["mandatoryFields"]]
        one["transitions"] = one["transitions"] or [""]
    return body


def find(actions: Iterable[Action], action_id: str) -> Action | None:
    """The action with that id, or None."""
    return next((one for one in actions if one["id"] == action_id), None)


def require_action(actions: Iterable[Action], action_id: str) -> Action:
    """The action with that id; `RefusedError` (403) when it is not permitted."""
    found = find(actions, action_id)
    if found is None:
        raise RefusedError(403, f"You are not permitted to perform {action_id}")
    return found


class AttachRules(NamedTuple):
    """The switches that say who may attach when."""

    non_managers_attach: bool
    managers_attach_in_review: bool
    attach_in_draft: bool
    attach_in_void: bool

    @classmethod
    def of(cls, switches: Switches) -> AttachRules:
        """The rules as the switches stand."""
        return cls(*(getattr(switches, name) for name in cls._fields))


# A list shows the same few combinations of state and role again and again.
@lru_cache(maxsize=512)
def item_actions(state: str, role: ItemRole, rules: AttachRules, *, has_steps: bool) -> list[Action]:
    """The actions permitted on an item in its state, to a person of that role; shared, so not to be changed."""
    if role.manages:
        return _manager_actions(state, role, rules, has_steps=has_steps)
    actions = [action("Item::retrieve"), *map(action, _LISTS)]
    if role.responsible and state == "sbc-1":
        fields = dict.fromkeys(("stateId", "manager", "managerType", "mailNote"), _ANY)
        actions.append(
            action("Item::wf_transition", {**fields, "sendEmails": _EITHER}, ["stateId"], [SUBMIT_TO_MANAGER])
        )
    if rules.non_managers_attach:
        actions.extend(_attach_as_participant(state, role))
    return actions


def attachment_actions(attachment: Row, role: ItemRole, *, item_state: str, person_id: str) -> list[Action]:
    """Permitted actions of an attachment: its creator and managers confirm it while the item is open."""
    actions = [action("Attachment::retrieve")]
    own = role.manages or attachment["createdBy"] == person_id
    if own and item_state in _OPEN_STATES:
        actions += [
            action("Attachment::partial_update", {"isFileUploaded": [True], "sendEmails": _EITHER}),
            action("Attachment::destroy"),
            action("Attachment::annotate"),
        ]
    return actions


def step_actions(*, manages: bool) -> list[Action]:
    """Permitted actions of a review step."""
    if not manages:
        return [action("Step::retrieve"), action("Task::list")]
    return [
        action("Step::retrieve"),
        action("Step::partial_update", {"daysToRespond": _ANY, "startedAt": _ANY, "dueDate": _ANY}),
        action("Task::list"),
        action("Step::overwrite_step"),
    ]


def task_actions(*, may_close: bool, manages: bool) -> list[Action]:
    """Permitted actions of a review task; `may_close` already takes its status into account."""
    actions = [action("Task::retrieve")]
    if manages or may_close:
        actions.append(action("Task::partial_update"))
    if may_close:
        fields = ("responseComment", "responseId", "saveAttachmentDrafts", "duplicateAttachments")
        actions.append(action("Task::close", dict.fromkeys(fields, _ANY), ["responseId"]))
    return actions


def project_actions(member: Membership) -> list[Action]:
    """The project-level list of users/me (fact sheet 2.4, 5)."""
    ways = [CREATE_FOR_SUBMISSION, CREATE_DRAFT] if member.manages else [CREATE_SUBMITTED]
    actions = [
        action("Item::list"),
        action("Item::create", dict.fromkeys(CREATE_FIELDS, _ANY), CREATE_REQUIRED, ways),
        action("Package::list"),
        action("Spec::list"),
        action("ItemType::list"),
        action("AdminMapping::list"),
    ]
    if member.manages or member.administers:
        actions.append(action("Spec::create", {"identifier": _ANY, "title": _ANY}, ["identifier", "title"]))
    if member.administers:
        mapping = ("userType", "autodeskId", "submittalsRole")
        actions += [
            action("Template::list"),
            action("AdminMapping::create", dict.fromkeys(mapping, _ANY), mapping),
            action("AdminMapping::destroy"),
        ]
    return actions


CREATE_FIELDS = (
    *("stateId", "specId", "title", "typeId", "description", "priority", "subsection", "packageId", "manager"),
    *("managerType", "subcontractor", "subcontractorType", "submitterDueDate", "managerDueDate", "watchers"),
    *("requiredOnJobDate", "leadTime", "requiredDate", "requiredApprovalDate", "customIdentifier", "templateId"),
)
"""Body fields of POST /items (fact sheet 2.4)."""
CREATE_REQUIRED = ("stateId", "specId", "title", "typeId")
PATCH_FIELDS = (*_PARTIAL_UPDATE, "responseId", "responseComment")
"""Body fields of PATCH; which of them a state lists says `partial_update_fields`."""
TRANSITION_FIELDS = (
    *_TRANSITION,
    *("customIdentifier", "responseId", "responseComment", "stepDueDate", "duplicateAttachments"),
    "saveAttachmentDrafts",
)
"""Body fields of POST :transition; which of them a transition takes says its own list (fact sheet 2.6)."""


def _manager_actions(state: str, role: ItemRole, rules: AttachRules, *, has_steps: bool) -> list[Action]:
    actions = [
        action("Item::retrieve"),
        action("Item::add_reference"),
        action("Item::delete_reference"),
        *map(action, _LISTS),
    ]
    if state == "void":
        return actions + ([_attach(state, ["4"])] if rules.attach_in_void else [])
    actions.append(action("Item::partial_update", _with_emails(partial_update_fields(state))))
    ways = [one for one in TRANSITIONS if one.source == state and (has_steps or one.target != "rev")]
    actions.append(action("Item::wf_transition", _with_emails(_TRANSITION), ["stateId"], ways))
    if state != "draft":
        revision = ("subcontractor", "subcontractorType", "submitterDueDate")
        actions.append(
            action("Item::create_revision", dict.fromkeys((*revision, "watchers", "mailNote"), _ANY), revision)
        )
    if _manager_attaches(state, role, rules):
        categories = CATEGORY_OVERRIDES[state]
        actions += [
            _attach(state, categories),
            action("Attachment::bulk_destroy", {"payloads": _ANY}, ["payloads"]),
            _attach(state, categories, draft=True),
        ]
    actions.append(action("Comment::create", {"body": _ANY, "itemId": _ANY, "sendEmails": _EITHER}, ["body", "itemId"]))
    if state in _BEFORE_REVIEW:
        actions.append(action("Step::create_from_template", {"templateId": _ANY}, ["templateId"]))
    if state in (*_BEFORE_REVIEW, "rev"):
        actions.append(action("Step::overwrite", {"steps": _ANY, "fromStepId": _ANY}, ["steps"]))
    return actions


def partial_update_fields(state: str) -> list[str]:
    """Fields that PATCH takes in a state (fact sheet 2.2)."""
    fields = [name for name in _PARTIAL_UPDATE if state != "rev" or name not in _COURT]
    return fields + (["responseId", "responseComment"] if state == "mgr-2" else [])


def _manager_attaches(state: str, role: ItemRole, rules: AttachRules) -> bool:
    if state == "rev":
        return rules.managers_attach_in_review or bool(role.open_tasks)
    return state in ("sbc-1", "mgr-1", "mgr-2") or (state == "draft" and rules.attach_in_draft)


def _attach_as_participant(state: str, role: ItemRole) -> list[Action]:
    if state == "sbc-1" and role.responsible:
        return [_attach(state, None)]
    if state == "mgr-1" and role.responsible and role.created:
        # The creator of an item in mgr-1 adds the submission afterwards (fact sheet 3.5, first reason to override).
        return [_attach(state, ["1"])]
    if state == "rev" and role.open_tasks:
        return [_attach(state, None)]
    return []


def _attach(state: str, categories: list[str] | None, *, draft: bool = False) -> Action:
    fields: dict[str, Sequence[Any]] = {"name": _ANY, "itemId": _ANY}
    if state == "rev":
        fields["taskId"] = _ANY
    fields |= {"urn": _ANY, "urnTypeId": _ANY}
    if not draft:
        fields["sendEmails"] = _EITHER
    fields["isFileUploaded"] = [True]
    if categories is not None:
        fields["categoryId"] = categories
    # itemId is the path's own and listed all the same; taskId is a field of a review, and not a mandatory one.
    mandatory = ["urnTypeId", "itemId", "name"] if state in ("rev", "mgr-2") else ["urnTypeId", "name"]
    return action("AttachmentDraft::create" if draft else "Attachment::create", fields, mandatory)


def _with_emails(names: Iterable[str]) -> dict[str, Sequence[Any]]:
    return {name: _EITHER if name == "sendEmails" else _ANY for name in names}
