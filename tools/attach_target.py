"""Where a file is to be attached: ACC's rules for state, category and task, applied before anything is created."""

from typing import Final

from acc.models import Item, ItemState
from tools.desk import Desk
from tools.errors import Again, InvalidArguments, InvalidCategory, NotPermitted, SubmittalClosed, TaskRequired
from tools.project_list import KnownProject
from tools.results import Candidate, TaskRow
from tools.view import ATTACH, REVIEW, overrides
from transfers.categories import GivenCategory, allowed_categories, automatic_category, category_id
from transfers.job import Destination

_ENDED: Final = {ItemState.CLOSED: "closed", ItemState.VOID: "void"}


async def attach_target(
    desk: Desk, project: KnownProject, item: Item, *, category: GivenCategory | None, task_id: str | None
) -> Destination:
    """Return the destination of an attachment to `item` as it is now.

    Raises:
        ToolProblem: SubmittalClosed, NotPermitted, TaskRequired, InvalidCategory, InvalidArguments.
        AccError: ACC refused or is away.
    """
    ended = closed(item)
    if ended is not None:
        raise ended
    me = await desk.finder.me(project.id)
    # In review ACC permits attaching to those who have a task; whoever has none is told so, not just refused.
    task = await _task(desk, project.id, item, task_id)
    _check_permission(item)
    automatic = automatic_category(item.state_id or "")
    _check_category(item, category)
    override = category if category != automatic else None
    return Destination(
        base_url=desk.acc.hosts.api,
        person_id=me.id,
        project_id=project.id,
        item_id=item.id,
        revision=item.revision or 0,
        category=override or automatic,
        category_id=category_id(override) if override else None,
        task_id=task,
    )


def closed(item: Item) -> SubmittalClosed | None:
    """Return what to say of a submittal that takes no attachment any more; None for every other."""
    word = next((word for state, word in _ENDED.items() if item.state_id == state), None)
    if word is None or item.permitted(ATTACH) is not None:
        return None
    return SubmittalClosed(
        f"The submittal is {word}: ACC takes no attachment.",
        "A submittals manager can reopen a closed submittal in ACC; a void one stays void.",
    )


def _check_permission(item: Item) -> None:
    if item.permitted(ATTACH) is None:
        raise NotPermitted(
            "ACC does not let this person attach in the submittal's present state.",
            "A person who has the ball in court, or a submittals manager, can attach; get_submittal shows whose it is.",
        )


def _check_category(item: Item, category: GivenCategory | None) -> None:
    allowed = allowed_categories(item.state_id or "", overrides(item))
    if category is not None and category not in allowed:
        raise InvalidCategory(
            f"ACC does not offer the category {category} in this state.",
            f"Call again with one of the candidates, or without category: ACC then chooses {allowed[0]}."
            if allowed
            else "Call again without category: ACC then chooses one.",
            candidates=[Candidate(id=word) for word in allowed],
            again=Again(needs=["category"]) if allowed else Again(without=["category"]),
        )


async def _task(desk: Desk, project_id: str, item: Item, given: str | None) -> str | None:
    if item.state_id != REVIEW:
        if given is not None:
            raise InvalidArguments(
                "'task_id' counts only while a submittal is in review.",
                "Call again without task_id.",
                again=Again(without=["task_id"]),
            )
        return None
    mine = await desk.finder.my_tasks(project_id, item)
    ids = [task.id for task in mine]
    if given in ids:
        return given
    if given is None and len(ids) == 1:
        return ids[0]
    raise TaskRequired(
        "The submittal is in review: an attachment belongs to one of this person's open review tasks."
        if given is None
        else "'task_id' is none of this person's open review tasks of this submittal.",
        "Call again with the task_id of a candidate."
        if ids
        else "This person has no open review task here: a reviewer who has one can attach, or a submittals manager can "
        "return the submittal in ACC.",
        candidates=[Candidate(id=task.id, name=_task_name(task)) for task in mine],
        again=Again(needs=["task_id"]) if ids else None,
    )


def _task_name(task: TaskRow) -> str:
    """Name a task, which has no name in ACC, by what tells it from another."""
    step = "review" if task.step is None else f"review step {task.step}"
    due = "" if task.due_date is None else f", due {task.due_date}"
    return f"{step}, {'required' if task.required else 'optional'}{due}"
