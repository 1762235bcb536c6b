"""Pure matching of what people type against numbers, titles and names: words in any order, numbers in any spelling.

A name fits only where all words of the text are found in it, or where the text holds the whole number. Close spellings
never fit; they rank what is offered in its place.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, Self

from tools.core.text_sanitizer import clean

NOISE: Final = frozenset(
    {"submittal", "submittals", "item", "items", "project", "projects", "job", "jobs", "file", "files", "folder"}
    | {"the", "number", "no", "nr"}
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
        """Take a text apart; case, width and what nobody sees do not count."""
        plain = unicodedata.normalize("NFKC", clean(text)).casefold()
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


def closest(text: str, names: Sequence[str], most: int) -> list[int]:
    """Return the places of the names that come closest to a text, the closest first."""
    scores = [(likeness(text, name), -place) for place, name in enumerate(names)]
    ranked = sorted((score for score in scores if score[0] >= CLOSE), reverse=True)
    return [-place for _, place in ranked[:most]]


def _stands_for(word: str, other: str) -> bool:
    is_part = len(word) >= SHORTEST_PART and not word.isdigit() and other.startswith(word)
    return word == other or is_part


def _is_spelt(parts: Sequence[str], words: Sequence[str]) -> bool:
    """Whether `words` put together in order are the `parts` of a number, but for zeros in front."""
    if not parts:
        return not words
    return any(
        root("".join(words[:end])) == root(parts[0]) and _is_spelt(parts[1:], words[end:])
        for end in _ends(words, len(parts))
    )


def _ends(words: Sequence[str], parts: int) -> Iterator[int]:
    """Yield how many words may make up the first of so many parts, each of which has one at least."""
    yield from range(1, len(words) - parts + 2)


def _ratio(one: str, other: str) -> float:
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= CLOSE / 2 else 0.0
