"""What a person may mean while they still type: projects and submittals, from live data and in few requests.

A suggestion is a text that the tools take. What two things share, a name or a number, is no suggestion: their ids are.
"""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from mcp_types import Completion

from acc.models import Item, Page
from acc.paging import next_offset
from tools.cleaner import clean
from tools.errors import ToolProblem
from tools.kept import Kept
from tools.references import alike, search_terms
from tools.submittal_search import LARGEST_PAGE, ORDER
from tools.view import number

if TYPE_CHECKING:
    from acc.client import Acc
    from tools.desk import Policy
    from tools.finding import Finder

MOST: Final = 100
"""Values of one answer; the protocol allows no more."""

PAGES: Final = 64
"""Searches that are remembered, each a page of submittals at most."""


class Suggestions:
    """Suggests to one person. A small project costs one request a minute, a large one a request for each new text."""

    def __init__(self, acc: "Acc", finder: "Finder", policy: "Policy") -> None:
        self._acc = acc
        self._finder = finder
        self._policy = policy
        self._pages = Kept[Page[Item]](PAGES)

    async def projects(self, typed: str) -> Completion:
        """Suggest projects that may be worked with, by name.

        Raises:
            AccError: Autodesk refused or is away.
        """
        listed = await self._finder.project_lists.get()
        usable = [one for one in listed.projects if one.supported and self._policy.allows(one.id)]
        names = _unshared((one.id, one.name) for one in usable)
        return _completion([names[one.id] for one in usable if alike(typed) in alike(one.name)])

    async def submittals(self, project: str, typed: str) -> Completion:
        """Suggest submittals of a project, the newest first: by number, or by title where the title has the text.

        Raises:
            AccError: ACC refused or is away.
        """
        try:
            place = await self._finder.project(project)
        except ToolProblem:
            return _completion([])  # no such project: its name is still being typed, or wrong, as the tool will say
        me = await self._finder.me(place.id)
        page = await self._page(me.id, place.id, "")
        if next_offset(page, offset=0) is not None:  # there are more than fit on it
            for term in search_terms(typed.strip()):
                page = await self._page(me.id, place.id, term)
                if page.results:
                    break
        items = page.results
        numbers = _unshared((item.id, number(item)) for item in items)
        titles = _unshared((item.id, item.title) for item in items)
        wanted = alike(typed)
        by_number = [numbers[item.id] for item in items if wanted in alike(number(item))]
        by_title = [
            titles[item.id] for item in items if wanted not in alike(number(item)) and wanted in alike(item.title)
        ]
        return _completion(by_number + by_title)

    async def _page(self, person_id: str, project_id: str, search: str) -> Page[Item]:
        name = (person_id, project_id, search.casefold())
        page = self._pages.get(*name)
        if page is None:
            page = await self._acc.submittals.items(project_id, search=search or None, sort=ORDER, limit=LARGEST_PAGE)
            self._pages.keep(page, *name)
        return page


def _unshared(named: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return for each id its name, or the id where several have that name."""
    pairs = list(named)
    shared = Counter(alike(name) for _, name in pairs)
    return {id_: clean(name) if shared[alike(name)] == 1 else clean(id_) for id_, name in pairs}


def _completion(values: list[str]) -> Completion:
    return Completion(values=values[:MOST], total=len(values), has_more=len(values) > MOST)
