"""Completions: suggestions for the arguments of prompts and of resource addresses while a person types them.

What is suggested is live data, asked for in few requests: a text that the tools take. What two things share, a name or
a number, is no suggestion: their ids are.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Final

import anyio
import structlog
from mcp import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, Completion

from acc.models.base import ResultPage
from acc.models.submittals import Item
from acc.pagination import next_offset
from tools.core.context import Services, ServicesProvider
from tools.core.text_sanitizer import clean
from tools.errors.description import describe_error
from tools.errors.exceptions import ToolError
from tools.lookup.projects import PersonCache, TtlCache
from tools.lookup.references import (
    NotAReference,
    fitting,
    normalize,
    project_reference,
    search_terms,
    submittal_reference,
)
from tools.lookup.submittal_search import LARGEST_PAGE, ORDER

NOTHING: Final = Completion(values=[], total=0, has_more=False)

COMPLETED: Final = ("project", "submittal")
"""The arguments that live data completes; of the others nothing is suggested."""

SECONDS: Final = 5.0
"""How long a person who types waits for suggestions at most; after that there are none."""

MOST: Final = 100
"""Values of one answer; the protocol allows no more."""

PAGES: Final = 64
"""Searches that are remembered, each a page of submittals at most."""


class CompletionSource:
    """Completions for one person. A small project costs a request a minute, a large one a request for each new text."""

    def __init__(self, provider: ServicesProvider, seconds: float | None = None) -> None:
        self._provider = provider
        self._seconds = SECONDS if seconds is None else seconds
        self._pages = PersonCache(TtlCache[ResultPage[Item]](PAGES))

    async def complete(
        self, names: Collection[str] | None, argument: str, typed: str, settled: Mapping[str, str]
    ) -> Completion:
        """Suggest values for an argument of something that has arguments `names`; `settled` are those filled in.

        Raises:
            MCPError: There is no such thing (`names` is None), or no such argument of it; or a fault of ours.
        """
        if names is None or argument not in names:
            what = f"argument {clean(argument, 60)!r}" if names is not None else "prompt or resource"
            raise MCPError(INVALID_PARAMS, f"There is no such {what} to complete.")
        if argument not in COMPLETED:
            return NOTHING
        try:
            with anyio.move_on_after(self._seconds):
                services = await self._provider.services()
                if argument == "project":
                    return await self._projects(services, typed)
                project = settled.get("project", "")
                return await self._submittals(services, project, typed) if project.strip() else NOTHING
            structlog.get_logger(__name__).info("nothing_to_suggest", error_code="upstream_unavailable")
            return NOTHING
        except NotAReference:
            return NOTHING  # an address of another host, or one that is still being typed
        except (
            Exception
        ) as error:  # process border: an error does not help a user who types, and the tool will report it
            explained = describe_error(error)
            log = structlog.get_logger(__name__)
            if explained is None:
                log.exception("completion_crashed", argument=argument)
                raise MCPError(INTERNAL_ERROR, f"Error completing argument {argument}") from None
            log.info("nothing_to_suggest", error_code=explained.code)
            return NOTHING

    async def _projects(self, services: Services, typed: str) -> Completion:
        """Suggest projects that may be worked with, by name or by an id or address that was pasted."""
        meant = project_reference(typed)
        listed = await services.resolver.project_lists.get()
        usable = [one for one in listed.projects if one.supported and services.policy.allows(one.id)]
        names = _unshared((one.id, one.name) for one in usable)
        named = {one.id for one in listed.holding(meant.words)} if meant.id is None else {meant.id}
        return _completion([names[one.id] for one in usable if one.id in named])

    async def _submittals(self, services: Services, project: str, typed: str) -> Completion:
        """Suggest submittals of a project, the newest first: by number, or by title where the title has the text.

        Of an id or address that was pasted, the one it names where it is among the newest.
        """
        meant = submittal_reference(typed)
        try:
            place = await services.resolver.project(project)
        except ToolError:
            return _completion([])  # no such project: its name is still being typed, or wrong, as the tool will say
        page = await self._page(services, place.id, "")
        if next_offset(page, offset=0) is not None:  # there are more than fit on it
            for term in search_terms(meant.words):
                page = await self._page(services, place.id, term)
                if page.results:
                    break
        items = page.results
        numbers = _unshared((item.id, item.number) for item in items)
        titles = _unshared((item.id, item.title) for item in items)
        if meant.id is not None:
            return _completion([numbers[item.id] for item in items if item.id == meant.id])
        wanted = normalize(meant.words).strip("\"'")  # the quote at its end is still to come
        _, meant_places = fitting(meant.words, [(item.number, item.title) for item in items]) if wanted else ("", [])
        by_number = [
            numbers[item.id]
            for place, item in enumerate(items)
            if wanted in normalize(item.number) or (place in meant_places and wanted not in normalize(item.title))
        ]
        by_title = [
            titles[item.id]
            for item in items
            if wanted not in normalize(item.number) and wanted in normalize(item.title)
        ]
        return _completion(by_number + by_title)

    async def _page(self, services: Services, project_id: str, search: str) -> ResultPage[Item]:
        ask = services.acc.submittals.items
        fetch = partial(ask, project_id, search=search or None, sort=ORDER, limit=LARGEST_PAGE)
        return await self._pages.get_or_fetch(services.acc, fetch, project_id, search.casefold())


def _unshared(named: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return for each id its name, or the id where several have that name."""
    pairs = list(named)
    shared = Counter(normalize(name) for _, name in pairs)
    return {id_: clean(name) if shared[normalize(name)] == 1 else clean(id_) for id_, name in pairs}


def _completion(values: list[str]) -> Completion:
    return Completion(values=values[:MOST], total=len(values), has_more=len(values) > MOST)
