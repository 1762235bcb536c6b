"""Files (items, in Data Management's word) and their versions (fact sheet 9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from acc_sandbox.data_management.jsonapi import dm_member, document, need_access, need_row, page_of, paged_document
from acc_sandbox.data_management.schemas import FILE_VERSION, FILE_VERSIONS, ITEM
from acc_sandbox.http.operation import ApiOperation, Handler, RequestContext, Response
from acc_sandbox.http.schemas import ObjectSchema
from acc_sandbox.state.clock import files_stamp
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.access import Membership

ITEM_TYPE = "items:autodesk.bim360:File"


def get_item(call: RequestContext) -> Response:
    """GET …/items/:itemId, with its tip version in `included`."""
    member = dm_member(call)
    file = _find_file(call, member)
    return document(call, item_json(call, member, file), included=[version_json(call, member, tip_of(call, file))])


def get_tip(call: RequestContext) -> Response:
    """GET …/items/:itemId/tip."""
    member = dm_member(call)
    return document(call, version_json(call, member, tip_of(call, _find_file(call, member))))


def list_versions(call: RequestContext) -> Response:
    """GET …/items/:itemId/versions, newest first."""
    member = dm_member(call)
    file = _find_file(call, member)
    rows = call.sandbox.store.rows("SELECT * FROM versions WHERE fileId = ? ORDER BY versionNumber DESC", file["id"])
    if "filter[versionNumber]" in call.query:
        rows = [row for row in rows if str(row["versionNumber"]) in call.query.several("filter[versionNumber]")]
    page, links = page_of(call, rows)
    return paged_document([version_json(call, member, row) for row in page], links)


def get_version(call: RequestContext) -> Response:
    """GET …/versions/:versionId, the whole URN percent-encoded."""
    member = dm_member(call)
    row = need_row(call, member, "versions", call.path["versionId"])
    need_access(call, member, file_of(call, row)["folderId"])
    return document(call, version_json(call, member, row))


def get_item_of_version(call: RequestContext) -> Response:
    """GET …/versions/:versionId/item: the file that it is a version of."""
    member = dm_member(call)
    file = file_of(call, need_row(call, member, "versions", call.path["versionId"]))
    need_access(call, member, file["folderId"])
    return document(call, item_json(call, member, file), included=[version_json(call, member, tip_of(call, file))])


def item_json(call: RequestContext, member: Membership, row: Row) -> dict[str, Any]:
    """An item resource."""
    here = f"{call.base_url}/data/v1/projects/b.{member.project_id}/items/{quote(row['id'])}"
    return {
        "type": "items",
        "id": row["id"],
        "attributes": {
            "displayName": row["displayName"],
            "createTime": files_stamp(row["createTime"]),
            "createUserId": row["createUserId"],
            "lastModifiedTime": files_stamp(row["createTime"]),
            "hidden": row["hidden"],
            "extension": {"type": ITEM_TYPE, "version": "1.0", "data": {}},
        },
        "links": {"self": {"href": here}},
        "relationships": {
            "tip": {
                "data": {"type": "versions", "id": row["tipId"]},
                "links": {"related": {"href": f"{here}/tip"}},
            },
            "versions": {"links": {"related": {"href": f"{here}/versions"}}},
            "parent": {"data": {"type": "folders", "id": row["folderId"]}},
        },
    }


def version_json(call: RequestContext, member: Membership, row: Row) -> dict[str, Any]:
    """A version resource; its bytes are at `relationships.storage.data.id`."""
    here = f"{call.base_url}/data/v1/projects/b.{member.project_id}/versions/{quote(row['id'], safe='')}"
    states = {"processState": "PROCESSING_COMPLETE", "extractionState": "SUCCESS"}
    return {
        "type": "versions",
        "id": row["id"],
        "attributes": {
            "name": row["name"],
            "displayName": row["name"],
            "createTime": files_stamp(row["createTime"]),
            "createUserId": row["createUserId"],
            "lastModifiedTime": files_stamp(row["createTime"]),
            "lastModifiedUserId": row["createUserId"],
            "versionNumber": row["versionNumber"],
            "mimeType": row["mimeType"],
            "fileType": row["fileType"],
            "storageSize": row["storageSize"],
            "extension": {"type": "versions:autodesk.bim360:File", "version": "1.0", "data": states},
        },
        "links": {"self": {"href": here}},
        "relationships": {
            "item": {"data": {"type": "items", "id": row["fileId"]}},
            "storage": {"data": {"type": "objects", "id": row["storageUrn"]}},
        },
    }


def tip_of(call: RequestContext, file: Row) -> Row:
    """A file's newest version."""
    return call.sandbox.store.rows("SELECT * FROM versions WHERE id = ?", file["tipId"])[0]


def file_of(call: RequestContext, version: Row) -> Row:
    """The file that a version is one of."""
    return call.sandbox.store.rows("SELECT * FROM files WHERE id = ?", version["fileId"])[0]


def _find_file(call: RequestContext, member: Membership) -> Row:
    file = need_row(call, member, "files", call.path["itemId"])
    need_access(call, member, file["folderId"])
    return file


_PATH = "/data/v1/projects/{projectId}"


def _read(name: str, path: str, handler: Handler, answer: ObjectSchema, per_minute: int | None) -> ApiOperation:
    return ApiOperation(
        name, "GET", f"{_PATH}/{path}", handler, "dm", ("data:read",), per_minute=per_minute, answers={200: answer}
    )


OPERATIONS = (
    _read("dm-items.get", "items/{itemId}", get_item, ITEM, 300),
    _read("dm-items.tip", "items/{itemId}/tip", get_tip, FILE_VERSION, 50),
    replace(
        _read("dm-items.versions", "items/{itemId}/versions", list_versions, FILE_VERSIONS, 800),
        query=("page[number]", "page[limit]", "filter[versionNumber]"),
    ),
    _read("versions.get", "versions/{versionId}", get_version, FILE_VERSION, 300),
    _read("versions.item", "versions/{versionId}/item", get_item_of_version, ITEM, None),
)
