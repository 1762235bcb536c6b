"""Our words for ACC's category numbers (fact sheet 3.1, 3.5), and for where an attachment stands (design, section 5)."""

import itertools
from typing import Any, get_args

import pytest

from acc.models.submittals import Attachment
from transfers.categories_and_states import (
    AttachmentState,
    Category,
    GivenCategory,
    allowed_categories,
    attachment_state,
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


URN = "urn:adsk.wipprod:fs.file:vf.x?version=1"


def row(**fields: Any) -> Attachment:
    return Attachment.model_validate({"id": "a", "asyncState": "1", "isFileUploaded": False, "urn": None, **fields})


@pytest.mark.parametrize(
    ("fields", "sending", "stored", "state"),
    [
        ({}, False, False, "reserved"),
        ({}, True, False, "uploading"),
        ({}, False, True, "uploaded"),
        ({}, True, True, "uploaded"),
        ({"isFileUploaded": True}, False, True, "processing"),
        ({"isFileUploaded": True}, False, False, "processing"),
        ({"isFileUploaded": True, "asyncState": "2"}, False, False, "processing"),
        ({"isFileUploaded": True, "asyncState": "3"}, False, False, "ready"),
        ({"isFileUploaded": True, "asyncState": "3", "urn": URN}, False, False, "ready"),
        ({"isFileUploaded": True, "urn": URN}, False, False, "ready"),
        ({"isFileUploaded": True, "asyncState": "4"}, False, True, "failed"),
        ({"isFileUploaded": True, "asyncState": "4", "urn": URN}, False, True, "failed"),
        ({"asyncState": None}, False, False, "reserved"),
        ({"asyncState": "9"}, False, False, "reserved"),
    ],
)
def test_state_of_an_attachment(fields: dict[str, Any], sending: bool, stored: bool, state: AttachmentState) -> None:
    assert attachment_state(row(**fields), sending=sending, stored=stored) == state


def test_a_pending_async_state_says_nothing_alone() -> None:
    """`asyncState` is "1" before any upload (fact sheet 3.1), so it must never tell two states apart."""
    for sending, stored, uploaded in itertools.product([False, True], repeat=3):
        pending = attachment_state(row(isFileUploaded=uploaded), sending=sending, stored=stored)
        unknown = attachment_state(row(isFileUploaded=uploaded, asyncState=None), sending=sending, stored=stored)
        assert pending == unknown
