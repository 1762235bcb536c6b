"""References to projects and submittals: parses ids, pasted URLs, numbers, titles and names, and matches names. Pure.

A name fits only where all words of the text are found in it, or where the text holds the whole number. Words may come
in any order, numbers in any spelling. Close spellings never fit; they rank what is offered in its place.
"""

import difflib
import re
import unicodedata
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, Self
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from tools.core.text_sanitizer import clean
from tools.errors.exceptions import MAX_CANDIDATES
from transfers.files.pasted_text import AUTODESK_HOST, name_key, path_readings, unwrap, unwrap_address

NOISE: Final = frozenset(
    {"submittal", "submittals", "item", "items", "project", "projects", "job", "jobs", "file", "files", "folder"}
    | {"the", "number", "numbers", "no", "nos", "nr", "num", "sub", "ref", "reference"}
    | {"called", "named", "titled", "entitled", "please", "our", "my"}
)
"""Words by which people introduce a name; they count only where a text has no other."""

CLOSE: Final = 0.6
"""From which likeness on (0 to 1) a name is offered as perhaps meant."""

SHORTEST_PART: Final = 3
"""Letters that the beginning of a word needs at least to stand for it."""

_TOKEN: Final = re.compile(r"[^\W_]+")
_ATOM: Final = re.compile(r"[^\W_]+(?:[-\u2010-\u2015\u2212_./]+[^\W_]+)*")
_LOOSE: Final = re.compile(r"[\s\-\u2010-\u2015\u2212_./]*")
_PLURALS: Final = (("ies", ""), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("ss", "ss"), ("s", ""))


Gap = Literal["tied", "blank", "apart"]
"""What stands between two words: a dash or dot, blanks and perhaps a dash, or anything else."""


@dataclass(frozen=True)
class NameWords:
    """The words of a text in order; `gaps` are what stands before each of them, and after the last."""

    words: tuple[str, ...]
    gaps: tuple[Gap, ...]

    @classmethod
    @lru_cache(maxsize=4096)  # the rows of a list are held against a text again with each page
    def of(cls, text: str) -> Self:
        """Take a text apart; case, width and invisible characters do not count."""
        plain = name_key(clean(text))
        words: list[str] = []
        gaps: list[Gap] = []
        ended = 0
        for atom in _ATOM.finditer(plain):
            found = _TOKEN.findall(atom[0])
            is_blank = bool(words) and _LOOSE.fullmatch(plain, ended, atom.start()) is not None
            words += found
            gaps.append("blank" if is_blank else "apart")
            gaps.extend("tied" for _ in found[1:])
            ended = atom.end()
        return cls(tuple(words), (*gaps, "apart"))

    @property
    def significant(self) -> tuple[str, ...]:
        """The words that tell names apart."""
        return tuple(word for word in self.words if word not in NOISE) or self.words

    def is_called(self, name: str) -> bool:
        """Whether the text is a name, perhaps with words around it by which people introduce one."""
        return NameWords.of(name).words in (self.words, self.significant)

    def around_number(self, number: str) -> tuple[str, ...] | None:
        """Return the significant words beside `number` where the text holds it as a whole; else None.

        It may be written with blanks, dots and dashes, and with other zeros in front of a part. A number of one part is
        found only where no other digits stand beside it.
        """
        parts = NameWords.of(number).words
        for start in range(len(self.words)):
            for end in range(start + len(parts), len(self.words) + 1):
                if self._is_apart(start, end) and _is_spelt(parts, self.words[start:end]):
                    beside = (*self.words[:start], *self.words[end:])
                    return tuple(word for word in beside if word not in NOISE)
        return None

    def _is_apart(self, start: int, end: int) -> bool:
        """Whether words from `start` to `end` belong together, and neither are tied to others nor go on as a number."""
        inside = "apart" not in self.gaps[start + 1 : end]
        return inside and self._parts_at(start) and self._parts_at(end)

    def _parts_at(self, place: int) -> bool:
        if self.gaps[place] == "blank":
            return not (self.words[place - 1].isdigit() and self.words[place].isdigit())
        return self.gaps[place] == "apart"


def all_found(words: Iterable[str], name: str) -> bool:
    """Whether each of the `words` is one of the name's, or begins one; in any order, in singular or plural."""
    roots = [root(word) for word in NameWords.of(name).words]
    return all(any(_stands_for(root(word), one) for one in roots) for word in words)


def root(word: str) -> str:
    """Return the form in which singular and plural are equal, and a number is without zeros in front."""
    if word.isdigit():
        return word.lstrip("0") or "0"
    if len(word) <= SHORTEST_PART:
        return word
    for ending, instead in _PLURALS:
        if word.endswith(ending):
            return word.removesuffix(ending) + instead
    return word.removesuffix("y")


def likeness(text: str, name: str) -> float:
    """Return how close a name comes to a text, 0 to 1: the mean of what each word of the text comes to."""
    wanted, words = NameWords.of(text).significant, NameWords.of(name).words
    if not wanted or not words:
        return 0.0
    best = [max(_ratio(one, word) for word in words) for one in wanted]
    whole = _ratio("".join(wanted), "".join(words))
    return max(sum(best) / len(best), whole)


def closest(text: str, names: Sequence[str]) -> list[int]:
    """Return the places of the few names that come closest to a text, the closest first."""
    scores = [(likeness(text, name), -place) for place, name in enumerate(names)]
    ranked = sorted((score for score in scores if score[0] >= CLOSE), reverse=True)
    return [-place for _, place in ranked[:MAX_CANDIDATES]]


def _stands_for(word: str, other: str) -> bool:
    is_part = len(word) >= SHORTEST_PART and not word.isdigit() and other.startswith(word)
    return word == other or is_part


def _is_spelt(parts: Sequence[str], words: Sequence[str]) -> bool:
    """Whether `words` put together in order are the `parts` of a number, but for zeros in front."""
    if not parts:
        return not words
    return any(
        _may_be_one(words[:end]) and root("".join(words[:end])) == root(parts[0]) and _is_spelt(parts[1:], words[end:])
        for end in _ends(words, len(parts))
    )


def _may_be_one(words: Sequence[str]) -> bool:
    """Whether words may be one part of a number: digits of a section, as people space them, and never 1.2 for 12."""
    is_section = sum(map(len, words)) >= SHORTEST_SECTION or all(len(word) == 2 for word in words)
    return len(words) == 1 or is_section or not all(word.isdigit() for word in words)


def _ends(words: Sequence[str], parts: int) -> Iterator[int]:
    """Yield how many words may make up the first of so many parts, each of which has one at least."""
    yield from range(1, len(words) - parts + 2)


def _ratio(one: str, other: str) -> float:
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= CLOSE / 2 else 0.0


_UUID: Final = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_IS_UUID: Final = re.compile(_UUID)
_ID: Final = re.compile(rf"{_UUID}|[0-9a-fA-F]{{32}}")
_WORD_BEFORE_ID: Final = re.compile(
    r"\A(?:urn:uuid:|\W*(?:item|submittal|project|attachment|task|file|id|uuid|guid)s?(?![a-z0-9])[\s:#=_\"'-]*)+",
    re.IGNORECASE,
)
_ID_IN_WORDS: Final = re.compile(rf"(?<![\w.-])(?:b\.)?({_ID.pattern})(?![\w-]|\.\w)", re.IGNORECASE)
_PROJECT_IN_PATH: Final = re.compile(rf"/projects/(?:b\.)?({_UUID})(?:/|$)", re.IGNORECASE)
_ITEM_IN_PATH: Final = re.compile(rf"/(?:items|submittals|submittal-items)/({_UUID})(?:/|$)", re.IGNORECASE)
LINEAGE: Final = re.compile(r"urn:adsk\.\w+:dm\.lineage:[\w-]+")
"""The URN of a file over all its versions (fact sheet 9)."""

_FILE_URN: Final = re.compile(rf"{LINEAGE.pattern}|urn:adsk\.\w+:fs\.file:vf\.[\w-]+\?version=\d+")
_FOLDER_URN: Final = re.compile(r"urn:adsk\.\w+:fs\.folder:co\.[\w-]+")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_SEPARATORS: Final = re.compile(r"[\s\-\u2010-\u2015\u2212_.]+")
_DASH: Final = r"[-\u2010-\u2015\u2212]"
_SECTION: Final = re.compile(
    r"(?<!\d)(?P<spec>(?:\d[ \t.]*){5}\d(?:(?:[ \t.]*\d){2})?(?:\.\d+)?|\d{5,8}(?:\.\d+)?)"
    rf"(?=\s*{_DASH}|\s|$|[^\w.])"
)
"""A section of MasterFormat: six or eight digits in pairs, as people space them, perhaps with a suffix."""

_BEFORE_SECTION: Final = re.compile(
    r"\b(?:(?:csi|masterformat|section|spec(?:ification)?|division|div)s?[\s.:#]{0,5}){1,3}(?=\d)", re.IGNORECASE
)
_WORD: Final = re.compile(r"[^\W_]+")
_PAIRS: Final = re.compile(r"(\d\d)\.(\d\d)\.(\d\d)")

_PAIRED: Final = r"(?<![\d.-])(?:\d[ \t.]*){5}\d(?:(?:[ \t.]*\d){2})?(?:\.\d+)?(?!\d)"
_SECTION_WORDS: Final = r"(?:(?:csi|masterformat|section|spec(?:ification)?)s?[\s.:#]{0,5}){1,3}"
_ITEM_WORDS: Final = r"(?:(?:item|submittal|sub|number|no|nr)\b[\s.:]{0,3}|#\s{0,3}){1,3}"
_SAID_APART: Final = (
    re.compile(
        rf"{_ITEM_WORDS}(?P<sequence>\d{{1,4}})\b[\s,;(\-\u2013\u2014]{{0,3}}(?:(?:in|of|from|under|for)\s+(?:the\s+)?"
        rf"(?:{_SECTION_WORDS})?|{_SECTION_WORDS})(?P<spec>{_PAIRED})",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?:{_SECTION_WORDS})?(?P<spec>{_PAIRED})[\s,;:)\-\u2013\u2014]{{0,4}}{_ITEM_WORDS}(?P<sequence>\d{{1,4}})\b",
        re.IGNORECASE,
    ),
)
"""A number of which the section and what follows it are named one beside the other: item 3 in section 05 12 00."""

_NEXT_OF_SECTION: Final = re.compile(
    rf"(?P<first>(?P<spec>{_PAIRED})\s?{_DASH}\s?\d{{1,4}}\s{{0,3}}(?:[,;&+]|and|or|to|thru|through)\s{{0,3}})"
    r"(?P<sequence>\d{1,4})(?=\s{0,3}(?:\Z|[,;&+.)]|and\b|or\b|to\b|thru\b|through\b))",
    re.IGNORECASE,
)
"""Several numbers of one section, which is written with the first alone: 051200-3 and 4."""

_REVISION: Final = re.compile(r"(?<=\d)[\s,(]{1,3}rev(?:ision)?\b[\s.:#]{0,3}(?:\d{1,2}|[a-z])\)?\s*\Z", re.IGNORECASE)
_WITH_FRACTION: Final = re.compile(r"\s*(\d{1,9})[.,]0+\s*")
"""A whole number as programs write one that they take for a measure."""

SHORTEST_SECTION: Final = 5
"""Digits of a section from which on a number may be written without its dash: 111 could be 1-11 and 11-1."""

MOST_OF_SECTION: Final = 10
"""Numbers of one section that are read in a list; more are none that a person types."""

MAX_WORDS: Final = 3
"""Words of a text that ACC is asked for one after the other, until one of them brings few enough rows."""

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
    text = unwrap_address(text)
    if _is_url(text):
        project = _project_in(_autodesk_url(text))
        if project is None:
            raise NotAReference
        return ParsedReference(id=project)
    id_ = parse_id(re.sub(r"\Ab\.", "", text, flags=re.IGNORECASE)) or _id_among(text)
    return ParsedReference(id=id_) if id_ is not None else ParsedReference(words=text)


def submittal_reference(text: str) -> ParsedReference:
    """Read an item UUID, a pasted URL of a submittal, or the number or title that people see.

    Raises:
        NotAReference: A URL of another host, or without a submittal.
    """
    text = unwrap_address(text)
    if _is_url(text):
        url = _autodesk_url(text)
        item = _ITEM_IN_PATH.search(url.path)
        named = item.group(1) if item else _item_in_query(url)
        if named is None:
            raise NotAReference
        return ParsedReference(id=named.lower(), project_id=_project_in(url))
    id_ = parse_id(text)
    id_ = _id_among(text) if id_ is None and not text.casefold().startswith("b.") else id_
    return ParsedReference(id=id_) if id_ is not None else ParsedReference(words=with_numbers_joined(text))


def with_numbers_joined(words: str) -> str:
    """Return a text with each number in one piece: section and sequence said apart, several numbers of one section.

    A revision goes where only a number is left; behind the number of a section it does not matter.
    """
    for said in _SAID_APART:
        words = said.sub(r"\g<spec>-\g<sequence>", words)
    for _ in range(MOST_OF_SECTION):
        before, words = words, _NEXT_OF_SECTION.sub(r"\g<first>\g<spec>-\g<sequence>", words)
        if words == before:
            break
    bare = _REVISION.sub("", words)
    left = NameWords.of(bare).significant
    return bare if len(left) == 1 and left[0].isdigit() else words


def parse_id(text: str) -> str | None:
    """Return the UUID that a text is, in lower case; None for any other text.

    It may have any kind of dash or none, be a URN, stand in quotes and brackets, or have the word for it before.
    """
    for reading in path_readings(_plain_dashes(text)):
        plain = unwrap(_WORD_BEFORE_ID.sub("", reading))
        if _ID.fullmatch(plain):
            return str(uuid.UUID(plain))
    return None


def is_id(text: str, known: str) -> bool:
    """Whether a text is an id of ACC's, in any case and with whatever stands around it."""
    return known.casefold() in (*map(str.casefold, path_readings(text)), parse_id(text))


def _id_among(words: str) -> str | None:
    """Return the one UUID among the words of a text; None where there is none, or more than one."""
    found = {one.lower() for one in _ID_IN_WORDS.findall(_plain_dashes(words))}
    return str(uuid.UUID(found.pop())) if len(found) == 1 else None


def _plain_dashes(text: str) -> str:
    return re.sub("[\u2010-\u2015\u2212\ufe63\uff0d]", "-", text)


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


def without_section_words(text: str) -> str:
    """Return a text without the words by which people introduce the number of a section."""
    return _BEFORE_SECTION.sub("", text)


def normalize(text: str) -> str:
    """Return the form in which two ways of writing a number or a title are equal: no case, dashes, dots or blanks."""
    return _SEPARATORS.sub("", name_key(text))


def search_terms(words: str) -> list[str]:
    """Return what to search ACC for, best first: the specification section of a number, and the text as written.

    ACC searches running numbers, titles and specification identifiers, not the number people see (fact sheet 2.3). It
    finds parts of a text, so a section that is written with blanks is looked for without them too.
    """
    return list(dict.fromkeys([*section_terms(words), words]))


def section_terms(words: str) -> list[str]:
    """Return the spellings of the specification section that a text names, alone or in a number; none without one."""
    found = _SECTION.search(words)
    if found is None:
        return []
    spec = found["spec"].strip()
    bare = _PAIRS.sub(r"\1\2\3", re.sub(r"\s", "", spec))
    return list(dict.fromkeys([bare, spec]))


def with_section_joined(words: str) -> str:
    """Return a text with the section that it names in one word, however its pairs are spaced."""
    terms = section_terms(words)
    return words.replace(terms[-1], terms[0], 1) if terms else words


def word_terms(words: str) -> list[str]:
    """Return words to search ACC for, each of which every title that fits holds; ASCII first, then the longest.

    Letters beyond ASCII stay as they are typed: whether ACC's search knows their other case is not documented.
    """
    typed = {one.casefold(): one for one in _WORD.findall(unicodedata.normalize("NFKC", clean(words)))}
    significant = [word for word in NameWords.of(words).significant if not word.isdigit()]
    terms = {root(word) if typed.get(word, word).isascii() else typed.get(word, word) for word in significant}
    long = (one for one in terms if len(one) >= SHORTEST_PART)
    return sorted(long, key=lambda one: (not one.isascii(), -len(one), one))[:MAX_WORDS]


def may_hold_number(words: str) -> bool:
    """Whether a text may be the number of a row, which ACC does not search for: "12", "A-12", "A-12 rails".

    A section's number is not meant, whose section ACC finds.
    """
    text = NameWords.of(words)
    if section_terms(words) or not any(any(letter.isdigit() for letter in word) for word in text.words):
        return False
    tied = [place for place, gap in enumerate(text.gaps) if gap == "tied"]
    near = [word for place in tied for word in text.words[place - 1 : place + 1]]
    return not word_terms(words) or any(any(letter.isdigit() for letter in word) for word in near)


def match_quality(words: str, number: str, title: str) -> Literal["exact", "near"] | None:
    """Return how well a user's `words` match a submittal's number and title.

    Near is: the number with other words beside it or with other zeros, the section of the number alone, or words that
    are all in the title. A number is not near to another that merely begins like it: 051200-1 never means 051200-10.
    """
    text = NameWords.of(words)
    if not text.words:
        return None
    whole = _WITH_FRACTION.fullmatch(words)
    if whole is not None and text.words != NameWords.of(number).words:
        return "near" if match_quality(whole[1], number, title) else None
    beside = text.around_number(number)
    if text.is_called(title) or _is_number(text, number, beside):
        return "exact"
    if beside is not None and (not beside or _has_section(number) or all_found(beside, title)):
        return "near"
    section, sequence = section_and_sequence(number)
    said = "".join(text.significant)
    if said == section and not _NUMBER_WITH_SPEC.fullmatch(words):
        return "near"
    # A spreadsheet and JSON take the zero in front of a number in one piece away.
    if len(section) >= SHORTEST_SECTION and len(text.significant) == 1 and root(said) == root(section + sequence):
        return "near"
    return "near" if all_found(text.significant, title) else None


def fitting(words: str, rows: Sequence[tuple[str, str]]) -> tuple[Literal["exact", "near"] | None, list[int]]:
    """Return which of the `rows` (number, title) may be meant, by their places, and how well they fit.

    Those that are called so, of which one that is written so to the letter is the only one; else all that the words
    fit. Where other words stand beside a number, and only the titles of other rows hold them, those may be meant too.
    """
    fits = {place: match_quality(words, *row) for place, row in enumerate(rows)}
    exact = [place for place, quality in fits.items() if quality == "exact"]
    literal = [place for place in exact if words.strip().casefold() in map(str.casefold, rows[place])]
    if exact:
        return "exact", literal if len(literal) == 1 else exact
    near = _singled_out(words, rows, [place for place, quality in fits.items() if quality == "near"])
    beside = {_unheld(words, *rows[place]) for place in near} - {()}
    others = [place for place in fits if place not in near and any(all_found(one, rows[place][1]) for one in beside)]
    return ("near", near + others) if near else (None, [])


def _singled_out(words: str, rows: Sequence[tuple[str, str]], near: Sequence[int]) -> list[int]:
    """Return the places of rows without those that only share their number with one whose title is beside it."""
    text = NameWords.of(words)
    beside = {place: text.around_number(rows[place][0]) for place in near}
    by_number = [place for place in near if beside[place]]
    named = {place for place in by_number if all_found(beside[place] or (), rows[place][1])}
    numbers = {normalize(rows[place][0]) for place in named}
    return [one for one in near if one in named or one not in by_number or normalize(rows[one][0]) not in numbers]


def _unheld(words: str, number: str, title: str) -> tuple[str, ...]:
    """Return the words beside a number where the row's title does not hold them."""
    beside = NameWords.of(words).around_number(number) or ()
    return () if all_found(beside, title) else beside


def _is_number(text: NameWords, number: str, beside: tuple[str, ...] | None) -> bool:
    """Whether a text is a number with the same zeros, and nothing else; a long one may be written without its dash."""
    words, spelt = text.significant, "".join(NameWords.of(number).words)
    in_one = len(words) == 1 and len(section_and_sequence(number)[0]) >= SHORTEST_SECTION
    return "".join(words) == spelt and (beside == () or in_one)


def _has_section(number: str) -> bool:
    return bool(section_and_sequence(number)[0])


def section_and_sequence(number: str) -> tuple[str, str]:
    """Return the section of a submittal's number, "" without one, and what follows its last dash, without zeros."""
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
    if "\\" in text or "@" in url.netloc or not (host in _LOOPBACK or AUTODESK_HOST.fullmatch(host)):
        raise NotAReference
    return url


def _project_in(url: SplitResult) -> str | None:
    found = _PROJECT_IN_PATH.search(url.path)
    ids = [found.group(1)] if found else _query(url).get("projectId", [])
    bare = [one.lower().removeprefix("b.") for one in ids]
    return next((one for one in bare if _IS_UUID.fullmatch(one)), None)


def _urn_in(text: str, wanted: re.Pattern[str], name: str) -> str:
    text = unwrap_address(text)
    if not _is_url(text):
        urns = set(wanted.findall(unquote(text)))
        return urns.pop() if len(urns) == 1 else text
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
