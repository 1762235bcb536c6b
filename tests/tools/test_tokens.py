"""What the tools cost a model stays within its limits, on the fixture of `benchmarks/tokens.py`."""

import anyio
import pytest

from benchmarks.tokens import LIST_CHARACTERS, LIST_LIMIT, WAY_CHARACTERS, WAY_LIMIT, Seen, measured, tokens


@pytest.fixture(scope="module")
def seen() -> tuple[list[Seen], list[Seen]]:
    return anyio.run(measured)


def test_the_list_of_tools_stays_within_its_limit(seen):
    tools, _ = seen
    assert len(tools) == 8
    assert tokens(tools, LIST_CHARACTERS) < LIST_LIMIT == 3000


def test_an_attachment_from_the_question_to_ready_stays_within_its_limit(seen):
    _, way = seen
    assert [one.what for one in way] == [
        "find_submittals",
        "get_submittal",
        "add_submittal_attachment",
        "confirm_attachment",
        "get_attachment_status",
    ]
    assert tokens(way, WAY_CHARACTERS) < WAY_LIMIT == 2500
