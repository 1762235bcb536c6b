"""Pure reading of pasted text: takes what surrounds a path, a name or an address away.

People paste with quotes, brackets, blanks and invisible marks; mail programs, chats and markdown wrap
addresses. What is inside stays as it is. A text can mean itself as well (a file may be named in quotes), so paths are
tried as they were given first.
"""

import html
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

_UNSEEN: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
)
_ENDS: Final = re.compile(rf"\A[\s\x01-\x1f\x7f-\x9f{_UNSEEN}]+|[\s\x01-\x1f\x7f-\x9f{_UNSEEN}]+\Z")
_ZERO_WIDTH: Final = re.compile(rf"[{_UNSEEN}]")

MAX_MARKS: Final = 4
"""Combining marks on one letter; Vietnamese, Hebrew and Thai need three."""

INVISIBLE: Final = re.compile(
    "["
    "\x00-\x08\x0e-\x1f\x7f-\x9f"  # controls, but for those that move on, which become a blank
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners, fillers, Mongolian selectors
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, separators, bidirectional marks, overrides and isolates
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # formats, tags, more selectors
    "\ue000-\uf8ff\U000f0000-\U0010ffff"  # private use: each font shows another character there
    "]"
)
MOVES_ON: Final = re.compile("[\t-\r]+")
"""Characters that end a line or move on in it; where a name is shown they become a blank."""

_PAIRS: Final = {
    '"': '"',
    "'": "'",
    "`": "`",
    "\u00b4": "\u00b4",
    "\u201c": "\u201d\u201f\u201c",
    "\u201d": "\u201d\u201c",
    "\u201e": "\u201c\u201d",
    "\u201f": "\u201d",
    "\u2018": "\u2019\u201b",
    "\u2019": "\u2019",
    "\u201a": "\u2018\u2019",
    "\u2039": "\u203a",
    "\u203a": "\u2039",
    "\u00ab": "\u00bb",
    "\u00bb": "\u00ab",
    "\u300c": "\u300d",
    "\u300e": "\u300f",
    "\uff02": "\uff02",
    "(": ")",
    "[": "]",
    "{": "}",
    "<": ">",
    "*": "*",
    "_": "_",
}
"""What a text is put between, and the characters that may end it then."""

_MARKDOWN_LINK: Final = re.compile(
    r"!?\[(?P<label>[^\[\]]*)\]\(\s*<?(?P<target>[^()<>]+(?:\([^()]*\)[^()<>]*)*)>?\s*\)"
)
_CHAT_LINK: Final = re.compile(r"<(?P<target>[a-z]+:[^<>|]+)\|[^<>]*>", re.IGNORECASE)
_URL: Final = re.compile(r"https?:", re.IGNORECASE)
_URL_INSIDE: Final = re.compile(r"https?://[^\s<>\"'\u201c\u201d\u00ab\u00bb|]+", re.IGNORECASE)
_FILE_URL: Final = re.compile(r"file:(?://(?:localhost)?)?(?=[/\\])", re.IGNORECASE)
_AFTER_AN_ADDRESS: Final = ".,;:!?*_'\"`\u2026"
_BLANKS_IN_CODE: Final = re.compile(r"(?:%20|%0[ad])+\Z", re.IGNORECASE)
_NO_SCHEME: Final = re.compile(r"(?:www\.)?(?:[a-z0-9-]+\.)?autodesk\.com/", re.IGNORECASE)
_WINDOWS_PATH: Final = re.compile(r"(?!\.)[^\\/:]+(?:\\(?!\.\.)[^\\/:]+)+")
"""A path beneath a folder as Windows separates it."""

_AROUND_A_PATH: Final = re.compile(
    r"\A(?:file|path|file ?name|file ?path)\s*[:=]\s*|\s*\(\d+(?:[.,]\d+)?\s?[KMG]?i?B\)\Z|(?<=\w)[.,;:!?\u2026]+\Z",
    re.IGNORECASE,
)
"""What forms and file managers write beside a path, and what ends a sentence."""

_URLDEFENSE: Final = re.compile(r"https://urldefense\.(?:com|us)/v3/__(?P<address>.+?)__;", re.IGNORECASE)
_WRAPPED_IN: Final = (
    (re.compile(r"(?:.+\.)?safelinks\.protection\.outlook\.com"), ("url",)),
    (re.compile(r"(?:www\.)?google\.[a-z.]+"), ("q", "url")),
    (re.compile(r"(?:statics\.)?teams\.(?:microsoft\.com|cdn\.office\.net)"), ("url",)),
    (re.compile(r"l\.(?:facebook|instagram)\.com"), ("u",)),
)
"""Hosts that mail programs and chats put in front of an address, and the parameters that hold it."""


def trim(text: str) -> str:
    """Return a text without blanks, controls and invisible marks at its ends."""
    return _ENDS.sub("", text)


def unwrap(text: str) -> str:
    """Return what a text means: without what surrounds it, a link's target for a link, `file://` as a path.

    Unwrapping twice changes nothing more.
    """
    meant = text
    for _ in range(len(text) + 1):
        before, meant = meant, _unwrap_once(trim(meant))
        if meant == before:
            break
    # Of invisible characters nothing would be left, and nothing would mean everything to a search.
    return meant or text.strip()


def unwrap_address(text: str) -> str:
    """Return the web address that a text is or holds, as it was before it was wrapped; without one as `unwrap` does.

    Nothing is fetched; whose address it is, the caller looks at.
    """
    text = unwrap(text)
    quoted = text.lstrip("> \t")
    text = quoted if _URL.match(quoted) else text
    if _NO_SCHEME.match(text):
        text = f"https://{text}"
    if not _URL.match(text):
        inside = _URL_INSIDE.search(text)
        if inside is None:
            return text
        text = inside[0]
    # Mail programs show "&" as HTML does.
    text = html.unescape(_ZERO_WIDTH.sub("", _unbroken(text)))
    text = _BLANKS_IN_CODE.sub("", text).rstrip(_AFTER_AN_ADDRESS)
    while text.endswith((")", "]", ">", "}")) and text.count(text[-1]) > text.count(_OPENING[text[-1]]):
        text = text[:-1].rstrip(_AFTER_AN_ADDRESS)
    return _without_redirect(text)


_OPENING: Final = {")": "(", "]": "[", ">": "<", "}": "{"}


def _unbroken(text: str) -> str:
    """Return the address that a text begins with, put together where a mail program has broken its line."""
    first, *others = text.splitlines()
    address, *after = first.split()
    for line in others if not after else ():
        more = line.strip(" \t>")
        # What goes on is one word, and no greeting: an address has more than letters.
        if not more or len(more.split()) > 1 or more.isalpha() or _URL.match(more):
            break
        address = address.removesuffix("=") + more
    return address


def path_readings(text: str) -> Iterator[str]:
    """Yield the paths that a text may mean, each once: as it is given first, then with less and less around it."""
    seen: set[str] = set()
    unwrapped = unwrap(text)
    for one in (
        text,
        trim(text),
        unwrapped,
        unwrapped.removeprefix("@"),
        html.unescape(unwrapped),
        unquote(unwrapped, errors="strict") if _is_percent_encoded(unwrapped) else unwrapped,
        str(Path(unwrapped).expanduser()) if unwrapped.startswith(("~/", "~\\")) else unwrapped,
        re.sub(r"\\([ ()\[\]{}&'\",;!$#*?~])", r"\1", unwrapped),
        text.strip()[1:-1].replace("'\\''", "'") if "'\\''" in text else unwrapped,
        unwrapped.replace("\\", "/") if _WINDOWS_PATH.fullmatch(unwrapped) else unwrapped,
        unwrap(_AROUND_A_PATH.sub("", unwrapped)),
    ):
        if one and one not in seen:
            seen.add(one)
            yield one


def plain_line(text: str) -> str:
    """Return `text` on one line and without what a reader cannot see: what an assistant is shown of a name."""
    return _few_marks(MOVES_ON.sub(" ", INVISIBLE.sub("", text)))


def _few_marks(text: str) -> str:
    """Return `text` with no more combining marks in a row than a letter has: piled up, they cover the lines around."""
    if text.isascii():
        return text
    kept, run = [], 0
    for letter in text:
        run = run + 1 if unicodedata.category(letter)[0] == "M" else 0
        if run <= MAX_MARKS:
            kept.append(letter)
    return "".join(kept)


def name_key(name: str) -> str:
    """Return the form in which names are equal that look alike.

    Kinds of blank, dash and quote, composition, width, case and what is never shown do not count, so that a name which
    an assistant gives back has the same key.
    """
    plain = unicodedata.normalize("NFKC", plain_line(name)).casefold()
    plain = "".join(_plain(character) for character in unicodedata.normalize("NFC", plain))
    return " ".join(plain.split())


def _plain(character: str) -> str:
    if unicodedata.category(character) == "Pd" or character == "\u2212":
        return "-"
    if character in "'`\u00b4\u2018\u2019\u201a\u201b\u2032\u02bc":
        return "'"
    return '"' if character in '"\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb' else character


def _unwrap_once(text: str) -> str:
    link = _MARKDOWN_LINK.fullmatch(text) or _CHAT_LINK.fullmatch(text)
    if link is not None:
        return link["target"]
    for fence in ("```", "**", "__"):
        if len(text) > 2 * len(fence) and text.startswith(fence) and text.endswith(fence):
            return text[len(fence) : -len(fence)]
    if len(text) > 2 and text[-1] in _PAIRS.get(text[0], "") and not set(text[1:-1]) & {text[0], text[-1]}:
        return text[1:-1]
    prefix = _FILE_URL.match(text)
    if prefix is not None:
        return _file_path(text[prefix.end() :])
    return text


def _file_path(text: str) -> str:
    try:
        path = unquote(text, errors="strict")
    except UnicodeDecodeError:
        path = text
    # file:///C:/drawings is a path of a drive, and has a slash too many.
    return path[1:] if re.match(r"[/\\][A-Za-z]:", path) else path


def _is_percent_encoded(text: str) -> bool:
    try:
        plain = unquote(text, errors="strict")
    except UnicodeDecodeError:
        return False
    # What is encoded may be part of a name, and never what takes a path elsewhere.
    return plain != text and all(plain.count(one) == text.count(one) for one in ("/", "\\", "..", "\x00"))


def _without_redirect(address: str) -> str:
    for _ in range(4):
        wrapped = _wrapped_address(address)
        if wrapped is None:
            break
        address = wrapped
    return address


def _wrapped_address(address: str) -> str | None:
    defended = _URLDEFENSE.match(address)
    if defended is not None:
        return defended["address"]
    try:
        url = urlsplit(address)
        host = (url.hostname or "").lower()
    except ValueError:
        return None
    for hosts, names in _WRAPPED_IN:
        if hosts.fullmatch(host):
            found = [value for name in names for value in parse_qs(url.query).get(name, []) if _URL.match(value)]
            return found[0] if found else None
    if host == "urldefense.proofpoint.com":
        encoded = next(iter(parse_qs(url.query).get("u", [])), "")
        return unquote(encoded.replace("-", "%").replace("_", "/")) or None
    return None
