"""What a new sandbox starts with: a hub, three projects, and what their submittals refer to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sandbox.clock import stamp
from sandbox.hubs import HUB_ID
from sandbox.people import ARCHITECTS, BY_KEY, PEOPLE, known_id, known_urn_tail
from sandbox.seed_files import seed_files
from sandbox.seed_items import seed_items
from sandbox.store import Row
from sandbox.world import World

PROJECTS = {
    "riverside": ("Riverside Medical Center", "ACC", "2"),
    "harbor": ("Harbor Point Tower", "ACC", "1"),
    "mill": ("Old Mill Library", "BIM360", "1"),
}
"""Key: name, kind, and numbering (`"1"` one sequence, `"2"` one for each spec section)."""

SPECS = {
    "033100": "Structural Concrete",
    "051200": "Structural Steel Framing",
    "052100": "Steel Joist Framing",
    "053100": "Steel Decking",
    "079200": "Joint Sealants",
    "081113": "Hollow Metal Doors and Frames",
    "084413": "Glazed Aluminum Curtain Walls",
    "092900": "Gypsum Board",
}
ITEM_TYPES = {
    "shop_drawing": "Shop Drawing",
    "product_data": "Product Data",
    "sample": "Sample",
    "certificate": "Certificate",
    "test_report": "Test Report",
}
RESPONSES = {
    "approved": ("Approved", "1", True),
    "approved_as_noted": ("Approved as noted", "1", True),
    "for_record_only": ("For record only", "1", True),
    "revise_and_resubmit": ("Revise and resubmit", "2", False),
    "rejected": ("Rejected", "3", False),
}
"""The default responses with category and approval; categories 2 and 3 as the reference has them (fact sheet 5)."""

_STRANGERS = {"riverside": ("outsider",), "harbor": ("outsider", "concrete", "architect"), "mill": ("outsider",)}


def project_id(key: str) -> str:
    """The UUID of a seeded project."""
    return known_id(f"project/{key}")


def spec_id(project: str, identifier: str) -> str:
    """The UUID of a seeded spec section."""
    return known_id(f"{project}/spec/{identifier}")


def seed(world: World) -> None:
    """Fill an empty sandbox; a data folder that was filled before is left alone."""
    with world.store.transaction():
        if world.store.row("SELECT id FROM projects") is not None:
            return
        begun = stamp(world.clock.now() - timedelta(days=60))
        for key in PROJECTS:
            _seed_project(world, key, begun)
            seed_files(world, key, begun)
        for key in ("riverside", "harbor"):
            _seed_lookups(world, key, begun)
            seed_items(world, key)


def _seed_project(world: World, key: str, begun: str) -> None:
    name, kind, sequence = PROJECTS[key]
    world.store.insert(
        "projects",
        {
            "id": project_id(key),
            "key": key,
            "name": name,
            "hubId": HUB_ID,
            "projectType": kind,
            "rootFolderUrn": f"urn:adsk.wipprod:fs.folder:co.{known_urn_tail(f'{key}/root')}",
            "sequenceType": sequence,
            "reviewTime": 7,
        },
    )
    for person in PEOPLE:
        if person.key not in _STRANGERS[key]:
            row = {
                "projectId": project_id(key),
                "autodeskId": person.autodesk_id,
                "isAdmin": person.key == "admin",
            }
            world.store.insert("members", row)
    world.store.insert(
        "mappings",
        {
            "id": known_id(f"{key}/mapping/manager"),
            "projectId": project_id(key),
            "userType": "1",
            "autodeskId": BY_KEY["manager"].autodesk_id,
            "submittalsRole": "1",
            **_stamps(begun),
        },
    )


def _seed_lookups(world: World, key: str, begun: str) -> None:
    shared = {"projectId": project_id(key), **_stamps(begun)}
    for identifier, title in SPECS.items():
        world.store.insert(
            "specs", {"id": spec_id(key, identifier), "identifier": identifier, "title": title, **shared}
        )
    for name, value in ITEM_TYPES.items():
        row: Row = {"id": known_id(f"{key}/type/{name}"), "key": name, "value": value, "isActive": True, **shared}
        world.store.insert("item_types", row)
    for name, (value, category, approval) in RESPONSES.items():
        row = {"id": known_id(f"{key}/response/{name}"), "key": name, "value": value, "isActive": True, **shared}
        world.store.insert("responses", row | {"categoryId": category, "isApproval": approval})
    packages = {"Structural steel package": "051200", "Concrete package": "033100"}
    for number, (title, spec) in enumerate(packages.items(), start=1):
        row = {"id": known_id(f"{key}/package/{number}"), "identifier": number, "title": title, **shared}
        world.store.insert("packages", row | {"specId": spec_id(key, spec), "description": ""})
    for name, steps in _templates(key).items():
        row = {"id": known_id(f"{key}/template/{name}"), "name": name, "watchers": [], "steps": steps, **shared}
        world.store.insert("templates", row)


def _templates(key: str) -> dict[str, list[Row]]:
    engineer, manager = BY_KEY["engineer"].autodesk_id, BY_KEY["manager"].autodesk_id
    plans: dict[str, list[list[tuple[str, str, bool]]]] = {
        "Engineer's review": [[(engineer, "1", True)]],
        "Two-step review": [[(manager, "1", True), (ARCHITECTS.id, "2", False)], [(engineer, "1", True)]],
    }
    return {
        name: [_template_step(f"{key}/{name}", number, tasks) for number, tasks in enumerate(plan, start=1)]
        for name, plan in plans.items()
    }


def _template_step(name: str, number: int, tasks: list[tuple[str, str, bool]]) -> dict[str, Any]:
    return {
        "id": known_id(f"{name}/step/{number}"),
        "stepNumber": number,
        "daysToRespond": 7,
        "tasks": [
            {
                "id": known_id(f"{name}/step/{number}/{member}"),
                "assignedTo": member,
                "assignedToType": member_type,
                "isRequired": required,
            }
            for member, member_type, required in tasks
        ],
    }


def _stamps(moment: str) -> dict[str, str]:
    who = BY_KEY["admin"].autodesk_id
    return {"createdAt": moment, "createdBy": who, "updatedAt": moment, "updatedBy": who}
