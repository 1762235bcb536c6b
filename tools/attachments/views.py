"""Views of attachments: ACC's row, and what this process knows of its transfer, as results and next steps take them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from acc.models.submittals import Attachment, Item
from tools.core.presenters import ATTACH, CONFIRM, REVIEW, category_overrides, short_action, without_empty
from tools.core.results import AttachmentResult, AttachmentRow, AttachmentView, Progress
from tools.core.text_sanitizer import clean
from tools.errors.codes import Code
from tools.next_steps.after_success import AttachmentStatus
from transfers.attachments import StoredObject
from transfers.categories_and_states import FOLLOW_SECONDS, allowed_categories, attachment_state, category_word
from transfers.jobs.base import Job
from transfers.jobs.caller_upload import CallerUploadJob
from transfers.jobs.linked_file import LinkedFileJob
from transfers.jobs.local_file import LocalFileJob


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
        permittedActions=[without_empty(action) for action in row.raw_permitted_actions],
        permitted_actions_incomplete=row.permitted_actions_incomplete,
    )


def attachment_row(view: AttachmentView) -> AttachmentRow:
    """Show an attachment that ACC has beside its submittal, in fewer words."""
    left_out = {"permittedActions", "project_id", "submittal_id"}
    shared = view.model_dump(include=set(AttachmentRow.model_fields) - left_out)
    return AttachmentRow(**shared, permittedActions=[short_action(action) for action in view.permittedActions])


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


def with_creator_name(answer: AttachmentResult, names: Mapping[str, str]) -> AttachmentResult:
    """Return the answer about one attachment with its creator's name, where ACC gives it."""
    name = names.get(answer.attachment.created_by or "")
    return answer.model_copy(
        update={"attachment": answer.attachment.model_copy(update={"created_by_name": clean(name) if name else None})}
    )


def _progress(job: Job | None) -> Progress | None:
    if not isinstance(job, LocalFileJob) or job.size is None:
        return None
    done = job.hashed.value if job.attachment is None else job.progress.value
    return Progress(bytes_done=done, bytes_total=job.size)
