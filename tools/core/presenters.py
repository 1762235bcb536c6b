"""Presenters: ACC models to tool results, with fewer fields and our terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from acc.models.submittals import Attachment, Item, ItemState, Step, Task, Transition, UserType
from tools.core.results import (
    AttachmentResult,
    AttachmentRow,
    AttachmentView,
    Court,
    Party,
    Progress,
    ReviewerRow,
    ReviewStepRow,
    SubmittalDates,
    SubmittalRow,
    SubmittalSummary,
    SubmittalView,
    TaskRow,
    TransitionRow,
)
from tools.core.text_sanitizer import clean
from tools.errors.codes import Code
from tools.next_steps.after_success import AttachmentStatus
from transfers.attachments import StoredObject
from transfers.categories_and_states import (
    CURRENT_CATEGORIES,
    FOLLOW_SECONDS,
    allowed_categories,
    attachment_state,
    category_word,
)
from transfers.jobs.base import Job
from transfers.jobs.caller_upload import CallerUploadJob
from transfers.jobs.linked_file import LinkedFileJob
from transfers.jobs.local_file import LocalFileJob

if TYPE_CHECKING:
    from tools.lookup.projects import ProjectSummary

ATTACH: Final = "Attachment::create"
CONFIRM: Final = "Attachment::partial_update"
CLOSE_TASK: Final = "Task::close"
TRANSITION: Final = "Item::wf_transition"
REVIEW: Final = ItemState.REVIEW


def attachment_view(
    row: Attachment, project_id: str, item_id: str, job: Job | None, found: StoredObject | None, web_url: str | None
) -> AttachmentView:
    """Show a row of ACC, with what this process knows of its transfer; `found` is storage's own word."""
    sending = job is not None and job.sending
    stored = found is not None or (job is not None and job.stored)
    return AttachmentView(
        id=row.id,
        project_id=project_id,
        submittal_id=item_id,
        name=row.name,
        state=attachment_state(row, sending=sending, stored=stored),
        category=category_word(row.category_id),
        task_id=row.task_id,
        revision=row.revision,
        size_bytes=job.size if job is not None and job.size is not None else found and found.size,
        sha256=job.sha256 if job is not None else None,
        verified=job is not None and job.verified,
        version_urn=row.urn,
        urn_version=row.urn_version,
        async_state=row.async_state,
        duplicated_from=row.duplicated_from,
        created_at=row.created_at,
        created_by=row.created_by,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
        progress=_progress(job) if not stored else None,
        web_url=web_url,
        permittedActions=[_without_empty(action) for action in row.raw_permitted_actions],
        permitted_actions_incomplete=row.permitted_actions_incomplete,
    )


def attachment_row(view: AttachmentView) -> AttachmentRow:
    """Show an attachment that ACC has beside its submittal, in fewer words."""
    left_out = {"permittedActions", "project_id", "submittal_id"}
    shared = view.model_dump(include=set(AttachmentRow.model_fields) - left_out)
    return AttachmentRow(**shared, permittedActions=[_short(action) for action in view.permittedActions])


def preparing_view(job: Job, web_url: str | None) -> AttachmentView:
    """Show a job that has no attachment yet."""
    target = job.destination
    return AttachmentView(
        id=None,
        project_id=target.project_id,
        submittal_id=target.item_id,
        name=job.name,
        state="preparing",
        category=target.category,
        task_id=target.task_id,
        revision=target.revision,
        size_bytes=job.size,
        sha256=job.sha256,
        verified=False,
        version_urn=None,
        urn_version=None,
        async_state=None,
        duplicated_from=None,
        created_at=None,
        created_by=None,
        updated_at=None,
        updated_by=None,
        progress=_progress(job),
        web_url=web_url,
        permittedActions=[],
        permitted_actions_incomplete=False,
    )


def step_status(
    view: AttachmentView,
    row: Attachment,
    item: Item | None,
    person_id: str,
    now: datetime,
    job: Job | None,
    problem: Code | None,
) -> AttachmentStatus:
    """Return what decides on the next steps of an attachment of `item`; None where that was not read just now."""
    mine = row.created_by == person_id
    return AttachmentStatus(
        project_id=view.project_id,
        submittal_id=view.submittal_id,
        attachment_id=view.id,
        state=view.state,
        mine=mine,
        may_confirm=mine and row.permitted(CONFIRM) is not None,
        may_attach=item is None or item.permitted(ATTACH) is not None,
        awaits_caller=isinstance(job, CallerUploadJob) and not job.stored and problem is None,
        overdue=overdue(row, now),
        problem=problem,
        content=_content(job),
        manner=_manner(view, row, item),
    )


def _content(job: Job | None) -> dict[str, Any]:
    """Return the arguments that name a job's file; empty where they are not known here."""
    key = {"idempotency_key": job.key} if job is not None and job.key else {}
    if isinstance(job, LocalFileJob):
        return {"file_path": job.path, **key}
    return {"file_urn": job.version_urn, **key} if isinstance(job, LinkedFileJob) else {}


def _manner(view: AttachmentView, row: Attachment, item: Item | None) -> dict[str, Any]:
    """Return the arguments that attach in the same way, but for what ACC would choose itself or not take now."""
    manner: dict[str, Any] = {"name": view.name}
    if item is None:
        return manner
    if view.category in allowed_categories(item.state_id or "", category_overrides(item))[1:]:
        manner["category"] = view.category
    if row.task_id and item.state_id == REVIEW:
        manner["task_id"] = row.task_id
    return manner


def overdue(row: Attachment, now: datetime) -> bool:
    """Whether ACC has been processing the attachment for too long to wait on."""
    return unchanged_for(row, now, FOLLOW_SECONDS)


def unchanged_for(row: Attachment, now: datetime, seconds: float) -> bool:
    """Whether nothing has happened to the attachment in ACC for that long."""
    since = row.updated_at or row.created_at
    return since is not None and (now - since).total_seconds() > seconds


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
    """What ids of a project stand for: people by Autodesk id, responses by id; `items_url` is where ACC shows items."""

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


def with_creator_name(answer: AttachmentResult, names: Mapping[str, str]) -> AttachmentResult:
    """Return the answer about one attachment with its creator's name, where ACC gives it."""
    name = names.get(answer.attachment.created_by or "")
    return answer.model_copy(
        update={"attachment": answer.attachment.model_copy(update={"created_by_name": clean(name) if name else None})}
    )


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
        permittedActions=[_short(_without_empty(action)) for action in item.raw_permitted_actions],
        permitted_actions_incomplete=item.permitted_actions_incomplete,
    )


def submittal_summary(
    item: Item, project_id: str, tasks: Sequence[ReviewTask], names: ProjectNames, *, moved: bool
) -> SubmittalSummary:
    """Show where a submittal is, and once it was `moved` all that this person may do with it."""
    actions = [_short(_without_empty(action)) for action in item.raw_permitted_actions] if moved else None
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


def _progress(job: Job | None) -> Progress | None:
    if not isinstance(job, LocalFileJob) or job.size is None:
        return None
    done = job.hashed.value if job.attachment is None else job.progress.value
    return Progress(bytes_done=done, bytes_total=job.size)


def _without_empty(action: dict[str, Any]) -> dict[str, Any]:
    """Leave out the members that say nothing; an empty list inside `fields` says that any value is allowed."""
    return {name: member for name, member in action.items() if member not in (None, "", [], {})}


def _short(action: dict[str, Any]) -> dict[str, Any]:
    return action if action.get("id") == ATTACH else {name: action[name] for name in ("id",) if name in action}
