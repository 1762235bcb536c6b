"""Bulk seed data, generated in SQL on first access to keep start-up fast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from acc_sandbox.data_management.hubs import region_of
from acc_sandbox.state.clock import days_after, folder_stamp, stamp
from acc_sandbox.state.sandbox_state import BULK_ITEMS, SandboxState
from acc_sandbox.state.store import Row, StateStore
from acc_sandbox.submittals.processing import ATTACHMENTS_FOLDER, CONTAINER, OBJECT_URN

CROWD_ID = "00000000-5eed-4000-8000-"
"""The n-th item's id is this and n in twelve digits."""
_FIRST_NUMBER = 1000
"""Custom identifiers begin beyond those of any small seed."""


def request_bulk_items(sandbox: SandboxState, count: int) -> None:
    """Ask for so many items in the first ACC project; they are made by `make_crowd`."""
    if count:
        sandbox.store.run("INSERT OR IGNORE INTO facts (name, value) VALUES (?, ?)", BULK_ITEMS, str(count))


def create_bulk_items(sandbox: SandboxState) -> None:
    """Make the items that were asked for, once.

    Each has a spec, a contractor, one of four states and its folder; every tenth has an attachment.
    """
    wanted = sandbox.store.value("SELECT value FROM facts WHERE name = ?", BULK_ITEMS)
    if wanted is None or wanted == "made":
        return
    with sandbox.store.transaction():
        sandbox.store.run("UPDATE facts SET value = 'made' WHERE name = ?", BULK_ITEMS)
        project = sandbox.store.row("SELECT * FROM projects WHERE projectType = 'ACC' ORDER BY rowid")
        if project is not None:
            values = _values(sandbox, str(project["id"]), int(wanted))
            with _built_at_the_end(sandbox.store, "items"):
                for statement in STATEMENTS:
                    sandbox.store.run_named(statement, values)


@contextmanager
def _built_at_the_end(store: StateStore, table: str) -> Iterator[None]:
    """Sort the indexes of a table once, after the block, rather than find a place in each for every row."""
    indexes = store.rows(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL", table
    )
    for index in indexes:
        store.run(f"DROP INDEX {index['name']}")
    yield
    for index in indexes:
        store.run(index["sql"])


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


_EACH = "WITH RECURSIVE each (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM each WHERE n < :count) "
_TENTH = (
    "WITH RECURSIVE each (n) AS"
    " (SELECT 10 WHERE :count >= 10 UNION ALL SELECT n + 10 FROM each WHERE n + 10 <= :count) "
)

_ITEMS = """WITH RECURSIVE each (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM each WHERE n < :count),
kinds AS (SELECT id, ROW_NUMBER() OVER (ORDER BY rowid) - 1 AS place, COUNT(*) OVER () AS total
    FROM item_types WHERE projectId = :project),
sections AS (SELECT id, title, ROW_NUMBER() OVER (ORDER BY identifier) - 1 AS place, COUNT(*) OVER () AS total
    FROM specs WHERE projectId = :project),
chosen AS (SELECT n, CASE n % 4 WHEN 0 THEN 'sbc-1' WHEN 1 THEN 'mgr-1' WHEN 2 THEN 'mgr-2' ELSE 'sbc-2' END AS state
    FROM each)
INSERT INTO items (id, projectId, identifier, customIdentifier, typeId, specId, title, description, priority, revision,
    stateId, statusId, ballInCourtUsers, ballInCourtCompanies, ballInCourtRoles, ballInCourtType, ballInCourtNames,
    manager, managerType, subcontractor, subcontractorType, watchers, dueDate, submitterDueDate, sentToSubmitter,
    receivedFromSubmitter, submittedBy, publishedDate, publishedBy, responseId, responseComment, respondedAt,
    respondedBy, folderUrn, revisionsFoldersUrns, createdAt, createdBy, updatedAt, updatedBy)
SELECT :item || printf('%012d', n), :project, :before + n, CAST(:first + n AS TEXT), kinds.id, sections.id,
    sections.title || CASE n % 3 WHEN 0 THEN ' shop drawings' WHEN 1 THEN ' product data' ELSE ' test report' END
        || ', level ' || (n % 40 + 1) || ', zone ' || (n / 40 % 26 + 1) || ', sheet ' || n,
    '', 'Normal', 0, state,
    CASE state WHEN 'sbc-1' THEN '1' WHEN 'sbc-2' THEN '3' ELSE '2' END,
    CASE WHEN state LIKE 'mgr%' THEN json_array(:manager) WHEN :contractorType = '1' THEN json_array(:contractor)
        ELSE '[]' END,
    CASE WHEN state LIKE 'sbc%' AND :contractorType = '2' THEN json_array(:contractor) ELSE '[]' END,
    '[]',
    CASE WHEN state LIKE 'mgr%' THEN 'manager' ELSE 'subcontractor' END,
    CASE WHEN state LIKE 'mgr%' THEN :managerName ELSE :contractorName END,
    :manager, '1', :contractor, :contractorType, '[]', CASE state WHEN 'sbc-1' THEN :due END, :due, :begun,
    CASE WHEN state != 'sbc-1' THEN :begun END, CASE WHEN state != 'sbc-1' THEN :contractor END,
    CASE state WHEN 'sbc-2' THEN :begun END, CASE state WHEN 'sbc-2' THEN :manager END,
    CASE state WHEN 'sbc-2' THEN (SELECT id FROM responses WHERE projectId = :project AND key = 'approved') END, '',
    CASE state WHEN 'sbc-2' THEN :begun END, CASE state WHEN 'sbc-2' THEN :manager END,
    :folder || n,
    json_object('0', json_object('revision', 0, 'folderUrn', :folder || n, 'folderUrnCreatedAt', :folderMoment)),
    :begun, :manager, :begun, :manager
FROM chosen JOIN sections ON sections.place = n / 4 % sections.total JOIN kinds ON kinds.place = n % kinds.total"""
_FOLDERS = (
    _EACH
    + """INSERT INTO folders (id, projectId, parentId, name, hidden, folderType, isRoot, createTime, createUserId)
SELECT :folder || n, :project, :parent, :item || printf('%012d', n) || '-0', :hidden, :folderType, 0, :begun, :manager
FROM each"""
)
_OBJECTS = (
    _TENTH
    + """INSERT INTO objects (id, size, contentType, blobs, assembledAt)
SELECT :object || printf('%012d', n) || '.txt', :size, 'text/plain',
    json_array(json_object('name', :blob, 'size', :size)), :begun FROM each"""
)
_FILES = (
    _TENTH
    + """INSERT INTO files (id, projectId, folderId, displayName, hidden, createTime, createUserId, tipId)
SELECT :file || n, :project, :folder || n, 'note-' || n || '.txt', 0, :begun, :manager, :version || n || '?version=1'
FROM each"""
)
_VERSIONS = (
    _TENTH
    + """INSERT INTO versions (id, fileId, projectId, name, versionNumber, createTime, createUserId, storageUrn,
    storageSize, mimeType, fileType)
SELECT :version || n || '?version=1', :file || n, :project, 'note-' || n || '.txt', 1, :begun, :manager,
    :object || printf('%012d', n) || '.txt', :size, 'text/plain', 'txt' FROM each"""
)
_ATTACHMENTS = (
    _TENTH
    + """INSERT INTO attachments (id, itemId, projectId, revisionFolderUrn, isFileUploaded, asyncState, createdAt,
    createdBy, updatedAt, updatedBy, name, uploadUrn, urn, urnTypeId, urnVersion, revision, categoryId)
SELECT :attachment || printf('%012d', n), :item || printf('%012d', n), :project, :folder || n, 1, '3',
    :begun, :manager, :begun, :manager,
    'note-' || n || '.txt', :object || printf('%012d', n) || '.txt',
    :version || n || '?version=1',
    '2', 1, 0, '1' FROM each"""
)

STATEMENTS = (_ITEMS, _FOLDERS, _OBJECTS, _FILES, _VERSIONS, _ATTACHMENTS)
"""In this order."""
