"""Hubs and projects that a person can see, and a project's members (fact sheet 9 and 9b).

Everything raises `acc.errors.AccError`.
"""

from typing import TYPE_CHECKING

from acc import operations as op
from acc.ids import submittals_project_id
from acc.models import Project, ProjectMember, ResourceListing, ResultPage
from acc.pagination import listings, rows
from acc.requests import build, filter_parameters, query_parameters

if TYPE_CHECKING:
    # At run time this would load httpx for everybody who only names the class.
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
