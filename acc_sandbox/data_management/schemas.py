"""Response schemas of Data Management: hubs, projects, folders, items and versions (fact sheet 9)."""

from __future__ import annotations

from typing import Any

from acc_sandbox.http.schemas import (
    ANYTHING,
    COUNT,
    FILES_STAMP,
    FLAG,
    NOTHING,
    TEXT,
    URL,
    ObjectSchema,
    by_name,
    choice,
    either,
    several,
)

VERSION = ObjectSchema("JsonApi", {"version": choice("1.0")})
_LINK = ObjectSchema("Link", {"href": URL})
_LINKS = ObjectSchema(
    "Links",
    {"self": _LINK, "first": _LINK, "prev": _LINK, "next": _LINK},
    optional=("first", "prev", "next"),
)
_REFERENCE = ObjectSchema("Reference", {"type": TEXT, "id": TEXT})
_RELATIONSHIP = ObjectSchema(
    "Relationship",
    {"data": _REFERENCE, "links": ObjectSchema("Related", {"related": _LINK})},
    optional=("data", "links"),
)
_EXTENSION = ObjectSchema(
    "Extension",
    {"type": TEXT, "version": choice("1.0"), "schema": _LINK, "data": by_name(ANYTHING)},
    optional=("schema",),
)
_CREATED: dict[str, Any] = {"createTime": FILES_STAMP, "createUserId": TEXT, "lastModifiedTime": FILES_STAMP}
_CONTAINERS = ("issues", "submittals", "rfis", "markups", "checklists", "cost", "locations")


def _resource(kind: str, attributes: dict[str, Any], *relationships: str) -> ObjectSchema:
    name = kind.removesuffix("s").capitalize()
    return ObjectSchema(
        f"{name}Resource",
        {
            "type": choice(kind),
            "id": TEXT,
            "attributes": ObjectSchema(f"{name}Attributes", {**attributes, "extension": _EXTENSION}),
            "links": ObjectSchema("SelfLink", {"self": _LINK}),
            "relationships": ObjectSchema(f"{name}Relationships", dict.fromkeys(relationships, _RELATIONSHIP)),
        },
    )


_HUB = _resource("hubs", {"name": TEXT, "region": TEXT}, "projects")
_PROJECT = _resource(
    "projects", {"name": TEXT, "scopes": several(TEXT)}, "hub", "rootFolder", "topFolders", *_CONTAINERS
)
_FOLDER = _resource(
    "folders",
    {
        "name": TEXT,
        "displayName": TEXT,
        **_CREATED,
        "lastModifiedTimeRollup": FILES_STAMP,
        "hidden": FLAG,
        "objectCount": COUNT,
    },
    "parent",
    "contents",
)
_ITEM = _resource("items", {"displayName": TEXT, **_CREATED, "hidden": FLAG}, "tip", "versions", "parent")
_FILE_VERSION = _resource(
    "versions",
    {
        "name": TEXT,
        "displayName": TEXT,
        **_CREATED,
        "lastModifiedUserId": TEXT,
        "versionNumber": COUNT,
        "mimeType": TEXT,
        "fileType": TEXT,
        "storageSize": COUNT,
    },
    "item",
    "storage",
)
_WARNING = ObjectSchema(
    "Warning",
    {
        "Id": NOTHING,
        "HttpStatusCode": TEXT,
        "ErrorCode": TEXT,
        "Title": TEXT,
        "Detail": TEXT,
        "AboutLink": NOTHING,
        "Source": several(ANYTHING),
        "meta": several(ANYTHING),
    },
)


def _document(name: str, data: Any, **more: Any) -> ObjectSchema:
    return ObjectSchema(
        f"{name}Document", {"jsonapi": VERSION, "links": _LINKS, "data": data, **more}, optional=("meta",)
    )


HUBS = _document("Hubs", several(_HUB), meta=ObjectSchema("Warnings", {"warnings": several(_WARNING)}))
HUB = _document("Hub", _HUB)
PROJECTS = _document("Projects", several(_PROJECT))
PROJECT = _document("Project", _PROJECT)
FOLDERS = _document("Folders", several(_FOLDER))
FOLDER = _document("Folder", _FOLDER)
CONTENTS = _document("Contents", several(either(_FOLDER, _ITEM)), included=several(_FILE_VERSION))
FOUND = _document("Search", several(_FILE_VERSION), included=several(_ITEM))
ITEM = _document("File", _ITEM, included=several(_FILE_VERSION))
FILE_VERSION = _document("Version", _FILE_VERSION)
FILE_VERSIONS = _document("Versions", several(_FILE_VERSION))
