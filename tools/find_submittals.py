"""The tool `find_submittals`."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field

from tools.core.arguments import Cursor, Limit, OptionalText, ToolArguments
from tools.core.coercion import day_of
from tools.core.context import Services, ToolCall, ToolDefinition
from tools.core.ports import ProgressCallback
from tools.core.results import SubmittalRow, SubmittalsResult
from tools.errors.exceptions import InvalidArguments, RetryHint
from tools.next_steps.after_page import PageInfo, after_page
from tools.next_steps.after_success import after_submittals, after_submittals_everywhere

if TYPE_CHECKING:
    from tools.lookup.projects import ProjectSummary
    from tools.lookup.submittal_search import SearchPage

OPEN: Final = ("draft", "sbc-1", "mgr-1", "rev", "mgr-2")
"""States of submittals that are not ended."""

PROJECTS_AT_ONCE: Final = 25
"""Projects asked in one call: each costs two requests, and ACC allows 600 a minute; a cursor goes on after them."""

FILES_PROJECTS_AT_ONCE: Final = 4
"""Projects asked in one call where each row's attachments are asked for, a hundred rows a project at most."""

_EARLIEST: Final = "1970-01-01"
_OFFSET_BITS: Final = 56


class SubmittalsArguments(ToolArguments):
    """Search words and filters."""

    project: Annotated[
        OptionalText,
        Field(description="Name as people say it, UUID (also b.…) or pasted ACC URL. Left out: all, with in_my_court"),
    ] = None
    query: Annotated[OptionalText, Field(description="Words of title, number or specification")] = None
    state: Annotated[
        list[Literal["draft", "sbc-1", "mgr-1", "rev", "mgr-2", "sbc-2", "void", "open"]] | None,
        Field(
            description="sbc-1 submit, mgr-1 prepare, rev review, mgr-2 close and distribute, sbc-2 closed, open: "
            "neither closed nor void"
        ),
    ] = None
    in_my_court: Annotated[bool, Field(description="Only those waiting for this person by name")] = False
    attachable: Annotated[bool, Field(description="Only those this person may attach to now")] = False
    without_attachments: Annotated[bool, Field(description="Only those without a file")] = False
    due_before: Annotated[OptionalText, Field(description="Only those due before this day, 2026-12-31")] = None
    spec: Annotated[OptionalText, Field(description="Spec section: 05 12 00, its beginning, or title")] = None
    contractor: Annotated[
        OptionalText, Field(description="Responsible contractor: a person, a company (its people), id or me")
    ] = None
    response: Annotated[OptionalText, Field(description="Final response, such as revise and resubmit")] = None
    limit: Limit = 20
    cursor: Cursor = None

    def check(self) -> None:
        """Refuse a day that is none, and without a project what is another thing in each.

        Raises:
            InvalidArguments: Says which.
        """
        day_of("due_before", self.due_before)
        if self.project is not None:
            return
        named = [name for name in ("spec", "contractor", "response") if getattr(self, name) is not None]
        if named:
            raise InvalidArguments(
                f"'project' is missing: {' and '.join(named)} is another thing in each project.",
                f"Give project, or leave out {' and '.join(named)}.",
                "Name the project.",
                again=RetryHint(needs=["project"]),
            )
        if not self.in_my_court:
            raise InvalidArguments(
                "'project' is missing: without it only what is in this person's court is listed.",
                "Give project, or in_my_court=true for all projects.",
                "Name the project.",
                again=RetryHint(needs=["project"]),
            )


async def find_submittals(services: Services, call: ToolCall, arguments: SubmittalsArguments) -> SubmittalsResult:
    """List submittals by text, state, court, due date and whether a file can be attached; newest first."""
    from tools.core.presenters import submittal_row

    if arguments.project is None:
        return await _everywhere(services, call, arguments)
    project = await services.resolver.project(arguments.project)
    me = await services.resolver.me(project.id)
    position = call.position(services, me.id, arguments.cursor)
    found = await search_submittals(services, call.report, arguments, project, limit=arguments.limit, position=position)
    names = await services.resolver.names(project, me.id, responses=False)
    rows = [submittal_row(item, me.id, names) for item in found.items]
    cursor = call.next_cursor(services, me.id, found.place.position if found.place else None)
    page = PageInfo(call.tool, call.arguments, cursor)
    attachable = {row.id: row.can_attach for row in rows}
    steps = after_submittals(project.id, attachable, services.policy.step_context, whole=page.whole)
    return SubmittalsResult(
        submittals=rows,
        total=len(rows) if page.whole else found.total,
        next_cursor=cursor,
        next_steps=[*steps, *after_page(page, empty=not rows)],
    )


async def _everywhere(services: Services, call: ToolCall, arguments: SubmittalsArguments) -> SubmittalsResult:
    """List what is in this person's court in all projects, one after the other."""
    from acc.errors import Forbidden, NotFound, RequestRejected
    from tools.core.presenters import submittal_row
    from tools.lookup.submittal_search import SearchPage

    person = await services.acc.userinfo()
    position = call.position(services, person.sub, arguments.cursor)
    index, inside = position >> _OFFSET_BITS, position & ((1 << _OFFSET_BITS) - 1)
    listed = (await services.resolver.project_lists.get()).projects
    projects = [one for one in listed if one.supported and services.policy.allows(one.id)]
    rows: list[SubmittalRow] = []
    last = min(len(projects), index + (FILES_PROJECTS_AT_ONCE if arguments.without_attachments else PROJECTS_AT_ONCE))
    while index < last and len(rows) < arguments.limit:
        project = projects[index]
        try:
            me = await services.resolver.me(project.id)
            left = arguments.limit - len(rows)
            found = await search_submittals(services, call.report, arguments, project, limit=left, position=inside)
        except (Forbidden, NotFound, RequestRejected):
            found = SearchPage([], None)  # a project without Submittals, or whose Submittals this person may not see
        else:
            names = await services.resolver.names(project, me.id, responses=False)
            rows += [submittal_row(item, me.id, names, project) for item in found.items]
        inside = found.place.position if found.place else 0
        index += not found.place
        await call.report(index, last, "projects looked into")
    following = index << _OFFSET_BITS | inside if index < len(projects) else None
    cursor = call.next_cursor(services, person.sub, following)
    page = PageInfo(call.tool, call.arguments, cursor)
    step = after_submittals_everywhere([(row.project_id or "", row.id) for row in rows], whole=page.whole)
    return SubmittalsResult(
        submittals=rows,
        total=len(rows) if page.whole else None,
        next_cursor=cursor,
        next_steps=[*step, *after_page(page, empty=not rows)],
    )


async def search_submittals(
    services: Services,
    report: ProgressCallback,
    arguments: SubmittalsArguments,
    project: "ProjectSummary",
    *,
    limit: int,
    position: int,
) -> "SearchPage":
    """Return a page of a project's submittals that the `arguments` ask for, whichever project those name.

    Raises:
        InvalidArguments: A filter means nothing in this project.
        AccError: ACC refused or is away.
    """
    from tools.lookup.references import with_numbers_joined, without_section_words
    from tools.lookup.submittal_search import ListPosition, SubmittalQuery, SubmittalSearch
    from transfers.concurrency import gather
    from transfers.files.pasted_text import unwrap

    me = await services.resolver.me(project.id)
    named = services.resolver.filters
    states = [one for state in arguments.state or () for one in (OPEN if state == "open" else (state,))]
    spec, response, contractor = arguments.spec, arguments.response, arguments.contractor
    query = arguments.query and without_section_words(with_numbers_joined(unwrap(arguments.query)))
    specs, spec_ids, response_ids, contractors = await gather(
        named.specs_for(project.id, query if query and not spec else ""),
        named.spec_ids(project.id, spec),
        named.response_ids(project.id, response),
        named.contractor_ids(project.id, me.id, contractor),
    )
    filters: dict[str, str | list[str] | None] = {
        "stateId": list(dict.fromkeys(states)) or None,
        "ballInCourtUsers": me.id if arguments.in_my_court else None,
        "dueDate": due_range(arguments.due_before),
        "specId": spec_ids,
        "responseId": response_ids,
        "subcontractor": contractors,
    }
    wanted = SubmittalQuery(query, filters, arguments.attachable, specs, without_files=arguments.without_attachments)
    searched = SubmittalSearch(services.acc.submittals, project.id, wanted, report)
    return await searched.page(limit=limit, place=ListPosition.of(position))


def due_range(text: str | None) -> str | None:
    """Return ACC's filter for what is due before a day (fact sheet 2.3: a range has both its ends).

    Raises:
        InvalidArguments: It is no day, or the first of all.
    """
    day = day_of("due_before", text)
    return f"{_EARLIEST}..{day - timedelta(days=1)}" if day else None


DEFINITION = ToolDefinition(
    name="find_submittals",
    title="Find or list submittals",
    description=(
        "List or search a project's submittals (submittal log) by number, title, spec section, state (in review, "
        'closed) or ball in court. For "what is in my court?", "list the steel submittals" or "find the roofing '
        'submittal". Without project: over all projects, with in_my_court. Void ones only with state=void.'
    ),
    search_hint=("list search submittals log open closed in review ball in court assigned to me, spec section"),
    arguments=SubmittalsArguments,
    results=(SubmittalsResult,),
    writes=False,
    idempotent=True,
    run=find_submittals,
)
