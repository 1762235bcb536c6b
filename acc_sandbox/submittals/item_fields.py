"""Fields of an item that requests may set, and what each may hold (fact sheet 2.2, 2.4 to 2.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import RequestContext
from acc_sandbox.http.validation import (
    FieldValidator,
    filled_text,
    flag,
    identifier,
    list_of,
    moment,
    nullable,
    number,
    one_of,
    plain_date,
    text,
    user_type,
    watcher,
)
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.access import Membership, is_known
from acc_sandbox.submittals.items import taken_identifiers

CHECKS: dict[str, FieldValidator] = {
    "title": filled_text,
    "description": text,
    "subsection": nullable(text),
    "priority": one_of("Low", "Normal", "High"),
    "specId": identifier,
    "typeId": identifier,
    "packageId": nullable(identifier),
    "responseId": identifier,
    "responseComment": text,
    "customIdentifier": nullable(filled_text),
    "leadTime": nullable(number),
    "watchers": list_of(watcher),
    **dict.fromkeys(("manager", "subcontractor"), filled_text),
    **dict.fromkeys(("managerType", "subcontractorType"), user_type),
    **dict.fromkeys(("ballInCourtUsers", "ballInCourtCompanies", "ballInCourtRoles"), list_of(filled_text)),
    **dict.fromkeys(("dueDate", "submitterDueDate", "managerDueDate"), nullable(plain_date)),
    **dict.fromkeys(("requiredOnJobDate", "requiredDate", "requiredApprovalDate"), nullable(plain_date)),
    **dict.fromkeys(("sentToSubmitter", "receivedFromSubmitter", "sentToReview"), nullable(moment)),
    **dict.fromkeys(("receivedFromReview", "publishedDate"), nullable(moment)),
    "mailNote": text,
    "sendEmails": flag,
    "stateId": one_of("draft", "sbc-1", "mgr-1", "rev", "mgr-2", "sbc-2", "void"),
    "stepDueDate": plain_date,
    "templateId": nullable(identifier),
    "duplicateAttachments": list_of(identifier),
    "saveAttachmentDrafts": flag,
}
"""Every field of POST, PATCH and transition."""

_NOT_COLUMNS = ("mailNote", "sendEmails", "stepDueDate", "templateId", "duplicateAttachments", "saveAttachmentDrafts")
_COURTS = {"ballInCourtUsers": "1", "ballInCourtCompanies": "2", "ballInCourtRoles": "3"}
_REFERENCES = {"specId": "specs", "typeId": "item_types", "packageId": "packages", "responseId": "responses"}
_WITH_ACTIVITY = ("item_types", "responses")
"""Tables whose rows go out of use: what has one already keeps it (fact sheet 5)."""


def checks_for(names: Iterable[str]) -> dict[str, FieldValidator]:
    """The checks of these fields."""
    return {name: CHECKS[name] for name in names if name in CHECKS}


def columns_of(body: Mapping[str, Any]) -> Row:
    """Columns that a body changes in the item's own row."""
    changes = {name: value for name, value in body.items() if name not in _NOT_COLUMNS}
    for role in ("manager", "subcontractor"):
        # `manager` alone is mandatory for a submission, so its type falls back to a person.
        if role in changes and f"{role}Type" not in changes:
            changes[f"{role}Type"] = "1"
    return changes


def check_references(call: RequestContext, member: Membership, item: Row, changes: Row) -> None:
    """Refuse (400) ids that the project does not have, people it does not know, and a number that is taken.

    `item` holds what the changes do not.
    """
    sandbox = call.sandbox
    for name, table in _REFERENCES.items():
        if changes.get(name) is not None:
            check_choice(sandbox, member, name, table, changes[name])
    after = {**item, **changes}
    if "manager" in changes and not _is_manager(sandbox, member, after["manager"], after["managerType"]):
        raise RefusedError(400, '"manager" is not a Submittals manager of this project')
    if "subcontractor" in changes and not is_known(sandbox, member, after["subcontractor"], after["subcontractorType"]):
        raise RefusedError(400, '"subcontractor" is not a member of this project')
    for name, who, kind in _named_people(changes):
        if not is_known(sandbox, member, who, kind):
            raise RefusedError(400, f'"{name}" names a person who is not a member of this project')
    if {"customIdentifier", "specId"} & changes.keys() and after.get("customIdentifier") is not None:
        spec = after["specId"] if member.project["sequenceType"] == "2" else None
        if after["customIdentifier"] in taken_identifiers(sandbox, member, spec, besides=item.get("id", "")):
            raise call.conflict("The custom identifier is already in use")


def _named_people(changes: Row) -> Iterator[tuple[str, str, str]]:
    """Field, id and user type of everybody that lists of people name."""
    for name, kind in _COURTS.items():
        for who in changes.get(name, []):
            yield name, who, kind
    for one in changes.get("watchers", []):
        yield "watchers", one["id"], one["userType"]


def check_choice(sandbox: SandboxState, member: Membership, name: str, table: str, row_id: str) -> None:
    """Refuse (400) the id in the field `name` unless the project has it in `table`, and it is in use."""
    in_use = " AND isActive" if table in _WITH_ACTIVITY else ""
    found = sandbox.store.value(
        f"SELECT 1 FROM {table} WHERE id = ? AND projectId = ?{in_use}",  # noqa: S608  # one of the four tables above
        row_id,
        member.project_id,
    )
    if found is None:
        raise RefusedError(400, f'"{name}" does not exist in this project, or is not active')


def _is_manager(sandbox: SandboxState, member: Membership, who: str, kind: str) -> bool:
    mapping = sandbox.store.row(
        "SELECT id FROM mappings WHERE projectId = ? AND autodeskId = ? AND userType = ?", member.project_id, who, kind
    )
    return mapping is not None
