"""The tool `find_projects`."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tools.core.arguments import Cursor, Limit, OptionalText, ToolArguments
from tools.core.context import Services, ToolCall, ToolDefinition
from tools.core.policy import ToolPolicy
from tools.core.results import ProjectRow, ProjectsResult
from tools.next_steps.after_page import PageInfo, after_page
from tools.next_steps.after_success import after_projects

if TYPE_CHECKING:
    from tools.lookup.projects import ProjectList


class ProjectsArguments(ToolArguments):
    """Words of a project's name."""

    query: Annotated[OptionalText, Field(description="Words of the name")] = None
    limit: Limit = 20
    cursor: Cursor = None


async def find_projects(services: Services, call: ToolCall, arguments: ProjectsArguments) -> ProjectsResult:
    """List the projects this person can see and the settings allow, by name; `hint` helps where there are none.

    Raises:
        AppNotProvisioned: There are none, and Autodesk says that no account has admitted the app.
    """
    from acc.errors import AppNotProvisioned

    person = await services.acc.userinfo()
    start = call.position(services, person.sub, arguments.cursor)
    listed = await services.resolver.project_lists.get()
    if listed.not_provisioned:
        raise AppNotProvisioned("dm.hubs", http_status=200)
    found = [project for project in listed.holding(arguments.query or "") if services.policy.allows(project.id)]
    end = start + arguments.limit
    rows = [
        ProjectRow(
            id=project.id, name=project.name, account=project.hub_name, type=project.type, supported=project.supported
        )
        for project in found[start:end]
    ]
    cursor = call.next_cursor(services, person.sub, end if end < len(found) else None)
    page = PageInfo(call.tool, call.arguments, cursor)
    steps = after_projects([row.id for row in rows if row.supported], whole=page.whole)
    return ProjectsResult(
        projects=rows,
        accounts_unavailable=listed.accounts_unavailable,
        hint=_hint(listed, services.policy),
        next_cursor=cursor,
        next_steps=[*steps, *(after_page(page, empty=not rows) if listed.projects else ())],
    )


def _hint(listed: "ProjectList", policy: ToolPolicy) -> str | None:
    """Return what a person can do who has no project to work in; None where there is one."""
    if any(policy.allows(project.id) for project in listed.projects):
        return None
    if listed.accounts_unavailable:
        return "Accounts did not answer, so projects may be missing: ask again in a minute."
    if listed.projects:
        return "The settings of this server allow none of this person's projects: its operator decides which."
    return (
        "This Autodesk account is in no ACC project; sign_in says whose it is. If it is the right one, a project "
        "administrator adds the person to the project in ACC, and an account administrator adds the app under Account "
        "Admin > Settings > Custom Integrations."
    )


DEFINITION = ToolDefinition(
    name="find_projects",
    title="Find projects",
    description=(
        "Search for a construction project (job) by name, or list the ACC / Forma projects this person can access. "
        'For "which projects do I have?" or "find the hospital job". BIM 360 projects are marked as not supported.'
    ),
    search_hint="list search ACC projects Autodesk construction cloud Build Forma jobs account hub",
    arguments=ProjectsArguments,
    results=(ProjectsResult,),
    writes=False,
    idempotent=True,
    run=find_projects,
)
