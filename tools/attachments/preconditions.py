"""Preconditions of an attachment: ACC's rules for state, category and task, checked before anything is created."""

from collections.abc import Mapping, Sequence
from typing import Final

from acc.models.submittals import Item, ItemState
from tools.core.context import Services
from tools.core.presenters import ATTACH, REVIEW, ReviewTask, category_overrides, task_choices
from tools.core.results import Candidate
from tools.core.text_sanitizer import clean
from tools.errors.exceptions import (
    InvalidArguments,
    InvalidCategory,
    NotPermitted,
    RetryHint,
    SubmittalClosed,
    TaskRequired,
    ToolError,
)
from tools.lookup.projects import ProjectSummary
from tools.lookup.references import is_id
from transfers.categories_and_states import (
    Category,
    GivenCategory,
    allowed_categories,
    automatic_category,
    category_id,
    is_documented,
)
from transfers.idempotency import AttachTarget

_OTHERS_CAN_ATTACH: Final = (
    "A reviewer who has an open task can attach, or a submittals manager can return the submittal in ACC."
)
_CAN_BE_REOPENED: Final = "A submittals manager can reopen a closed submittal in ACC; a void one stays void."

SUBMITTAL_WORDS: Final = 120
"""Characters of a submittal's number and title that a job keeps, for lists of jobs."""

_ENDED: Final = {ItemState.CLOSED: "closed", ItemState.VOID: "void"}


async def attach_target(
    services: Services, project: ProjectSummary, item: Item, *, category: GivenCategory | None, task_id: str | None
) -> AttachTarget:
    """Return the target of an attachment to `item`, as it is now.

    What ACC's documentation allows is left to ACC to decide; only what it rules out is refused here.

    Raises:
        ToolError: SubmittalClosed, NotPermitted, TaskRequired, InvalidCategory, InvalidArguments.
        AccError: ACC refused or is away.
    """
    refusal = attach_refusal(item)
    if refusal is not None:
        raise refusal
    me = await services.resolver.me(project.id)
    task = await _task(services, project.id, me.id, item, task_id)
    state = item.state_id or ""
    if category is not None and not (is_documented(category, state) or category in _listed(item)):
        raise _invalid_category(item, category)
    automatic = automatic_category(state)
    override = category if category != automatic else None
    return AttachTarget(
        base_url=services.acc.hosts.api,
        person_id=me.id,
        project_id=project.id,
        item_id=item.id,
        revision=item.revision or 0,
        category=override or automatic,
        category_id=category_id(override) if override else None,
        task_id=task,
        submittal=clean(f"{item.number} {item.title}".strip(), SUBMITTAL_WORDS),
    )


async def doubtful_choice(
    services: Services, project: ProjectSummary, item: Item, target: AttachTarget, category: GivenCategory | None
) -> ToolError | None:
    """Return the argument that ACC probably rejected: a category that it does not list, or another user's task.

    None where everything is as ACC lists it for this person.

    Raises:
        AccError: ACC refused or is away.
    """
    if category is not None and category not in _listed(item):
        return _invalid_category(item, category)
    tasks = await services.resolver.review_tasks(project.id, item)
    mine = [task for task in tasks if task.mine]
    if item.state_id != REVIEW or target.task_id in [task.row.id for task in mine]:
        return None
    return TaskRequired(
        "In review an attachment belongs to a review task, and this one is no open task of this person.",
        "Call {tool} again with the task_id of a candidate." if mine else _OTHERS_CAN_ATTACH,
        "Run the same command again with the task of a candidate." if mine else _OTHERS_CAN_ATTACH,
        candidates=task_candidates(mine, {}),
        again=RetryHint(needs=["task_id"]) if mine else None,
    )


def closed(item: Item) -> SubmittalClosed | None:
    """Return the error of a closed or void submittal; None for an open one."""
    word = next((word for state, word in _ENDED.items() if item.state_id == state), None)
    if word is None or item.permitted(ATTACH) is not None:
        return None
    return SubmittalClosed(
        f"The submittal is {word}: ACC takes no attachment.",
        _CAN_BE_REOPENED,
        _CAN_BE_REOPENED,
    )


def attach_refusal(item: Item) -> ToolError | None:
    """Return why this person may not attach to an item as it is now; None where ACC lets them."""
    if item.permitted(ATTACH) is not None:
        return None
    return closed(item) or NotPermitted(
        "ACC does not let this person attach in the submittal's present state.",
        "A person who has the ball in court, or a submittals manager, can attach; get_submittal shows whose it is.",
        "A person who has the ball in court, or a submittals manager, can attach; ACC shows whose it is.",
    )


def _listed(item: Item) -> list[Category]:
    return allowed_categories(item.state_id or "", category_overrides(item))


def _invalid_category(item: Item, category: GivenCategory) -> InvalidCategory:
    allowed = _listed(item)
    return InvalidCategory(
        f"ACC does not offer the category {category} in this state.",
        f"Call {{tool}} again with one of the candidates, or without category: ACC then chooses {allowed[0]}."
        if allowed
        else "Call {tool} again without category: ACC then chooses one.",
        "Write one of the candidates as the category, or none.",
        candidates=[Candidate(id=word) for word in allowed],
        again=RetryHint(needs=["category"]) if allowed else RetryHint(without=["category"]),
    )


async def _task(services: Services, project_id: str, person_id: str, item: Item, given: str | None) -> str | None:
    """Return the review task to name: the one given, else this person's only one, else the only one in progress."""
    if item.state_id != REVIEW:
        if given is not None:
            raise InvalidArguments(
                "'task_id' counts only while a submittal is in review.",
                "Call {tool} again without task_id.",
                "Leave the task out.",
                again=RetryHint(without=["task_id"]),
            )
        return None
    tasks = await services.resolver.review_tasks(project_id, item)
    choices = task_choices(tasks)
    named = next((task.row.id for task in tasks if given is not None and is_id(given, task.row.id)), None)
    if named is not None:
        return named
    if given is None and len(choices) <= 1:
        return choices[0].row.id if choices else None
    others = any(not task.mine for task in choices)
    names = await services.resolver.member_names.of_project(project_id, person_id) if others else {}
    raise TaskRequired(
        "The submittal is in review: an attachment belongs to one of its review tasks."
        if given is None
        else "'task_id' is none of this submittal's review tasks.",
        "Call {tool} again with the task_id of a candidate." if choices else "Call {tool} again without task_id.",
        "Run the same command again with the task of a candidate." if choices else "Leave the task out.",
        candidates=task_candidates(choices, names),
        again=RetryHint(needs=["task_id"]) if choices else RetryHint(without=["task_id"]),
    )


def task_candidates(tasks: Sequence[ReviewTask], names: Mapping[str, str]) -> list[Candidate]:
    """Name tasks, which have no names in ACC, by what tells one from another."""
    found = []
    for task in tasks:
        row = task.row
        step = "review" if row.step is None else f"review step {row.step}"
        due = "" if row.due_date is None else f", due {row.due_date}"
        whose = "" if task.mine else f", task of {names.get(task.reviewer or '', 'another reviewer')}"
        found.append(Candidate(id=row.id, name=f"{step}, {'required' if row.required else 'optional'}{due}{whose}"))
    return found
