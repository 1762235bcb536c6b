"""The tool `find_submittals`."""

from typing import Annotated, Literal

from pydantic import Field

from tools.core.arguments import Cursor, Limit, OptionalText, Project, ToolArguments
from tools.core.context import Services, ToolCall, ToolDefinition
from tools.core.results import SubmittalsResult
from tools.next_steps.after_page import PageInfo, after_page
from tools.next_steps.after_success import after_submittals


class SubmittalsArguments(ToolArguments):
    """Search words and filters."""

    project: Project
    query: Annotated[OptionalText, Field(description="Words of title, number or specification")] = None
    state: Annotated[
        Literal["draft", "sbc-1", "mgr-1", "rev", "mgr-2", "sbc-2", "void"] | None,
        Field(description="sbc-1 submit, mgr-1 prepare, rev review, mgr-2 close and distribute, sbc-2 closed"),
    ] = None
    in_my_court: Annotated[bool, Field(description="Only those waiting for this person by name")] = False
    attachable: Annotated[bool, Field(description="Only those this person may attach to now")] = False
    limit: Limit = 20
    cursor: Cursor = None


async def find_submittals(services: Services, call: ToolCall, arguments: SubmittalsArguments) -> SubmittalsResult:
    """List submittals by text, state, court and whether a file can be attached; newest first."""
    from tools.core.presenters import submittal_row
    from tools.lookup.submittal_search import ListPosition, SubmittalQuery, search

    project = await services.resolver.project(arguments.project)
    me = await services.resolver.me(project.id)
    place = ListPosition.of(call.position(services, me.id, arguments.cursor))
    filters = {"stateId": arguments.state, "ballInCourtUsers": me.id if arguments.in_my_court else None}
    wanted = SubmittalQuery(arguments.query, filters, arguments.attachable)
    found = await search(services.acc.submittals, project.id, wanted, call.report, limit=arguments.limit, place=place)
    names = await services.resolver.names(project, me.id, responses=False)
    rows = [submittal_row(item, me.id, names) for item in found.items]
    cursor = call.next_cursor(services, me.id, found.place.position if found.place else None)
    page = PageInfo(call.tool, call.arguments, cursor)
    attachable = {row.id: row.can_attach for row in rows}
    steps = after_submittals(project.id, attachable, services.policy.step_context, whole=page.whole)
    return SubmittalsResult(submittals=rows, next_cursor=cursor, next_steps=[*steps, *after_page(page, empty=not rows)])


DEFINITION = ToolDefinition(
    name="find_submittals",
    title="Find or list submittals",
    description=(
        "List or search a project's submittals (submittal log) by number, title, spec section, state (in review, "
        'closed) or ball in court. For "what is in my court?", "list the steel submittals" or "find the roofing '
        'submittal". Void ones only with state=void.'
    ),
    search_hint=("list search submittals log open closed in review ball in court assigned to me, spec section"),
    arguments=SubmittalsArguments,
    results=(SubmittalsResult,),
    writes=False,
    idempotent=True,
    run=find_submittals,
)
