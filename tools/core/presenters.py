"""Presenters: ACC's submittals and review tasks as tool results, with fewer fields and our terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from acc.models.submittals import Item, ItemState, Step, Task, Transition, UserType
from tools.core.results import (
    Court,
    Party,
    ReviewerRow,
    ReviewStepRow,
    SubmittalDates,
    SubmittalRow,
    SubmittalSummary,
    SubmittalView,
    TaskRow,
    TransitionRow,
)
from transfers.categories_and_states import CURRENT_CATEGORIES, allowed_categories

if TYPE_CHECKING:
    from tools.lookup.projects import ProjectSummary

ATTACH: Final = "Attachment::create"
CONFIRM: Final = "Attachment::partial_update"
CLOSE_TASK: Final = "Task::close"
TRANSITION: Final = "Item::wf_transition"
REVIEW: Final = ItemState.REVIEW


@dataclass(frozen=True)
class ReviewTask:
    """A review task; `mine`: this person may close it, also as a member of a company that cannot be looked up.

    `reviewer` is the Autodesk id of a person; None for a company or a role.
    """

    row: TaskRow
    task: Task
    step_id: str
    step_status: str | None
    mine: bool
    in_progress: bool
    reviewer: str | None


def review_task(task: Task, step: Step) -> ReviewTask:
    """Show a review task, and whose it is."""
    row = TaskRow(
        id=task.id,
        step=int(step.step_number) if step.step_number is not None else None,
        required=task.is_required,
        due_date=task.step_due_date,
    )
    return ReviewTask(
        row,
        task,
        step.id,
        step.status,
        mine=task.permitted(CLOSE_TASK) is not None,
        in_progress=task.status == "in-progress",
        reviewer=task.assigned_to if task.assigned_to_type == UserType.USER else None,
    )


STATE_TEXTS: Final = {
    "draft": "draft",
    "sbc-1": "waiting for the responsible contractor to submit",
    "mgr-1": "with the manager, before review",
    "rev": "in review",
    "mgr-2": "reviewed, with the manager to close and distribute",
    "sbc-2": "closed",
    "void": "void",
}
"""ACC's states in words (fact sheet 2.1)."""

_PARTIES: Final[dict[str | None, Literal["user", "company", "role"]]] = {
    UserType.USER: "user",
    UserType.COMPANY: "company",
    UserType.ROLE: "role",
}


@dataclass(frozen=True)
class ProjectNames:
    """Names by id in a project: people by Autodesk id, responses by id; `items_url` is where ACC shows items."""

    people: Mapping[str, str]
    responses: Mapping[str, str]
    items_url: str | None

    def party(self, kind: str | None, id_: str | None) -> Party | None:
        """Return a person, company or role by its type and id; None where there is none."""
        type_ = _PARTIES.get(kind)
        if id_ is None or type_ is None:
            return None
        return Party(type=type_, id=id_, name=self.people.get(id_) if type_ == "user" else None)

    def with_whom(self, item: Item) -> list[Party]:
        """Return who has the ball; None once an item is closed, though ACC leaves its last holder there."""
        if item.state_id in (ItemState.CLOSED, ItemState.VOID):
            return []
        holders = [
            *((UserType.USER, one) for one in item.ball_in_court_users),
            *((UserType.COMPANY, one) for one in item.ball_in_court_companies),
            *((UserType.ROLE, one) for one in item.ball_in_court_roles),
        ]
        return [party for holder in holders if (party := self.party(*holder))]

    def item_url(self, item: Item) -> str | None:
        """Return the address of an item's page in ACC."""
        return f"{self.items_url}/{item.id}" if self.items_url else None


def submittal_row(
    item: Item, person_id: str, names: ProjectNames, project: "ProjectSummary | None" = None
) -> SubmittalRow:
    """Show a submittal as a list does; with its `project` where the list has several."""
    return SubmittalRow(
        id=item.id,
        number=item.number,
        title=item.title,
        state=item.state_id,
        state_text=state_text(item),
        revision=item.revision,
        due_date=item.due_date,
        court=item.ball_in_court_type,
        with_whom=names.with_whom(item),
        in_my_court=ball_in_court(item, person_id, []),
        can_attach=item.permitted(ATTACH) is not None,
        web_url=names.item_url(item),
        project_id=project.id if project else None,
        project=project.name if project else None,
    )


def submittal_view(
    item: Item, project_id: str, person_id: str, tasks: Sequence[ReviewTask], names: ProjectNames, refusal: str | None
) -> SubmittalView:
    """Show one submittal with what this person may do with it; `refusal` says why they may not attach."""
    may_create = item.permitted(ATTACH) is not None
    mine = [task.row for task in tasks if task.mine]
    return SubmittalView(
        id=item.id,
        project_id=project_id,
        number=item.number,
        title=item.title,
        state=item.state_id,
        state_text=state_text(item),
        revision=item.revision,
        spec=" ".join(part for part in (item.spec_identifier, item.spec_title) if part) or None,
        due_date=item.due_date,
        court=item.ball_in_court_type,
        with_whom=names.with_whom(item),
        in_my_court=ball_in_court(item, person_id, mine),
        contractor=names.party(item.subcontractor_type, item.subcontractor),
        response=names.responses.get(item.response_id or ""),
        response_comment=item.response_comment or None,
        dates=SubmittalDates(
            sent_to_submitter=item.sent_to_submitter,
            received_from_submitter=item.received_from_submitter,
            sent_to_review=item.sent_to_review,
            received_from_review=item.received_from_review,
            published=item.published_date,
            required_on_job=item.required_on_job_date,
        ),
        review_steps=_review_steps(tasks, names),
        can_attach=may_create,
        attach_refusal=refusal,
        allowed_categories=allowed_categories(item.state_id or "", category_overrides(item)) if may_create else [],
        my_tasks=mine,
        transitions=_transitions(item),
        web_url=names.item_url(item),
        permittedActions=[short_action(without_empty(action)) for action in item.raw_permitted_actions],
        permitted_actions_incomplete=item.permitted_actions_incomplete,
    )


def submittal_summary(
    item: Item, project_id: str, tasks: Sequence[ReviewTask], names: ProjectNames, *, moved: bool
) -> SubmittalSummary:
    """Show where a submittal is, and once it was `moved` all that this person may do with it."""
    actions = [short_action(without_empty(action)) for action in item.raw_permitted_actions] if moved else None
    return SubmittalSummary(
        id=item.id,
        project_id=project_id,
        number=item.number,
        title=item.title,
        state=item.state_id,
        state_text=state_text(item),
        due_date=item.due_date,
        my_tasks=[task.row for task in tasks if task.mine],
        transitions=_transitions(item),
        web_url=names.item_url(item),
        permittedActions=actions,
        permitted_actions_incomplete=item.permitted_actions_incomplete,
    )


def permitted_transitions(item: Item) -> list[Transition]:
    """Return the transitions that ACC lets this person make now."""
    action = item.permitted(TRANSITION)
    return action.transitions if action is not None else []


def transition_ends(transition: Transition) -> tuple[str, str]:
    """Return the states that a transition leads from and to."""
    source, _, target = transition.id.partition("::")
    from_, to = transition.state_from, transition.state_to
    return (from_.id if from_ else "") or source, (to.id if to else "") or target


def state_text(item: Item) -> str:
    """Return an item's state in words; of an undocumented one, that it is unknown."""
    return STATE_TEXTS.get(item.state_id or "", "unknown")


def _transitions(item: Item) -> list[TransitionRow]:
    return [
        TransitionRow(
            id=one.id,
            to=one.state_to.id if one.state_to else None,
            to_text=STATE_TEXTS.get(one.state_to.id if one.state_to else "", "unknown"),
            mandatory_fields=sorted(set(one.mandatory_fields)),
        )
        for one in permitted_transitions(item)
    ]


def _review_steps(tasks: Sequence[ReviewTask], names: ProjectNames) -> list[ReviewStepRow]:
    steps = list(dict.fromkeys((task.row.step, task.step_status, task.row.due_date) for task in tasks))
    return [
        ReviewStepRow(
            step=step[0],
            status=step[1],
            due_date=step[2],
            reviewers=[
                _reviewer(task.task, names)
                for task in tasks
                if (task.row.step, task.step_status, task.row.due_date) == step
            ],
        )
        for step in steps
    ]


def _reviewer(task: Task, names: ProjectNames) -> ReviewerRow:
    return ReviewerRow(
        reviewer=names.party(task.assigned_to_type, task.assigned_to),
        required=task.is_required,
        status=task.status,
        response=names.responses.get(task.response_id or ""),
        comment=task.response_comment or None,
        responded_at=task.responded_at,
    )


def ball_in_court(item: Item, person_id: str, tasks: list[TaskRow]) -> Court:
    """Whether the ball is in this person's court; a company's or a role's is not guessed at."""
    if tasks or person_id in item.ball_in_court_users:
        return True
    return "unknown" if item.ball_in_court_companies or item.ball_in_court_roles else False


def task_choices(tasks: Sequence[ReviewTask]) -> list[ReviewTask]:
    """Return the tasks that an attachment may be meant for: this person's open ones, else all in progress."""
    return [task for task in tasks if task.mine] or [task for task in tasks if task.in_progress]


def category_overrides(item: Item) -> list[str]:
    """Return the category numbers that may be chosen against the automatic one; an empty list of ACC's allows any."""
    action = item.permitted(ATTACH)
    listed = action.allowed_values("categoryId") if action else None
    return list(CURRENT_CATEGORIES) if listed == [] else [str(value) for value in listed or ()]


def without_empty(action: dict[str, Any]) -> dict[str, Any]:
    """Leave out the members that say nothing; an empty list inside `fields` says that any value is allowed."""
    return {name: member for name, member in action.items() if member not in (None, "", [], {})}


def short_action(action: dict[str, Any]) -> dict[str, Any]:
    """Return a permitted action as a list of several has it: what attaching takes whole, of any other the id."""
    return action if action.get("id") == ATTACH else {name: action[name] for name in ("id",) if name in action}
