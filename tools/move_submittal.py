"""The tool `move_submittal`: a transition of a submittal, or the answer to this person's review task."""

from typing import TYPE_CHECKING, Any

from tools.core.consent import require_consent
from tools.core.context import Services, ToolCall, ToolDefinition
from tools.core.results import MoveResult
from tools.moves.move_arguments import MoveArguments
from tools.next_steps.after_success import after_move_check, after_unseen_move, onward
from transfers.concurrency import gather_two

if TYPE_CHECKING:
    from acc.models.submittals import Item
    from tools.core.ports import MoveSummary
    from tools.lookup.projects import ProjectSummary
    from tools.moves.planning import PlannedMove


async def move_submittal(services: Services, call: ToolCall, arguments: MoveArguments) -> MoveResult:
    """Return what a move would do, or make it."""
    import anyio

    from acc.errors import AccError
    from tools.core.presenters import submittal_summary
    from tools.moves.planning import planned_move
    from tools.moves.refusal import carry_out, missing_error

    project = await services.resolver.project(arguments.project)
    item, me = await gather_two(
        services.resolver.submittal(project, arguments.submittal), services.resolver.me(project.id)
    )
    move = await planned_move(services, project, item, me.id, arguments)
    if not arguments.check_only:
        if move.missing:
            raise missing_error(move)

        async def summary() -> "MoveSummary":
            now = await services.resolver.submittal(project, item.id)
            return (await planned_move(services, project, now, me.id, arguments)).summary(project)

        await require_consent(services, call, summary, project_id=project.id, person_id=me.id)
        try:
            with anyio.fail_after(call.deadline.seconds_left if call.deadline is not None else None):
                moved = await carry_out(services, project, me.id, move)
        except (AccError, TimeoutError) as lost:
            if isinstance(lost, AccError) and not lost.sent:
                raise
            raise _uncertain(_same_call(project, move)) from lost
        return await _moved(services, project, me.id, move, moved)
    names, tasks = await gather_two(
        services.resolver.names(project, me.id, responses=False), services.resolver.review_tasks(project.id, item)
    )
    return MoveResult(
        submittal=submittal_summary(item, project.id, tasks, names, moved=False),
        transition=move.view,
        missing=list(move.missing),
        with_whom=None if move.with_whom is None else list(move.with_whom),
        done=False,
        next_steps=after_move_check(_same_call(project, move), [one.argument for one in move.missing]),
    )


async def _moved(
    services: Services, project: "ProjectSummary", person_id: str, move: "PlannedMove", item: "Item | None"
) -> MoveResult:
    """Return what was done; where ACC does not show the submittal afterwards, without what is not known of it."""
    from acc.errors import AccError
    from tools.core.presenters import submittal_summary

    names = await services.resolver.names(project, person_id, responses=False)
    try:
        tasks = await services.resolver.review_tasks(project.id, item) if item is not None else []
    except AccError:
        item, tasks = None, []
    summary = submittal_summary(item or move.item, project.id, tasks, names, moved=True)
    if item is None:
        unknown: dict[str, Any] = {"state": None, "state_text": "unknown", "due_date": None}
        summary = summary.model_copy(update={**unknown, "my_tasks": [], "transitions": [], "permittedActions": []})
    place, mine = (project.id, move.item.id), [task.id for task in summary.my_tasks]
    # What was asked for is done: only what waits for this very person is offered.
    answering = onward(*place, mine, services.policy.step_context, can_move=False)
    return MoveResult(
        submittal=summary,
        transition=move.view,
        missing=[],
        with_whom=names.with_whom(item) if item is not None else None,
        done=True,
        next_steps=answering if item is not None else [after_unseen_move(*place)],
    )


def _uncertain(same_call: dict[str, Any]) -> Exception:
    """Return the error of a move that may have been made: words such as `return` would mean the next move by now."""
    from tools.errors.exceptions import MoveUncertain, RetryHint

    return MoveUncertain(
        "Autodesk could not be reached or failed; the move may have been made.",
        "Call {tool} again in a minute with the ids of its next step: it makes the move only where it was not made.",
        "Look at the submittal before you do it again.",
        again=RetryHint({**same_call, "check_only": False}),
    )


def _same_call(project: "ProjectSummary", move: "PlannedMove") -> dict[str, Any]:
    """Return the call that makes the move which was shown, by ids, so that its words cannot come to mean another."""
    given: dict[str, Any] = {
        "project": project.id,
        "submittal": move.item.id,
        "to": move.transition.id if move.transition else None,
        "response": move.response.id if move.response else None,
        "task_id": move.task.row.id if move.task else None,
        "comment": move.comment,
        "due_date": move.due_date.isoformat() if move.due_date else None,
        "to_person": move.to_person.id if move.to_person else None,
        "copy_attachments": [row.id for row in move.copies] or None,
    }
    return {name: value for name, value in given.items() if value is not None}


DEFINITION = ToolDefinition(
    name="move_submittal",
    title="Move a submittal on or answer a review",
    description=(
        "Submit a submittal to the manager, send it for review, return, close (distribute), reopen or void it, or "
        'answer your review task. For "send it for review", "close it as approved" or "my review: rejected". First '
        "call says what would happen, who gets the ball and what is missing; check_only=false does it."
    ),
    search_hint=(
        "move submittal workflow transition submit send for review return close distribute reopen void approve reject "
        "respond review response ball in court"
    ),
    arguments=MoveArguments,
    results=(MoveResult,),
    writes=True,
    idempotent=False,
    destructive=True,  # nothing leads out of void
    run=move_submittal,
)
