"""Planning of a move: reads what its words mean, and returns it with who gets the ball and what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from acc.models.submittals import Attachment, Item, ItemState, ReviewResponse, Transition, UserType
from acc.submittals import ItemTransition
from tools.attachments.preconditions import task_candidates
from tools.core.coercion import day_of
from tools.core.context import Services
from tools.core.ports import MoveSummary
from tools.core.presenters import (
    REVIEW,
    ProjectNames,
    ReviewTask,
    permitted_transitions,
    review_task,
    state_text,
)
from tools.core.results import CopyRow, MissingField, MoveView, Party
from tools.errors.exceptions import RetryHint, TaskRequired, TransitionNotPermitted
from tools.lookup.projects import ProjectSummary
from tools.lookup.references import is_id
from tools.moves.move_arguments import MoveArguments
from tools.moves.names import choose_copies, is_active, match_party, match_response
from tools.moves.transition_plan import MoveValues, ball_after, find_transition, not_permitted, plan_transition
from transfers.concurrency import gather_two


@dataclass(frozen=True)
class PlannedMove:
    """A move that could be made: a `transition` with its `change`, or else the answer to a `task`.

    `with_whom` has the ball then; None where that is not known. `missing` keeps it from being made.
    """

    item: Item
    transition: Transition | None
    change: ItemTransition | None
    task: ReviewTask | None
    response: ReviewResponse | None
    comment: str | None
    due_date: date | None
    to_person: Party | None
    copies: Sequence[Attachment]
    missing: Sequence[MissingField]
    with_whom: Sequence[Party] | None

    @property
    def view(self) -> MoveView:
        """The move as an answer shows it."""
        return MoveView(
            id=self.transition.id if self.transition else None,
            name=self.transition.name if self.transition else "Answer review task",
            to_state=self.change.state_id if self.change else None,
            task_id=self.task.row.id if self.task else None,
            response=self.response.value if self.response else None,
            comment=self.comment,
            due_date=self.due_date,
            to_person=self.to_person,
            copies=[CopyRow(id=row.id, name=row.name) for row in self.copies],
        )

    def summary(self, project: ProjectSummary) -> MoveSummary:
        """The move as the person agrees to it."""
        source, target = state_text(self.item), self.change.state_id if self.change else None
        ids = (project.id, self.item.id, target or "", self.task.row.id if self.task else "")
        response, person = self.response.id if self.response else "", self.to_person.id if self.to_person else ""
        then = (
            None if self.with_whom is None else ", ".join(one.name or f"{one.type} {one.id}" for one in self.with_whom)
        )
        return MoveSummary(
            move=f"{self.view.name} (now {source})",
            response=self.view.response,
            comment=self.comment,
            due_date=self.due_date.isoformat() if self.due_date else None,
            then_with="not known beforehand" if then is None else then or "no one",
            copies=", ".join(row.name for row in self.copies) or None,
            project=project.name,
            submittal=f"{self.item.number} {self.item.title}".strip(),
            place=(*ids, response, person, *(row.id for row in self.copies)),
        )


async def planned_move(
    services: Services, project: ProjectSummary, item: Item, person_id: str, arguments: MoveArguments
) -> PlannedMove:
    """Return the move of `item` that the arguments ask for.

    Raises:
        ToolError: TransitionNotPermitted, TaskRequired, InvalidArguments, PersonNotFound, AmbiguousReference.
        AttachmentMissing: There is no such attachment to take along.
        AccError: ACC refused or is away.
    """
    due_date = day_of("due_date", arguments.due_date)
    (tasks, names), responses = await gather_two(
        gather_two(
            services.resolver.review_tasks(project.id, item),
            services.resolver.names(project, person_id, responses=False),
        ),
        services.resolver.filters.responses(project.id),
    )
    response = match_response(arguments.response, responses) if arguments.response else None
    transition = find_transition(item, arguments.to) if arguments.to else None
    task = None if transition else my_task(item, tasks, arguments)
    person = (
        match_party(arguments.to_person, person_id, item, [one.task for one in tasks], names.people)
        if arguments.to_person
        else None
    )
    copies: Sequence[Attachment] = ()
    if arguments.copy_attachments:
        rows = services.acc.submittals.all_attachments(project.id, item.id, revision=item.revision)
        copies = choose_copies(arguments.copy_attachments, [row async for row in rows])
    if transition is None:
        with_whom = ball_after_answer(item, tasks, task, names) if task else None
        return PlannedMove(
            item, None, None, task, response, arguments.comment, None, None, copies, missing=(), with_whom=with_whom
        )
    values = MoveValues(response, arguments.comment, due_date, person, tuple(row.id for row in copies))
    plan = plan_transition(item, transition, values)
    choices = [one.value for one in responses if is_active(one)]
    missing = [
        MissingField(argument=argument, field=field, choices=choices if argument == "response" else [])
        for field, argument in plan.missing
    ]
    change = plan.change
    due = change.step_due_date or change.submitter_due_date or change.manager_due_date
    with_whom = await _ball_after(services, project, item, change, names)
    return PlannedMove(
        item, transition, change, None, response, arguments.comment, due, person, copies, missing, with_whom
    )


def my_task(item: Item, tasks: Sequence[ReviewTask], arguments: MoveArguments) -> ReviewTask:
    """Return this person's open review task that a response answers.

    Raises:
        TransitionNotPermitted: There is no such task.
        TaskRequired: There are several.
    """
    mine = [task for task in tasks if task.mine]
    if arguments.task_id:
        mine = [task for task in mine if is_id(arguments.task_id, task.row.id)]
    if len(mine) == 1:
        return mine[0]
    if mine:
        raise TaskRequired(
            f"This person has {len(mine)} open review tasks here.",
            "Call {tool} again with the task_id of a candidate.",
            "Choose the task of a candidate.",
            candidates=task_candidates(mine, {}),
            again=RetryHint(needs=["task_id"]),
        )
    if item.state_id != REVIEW and permitted_transitions(item):
        raise not_permitted(item, happened="Only in review does a response without to answer a task.")
    raise TransitionNotPermitted(
        "This person has no open review task here, or not that one.",
        "get_submittal shows the review steps, who has not answered, and what this person may do.",
        "ACC shows the review steps and who has not answered.",
    )


def ball_after_answer(
    item: Item, tasks: Sequence[ReviewTask], answered: ReviewTask, names: ProjectNames
) -> list[Party] | None:
    """Return who has the ball once a task is answered: others of its step, the next step, then the manager."""
    left = [one for one in tasks if one.step_id == answered.step_id and one.row.id != answered.row.id]
    required = [one for one in left if one.row.required] if answered.row.required else left
    if not required and not answered.row.required:
        required = [one for one in left if one.in_progress]
    open_ones = [one for one in required if one.in_progress]
    if open_ones:
        return _reviewers([one for one in left if one.in_progress], names)
    later = [one for one in tasks if (one.row.step or 0) > (answered.row.step or 0)]
    if later:
        following = min(one.row.step or 0 for one in later)
        return _reviewers([one for one in later if one.row.step == following], names)
    manager = names.party(item.manager_type or UserType.USER, item.manager)
    return [manager] if manager else []


async def _ball_after(
    services: Services, project: ProjectSummary, item: Item, change: ItemTransition, names: ProjectNames
) -> list[Party] | None:
    """Return who has the ball after a transition; None where ACC's documentation does not say which step follows."""
    if change.state_id in (ItemState.CLOSED, ItemState.VOID):
        return []
    if change.state_id != REVIEW:
        who = ball_after(item, change)
        party = names.party(who[1], who[0]) if who else None
        return [party] if party else []
    steps = sorted(await services.acc.submittals.steps(project.id, item.id), key=lambda one: one.step_number or 0)
    open_steps = [one for one in steps if one.status != "completed"]
    if not open_steps and len(steps) != 1:
        return None
    return _reviewers([review_task(task, (open_steps or steps)[0]) for task in (open_steps or steps)[0].tasks], names)


def _reviewers(tasks: Sequence[ReviewTask], names: ProjectNames) -> list[Party]:
    found = [names.party(one.task.assigned_to_type, one.task.assigned_to) for one in tasks]
    return list({one.id: one for one in found if one is not None}.values())
