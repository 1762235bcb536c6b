"""Attachment status: waiting with progress, and the result about one attachment or a page of them."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

import anyio

from acc.errors import Forbidden
from acc.models.submittals import AsyncState, Attachment, Item
from tools.attachments.rejection import explain_rejection
from tools.attachments.tasks import ANSWER_SECONDS, DeferredResult
from tools.attachments.views import attachment_view, preparing_view, step_status, unchanged_for
from tools.core.context import Services, ToolCall
from tools.core.results import AttachmentResult, AttachmentView, AttachmentWarning, Upload
from tools.errors.codes import Code
from tools.errors.description import describe_error
from tools.errors.exceptions import BackgroundFailure, ProcessingFailedRepeatedly
from tools.lookup.projects import ProjectSummary
from tools.moves.transition_plan import words_onward
from tools.next_steps.after_success import (
    MAX_FAILURES,
    AttachmentStatus,
    after_attachment,
    after_uncertain_create,
    after_visible,
)
from transfers.attachments import StoredObject
from transfers.categories_and_states import DISCARDED_SECONDS
from transfers.errors import FileWarning, JobStopped, ProcessingFailed, UploadExpired, UploadIncomplete
from transfers.files.document_check import SAME_NAME
from transfers.jobs.base import Job
from transfers.jobs.caller_upload import CallerUpload, CallerUploadJob
from transfers.jobs.local_file import LocalFileJob
from transfers.jobs.runner import WaitOptions
from transfers.manager import AttachResult


def wait_options(services: Services, call: ToolCall, seconds: float) -> WaitOptions:
    """Return a call's wait options: its own timeout, capped by the settings."""
    longest = ANSWER_SECONDS if call.accepts_task else services.policy.max_wait_seconds
    left = call.deadline.wait_seconds_left if call.deadline is not None else longest
    return WaitOptions(min(seconds, longest, left), progress_reporter(call), call.every)


@dataclass(frozen=True)
class FollowDeadline:
    """Until when a call waits, in the event loop's time; `cut_short` when its caller would wait for longer."""

    time: float
    cut_short: bool

    @classmethod
    def after(cls, seconds: float, services: Services, call: ToolCall) -> Self:
        """Return the deadline of a call that begins now and asks to wait for so many seconds."""
        granted = wait_options(services, call, seconds).seconds
        return cls(anyio.current_time() + granted, granted < seconds)

    @property
    def seconds_left(self) -> float:
        """Seconds until then."""
        return max(0.0, self.time - anyio.current_time())


async def attachment_result(
    services: Services, call: ToolCall, outcome: AttachResult, item: Item | None = None, *, waits: bool = False
) -> AttachmentResult | DeferredResult:
    """Return the result of a call that started or joined a job for an attachment of `item`, if that is fresh.

    With `waits` a task that goes on in its place also waits until ACC has processed the file.

    Raises:
        JobStopped: The attachment is reserved, but object storage would not say where its bytes go.
    """
    job = outcome.job
    target = job.destination
    if call.accepts_task and job.running:
        return DeferredResult.job(job, joined=outcome.existed, waits=waits)
    if job.attachment is None:
        preparing = AttachmentStatus(target.project_id, target.item_id, None, "preparing", call=call.arguments)
        return AttachmentResult(
            attachment=preparing_view(job, services.resolver.item_url(target.project_id, target.item_id)),
            next_steps=after_attachment(preparing, services.policy.step_context),
        )
    signed = await services.transfers.sign(job, services.now()) if isinstance(job, CallerUploadJob) else None
    view, found = await attachment_status(
        services,
        target.project_id,
        target.item_id,
        job.attachment,
        target.person_id,
        job,
        item,
        signed=signed is not None,
    )
    told_before = view.state == "ready" and outcome.existed
    look_alikes = () if told_before else job.look_alikes
    return AttachmentResult(
        attachment=view,
        already_attached=outcome.existed,
        upload=_upload(services, signed) if signed is not None else None,
        next_steps=[
            *after_attachment(found, services.policy.step_context),
            *after_uncertain_create(target.project_id, target.item_id, look_alikes),
        ],
    )


def with_onward_step(services: Services, answer: AttachmentResult, item: Item) -> AttachmentResult:
    """Return the answer of a call that made a file visible, with how its submittal moves on where ACC permits that.

    Only such a call offers it: who looks at a file later did not ask where the submittal goes.
    """
    if answer.attachment.state not in ("processing", "ready"):
        return answer
    onward = after_visible(answer.attachment.project_id, {item.id: words_onward(item)}, services.policy.step_context)
    return answer.model_copy(update={"next_steps": [*answer.next_steps, *onward]})


def warning_rows(found: Sequence[FileWarning], job: Job) -> list[AttachmentWarning]:
    """Return the warnings about a file and its name, those of its job included."""
    warnings = [*found, SAME_NAME] if job.same_name else found
    return [AttachmentWarning(code=one.code, text=one.text) for one in warnings]


def _upload(services: Services, signed: CallerUpload) -> Upload:
    """Show one command where the server runs on the caller's machine, for its URL is long; over HTTP both."""
    upload = Upload.model_validate(signed, from_attributes=True)
    if not services.policy.local_files:
        return upload
    command = signed.command_windows if sys.platform == "win32" else signed.command
    return upload.model_copy(update={"command": command, "command_windows": None})


async def attachment_status(
    services: Services,
    project_id: str,
    item_id: str,
    row: Attachment,
    person_id: str,
    job: Job | None,
    item: Item | None,
    *,
    signed: bool = False,
) -> tuple[AttachmentView, AttachmentStatus]:
    """Return the view of an attachment of `item`, and its status for next steps; `job` made it, if we did.

    Asks storage when no job here knows of its bytes, or whether it still takes those of a caller; not when it has just
    `signed` a URL for them.

    Raises:
        AccError: Object storage refused or is away.
    """
    if job is not None:
        await services.transfers.take_in(job, row)
    found = await _stored(services, row) if job is None and not row.is_file_uploaded else None
    view = attachment_view(row, project_id, item_id, job, found, services.resolver.item_url(project_id, item_id))
    problem = _code(background_failure(row, job, services.now()))
    if problem is None and view.state == "reserved" and not signed and await _discarded(services, row, job):
        problem = "upload_expired"
    return view, step_status(view, row, item, person_id, services.acc_now(), job, problem)


async def incomplete_upload_error(
    services: Services, project_id: str, item: Item, person_id: str, error: UploadIncomplete
) -> Exception:
    """Return the error of missing bytes, with next steps unless they are being sent or the caller sends them.

    Raises:
        AttachmentMissing: It was deleted meanwhile.
        AccError: ACC or its storage refused or is away.
    """
    if error.uploading:
        return error
    row = await services.transfers.row(project_id, item.id, error.attachment)
    job = await services.transfers.job(row.id)
    _, found = await attachment_status(services, project_id, item.id, row, person_id, job, item)
    return error if found.awaits_caller else BackgroundFailure(error, found)


async def background_error(
    services: Services, project: ProjectSummary, item: Item, row: Attachment, job: Job | None, found: AttachmentStatus
) -> Exception | None:
    """Return the error of an attachment that failed in the background; None while it is in progress.

    `found` is where it stands; see `describe`.

    Raises:
        AccError: ACC or its storage refused or is away.
    """
    failure = background_failure(row, job, services.now())
    if failure is None and isinstance(job, CallerUploadJob) and found.problem == "upload_expired":
        failure = JobStopped(UploadExpired(row.id, by_caller=True), "send", row.id)
    if failure is None:
        return None
    if isinstance(failure, ProcessingFailed):
        rows = services.acc.submittals.all_attachments(project.id, item.id, revision=row.revision)
        failed = [
            one
            async for one in rows
            if (one.async_state, one.name, one.created_by) == (AsyncState.FAILURE, row.name, row.created_by)
        ]
        found = replace(found, failures=len(failed))
        if len(failed) >= MAX_FAILURES:
            return BackgroundFailure(_keeps_failing(len(failed)), found)
    return BackgroundFailure(await explain_rejection(services, project, item, failure), found)


def _keeps_failing(times: int) -> ProcessingFailedRepeatedly:
    return ProcessingFailedRepeatedly(
        f"ACC has failed {times} times to make a version of this file (asyncState 4).",
        "A person opens the file to see whether it is damaged or protected, and deletes the failed attachments in ACC.",
        "Open the file to see whether it is damaged or protected, and delete the failed attachments in ACC.",
    )


def background_failure(row: Attachment, job: Job | None, now: datetime) -> Exception | None:
    """Return the background failure of an attachment; None while it is in progress or waits for its caller."""
    if row.async_state == AsyncState.FAILURE:
        return ProcessingFailed(row.id)
    if job is None or job.running or row.is_file_uploaded:
        return None
    if job.expired(now.timestamp()):
        return JobStopped(UploadExpired(row.id), "send", row.id)
    return JobStopped(job.error, job.step, row.id) if job.error is not None else None


def progress_reporter(call: ToolCall) -> Callable[[Job], Awaitable[None]]:
    """Return a callback that reports bytes hashed and sent to a waiting client."""

    async def tell(job: Job) -> None:
        if isinstance(job, LocalFileJob) and job.size is not None:
            # One more than the bytes: while storage and ACC finish, the last of them is not the end.
            await call.report(job.hashed.value + job.progress.value, 2 * job.size + 1, job.state)

    return tell


def _code(failure: Exception | None) -> Code | None:
    explained = describe_error(failure) if failure is not None else None
    return explained.code if explained is not None else None


async def _discarded(services: Services, row: Attachment, job: Job | None) -> bool:
    """Whether storage has discarded what was sent of a reserved attachment, or would have by now."""
    if not isinstance(job, CallerUploadJob) or job.upload_key is None:
        return unchanged_for(row, services.acc_now(), DISCARDED_SECONDS)
    try:
        return await services.transfers.is_upload_expired(job)
    except Forbidden:
        return False  # another user's, see `_stored`


async def _stored(services: Services, row: Attachment) -> StoredObject | None:
    try:
        return await services.transfers.stored_bytes(row)
    except Forbidden:
        return None  # another user's: ACC hides whether its bytes arrived
