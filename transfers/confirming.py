"""Evidence that bytes arrived, and telling ACC so.

What ACC answers to a second confirmation is unknown (fact sheet 3.4), and there is no request for one attachment; so
after a refusal the attachment's own row decides.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

from acc.errors import AccError
from acc.ids import InvalidId, ObjectLocation
from transfers.errors import AttachmentMissing

if TYPE_CHECKING:
    from acc.client import AccClient
    from acc.models.submittals import Attachment

ARRIVED: Final = frozenset({"complete", "chunked"})
"""What `signeds3download` calls an object whose upload was completed, assembled or not (fact sheet 8)."""


class StoredObject(NamedTuple):
    """Bytes that have arrived; how many, where storage says so: its status alone is the evidence."""

    size: int | None


async def stored_bytes(acc: "AccClient", attachment: "Attachment") -> StoredObject | None:
    """Return what storage has of an attachment, or None while its upload is not completed.

    Raises:
        AccError: Object storage refused or is away.
    """
    try:
        location = ObjectLocation.parse(attachment.upload_urn or "")
    except InvalidId:
        return None
    found = await acc.storage.download_link(location)
    return StoredObject(found.size) if found is not None and found.status in ARRIVED else None


async def find_row(acc: "AccClient", project_id: str, item_id: str, attachment_id: str) -> "Attachment":
    """Return ACC's row of one attachment, by walking the list, newest first.

    Raises:
        AttachmentMissing: The submittal has no such attachment.
        AccError: ACC refused or is away.
    """
    async for row in acc.submittals.all_attachments(project_id, item_id, sort="createdAt desc,id desc"):
        if row.id == attachment_id:
            return row
    raise AttachmentMissing(attachment_id)


async def confirm_upload(acc: "AccClient", project_id: str, item_id: str, attachment_id: str) -> "Attachment":
    """Tell ACC that the bytes are there, and return the row as it is then. Look for the bytes first.

    Raises:
        AttachmentMissing: It was deleted meanwhile.
        AccError: ACC refused, and does not have it confirmed already.
    """
    try:
        return await acc.submittals.confirm_attachment(project_id, item_id, attachment_id)
    except AccError:
        row = await find_row(acc, project_id, item_id, attachment_id)
        if not row.is_file_uploaded:
            raise
        return row
