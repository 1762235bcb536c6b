"""Fills a new sandbox from a plan: people, hubs, projects, and what their submittals refer to."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from acc_sandbox.admin.access import ControlAccess
from acc_sandbox.data_management.hubs import region_of
from acc_sandbox.seed.files import seed_files
from acc_sandbox.seed.items import seed_items
from acc_sandbox.seed.model import SeedData, SeedProject, SeedReviewer
from acc_sandbox.state.clock import Clock, stamp
from acc_sandbox.state.people import known_id, known_urn_tail
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.state.store import Row, StateStore
from acc_sandbox.state.switches import Switches

_ITEM_TYPES = {
    "shop_drawing": "Shop Drawing",
    "product_data": "Product Data",
    "sample": "Sample",
    "certificate": "Certificate",
    "test_report": "Test Report",
}
_RESPONSES = {
    "approved": ("Approved", "1", True),
    "approved_as_noted": ("Approved as noted", "1", True),
    "for_record_only": ("For record only", "1", True),
    "revise_and_resubmit": ("Revise and resubmit", "2", False),
    "rejected": ("Rejected", "3", False),
}
"""The default responses with category and approval; categories 2 and 3 as the reference has them (fact sheet 5)."""
_REVIEW_DAYS = 7


def write_seed(sandbox: SandboxState, plan: SeedData) -> None:
    """Fill an empty sandbox; a data folder that was filled before is left alone.

    Its moments count from the last full hour, so that a process works the same plan out once an hour at most: a test
    suite starts a sandbox for every test. Raises `LookupError` naming a reference of the plan that leads nowhere.
    """
    with sandbox.store.transaction():
        if sandbox.store.row("SELECT id FROM projects") is not None:
            return
        hour = sandbox.clock.now().replace(minute=0, second=0, microsecond=0)
        made = _made(plan, hour, *astuple(sandbox.switches))
        for name, content in made.blobs.items():
            sandbox.blob(name).write_bytes(content)
        for sql, values in made.statements:
            sandbox.store.run(sql, *values)
    sandbox.people.read()


@dataclass(frozen=True)
class _SeedStatements:
    """Statements that fill a sandbox, in their order, and the bytes of objects by name."""

    statements: list[tuple[str, tuple[object, ...]]]
    blobs: dict[str, bytes]


class _RecordingStore(StateStore):
    """Store that records what is written."""

    def __init__(self) -> None:
        super().__init__(None)
        self.statements: list[tuple[str, tuple[object, ...]]] = []

    def run(self, sql: str, *values: object) -> int:
        self.statements.append((sql, values))
        return super().run(sql, *values)


@lru_cache(maxsize=8)
def _made(plan: SeedData, moment: datetime, *switches: Any) -> _SeedStatements:
    with closing(_RecordingStore()) as store, TemporaryDirectory(prefix="submittal-sandbox-") as folder:
        blobs = Path(folder)
        sandbox = SandboxState(
            store=store,
            blobs=blobs,
            clock=Clock(moment),
            switches=Switches(*switches),
            controls=ControlAccess("127.0.0.1", None),
        )
        # Secrets that the sandbox state has just made are its own.
        store.statements.clear()
        with store.transaction():
            _fill(sandbox, plan)
        return _SeedStatements(store.statements, {one.name: one.read_bytes() for one in blobs.iterdir()})


def _fill(sandbox: SandboxState, plan: SeedData) -> None:
    sandbox.people.fill(plan.people, plan.companies, plan.roles)
    for hub in plan.hubs:
        keys = [one.key for one in plan.people] if hub.visible_to is None else hub.visible_to
        visible = [sandbox.people.need_person(key).autodesk_id for key in keys]
        row = {"id": hub_id(hub.key), "name": hub.name, "region": hub.region, "visibleTo": visible}
        sandbox.store.insert("hubs", row)
    for project in plan.projects:
        place = f"project {project.key}: "
        try:
            _seed_project(sandbox, project)
        except LookupError as error:
            raise LookupError(f"{place}{str(error.args[0]).removeprefix(place)}") from None


def hub_id(key: str) -> str:
    """The id of a seeded hub."""
    return f"b.{known_id(key)}"


def _seed_project(sandbox: SandboxState, plan: SeedProject) -> None:
    begun = stamp(sandbox.clock.now() - timedelta(days=60))
    creator = sandbox.people.need_person((*plan.admins, *plan.managers)[0]).autodesk_id
    stamps = {"createdAt": begun, "createdBy": creator, "updatedAt": begun, "updatedBy": creator}
    project_id, hub = known_id(f"project/{plan.key}"), hub_id(plan.hub or "")
    if sandbox.store.row("SELECT id FROM hubs WHERE id = ?", hub) is None:
        raise LookupError(f"project {plan.key}: there is no hub {plan.hub}")
    sandbox.store.insert(
        "projects",
        {
            "id": project_id,
            "key": plan.key,
            "name": plan.name,
            "hubId": hub,
            "projectType": plan.kind,
            "rootFolderUrn": "",
            "sequenceType": {"global": "1", "spec": "2"}[plan.numbering],
            "reviewTime": _REVIEW_DAYS,
        },
    )
    root = region_of(sandbox, project_id).urn("fs.folder:co.", known_urn_tail(f"{plan.key}/root"))
    sandbox.store.update("projects", project_id, {"rootFolderUrn": root})
    _seed_members(sandbox, plan, project_id, stamps)
    seed_files(sandbox, plan, begun, creator)
    if plan.kind == "ACC":
        _seed_lookups(sandbox, plan, project_id, stamps)
        seed_items(sandbox, plan)


def _seed_members(sandbox: SandboxState, plan: SeedProject, project_id: str, stamps: Row) -> None:
    people = sandbox.people
    keys = [one.key for one in people.people] if plan.members is None else plan.members
    for key in dict.fromkeys([*keys, *plan.managers, *plan.admins]):
        row = {"projectId": project_id, "autodeskId": people.need_person(key).autodesk_id}
        sandbox.store.insert("members", row | {"isAdmin": key in plan.admins})
    for key in plan.managers:
        row = {"id": known_id(f"{plan.key}/mapping/{key}"), "projectId": project_id, "userType": "1", **stamps}
        sandbox.store.insert("mappings", row | {"autodeskId": people.need(key), "submittalsRole": "1"})


def _seed_lookups(sandbox: SandboxState, plan: SeedProject, project_id: str, stamps: Row) -> None:
    key, shared = plan.key, {"projectId": project_id, **stamps}
    for identifier, title in plan.specs.items():
        row: Row = {"id": known_id(f"{key}/spec/{identifier}"), "identifier": identifier, "title": title}
        sandbox.store.insert("specs", row | shared)
    for name, value in (_ITEM_TYPES if plan.item_types is None else plan.item_types).items():
        row = {"id": known_id(f"{key}/type/{name}"), "key": name, "value": value, "isActive": True}
        sandbox.store.insert("item_types", row | shared)
    for name, (value, category, approval) in _RESPONSES.items():
        row = {"id": known_id(f"{key}/response/{name}"), "key": name, "value": value, "isActive": True, **shared}
        sandbox.store.insert("responses", row | {"categoryId": category, "isApproval": approval})
    for number, (title, spec) in enumerate(plan.packages.items(), start=1):
        if spec not in plan.specs:
            raise LookupError(f"project {key}: package {title} names the spec {spec}, which is not there")
        row = {"id": known_id(f"{key}/package/{title}"), "identifier": number, "title": title, "description": ""}
        sandbox.store.insert("packages", row | shared | {"specId": known_id(f"{key}/spec/{spec}")})
    for name, steps in plan.templates.items():
        planned = [_template_step(sandbox, f"{key}/{name}", number, step) for number, step in enumerate(steps, start=1)]
        row = {"id": known_id(f"{key}/template/{name}"), "name": name, "watchers": [], "steps": planned}
        sandbox.store.insert("templates", row | shared)


def _template_step(sandbox: SandboxState, name: str, number: int, reviewers: Iterable[SeedReviewer]) -> dict[str, Any]:
    people = sandbox.people
    return {
        "id": known_id(f"{name}/step/{number}"),
        "stepNumber": number,
        "daysToRespond": _REVIEW_DAYS,
        "tasks": [
            {
                "id": known_id(f"{name}/step/{number}/{one.assigned_to}"),
                "assignedTo": people.need(one.assigned_to),
                "assignedToType": people.user_type_of(people.need(one.assigned_to)),
                "isRequired": one.required,
            }
            for one in reviewers
        ],
    }
