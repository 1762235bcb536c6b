"""Search of a project's submittals: ACC's filters, filters of our own, and paging."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from acc.models import Item, ResultPage
from acc.pagination import next_offset
from acc.requests import Value
from tools.core.ports import ProgressCallback
from tools.core.presenters import ATTACH, number
from tools.lookup.name_matching import NameWords, all_found
from tools.lookup.references import normalize, section_terms, word_terms

if TYPE_CHECKING:
    from acc.submittals import SubmittalsService

LARGEST_PAGE: Final = 50
"""The largest page that ACC documents."""

LOOKED_THROUGH: Final = 500
"""Rows read in one call when only some are wanted; a cursor goes on after them."""

ORDER: Final = "identifier desc,id desc"
"""Newest first; the id makes the order whole, so that pages neither repeat nor skip a row."""


@dataclass(frozen=True)
class SubmittalQuery:
    """Query for submittals: `words`, ACC's own `filters`, and whether the user may attach."""

    words: str | None
    filters: Mapping[str, Value | None]
    attachable: bool

    @property
    def terms(self) -> list[str | None]:
        """What to search ACC for, until one brings rows; None lists all.

        ACC finds parts of a title and a section, but neither words in another order nor the title of a section.
        """
        if not self.words:
            return [None]
        return [*section_terms(self.words), *(word_terms(self.words)[:1] or [self.words]), None]

    @property
    def number(self) -> str:
        """The number or section that the words are, in the form of `normalize`; "" for other words."""
        text = NameWords.of(self.words or "")
        numeric = section_terms(self.words or "") and all(word.isdigit() for word in text.significant)
        return "".join(text.significant) if numeric else ""

    @property
    def picks(self) -> bool:
        """Whether some of ACC's rows are not wanted."""
        return self.attachable or bool(self.words)

    def fits(self, item: Item, term: str | None) -> bool:
        """Whether a row that ACC lists for a `term` is wanted."""
        return (not self.attachable or item.permitted(ATTACH) is not None) and self._holds(item, term)

    def _holds(self, item: Item, term: str | None) -> bool:
        if not self.words:
            return True
        if self.number:
            return self.number in normalize(number(item))
        words = NameWords.of(self.words).significant
        found_by_acc = term is not None and len(words) == 1
        name = f"{number(item)} {item.title} {item.spec_identifier or ''} {item.spec_title or ''}"
        return found_by_acc or all_found(words, name)


@dataclass(frozen=True)
class ListPosition:
    """Position in a list: about `offset`, after the row with the running number `after`; 0 for none.

    Running numbers never change, so the list goes on rightly however many rows came or went meanwhile.
    """

    offset: int = 0
    after: int = 0

    @classmethod
    def of(cls, position: int) -> Self:
        """Read what a cursor holds."""
        return cls(position >> 32, position & 0xFFFFFFFF)

    @property
    def position(self) -> int:
        """The number that a cursor holds."""
        return self.offset << 32 | self.after

    def passed(self, item: Item) -> bool:
        """Whether a row came on an earlier page; newest first, those are the higher numbers."""
        return 0 < self.after <= _running(item)


@dataclass(frozen=True)
class SearchPage:
    """Rows that fit, and where to look further; None at the end. `total` is of all pages, where ACC counts those."""

    items: list[Item]
    place: ListPosition | None
    total: int | None = None


async def search(
    submittals: "SubmittalsService",
    project_id: str,
    wanted: SubmittalQuery,
    report: ProgressCallback,
    *,
    limit: int,
    place: ListPosition,
) -> SearchPage:
    """Return up to `limit` submittals from `place` on, newest first; `report` is told how many were looked through.

    Raises:
        AccError: ACC refused or is away.
    """
    size = LARGEST_PAGE if wanted.picks else min(limit + 1, LARGEST_PAGE)
    # The last row of the page before shows whether the list is still where it was.
    start = offset = max(0, place.offset - 1) if place.after else place.offset
    term, page = await _page(submittals, project_id, wanted, size, offset)
    while offset > 0 and place.after and not (page.results and place.passed(page.results[0])):
        start = offset = max(0, offset - LARGEST_PAGE)
        term, page = await _page(submittals, project_id, wanted, LARGEST_PAGE, offset)
    total = None if wanted.picks else page.pagination.total_results
    found: list[Item] = []
    while True:
        for position, item in enumerate(page.results, start=offset):
            if place.passed(item) or not wanted.fits(item, term):
                continue
            if len(found) == limit:
                return SearchPage(found, ListPosition(position, _running(found[-1])), total)
            found.append(item)
        await report(offset - start + len(page.results), None, "submittals looked through")
        following = next_offset(page, offset=offset)
        if following is None:
            return SearchPage(found, None, total)
        if len(found) == limit or following - start >= LOOKED_THROUGH:
            return SearchPage(found, ListPosition(following, _running(page.results[-1])), total)
        offset = following
        term, page = await _page(submittals, project_id, wanted, size, offset)


def _running(item: Item) -> int:
    number = str(item.identifier or "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0


async def _page(
    submittals: "SubmittalsService", project_id: str, wanted: SubmittalQuery, limit: int, offset: int
) -> tuple[str | None, ResultPage[Item]]:
    """Return a page of the rows that ACC lists for the first term that brings any, and that term."""
    term: str | None = None
    page: ResultPage[Item] = ResultPage(results=[])
    for term in wanted.terms:
        page = await submittals.items(
            project_id, search=term, filters=wanted.filters, sort=ORDER, limit=limit, offset=offset
        )
        if page.results:
            break
    return term, page
