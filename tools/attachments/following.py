"""Following attachments: waits until ACC has processed one, or a page of them, and returns their status."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import anyio

from acc.models.base import ResultPage
from acc.models.submittals import Attachment, Item
from acc.pagination import next_offset
from tools.attachments.status import FollowDeadline, attachment_status, background_error, wait_options
from tools.attachments.tasks import DeferredResult
from tools.attachments.views import overdue
from tools.core.context import Services, ToolCall
from tools.core.results import AttachmentResult, AttachmentView, Candidate, NextStep
from tools.errors.exceptions import AmbiguousReference, ProcessingTimeout, RetryHint
from tools.lookup.projects import ProjectSummary
from tools.lookup.references import closest, parse_id
from tools.lookup.submittal_names import how_many
from tools.next_steps.after_page import PageInfo, after_page
from tools.next_steps.after_success import after_attachment, after_attachments
from transfers.categories_and_states import attachment_state
from transfers.concurrency import gather_two
from transfers.errors import AttachmentMissing, JobStopped
from transfers.files.pasted_text import name_key, path_readings

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 5.0
"""ACC documents no time from confirmation to URN, and 600 requests a minute a person: look soon, then less often."""

NEWEST_FIRST: Final = "revision desc,createdAt desc,id desc"
"""The current revision first; the id makes the order whole, so that pages neither repeat nor skip a row."""

T = TypeVar("T")


async def read_until(
    found: T, read: Callable[[], Awaitable[T]], done: Callable[[T], bool], call: ToolCall, deadline: FollowDeadline
) -> T:
    """Re-read until `done`, or until the deadline; return the last value."""
    pause = FIRST_PAUSE_SECONDS
    with anyio.CancelScope(deadline=deadline.time):
        while not done(found):
            await call.report(0, None, "processing")
            await anyio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
            found = await read()
    return found


async def followed_attachment(
    services: Services,
    call: ToolCall,
    project: ProjectSummary,
    item: Item,
    row: Attachment,
    deadline: FollowDeadline,
) -> AttachmentResult | DeferredResult:
    """Return an attachment's status once ACC has processed it or the deadline has passed; `row` is fresh.

    Raises:
        BackgroundFailure: Its job failed in the background, or ACC could not process it.
        ProcessingTimeout: ACC has been processing it for so long that a person has to look.
        AttachmentMissing: The submittal has no such attachment.
        AccError: ACC or its storage refused or is away.
    """
    me = await services.resolver.me(project.id)
    attachment_id = row.id
    with services.transfers.following(project.id, item.id, attachment_id) as read:
        row = await read_until(row, read, lambda row: not is_processing(services, row), call, deadline)
    job = await services.transfers.job(attachment_id)
    view, found = await attachment_status(services, project.id, item.id, row, me.id, job, item)
    failure = await background_error(services, project, item, row, job, found)
    if failure is not None:
        raise failure
    if view.state == "processing" and found.overdue:
        raise ProcessingTimeout(
            "ACC has been processing this file for more than 30 minutes, so waiting has stopped.",
            "Ask the user to look at the submittal in ACC: the file may be there by now, or must be attached again.",
            "Look at the submittal in ACC: the file may be there by now, or must be attached again.",
        )
    answer = AttachmentResult(attachment=view, next_steps=after_attachment(found, services.policy.step_context))
    if call.accepts_task and deadline.cut_short and is_in_progress(answer):
        return DeferredResult.attachment(project.id, item.id, attachment_id, view.state)
    return answer


async def attachment_id_of(services: Services, project_id: str, item_id: str, text: str) -> str:
    """Return the id of the attachment that `text` is: an id as it stands, else the file name of one attachment.

    Raises:
        AmbiguousReference: Several are called so.
        AttachmentMissing: None is.
        AccError: ACC refused or is away.
    """
    known = parse_id(text)
    if known is not None:
        return known
    listed = services.acc.submittals.all_attachments(project_id, item_id, sort=NEWEST_FIRST)
    return attachment_called(text, [row async for row in listed], "attachment_id").id


def attachment_called(text: str, rows: Sequence[Attachment], argument: str) -> Attachment:
    """Return the attachment of that id, or the only one of that file name, which may look like it.

    Raises:
        AmbiguousReference: Several are called so; `argument` is what has to name one of them.
        AttachmentMissing: None is.
    """
    known = parse_id(text)
    called = [row for row in rows if row.id == known]
    for reading in path_readings(text):
        called = called or [row for row in rows if name_key(row.name) == name_key(reading)]
    if not called:
        near = [rows[place] for place in closest(text, [row.name for row in rows])]
        raise AttachmentMissing(text, tuple((row.id, row.name) for row in near))
    if len(called) > 1:
        raise AmbiguousReference(
            f"{how_many(len(called), 'attachments')} this name.",
            f"Call {{tool}} again with the id of one of the candidates in {argument}; the newest comes first.",
            "Write the id of one of the candidates.",
            candidates=[Candidate(id=row.id, name=row.name) for row in called],
            again=RetryHint(needs=[argument]),
        )
    return called[0]


def is_in_progress(answer: AttachmentResult) -> bool:
    """Whether an attachment will change its state by itself, so that waiting is the next step."""
    return any(step.arguments.get("wait_seconds", 0) > 0 for step in answer.next_steps)


def is_processing(services: Services, row: Attachment) -> bool:
    """Whether ACC is processing an attachment, and not yet for too long to wait on."""
    return attachment_state(row, sending=False, stored=False) == "processing" and not overdue(row, services.acc_now())


@dataclass(frozen=True)
class AttachmentPage:
    """A page of attachments, next steps, and the cursor of the next page."""

    attachments: list[AttachmentView]
    next_steps: list[NextStep]
    next_cursor: str | None


async def attachment_page(
    services: Services,
    call: ToolCall,
    project: ProjectSummary,
    submittal: str,
    *,
    limit: int,
    cursor: str | None,
    deadline: FollowDeadline | None = None,
) -> tuple[Item, AttachmentPage]:
    """Return a submittal and a page of its attachments; with a `deadline`, once none of them is under way.

    Raises:
        ToolError: See `ReferenceResolver.submittal`; or the cursor does not belong to this list.
        AccError: ACC or its storage refused or is away.
    """

    async def offset() -> int:
        # Only what is bound to a person has to wait until they are known.
        return 0 if cursor is None else call.position(services, (await services.resolver.me(project.id)).id, cursor)

    async def read(item_id: str) -> ResultPage[Attachment]:
        return await services.acc.submittals.attachments(
            project.id, item_id, sort=NEWEST_FIRST, limit=limit, offset=await offset()
        )

    (item, page), me = await gather_two(
        services.resolver.submittal_and(project, submittal, read), services.resolver.me(project.id)
    )
    if deadline is not None and deadline.seconds_left:
        page = await _settled(services, call, page, partial(read, item.id), deadline)
    jobs = await services.transfers.repository.find([row.id for row in page.results])
    described = [
        await attachment_status(services, project.id, item.id, row, me.id, jobs.get(row.id), item)
        for row in page.results
    ]
    following = call.next_cursor(services, me.id, next_offset(page, offset=await offset()))
    steps = after_attachments([status for _, status in described], services.policy.step_context)
    return item, AttachmentPage(
        [view for view, _ in described],
        [*steps, *after_page(PageInfo(call.tool, call.arguments, following))],
        following,
    )


async def _settled(
    services: Services,
    call: ToolCall,
    page: ResultPage[Attachment],
    read: Callable[[], Awaitable[ResultPage[Attachment]]],
    deadline: FollowDeadline,
) -> ResultPage[Attachment]:
    """Return the page as it is once no bytes are on their way and ACC processes nothing, or at the deadline."""

    def done(page: ResultPage[Attachment]) -> bool:
        return not any(is_processing(services, row) for row in page.results)

    jobs = await services.transfers.repository.find([row.id for row in page.results])
    running = [job for job in jobs.values() if job.running]
    for job in running:
        with suppress(JobStopped):  # its row says where it stands
            await services.transfers.runner.wait(job, wait_options(services, call, deadline.seconds_left))
    if running:
        page = await read()
    return await read_until(page, read, done, call, deadline)
