"""The submittals of a new sandbox: in CSI numbering, in every state, with reviews and attachments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.clock import days_after, stamp
from sandbox.court import court
from sandbox.item_folders import make_folder
from sandbox.people import ARCHITECTS, BY_KEY, STEELWORKS, known_id, user_type_of
from sandbox.processing import finish_processing, new_object_urn
from sandbox.seed_files import put_object, sample_bytes
from sandbox.states import DEFAULT_CATEGORY, STATUS_OF_STATE
from sandbox.store import Row
from sandbox.world import World

_MANAGER = BY_KEY["manager"].autodesk_id
_ENGINEER = BY_KEY["engineer"].autodesk_id


@dataclass(frozen=True)
class SeedItem:
    """A submittal to begin with.

    `contractor` is a person's key or a company's id; `review` lists the steps, each with the assignees of its tasks.
    """

    spec: str
    number: str | None
    title: str
    state: str
    contractor: str = "steel"
    item_type: str = "shop_drawing"
    review: tuple[tuple[str, ...], ...] = ((_ENGINEER,),)
    attachments: tuple[str, ...] = ()
    package: int | None = None


ITEMS: dict[str, tuple[SeedItem, ...]] = {
    "riverside": (
        SeedItem(
            "033100", "1", "Concrete mix design", "sbc-2", "concrete", "product_data", attachments=("mix-design.pdf",)
        ),
        SeedItem(
            "033100", "2", "Reinforcing bar shop drawings", "mgr-2", "concrete", attachments=("rebar.pdf",), package=2
        ),
        SeedItem("051200", "1", "Structural steel mill certificates", "sbc-2", item_type="certificate", package=1),
        SeedItem("051200", "2", "Structural steel erection plan", "sbc-1", package=1),
        SeedItem(
            *("051200", "3", "Structural steel beam shop drawings", "mgr-1"),
            review=((_MANAGER,), (_ENGINEER,)),
            attachments=("beam-schedule.pdf",),
            package=1,
        ),
        SeedItem("051200", "4", "Structural steel column shop drawings, east wing", "sbc-1", package=1),
        SeedItem("051200", "5", "Structural steel column shop drawings, west wing", "mgr-1", package=1),
        SeedItem("051200", "6", "Welding procedures", "sbc-1", STEELWORKS.id, "certificate", review=()),
        SeedItem("052100", "1", "Steel joist shop drawings", "rev", review=((_MANAGER,), (_ENGINEER,))),
        SeedItem("053100", "1", "Metal deck layout drawings", "rev", attachments=("deck-layout.pdf",)),
        SeedItem("079200", "1", "Joint sealant product data", "rev", "concrete", "product_data", ((ARCHITECTS.id,),)),
        SeedItem("081113", "1", "Hollow metal door schedule", "mgr-2", "concrete", "product_data"),
        SeedItem("084413", "1", "Curtain wall test report", "void", "concrete", "test_report", review=()),
        SeedItem("084413", "2", "Curtain wall shop drawings", "mgr-1", "concrete", review=()),
        SeedItem("092900", None, "Gypsum board samples", "draft", "concrete", "sample", review=()),
    ),
    "harbor": (
        SeedItem("033100", "1", "Pile cap drawings", "sbc-1"),
        SeedItem("051200", "2", "Structural steel beam shop drawings", "mgr-1"),
        SeedItem("051200", "3", "Steel stair shop drawings", "rev"),
    ),
}


def item_id(project: str, number: int) -> str:
    """The UUID of a seeded item, by its place in the list, from 1."""
    return known_id(f"{project}/item/{number}")


def seed_items(world: World, project: str) -> None:
    """Make the project's submittals, each a day older than the one after it."""
    begun = world.clock.now() - timedelta(days=45)
    for number, item in enumerate(ITEMS[project], start=1):
        _seed_item(world, project, number, item, begun + timedelta(days=number))


def _seed_item(world: World, project: str, number: int, item: SeedItem, begun: datetime) -> None:
    row = _columns(project, number, item, begun)
    steps = [
        _step(row, position, assignees, item.state, begun) for position, assignees in enumerate(item.review, start=1)
    ]
    open_tasks = [task for _, tasks in steps for task in tasks if task["status"] == "in-progress"]
    world.store.insert("items", row | court(item.state, row, open_tasks))
    for step, tasks in steps:
        world.store.insert("steps", step)
        for task in tasks:
            world.store.insert("tasks", task)
    make_folder(world, row["id"], stamp(begun + timedelta(seconds=1)))
    for position, name in enumerate(item.attachments, start=1):
        _attachment(world, project, row, position, name, begun + timedelta(hours=position))


def _columns(project: str, number: int, item: SeedItem, begun: datetime) -> Row:
    contractor = BY_KEY[item.contractor].autodesk_id if item.contractor in BY_KEY else item.contractor
    order = ("draft", "sbc-1", "mgr-1", "rev", "mgr-2", "sbc-2")
    reached = order.index(item.state) if item.state in order else 1

    def when(state: str, day: int) -> str | None:
        return stamp(begun + timedelta(days=day)) if reached >= order.index(state) else None

    def who(state: str, person: str) -> str | None:
        return person if reached >= order.index(state) else None

    submitter_due, due = days_after(begun, 14), days_after(begun, 60)
    return {
        "id": item_id(project, number),
        "projectId": known_id(f"project/{project}"),
        "identifier": number,
        "customIdentifier": item.number,
        "typeId": known_id(f"{project}/type/{item.item_type}"),
        "specId": known_id(f"{project}/spec/{item.spec}"),
        "title": item.title,
        "description": "",
        "priority": "Normal",
        "revision": 0,
        "stateId": item.state,
        "statusId": STATUS_OF_STATE[item.state],
        "manager": _MANAGER,
        "managerType": "1",
        "subcontractor": contractor,
        "subcontractorType": user_type_of(contractor),
        "watchers": [],
        "dueDate": {"sbc-1": submitter_due, "rev": due}.get(item.state),
        "submitterDueDate": submitter_due if reached else None,
        "sentToSubmitter": when("sbc-1", 0),
        "receivedFromSubmitter": when("mgr-1", 3),
        "submittedBy": who("mgr-1", contractor),
        "sentToReview": when("rev", 5),
        "sentToReviewBy": who("rev", _MANAGER),
        "receivedFromReview": when("mgr-2", 9),
        "publishedDate": when("sbc-2", 10),
        "publishedBy": who("sbc-2", _MANAGER),
        "responseId": who("sbc-2", known_id(f"{project}/response/approved")),
        "responseComment": "No exceptions taken." if item.state == "sbc-2" else "",
        "respondedAt": when("sbc-2", 10),
        "respondedBy": who("sbc-2", _MANAGER),
        "packageId": None if item.package is None else known_id(f"{project}/package/{item.package}"),
        **_stamps(begun, contractor if item.title == "Curtain wall shop drawings" else _MANAGER),
    }


def _step(item: Row, number: int, assignees: tuple[str, ...], state: str, begun: datetime) -> tuple[Row, list[Row]]:
    status = (
        "completed"
        if state in ("mgr-2", "sbc-2")
        else "in-progress"
        if (state, number) == ("rev", 1)
        else "not-started"
    )
    started = None if status == "not-started" else stamp(begun + timedelta(days=5))
    completed = stamp(begun + timedelta(days=9)) if status == "completed" else None
    due = None if started is None else days_after(begun, 60)
    step_id = known_id(f"{item['id']}/step/{number}")
    shared: Row = {"itemId": item["id"], "status": status, "startedAt": started, "completedAt": completed}
    shared |= _stamps(begun, _MANAGER)
    tasks = [
        {
            **shared,
            "id": known_id(f"{step_id}/task/{position}"),
            "stepId": step_id,
            "position": position,
            "assignedTo": assignee,
            "assignedToType": user_type_of(assignee),
            "isRequired": True,
            "stepDueDate": due,
            **_response(item, assignee, completed),
        }
        for position, assignee in enumerate(assignees, start=1)
    ]
    return {**shared, "id": step_id, "stepNumber": number, "daysToRespond": 7, "dueDate": due}, tasks


def _response(item: Row, assignee: str, completed: str | None) -> dict[str, Any]:
    if completed is None:
        return {"responseId": None, "responseComment": None}
    project = next(key for key in ITEMS if known_id(f"project/{key}") == item["projectId"])
    return {
        "responseId": known_id(f"{project}/response/approved"),
        "responseComment": "Reviewed.",
        "respondedAt": completed,
        "respondedBy": assignee,
        "completedBy": assignee,
    }


def _attachment(world: World, project: str, item: Row, position: int, name: str, moment: datetime) -> None:
    urn = new_object_urn(name)
    put_object(world, urn, sample_bytes(name, 1), "application/pdf", stamp(moment))
    attachment_id = known_id(f"{project}/item/{item['identifier']}/attachment/{position}")
    world.store.insert(
        "attachments",
        {
            "id": attachment_id,
            "itemId": item["id"],
            "projectId": item["projectId"],
            "revisionFolderUrn": world.store.value("SELECT folderUrn FROM items WHERE id = ?", item["id"]),
            "isFileUploaded": True,
            "asyncState": "1",
            **_stamps(moment, item["submittedBy"] or _MANAGER),
            "name": name,
            "uploadUrn": urn,
            "urnTypeId": "2",
            "revision": 0,
            "categoryId": DEFAULT_CATEGORY["sbc-1"],
        },
    )
    finish_processing(world, attachment_id, stamp(moment + timedelta(seconds=5)))


def _stamps(moment: datetime, who: str) -> dict[str, str]:
    return {"createdAt": stamp(moment), "createdBy": who, "updatedAt": stamp(moment), "updatedBy": who}
