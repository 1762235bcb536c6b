"""Pure matching of file names against a project's submittals: by number, by spec section and words, or by title.

Offices put the number of a submittal in front of a file's name, or its section of the specification, or its title, and
beside it dates, revisions, heat numbers and the counters of cameras, which look like numbers too. A name fits only the
one submittal that it singles out; any other match is reported as `several`, `uncertain` or `none`, and never chosen.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from tools.lookup.file_name_words import (
    COPIES,
    INTRODUCTIONS,
    LITTLE_WORDS,
    OUTDATED,
    PLACES,
    RANGE_WORDS,
    REFERRING,
    SECTION_WORDS,
    SUBMITTAL_WORDS,
    NameWord,
    content_words,
    could_be_a_date,
    is_camera_name,
    is_measured,
    is_year,
    labels_in,
    masked_places,
    section_key,
    split_words,
    unzeroed,
    words_of,
)
from tools.lookup.references import SHORTEST_PART, SHORTEST_SECTION, normalize, root, section_and_sequence
from transfers.files.names import is_temporary

MatchedBy = Literal["number", "spec_section", "title"]
MatchFailure = Literal["none", "several", "uncertain", "temporary"]

LONGEST_SEQUENCE: Final = 4
"""Digits of the running number in a section; longer ones are something else."""

FEWEST_WORDS: Final = 2
"""Words of a title that a name needs at least to mean it, places apart, unless it holds all of them."""

_BETWEEN_DIGITS: Final = re.compile(r"(?<=\d) (?=\d)")
_ZEROS: Final = re.compile(r"(?<=[a-z])0+(?=\d)")


@dataclass(frozen=True)
class RegisterRow:
    """A submittal as a register shows it; `section` is its section of the specification, `revision` its present one."""

    id: str
    number: str
    title: str
    section: str = ""
    spec_title: str = ""
    revision: int = 0


@dataclass(frozen=True)
class FileMatch:
    """The one `row` that a name means, and by what it is `matched_by`; else the `failure`, and which rows could be.

    It is `uncertain` where one could be, and the name does not say so for certain.
    """

    row: RegisterRow | None = None
    matched_by: MatchedBy | None = None
    failure: MatchFailure | None = None
    candidates: tuple[RegisterRow, ...] = ()


NO_MATCH: Final = FileMatch(failure="none")


@dataclass(frozen=True)
class _Span:
    """Words from `start` to `end` that spell a section, with its sequence if there is one."""

    start: int
    end: int
    section: str
    sequence: str | None = None


class SubmittalRegister:
    """The submittals of a project, prepared for matching many names."""

    def __init__(self, rows: Iterable[RegisterRow]) -> None:
        self._rows = tuple(rows)
        self._sections: defaultdict[str, list[RegisterRow]] = defaultdict(list)
        self._numbers: defaultdict[tuple[str, str], list[RegisterRow]] = defaultdict(list)
        self._short: defaultdict[str, list[RegisterRow]] = defaultdict(list)
        self._words: defaultdict[str, set[int]] = defaultdict(set)
        self._titles: list[_Title] = []
        for place, row in enumerate(self._rows):
            section, sequence = _number_parts(row.number)
            if section:
                self._numbers[section, sequence].append(row)
            elif sequence:
                self._short[sequence].append(row)
            for one in {section, _section(row.section)} - {""}:
                self._sections[one].append(row)
            title = _Title.of(row)
            self._titles.append(title)
            for word in title.all_words:
                self._words[word].add(place)
        self._vocabulary = sorted(self._words)
        self._places = {id(row): place for place, row in enumerate(self._rows)}

    def match(self, name: str) -> FileMatch:
        """Return the submittal that a file's name means, or why there is none."""
        found = self._match(name)
        return replace(found, failure="uncertain") if found.failure and len(found.candidates) == 1 else found

    def _match(self, name: str) -> FileMatch:
        if is_temporary(name) or name.startswith("."):
            return FileMatch(failure="temporary")
        words = words_of(name)
        if is_camera_name(name) or not words:
            return NO_MATCH
        masked = masked_places(words)
        numbers = list(self._spelt_numbers(words, masked))
        if numbers:
            return self._by_number(words, masked, numbers)
        sections = list(self._spelt_sections(words, masked))
        if sections:
            return self._by_section(words, masked, sections)
        if _has_unknown_section(words, masked):
            return NO_MATCH
        content, kinds = content_words(words, masked)
        short = self._by_short_number(words, masked)
        return short if short is not None else self._by_title(content, kinds, labels_in(words, masked))

    def _by_number(self, words: Sequence[NameWord], masked: set[int], spans: Sequence[_Span]) -> FileMatch:
        found = _distinct(row for span in spans for row in self._numbers[span.section, span.sequence or ""])
        used = {place for span in spans for place in range(span.start, span.end)}
        others = [span for span in self._spelt_sections(words, masked | used) if span.section != spans[0].section]
        others += [span for span in self._spelt_sections(words, masked | used) if span.sequence is not None]
        seconds = [(span.section, second) for span in spans if (second := _second_sequence(words, span.end))]
        if len(found) > 1 or others or seconds:
            more = [row for span in others for row in self._sections[span.section]]
            more += [row for second in seconds for row in self._numbers[second]]
            return FileMatch(failure="several", candidates=_distinct([*found, *more]))
        content, _ = content_words(words, masked | used)
        [row] = found
        # Where other words stand beside the number, and only the titles of others hold them, those may be meant.
        # A bare number beside it counts sheets or copies, and speaks for no title.
        told = any(not word.isdecimal() for word in content)
        meant = self._meant_beside(row, spans[0].section, content) if told else []
        labels = labels_in(words, masked | used)
        otherwise = self._is_labelled_otherwise(row, labels)
        if otherwise:
            meant += [one for one in self._sections[spans[0].section] if labels & self._title(one).labels]
        outdated = [word for word in content if word in OUTDATED]
        if meant or otherwise or not self._holds(row, outdated):
            return FileMatch(failure="several", candidates=_distinct([row, *meant]))
        if not all(_is_introduced(words, masked, span.start) or self._bears_out(row, words, masked | used)
                   for span in spans) or any(_is_referred_to(words, span.start) for span in spans):  # fmt: skip
            return FileMatch(failure="several", candidates=found)
        return FileMatch(row, "number")

    def _bears_out(self, row: RegisterRow, words: Sequence[NameWord], masked: set[int]) -> bool:
        """Whether a word of the name, or the kind of document that it names, is one of the row's title."""
        content, kinds = content_words(words, masked)
        told = [word for word in content if not word.isdecimal() and len(word) > 1]
        return bool(kinds & self._title(row).kinds) or any(self._holds(row, [word]) for word in told)

    def _is_labelled_otherwise(self, row: RegisterRow, labels: Collection[tuple[str, str]]) -> bool:
        """Whether the title has another number or letter after a word of the name: level 2 where that says level 3."""
        own = self._title(row).labels
        labelled = {word for word, _ in own}
        return any(label not in own and label[0] in labelled for label in labels)

    def _meant_beside(self, row: RegisterRow, section: str, content: Sequence[str]) -> list[RegisterRow]:
        """Return the rows that the words beside a number mean, where its own `row` does not hold them.

        They hold all of the words, or, of the same section, all that any title has, if these are several.
        """
        known = [word for word in content if self._places_of(word)]
        if self._holds(row, known):
            return []
        told = len(known) >= FEWEST_WORDS and not all(word.isdecimal() for word in known)
        alike = [one for one in self._sections[section] if told and self._holds(one, known)]
        return [*self._holding(content), *alike]

    def _by_section(self, words: Sequence[NameWord], masked: set[int], spans: Sequence[_Span]) -> FileMatch:
        rows = _distinct(row for span in spans for row in self._sections[span.section])
        if len({span.section for span in spans}) > 1:
            return FileMatch(failure="several", candidates=rows)
        if any(span.sequence is not None for span in spans):
            # Another number of the section, which the register has not, or a count of something.
            counted = [row for span in spans for row in self._numbers[span.section, span.sequence or ""]]
            likely = [row for row in counted if self._bears_out(row, words, masked)]
            return FileMatch(failure="several", candidates=_distinct(likely)) if likely else NO_MATCH
        content, kinds = content_words(
            words, masked | {place for span in spans for place in range(span.start, span.end)}
        )
        if not content and any(could_be_a_date(words[span.start : span.end]) for span in spans):
            return FileMatch(failure="several", candidates=rows) if len(rows) > 1 else NO_MATCH
        return self._single(
            [row for row in rows if self._holds(row, content)], kinds, "spec_section", labels=labels_in(words, masked)
        )

    def _by_short_number(self, words: Sequence[NameWord], masked: set[int]) -> FileMatch | None:
        """Match a number without a section: in front, and introduced or beside words that are those of its title."""
        start = next((place for place, word in enumerate(words) if place not in masked), None)
        if start is None or any(word.text in COPIES for word in words[:start]):
            return None  # Transmittal 12 counts transmittals
        for end in range(min(start + 3, len(words)), start, -1):
            spelt = _short_key(words[start:end])
            if spelt in self._short and _is_short_number(words, masked, start, end) and not is_measured(words, end):
                return self._of_short_number(self._short[spelt], words, masked, start, end)
        return None

    def _of_short_number(
        self, rows: Sequence[RegisterRow], words: Sequence[NameWord], masked: set[int], start: int, end: int
    ) -> FileMatch:
        beside = masked | set(range(start, end))
        content, _ = content_words(words, beside)
        borne_out = [row for row in rows if any(self._holds(row, [word]) for word in content)]
        introductions = _introductions(words, start)
        introduced = bool(introductions & SUBMITTAL_WORDS) and not introductions & SECTION_WORDS
        found = _distinct(rows if introduced else borne_out)
        otherwise = any(self._is_labelled_otherwise(row, labels_in(words[end:])) for row in found)
        second = _second_sequence(words, end)
        if introduced and end < len(words) and end not in masked and words[end].is_near and words[end].is_number:
            second = second or unzeroed(words[end].text)
        if len(rows) > 1 or otherwise or second:
            return FileMatch(failure="several", candidates=_distinct([*rows, *self._short[second]]))
        meant = self._holding(content)
        if meant and found and not any(self._holds(row, content) for row in found):
            return FileMatch(failure="several", candidates=_distinct([*found, *meant]))
        others = self._holding([*content, *(word.text for word in words[start:end])])
        if any(row not in rows for row in others):
            return FileMatch(failure="several", candidates=_distinct([*rows, *others]))
        if found and not introduced and not self._is_told(found[0], words, beside, start, end):
            return FileMatch(failure="several", candidates=found)
        return FileMatch(found[0], "number") if found else NO_MATCH

    def _is_told(self, row: RegisterRow, words: Sequence[NameWord], beside: set[int], start: int, end: int) -> bool:
        """Whether all words beside a number without a section are of its title: "#3 rebar" is a bar, "2 mats" are mats.

        Unless the number is set apart from them, they have to mean the title without it, too.
        """
        content, kinds = content_words(words, beside)
        introductions = _introductions(words, start)
        if not self._holds(row, content) or introductions & SECTION_WORDS:
            return False
        plain = end - start == 1 and words[start].is_number
        after = words[end] if end < len(words) else None
        apart = after is not None and after.has_dash and " " in after.gap
        if plain and (words[start].text.startswith("0") or apart):
            return True
        numbered = "#" in words[start].gap or bool(introductions)
        enough = FEWEST_WORDS if numbered else min(FEWEST_WORDS, self._title(row).length)
        if plain and (len(content) + len(kinds) < enough or not self._goes_on(row, words, beside, end)):
            return False
        return "." in _short_key(words[start:end]) or self._by_title(content, kinds, labels_in(words[end:])).row is row

    def _goes_on(self, row: RegisterRow, words: Sequence[NameWord], masked: set[int], place: int) -> bool:
        """Whether the word after a number is one of the title: a count has what is counted there."""
        return place < len(words) and place not in masked and self._bears_out(row, [words[place]], set())

    def _by_title(
        self, content: Sequence[str], kinds: frozenset[str], labels: Collection[tuple[str, str]]
    ) -> FileMatch:
        if all(word.isdecimal() for word in content):
            return NO_MATCH
        rows = self._holding(content)
        match = self._single(rows, kinds, "title", content, labels)
        if match.row is None:
            return match
        title = self._title(match.row)
        covered = {own for own in title.content if any(_stands_for(word, own) for word in content)}
        telling = [word for word in content if word not in PLACES and not word.isdecimal()]
        enough = len(telling) >= FEWEST_WORDS and 2 * len(covered) >= len(title.content)
        return match if enough or covered == set(title.content) else NO_MATCH

    def _single(
        self,
        rows: Sequence[RegisterRow],
        kinds: frozenset[str],
        by: MatchedBy,
        content: Sequence[str] = (),
        labels: Collection[tuple[str, str]] = (),
    ) -> FileMatch:
        """Return the only one of the `rows`, or the only one that is of the document's kind or is called just so."""
        rows = [row for row in rows if not self._is_labelled_otherwise(row, labels)]
        fitting = [row for row in rows if not kinds or not self._title(row).kinds or kinds & self._title(row).kinds]
        if len(fitting) > 1:
            same = [row for row in fitting if kinds and kinds & self._title(row).kinds]
            called = [row for row in fitting if content and self._title(row).is_just(content, kinds)]
            fitting = next((some for some in (same, called) if len(some) == 1), fitting)
        if len(fitting) == 1:
            return FileMatch(fitting[0], by)
        return FileMatch(failure="several", candidates=_distinct(fitting)) if fitting else NO_MATCH

    def _spelt_numbers(self, words: Sequence[NameWord], masked: set[int]) -> Iterator[_Span]:
        for span in self._spelt_sections(words, masked):
            if span.sequence is not None and (span.section, span.sequence) in self._numbers:
                rows = self._numbers[span.section, span.sequence]
                if self._ends_well(words, masked, span, rows):
                    yield span

    def _ends_well(self, words: Sequence[NameWord], masked: set[int], span: _Span, rows: Sequence[RegisterRow]) -> bool:
        """Whether a number does not go on, and is no section with a count of something after it."""
        after = words[span.end] if span.end < len(words) and span.end not in masked else None
        sequence = words[span.end - 1]
        if after is not None and after.is_number and after.is_near:
            # As in 051200-3-1 and 05 12 00 - 3 - 04, and not in 033100-1 5000 psi.
            more = len(after.text) <= 2 and (after.text.startswith("0") or span.end == len(words) - 1)
            if " " not in after.gap or (more and (after.has_dash or " " in sequence.gap)):
                return all(unzeroed(after.text) == str(row.revision) for row in rows)
        # "03 30 00 - 2 week lookahead" is no second submittal, "03 30 00 - 2 - mix" is.
        stands_apart = sequence.has_dash and (after is None or after.gap.strip(" ") != "")
        if " " in sequence.gap and not sequence.text.startswith("0") and not stands_apart:
            # The words have to mean the same submittal of the section: "03 20 00 #3 rebar" tells a bar.
            content, kinds = content_words(words, masked | set(range(span.start, span.end)))
            held = [row for row in self._sections[span.section] if self._holds(row, content)]
            meant = self._single(held, kinds, "spec_section", labels=labels_in(words[span.end :])).row
            return any(row is meant and self._goes_on(row, words, masked, span.end) for row in rows)
        return not is_measured(words, span.end)

    def _spelt_sections(self, words: Sequence[NameWord], masked: set[int]) -> Iterator[_Span]:
        """Yield where the name spells a section of the register, with the sequence that follows it."""
        place = 0
        while place < len(words):
            span = self._section_at(words, masked, place)
            if span is None:
                place += 1
            else:
                yield span
                place = span.end

    def _section_at(self, words: Sequence[NameWord], masked: set[int], start: int) -> _Span | None:
        spelt = ""
        found: _Span | None = None
        for end in range(start, min(start + 5, len(words))):
            word = words[end]
            if end in masked or not word.is_number or (end > start and not word.is_near):
                break
            if len(spelt) > SHORTEST_SECTION and word.has_dash:
                break  # what follows a whole section and a dash is a sequence
            spelt += word.text
            # 51200 and 5 12 00 lack a zero; 5120 0 and 210 500 are cut where no section is.
            whole = end == start or _is_cut_well(words[start : end + 1])
            if whole and len(spelt) >= SHORTEST_SECTION and (key := section_key(spelt)) in self._sections:
                found = _Span(start, end + 1, key)
        if found is None or not _begins_well(words, masked, found):
            return None
        if found.end < len(words) and found.end not in masked:
            after = words[found.end]
            if after.is_number and after.gap == "." and len(after.text) == 2 and not after.text.startswith("0"):
                return None  # 05 12 00.13 is a section of its own
            if after.is_number and after.is_near and len(after.text) <= LONGEST_SEQUENCE:
                sequence = unzeroed(after.text)
                counts = after.gap.strip(" ") != "" or after.text.startswith("0")
                if counts or (found.section, sequence) in self._numbers:
                    return _Span(found.start, found.end + 1, found.section, sequence)
        return found

    def _holding(self, content: Sequence[str]) -> list[RegisterRow]:
        """Return the rows whose titles hold all the words."""
        places: set[int] | None = None
        for word in content:
            found = self._places_of(word)
            places = found if places is None else places & found
            if not places:
                return []
        return [self._rows[place] for place in sorted(places or ())]

    def _places_of(self, word: str) -> set[int]:
        key = root(word)
        found = set(self._words.get(key, ()))
        if len(key) >= SHORTEST_PART and not key.isdecimal():
            for place in range(bisect_left(self._vocabulary, key), len(self._vocabulary)):
                if not self._vocabulary[place].startswith(key):
                    break
                found |= self._words[self._vocabulary[place]]
        return found

    def _holds(self, row: RegisterRow, content: Sequence[str]) -> bool:
        words = self._title(row).all_words
        return all(any(_stands_for(word, own) for own in words) for word in content)

    def _title(self, row: RegisterRow) -> "_Title":
        return self._titles[self._places[id(row)]]


@dataclass(frozen=True)
class _Title:
    """The words of a submittal's title as roots: those that tell it from others, its kinds of document, and all."""

    content: tuple[str, ...]
    kinds: frozenset[str]
    all_words: frozenset[str]
    labels: frozenset[tuple[str, str]]

    @property
    def length(self) -> int:
        """How many words and kinds of document tell the title."""
        return len(self.content) + len(self.kinds)

    def is_just(self, content: Sequence[str], kinds: frozenset[str]) -> bool:
        """Whether a name says these words and kinds of document, and the title no other."""
        return set(self.content) == set(content) and self.kinds == kinds

    @classmethod
    def of(cls, row: RegisterRow) -> "_Title":
        words = split_words(row.title)
        content, kinds = content_words(words, set())
        spec = [word.text for word in split_words(row.spec_title)]
        every = {root(word) for word in (*(word.text for word in words), *spec)}
        return cls(tuple(root(word) for word in content), kinds, frozenset(every), frozenset(labels_in(words)))


def _is_cut_well(words: Sequence[NameWord]) -> bool:
    """Whether words are the pairs of digits of a section, or several of them; the first may lack its zero."""
    lengths = [len(word.text) for word in words]
    return (lengths[0] == 1 or lengths[0] % 2 == 0) and all(length % 2 == 0 for length in lengths[1:])


def _begins_well(words: Sequence[NameWord], masked: set[int], span: _Span) -> bool:
    """Whether neither other digits nor letters stand before a section that could belong to it: A-051200, 10 51200."""
    first = words[span.start]
    if first.is_glued:
        return False
    if span.start == 0 or span.start - 1 in masked:
        return "+" not in first.gap
    before = words[span.start - 1]
    if len(before.text) == 1 and not before.is_number:
        return not first.is_tied
    if not before.text[-1].isdecimal():
        return True
    in_one = span.end - span.start == 1
    return in_one and len(first.text) % 2 == 0 and not first.is_tied and "+" not in before.gap


def _is_introduced(words: Sequence[NameWord], masked: set[int], start: int) -> bool:
    """Whether nothing stands right before a number that could say of what it is the number, as in Factura 051200-3."""
    place = _last_telling(words, start)
    if place < 0 or place in masked:
        return True
    return words[place].is_number and (len(words[place].text) <= 2 or is_year(words[place].text))


def _introductions(words: Sequence[NameWord], start: int) -> set[str]:
    """Return the words right before a number that introduce it."""
    place = start
    while place > 0 and words[place - 1].text in INTRODUCTIONS:
        place -= 1
    return {word.text for word in words[place:start]}


def _is_referred_to(words: Sequence[NameWord], start: int) -> bool:
    place = _last_telling(words, start)
    return place >= 0 and words[place].text in REFERRING


def _last_telling(words: Sequence[NameWord], start: int) -> int:
    """Return the place of the last word before `start` that says something; -1 for none."""
    place = start - 1
    while place >= 0 and len(words[place].text) > 1 and words[place].text in LITTLE_WORDS | INTRODUCTIONS:
        place -= 1
    return place


def _is_short_number(words: Sequence[NameWord], masked: set[int], start: int, end: int) -> bool:
    """Whether words may be a number without a section: near each other, with a digit, and no part of more."""
    inside = words[start:end]
    if masked & set(range(start, end)) or not all(word.is_near for word in inside[1:]):
        return False
    after = words[end] if end < len(words) else None
    if after is not None and (after.is_measure or (after.is_tied and after.is_number)):
        return False
    return any(letter.isdecimal() for word in inside for letter in word.text)


def _second_sequence(words: Sequence[NameWord], place: int) -> str:
    """Return the sequence that follows a number: 4 in 051200-3 + 4 and 051200-3 al 4; "" for none."""
    joins = place < len(words) and (words[place].text in RANGE_WORDS or len(words[place].text) == 1)
    if joins and not words[place].is_number:
        after = words[place + 1] if place + 1 < len(words) else None
        follows = after is not None and after.is_number and not after.has_dash
    else:
        after = words[place] if place < len(words) else None
        follows = after is not None and after.is_number and after.is_listed
    return unzeroed(after.text) if after is not None and follows and len(after.text) <= LONGEST_SEQUENCE else ""


def _has_unknown_section(words: Sequence[NameWord], masked: set[int]) -> bool:
    """Whether a name seems to begin with a section or number that the register has not."""
    for place, word in enumerate(words):
        if place in masked or not word.is_number:
            continue
        if SHORTEST_SECTION <= len(word.text) <= 8:
            return True
        near = words[place : place + 3]
        pairs = len(near) == 3 and all(one.is_number and len(one.text) == 2 for one in near)
        if pairs and all(one.is_near for one in near[1:]) and not masked & {place + 1, place + 2}:
            return True
    return False


def _stands_for(word: str, own: str) -> bool:
    key = root(word)
    return key == own or (len(key) >= SHORTEST_PART and not key.isdecimal() and own.startswith(key))


def _number_parts(number: str) -> tuple[str, str]:
    """Return section and sequence of a number, without zeros in front; no section for one of another kind."""
    section, sequence = section_and_sequence(number)
    if section.isdecimal() and len(section) >= SHORTEST_SECTION and sequence.isdecimal():
        return section_key(section), sequence
    return "", _short_key(split_words(number))


def _section(text: str) -> str:
    digits = normalize(text)
    return section_key(digits) if digits.isdecimal() and len(digits) >= SHORTEST_SECTION else ""


def _short_key(words: Sequence[NameWord]) -> str:
    """Return a number without a section as one word: A-012 is a12, and 2.03 is 2.3, not the 23 of another."""
    texts = [unzeroed(word.text) for word in words]
    return _ZEROS.sub("", _BETWEEN_DIGITS.sub(".", " ".join(texts)).replace(" ", ""))


def _distinct(rows: Iterable[RegisterRow]) -> tuple[RegisterRow, ...]:
    return tuple({row.id: row for row in rows}.values())
