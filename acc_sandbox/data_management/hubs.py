"""Hubs, their regions, and projects (fact sheet 8, 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from acc_sandbox.data_management.jsonapi import VERSION, document, extension_types, page_of, paged_document
from acc_sandbox.data_management.schemas import HUB, HUBS, PROJECT, PROJECTS
from acc_sandbox.http.errors import RefusedError, app_not_provisioned
from acc_sandbox.http.operation import ApiOperation, RequestContext, Response
from acc_sandbox.seed.model import RegionName
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.access import membership

HUB_TYPE = "hubs:autodesk.bim360:Account"
_SCHEMA = "https://developer.api.autodesk.com/schema/v1/versions/"
_REGIONS = ("EMEA", *(name for name in get_args(RegionName) if name != "EMEA"))
"""Those without hubs are warned of in this order; the recordings name EMEA."""
_CONTAINERS = ("issues", "submittals", "rfis", "markups", "checklists", "cost", "locations")


def list_hubs(call: RequestContext) -> Response:
    """GET /project/v1/hubs; an app that was not provisioned gets an empty list and a warning, with status 200.

    Beside hubs the same warning tells nothing but a region in which the app has no account.
    """
    body: dict[str, Any] = {"jsonapi": VERSION, "links": {"self": {"href": f"{call.base_url}{call.url_path}"}}}
    if not call.sandbox.switches.provisioned:
        return Response({**body, "data": [], "meta": {"warnings": [_warning("US")]}})
    rows = [row for row in call.sandbox.store.rows("SELECT * FROM hubs ORDER BY rowid") if _in_hub(call, row)]
    for name, column in {"filter[id]": "id", "filter[name]": "name"}.items():
        if name in call.query:
            rows = [row for row in rows if row[column] in call.query.several(name)]
    wanted = extension_types(call)
    if wanted and HUB_TYPE not in wanted:
        rows = []
    if rows:
        without = [name for name in _REGIONS if name not in {row["region"] for row in rows}]
        warnings = [_warning(name) for name in without[: call.sandbox.switches.region_warnings]]
        body |= {"meta": {"warnings": warnings}} if warnings else {}
    return Response({**body, "data": [_hub_json(call, row) for row in rows]})


def get_hub(call: RequestContext) -> Response:
    """GET /project/v1/hubs/:hubId."""
    return document(call, _hub_json(call, need_hub(call)))


def list_projects(call: RequestContext) -> Response:
    """GET /project/v1/hubs/:hubId/projects: those that the person is a member of."""
    hub = need_hub(call)
    rows = call.sandbox.store.rows("SELECT * FROM projects WHERE hubId = ? ORDER BY name", hub["id"])
    rows = [row for row in rows if _sees(call, row)]
    if "filter[id]" in call.query:
        rows = [row for row in rows if f"b.{row['id']}" in call.query.several("filter[id]")]
    if "filter[name]" in call.query:
        rows = [row for row in rows if row["name"] in call.query.several("filter[name]")]
    page, links = page_of(call, rows)
    return paged_document([project_json(call, row) for row in page], links)


def get_project(call: RequestContext) -> Response:
    """GET /project/v1/hubs/:hubId/projects/:projectId."""
    return document(call, project_json(call, _need_project(call, need_hub(call))))


def get_project_hub(call: RequestContext) -> Response:
    """GET /project/v1/hubs/:hubId/projects/:projectId/hub."""
    hub = need_hub(call)
    _need_project(call, hub)
    return document(call, _hub_json(call, hub))


def _need_project(call: RequestContext, hub: Row) -> Row:
    row = call.sandbox.store.row(
        "SELECT * FROM projects WHERE hubId = ? AND 'b.' || id = ?", hub["id"], call.path["projectId"]
    )
    if row is None:
        raise RefusedError(404, "The specified project was not found")
    if not _sees(call, row):
        raise RefusedError(403, "You don't have permission to access this project")
    return row


def project_json(call: RequestContext, row: Row) -> dict[str, Any]:
    """A project resource; `projectType` tells ACC from BIM 360."""
    identifier, here = f"b.{row['id']}", f"{call.base_url}/project/v1/hubs/{row['hubId']}"
    extension = {
        "type": "projects:autodesk.bim360:Project",
        "version": "1.0",
        "schema": {"href": f"{_SCHEMA}projects:autodesk.bim360:Project-1.0"},
        "data": {"projectType": row["projectType"]},
    }
    containers = {name: {"data": {"type": f"{name}ContainerId", "id": row["id"]}} for name in _CONTAINERS}
    return {
        "type": "projects",
        "id": identifier,
        "attributes": {"name": row["name"], "scopes": [f"{identifier},global"], "extension": extension},
        "links": {"self": {"href": f"{here}/projects/{identifier}"}},
        "relationships": {
            "hub": {"data": {"type": "hubs", "id": row["hubId"]}, "links": {"related": {"href": here}}},
            "rootFolder": {"data": {"type": "folders", "id": row["rootFolderUrn"]}},
            "topFolders": {"links": {"related": {"href": f"{here}/projects/{identifier}/topFolders"}}},
            **containers,
            # The one container that is not named after its relationship.
            "submittals": {"data": {"type": "submittalContainerId", "id": row["id"]}},
        },
    }


def _hub_json(call: RequestContext, hub: Row) -> dict[str, Any]:
    here = f"{call.base_url}/project/v1/hubs/{hub['id']}"
    extension = {
        "type": HUB_TYPE,
        "version": "1.0",
        "schema": {"href": f"{_SCHEMA}{HUB_TYPE}-1.0"},
        "data": {},
    }
    return {
        "type": "hubs",
        "id": hub["id"],
        "attributes": {"name": hub["name"], "region": hub["region"], "extension": extension},
        "links": {"self": {"href": here}},
        "relationships": {"projects": {"links": {"related": {"href": f"{here}/projects"}}}},
    }


def need_hub(call: RequestContext) -> Row:
    """The hub of the path.

    Raises `RefusedError`: 403 for an app that is not provisioned, 404 for a hub that is unknown or of others.
    """
    if not call.sandbox.switches.provisioned:
        raise app_not_provisioned()
    hub = call.sandbox.store.row("SELECT * FROM hubs WHERE id = ?", call.path["hubId"])
    if hub is None or not _in_hub(call, hub):
        raise RefusedError(404, "The specified hub was not found")
    return hub


def _in_hub(call: RequestContext, hub: Row) -> bool:
    """Whether the caller is in the hub's account: from the start, or through one of its projects."""
    who = call.person.autodesk_id
    return who in hub["visibleTo"] or bool(
        call.sandbox.store.value(
            "SELECT 1 FROM members JOIN projects ON projects.id = members.projectId WHERE hubId = ? AND autodeskId = ?",
            hub["id"],
            who,
        )
    )


def _sees(call: RequestContext, row: Row) -> bool:
    return membership(call.sandbox, row, call.person) is not None


def _warning(region: str) -> dict[str, Any]:
    return {
        "Id": None,
        "HttpStatusCode": "403",
        "ErrorCode": "BIM360DM_ERROR",
        "Title": f"Unable to get hubs from BIM360DM {region}.",
        "Detail": "You don't have permission to access this API",
        "AboutLink": None,
        "Source": [],
        "meta": [],
    }


@dataclass(frozen=True)
class Region:
    """A region: its `bucket` holds objects; `namespace` is the second word of folder, lineage and version URNs."""

    bucket: str
    namespace: str

    def urn(self, kind: str, tail: str) -> str:
        """Such as `urn:adsk.wipprod:fs.folder:co.X`; `kind` is `fs.folder:co.`, `dm.lineage:` or `fs.file:vf.`."""
        return f"urn:adsk.{self.namespace}:{kind}{tail}"


_US = Region("wip.dm.prod", "wipprod")
_KNOWN = {"US": _US, "EMEA": Region("wip.dm.emea.2", "wipemea")}


def region(sandbox: SandboxState, name: str) -> Region:
    """A region by the name that its hub shows; what the documentation does not say is a switch."""
    if name in _KNOWN:
        return _KNOWN[name]
    if sandbox.switches.other_region_names == "us":
        return _US
    return Region(f"wip.dm.{name.lower()}", f"wip{name.lower()}")


def region_of(sandbox: SandboxState, project_id: str) -> Region:
    """The region of a project's hub."""
    name = sandbox.store.value(
        "SELECT hubs.region FROM projects JOIN hubs ON hubs.id = projects.hubId WHERE projects.id = ?", project_id
    )
    return region(sandbox, name)


def is_bucket(sandbox: SandboxState, bucket: str) -> bool:
    """Whether a bucket belongs to the region of a hub of this sandbox."""
    names = sandbox.store.rows("SELECT DISTINCT region FROM hubs")
    return any(region(sandbox, row["region"]).bucket == bucket for row in names)


_PATH = "/project/v1/hubs"
OPERATIONS = (
    ApiOperation(
        "hubs.list",
        "GET",
        _PATH,
        list_hubs,
        "dm",
        ("data:read",),
        per_minute=50,
        query=("filter[id]", "filter[name]", "filter[extension.type]"),
        answers={200: HUBS},
    ),
    ApiOperation(
        "hubs.get", "GET", f"{_PATH}/{{hubId}}", get_hub, "dm", ("data:read",), per_minute=50, answers={200: HUB}
    ),
    ApiOperation(
        "projects.list",
        "GET",
        f"{_PATH}/{{hubId}}/projects",
        list_projects,
        "dm",
        ("data:read",),
        per_minute=50,
        query=("page[number]", "page[limit]", "filter[id]", "filter[name]"),
        answers={200: PROJECTS},
    ),
    ApiOperation(
        "projects.get",
        "GET",
        f"{_PATH}/{{hubId}}/projects/{{projectId}}",
        get_project,
        "dm",
        ("data:read",),
        per_minute=50,
        answers={200: PROJECT},
    ),
    ApiOperation(
        "projects.hub",
        "GET",
        f"{_PATH}/{{hubId}}/projects/{{projectId}}/hub",
        get_project_hub,
        "dm",
        ("data:read",),
        answers={200: HUB},
    ),
)
