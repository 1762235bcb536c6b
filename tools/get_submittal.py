"""The tool `get_submittal`."""

from tools.core.arguments import Cursor, Limit, Project, Submittal, ToolArguments
from tools.core.context import Services, ToolCall, ToolDefinition
from tools.core.results import SubmittalResult
from tools.next_steps.after_success import after_submittal, onward


class SubmittalArguments(ToolArguments):
    """Submittal, and the page of its attachments."""

    project: Project
    submittal: Submittal
    limit: Limit = 20
    cursor: Cursor = None


async def get_submittal(services: Services, call: ToolCall, arguments: SubmittalArguments) -> SubmittalResult:
    """Show a submittal, what this person may do with it, and a page of its attachments."""
    from tools.attachments.following import attachment_page
    from tools.attachments.preconditions import attach_refusal
    from tools.attachments.views import attachment_row
    from tools.core.presenters import submittal_view, task_choices

    project = await services.resolver.project(arguments.project)
    item, page = await attachment_page(
        services, call, project, arguments.submittal, limit=arguments.limit, cursor=arguments.cursor
    )
    me = await services.resolver.me(project.id)
    tasks = await services.resolver.review_tasks(project.id, item)
    shown = tasks or await services.resolver.past_review(project.id, item)
    names = await services.resolver.names(project, me.id, responses=item.response_id is not None or bool(shown))
    refusal = attach_refusal(item)
    why = f"{refusal.message} {refusal.shell_hint}" if refusal is not None else None
    view = submittal_view(item, project.id, me.id, shown, names, why)
    choices = [task.row.id for task in task_choices(tasks)]
    place, context = (project.id, view.id), services.policy.step_context
    mine = [task.id for task in view.my_tasks]
    return SubmittalResult(
        submittal=view,
        attachments=[attachment_row(attachment) for attachment in page.attachments],
        next_cursor=page.next_cursor,
        next_steps=[
            *after_submittal(*place, choices, context, can_attach=view.can_attach),
            *onward(*place, mine, context, can_move=bool(view.transitions)),
            *page.next_steps,
        ],
    )


DEFINITION = ToolDefinition(
    name="get_submittal",
    title="Look at a submittal",
    description=(
        "Show one submittal: state, due date, revision, whose court it is in, open review tasks, what this person may "
        'attach (categories, permitted actions), and its attachments. For "show submittal 051200-3", "who has the ball '
        'on the steel submittal?" or "may I attach to it?".'
    ),
    search_hint=("get show submittal details status due date ball in court permissions attachments review tasks"),
    arguments=SubmittalArguments,
    results=(SubmittalResult,),
    writes=False,
    idempotent=True,
    run=get_submittal,
)
