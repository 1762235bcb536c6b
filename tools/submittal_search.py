"""Searching a project's submittals: what ACC filters, what has to be picked from its rows, and where to go on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from acc.models import Item, Page
from acc.paging import next_offset
from tools.progress import Report
from tools.references import alike, search_terms
from tools.view import ATTACH, number

if TYPE_CHECKING:
    from acc.submittals import Submittals

LARGEST_PAGE: Final = 50
"""The largest page that ACC documents."""

LOOKED_THROUGH: Final = 500
"""Rows read in one call when only some are wanted; a cursor goes on after them."""

ORDER: Final = "identifier desc,id desc"
"""Newest first; the id makes the order whole, so that pages neither repeat nor skip a row."""


@dataclass(frozen=True)
class Wanted:
    """Which submittals: by `words`, by ACC's own `filters`, and only those to which this person may attach."""

    words: str | None
    filters: Mapping[str, str | None]
    attachable: bool

    @property
    def terms(self) -> list[str | None]:
        """What to search ACC for, until one brings rows."""
        return [*search_terms(self.words)] if self.words else [None]

    @property
    def number(self) -> str:
        """The number that the words are, in the form of `alike`; "" for other words.

        ACC finds all of its specification section by it, the only part of it that ACC searches.
        """
        return alike(self.words) if self.words and len(self.terms) > 1 else ""

    @property
    def picks(self) -> bool:
        """Whether some of ACC's rows are not wanted."""
        return self.attachable or bool(self.number)

    def fits(self, item: Item) -> bool:
        """Whether a row that ACC lists is wanted."""
        return self.number in alike(number(item)) and (not self.attachable or item.permitted(ATTACH) is not None)


@dataclass(frozen=True)
class Found:
    """Rows that fit, and the offset at which to look further; None at the end."""

    items: list[Item]
    next_offset: int | None


async def search(
    submittals: "Submittals", project_id: str, wanted: Wanted, report: Report, *, limit: int, offset: int
) -> Found:
    """Return up to `limit` submittals from `offset` on, newest first; `report` is told how many were looked through.

    Raises:
        AccError: ACC refused or is away.
    """
    found: list[Item] = []
    start = offset
    while True:
        page = await _page(submittals, project_id, wanted, LARGEST_PAGE if wanted.picks else limit, offset)
        for position, item in enumerate(page.results, start=offset):
            if wanted.fits(item):
                found.append(item)
            if len(found) == limit:
                last = position + 1 - offset == len(page.results)
                return Found(found, next_offset(page, offset=offset) if last else position + 1)
        await report(offset - start + len(page.results), None, "submittals looked through")
        following = next_offset(page, offset=offset)
        if following is None or following - start >= LOOKED_THROUGH:
            return Found(found, following)
        offset = following


async def _page(submittals: "Submittals", project_id: str, wanted: Wanted, limit: int, offset: int) -> Page[Item]:
    page: Page[Item] = Page(results=[])
    for term in wanted.terms:
        page = await submittals.items(
            project_id, search=term, filters=wanted.filters, sort=ORDER, limit=limit, offset=offset
        )
        if page.results:
            break
    return page
