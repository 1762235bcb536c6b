"""The submittals of a new sandbox: in every state, with reviews and attachments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from acc_sandbox.seed.files import put_object, sample_bytes
from acc_sandbox.seed.model import SeedItem, SeedProject
from acc_sandbox.state.clock import days_after, stamp
from acc_sandbox.state.people import known_id
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.processing import finish_processing, make_folder, new_object_urn
from acc_sandbox.submittals.states import DEFAULT_CATEGORY, STATUS_OF_STATE, court

_ORDER = ("draft", "sbc-1", "mgr-1", "rev", "mgr-2", "sbc-2")
_REFERENCES = {"spec": "specs", "type": "item_types", "package": "packages"}


@dataclass(frozen=True)
class _ItemsContext:
    """A project whose items are being made."""

    sandbox: SandboxState
    plan: SeedProject
    manager: str

    @property
    def project_id(self) -> str:
        return known_id(f"project/{self.plan.key}")

    def id(self, kind: str, name: str | int) -> str:
        return known_id(f"{self.plan.key}/{kind}/{name}")

    def reference(self, kind: str, name: str, item: SeedItem) -> str:
        """The id of a spec, type or package; `LookupError` when the project has none of that name."""
        found = self.id(kind, name)
        if self.sandbox.store.row(f"SELECT id FROM {_REFERENCES[kind]} WHERE id = ?", found) is None:  # noqa: S608  # a table of ours
            raise LookupError(f"project {self.plan.key}: {item.title} names the {kind} {name}, which is not there")
        return found


def seed_items(sandbox: SandboxState, plan: SeedProject) -> None:
    """Make the project's submittals, each a day older than the one after it.

    Raises `LookupError` naming a reference that leads nowhere.
    """
    site = _ItemsContext(sandbox, plan, sandbox.people.need(plan.managers[0]))
    begun = sandbox.clock.now() - timedelta(days=45)
    for number, item in enumerate(plan.items, start=1):
        _seed_item(site, number, item, begun + timedelta(days=number))


def _seed_item(site: _ItemsContext, number: int, item: SeedItem, begun: datetime) -> None:
    sandbox, row = site.sandbox, _columns(site, number, item, begun)
    steps = [
        _step(site, row, position, [sandbox.people.need(one) for one in assignees], begun)
        for position, assignees in enumerate(item.review, start=1)
    ]
    open_tasks = [task for _, tasks in steps for task in tasks if task["status"] == "in-progress"]
    sandbox.store.insert("items", row | court(item.state, row, open_tasks, sandbox.people))
    for step, tasks in steps:
        sandbox.store.insert("steps", step)
        for task in tasks:
            sandbox.store.insert("tasks", task)
    make_folder(sandbox, row["id"], stamp(begun + timedelta(seconds=1)))
    for position, name in enumerate(item.attachments, start=1):
        _attachment(site, row, position, name, begun + timedelta(hours=position))


def _columns(site: _ItemsContext, number: int, item: SeedItem, begun: datetime) -> Row:
    people = site.sandbox.people
    contractor, creator = people.need(item.contractor), people.need(item.created_by or site.plan.managers[0])
    reached = _ORDER.index(item.state) if item.state in _ORDER else 1

    def when(state: str, day: int) -> str | None:
        return stamp(begun + timedelta(days=day)) if reached >= _ORDER.index(state) else None

    def who(state: str, person: str) -> str | None:
        return person if reached >= _ORDER.index(state) else None

    submitter_due, due = days_after(begun, 14), days_after(begun, 60)
    return {
        "id": site.id("item", number),
        "projectId": site.project_id,
        "identifier": number,
        "customIdentifier": item.number,
        "typeId": site.reference("type", item.item_type, item),
        "specId": site.reference("spec", item.spec, item),
        "title": item.title,
        "description": "",
        "priority": "Normal",
        "revision": 0,
        "stateId": item.state,
        "statusId": STATUS_OF_STATE[item.state],
        "manager": site.manager,
        "managerType": "1",
        "subcontractor": contractor,
        "subcontractorType": people.user_type_of(contractor),
        "watchers": [],
        "dueDate": {"sbc-1": submitter_due, "rev": due}.get(item.state),
        "submitterDueDate": submitter_due if reached else None,
        "sentToSubmitter": when("sbc-1", 0),
        "receivedFromSubmitter": when("mgr-1", 3),
        "submittedBy": who("mgr-1", contractor),
        "sentToReview": when("rev", 5),
        "sentToReviewBy": who("rev", site.manager),
        "receivedFromReview": when("mgr-2", 9),
        "publishedDate": when("sbc-2", 10),
        "publishedBy": who("sbc-2", site.manager),
        "responseId": who("sbc-2", site.id("response", "approved")),
        "responseComment": "No exceptions taken." if item.state == "sbc-2" else "",
        "respondedAt": when("sbc-2", 10),
        "respondedBy": who("sbc-2", site.manager),
        "packageId": None if item.package is None else site.reference("package", item.package, item),
        **_stamps(begun, creator),
    }


def _status(state: str, number: int) -> str:
    if state in ("mgr-2", "sbc-2"):
        return "completed"
    return "in-progress" if (state, number) == ("rev", 1) else "not-started"


def _step(site: _ItemsContext, item: Row, number: int, assignees: list[str], begun: datetime) -> tuple[Row, list[Row]]:
    status = _status(item["stateId"], number)
    started = None if status == "not-started" else stamp(begun + timedelta(days=5))
    completed = stamp(begun + timedelta(days=9)) if status == "completed" else None
    due = None if started is None else days_after(begun, 60)
    step_id = known_id(f"{item['id']}/step/{number}")
    shared: Row = {"itemId": item["id"], "status": status, "startedAt": started, "completedAt": completed}
    shared |= _stamps(begun, site.manager)
    tasks = [
        {
            **shared,
            "id": known_id(f"{step_id}/task/{position}"),
            "stepId": step_id,
            "position": position,
            "assignedTo": assignee,
            "assignedToType": site.sandbox.people.user_type_of(assignee),
            "isRequired": True,
            "stepDueDate": due,
            **_response(site, assignee, completed),
        }
        for position, assignee in enumerate(assignees, start=1)
    ]
    return {**shared, "id": step_id, "stepNumber": number, "daysToRespond": 7, "dueDate": due}, tasks


def _response(site: _ItemsContext, assignee: str, completed: str | None) -> dict[str, Any]:
    if completed is None:
        return {"responseId": None, "responseComment": None}
    return {
        "responseId": site.id("response", "approved"),
        "responseComment": "Reviewed.",
        "respondedAt": completed,
        "respondedBy": assignee,
        "completedBy": assignee,
    }


def _attachment(site: _ItemsContext, item: Row, position: int, name: str, moment: datetime) -> None:
    sandbox, urn = site.sandbox, new_object_urn(site.sandbox, site.project_id, name)
    put_object(sandbox, urn, sample_bytes(name, 1), "application/pdf", stamp(moment))
    attachment_id = site.id("item", f"{item['identifier']}/attachment/{position}")
    sandbox.store.insert(
        "attachments",
        {
            "id": attachment_id,
            "itemId": item["id"],
            "projectId": item["projectId"],
            "revisionFolderUrn": sandbox.store.value("SELECT folderUrn FROM items WHERE id = ?", item["id"]),
            "isFileUploaded": True,
            "asyncState": "1",
            **_stamps(moment, item["submittedBy"] or site.manager),
            "name": name,
            "uploadUrn": urn,
            "urnTypeId": "2",
            "revision": 0,
            "categoryId": DEFAULT_CATEGORY["sbc-1"],
        },
    )
    finish_processing(sandbox, attachment_id, stamp(moment + timedelta(seconds=5)))


def _stamps(moment: datetime, who: str) -> dict[str, str]:
    return {"createdAt": stamp(moment), "createdBy": who, "updatedAt": stamp(moment), "updatedBy": who}
