"""The states of a submittal item, the transitions between them, and whose court the ball is in (fact sheet 2.1, 6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from acc_sandbox.state.people import PeopleDirectory
from acc_sandbox.state.store import Row

STATE_NAMES = {
    "create": "Create",
    "draft": "DRAFT",
    "sbc-1": "SBC 1",
    "mgr-1": "MGR 1",
    "rev": "REV",
    "mgr-2": "MGR 2",
    "sbc-2": "SBC 2",
    "void": "VOID",
}
"""Names as they stand inside transitions."""

STATE_TITLES = {
    "draft": "Draft",
    "sbc-1": "Waiting for submission",
    "mgr-1": "Open - submitted",
    "rev": "Open - in review",
    "mgr-2": "Open - reviewed",
    "sbc-2": "Closed",
    "void": "Void",
}
"""Names as people read them."""

STATUS_OF_STATE = {
    "draft": "6",
    "sbc-1": "1",
    "mgr-1": "2",
    "rev": "2",
    "mgr-2": "2",
    "sbc-2": "3",
    "void": "4",
}

COURT_OF_STATE = {
    "sbc-1": "subcontractor",
    "mgr-1": "manager",
    "rev": "reviewer",
    "mgr-2": "manager",
    "sbc-2": "subcontractor",
}
"""`ballInCourtType`; null in the other states (inferred)."""

DEFAULT_CATEGORY = {"draft": "1", "sbc-1": "1", "mgr-1": "2", "rev": "3", "mgr-2": "4", "sbc-2": "4", "void": "1"}
"""Category of an attachment that names none (fact sheet 3.5); sbc-2 and void matter for duplicates only."""

CATEGORY_OVERRIDES = {"draft": ["4"], "sbc-1": ["4"], "mgr-1": ["1", "4"], "rev": ["4"], "mgr-2": ["4"]}
"""Categories that a manager may name besides the automatic one (fact sheet 3.5)."""

_RETURN_TO_CONTRACTOR = ("subcontractor", "subcontractorType", "submitterDueDate")
_CLOSE = (
    "subcontractor",
    "subcontractorType",
    "watchers",
    "responseId",
    "responseComment",
    "saveAttachmentDrafts",
    "duplicateAttachments",
    "customIdentifier",
)


@dataclass(frozen=True)
class Transition:
    """One way from a state to another; `fields` and `mandatory` are None where the samples have null."""

    source: str
    target: str
    name: str
    mandatory: tuple[str, ...] | None = None
    fields: tuple[str, ...] | None = None
    nameless: bool = False
    """Its actionId is null, as for `create::draft`."""

    def as_json(self) -> dict[str, Any]:
        """As it stands in `permittedActions` (fact sheet 2.2)."""
        action = f"ITEM_TRANSITION_{self.source}_{self.target}".replace("-", "").upper()
        return {
            "id": f"{self.source}::{self.target}",
            "name": self.name,
            "stateFrom": {"id": self.source, "name": STATE_NAMES[self.source]},
            "stateTo": {"id": self.target, "name": STATE_NAMES[self.target]},
            "transitionFields": None if self.fields is None else list(self.fields),
            "mandatoryFields": None if self.mandatory is None else list(self.mandatory),
            "actionId": None if self.nameless else action,
        }


CREATE_FOR_SUBMISSION = Transition("create", "sbc-1", "Create", _RETURN_TO_CONTRACTOR, _RETURN_TO_CONTRACTOR)
CREATE_DRAFT = Transition(
    "create",
    "draft",
    "Create draft",
    fields=(
        *("subcontractor", "subcontractorType", "submitterDueDate", "manager", "managerType", "managerDueDate"),
        *("watchers", "requiredOnJobDate", "requiredDate", "requiredApprovalDate", "leadTime"),
    ),
    nameless=True,
)
"""Eleven fields, as the sample has; which eleven the fact sheet does not say, so these are a guess."""
CREATE_SUBMITTED = Transition("create", "mgr-1", "Create", ("manager", "managerType"), ("manager", "managerType"))

TRANSITIONS = (
    Transition(
        "draft",
        "sbc-1",
        "Assign to Responsible Contractor",
        _RETURN_TO_CONTRACTOR,
        (*_RETURN_TO_CONTRACTOR, "watchers"),
    ),
    Transition(
        "sbc-1",
        "mgr-1",
        "Submit to Manager",
        ("manager",),
        ("mailNote", "manager", "managerType", "saveAttachmentDrafts"),
    ),
    Transition("sbc-1", "void", "Send to Void"),
    Transition("sbc-1", "sbc-2", "Close and distribute", ("responseId", "customIdentifier"), _CLOSE),
    Transition("mgr-1", "sbc-1", "Return to Responsible Contractor", _RETURN_TO_CONTRACTOR, _RETURN_TO_CONTRACTOR),
    Transition(
        "mgr-1",
        "rev",
        "Submit to Review",
        ("customIdentifier",),
        ("watchers", "stepDueDate", "mailNote", "saveAttachmentDrafts", "duplicateAttachments"),
    ),
    Transition("mgr-1", "sbc-2", "Close and distribute", ("responseId", "customIdentifier"), _CLOSE),
    Transition("mgr-1", "void", "Send to Void"),
    Transition("rev", "mgr-1", "Return to Manager", ("manager", "managerType"), ("manager", "managerType", "mailNote")),
    Transition("rev", "sbc-2", "Close and distribute", ("responseId", "customIdentifier"), _CLOSE),
    Transition("rev", "void", "Send to Void"),
    Transition("mgr-2", "sbc-2", "Close and distribute", ("responseId", "customIdentifier"), _CLOSE),
    Transition("mgr-2", "rev", "Return for Review", ("stepDueDate",), ("watchers", "stepDueDate", "mailNote")),
    Transition("mgr-2", "void", "Send to Void"),
    Transition("sbc-2", "mgr-2", "Reopen to Manager"),
)
"""Everything that a manager may do; what happens on the way stands in `transitions`."""

SUBMIT_TO_MANAGER = next(one for one in TRANSITIONS if (one.source, one.target) == ("sbc-1", "mgr-1"))
"""The one transition of a responsible contractor."""


_COLUMNS = {"1": "ballInCourtUsers", "2": "ballInCourtCompanies", "3": "ballInCourtRoles"}


def court(state: str, item: Row, open_tasks: Iterable[Row], people: PeopleDirectory) -> Row:
    """The `ballInCourt…` columns of an item that is in a state; `open_tasks` count while it is in review."""
    kind = COURT_OF_STATE.get(state)
    members: list[tuple[str | None, str | None]] = []
    if kind == "reviewer":
        members = [(task["assignedTo"], task["assignedToType"]) for task in open_tasks]
    elif kind is not None:
        members = [(item[kind], item[f"{kind}Type"])]
    columns: Row = {name: [] for name in _COLUMNS.values()}
    for member, member_type in members:
        if member is not None and member not in columns[_COLUMNS[member_type or "1"]]:
            columns[_COLUMNS[member_type or "1"]].append(member)
    everybody = [member for column in _COLUMNS.values() for member in columns[column]]
    return {
        **columns,
        "ballInCourtType": kind,
        # Kept beside the ids, so that a search finds an item by the name of who has to act.
        "ballInCourtNames": ", ".join(people.name_of(member) for member in everybody),
    }
