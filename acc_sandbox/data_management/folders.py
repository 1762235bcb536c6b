"""Folders of the Files tool: top folders, contents, recursive search (fact sheet 9)."""

from __future__ import annotations

import json
from typing import Any

from acc_sandbox.data_management.hubs import need_hub
from acc_sandbox.data_management.jsonapi import (
    LARGEST_PAGE,
    Test,
    dm_member,
    document,
    extension_types,
    filters,
    folders_above,
    need_access,
    need_row,
    page_of,
    paged_document,
    test,
)
from acc_sandbox.data_management.schemas import CONTENTS, FOLDER, FOLDERS, FOUND
from acc_sandbox.data_management.versions import ITEM_TYPE, file_of, item_json, tip_of, version_json
from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, RequestContext, Response
from acc_sandbox.state.clock import files_stamp
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.access import Membership

FOLDER_TYPE = "folders:autodesk.bim360:Folder"
_SEARCHED = {
    **{name: name for name in ("fileType", "mimeType", "name", "versionNumber", "createUserId", "storageSize")},
    "displayName": "name",
    "createTime": "createTime",
    "lastModifiedTime": "createTime",
    "id": "id",
}
_ROLLUP = "lastModifiedTimeRollup"


def top_folders(call: RequestContext) -> Response:
    """GET …/topFolders: those at the top, or the highest that the member may see, with their parents.

    Unless `projectFilesOnly`, the folders of ACC's other tools are among them.
    """
    hub = need_hub(call)
    member = dm_member(call)
    if member.project["hubId"] != hub["id"]:
        raise RefusedError(404, "The specified project was not found")
    call.query.flag("excludeDeleted", default=False)
    only_files = call.query.flag("projectFilesOnly", default=False)
    rows = call.sandbox.store.rows(
        "SELECT * FROM folders WHERE projectId = ?1 AND"
        " CASE WHEN ?3 IS NULL THEN parentId = ?2 ELSE id IN (SELECT value FROM json_each(?3)) END ORDER BY rowid",
        member.project_id,
        member.project["rootFolderUrn"],
        None if member.top_folders is None else json.dumps(member.top_folders),
    )
    if only_files:
        rows = [row for row in rows if row["folderType"] == "normal"]
    if member.top_folders is None:
        return document(call, [_folder_json(call, row) for row in rows])
    return document(call, [_folder_json(call, row, folderParents=_parents(call, row)) for row in rows])


def get_folder(call: RequestContext) -> Response:
    """GET …/folders/:folderId."""
    member = dm_member(call)
    return document(call, _folder_json(call, _find_folder(call, member)))


def get_parent_of_folder(call: RequestContext) -> Response:
    """GET …/folders/:folderId/parent; above a top folder there is nothing that this sandbox shows."""
    member = dm_member(call)
    return document(call, _folder_json(call, _find_folder(call, member, _find_folder(call, member)["parentId"])))


def get_parent_of_item(call: RequestContext) -> Response:
    """GET …/items/:itemId/parent: the folder that holds the file."""
    member = dm_member(call)
    file = need_row(call, member, "files", call.path["itemId"])
    return document(call, _folder_json(call, _find_folder(call, member, file["folderId"])))


def contents(call: RequestContext) -> Response:
    """GET …/contents: folders, then items, with the items' tip versions in `included`."""
    member = dm_member(call)
    folder = _find_folder(call, member)
    hidden = int(call.query.flag("includeHidden", default=False))
    rows = [*_subfolders(call, folder, hidden), *_files(call, folder, hidden)]
    for passes in _rollup_filters(call):
        rows = [row for row in rows if passes({"rollup": files_stamp(_rollup(call, row))})]
    page, links = page_of(call, rows)
    tips = [tip_of(call, row) for row in page if "tipId" in row]
    data = [item_json(call, member, row) if "tipId" in row else _folder_json(call, row) for row in page]
    return paged_document(data, links, [version_json(call, member, tip) for tip in tips])


def search(call: RequestContext) -> Response:
    """GET …/search: tip versions in the folder and everywhere below it that pass every filter."""
    member = dm_member(call)
    folder = _find_folder(call, member)
    rows = _tips_below(call, folder["id"])
    for passes in _search_filters(call):
        rows = [row for row in rows if passes(row | {"createTime": files_stamp(row["createTime"])})]
    page, links = page_of(call, rows, limit=LARGEST_PAGE)
    files = [file_of(call, row) for row in page]
    return paged_document(
        [version_json(call, member, row) for row in page], links, [item_json(call, member, file) for file in files]
    )


def _subfolders(call: RequestContext, folder: Row, hidden: int) -> list[Row]:
    if not _wanted(call, "folders", FOLDER_TYPE):
        return []
    rows = call.sandbox.store.rows(
        "SELECT * FROM folders WHERE parentId = ? AND hidden <= ? ORDER BY name, id", folder["id"], hidden
    )
    return [row for row in rows if row["id"] in (call.query.several("filter[id]") or [row["id"]])]


def _files(call: RequestContext, folder: Row, hidden: int) -> list[Row]:
    if not _wanted(call, "items", ITEM_TYPE):
        return []
    rows = call.sandbox.store.rows(
        "SELECT * FROM files WHERE folderId = ? AND hidden <= ? ORDER BY displayName, id", folder["id"], hidden
    )
    return [row for row in rows if row["id"] in (call.query.several("filter[id]") or [row["id"]])]


def _wanted(call: RequestContext, resource_type: str, extension_type: str) -> bool:
    kinds, types = call.query.several("filter[type]"), extension_types(call)
    if not set(kinds) <= {"folders", "items"}:
        raise RefusedError(400, "The filter type takes folders and items")
    return (not kinds or resource_type in kinds) and (not types or extension_type in types)


def _rollup(call: RequestContext, row: Row) -> str:
    """When something in a folder, however deep, or a file was last changed."""
    if "tipId" in row:
        return str(tip_of(call, row)["createTime"])
    return max([str(row["createTime"]), *(str(tip["createTime"]) for tip in _tips_below(call, row["id"]))])


def _tips_below(call: RequestContext, folder_id: str) -> list[Row]:
    """Newest versions of every visible file in a folder and below it, in one statement."""
    return call.sandbox.store.rows(
        "WITH RECURSIVE tree (id) AS (SELECT ? UNION ALL"
        " SELECT folders.id FROM folders JOIN tree ON folders.parentId = tree.id WHERE NOT folders.hidden)"
        " SELECT versions.* FROM files JOIN tree ON files.folderId = tree.id"
        " JOIN versions ON versions.id = files.tipId WHERE NOT files.hidden ORDER BY versions.name, versions.id",
        folder_id,
    )


def _search_filters(call: RequestContext) -> list[Test]:
    tests = []
    for attribute, compare, raw in filters(call):
        if attribute not in _SEARCHED:
            raise RefusedError(400, f"The filter {attribute} is not supported")
        tests.append(test(_SEARCHED[attribute], compare, raw))
    return tests


def _rollup_filters(call: RequestContext) -> list[Test]:
    return [test("rollup", compare, raw) for name, compare, raw in filters(call) if name == _ROLLUP]


def _find_folder(call: RequestContext, member: Membership, folder_id: str | None = None) -> Row:
    """A folder that the member may see; the one of the path unless it is named."""
    folder = need_row(call, member, "folders", folder_id or call.path["folderId"])
    need_access(call, member, folder["id"])
    return folder


def _parents(call: RequestContext, row: Row) -> list[dict[str, Any]]:
    """The folders above one, from the top down; the project's own root is no folder that anybody is shown."""
    above = folders_above(call, row["parentId"])
    return [
        {"urn": one["id"], "isRoot": one["isRoot"], "title": one["name"], "parentUrn": one["parentId"]}
        for one in reversed(above)
    ]


def _folder_json(call: RequestContext, row: Row, **data: Any) -> dict[str, Any]:
    count = call.sandbox.store.value(
        "SELECT (SELECT COUNT(*) FROM folders WHERE parentId = ?1) + (SELECT COUNT(*) FROM files WHERE folderId = ?1)",
        row["id"],
    )
    here = f"{call.base_url}/data/v1/projects/b.{row['projectId']}/folders/{row['id']}"
    return {
        "type": "folders",
        "id": row["id"],
        "attributes": {
            "name": row["name"],
            "displayName": row["name"] if call.sandbox.switches.folder_display_name == "name" else "reserved",
            "createTime": files_stamp(row["createTime"]),
            "createUserId": row["createUserId"],
            "lastModifiedTime": files_stamp(row["createTime"]),
            "lastModifiedTimeRollup": files_stamp(_rollup(call, row)),
            "hidden": row["hidden"],
            "objectCount": count,
            "extension": {
                "type": FOLDER_TYPE,
                "version": "1.0",
                "data": {"folderType": row["folderType"], "isRoot": row["isRoot"], **data},
            },
        },
        "links": {"self": {"href": here}},
        "relationships": {
            "parent": {"data": {"type": "folders", "id": row["parentId"]}},
            "contents": {"links": {"related": {"href": f"{here}/contents"}}},
        },
    }


_PATH = "/data/v1/projects/{projectId}/folders/{folderId}"
OPERATIONS = (
    ApiOperation(
        "topFolders.list",
        "GET",
        "/project/v1/hubs/{hubId}/projects/{projectId}/topFolders",
        top_folders,
        "dm",
        ("data:read",),
        per_minute=300,
        query=("excludeDeleted", "projectFilesOnly"),
        answers={200: FOLDERS},
    ),
    ApiOperation("folders.get", "GET", _PATH, get_folder, "dm", ("data:read",), per_minute=300, answers={200: FOLDER}),
    ApiOperation(
        "folders.parent", "GET", f"{_PATH}/parent", get_parent_of_folder, "dm", ("data:read",), answers={200: FOLDER}
    ),
    ApiOperation(
        "dm-items.parent",
        "GET",
        "/data/v1/projects/{projectId}/items/{itemId}/parent",
        get_parent_of_item,
        "dm",
        ("data:read",),
        answers={200: FOLDER},
    ),
    ApiOperation(
        "folders.contents",
        "GET",
        f"{_PATH}/contents",
        contents,
        "dm",
        ("data:read",),
        per_minute=300,
        query=(
            "page[number]",
            "page[limit]",
            "filter[type]",
            "filter[id]",
            "filter[extension.type]",
            "includeHidden",
            f"filter[{_ROLLUP}]",
        ),
        comparisons=True,
        answers={200: CONTENTS},
    ),
    ApiOperation(
        "folders.search",
        "GET",
        f"{_PATH}/search",
        search,
        "dm",
        ("data:read", "data:search"),
        per_minute=300,
        query=("page[number]", *(f"filter[{name}]" for name in _SEARCHED)),
        comparisons=True,
        answers={200: FOUND},
    ),
)
