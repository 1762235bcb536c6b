"""Statements that make many items; `crowd` says what their values are."""

from __future__ import annotations

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
