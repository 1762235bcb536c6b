"""Search of a project's submittals: ACC's filters, filters of our own, and paging."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self

from acc.models.base import ResultPage
from acc.models.submittals import Item, Spec
from acc.operations import Value
from acc.pagination import next_offset
from tools.core.ports import ProgressCallback
from tools.core.presenters import ATTACH
from tools.lookup.references import (
    NameWords,
    all_found,
    match_quality,
    may_hold_number,
    normalize,
    section_terms,
    with_section_joined,
    word_terms,
)
from transfers.concurrency import gather_all

if TYPE_CHECKING:
    from acc.submittals import SubmittalsService

LARGEST_PAGE: Final = 50
"""The largest page that ACC documents."""

LOOKED_THROUGH: Final = 500
"""Rows read in one call when only some are wanted; a cursor goes on after them."""

ASKED_FOR_FILES: Final = 100
"""Rows whose attachments are asked for in one call, a request each; a cursor goes on after them."""

ASKED_AT_ONCE: Final = 8

MOST_SECTIONS: Final = 50
"""Sections named in one request; of more, the whole register is looked through."""

_PAIRS: Final = re.compile(r"\d\d(?: \d\d)+")

ORDER: Final = "identifier desc,id desc"
"""Newest first; the id makes the order whole, so that pages neither repeat nor skip a row."""


@dataclass(frozen=True)
class SubmittalListing:
    """One list to take rows from: the first of the `terms` to bring any is searched for, None lists all.

    `sections` are the only ones asked for; rows of those `left_out` came in the listing before.
    """

    terms: Sequence[str | None]
    sections: Sequence[str] = ()
    left_out: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SubmittalQuery:
    """Query for submittals: `words`, ACC's own `filters`, and whether the user may attach.

    `specs` are the project's sections, by whose titles words are found too. `without_files`: only those that have no
    uploaded attachment.
    """

    words: str | None
    filters: Mapping[str, Value | None]
    attachable: bool
    specs: Sequence[Spec] = ()
    without_files: bool = False

    @property
    def listings(self) -> list[SubmittalListing]:
        """The lists that hold all rows that fit, one after the other.

        ACC finds parts of a title and a section's number, but neither words in another order nor the title of a
        section. Each row that fits holds each of the words: so one word is searched for, and the sections that hold it
        are listed.
        """
        if not self.words:
            return [SubmittalListing([None])]
        terms = word_terms(self.words)
        if not terms and not any(letter.isdigit() for letter in self.words):
            terms = list(NameWords.of(self.words).significant)  # too short to find in a longer text, as in "AB"
        if section_terms(self.words) or not terms:
            sections = section_terms(self.words) or ([self.number] if self.number else [])
            # What may be the number that people see is not among what ACC searches.
            searched = terms[:1] or ([] if not sections and may_hold_number(self.words) else [self.words])
            return [SubmittalListing([*sections, *searched, None])]
        if self.filters.get("specId"):
            return [SubmittalListing([None])]
        held = {
            term: [spec.id for spec in self.specs if all_found([term.casefold()], _section_name(spec))]
            for term in terms
        }
        term = min(terms, key=lambda one: len(held[one]))
        if len(held[term]) > MOST_SECTIONS:
            return [SubmittalListing([None])]
        if not held[term]:
            return [SubmittalListing([term, None])]
        return [SubmittalListing([None], held[term]), SubmittalListing([term], left_out=frozenset(held[term]))]

    @property
    def number(self) -> str:
        """The number or section that the words are, or its first pairs of digits, as `normalize` has it; else ""."""
        text = NameWords.of(self.words or "")
        is_section = section_terms(self.words or "") or _PAIRS.fullmatch(" ".join(text.words))
        numeric = is_section and all(word.isdigit() for word in text.significant)
        return "".join(text.significant) if numeric else ""

    @property
    def picks(self) -> bool:
        """Whether some of ACC's rows are not wanted."""
        return self.attachable or bool(self.words) or self.without_files

    @property
    def most_rows(self) -> int:
        """How many rows are looked through in one call."""
        return ASKED_FOR_FILES if self.without_files else LOOKED_THROUGH

    def fits(self, item: Item, listing: SubmittalListing, term: str | None) -> bool:
        """Whether a row that ACC lists for a `term` is wanted, as far as it tells itself."""
        if item.spec_id in listing.left_out or (self.attachable and item.permitted(ATTACH) is None):
            return False
        return self._holds(item, term)

    def _holds(self, item: Item, term: str | None) -> bool:
        if not self.words:
            return True
        # The number of a section decides, whatever stands beside it.
        if section_terms(self.words) and match_quality(self.words, item.number, item.title):
            return True
        if self.number:
            return self.number in normalize(item.number)
        words = NameWords.of(with_section_joined(self.words)).significant
        found_by_acc = term is not None and len(words) == 1
        number, section = with_section_joined(item.number), with_section_joined(item.spec_identifier or "")
        name = f"{number} {item.title} {section} {item.spec_title or ''}"
        return found_by_acc or all_found(words, name)


def _section_name(spec: Spec) -> str:
    return f"{spec.identifier or ''} {spec.title}"


@dataclass(frozen=True)
class ListPosition:
    """Position in a list: about `offset`, after the row with the running number `after`; 0 for none.

    `listing` counts the lists of a query. Running numbers never change, so the list goes on rightly however many rows
    came or went meanwhile.
    """

    offset: int = 0
    after: int = 0
    listing: int = 0

    @classmethod
    def of(cls, position: int) -> Self:
        """Read what a cursor holds."""
        return cls(position >> 32 & 0xFFFFF, position & 0xFFFFFFFF, position >> 52)

    @property
    def position(self) -> int:
        """The number that a cursor holds."""
        return self.listing << 52 | self.offset << 32 | self.after

    def passed(self, item: Item) -> bool:
        """Whether a row came on an earlier page; newest first, those are the higher numbers."""
        return 0 < self.after <= _running(item)


@dataclass(frozen=True)
class SearchPage:
    """Rows that fit, and where to look further; None at the end. `total` is of all pages, where ACC counts those."""

    items: list[Item]
    place: ListPosition | None
    total: int | None = None


class SubmittalSearch:
    """One call's search: reads pages of ACC's lists until it has enough rows, or has looked through enough."""

    def __init__(
        self, submittals: "SubmittalsService", project_id: str, wanted: SubmittalQuery, report: ProgressCallback
    ) -> None:
        self._submittals = submittals
        self._project_id = project_id
        self._wanted = wanted
        self._report = report
        self._looked = 0

    async def page(self, *, limit: int, place: ListPosition) -> SearchPage:
        """Return up to `limit` submittals from `place` on, newest first in each list.

        Raises:
            AccError: ACC refused or is away.
        """
        found: list[Item] = []
        listings = self._wanted.listings
        total = None
        for which in range(place.listing, len(listings)):
            part = await self._listed(listings[which], limit - len(found), place)
            found += part.items
            total = part.total
            if part.place is not None:
                return SearchPage(found, replace(part.place, listing=which), total)
            place = ListPosition(listing=which + 1)
            is_last = place.listing == len(listings)
            if not is_last and (len(found) == limit or self._looked >= self._wanted.most_rows):
                return SearchPage(found, place, total)
        return SearchPage(found, None, total)

    async def _listed(self, listing: SubmittalListing, limit: int, place: ListPosition) -> SearchPage:
        wanted = self._wanted
        size = LARGEST_PAGE if wanted.picks else min(limit + 1, LARGEST_PAGE)
        # The last row of the page before shows whether the list is still where it was.
        offset = max(0, place.offset - 1) if place.after else place.offset
        term, page = await self._read(listing, size, offset)
        while offset > 0 and place.after and not (page.results and place.passed(page.results[0])):
            offset = max(0, offset - LARGEST_PAGE)
            term, page = await self._read(listing, LARGEST_PAGE, offset)
        total = None if wanted.picks else page.pagination.total_results
        found: list[Item] = []
        while True:
            rows = enumerate(page.results, start=offset)
            fitting = [one for one in rows if not place.passed(one[1]) and wanted.fits(one[1], listing, term)]
            for position, item in await self._without_files(fitting, limit - len(found) + 1):
                if len(found) == limit:
                    return SearchPage(found, ListPosition(position, _running(found[-1])), total)
                found.append(item)
            self._looked += len(page.results)
            await self._report(self._looked, None, "submittals looked through")
            following = next_offset(page, offset=offset)
            if following is None:
                return SearchPage(found, None, total)
            if len(found) == limit or self._looked >= wanted.most_rows:
                return SearchPage(found, ListPosition(following, _running(page.results[-1])), total)
            offset = following
            term, page = await self._read(listing, size, offset)

    async def _without_files(self, rows: Sequence[tuple[int, Item]], most: int) -> Sequence[tuple[int, Item]]:
        """Return the rows; where only those without files are wanted, the first so many of them, asking for each."""
        if not self._wanted.without_files:
            return rows
        found: list[tuple[int, Item]] = []
        for start in range(0, len(rows), ASKED_AT_ONCE):
            some = rows[start : start + ASKED_AT_ONCE]
            asked = [
                self._submittals.attachments(self._project_id, item.id, is_file_uploaded=True, limit=1)
                for _, item in some
            ]
            pages = await gather_all(asked)
            found += [row for row, files in zip(some, pages, strict=True) if not files.results]
            if len(found) >= most:
                break
        return found

    async def _read(self, listing: SubmittalListing, limit: int, offset: int) -> tuple[str | None, ResultPage[Item]]:
        """Return a page of the rows that ACC lists for the first term that brings any, and that term."""
        sections = {"specId": list(listing.sections)} if listing.sections else {}
        filters = {**self._wanted.filters, **sections}
        term: str | None = None
        page: ResultPage[Item] = ResultPage(results=[])
        for term in listing.terms:
            page = await self._submittals.items(
                self._project_id, search=term, filters=filters, sort=ORDER, limit=limit, offset=offset
            )
            if page.results:
                break
        return term, page


def _running(item: Item) -> int:
    number = str(item.identifier or "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
