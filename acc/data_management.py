"""Data Management: hubs, projects and their members, folders, files and file versions (fact sheet 9 and 9b).

`project_id` may be given in either form, with `b.` or without. Everything raises `acc.errors.AccError`, or
`acc.ids.InvalidId` for an id that cannot be one.
"""

from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, TypeVar

from acc import operations as op
from acc.ids import data_management_project_id, submittals_project_id
from acc.models.base import ResultPage
from acc.models.files import (
    FileItem,
    FileVersion,
    Folder,
    FolderContents,
    Project,
    ProjectMember,
    ResourceDocument,
    ResourceListing,
)
from acc.operations import build, filter_parameters, query_parameters
from acc.pagination import listings, rows

if TYPE_CHECKING:
    # At run time this would load httpx for a module that only names the class.
    from acc.connection import AccConnection

ACC_ACCOUNT = "hubs:autodesk.bim360:Account"
"""Extension type of the hubs that hold ACC (and BIM 360) projects."""

_PAGE_LIMIT = 200
"""The largest page: documented for projects, inferred for members."""


class ProjectsService:
    """Data Management's hubs and projects as one person sees them."""

    def __init__(self, connection: "AccConnection") -> None:
        self._connection = connection

    async def hubs(self) -> ResourceListing:
        """The accounts: `.hubs`, and in `.faults` those that would not answer.

        `.app_not_provisioned` on the answer tells that no account has admitted the app.
        """
        return await self._connection.send(build(op.HUBS, query=filter_parameters({"extension.type": ACC_ACCOUNT})))

    async def projects(self, hub_id: str) -> list[Project]:
        """Every project of a hub that the person belongs to, ACC or not: see `Project.project_type`."""

        async def fetch(page_number: int) -> ResourceListing:
            query = [("page[number]", str(page_number)), ("page[limit]", str(_PAGE_LIMIT))]
            return await self._connection.send(build(op.PROJECTS, {"hub_id": hub_id}, query=query))

        found: dict[str, Project] = {}
        async for listing in listings(op.PROJECTS.name, fetch):
            found.update({project.id: project for project in listing.projects})
        return list(found.values())

    async def members(self, project_id: str) -> list[ProjectMember]:
        """Every member of a project; its id in either form. A plain member may be refused."""
        places = {"project_id": submittals_project_id(project_id)}

        async def fetch(offset: int) -> ResultPage[ProjectMember]:
            query = query_parameters(limit=_PAGE_LIMIT, offset=offset)
            return await self._connection.send(build(op.PROJECT_MEMBERS, places, query=query))

        return [member async for member in rows(op.PROJECT_MEMBERS.name, fetch, key=lambda one: one.id)]


T = TypeVar("T")

_FOLDER_PAGE = "200"
"""The largest documented page of folder contents."""


class FilesService:
    """The Files tool as one person sees it."""

    def __init__(self, connection: "AccConnection") -> None:
        self._connection = connection

    async def top_folders(self, hub_id: str, project_id: str) -> list[Folder]:
        """The folders at the top that the person may see."""
        return (await self._ask(op.TOP_FOLDERS, project_id, hub_id=hub_id)).folders

    async def contents(self, project_id: str, folder_id: str, *, page_number: int = 0) -> FolderContents:
        """A page of a folder: `.folders`, `.items`, and in `.versions` the files' newest versions."""
        query = [("page[number]", str(page_number)), ("page[limit]", _FOLDER_PAGE)]
        return await self._ask(op.FOLDER_CONTENTS, project_id, folder_id=folder_id, query=query)

    async def all_contents(self, project_id: str, folder_id: str) -> AsyncIterator[FolderContents]:
        """Every page of a folder."""

        async def fetch(page_number: int) -> ResourceListing:
            return await self.contents(project_id, folder_id, page_number=page_number)

        async for listing in listings(op.FOLDER_CONTENTS.name, fetch):
            yield listing

    async def folder(self, project_id: str, folder_id: str) -> Folder:
        """One folder."""
        return (await self._ask(op.FOLDER, project_id, folder_id=folder_id)).data

    async def item(self, project_id: str, item_id: str) -> ResourceDocument[FileItem]:
        """One file by its lineage URN: `.data`, with its newest version in `.included`."""
        return await self._ask(op.FILE_ITEM, project_id, item_id=item_id)

    async def version(self, project_id: str, version_urn: str) -> FileVersion:
        """One version by its URN, `?version=` included. `NotFound` when this project has none such."""
        return (await self._ask(op.FILE_VERSION, project_id, version_urn=version_urn)).data

    async def _ask(
        self, operation: op.ApiOperation[T], project_id: str, *, query: Iterable[tuple[str, str]] = (), **ids: str
    ) -> T:
        places = {"project_id": data_management_project_id(project_id), **ids}
        return await self._connection.send(build(operation, places, query=query))
