"""Pagination of lists, driven by the answers and never by the requests.

Services apply other limits than documented or asked for (fact sheet 0), so the next offset comes from `nextUrl`, else
from the rows that came. Of a `nextUrl` only the offset is used: it may name any host, and the sample of a filtered list
shows one without the filter.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from acc.errors import UnexpectedAnswer
from acc.models.base import ResultPage
from acc.models.files import ResourceListing

T = TypeVar("T")

MAX_PAGES = 1000
"""A list longer than this is taken for one that never ends."""

PAGE_LIMIT = 50
"""The largest documented page of Submittals."""


def next_offset(page: ResultPage[T], *, offset: int) -> int | None:
    """The offset of the page after this one, which began at `offset`; None at the end.

    A `nextUrl` that does not lead onward is ignored. Without one the list goes on while `totalResults` says so, from
    the first row that did not come. A page without rows is always the last.
    """
    if not page.results:
        return None
    found = _query_number(page.pagination.next_url, "offset")
    if found is not None and found > offset:
        return found
    reached = offset + len(page.results)
    if page.pagination.next_url or reached < (page.pagination.total_results or 0):
        return reached
    return None


def next_page_number(listing: ResourceListing, *, page_number: int) -> int | None:
    """The number of the JSON:API page after this one; None at the end, which is where `links.next` is missing.

    An empty page can have a next one: a search pages through what it looked at, not through what it found.
    """
    if listing.next_href is None:
        return None
    found = _query_number(listing.next_href, "page[number]")
    return found if found is not None and found > page_number else page_number + 1


async def rows(
    operation: str, fetch: Callable[[int], Awaitable[ResultPage[T]]], *, key: Callable[[T], Hashable]
) -> AsyncIterator[T]:
    """Every row once, over all pages; `fetch` gets the page at an offset.

    Rows that come again, because something was added meanwhile or the service ignores the offset, are left out; a page
    of nothing else ends the list.

    Raises:
        UnexpectedAnswer: there is no end to the pages.
    """
    seen: set[Hashable] = set()
    offset = 0
    for _ in range(MAX_PAGES):
        page = await fetch(offset)
        fresh = [row for row in page.results if key(row) not in seen]
        for row in fresh:
            if key(row) not in seen:
                seen.add(key(row))
                yield row
        following = next_offset(page, offset=offset)
        if following is None or not fresh:
            return
        offset = following
    raise UnexpectedAnswer(operation, problem=f"more than {MAX_PAGES} pages")


async def listings(
    operation: str, fetch: Callable[[int], Awaitable[ResourceListing]]
) -> AsyncIterator[ResourceListing]:
    """Every JSON:API page; `fetch` gets the page of a number, from 0.

    Raises:
        UnexpectedAnswer: there is no end to the pages.
    """
    page_number = 0
    for _ in range(MAX_PAGES):
        listing = await fetch(page_number)
        yield listing
        following = next_page_number(listing, page_number=page_number)
        if following is None:
            return
        page_number = following
    raise UnexpectedAnswer(operation, problem=f"more than {MAX_PAGES} pages")


def _query_number(url: str | None, name: str) -> int | None:
    if url is None:
        return None
    try:
        value = dict(parse_qsl(urlsplit(url).query)).get(name, "")
        return int(value) if value.isascii() and value.isdigit() else None
    except ValueError:
        return None
