"""ACC's category numbers and our words for them (fact sheet 3.1 and 3.5)."""

from typing import get_args

import pytest

from transfers.categories import (
    Category,
    GivenCategory,
    allowed_categories,
    automatic_category,
    category_id,
    category_word,
)


def test_every_number_has_a_word_and_every_word_a_number() -> None:
    words = [category_word(str(number)) for number in range(1, 9)]
    assert [*words, "unknown"] == list(get_args(Category))


@pytest.mark.parametrize("number", [None, "", "0", "9", "first"])
def test_an_undocumented_number_is_unknown(number: str | None) -> None:
    assert category_word(number) == "unknown"


@pytest.mark.parametrize("word", get_args(GivenCategory))
def test_a_category_that_may_be_given_survives_the_way_to_acc_and_back(word: GivenCategory) -> None:
    assert category_id(word) in {"1", "2", "3", "4"}
    assert category_word(category_id(word)) == word


@pytest.mark.parametrize(
    ("state", "overrides", "allowed"),
    [
        ("draft", [], ["submission"]),
        ("sbc-1", ["4"], ["submission", "final_response"]),
        ("mgr-1", ["1", "4"], ["for_review", "submission", "final_response"]),
        ("rev", ["4"], ["review_response", "final_response"]),
        ("mgr-2", ["4"], ["final_response"]),
        ("mgr-1", ["9"], ["for_review"]),
        ("new state", ["4"], ["final_response"]),
    ],
)
def test_the_automatic_category_is_allowed_though_acc_lists_overrides_only(
    state: str, overrides: list[str], allowed: list[Category]
) -> None:
    assert allowed_categories(state, overrides) == allowed


def test_an_unknown_state_has_no_automatic_category() -> None:
    assert automatic_category("new state") == "unknown"
