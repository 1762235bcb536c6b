"""The ways people refer to projects and submittals: ids, pasted URLs, numbers, titles and names. Pure reading."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

_UUID: Final = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_IS_UUID: Final = re.compile(_UUID)
_PROJECT_IN_PATH: Final = re.compile(rf"/projects/(?:b\.)?({_UUID})(?:/|$)")
_ITEM_IN_PATH: Final = re.compile(rf"/(?:items|submittals|submittal-items)/({_UUID})(?:/|$)")
LINEAGE: Final = re.compile(r"urn:adsk\.\w+:dm\.lineage:[\w-]+")
"""The URN of a file over all its versions (fact sheet 9)."""

_FILE_URN: Final = re.compile(rf"{LINEAGE.pattern}|urn:adsk\.\w+:fs\.file:vf\.[\w-]+\?version=\d+")
_FOLDER_URN: Final = re.compile(r"urn:adsk\.\w+:fs\.folder:co\.[\w-]+")
_AUTODESK_HOST: Final = re.compile(r"(?:.+\.)?autodesk(?:forma)?\.(?:com|[a-z]{2}|com?\.[a-z]{2})")
"""Autodesk's hosts in every region. Nothing is ever fetched from them: a URL is read for the ids in it."""

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_SEPARATORS: Final = re.compile(r"[\s\-\u2010-\u2015\u2212_.]+")
_DASH: Final = r"[-\u2010-\u2015\u2212]"
_NUMBER_WITH_SPEC: Final = re.compile(rf"\s*(?P<spec>(?:\d\s*){{5,8}}(?:\.\d+)?)\s*{_DASH}\s*\w+\s*")


class NotAReference(ValueError):
    """A URL that is not one of Autodesk's, or that names no project or submittal."""


@dataclass(frozen=True)
class ParsedReference:
    """A parsed reference: an `id` (UUID, lower case) or else `words` to look up; `project_id` if a URL held it."""

    id: str | None = None
    words: str = ""
    project_id: str | None = None


def project_reference(text: str) -> ParsedReference:
    """Read a UUID, the same with `b.`, a pasted URL that names a project, or a name.

    Raises:
        NotAReference: A URL of another host, or without a project.
    """
    text = text.strip()
    if _is_url(text):
        project = _project_in(_autodesk_url(text))
        if project is None:
            raise NotAReference
        return ParsedReference(id=project)
    bare = text.lower().removeprefix("b.")
    return ParsedReference(id=bare) if _IS_UUID.fullmatch(bare) else ParsedReference(words=text)


def submittal_reference(text: str) -> ParsedReference:
    """Read an item UUID, a pasted URL of a submittal, or the number or title that people see.

    Raises:
        NotAReference: A URL of another host, or without a submittal.
    """
    text = text.strip()
    if _is_url(text):
        url = _autodesk_url(text)
        item = _ITEM_IN_PATH.search(url.path)
        named = item.group(1) if item else _item_in_query(url)
        if named is None:
            raise NotAReference
        return ParsedReference(id=named.lower(), project_id=_project_in(url))
    return ParsedReference(id=text.lower()) if _IS_UUID.fullmatch(text) else ParsedReference(words=text)


def file_reference(text: str) -> str:
    """Read the URN of a version or of a file, or a pasted URL of the Files tool that names one; returns the URN.

    Raises:
        NotAReference: A URL of another host, or without a file.
    """
    return _urn_in(text, _FILE_URN, "entityId")


def folder_reference(text: str) -> str:
    """Read a folder's URN or path, or a pasted URL of the Files tool that names one; returns the URN or the path.

    Raises:
        NotAReference: A URL of another host, or without a folder.
    """
    return _urn_in(text, _FOLDER_URN, "folderUrn")


def normalize(text: str) -> str:
    """Return the form in which two ways of writing a number or a title are equal: no case, dashes, dots or blanks."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).casefold()


def search_terms(words: str) -> list[str]:
    """Return what to search ACC for, best first: as written, and the specification part of a number.

    ACC searches running numbers, titles and specification identifiers, not the number people see (fact sheet 2.3).
    """
    number = _NUMBER_WITH_SPEC.fullmatch(words)
    if not number:
        return [words]
    spec = number["spec"].strip()
    return list(dict.fromkeys([re.sub(r"\s", "", spec), spec, words]))


def match_quality(words: str, number: str, title: str) -> Literal["exact", "near"] | None:
    """Return how well a user's `words` match a submittal's number and title.

    Near is: a part of the title, the section of the number alone, or the number but for leading zeros. A number is not
    near to another that merely begins like it: 051200-1 never means 051200-10.
    """
    wanted = normalize(words)
    if wanted in (normalize(number), normalize(title)):
        return "exact"
    section, sequence = _section_and_sequence(number)
    whole = _NUMBER_WITH_SPEC.fullmatch(words) is not None
    if (wanted == section and not whole) or (section, sequence) == _section_and_sequence(words):
        return "near"
    if any(letter.isalpha() for letter in words):
        return "near" if wanted in normalize(title) else None
    # Digits are looked for as whole words only: 12 is no part of 051200.
    return "near" if wanted in [normalize(word) for word in title.split()] else None


def _section_and_sequence(number: str) -> tuple[str, str]:
    parts = re.split(_DASH, number)
    return normalize("".join(parts[:-1])), normalize(parts[-1]).lstrip("0") or "0"


def _is_url(text: str) -> bool:
    return re.match(r"https?:", text, re.IGNORECASE) is not None


def _autodesk_url(text: str) -> SplitResult:
    """Take a URL apart whose host is Autodesk's, or this machine, where sandboxes are.

    Raises:
        NotAReference: Another host, or a URL that programs read in several ways (a backslash, a user before the host).
    """
    try:
        url = urlsplit(text)
        host = url.hostname or ""
    except ValueError:
        raise NotAReference from None
    if "\\" in text or "@" in url.netloc or not (host in _LOOPBACK or _AUTODESK_HOST.fullmatch(host)):
        raise NotAReference
    return url


def _project_in(url: SplitResult) -> str | None:
    found = _PROJECT_IN_PATH.search(url.path)
    ids = [found.group(1)] if found else _query(url).get("projectId", [])
    bare = [one.lower().removeprefix("b.") for one in ids]
    return next((one for one in bare if _IS_UUID.fullmatch(one)), None)


def _urn_in(text: str, wanted: re.Pattern[str], name: str) -> str:
    text = text.strip()
    if not _is_url(text):
        return text
    url = _autodesk_url(text)
    places = [*_query(url).get(name, []), *map(unquote, url.path.split("/"))]
    found = next((place for place in places if wanted.fullmatch(place)), None)
    if found is None:
        raise NotAReference
    return found


def _query(url: SplitResult) -> dict[str, list[str]]:
    return {**parse_qs(url.query), **parse_qs(url.fragment.partition("?")[2])}


def _item_in_query(url: SplitResult) -> str | None:
    query = _query(url)
    for name in ("itemId", "submittalId", "id"):
        for value in query.get(name, []):
            if _IS_UUID.fullmatch(value):
                return value
    return None
