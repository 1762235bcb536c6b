"""The tool `confirm_attachment`: complete the upload if that is open, and make the file visible in ACC."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tools.attachments.tasks import DeferredResult
from tools.core.arguments import Project, Submittal, ToolArguments, WaitSeconds
from tools.core.consent import require_consent
from tools.core.context import Services, ToolCall, ToolDefinition
from tools.core.results import AttachmentResult
from tools.next_steps.after_success import after_attachment
from transfers.concurrency import gather_two

if TYPE_CHECKING:
    from acc.models.submittals import Attachment


class ConfirmArguments(ToolArguments):
    """Arguments that name the attachment."""

    project: Project
    submittal: Submittal
    attachment_id: Annotated[str, Field(min_length=1, description="Id, or file name where one fits")]
    wait_seconds: WaitSeconds = 0


async def confirm_attachment(
    services: Services, call: ToolCall, arguments: ConfirmArguments
) -> AttachmentResult | DeferredResult:
    """Confirm an attachment of this person's."""
    from acc.errors import AccError
    from tools.attachments.following import attachment_id_of, followed_attachment, is_processing
    from tools.attachments.rejection import explain_rejection
    from tools.attachments.status import (
        FollowDeadline,
        attachment_status,
        incomplete_upload_error,
        wait_options,
        with_onward_step,
    )
    from tools.core.consent import upload_consent_summary
    from transfers.errors import JobStopped, UploadIncomplete

    deadline = FollowDeadline.after(arguments.wait_seconds, services, call)
    project = await services.resolver.project(arguments.project)

    async def row_of(item_id: str) -> "Attachment":
        attachment_id = await attachment_id_of(services, project.id, item_id, arguments.attachment_id)
        return await services.transfers.row(project.id, item_id, attachment_id)

    (item, seen), me = await gather_two(
        services.resolver.submittal_and(project, arguments.submittal, row_of), services.resolver.me(project.id)
    )
    which = (project.id, item.id, seen.id, me.id)
    waiting = wait_options(services, call, services.policy.max_wait_seconds)
    try:
        summary = partial(upload_consent_summary, services, *which)
        await require_consent(services, call, summary, project_id=project.id, person_id=me.id)
        # A person who was asked may have taken their time.
        row = await services.transfers.confirm(*which, waiting, seen=None if services.policy.asks else seen)
    except UploadIncomplete as incomplete:
        raise await incomplete_upload_error(services, project.id, item, me.id, incomplete) from incomplete
    except (JobStopped, AccError) as refused:
        raise await explain_rejection(services, project, item, refused) from refused
    job = await services.transfers.job(row.id)
    if call.accepts_task and job is not None and job.running:
        return DeferredResult.job(job, joined=True, waits=arguments.wait_seconds > 0)
    answer: AttachmentResult | DeferredResult
    if arguments.wait_seconds and is_processing(services, row):
        answer = await followed_attachment(services, call, project, item, row, deadline)
    else:
        view, status = await attachment_status(services, project.id, item.id, row, me.id, job, item)
        answer = AttachmentResult(attachment=view, next_steps=after_attachment(status, services.policy.step_context))
    if seen.is_file_uploaded or not isinstance(answer, AttachmentResult):
        return answer
    if answer.attachment is not None and answer.attachment.state == "ready" and not arguments.wait_seconds:
        return answer
    return with_onward_step(services, answer, item)


DEFINITION = ToolDefinition(
    name="confirm_attachment",
    title="Confirm an uploaded attachment",
    description=(
        "Finalize an uploaded file: confirm the attachment and make it visible to the reviewers of the submittal. "
        'For "the upload is done, confirm it" or "publish the drawing". Safe to repeat; refuses while bytes are '
        "missing."
    ),
    search_hint=("confirm complete finish publish release uploaded attachment file visible to reviewers submittal"),
    arguments=ConfirmArguments,
    results=(AttachmentResult,),
    writes=True,
    idempotent=True,
    run=confirm_attachment,
)
