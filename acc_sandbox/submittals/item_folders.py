"""The folder of attachments that every revision of an item gets a second after its creation (fact sheet 2.1)."""

from __future__ import annotations

from acc_sandbox.data_management.regions import region_of
from acc_sandbox.seed.files import ATTACHMENTS_FOLDER, CONTAINER
from acc_sandbox.state.clock import folder_stamp, parse_stamp
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.submittals.processing import new_urn_tail


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
