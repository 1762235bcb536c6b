"""State of an attachment, in the words an agent is given (design, section 5)."""

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from acc.models.submittals import Attachment

AttachmentState = Literal["preparing", "reserved", "uploading", "uploaded", "processing", "ready", "failed"]

FOLLOW_SECONDS: Final = 30 * 60
"""Timeout of `processing`: ACC documents no time, and what takes longer needs a person."""

DISCARDED_SECONDS: Final = 24 * 3600
"""After this long storage discards what was sent and never completed (fact sheet 8)."""


def attachment_state(attachment: "Attachment", *, sending: bool, stored: bool) -> AttachmentState:
    """Return the state of a reserved or finished attachment.

    `sending` says that this process is moving its bytes, `stored` that object storage has them whole. ACC's own
    `asyncState` "1" says nothing alone: it is 1 before any upload (fact sheet 3.1).
    """
    if attachment.async_state == "4":
        return "failed"
    if attachment.async_state == "3" or (attachment.is_file_uploaded and attachment.urn):
        return "ready"
    if attachment.is_file_uploaded:
        return "processing"
    if stored:
        return "uploaded"
    return "uploading" if sending else "reserved"
