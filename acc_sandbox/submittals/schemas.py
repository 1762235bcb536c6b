"""The objects of Submittals as their answers hold them (fact sheet 2 to 5)."""

from __future__ import annotations

from typing import Any

from acc_sandbox.http.schemas import (
    ANYTHING,
    COUNT,
    DATE,
    FLAG,
    NOTHING,
    STAMP,
    TEXT,
    URL,
    UUID,
    ObjectSchema,
    by_name,
    choice,
    either,
    maybe,
    several,
    text_like,
)

_SOMEBODY = text_like("^[A-Z0-9]+$")
"""An autodeskId, or the memberGroupId of a company or role."""
_USER_TYPE = choice("1", "2", "3")
_ASYNC_STATE = choice("1", "2", "3", "4")
_STATE = choice("draft", "sbc-1", "mgr-1", "rev", "mgr-2", "sbc-2", "void")
_FOLDER = text_like(r"^urn:adsk\.wip\w+:fs\.folder:co\.")
_STAMPS = {"createdAt": STAMP, "createdBy": _SOMEBODY, "updatedAt": STAMP, "updatedBy": _SOMEBODY}


def page_shape(row: ObjectSchema) -> ObjectSchema:
    """A page of a list."""
    return ObjectSchema(f"{row.name}Page", {"pagination": _PAGINATION, "results": several(row)})


_PAGINATION = ObjectSchema(
    "Pagination",
    {"limit": COUNT, "offset": COUNT, "totalResults": COUNT, "nextUrl": maybe(URL), "previousUrl": URL},
    optional=("nextUrl", "previousUrl"),
)

_TRANSITION_END = ObjectSchema("TransitionEnd", {"id": TEXT, "name": TEXT})
TRANSITION = ObjectSchema(
    "Transition",
    {
        "id": TEXT,
        "name": TEXT,
        "stateFrom": _TRANSITION_END,
        "stateTo": _TRANSITION_END,
        "transitionFields": maybe(several(TEXT)),
        "mandatoryFields": maybe(several(either(TEXT, several(TEXT)))),
        "actionId": maybe(TEXT),
    },
)
ACTION = ObjectSchema(
    "PermittedAction",
    {
        "id": text_like("^[A-Za-z]+::[a-z_]+$"),
        "fields": by_name(several(ANYTHING)),
        "mandatoryFields": several(TEXT),
        "transitions": several(either(TRANSITION, choice(""))),
    },
)

_WATCHER = ObjectSchema("Watcher", {"id": _SOMEBODY, "userType": _USER_TYPE})
_PEOPLE: dict[str, Any] = {
    "manager": maybe(_SOMEBODY),
    "managerType": maybe(_USER_TYPE),
    "subcontractor": maybe(_SOMEBODY),
    "subcontractorType": maybe(_USER_TYPE),
}
_SUBMISSION: dict[str, Any] = {
    "sentToSubmitter": maybe(STAMP),
    "receivedFromSubmitter": maybe(STAMP),
    "submittedBy": maybe(_SOMEBODY),
}
_REVIEW: dict[str, Any] = {
    "sentToReview": maybe(STAMP),
    "sentToReviewBy": maybe(_SOMEBODY),
    "receivedFromReview": maybe(STAMP),
    "publishedDate": maybe(STAMP),
    "publishedBy": maybe(_SOMEBODY),
    "responseId": maybe(UUID),
    "responseComment": TEXT,
    "respondedAt": maybe(STAMP),
    "respondedBy": maybe(_SOMEBODY),
}
_REVISION_FOLDER = ObjectSchema(
    "RevisionFolder",
    {
        "revision": COUNT,
        "folderUrn": _FOLDER,
        "folderUrnCreatedAt": text_like(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00$"),
    },
)
ITEM = ObjectSchema(
    "Item",
    {
        "id": UUID,
        "identifier": COUNT,
        "typeId": UUID,
        "specId": UUID,
        "specIdentifier": TEXT,
        "specTitle": TEXT,
        "subsection": maybe(TEXT),
        "title": TEXT,
        "description": TEXT,
        "priority": choice("Low", "Normal", "High"),
        "revision": COUNT,
        "stateId": _STATE,
        "statusId": choice("1", "2", "3", "4", "5", "6"),
        "ballInCourt": {"type": "array", "maxItems": 0},
        "ballInCourtUsers": several(_SOMEBODY),
        "ballInCourtCompanies": several(_SOMEBODY),
        "ballInCourtRoles": several(_SOMEBODY),
        "ballInCourtType": choice("reviewer", "manager", "subcontractor", None),
        **_PEOPLE,
        "watchers": several(_WATCHER),
        "dueDate": maybe(DATE),
        "requiredOnJobDate": maybe(DATE),
        "leadTime": maybe(COUNT),
        "requiredDate": maybe(DATE),
        "requiredApprovalDate": maybe(DATE),
        "submitterDueDate": maybe(DATE),
        **_SUBMISSION,
        "managerDueDate": maybe(DATE),
        **_REVIEW,
        "packageId": maybe(UUID),
        "packageIdentifier": maybe(TEXT),
        "packageTitle": maybe(TEXT),
        "packageSpecIdentifier": maybe(TEXT),
        "folderUrn": maybe(_FOLDER),
        "revisionsFoldersUrns": maybe(by_name(_REVISION_FOLDER)),
        **_STAMPS,
        "permittedActions": several(ACTION),
        "customIdentifier": maybe(TEXT),
        "customIdentifierHumanReadable": TEXT,
    },
)
NEXT_IDENTIFIER = ObjectSchema(
    "NextIdentifier", {"previousCustomIdentifier": maybe(TEXT), "nextCustomIdentifier": TEXT}
)

ATTACHMENT = ObjectSchema(
    "Attachment",
    {
        "id": UUID,
        "revisionFolderUrn": maybe(_FOLDER),
        "permittedActions": several(ACTION),
        "isFileUploaded": FLAG,
        "url": NOTHING,
        "asyncState": _ASYNC_STATE,
        **{name: _STAMPS[name] for name in ("createdBy", "createdAt", "updatedBy", "updatedAt")},
        "name": TEXT,
        "uploadUrn": text_like("^urn:adsk.objects:os.object:[^/]+/[^/]+$"),
        "urn": maybe(text_like(r"^urn:adsk\.wip\w+:fs\.file:vf\.[\w-]+\?version=\d+$")),
        "urnPage": NOTHING,
        "resourceUrns": NOTHING,
        "urnTypeId": choice("2"),
        "urnVersion": maybe(COUNT),
        "revision": COUNT,
        "itemId": UUID,
        "categoryId": choice("1", "2", "3", "4", "5", "6", "7", "8"),
        "taskId": maybe(UUID),
        "duplicatedFrom": maybe(UUID),
    },
)

_PROGRESS: dict[str, Any] = {"startedAt": maybe(STAMP), "completedAt": maybe(STAMP)}
_STATUS = choice("not-started", "in-progress", "completed")
_ASSIGNED: dict[str, Any] = {"assignedTo": _SOMEBODY, "assignedToType": _USER_TYPE, "isRequired": FLAG}
_ANSWERED: dict[str, Any] = {
    "responseId": maybe(UUID),
    "responseComment": maybe(TEXT),
    "respondedAt": maybe(STAMP),
    "respondedBy": maybe(_SOMEBODY),
    **_PROGRESS,
    "completedBy": maybe(_SOMEBODY),
}
TASK = ObjectSchema(
    "Task",
    {
        "id": UUID,
        "stepId": UUID,
        "status": _STATUS,
        **_ASSIGNED,
        "stepDueDate": maybe(DATE),
        **_ANSWERED,
        **_STAMPS,
        "permittedActions": several(ACTION),
    },
)
_SPAN: dict[str, Any] = {"stepNumber": COUNT, "daysToRespond": COUNT, "dueDate": maybe(DATE), **_PROGRESS}
STEP = ObjectSchema(
    "Step",
    {
        "id": UUID,
        "itemId": UUID,
        "status": _STATUS,
        **_SPAN,
        "tasks": several(TASK),
        **_STAMPS,
        "permittedActions": several(ACTION),
    },
)
_TIMES = {"createdAt": STAMP, "updatedAt": STAMP}
REVISION_TASK = ObjectSchema(
    "RevisionTask",
    {"taskId": UUID, "stepId": UUID, "itemId": UUID, "revision": COUNT, **_ASSIGNED, **_ANSWERED, **_TIMES},
)
REVISION_STEP = ObjectSchema(
    "RevisionStep", {"stepId": UUID, "revision": COUNT, **_SPAN, **_TIMES, "tasks": several(REVISION_TASK)}
)
REVISION = ObjectSchema(
    "Revision",
    {
        "itemId": UUID,
        "revision": COUNT,
        **_PEOPLE,
        "submitterDueDate": maybe(DATE),
        "managerDueDate": maybe(DATE),
        "reviewerDueDate": NOTHING,
        **_SUBMISSION,
        **_REVIEW,
        "steps": several(REVISION_STEP),
    },
)
"""A row of the history; its steps and tasks say `stepId` and `taskId` for `id` (fact sheet 2.8)."""

SPEC = ObjectSchema("Spec", {"id": UUID, "identifier": TEXT, "title": TEXT, **_STAMPS})
PACKAGE = ObjectSchema(
    "Package",
    {
        "id": UUID,
        "specId": UUID,
        "specIdentifier": TEXT,
        "title": TEXT,
        "identifier": COUNT,
        "description": TEXT,
        **_STAMPS,
        "permittedActions": several(ACTION),
    },
)
_CHOICE: dict[str, Any] = {"id": UUID, "key": TEXT, "value": TEXT, "platformId": NOTHING}
_USE: dict[str, Any] = {"isActive": FLAG, "isInUse": FLAG, **_STAMPS}
ITEM_TYPE = ObjectSchema("ItemType", {**_CHOICE, **_USE})
RESPONSE = ObjectSchema("Response", {**_CHOICE, "categoryId": choice("1", "2", "3"), "isApproval": FLAG, **_USE})
_TEMPLATE_TASK = ObjectSchema("TemplateTask", {"id": UUID, **_ASSIGNED})
_TEMPLATE_STEP = ObjectSchema(
    "TemplateStep", {"id": UUID, "stepNumber": COUNT, "daysToRespond": COUNT, "tasks": several(_TEMPLATE_TASK)}
)
TEMPLATE = ObjectSchema(
    "Template", {"id": UUID, "name": TEXT, "watchers": several(_WATCHER), "steps": several(_TEMPLATE_STEP), **_STAMPS}
)
ME = ObjectSchema("Me", {"id": _SOMEBODY, "roles": several(choice("1", "2", "4")), "permittedActions": several(ACTION)})

MAPPING = ObjectSchema(
    "Mapping",
    {
        "id": UUID,
        "userType": _USER_TYPE,
        "oxygenId": _SOMEBODY,
        "autodeskId": _SOMEBODY,
        "submittalsRole": choice("1"),
        **_STAMPS,
    },
)
JOB = ObjectSchema(
    "AsyncJob",
    {
        "id": UUID,
        "resultsPayload": by_name(ANYTHING),
        "asyncState": _ASYNC_STATE,
        **_TIMES,
        "startedAt": maybe(STAMP),
    },
)
_ID_KEY_VALUE = ObjectSchema("Choice", {"id": TEXT, "key": TEXT, "value": TEXT})
_RESPONSE_CATEGORY = ObjectSchema("ResponseCategory", {"id": TEXT, "value": TEXT, "isApproval": FLAG})
_DEFAULTS = ObjectSchema(
    "DefaultValues",
    {
        "watchers": several(_WATCHER),
        "manager": maybe(_SOMEBODY),
        "reviewTime": COUNT,
        "updatedAt": STAMP,
        "updatedBy": maybe(_SOMEBODY),
    },
)
METADATA = ObjectSchema(
    "Metadata",
    {
        "id": UUID,
        **dict.fromkeys(("submittalRoles", "adminMappingsSubmittalRoles"), several(_ID_KEY_VALUE)),
        **dict.fromkeys(("userTypes", "statuses"), several(_ID_KEY_VALUE)),
        "itemTypes": several(ITEM_TYPE),
        "responses": several(RESPONSE),
        "responseCategories": several(_RESPONSE_CATEGORY),
        **dict.fromkeys(("attachmentCategories", "attachmentTypes", "attachmentUrnTypes"), several(_ID_KEY_VALUE)),
        **dict.fromkeys(("isManagerMappingDefined", "noPackagesInProject", "noItemsInProject"), FLAG),
        "defaultValues": _DEFAULTS,
        "customIdentifierSequenceType": choice("1", "2"),
    },
)
