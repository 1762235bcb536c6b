"""Unfinished attachments of a person in all submittals, found by the jobs of this database."""

import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from acc.errors import Forbidden, NotFound, RequestRejected
from acc.models.submittals import Attachment
from tools.attachments.following import is_processing, read_until
from tools.attachments.status import FollowDeadline, attachment_status, wait_options
from tools.attachments.views import attachment_row, preparing_view
from tools.core.context import Services, ToolCall
from tools.core.results import AttachmentRow, AttachmentsResult
from tools.lookup.projects import ProjectSummary
from tools.next_steps.after_page import PageInfo, after_page
from tools.next_steps.after_success import MAX_STEPS, AttachmentStatus, after_attachment
from transfers.categories_and_states import FOLLOW_SECONDS
from transfers.concurrency import gather_all
from transfers.errors import AttachmentMissing, JobStopped
from transfers.jobs.base import Job
from transfers.jobs.linked_file import LinkedFileJob
from transfers.jobs.local_file import LocalFileJob
from transfers.jobs.rows import JobRow
from transfers.jobs.serialization import UnreadableJob

AT_ONCE: Final = 8
_CREATED: Final = struct.Struct(">d")


@dataclass(frozen=True)
class _UnfinishedJob:
    """A job with something left to do; `attachment` is as ACC has it now, or was last seen. None: not made yet."""

    row: JobRow
    job: Job
    attachment: Attachment | None


async def unfinished_attachments(
    services: Services,
    call: ToolCall,
    project: ProjectSummary | None,
    *,
    limit: int,
    cursor: str | None,
    deadline: FollowDeadline,
) -> AttachmentsResult:
    """Return this person's unfinished attachments in all projects or in one, the newest first.

    With a deadline ahead, once none of them is under way. What ACC has made ready meanwhile, or no longer lists, is not
    among them; where ACC refuses to tell, a row is as it was last seen.

    Raises:
        InvalidArguments: The cursor does not belong to this list.
        AccError: Autodesk is away.
        StorageProblem: The database cannot be used.
    """
    person = await services.acc.userinfo()
    after = place_of(call.position(services, person.sub, cursor)) if cursor else None
    rows = await _rows(services, person.sub, project, after, limit + 1)
    listed = [job for row in rows[:limit] if (job := await _job(services, row)) is not None]
    await _wait(services, call, [job for _, job in listed], deadline)

    async def read() -> list[_UnfinishedJob]:
        found: list[_UnfinishedJob | None] = []
        for start in range(0, len(listed), AT_ONCE):
            found += await gather_all([_seen(services, *one) for one in listed[start : start + AT_ONCE]])
        return [one for one in found if one is not None]

    def done(found: list[_UnfinishedJob]) -> bool:
        return not any(one.attachment and is_processing(services, one.attachment) for one in found)

    found = await read_until(await read(), read, done, call, deadline)
    described = [await _described(services, person.sub, one) for one in found]
    unfinished = [(row, status) for row, status in described if row.state != "ready"]
    position = position_after(rows[limit - 1]) if len(rows) > limit else None
    following = call.next_cursor(services, person.sub, position)
    steps = [
        step for _, status in unfinished if status for step in after_attachment(status, services.policy.step_context)
    ]
    return AttachmentsResult(
        attachments=[row for row, _ in unfinished],
        next_cursor=following,
        next_steps=[*steps[:MAX_STEPS], *after_page(PageInfo(call.tool, call.arguments, following))],
    )


def position_after(row: JobRow) -> int:
    """Return the position behind a row: when it was created, to the last bit, and its id, since two may be as old."""
    return int.from_bytes(_CREATED.pack(row.created) + row.id.encode(), "big")


def place_of(position: int) -> tuple[float, str]:
    """Return (created, id) of the row that a position stands behind."""
    packed = position.to_bytes((position.bit_length() + 7) // 8, "big")
    return _CREATED.unpack(packed[: _CREATED.size])[0], packed[_CREATED.size :].decode()


async def _rows(
    services: Services, person_id: str, project: ProjectSummary | None, after: tuple[float, str] | None, most: int
) -> list[JobRow]:
    repository = services.transfers.repository
    if not repository.may_hold_jobs:
        return []
    since = services.now().timestamp() - FOLLOW_SECONDS
    return await repository.ask(
        lambda tables: tables.unfinished(
            services.acc.hosts.api,
            person_id,
            project_ids=[project.id] if project else list(services.policy.projects),
            open_since=since,
            after=after,
            limit=most,
        )
    )


async def _job(services: Services, row: JobRow) -> tuple[JobRow, Job] | None:
    try:
        return row, await services.transfers.repository.load(row)
    except UnreadableJob as problem:
        structlog.get_logger(__name__).warning("job_unreadable", job=row.id, problem=str(problem))
        return None


async def _wait(services: Services, call: ToolCall, jobs: Sequence[Job], deadline: FollowDeadline) -> None:
    for job in jobs:
        if job.running and deadline.seconds_left:
            with suppress(JobStopped):  # its row says where it stands
                await services.transfers.runner.wait(job, wait_options(services, call, deadline.seconds_left))


async def _seen(services: Services, row: JobRow, job: Job) -> _UnfinishedJob | None:
    """Return a job with its attachment as ACC has it; None where it has none any more."""
    if job.attachment is None:
        return _UnfinishedJob(row, job, None)
    target = job.destination
    try:
        attachment = await services.transfers.row(target.project_id, target.item_id, job.attachment.id)
    except AttachmentMissing:
        return None
    except (Forbidden, NotFound, RequestRejected):
        attachment = job.attachment
    await services.transfers.take_in(job, attachment)
    return _UnfinishedJob(row, job, attachment)


async def _described(
    services: Services, person_id: str, one: _UnfinishedJob
) -> tuple[AttachmentRow, AttachmentStatus | None]:
    target, job = one.job.destination, one.job
    place = {"project_id": target.project_id, "submittal_id": target.item_id}
    if one.attachment is None:
        view = preparing_view(job, None)
        # It stopped before ACC knew of it: the same call begins it again.
        stopped = None if job.running else _stopped(job)
        return attachment_row(view).model_copy(update=place), stopped
    view, status = await attachment_status(
        services, target.project_id, target.item_id, one.attachment, person_id, job, None
    )
    return attachment_row(view).model_copy(update=place), status


def _stopped(job: Job) -> AttachmentStatus:
    content = {}
    if isinstance(job, LocalFileJob):
        content = {"file_path": job.path}
    elif isinstance(job, LinkedFileJob):
        content = {"file_urn": job.version_urn}
    target = job.destination
    return AttachmentStatus(
        target.project_id, target.item_id, None, "reserved", content=content, manner={"name": job.name}
    )
