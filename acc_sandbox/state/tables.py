"""Tables of the sandbox. Columns that the API shows carry the API's names, so that a row is nearly its own answer."""

from __future__ import annotations

VERSION = 4
"""What a data folder is marked with. Every change of the tables, or of what they mean, raises it."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE IF NOT EXISTS timers (
    number INTEGER PRIMARY KEY, dueAt TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS timers_due ON timers (dueAt);

CREATE TABLE IF NOT EXISTS people (
    id TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, role TEXT NOT NULL,
    memberOf sandbox_json NOT NULL, clientId TEXT
);
CREATE TABLE IF NOT EXISTS people_groups (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, userType TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS service_accounts (
    id TEXT PRIMARY KEY, clientId TEXT NOT NULL, email TEXT NOT NULL, status TEXT NOT NULL, createdAt TEXT NOT NULL,
    accessedAt TEXT, expiresAt TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS service_keys (
    id TEXT PRIMARY KEY, accountId TEXT NOT NULL, publicKey TEXT NOT NULL, status TEXT NOT NULL,
    createdAt TEXT NOT NULL, accessedAt TEXT
);
CREATE TABLE IF NOT EXISTS hubs (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, region TEXT NOT NULL, visibleTo sandbox_json NOT NULL
);
CREATE TABLE IF NOT EXISTS projects (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, name TEXT NOT NULL, hubId TEXT NOT NULL, projectType TEXT NOT NULL,
    rootFolderUrn TEXT NOT NULL, sequenceType TEXT NOT NULL, reviewTime INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS members (
    projectId TEXT NOT NULL, autodeskId TEXT NOT NULL, isAdmin sandbox_flag NOT NULL, topFolders sandbox_json,
    PRIMARY KEY (projectId, autodeskId)
);
CREATE TABLE IF NOT EXISTS mappings (
    id TEXT PRIMARY KEY, projectId TEXT NOT NULL, userType TEXT NOT NULL, autodeskId TEXT NOT NULL,
    submittalsRole TEXT NOT NULL, createdAt TEXT, createdBy TEXT, updatedAt TEXT, updatedBy TEXT
);
CREATE TABLE IF NOT EXISTS specs (
    id TEXT PRIMARY KEY, projectId TEXT NOT NULL, identifier TEXT NOT NULL, title TEXT NOT NULL,
    createdAt TEXT, createdBy TEXT, updatedAt TEXT, updatedBy TEXT, UNIQUE (projectId, identifier)
);
CREATE TABLE IF NOT EXISTS packages (
    id TEXT PRIMARY KEY, projectId TEXT NOT NULL, specId TEXT NOT NULL, title TEXT NOT NULL,
    identifier INTEGER NOT NULL, description TEXT NOT NULL,
    createdAt TEXT, createdBy TEXT, updatedAt TEXT, updatedBy TEXT
);
CREATE TABLE IF NOT EXISTS item_types (
    id TEXT PRIMARY KEY, projectId TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    isActive sandbox_flag NOT NULL, createdAt TEXT, createdBy TEXT, updatedAt TEXT, updatedBy TEXT
);
CREATE TABLE IF NOT EXISTS responses (
    id TEXT PRIMARY KEY, projectId TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, categoryId TEXT NOT NULL,
    isApproval sandbox_flag NOT NULL, isActive sandbox_flag NOT NULL,
    createdAt TEXT, createdBy TEXT, updatedAt TEXT, updatedBy TEXT
);
CREATE TABLE IF NOT EXISTS templates (
    id TEXT PRIMARY KEY, projectId TEXT NOT NULL, name TEXT NOT NULL, watchers sandbox_json NOT NULL,
    steps sandbox_json NOT NULL, createdAt TEXT, createdBy TEXT, updatedAt TEXT, updatedBy TEXT
);
CREATE TABLE IF NOT EXISTS async_jobs (
    id TEXT PRIMARY KEY, projectId TEXT NOT NULL, resultsPayload sandbox_json NOT NULL, asyncState TEXT NOT NULL,
    createdAt TEXT NOT NULL, updatedAt TEXT NOT NULL, startedAt TEXT
);

CREATE TABLE IF NOT EXISTS items (
    id TEXT PRIMARY KEY, projectId TEXT NOT NULL, identifier INTEGER NOT NULL, customIdentifier TEXT,
    typeId TEXT NOT NULL, specId TEXT NOT NULL, subsection TEXT, title TEXT NOT NULL, description TEXT NOT NULL,
    priority TEXT NOT NULL, revision INTEGER NOT NULL, stateId TEXT NOT NULL, statusId TEXT NOT NULL,
    ballInCourtUsers sandbox_json NOT NULL, ballInCourtCompanies sandbox_json NOT NULL,
    ballInCourtRoles sandbox_json NOT NULL, ballInCourtType TEXT, ballInCourtNames TEXT NOT NULL,
    manager TEXT, managerType TEXT, subcontractor TEXT, subcontractorType TEXT, watchers sandbox_json NOT NULL,
    dueDate TEXT, requiredOnJobDate TEXT, leadTime INTEGER, requiredDate TEXT, requiredApprovalDate TEXT,
    submitterDueDate TEXT, sentToSubmitter TEXT, receivedFromSubmitter TEXT, submittedBy TEXT,
    managerDueDate TEXT, sentToReview TEXT, sentToReviewBy TEXT, receivedFromReview TEXT,
    publishedDate TEXT, publishedBy TEXT, responseId TEXT, responseComment TEXT NOT NULL,
    respondedAt TEXT, respondedBy TEXT, packageId TEXT, folderUrn TEXT, revisionsFoldersUrns sandbox_json,
    createdAt TEXT NOT NULL, createdBy TEXT NOT NULL, updatedAt TEXT NOT NULL, updatedBy TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS items_in_project ON items (projectId, identifier);
-- Lists of many items are counted and skipped through without reading a row.
CREATE INDEX IF NOT EXISTS items_listed ON items (projectId, identifier, stateId, id);
-- A search scans this index and not the wide rows of the table.
CREATE INDEX IF NOT EXISTS items_searched ON items (title, ballInCourtNames, specId, identifier, id);
CREATE INDEX IF NOT EXISTS items_in_court ON items (ballInCourtNames);
CREATE INDEX IF NOT EXISTS items_in_spec ON items (projectId, specId, stateId, customIdentifier);
CREATE VIEW IF NOT EXISTS item_rows AS
SELECT items.*, specs.identifier AS specIdentifier, specs.title AS specTitle,
    CAST(packages.identifier AS TEXT) AS packageIdentifier, packages.title AS packageTitle,
    (SELECT identifier FROM specs WHERE id = packages.specId) AS packageSpecIdentifier,
    item_types.value AS typeValue, responses.value AS responseValue,
    CASE WHEN projects.sequenceType = '2' THEN specs.identifier || '-' ELSE '' END
        || COALESCE(items.customIdentifier, 'Unspecified') AS customIdentifierHumanReadable
FROM items
LEFT JOIN projects ON projects.id = items.projectId
LEFT JOIN specs ON specs.id = items.specId
LEFT JOIN packages ON packages.id = items.packageId
LEFT JOIN item_types ON item_types.id = items.typeId
LEFT JOIN responses ON responses.id = items.responseId;

CREATE TABLE IF NOT EXISTS past_revisions (
    itemId TEXT NOT NULL, revision INTEGER NOT NULL, body sandbox_json NOT NULL, PRIMARY KEY (itemId, revision)
);

CREATE TABLE IF NOT EXISTS steps (
    id TEXT PRIMARY KEY, itemId TEXT NOT NULL, status TEXT NOT NULL, stepNumber INTEGER NOT NULL,
    daysToRespond INTEGER NOT NULL, dueDate TEXT, startedAt TEXT, completedAt TEXT,
    createdAt TEXT, createdBy TEXT, updatedAt TEXT, updatedBy TEXT
);
CREATE INDEX IF NOT EXISTS steps_of_item ON steps (itemId, stepNumber);
CREATE TABLE IF NOT EXISTS tasks (
    id TEXT PRIMARY KEY, stepId TEXT NOT NULL, itemId TEXT NOT NULL, position INTEGER NOT NULL, status TEXT NOT NULL,
    assignedTo TEXT NOT NULL, assignedToType TEXT NOT NULL, isRequired sandbox_flag NOT NULL, stepDueDate TEXT,
    responseId TEXT, responseComment TEXT, respondedAt TEXT, respondedBy TEXT, startedAt TEXT, completedAt TEXT,
    completedBy TEXT, createdAt TEXT, createdBy TEXT, updatedAt TEXT, updatedBy TEXT
);
CREATE INDEX IF NOT EXISTS tasks_of_step ON tasks (stepId, position);
CREATE INDEX IF NOT EXISTS tasks_of_item ON tasks (itemId, status);

CREATE TABLE IF NOT EXISTS attachments (
    id TEXT PRIMARY KEY, itemId TEXT NOT NULL, projectId TEXT NOT NULL, revisionFolderUrn TEXT,
    isFileUploaded sandbox_flag NOT NULL, asyncState TEXT NOT NULL, createdBy TEXT NOT NULL, createdAt TEXT NOT NULL,
    updatedBy TEXT NOT NULL, updatedAt TEXT NOT NULL, name TEXT NOT NULL, uploadUrn TEXT NOT NULL, urn TEXT,
    urnTypeId TEXT NOT NULL, urnVersion INTEGER, revision INTEGER NOT NULL, categoryId TEXT NOT NULL,
    taskId TEXT, duplicatedFrom TEXT
);
CREATE INDEX IF NOT EXISTS attachments_of_item ON attachments (itemId, createdAt);
CREATE INDEX IF NOT EXISTS attachments_by_object ON attachments (uploadUrn);

CREATE TABLE IF NOT EXISTS folders (
    id TEXT PRIMARY KEY, projectId TEXT NOT NULL, parentId TEXT, name TEXT NOT NULL, hidden sandbox_flag NOT NULL,
    folderType TEXT NOT NULL, isRoot sandbox_flag NOT NULL, createTime TEXT NOT NULL, createUserId TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS folders_in_folder ON folders (parentId, name);
CREATE TABLE IF NOT EXISTS files (
    id TEXT PRIMARY KEY, projectId TEXT NOT NULL, folderId TEXT NOT NULL, displayName TEXT NOT NULL,
    hidden sandbox_flag NOT NULL, createTime TEXT NOT NULL, createUserId TEXT NOT NULL, tipId TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS files_in_folder ON files (folderId, displayName);
CREATE TABLE IF NOT EXISTS versions (
    id TEXT PRIMARY KEY, fileId TEXT NOT NULL, projectId TEXT NOT NULL, name TEXT NOT NULL,
    versionNumber INTEGER NOT NULL, createTime TEXT NOT NULL, createUserId TEXT NOT NULL,
    storageUrn TEXT NOT NULL, storageSize INTEGER NOT NULL, mimeType TEXT NOT NULL, fileType TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS versions_of_file ON versions (fileId, versionNumber);

CREATE TABLE IF NOT EXISTS objects (
    id TEXT PRIMARY KEY, size INTEGER NOT NULL, contentType TEXT NOT NULL, headers sandbox_json, sha1 TEXT,
    blobs sandbox_json NOT NULL, assembledAt TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, objectId TEXT NOT NULL, path TEXT NOT NULL UNIQUE, partCount INTEGER NOT NULL,
    startedAt TEXT NOT NULL, expiresAt TEXT NOT NULL, completedAt TEXT, answer sandbox_json
);
CREATE TABLE IF NOT EXISTS parts (
    uploadId TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL, eTag TEXT NOT NULL, blob TEXT NOT NULL,
    PRIMARY KEY (uploadId, number)
);

CREATE TABLE IF NOT EXISTS codes (
    id TEXT PRIMARY KEY, clientId TEXT NOT NULL, redirectUri TEXT NOT NULL, scope TEXT NOT NULL,
    autodeskId TEXT NOT NULL, challenge TEXT, nonce TEXT, expiresAt TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS refresh_tokens (
    id TEXT PRIMARY KEY, clientId TEXT NOT NULL, scope TEXT NOT NULL, autodeskId TEXT NOT NULL,
    expiresAt TEXT NOT NULL, usedAt TEXT, family TEXT NOT NULL, accessTokenId TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS refresh_tokens_of_family ON refresh_tokens (family);
CREATE TABLE IF NOT EXISTS revoked_tokens (id TEXT PRIMARY KEY);
"""
