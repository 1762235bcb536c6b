"""The name of an attachment: what ACC takes, and what we make of a file's own name (fact sheet 3.3)."""

import re
import unicodedata
from typing import Final

from transfers.errors import InvalidName

MAX_NAME: Final = 255
"""ACC documents no limit; file systems and object stores behind it stop here."""

_FORBIDDEN: Final = re.compile(r"[/?*\\<>|:\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""ACC's list, all controls, and the surrogates by which Python holds bytes of a file name that are no UTF-8."""

_UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff]"
)
"""Bidirectional controls, zero-width spaces, fillers and their like: `fdp.exe` can be shown as `exe.pdf` with them.

Selectors of variants stay: they choose an emoji's colours and the form of a Japanese name.
"""

_JOINERS: Final = re.compile("[\u200c\u200d]+")
_JOINED: Final = frozenset({"L", "M", "S"})
"""First letters of the categories of what a joiner joins: letters and signs of Persian and Indian scripts, emoji."""

_TEMPORARY: Final = re.compile(
    r"~\$.*|~wr[a-z]\d+\.tmp|\.~lock\..*#|#.*#|.*~|.*\.(?:tmp|temp|(?:kate-)?swp|asd|laccdb|ldb|idlk|dwl2?|sv\$|ac\$|tmp\.drive\w+"
    r"|crdownload|opdownload|part|partial|download|filepart|aria2|!ut|!qb|!sync|bts|drivedownload|driveupload)"
    r"|\.?~?syncthing.*|\.fuse_hidden.*|\.nfs[0-9a-f]+|(?:eh)?thumbs\.db|desktop\.ini|\.ds_store|icon\r",
    re.IGNORECASE,
)

_CLOUD_POINTER: Final = re.compile(
    r"\.(?:g(?:doc|sheet|slides|draw|form|map|site|jam|script|table|link)|papert?|boxnote|boxcanvas"
    r"|lnk|url|webloc)\Z",
    re.IGNORECASE,
)

_EXTENSION: Final = re.compile(r"\.[A-Za-z0-9]{1,16}\Z")


def attachment_name(given: str | None, source_name: str) -> str:
    """Return the name an attachment will bear, in NFC.

    `given` is the caller's wish; without one it is `source_name`, the file's base name or the linked version's display
    name. A wish that lacks the source's extension gets it appended, since storage takes the object's extension from the
    name and viewers need it.

    Raises:
        InvalidName: It has a character that ACC refuses, is blank, or is longer than 255 characters.
    """
    name = unicodedata.normalize("NFC", source_name if given is None else given)
    extension = extension_of(source_name)
    wish = name
    if given is not None and not _without_unseen(name).lower().endswith(extension.lower()):
        name += extension
    # A blank wish is no name, whatever is appended to it.
    why = _objection(name) if wish.strip() else "blank"
    if why is not None:
        raise InvalidName(name, why, suggest_name(name))
    return name


def extension_of(name: str) -> str:
    """Return the extension with its dot (".pdf"), or "" for a name without one."""
    found = _EXTENSION.search(name)
    return found.group() if found and found.start() > 0 else ""


def is_temporary(name: str) -> bool:
    """Whether a file is a lock or temporary file of Office, CAD programs, browsers or sync clients, no document."""
    return _TEMPORARY.fullmatch(name) is not None


def is_cloud_pointer(name: str) -> bool:
    """Whether a file is a mere pointer to a document elsewhere: of Google Drive, Dropbox, Box, or a shortcut."""
    return _CLOUD_POINTER.search(name) is not None


def suggest_name(name: str) -> str:
    """Return the nearest legal name: forbidden characters become "-", too long a stem is cut before its extension.

    The suggestion for a suggestion is that suggestion.
    """
    cleaned = unicodedata.normalize("NFC", _without_unseen(unicodedata.normalize("NFC", name)))
    cleaned = _FORBIDDEN.sub("-", cleaned).strip()
    if cleaned == extension_of(f"x{cleaned}"):
        # Nothing, or nothing but an extension.
        return f"attachment{cleaned}"
    extension = extension_of(cleaned)
    stem = cleaned.removesuffix(extension)
    return (stem[: MAX_NAME - len(extension)] + extension).strip()


def _objection(name: str) -> str | None:
    if not name.strip():
        return "blank"
    if _without_unseen(name) != name:
        return "unseen_character"
    if name != name.strip():
        return "space_at_the_ends"
    if len(name) > MAX_NAME:
        return "too_long"
    if _FORBIDDEN.search(name):
        return "forbidden_character"
    return None


def _without_unseen(name: str) -> str:
    """Return a name without invisible characters; a joiner goes if what it joined went."""
    seen = _UNSEEN.sub("", name)

    def kept(joiners: re.Match[str]) -> str:
        beside = seen[: joiners.start()][-1:], seen[joiners.end() :][:1]
        return joiners[0] if all(one and unicodedata.category(one)[0] in _JOINED for one in beside) else ""

    return _JOINERS.sub(kept, seen)
