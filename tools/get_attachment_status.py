"""The tool `get_attachment_status`: one attachment, or a page of a submittal's; it can wait for the next change."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tools.attachments.tasks import DeferredResult
from tools.core.arguments import Cursor, Limit, OptionalText, ToolArguments, WaitSeconds
from tools.core.context import Services, ToolCall, ToolDefinition
from tools.core.results import AttachmentResult, AttachmentsResult
from tools.errors.exceptions import InvalidArguments, RetryHint
from transfers.concurrency import gather_two

if TYPE_CHECKING:
    from acc.models.submittals import Attachment
    from tools.attachments.status import FollowDeadline


class StatusArguments(ToolArguments):
    """Submittal or attachment, and how long to wait."""

    project: Annotated[OptionalText, Field(description="Left out: your unfinished ones everywhere")] = None
    submittal: Annotated[OptionalText, Field(description="Number as people see it (033100-01), title, UUID or URL")] = (
        None
    )
    attachment_id: Annotated[
        OptionalText, Field(description="Id, or file name where one fits. Left out: all attachments, newest first")
    ] = None
    wait_seconds: WaitSeconds = 0
    limit: Limit = 20
    cursor: Cursor = None

    def check(self) -> None:
        """Refuse what is asked of a submittal that is not named.

        Raises:
            InvalidArguments: Says what is missing.
        """
        missing = [name for name in ("project", "submittal") if getattr(self, name) is None]
        if missing and (self.submittal is not None or self.attachment_id is not None):
            raise InvalidArguments(
                f"{' and '.join(map(repr, missing))} {'is' if len(missing) == 1 else 'are'} missing.",
                "Give project and submittal; without both this lists the person's unfinished attachments everywhere.",
                "Name the project and the submittal.",
                again=RetryHint(needs=missing),
            )


async def get_attachment_status(
    services: Services, call: ToolCall, arguments: StatusArguments
) -> AttachmentResult | AttachmentsResult | DeferredResult:
    """Return the status of one attachment, of a page of them, or of this person's unfinished ones anywhere."""
    from tools.attachments.following import attachment_id_of, attachment_page, followed_attachment
    from tools.attachments.status import FollowDeadline, wait_options
    from tools.attachments.views import attachment_row, with_creator_name

    deadline = FollowDeadline.after(arguments.wait_seconds, services, call)
    submittal = arguments.submittal
    if arguments.project is None or submittal is None:
        return await _unfinished(services, call, arguments, deadline)
    project = await services.resolver.project(arguments.project)
    if arguments.attachment_id is not None:
        named = arguments.attachment_id

        async def row(item_id: str) -> "Attachment":
            attachment_id = await attachment_id_of(services, project.id, item_id, named)
            job = await services.transfers.job(attachment_id)
            if job is not None and job.running:
                await services.transfers.runner.wait(job, wait_options(services, call, deadline.seconds_left))
            return await services.transfers.row(project.id, item_id, attachment_id)

        (item, found), names = await gather_two(
            services.resolver.submittal_and(project, submittal, row), services.resolver.member_names_for_me(project.id)
        )
        answer = await followed_attachment(services, call, project, item, found, deadline)
        return with_creator_name(answer, names) if isinstance(answer, AttachmentResult) else answer
    _, page = await attachment_page(
        services,
        call,
        project,
        submittal,
        limit=arguments.limit,
        cursor=arguments.cursor,
        deadline=deadline,
    )
    return AttachmentsResult(
        attachments=[attachment_row(one) for one in page.attachments],
        next_cursor=page.next_cursor,
        next_steps=page.next_steps,
    )


async def _unfinished(
    services: Services, call: ToolCall, arguments: StatusArguments, deadline: "FollowDeadline"
) -> AttachmentsResult:
    """Return what of this person is unfinished, everywhere or in a project."""
    from tools.attachments.unfinished import unfinished_attachments

    project = await services.resolver.project(arguments.project) if arguments.project is not None else None
    return await unfinished_attachments(
        services, call, project, limit=arguments.limit, cursor=arguments.cursor, deadline=deadline
    )


DEFINITION = ToolDefinition(
    name="get_attachment_status",
    title="Check or list attachments",
    description=(
        "Check the upload progress and processing status of an attachment, or list all attachments of a submittal. "
        'For "is the upload done?", "can reviewers open it yet?", "what is attached to 051200-3?" or, without project '
        'and submittal, "which of my uploads are unfinished?". wait_seconds waits for the next state; ready means '
        "reviewers can open the file."
    ),
    search_hint=(
        "attachment upload status progress processing, list attachments files of submittal, wait until ready, failed"
    ),
    arguments=StatusArguments,
    results=(AttachmentResult, AttachmentsResult),
    writes=False,
    idempotent=True,
    run=get_attachment_status,
)
