"""Background processing: the folder of a revision and the versions in it (fact sheet 2.1, 3.1), and all that falls due.

Nothing runs in the background. Before a request is handled, everything that has fallen due is carried out in order and
with the time at which it was due, so that a client cannot tell the difference and a moved clock just works.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, Final

from acc_sandbox.data_management.hubs import region_of
from acc_sandbox.http.errors import RefusedError
from acc_sandbox.state.clock import folder_stamp, parse_stamp, stamp
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.state.store import Row
from acc_sandbox.submittals import project_settings
from acc_sandbox.submittals.states import DEFAULT_CATEGORY

ATTACHMENTS_FOLDER: Final = "submittals-attachments"
CONTAINER: Final = "CONTAINER_VIRTUAL"
"""Folder type of what ACC's other tools keep in a project."""
OBJECT_URN: Final = "urn:adsk.objects:os.object:"


def follow(sandbox: SandboxState, attachment_id: str) -> None:
    """Process the attachment: asyncState 2 halfway, 3 or 4 at the end."""
    sandbox.schedule("attachment.started", attachment_id, sandbox.switches.urn_delay / 2)
    sandbox.schedule("attachment.processed", attachment_id, sandbox.switches.urn_delay)


def start_processing(sandbox: SandboxState, attachment_id: str, moment: str) -> None:
    """Timer: asyncState 2."""
    sandbox.store.update("attachments", attachment_id, {"asyncState": "2", "updatedAt": moment})


def finish_processing(sandbox: SandboxState, attachment_id: str, moment: str) -> None:
    """Timer: the file becomes a version in the item's folder (3), or its object is missing (4)."""
    row = sandbox.store.row("SELECT * FROM attachments WHERE id = ?", attachment_id)
    if row is None:
        return
    stored = stored_object(sandbox, row["uploadUrn"])
    if stored is None or sandbox.switches.processing_fails:
        sandbox.store.update("attachments", attachment_id, {"asyncState": "4", "updatedAt": moment})
        return
    changes: dict[str, Any] = {"asyncState": "3", "updatedAt": moment}
    if row["urn"] is None or sandbox.switches.linked_urn_rewritten:
        changes |= {"urn": _new_version(sandbox, row, stored, moment), "urnVersion": 1}
    sandbox.store.update("attachments", attachment_id, changes)


def duplicate(
    sandbox: SandboxState, item: Row, attachment_ids: list[str], *, target: str, who: str, moment: str
) -> None:
    """Copy attachments to the next stage (fact sheet 4); `RefusedError` (400) for one that is not the item's."""
    for attachment_id in attachment_ids:
        source = sandbox.store.row("SELECT * FROM attachments WHERE id = ? AND itemId = ?", attachment_id, item["id"])
        if source is None or not source["isFileUploaded"]:
            raise RefusedError(400, f'"duplicateAttachments" holds an unknown attachment {attachment_id}')
        keep = sandbox.switches.duplicate_category == "keep"
        copy = source | {
            "id": str(uuid.uuid4()),
            "uploadUrn": new_object_urn(sandbox, item["projectId"], source["name"]),
            "asyncState": "1",
            "createdAt": moment,
            "createdBy": who,
            "updatedAt": moment,
            "updatedBy": who,
            "urn": None,
            "urnVersion": None,
            "taskId": None,
            "revision": item["revision"],
            "categoryId": source["categoryId"] if keep else DEFAULT_CATEGORY[target],
            "duplicatedFrom": source["id"],
        }
        sandbox.store.insert("attachments", copy)
        copy_object(sandbox, source["uploadUrn"], copy["uploadUrn"])
        follow(sandbox, copy["id"])


def new_object_urn(sandbox: SandboxState, project_id: str, name: str) -> str:
    """Where the bytes go: a new UUID with the extension of the name (fact sheet 3.1)."""
    suffix = PurePosixPath(name).suffix
    extension = suffix if re.fullmatch(r"[.][A-Za-z0-9]{1,16}", suffix) else ""
    return f"{OBJECT_URN}{region_of(sandbox, project_id).bucket}/{uuid.uuid4()}{extension}"


def new_urn_tail() -> str:
    """22 characters, as in lineage, version and folder URNs."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()


def stored_object(sandbox: SandboxState, object_urn: str) -> Row | None:
    """A completed object, or None."""
    return sandbox.store.row("SELECT * FROM objects WHERE id = ?", object_urn)


def copy_object(sandbox: SandboxState, source_urn: str, target_urn: str) -> None:
    """Give an object a second name, as far as it was ever completed."""
    source = stored_object(sandbox, source_urn)
    if source is not None:
        sandbox.store.insert("objects", source | {"id": target_urn})


def _new_version(sandbox: SandboxState, row: Row, stored: Row, moment: str) -> str:
    tail = new_urn_tail()
    region = region_of(sandbox, row["projectId"])
    file_id, version_id = region.urn("dm.lineage:", tail), region.urn("fs.file:vf.", f"{tail}?version=1")
    shared = {"projectId": row["projectId"], "createTime": moment, "createUserId": row["createdBy"]}
    folder = row["revisionFolderUrn"] or sandbox.store.value("SELECT folderUrn FROM items WHERE id = ?", row["itemId"])
    sandbox.store.insert(
        "files",
        {
            "id": file_id,
            "folderId": folder or "",
            "displayName": row["name"],
            "hidden": False,
            "tipId": version_id,
            **shared,
        },
    )
    sandbox.store.insert(
        "versions",
        {
            "id": version_id,
            "fileId": file_id,
            "name": row["name"],
            "versionNumber": 1,
            "storageUrn": row["uploadUrn"],
            "storageSize": stored["size"],
            "mimeType": stored["contentType"],
            "fileType": PurePosixPath(row["name"]).suffix.lstrip(".").lower(),
            **shared,
        },
    )
    return version_id


def make_folder(sandbox: SandboxState, item_id: str, moment: str) -> None:
    """Timer: give the item's present revision its folder, and bump `updatedAt`."""
    item = sandbox.store.row("SELECT * FROM items WHERE id = ?", item_id)
    if item is None:
        return
    folder = region_of(sandbox, item["projectId"]).urn("fs.folder:co.", new_urn_tail())
    root = sandbox.store.value("SELECT rootFolderUrn FROM projects WHERE id = ?", item["projectId"])
    parent = sandbox.store.value("SELECT id FROM folders WHERE parentId = ? AND name = ?", root, ATTACHMENTS_FOLDER)
    sandbox.store.insert(
        "folders",
        {
            "id": folder,
            "projectId": item["projectId"],
            "parentId": parent,
            "name": f"{item_id}-{item['revision']}",
            "hidden": sandbox.switches.attachment_folders_hidden,
            "folderType": CONTAINER,
            "isRoot": False,
            "createTime": moment,
            "createUserId": item["createdBy"],
        },
    )
    revision = str(item["revision"])
    entry = {
        "revision": item["revision"],
        "folderUrn": folder,
        "folderUrnCreatedAt": folder_stamp(parse_stamp(moment)),
    }
    folders = {**(item["revisionsFoldersUrns"] or {}), revision: entry}
    sandbox.store.update("items", item_id, {"folderUrn": folder, "revisionsFoldersUrns": folders, "updatedAt": moment})
    sandbox.store.run(
        "UPDATE attachments SET revisionFolderUrn = ? WHERE itemId = ? AND revision = ? AND revisionFolderUrn IS NULL",
        folder,
        item_id,
        item["revision"],
    )


_KINDS: dict[str, Callable[[SandboxState, str, str], None]] = {
    "item.folder": make_folder,
    "attachment.started": start_processing,
    "attachment.processed": finish_processing,
    "job.started": project_settings.start_job,
    "job.finished": project_settings.finish_job,
}
"""Each is given the sandbox, the subject's id and the moment at which it fell due."""


def run_due(sandbox: SandboxState) -> None:
    """Carry out what has fallen due."""
    now = stamp(sandbox.clock.now())
    while due := sandbox.store.row("SELECT * FROM timers WHERE dueAt <= ? ORDER BY dueAt, number LIMIT 1", now):
        with sandbox.store.transaction():
            sandbox.store.run("DELETE FROM timers WHERE number = ?", due["number"])
            _KINDS[due["kind"]](sandbox, due["subject"], due["dueAt"])
