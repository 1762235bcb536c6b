"""Pasted text: removes the quotes and marks that surround a path, a name or an address. Pure.

People paste with quotes, brackets, blanks and invisible marks; mail programs, chats and markdown wrap
addresses. What is inside stays as it is. A text can mean itself as well (a file may be named in quotes), so paths are
tried as they were given first.
"""

import base64
import html
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

_UNSEEN: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
)
_ENDS: Final = re.compile(rf"[\s\u2800\x01-\x1f\x7f-\x9f{_UNSEEN}]*")
_ZERO_WIDTH: Final = re.compile(rf"[{_UNSEEN}]")

MAX_MARKS: Final = 4
"""Combining marks on one letter; Vietnamese, Hebrew and Thai need three."""

_LAST_OF_PLANES: Final = "".join(chr(plane << 16 | last) for plane in range(15) for last in (0xFFFE, 0xFFFF))

INVISIBLE: Final = re.compile(
    f"[\ufdd0-\ufdef{_LAST_OF_PLANES}"  # which are no characters, and never will be
    "\x00-\x08\x0e-\x1f\x7f-\x9f"  # controls, but for those that move on, which become a blank
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners, fillers, Mongolian selectors
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, separators, bidirectional marks, overrides and isolates
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # formats, tags, more selectors
    "\U00013430-\U0001343f"
    "\ue000-\uf8ff\U000f0000-\U0010ffff"  # private use: each font shows another character there
    "]"
)
MOVES_ON: Final = re.compile("[\t-\r\x1c-\x1e\x85\u2028\u2029]+")
"""Characters that end a line or move on in it; where a name is shown they become a blank."""

_SINGLE_QUOTES: Final = frozenset("'`\u00b4\u2018\u2019\u201a\u201b\u2039\u203a\uff07")
_DOUBLE_QUOTES: Final = frozenset('"\u00ab\u00bb\u201c\u201d\u201e\u201f\uff02')
_CLOSING: Final = {"(": ")", "[": "]", "{": "}", "<": ">"}
_EMPHASIS: Final = "*_~'\"`\u00b4"
"""Marks that stand once or several times around a text; `~` alone is a home folder."""

_ALIKE: Final = str.maketrans(
    {
        **dict.fromkeys("`\u00b4\u2018\u2019\u201a\u201b\u2032\u2035\u2039\u203a\u02b9\u02bb\u02bc\u02bd\u02c8", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u2036\u3003\u00ab\u00bb\u02ba\u02dd\u02ee\u05f4", '"'),
        **dict.fromkeys("\u2212\u2043\u02d7\u2796\u2500", "-"),
        "\u2800": " ",
    }
)
"""Kinds of quote and dash, and a blank, that Unicode knows as something else."""

_MARKDOWN_LINK: Final = re.compile(
    r"!?\[(?P<label>[^\[\]]*)\]\(\s*<?(?P<target>[^()<>]+(?:\([^()]*\)[^()<>]*)*)>?\s*\)"
)
_CHAT_LINK: Final = re.compile(r"<(?P<target>[a-z]+:[^<>|]+)\|[^<>]*>", re.IGNORECASE)
_HTML_LINK: Final = re.compile(
    r"<a\s[^<>]*?href\s*=\s*[\"']?(?P<target>[^\"'<>]+)[\"']?[^<>]*>[^<>]*</a>", re.IGNORECASE
)
_HTML_TAG: Final = re.compile(r"<(?P<tag>[a-z][a-z0-9]*)\b[^<>]*>(?P<target>[^<>]*)</(?P=tag)>", re.IGNORECASE)
_FENCE: Final = re.compile(r"(?P<mark>`{3,}|~{3,})[\w+-]*[ \t]*\r?\n(?P<target>[^\n]+?)\s*(?P=mark)")
_FORMULA: Final = re.compile(r"=\s*HYPERLINK\(\s*\"(?P<target>[^\"]+)\"\s*(?:[,;].*)?\)", re.IGNORECASE)
"""A link as a spreadsheet keeps it, where the formulas are saved in place of what they show."""

_LINKS: Final = (_MARKDOWN_LINK, _CHAT_LINK, _HTML_LINK, _HTML_TAG, _FENCE, _FORMULA)

AUTODESK_HOST: Final = re.compile(r"(?:.+\.)?autodesk(?:forma)?\.(?:com|[a-z]{2}|com?\.[a-z]{2})")
"""Autodesk's hosts in every region. Nothing is ever fetched from them: a URL is read for the ids in it."""

_URL: Final = re.compile(r"https?://", re.IGNORECASE)
_ADDRESS: Final = re.compile(
    r"https?://(?:\[[0-9a-f:.]+\])?[^\s<>\"'|\[\]\u00ab\u00bb\u2018-\u201f\u3000-\u303f\uff00-\uffef]+", re.IGNORECASE
)
_NO_SCHEME: Final = re.compile(
    r"(?<![\w@./:-])(?://)?(?P<address>(?:(?:[a-z0-9-]+\.)*autodesk(?:forma)?\.(?:com?\.[a-z]{2}|com|[a-z]{2})"
    r"|(?P<here>(?:localhost|127\.0\.0\.1):\d+))/)",
    re.IGNORECASE,
)
_AFTER_AN_ADDRESS: Final = ".,;:!?*_~'\"`\u2026"
_BLANKS_IN_CODE: Final = re.compile(r"(?:%20|%0[ad])+\Z", re.IGNORECASE)
_WINDOWS_PATH: Final = re.compile(r"(?:\.\\)?(?!\.)[^\\/:]+(?:\\(?!\.\.)[^\\/:]+)*")
"""A path beneath a folder as Windows separates it."""

_BREADCRUMB: Final = re.compile(r"\s+[>\u203a\u00bb]\s+")
"""What file managers and web pages show between the folders of a path."""

_AROUND_A_PATH: Final = re.compile(
    r"\A(?:\d+ )?(?:file|path|file ?name|file ?path|attachment|attached|document)s?(?:\s*#?\d+)?\s*[:=]\s*"
    r"|\A[=&]\s*(?=[\"'])|\A(?:>\s*)+|\A(?:[-*+\u2022\u2023\u25aa\u25e6\u2013\u2014]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?"
    r"|\s*[([\u2013-]\s*\d+(?:[.,]\d+)?\s?(?:[KMG]i?)?B(?:ytes)?[)\]]?\Z|(?<=[^/\\.])[.,;:!?\u2026]+\Z"
    r"|(?<=\.\w\w\w)[#?][\w=&,.%-]*\Z",
    re.IGNORECASE,
)
"""What forms, lists, shells and file managers write beside a path, what ends a sentence, and the page of a viewer."""

_WRITTEN_OUT: Final = re.compile(r"\\(?:u([0-9a-f]{4})|U([0-9a-f]{8})|x([0-9a-f]{2}))")
"""A character as this program shows one at a terminal that is not seen."""

_URLDEFENSE: Final = re.compile(r"https://urldefense\.(?:com|us)/v3/__(?P<address>.+?)__;", re.IGNORECASE)
_WITHIN: Final = re.compile(r"https?(?::|%3a)(?:/|%2f){2}", re.IGNORECASE)

LONGEST: Final = 8_000
"""Characters of a text that is taken apart; the longest addresses behind link protection have about half."""

MOST_READINGS: Final = 12
"""Readings of one text: what has more around it is not what a person pastes."""


def trim(text: str) -> str:
    """Return a text without blanks, controls and invisible marks at its ends."""
    # From both ends: a search for the last run would begin again at each blank of the runs before.
    started = text[_ENDS.match(text).end() :]  # type: ignore[union-attr]  # nothing matches too
    return started[: len(started) - _ENDS.match(started[::-1]).end()]  # type: ignore[union-attr]


def unwrap(text: str) -> str:
    """Return what a text means: without what surrounds it, a link's target for a link, `file://` as a path.

    Unwrapping twice changes nothing more.
    """
    meant = text
    for _ in range(len(text) + 1 if len(text) <= LONGEST else 0):
        before, meant = meant, _unwrap_once(trim(meant))
        if meant == before:
            break
    # Of invisible characters nothing would be left, and nothing would mean everything to a search.
    return (meant if len(text) <= LONGEST else trim(text)) or text.strip()


def unwrap_address(text: str) -> str:
    """Return the web address that a text is or holds, as it was before it was wrapped; without one as `unwrap` does.

    Mail programs and chats put hosts of theirs in front of an address, which has it whole. Nothing is fetched; whose
    address it is, the caller looks at.
    """
    meant = unwrap(text)
    if len(meant) > LONGEST:
        return meant
    if _WITHIN.match(meant) and not _URL.match(meant):
        meant = unquote(meant)
    meant = meant.replace("\\/", "/") if ":\\/\\/" in meant else meant  # as JSON has it
    bare = _NO_SCHEME.search(meant) if _URL.search(meant) is None else None
    if bare is not None:
        meant = f"{'http' if bare['here'] else 'https'}://{meant[bare.start('address') :]}"
    found = _URL.search(meant)
    if found is None:
        return meant
    address = re.sub(r"\A(?:https?:/+)+(?=https?://)", "", meant[found.start() :], flags=re.IGNORECASE)
    # In a sentence the next line is another one.
    address = _unbroken(address) if not meant[: found.start()].strip("> \t") else address.split()[0]
    # Mail programs show "&" as HTML does, and "=" as quoted-printable.
    address = html.unescape(_ZERO_WIDTH.sub("", address)).replace("=3D", "=")
    whole = _ADDRESS.match(address)
    address = _BLANKS_IN_CODE.sub("", whole[0] if whole else address).rstrip(_AFTER_AN_ADDRESS)
    while address.endswith((")", "]", ">", "}")) and address.count(address[-1]) > address.count(_OPENING[address[-1]]):
        address = address[:-1].rstrip(_AFTER_AN_ADDRESS)
    return _without_redirect(address)


_SOME_ADDRESS: Final = re.compile(
    r"(?!file:)(?:[a-z][a-z0-9+.-]+://|https?:/|[a-z][a-z-]+:(?:\w+\|)*https?://|data:|cid:|urn:adsk)", re.IGNORECASE
)
"""An address with a scheme or in one, a document or a part of a mail as one, or the URN of a file in ACC.

As a `Path` an address has lost a slash.
"""

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


def is_address(text: str) -> bool:
    """Whether a text is an address with a scheme, and no path."""
    return _SOME_ADDRESS.match(text) is not None


def path_readings(text: str) -> Iterator[str]:
    """Yield what a text may mean, each once: as it is given first, then with less and less around it."""
    seen: set[str] = set()
    waiting = [text, trim(text), unwrap(text)]
    for one in waiting:
        if one and one not in seen and len(seen) < MOST_READINGS:
            seen.add(one)
            yield one
            waiting += map(unwrap, _less_around(one) if len(one) <= LONGEST else ())


def _less_around(text: str) -> Iterator[str]:
    yield text.removeprefix("@")
    yield html.unescape(text)
    if _is_percent_encoded(text):
        yield unquote(text, errors="strict")
    if text == "~" or text.startswith(("~/", "~\\")):
        yield os.path.expanduser(text)  # noqa: PTH111  # which raises where there is no home
    yield re.sub(r"\\([ ()\[\]{}&'\",;!$#*?~])", r"\1", text)
    if "'\\''" in text:
        yield text[1:-1].replace("'\\''", "'")
    if _WINDOWS_PATH.fullmatch(text):
        yield text.replace("\\", "/")
    yield _BREADCRUMB.sub("/", text)
    yield re.sub(r"\Afile:(?://)?(?=[^/\\])", "", text, flags=re.IGNORECASE)
    yield _AROUND_A_PATH.sub("", text)
    yield _WRITTEN_OUT.sub(lambda found: chr(min(int(found[1] or found[2] or found[3], 16), 0x10FFFF)), text)
    # A quote of which only one was copied.
    yield text.strip("".join(_SINGLE_QUOTES | _DOUBLE_QUOTES))
    if _are_pair(text[0], text[-1]) or (text[0] == text[-1] and text[0] in _EMPHASIS):
        yield text[1:-1]  # around a name that has the same mark in it
    yield _without_symbols(text)


def _without_symbols(text: str) -> str:
    """Return a text without pictures, arrows, bars and ticks at its ends."""
    plain = [
        place
        for place, one in enumerate(text)
        if unicodedata.category(one)[0] not in "SMZ" or unicodedata.combining(one)
    ]
    return text[plain[0] : plain[-1] + 1] if plain else text


def plain_line(text: str) -> str:
    """Return `text` on one line and without what a reader cannot see: what an assistant is shown of a name."""
    return few_marks(INVISIBLE.sub("", MOVES_ON.sub(" ", text)))


def few_marks(text: str, instead: Callable[[str], str] = lambda _: "") -> str:
    """Return `text` with no more combining marks in a row than a letter has: piled up, they cover the lines around."""
    if text.isascii():
        return text
    kept, run = [], 0
    for letter in text:
        run = run + 1 if unicodedata.category(letter)[0] == "M" else 0
        kept.append(letter if run <= MAX_MARKS else instead(letter))
    return "".join(kept)


def name_key(name: str, *, fold_case: bool = True) -> str:
    """Return the form in which names are equal that look alike.

    Kinds of blank, dash and quote, composition, width, case and what is never shown do not count, so that a name which
    an assistant gives back has the same key.
    """
    plain = unicodedata.normalize("NFKC", plain_line(name).translate(_ALIKE))
    plain = unicodedata.normalize("NFC", plain.casefold() if fold_case else plain)
    plain = "".join("-" if unicodedata.category(one) == "Pd" else one for one in plain).replace("''", '"')
    return " ".join(re.sub("-+", "-", plain).split())


def _unwrap_once(text: str) -> str:
    for link in _LINKS:
        if found := link.fullmatch(text):
            return found["target"]
    inside = _without_marks(text)
    if inside is not None:
        return inside
    if len(text) > 2 and _are_pair(text[0], text[-1]) and not set(text[1:-1]) & {text[0], text[-1]}:
        return text[1:-1]
    return _file_path(text[5:], text) if text[:5].casefold() == "file:" else text


def _without_marks(text: str) -> str | None:
    """Return what stands between equal runs of one mark, `**beam**` or ``beam``; None where no run ends it."""
    mark = text[:1]
    if not mark or mark not in _EMPHASIS:
        return None
    run = len(text) - len(text.lstrip(mark))
    inside = text[run:-run]
    is_between = bool(inside) and mark not in inside and text.endswith(mark * run)
    return inside if is_between and (mark != "~" or run > 1) else None


def _are_pair(first: str, last: str) -> bool:
    for quotes in (_SINGLE_QUOTES, _DOUBLE_QUOTES):
        if first in quotes:
            return last in quotes
    closing = _CLOSING.get(unicodedata.normalize("NFKC", first))
    if closing is not None:
        return closing == unicodedata.normalize("NFKC", last)
    # Most brackets of other scripts stand beside each other in Unicode.
    kinds = unicodedata.category(first), unicodedata.category(last)
    return kinds == ("Ps", "Pe") and ord(last) == ord(first) + 1


def _file_path(rest: str, url: str) -> str:
    """Return the path of a `file:` URL, whose host is this machine's or, on Windows, a server's."""
    try:
        path = unquote(rest, errors="strict")
    except UnicodeDecodeError:
        path = rest
    # file:///C:/drawings is a path of a drive, and has slashes too many.
    if re.match(r"[A-Za-z]:[/\\]", path.lstrip("/\\")):
        return path.lstrip("/\\")
    if path[:2] != "//":
        return path if path[:1] in ("/", "\\") else url
    host, slash, beneath = path[2:].partition("/")
    if os.name == "nt" and host not in ("", "localhost"):
        return path
    return slash + beneath if slash else url


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
    """Return the address that another one holds: as a parameter, in base64, or at its end; None where it holds none."""
    defended = _URLDEFENSE.match(address)
    if defended is not None:
        return defended["address"]
    try:
        url = urlsplit(address)
        host = (url.hostname or "").lower()
    except ValueError:
        return None
    if AUTODESK_HOST.fullmatch(host) and "/projects/" in url.path:
        return None
    for name, value in parse_qsl(url.query):
        plain = value
        if host == "urldefense.proofpoint.com" and name == "u" and url.path.startswith("/v2/"):
            plain = unquote(value.replace("-", "%").replace("_", "/"))
        elif value.startswith("aHR0c"):
            plain = _from_base64(value)
        if _URL.match(plain):
            return plain
    within = _WITHIN.search(address, len("https://"))
    if within is None:
        return None
    rest = address[within.start() :]
    return rest if _URL.match(rest) else unquote(re.split(r"[/?#&]", rest)[0])


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_").decode()
    except ValueError:
        return text
