"""Looking up what a person is shown before a file becomes visible; done anew after they agreed."""

from typing import TYPE_CHECKING

from tools.core.context import Services
from tools.core.ports import ConsentSummary
from tools.core.presenters import number

if TYPE_CHECKING:
    from transfers.jobs.base import Destination


async def upload_consent_summary(
    desk: Services, project_id: str, item_id: str, attachment_id: str, person_id: str
) -> ConsentSummary | None:
    """Return what confirming an attachment would make visible; None when it is visible already.

    Raises:
        TransferError: It cannot be confirmed; see `TransferManager.unconfirmed`.
        ToolError, AccError: It cannot be looked up.
    """
    found = await desk.transfers.unconfirmed(project_id, item_id, attachment_id, person_id)
    if found is None:
        return None
    project, submittal = await _place(desk, project_id, item_id)
    return ConsentSummary(
        name=found.name,
        size_bytes=found.size,
        sha256=found.sha256,
        origin="another program sent the bytes",
        project=project,
        submittal=submittal,
        place=(project_id, item_id, attachment_id),
    )


async def link_consent_summary(desk: Services, where: "Destination", version_urn: str, name: str) -> ConsentSummary:
    """Return what linking a version of the Files tool as `name` would make visible.

    Raises:
        ToolError, AccError: It cannot be looked up.
    """
    version = await desk.acc.files.version(where.project_id, version_urn)
    project, submittal = await _place(desk, where.project_id, where.item_id)
    return ConsentSummary(
        name=name,
        size_bytes=version.size_bytes,
        sha256=None,
        origin=f"version {version.version_number} of {version.name} in the Files tool",
        project=project,
        submittal=submittal,
        place=(where.project_id, where.item_id, version_urn),
    )


async def _place(desk: Services, project_id: str, item_id: str) -> tuple[str, str]:
    project = await desk.finder.project(project_id)
    item = await desk.finder.submittal(project, item_id)
    return project.name, f"{number(item)} {item.title}".strip()
