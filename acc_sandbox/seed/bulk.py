"""Many items at once: made inside the database, when somebody first looks, so that a start takes no longer."""

from __future__ import annotations

from datetime import timedelta

from acc_sandbox.data_management.regions import region_of
from acc_sandbox.seed.bulk_sql import STATEMENTS
from acc_sandbox.seed.files import ATTACHMENTS_FOLDER, CONTAINER
from acc_sandbox.state.clock import days_after, folder_stamp, stamp
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.processing import OBJECT_URN

CROWD_ID = "00000000-5eed-4000-8000-"
"""The n-th item's id is this and n in twelve digits."""
_WANTED = "crowd_wanted"
_FIRST_NUMBER = 1000
"""Custom identifiers begin beyond those of any small seed."""


def request_bulk_items(sandbox: SandboxState, count: int) -> None:
    """Ask for so many items in the first ACC project; they are made by `make_crowd`."""
    if count:
        sandbox.store.run("INSERT OR IGNORE INTO facts (name, value) VALUES (?, ?)", _WANTED, str(count))


def create_bulk_items(sandbox: SandboxState) -> None:
    """Make the items that were asked for, once.

    Each has a spec, a contractor, one of four states and its folder; every tenth has an attachment.
    """
    wanted = sandbox.store.value("SELECT value FROM facts WHERE name = ?", _WANTED)
    if wanted is None or wanted == "made":
        return
    with sandbox.store.transaction():
        sandbox.store.run("UPDATE facts SET value = 'made' WHERE name = ?", _WANTED)
        project = sandbox.store.row("SELECT * FROM projects WHERE projectType = 'ACC' ORDER BY rowid")
        if project is not None:
            values = _values(sandbox, str(project["id"]), int(wanted))
            for statement in STATEMENTS:
                sandbox.store.run_named(statement, values)


def _values(sandbox: SandboxState, project: str, count: int) -> Row:
    store, now = sandbox.store, sandbox.clock.now()
    manager = store.value("SELECT autodeskId FROM mappings WHERE projectId = ? AND userType = '1'", project)
    company = store.value("SELECT id FROM people_groups WHERE userType = '2' ORDER BY rowid LIMIT 1 OFFSET 1")
    contractor = company or manager
    region, begun = region_of(sandbox, project), now - timedelta(days=30)
    return {
        "count": count,
        "project": project,
        "before": store.value("SELECT COALESCE(MAX(identifier), 0) FROM items WHERE projectId = ?", project),
        "first": _FIRST_NUMBER,
        "item": CROWD_ID,
        "attachment": "00000000-5eed-4000-8001-",
        "manager": manager,
        "managerName": sandbox.people.name_of(manager),
        "contractor": contractor,
        "contractorType": sandbox.people.user_type_of(contractor),
        "contractorName": sandbox.people.name_of(contractor),
        "begun": stamp(begun),
        "folderMoment": folder_stamp(begun),
        "due": days_after(now, 30),
        "folder": region.urn("fs.folder:co.", "crowd"),
        "folderType": CONTAINER,
        "hidden": sandbox.switches.attachment_folders_hidden,
        "file": region.urn("dm.lineage:", "crowd"),
        "version": region.urn("fs.file:vf.", "crowd"),
        "object": f"{OBJECT_URN}{region.bucket}/00000000-5eed-4000-8002-",
        "parent": store.value(
            "SELECT folders.id FROM folders JOIN projects ON projects.rootFolderUrn = folders.parentId"
            " WHERE projects.id = ? AND folders.name = ?",
            project,
            ATTACHMENTS_FOLDER,
        ),
        "blob": sandbox.keep_blob(_CONTENT),
        "size": len(_CONTENT),
    }


_CONTENT = b"An attachment like all the others.\n"
