"""What the tools cost a model stays within its limits, on the fixture of `benchmarks/tokens.py`."""

import anyio
import pytest

from benchmarks.tokens import CHARACTERS, LIMITS, Seen, measured, tokens


@pytest.fixture(scope="module")
def seen() -> dict[str, list[Seen]]:
    return anyio.run(measured)


@pytest.mark.parametrize(
    ("what", "texts", "limit"),
    [("tools", 11, 3200), ("attaching a file", 1, 1000), ("a list of 18 attachments", 1, 2000)],
)
def test_agent_texts_stay_within_their_limit(seen, what, texts, limit):
    assert (len(seen[what]), CHARACTERS, LIMITS[what]) == (texts, 4, limit)
    assert 0 < tokens(seen[what]) < limit
