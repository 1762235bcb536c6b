"""A page of a submittal's attachments with what can be done with them, for the two tools that show one."""

from dataclasses import dataclass

from acc.models import Item
from acc.pagination import next_offset
from tools.attachments.status import attachment_status
from tools.core.context import Services, ToolCall
from tools.core.results import AttachmentView, NextStep
from tools.lookup.projects import ProjectSummary
from tools.next_steps.after_page import PageInfo, after_page
from tools.next_steps.after_success import after_attachments

NEWEST_FIRST = "revision desc,createdAt desc,id desc"
"""The current revision first; the id makes the order whole, so that pages neither repeat nor skip a row."""


@dataclass(frozen=True)
class AttachmentPage:
    """Rows as shown, the steps that they leave open, and where the next page begins."""

    attachments: list[AttachmentView]
    next_steps: list[NextStep]
    next_cursor: str | None


async def attachment_page(
    desk: Services, call: ToolCall, project: ProjectSummary, item: Item, *, limit: int, cursor: str | None
) -> AttachmentPage:
    """Return a page of a submittal's attachments.

    Raises:
        InvalidArguments: The cursor does not belong to this list.
        AccError: ACC or its storage refused or is away.
    """
    me = await desk.finder.me(project.id)
    offset = call.position(desk, me.id, cursor)
    page = await desk.acc.submittals.attachments(project.id, item.id, sort=NEWEST_FIRST, limit=limit, offset=offset)
    jobs = await desk.transfers.repository.find([row.id for row in page.results])
    described = [
        await attachment_status(desk, project.id, item.id, row, me.id, jobs.get(row.id), item) for row in page.results
    ]
    following = call.next_cursor(desk, me.id, next_offset(page, offset=offset))
    steps = after_attachments([standing for _, standing in described], desk.policy.surroundings)
    return AttachmentPage(
        [view for view, _ in described],
        [*steps, *after_page(PageInfo(call.tool, call.arguments, following))],
        following,
    )
