"""Makes a move, and explains why one cannot be made: a field is missing, or ACC refused what it had permitted."""

from acc.errors import AccError, Forbidden, NotFound, RequestRejected
from acc.models.submittals import Item
from tools.core.context import Services
from tools.core.presenters import permitted_transitions, state_text
from tools.errors.exceptions import (
    InvalidArguments,
    RetryHint,
    ToolError,
    TransitionNotPermitted,
    UpstreamRejected,
)
from tools.lookup.projects import ProjectSummary
from tools.moves.names import match_response
from tools.moves.planning import PlannedMove
from tools.moves.transition_plan import not_permitted
from transfers.submittal_moves import MoveTarget, answer_task, move_item

_IN_ACC = "A person does this step in ACC itself; get_submittal shows the state."


def missing_error(move: PlannedMove) -> ToolError:
    """Return the error of a move that ACC would not take as it stands."""
    fields = ", ".join(one.field for one in move.missing)
    given = [one.argument for one in move.missing if one.argument]
    if len(given) < len(move.missing):
        return TransitionNotPermitted(
            f"ACC demands what no argument gives, for this transition: {fields}.",
            "A submittals manager fills it in on the submittal's page in ACC; customIdentifier is its number.",
            "Fill it in on the submittal's page in ACC; customIdentifier is its number.",
        )
    needs = list(dict.fromkeys(given))
    return InvalidArguments(
        f"For this transition {' and '.join(repr(name) for name in needs)} must be given.",
        "Ask the person for it, and call {tool} again with it.",
        f"Give {' and '.join(needs)}.",
        again=RetryHint(needs=needs),
    )


async def carry_out(services: Services, project: ProjectSummary, person_id: str, move: PlannedMove) -> Item | None:
    """Make a move, and return its submittal afterwards; None where ACC does not show it.

    Raises:
        ToolError: ACC refused what it had permitted, and why.
        AccError: ACC is away; nothing changed.
        TransferError: Another person is signed in now.
        StorageProblem: The audit log cannot be written.
    """
    context = services.transfers.context
    target = MoveTarget(person_id, project.id, move.item.id)
    try:
        if move.change is not None:
            return await move_item(context, target, move.change)
        if move.task is None or move.response is None:
            raise RuntimeError("a move without a transition answers a task")
        await answer_task(
            context,
            target,
            move.task.step_id,
            move.task.task,
            response_id=move.response.id,
            comment=move.comment,
            copies=[row.id for row in move.copies],
        )
    except (Forbidden, NotFound, RequestRejected) as refused:
        raise await _explained(services, project, move, refused) from refused
    try:
        return await services.resolver.submittal(project, move.item.id)
    except AccError:
        return None


async def _explained(services: Services, project: ProjectSummary, move: PlannedMove, refused: AccError) -> Exception:
    """Read the submittal again after ACC refused, and return the error that says what is different now."""
    if type(refused) not in (Forbidden, NotFound, RequestRejected):
        return refused  # says more than no
    try:
        now = await services.resolver.submittal(project, move.item.id)
        tasks = await services.resolver.review_tasks(project.id, now)
        responses = await services.resolver.filters.responses(project.id, fresh=True) if move.response else ()
    except AccError:
        return refused
    except ToolError as gone:
        return gone
    happened = ""
    if now.state_id != move.item.state_id:
        happened = f"Meanwhile the submittal moved on: it was {state_text(move.item)}."
    if move.transition is not None:
        withdrawn = move.transition.id not in [one.id for one in permitted_transitions(now)]
        if happened or withdrawn:
            return not_permitted(
                now, move.transition.id, happened or "ACC withdrew this transition.", refused.http_status
            )
    else:
        open_ones = [one.row.id for one in tasks if one.mine]
        if move.task is not None and move.task.row.id not in open_ones:
            return TransitionNotPermitted(
                f"{happened} This review task is not open for this person any more.".strip(),
                "get_submittal shows the review steps and who has not answered.",
                "ACC shows the review steps and who has not answered.",
                http_status=refused.http_status,
            )
    if move.response is not None:
        try:
            match_response(move.response.id, responses)
        except InvalidArguments as retired:
            return retired
    why = "; the person to get it may be no submittals manager of the project" if move.to_person else ""
    return UpstreamRejected(
        f"ACC refused this, although the submittal has not changed and still permits it{why}.",
        _IN_ACC,
        "Do this step in ACC itself.",
        http_status=refused.http_status,
    )
