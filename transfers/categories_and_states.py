"""Categories, states and warnings of attachments: ACC's numbers, and the words an agent is given (design, section 5).

Also which category an attachment gets by itself (fact sheet 3.1, 3.5).
"""

from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from acc.models.submittals import Attachment

GivenCategory = Literal["submission", "for_review", "review_response", "final_response"]
Category = Literal[
    "submission",
    "for_review",
    "review_response",
    "final_response",
    "previous_submission",
    "previous_for_review",
    "previous_review_response",
    "previous_final_response",
    "unknown",
]

WarningCode = Literal[
    "same_name", "pdf_encrypted", "pdf_damaged", "pdf_too_long", "no_extension", "still_written", "name_cleaned"
]

_WORDS: Final[dict[str, Category]] = {
    "1": "submission",
    "2": "for_review",
    "3": "review_response",
    "4": "final_response",
    "5": "previous_submission",
    "6": "previous_for_review",
    "7": "previous_review_response",
    "8": "previous_final_response",
}
_IDS: Final[dict[str, str]] = {word: number for number, word in _WORDS.items()}
CURRENT_CATEGORIES: Final = tuple(_IDS[word] for word in get_args(GivenCategory))
"""Those of the current revision, which may be given; 5 to 8 are those of earlier ones (fact sheet 3.1)."""

_AUTOMATIC: Final[dict[str, Category]] = {
    "draft": "submission",
    "sbc-1": "submission",
    "mgr-1": "for_review",
    "rev": "review_response",
    "mgr-2": "final_response",
}


def category_word(category_id: str | None) -> Category:
    """Return our word for ACC's number; "unknown" for one that is not documented."""
    return _WORDS.get(category_id or "", "unknown")


def category_id(word: GivenCategory) -> str:
    """Return ACC's number for a category that may be given."""
    return _IDS[word]


def automatic_category(state_id: str) -> Category:
    """Return the category that ACC chooses in an item's state when none is sent; draft's is presumed."""
    return _AUTOMATIC.get(state_id, "unknown")


def is_documented(word: GivenCategory, state_id: str) -> bool:
    """Whether ACC's documentation names a use of the category in an item's state, whatever `overrides` list.

    Those are the automatic one, 4 for closing from any state, and 1 for a subcontractor's item that began in mgr-1
    (fact sheet 3.5).
    """
    return word in (automatic_category(state_id), "final_response") or (word, state_id) == ("submission", "mgr-1")


def allowed_categories(state_id: str, overrides: list[str]) -> list[Category]:
    """Return what may be asked for: the automatic category first, then the overrides that ACC lists.

    ACC's own list holds overrides only, never the automatic one (fact sheet 3.5).
    """
    words = [automatic_category(state_id), *(category_word(number) for number in overrides)]
    return [word for word in dict.fromkeys(words) if word != "unknown"]


AttachmentState = Literal["preparing", "reserved", "uploading", "uploaded", "processing", "ready", "failed"]

FOLLOW_SECONDS: Final = 30 * 60
"""Timeout of `processing`: ACC documents no time, and what takes longer needs a person."""

DISCARDED_SECONDS: Final = 24 * 3600
"""After this long storage discards what was sent and never completed (fact sheet 8)."""

_FAILED: Final = "4"
"""ACC's `asyncState` of an attachment that it could not process."""


def attachment_state(attachment: "Attachment", *, sending: bool, stored: bool) -> AttachmentState:
    """Return the state of a reserved or finished attachment.

    `sending` says that this process is moving its bytes, `stored` that object storage has them whole. ACC's own
    `asyncState` "1" says nothing alone: it is 1 before any upload (fact sheet 3.1).
    """
    if attachment.async_state == _FAILED:
        return "failed"
    if attachment.async_state == "3" or (attachment.is_file_uploaded and attachment.urn):
        return "ready"
    if attachment.is_file_uploaded:
        return "processing"
    if stored:
        return "uploaded"
    return "uploading" if sending else "reserved"


def is_current(attachment: "Attachment") -> bool:
    """Whether an attachment is of the present revision and not failed."""
    return attachment.category_id in CURRENT_CATEGORIES and attachment.async_state != _FAILED
