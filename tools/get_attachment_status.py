"""The tool `get_attachment_status`: one attachment, or a page of a submittal's; it can wait for the next change."""

from typing import TYPE_CHECKING, Annotated, Final

import anyio
from pydantic import Field

from tools.attachments.tasks import DeferredResult
from tools.core.arguments import Cursor, Limit, OptionalText, Project, Submittal, ToolArguments
from tools.core.context import Services, ToolCall, ToolDefinition
from tools.core.results import AttachmentResult, AttachmentsResult
from tools.errors.exceptions import ProcessingTimeout
from tools.next_steps.after_success import after_attachment

if TYPE_CHECKING:
    from acc.models import Attachment, Item
    from tools.lookup.projects import ProjectSummary

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 5.0
"""ACC documents no time from confirmation to URN, and 600 requests a minute a person: look soon, then less often."""


class StatusArguments(ToolArguments):
    """Which submittal or attachment, and how long to wait."""

    project: Project
    submittal: Submittal
    attachment_id: Annotated[OptionalText, Field(description="Left out: all attachments, newest first")] = None
    wait_seconds: Annotated[int, Field(ge=0, le=600, description="Wait up to this long for the next state")] = 0
    limit: Limit = 20
    cursor: Cursor = None


async def get_attachment_status(
    services: Services, call: ToolCall, arguments: StatusArguments
) -> AttachmentResult | AttachmentsResult | DeferredResult:
    """Tell how far attachments are."""
    from tools.attachments.status import attachment_page

    project = await services.resolver.project(arguments.project)
    item = await services.resolver.submittal(project, arguments.submittal)
    if arguments.attachment_id is not None:
        return await _one(services, call, project, item, arguments.attachment_id.lower(), arguments.wait_seconds)
    page = await attachment_page(services, call, project, item, limit=arguments.limit, cursor=arguments.cursor)
    return AttachmentsResult(attachments=page.attachments, next_cursor=page.next_cursor, next_steps=page.next_steps)


async def _one(
    services: Services, call: ToolCall, project: "ProjectSummary", item: "Item", attachment_id: str, wait_seconds: int
) -> AttachmentResult | DeferredResult:
    from tools.attachments.status import attachment_status, background_error, wait_options

    me = await services.resolver.me(project.id)
    waiting = wait_options(services, call, wait_seconds)
    deadline = anyio.current_time() + waiting.seconds
    job = await services.transfers.job(attachment_id)
    if job is not None and job.running:
        job = await services.transfers.runner.wait(job, waiting)
    row = await _wait_until_processed(services, call, project.id, item.id, attachment_id, deadline)
    view, standing = await attachment_status(services, project.id, item.id, row, me.id, job, item)
    failure = await background_error(services, project, item, row, job, standing)
    if failure is not None:
        raise failure
    if view.state == "processing" and standing.overdue:
        raise ProcessingTimeout(
            "ACC has been processing this file for more than 30 minutes; nobody waits any longer.",
            "A person looks at the submittal in ACC: the file may be there by now, or may have to be attached anew.",
            "Look at the submittal in ACC: the file may be there by now, or may have to be attached anew.",
        )
    answer = AttachmentResult(attachment=view, next_steps=after_attachment(standing, services.policy.step_context))
    if call.accepts_task and wait_seconds > waiting.seconds and is_in_progress(answer):
        return DeferredResult.attachment(project.id, item.id, attachment_id, view.state)
    return answer


def is_in_progress(answer: AttachmentResult) -> bool:
    """Whether an attachment is on its way to another state without anybody doing anything: waiting is the next step."""
    return any(step.arguments.get("wait_seconds", 0) > 0 for step in answer.next_steps)


async def _wait_until_processed(
    services: Services, call: ToolCall, project_id: str, item_id: str, attachment_id: str, deadline: float
) -> "Attachment":
    """Return the attachment's row once ACC has processed it, or as it is at the `deadline`."""
    from tools.core.presenters import overdue
    from transfers.attachment_state import attachment_state

    row = await services.transfers.row(project_id, item_id, attachment_id)
    pause = FIRST_PAUSE_SECONDS
    with anyio.CancelScope(deadline=deadline):
        while attachment_state(row, sending=False, stored=False) == "processing" and not overdue(row, services.now()):
            await call.report(0, None, "processing")
            await anyio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
            row = await services.transfers.row(project_id, item_id, attachment_id)
    return row


DEFINITION = ToolDefinition(
    name="get_attachment_status",
    title="See how far attachments are",
    description=(
        "Upload progress and processing state of one attachment (attachment_id) or of all attachments of a submittal; "
        "wait_seconds waits for the next state. ready means reviewers can open the file."
    ),
    arguments=StatusArguments,
    results=(AttachmentResult, AttachmentsResult),
    writes=False,
    idempotent=True,
    run=get_attachment_status,
)
