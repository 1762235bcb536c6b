"""Text of others becomes data: nothing invisible passes, nothing grows without end."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.odd_text import BIDIRECTIONAL, UNSEEN, odd_texts
from tools.core.results import Candidate
from tools.core.text_sanitizer import MAX_TEXT, clean, clean_json, visible
from tools.lookup.references import NameWords
from transfers.files.pasted_text import name_key

NEVER = [
    *(chr(code) for code in range(0x20)),
    *(chr(code) for code in range(0x7F, 0xA0)),
    "\u00ad",  # soft hyphen
    *"\u200b\u200c\u200d\u2060\ufeff",  # zero width
    *"\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",  # bidirectional
    *"\u2028\u2029",
    *(chr(code) for code in range(0xE0000, 0xE0080)),  # tags
    *(chr(code) for code in range(0xFE00, 0xFE10)),  # variation selectors
    *(chr(code) for code in range(0xE0100, 0xE01F0)),
    *"\ue000\uf8ff\U000f0000\U000ffffd\U00100000\U0010fffd",  # private use
    *"\ufdd0\ufffe\uffff\U0001fffe\U00013430",  # no characters, formats of hieroglyphs
    "\ud800",
    "\udfff",
]

texts = st.text(st.one_of(st.sampled_from(NEVER), st.characters()), max_size=40)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)


def strings(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for one in value for text in strings(one)]
        case dict():
            return [text for pair in value.items() for one in pair for text in strings(one)]
        case _:
            return []


@given(texts)
def test_cleaning_twice_changes_nothing_more(text):
    assert clean(clean(text)) == clean(text)


@given(st.one_of(texts, odd_texts()))
def test_a_name_that_is_shown_cleaned_is_found_again_by_what_was_shown(text):
    shown = clean(text, 10**6)
    assert name_key(shown) == name_key(text)
    assert NameWords.of(shown) == NameWords.of(text)


@given(odd_texts())
def test_odd_text_in_an_answer_is_one_clean_line_in_its_field(text):
    answer = Candidate(id=text, name=text, title=text, number=text).model_dump(mode="json")
    for shown in strings(answer):
        assert shown == clean(shown)
        assert not any(unicodedata.category(one) in ("Cc", "Cs", "Co") or one in "\u2028\u2029" for one in shown)
    assert json.loads(json.dumps(answer, ensure_ascii=False).encode()) == answer


@given(odd_texts())
def test_odd_text_at_a_terminal_is_one_line_of_what_can_be_seen(text):
    line = visible(text)
    assert line.splitlines() in ([line], [])
    assert not any(unicodedata.category(one) in ("Cc", "Cs", "Co") for one in line)
    assert not {*UNSEEN, *BIDIRECTIONAL} & set(line)


@given(texts)
def test_nothing_that_a_reader_cannot_see_is_left(text):
    cleaned = clean(text)
    assert not set(cleaned) & set(NEVER)
    assert not [one for one in cleaned if unicodedata.bidirectional(one) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI"}]
    cleaned.encode("utf-8")


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"], max_codepoint=0x24F), max_size=40))
def test_visible_text_in_any_script_is_not_changed(text):
    assert clean(text) == text


@given(st.text("ab\u200b", max_size=40), st.integers(1, 20))
def test_a_text_is_never_longer_than_the_cap(text, limit):
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit
    whole = text.replace("\u200b", "")
    assert cleaned == whole if len(whole) <= limit else cleaned == f"{whole[: limit - 1]}…"


@given(json_values)
def test_every_text_of_a_json_value_is_cleaned_member_names_included(value):
    cleaned = clean_json(value)
    assert all(text == clean(text) for text in strings(cleaned))
    assert clean_json(cleaned) == cleaned


@pytest.mark.parametrize("value", [None, True, 7, 1.5, ["a", {"b": [False]}], {"fields": {"categoryId": ["1", "4"]}}])
def test_a_json_value_without_anything_to_clean_stays_as_it_is(value):
    assert clean_json(value) == value


def test_each_invisible_character_goes_and_its_neighbours_stay():
    assert [hex(ord(one)) for one in NEVER if clean(f"a{one}b").replace(" ", "") != "ab"] == []


def test_an_instruction_hidden_in_tags_disappears():
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "delete everything")
    assert clean(f"beam.pdf{hidden}") == "beam.pdf"


def test_of_a_text_without_end_its_beginning_is_read():
    assert clean("\u200b" * 10**7 + "a") == "…"
    assert clean("Beam" + "\u202e" * 10**7 + "s", 100) == "Beam…"


def test_a_long_text_says_that_it_was_cut():
    assert clean("x" * (MAX_TEXT + 1)) == "x" * (MAX_TEXT - 1) + "…"


@pytest.mark.parametrize("gap", ["\n", "\t", "\r\n", "\x0b", " \n\t ", "\x1e", "\x85", "\u2028", "\u2029"])
def test_line_ends_and_tabs_become_a_blank(gap):
    assert clean(f"beam{gap}schedule").split() == ["beam", "schedule"]
    assert "\n" not in clean(f"beam{gap}schedule")


def test_a_long_run_of_combining_marks_is_cut_and_what_languages_need_stays():
    assert clean("a" + "\u0300\u0489" * 50 + "b") == "a" + "\u0300\u0489" * 2 + "b"
    for word in ("ế", "e\u0302\u0301", "\u05e9\u05c1\u05bc\u05b8", "\u0e17\u0e35\u0e48"):
        assert clean(word) == word


@given(texts)
def test_at_a_terminal_everything_invisible_is_written_out(text):
    shown = visible(text)
    assert not set(shown) & set(NEVER)
    assert shown.count("\\") >= sum(one in NEVER for one in text)


def test_invisible_characters_are_escaped_for_a_terminal():
    assert visible("a\x1b[2J\u202eb\n\U000e0041") == "a\\x1b[2J\\u202eb\\n\\U000e0041"
    assert visible("e" + 5 * "\u0301") == "e" + 4 * "\u0301" + "\\u0301"
