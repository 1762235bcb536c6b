"""The searches of `benchmarks/retrieval.py`, which tell how well tools are found."""

from dataclasses import replace

import pytest

from benchmarks.retrieval import (
    SEARCHES,
    ListedTool,
    asked,
    best_place_of,
    bm25,
    by_pattern,
    by_stemmed_bm25,
    catalogue,
    keyword_score,
    place_of,
    results,
    stem,
)

OPEN_DOOR = ListedTool("house", "open_door", "Open a door", "Opens any door.", ("door_id",), "Which door", "unlock")
PAINT_WALL = ListedTool("house", "paint_wall", "Paint", "Paints a wall.", ("colour",), "Any colour", "decorate")


def test_bm25_prefers_rare_words_and_short_documents():
    rare, common, long = bm25(["door", "the"], [["door", "the"], ["the", "wall"], ["door", "the", *["wall"] * 9]])
    assert rare > long > common > 0


def test_bm25_counts_no_document_without_the_word():
    assert bm25(["roof"], [["door"], ["wall"]]) == [0, 0]


@pytest.mark.parametrize(
    "forms",
    [
        ("attach", "attached", "attaching", "attachment", "attachments"),
        ("review", "reviews", "reviewed", "reviewer"),
        ("close", "closes", "closed"),
        ("category", "categories"),
        ("process", "processes", "processing"),
    ],
)
def test_forms_of_a_word_have_one_stem(forms):
    assert len({stem(form) for form in forms}) == 1


def test_stemmed_bm25_finds_other_forms_and_takes_a_name_for_one_word():
    assert by_stemmed_bm25("opening doors", [OPEN_DOOR, PAINT_WALL])[0] > 0
    assert by_stemmed_bm25("wall", [replace(PAINT_WALL, description="Paints.")]) == [0]


@pytest.mark.parametrize(
    ("query", "score"),
    [
        ("open", 12),
        ("house", 12),
        ("ope", 6),
        ("open_door", 12),
        ("n_d", 4),
        ("unlock", 4),
        ("opens", 2),
        ("door", 12 + 2),
        ("unlock door", 4 + 12 + 2),
        ("roof", 0),
    ],
)
def test_keyword_score_weighs_name_hint_and_description(query, score):
    assert keyword_score(query, OPEN_DOOR) == score


def test_pattern_counts_each_word_once_and_the_name_breaks_ties():
    assert by_pattern("any door", [OPEN_DOOR, PAINT_WALL]) == [2.01, 1.0]


@pytest.mark.parametrize(("scores", "place"), [([3, 5, 1], 2), ([3, 3, 3], 3), ([3, 1, 1], 1), ([0, 0, 1], None)])
def test_place_is_the_last_of_equals_and_none_without_a_score(scores, place):
    assert place_of(0, scores) == place


@pytest.mark.parametrize(("scores", "place"), [([3, 5, 1], 2), ([3, 3, 3], 1), ([0, 0, 1], None)])
def test_best_place_is_the_first_of_equals(scores, place):
    assert best_place_of(0, scores) == place


def test_each_tool_of_ours_has_requests_of_which_half_are_held_out():
    ours = {one.name for one in catalogue() if one.server == "submittals"}
    requests = asked()
    assert {one.tool for one in requests} == ours
    for tool in ours:
        held_out = [one.held_out for one in requests if one.tool == tool]
        assert len(held_out) >= 8
        assert abs(2 * sum(held_out) - len(held_out)) <= 1
    assert all(1 <= len(one.query.split()) <= 6 for one in requests)


def test_other_servers_texts_are_of_realistic_length_and_ours_have_hints():
    tools = catalogue()
    assert all(150 <= len(one.description) <= 500 for one in tools if one.server != "submittals")
    assert all(one.hint for one in tools if one.server == "submittals")
    assert len({(one.server, one.name) for one in tools}) == len(tools)


def test_each_search_shows_the_right_tool_for_six_of_seven_requests():
    found = results(asked(), catalogue())
    for kind in SEARCHES:
        shown = [one.shown for one in found if one.search == kind]
        assert sum(shown) * 7 >= len(shown) * 6, kind
