"""Download plan: safe names, the stretches of bytes that URLs stand for, and what an answer to a range means. All pure.

A name is safe on every system: no separator, no reserved device of Windows, no trailing dot or blank, not hidden, and
short enough in bytes for what is appended to it.
"""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final

from acc.models.files import DownloadLink, SignedUrl
from transfers.files.names import extension_of

MANIFEST: Final = "submittal-manifest.json"
"""The file beside downloads that says what they are; no attachment is stored under its name."""

MAX_BYTES: Final = 200
"""UTF-8 bytes of a name: file systems take 255, and a number may be added."""

_UNSAFE: Final = re.compile(
    '[<>:"/\\\\|?*\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufffe\uffff]'
)
_RESERVED: Final = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])", re.IGNORECASE
)
_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/(?:[0-9]{1,18}|\*)", re.ASCII)
_BYTE_RANGE: Final = re.compile(r"(?:bytes=)?([0-9]{1,18})-([0-9]{1,18})", re.ASCII)


class UnusableLink(ValueError):
    """A download link that does not say where all bytes are."""


@dataclass(frozen=True)
class ByteSegment:
    """Bytes from `start` up to `end` (not included) of an object, all of which a URL answers; None: to its end."""

    url: SignedUrl
    start: int
    end: int | None


def safe_name(name: str, instead: str = "attachment") -> str:
    """Return the nearest name that every file system takes; `instead` where nothing is left of it.

    The safe name of a safe name is that name.
    """
    plain = _UNSAFE.sub("-", unicodedata.normalize("NFC", name))
    plain = _trimmed(plain)
    if not plain.strip("-. "):
        plain = f"{instead}{extension_of(f'x{plain}')}" if extension_of(f"x{plain}") else instead
    if plain.startswith("."):
        plain = f"_{plain[1:]}"
    if _RESERVED.fullmatch(plain.partition(".")[0].rstrip()):
        plain = f"_{plain}"
    return _shortened(plain)


def part_name(attachment_id: str) -> str:
    """Return the name of the file that holds what has arrived of an attachment: hidden, and of that one alone.

    An id is whatever ACC says; one that is no safe name, with a path in it say, is hashed.
    """
    plain = attachment_id if attachment_id == safe_name(attachment_id) else _digest(attachment_id)
    return f".{plain}.part"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def folder_name(number: str, title: str) -> str:
    """Return the name of a submittal's folder."""
    return safe_name(" - ".join(part for part in (number.strip(), title.strip()) if part), "submittal")


def free_name(wanted: str, taken: Collection[str]) -> str:
    """Return a safe name that is none of the `taken` ones, as file systems that know no case compare them."""
    used = {_key(name) for name in (*taken, MANIFEST)}
    extension = extension_of(wanted)
    stem = wanted.removesuffix(extension)
    numbered = (wanted if number == 1 else f"{stem} ({number}){extension}" for number in count(1))
    return next(name for name in numbered if _key(name) not in used)


def segments(link: DownloadLink) -> list[ByteSegment]:
    """Return the stretches of an object in order, without gap or overlap.

    Raises:
        UnusableLink: It has no URL, or the ranges of its URLs do not follow each other to its end.
    """
    if link.url is not None:
        return [ByteSegment(link.url, 0, link.size)]
    parts: list[ByteSegment] = []
    for text, url in (link.urls or {}).items():
        found = _BYTE_RANGE.fullmatch(text.strip())
        if found is None:
            raise UnusableLink("a URL has no byte range")
        parts.append(ByteSegment(url, int(found[1]), int(found[2]) + 1))
    parts.sort(key=lambda one: one.start)
    place = 0
    for one in parts:
        if one.start != place or one.end is None or one.end <= one.start:
            raise UnusableLink("the byte ranges of the URLs do not follow each other")
        place = one.end
    if not parts or (link.size is not None and place != link.size):
        raise UnusableLink("the URLs do not hold the whole object")
    return parts


def range_header(segment: ByteSegment, have: int) -> dict[str, str]:
    """Return the header that asks for what is missing of a segment once `have` bytes of the object are there."""
    offset = have - segment.start
    return {"Range": f"bytes={offset}-"} if offset > 0 else {}


def answer_start(segment: ByteSegment, have: int, status: int, headers: Mapping[str, str]) -> int | None:
    """Return where in the object the bytes of an answer begin; None where it is no answer to what was asked.

    A server may answer 200 and the whole segment, whatever range was asked for.
    """
    if status == 200:
        return segment.start
    found = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    if status != 206 or found is None:
        return None
    start = segment.start + int(found[1])
    return start if start == have else None


def _trimmed(text: str) -> str:
    return " ".join(text.split()).rstrip(". ")


def _shortened(name: str) -> str:
    if len(name.encode()) <= MAX_BYTES:
        return name
    extension = extension_of(name)
    stem = name.removesuffix(extension).encode()[: MAX_BYTES - len(extension)].decode(errors="ignore")
    return f"{_trimmed(stem) or '_'}{extension}"


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
