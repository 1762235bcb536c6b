"""In whose court the ball is (fact sheet 2.1, 6)."""

from __future__ import annotations

from collections.abc import Iterable

from acc_sandbox.state.directory import PeopleDirectory
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.states import COURT_OF_STATE

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
        # Kept beside the ids, so that a search finds an item by the name of whoever has to act.
        "ballInCourtNames": ", ".join(people.name_of(member) for member in everybody),
    }
