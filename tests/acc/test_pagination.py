"""A list is walked through by what the answers say, whatever they say."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acc.errors import UnexpectedAnswer
from acc.models.base import Pagination, ResultPage
from acc.models.files import ResourceListing
from acc.models.submittals import Step
from acc.pagination import MAX_PAGES, listings, next_offset, next_page_number, rows

NEXT = "https://developer.api.autodesk.com/construction/submittals/v2/projects/p/items?limit=20&offset={}&sort=identifier+desc"


def page(ids: list[int], **pagination: Any) -> ResultPage[Step]:
    return ResultPage[Step].model_validate(
        {"pagination": pagination, "results": [{"id": f"{number}"} for number in ids]}
    )


@pytest.mark.parametrize(
    ("pagination", "count", "offset", "following"),
    [
        ({"limit": 20, "offset": 0, "totalResults": 41, "nextUrl": NEXT.format(20)}, 20, 0, 20),
        ({"limit": 20, "offset": 40, "totalResults": 41, "nextUrl": None}, 1, 40, None),
        ({"limit": 20, "offset": 40, "totalResults": 41}, 1, 40, None),
        ({"limit": 100, "offset": 0, "totalResults": 3}, 3, 0, None),
        # Rows that the person may not see leave a short page, and the service counts them.
        ({"limit": 20, "offset": 0, "totalResults": 41, "nextUrl": NEXT.format(20)}, 15, 0, 20),
        # No nextUrl, and yet not all: go on from the first row that did not come.
        ({"limit": 20, "offset": 0, "totalResults": 41}, 20, 0, 20),
        ({"limit": 200, "offset": 0, "totalResults": 41}, 20, 0, 20),
        # A nextUrl that does not lead onward.
        ({"nextUrl": NEXT.format(0)}, 20, 0, 20),
        ({"nextUrl": NEXT.format(-20)}, 20, 20, 40),
        ({"nextUrl": NEXT.format("many")}, 20, 20, 40),
        ({"nextUrl": "https://[broken"}, 20, 0, 20),
        ({"nextUrl": "/relative?offset=7"}, 5, 0, 7),
        ({"nextUrl": ""}, 5, 0, None),
        ({"nextUrl": NEXT.format(20), "totalResults": 41}, 0, 0, None),
        ({}, 5, 0, None),
    ],
)
def test_the_next_offset_is_what_the_answer_says(
    pagination: dict[str, Any], count: int, offset: int, following: int | None
) -> None:
    assert next_offset(page(list(range(count)), **pagination), offset=offset) == following


def test_a_page_without_any_pagination_is_the_last() -> None:
    assert next_offset(ResultPage[Step].model_validate({"results": [{"id": "1"}]}), offset=0) is None
    assert ResultPage[Step].model_validate({"pagination": {}, "results": None}) == ResultPage[Step](
        pagination=Pagination(), results=[]
    )


@dataclass
class Server:
    """Lists `total` rows in pages of the sizes it likes, and tells of the next page in the way it likes."""

    total: int
    sizes: list[int]
    styles: list[str]
    asked: list[int] = field(default_factory=list)

    async def __call__(self, offset: int) -> ResultPage[Step]:
        turn = len(self.asked)
        self.asked.append(offset)
        size = self.sizes[turn % len(self.sizes)]
        ids = list(range(offset, min(offset + size, self.total)))
        pagination: dict[str, Any] = {"limit": size, "offset": offset, "totalResults": self.total}
        if offset + size < self.total:
            if self.styles[turn % len(self.styles)] == "next":
                pagination["nextUrl"] = f"https://elsewhere.example/x?offset={offset + size}&limit={size}"
        elif self.styles[turn % len(self.styles)] == "null":
            pagination["nextUrl"] = None
        return page(ids, **pagination)


@settings(deadline=None)
@given(
    total=st.integers(0, 60),
    sizes=st.lists(st.integers(1, 25), min_size=1, max_size=5),
    styles=st.lists(st.sampled_from(["next", "total", "null"]), min_size=1, max_size=4),
)
async def test_every_row_comes_once_whatever_limits_the_service_applies(
    total: int, sizes: list[int], styles: list[str]
) -> None:
    server = Server(total, sizes, styles)

    got = [row.id async for row in rows("op", server, key=lambda row: row.id)]

    assert got == [str(number) for number in range(total)]
    assert server.asked == sorted(set(server.asked))


async def test_rows_that_come_again_are_left_out() -> None:
    pages = {0: page([1, 2, 2], totalResults=5), 3: page([2, 3], totalResults=5)}

    async def fetch(offset: int) -> ResultPage[Step]:
        return pages[offset]

    assert [row.id async for row in rows("op", fetch, key=lambda row: row.id)] == ["1", "2", "3"]


async def test_a_service_that_ignores_the_offset_ends_after_its_first_repetition() -> None:
    asked: list[int] = []

    async def fetch(offset: int) -> ResultPage[Step]:
        asked.append(offset)
        return page([1, 2], totalResults=99, nextUrl=NEXT.format(offset + 2))

    assert [row.id async for row in rows("op", fetch, key=lambda row: row.id)] == ["1", "2"]
    assert asked == [0, 2]


async def test_a_list_that_never_ends_is_given_up() -> None:
    async def fetch(offset: int) -> ResultPage[Step]:
        return page([offset], nextUrl=NEXT.format(offset + 1))

    with pytest.raises(UnexpectedAnswer, match="pages"):
        await consume(rows("op", fetch, key=lambda row: row.id))


async def consume(iterator: AsyncIterator[object]) -> None:
    async for _ in iterator:
        pass


def listing(next_href: Any = None, *, ids: tuple[str, ...] = ()) -> ResourceListing:
    links = {"self": {"href": "…"}} | ({} if next_href is None else {"next": next_href})
    return ResourceListing.model_validate({"links": links, "data": [{"type": "projects", "id": one} for one in ids]})


@pytest.mark.parametrize(
    ("link", "following"),
    [
        ({"href": "…page[number]=1"}, 4),
        ({"href": "https://developer.api.autodesk.com/x?page%5Bnumber%5D=9"}, 9),
        ({"href": "https://developer.api.autodesk.com/x?page[number]=2"}, 4),
        ("https://developer.api.autodesk.com/x?page[number]=5", 5),
        ({"href": ""}, None),
        ({"href": None}, None),
        ({}, None),
        (None, None),
    ],
)
def test_there_is_a_next_listing_exactly_if_links_next_is_there(link: Any, following: int | None) -> None:
    assert next_page_number(listing(link), page_number=3) == following


async def test_an_empty_listing_with_a_next_one_is_not_the_end() -> None:
    pages = [listing({"href": "x"}, ids=("a",)), listing({"href": "x"}), listing(None, ids=("b",))]

    async def fetch(page_number: int) -> ResourceListing:
        return pages[page_number]

    found = [project.id async for each in listings("op", fetch) for project in each.projects]

    assert found == ["a", "b"]


async def test_listings_that_never_end_are_given_up() -> None:
    asked: list[int] = []

    async def fetch(page_number: int) -> ResourceListing:
        asked.append(page_number)
        return listing({"href": "x"})

    with pytest.raises(UnexpectedAnswer, match="pages"):
        await consume(listings("op", fetch))
    assert len(asked) == MAX_PAGES
