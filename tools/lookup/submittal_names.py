"""Finds a submittal by what people call it: reads no more rows of ACC than it takes to know which ones are meant."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from acc.client import AccClient
from acc.models.base import ResultPage
from acc.models.submittals import Item
from acc.pagination import PAGE_LIMIT
from tools.core.presenters import ATTACH
from tools.core.results import Candidate
from tools.errors.exceptions import MAX_CANDIDATES, AmbiguousReference, RetryHint, SubmittalNotFound
from tools.lookup.projects import TtlCache
from tools.lookup.references import closest, fitting, may_hold_number, normalize, section_terms, word_terms
from transfers.concurrency import gather_all

SEARCHED: Final = 500
"""Rows looked through of one list: more take longer than a caller waits."""

REGISTER_SEARCHED: Final = 2000
"""Rows looked through of a whole register, which several requests at a time read; each has some kilobytes."""

REGISTERS_KEPT: Final = 8

PAGES_AT_ONCE: Final = 8

NEWEST_FIRST: Final = "identifier desc"


class SubmittalNames:
    """Rows of registers by number and title; a register that was read to its end is kept for a minute."""

    def __init__(self, acc: AccClient) -> None:
        self._acc = acc
        self._registers = TtlCache[Mapping[str, _NamedRow]](most=REGISTERS_KEPT)

    async def find(self, project_id: str, words: str, *, fresh: bool = False) -> tuple[str, bool]:
        """Return the id of the submittal that is called so, else of the only one that the words fit; and which it is.

        What fits is known once all rows have been seen that hold one of the words: only then is one of them taken.
        Unless `fresh`, a register that was read within a minute may be used.

        Raises:
            AmbiguousReference: Several fit, or not all rows could be looked through.
            SubmittalNotFound: None does.
            AccError: ACC refused or is away.
        """
        seen: dict[str, _NamedRow] = {}
        unread = False
        for search in _searches(words) if normalize(words) else ():
            if search.whole:
                complete = await self._read_register(project_id, search, seen, fresh=fresh)
            else:
                complete = await self._read_rows(project_id, search.query, seen)
            unread = unread or (search.whole and not complete)
            if search.hints:
                continue
            rows = list(seen.values())
            quality, places = fitting(words, [(row.number, row.title) for row in rows])
            found = [rows[place] for place in places]
            if quality == "exact" and (complete or not search.whole):
                return _only(found).id, True
            if found and search.decides and (complete or search.last):
                return _only(found, complete=complete).id, False
        if not seen:
            await self._read_rows(project_id, {"sort": NEWEST_FIRST}, seen)
        raise submittal_not_found(_closest(words, list(seen.values())), unread=unread)

    async def _read_rows(self, project_id: str, query: Mapping[str, Any], seen: "dict[str, _NamedRow]") -> bool:
        """Add the rows of a list to those `seen`, and return whether those are all rows of it."""
        read = 0
        async for item in self._acc.submittals.all_items(project_id, **query):
            seen[item.id] = _NamedRow.of(item)
            read += 1
            if read == SEARCHED:
                return False
        return True

    async def _read_register(
        self, project_id: str, search: "_Search", seen: "dict[str, _NamedRow]", *, fresh: bool
    ) -> bool:
        """Do the same for a whole register, several pages at a time; one that was read to its end is kept."""
        name = (await self._acc.owner_key(), project_id, repr(search.query))
        kept = None if fresh else self._registers.get(*name)
        if kept is not None:
            seen.update(kept)
            return True

        async def read(offset: int) -> ResultPage[Item]:
            return await self._acc.submittals.items(project_id, limit=PAGE_LIMIT, offset=offset, **search.query)

        first = await read(0)
        total, size = first.pagination.total_results, len(first.results)
        if total is None:
            return await self._read_rows(project_id, search.query, seen)
        pages = [first]
        offsets = range(size, min(total, REGISTER_SEARCHED), size) if size else ()
        for start in range(0, len(offsets), PAGES_AT_ONCE):
            pages += await gather_all([read(offset) for offset in offsets[start : start + PAGES_AT_ONCE]])
        rows = {item.id: _NamedRow.of(item) for page in pages for item in page.results}
        seen.update(rows)
        # Rows that come or go while others are read move those after them: then one may be missing.
        complete = len(rows) >= total
        if complete and await self._acc.owner_key() == name[0]:
            self._registers.keep(rows, *name)
        return complete


@dataclass(frozen=True)
class _NamedRow:
    """What a submittal is called, and what tells candidates apart."""

    id: str
    number: str
    title: str
    state: str | None
    may_attach: bool

    @classmethod
    def of(cls, item: Item) -> Self:
        return cls(item.id, item.number, item.title, item.state_id, item.permitted(ATTACH) is not None)

    @property
    def candidate(self) -> Candidate:
        return Candidate(id=self.id, number=self.number, title=self.title, state=self.state)


@dataclass(frozen=True)
class _Search:
    """A way to list rows that may be meant; `decides`: it lists all that fit. `last`: no other would list fewer.

    `whole`: it lists the register, so that what was found is the only one where that was read to its end. `hints`: what
    it lists are candidates at most.
    """

    query: Mapping[str, Any]
    decides: bool = True
    last: bool = False
    whole: bool = False
    hints: bool = False


def _searches(words: str) -> Iterator[_Search]:
    """Yield ways to list the rows that may be meant, cheapest first; void items are listed only when asked for.

    ACC finds titles and sections, and not the numbers that people see. Where a text may be such a number, what is found
    in titles alone decides nothing: a row of that number may be meant.
    """
    void = {"filters": {"stateId": "void"}}
    register = _Search({"sort": NEWEST_FIRST}, last=True, whole=True)
    if may_hold_number(words):
        for term in (words, *word_terms(words)[:1]):
            yield _Search({"search": term}, hints=True)
        yield register
        yield _Search({**void, "sort": NEWEST_FIRST}, last=True, whole=True)
        return
    for filters in ({}, void):
        for term in section_terms(words):
            yield _Search({"search": term, **filters}, last=True)
        terms = word_terms(words)
        # As written only a part of a title is found, in that order of its words.
        yield _Search({"search": words, **filters}, decides=not terms, last=not terms)
        for term in terms:
            yield _Search({"search": term, **filters}, last=term == terms[-1])
    if any(letter.isdigit() for letter in words):
        yield register


def _only(found: Sequence[_NamedRow], *, complete: bool = True) -> _NamedRow:
    """Return the one that was found; where the list was not read to its end, it may not be the only one."""
    if len(found) == 1 and complete:
        return found[0]
    rows = sorted(found, key=lambda row: (not row.may_attach, row.number, row.id))
    raise AmbiguousReference(
        f"{how_many(len(rows), 'submittals', complete=complete)} these words.",
        "Call {tool} again with the id of one of the candidates, or with more of the number or title.",
        "Write the id of one of the candidates.",
        candidates=[row.candidate for row in rows],
        again=RetryHint(needs=["submittal"]),
    )


def how_many(count: int, what: str, *, complete: bool = True) -> str:
    """Say how many things fit, and how many of them are named."""
    if count == 1 and not complete:
        return f"Not all {what} could be looked through; one of those that were fits"
    all_of_them = f"{count} {what}" if complete else f"At least {count} {what}"
    return f"The first {MAX_CANDIDATES} of {all_of_them} that fit" if count > MAX_CANDIDATES else f"{all_of_them} fit"


def _closest(words: str, rows: Sequence[_NamedRow]) -> list[Candidate]:
    places = closest(words, [f"{row.number} {row.title}" for row in rows])
    return [rows[place].candidate for place in places]


def submittal_not_found(near: Sequence[Candidate] = (), *, unread: bool = False) -> SubmittalNotFound:
    """Return the error of words that fit no submittal, with those that come closest; `unread` where some were not read.

    ACC can be asked for titles and sections, not for the numbers that people see.
    """
    if unread:
        return SubmittalNotFound(
            f"No submittal of that number among the newest {REGISTER_SEARCHED:,}, and none of that title.",
            "Ask the person for words of its title, its spec section or its address in ACC: older numbers cannot be "
            "searched for.",
            "Give words of its title, or its address in ACC: older numbers cannot be searched for.",
            candidates=near,
        )
    return SubmittalNotFound(
        "No submittal of that id, number or title in this project, or this person may not see it.",
        f"{'Ask the person about the candidates, which come closest, or look' if near else 'Look'} for it with "
        "find_submittals, or ask the person for its number. Only a submittals manager sees drafts.",
        "Check its number or title; drafts are shown to managers only.",
        candidates=near,
    )
