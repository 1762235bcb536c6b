"""Shapes of answers: what is in them, and the proof that nothing else of an answer is."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.cli.doctor.recorded_shapes import WORDS, header_names, is_plain_name, shape
from tests.support.constants import FACTS

SENTINEL = "Qz"
"""Begins every made-up name and text; no word of ours begins so."""

sentinels = st.text(max_size=20).map(lambda text: f"{SENTINEL}{text}")
sentinel_numbers = st.integers(min_value=10**9) | st.integers(max_value=-(10**9)) | st.floats(min_value=1e9)
VALUED = (
    "id stateId statusId asyncState categoryId urnTypeId actionId folderType projectType type region error errorCode "
    "ErrorCode code"
)
"""Members of which some values may be shown."""

documented_names = st.sampled_from([*VALUED.split(), "name", "fields", "revisionsFoldersUrns", "results", "data"])
answers = st.recursive(
    st.none() | st.booleans() | sentinels | sentinel_numbers,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(documented_names | sentinels, inner, max_size=5),
    max_leaves=30,
)


def strings_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for one in value.values() for text in strings_in(one))]
    if isinstance(value, list):
        return [text for one in value for text in strings_in(one)]
    return [value] if isinstance(value, str) else []


@given(st.lists(answers, max_size=4))
def test_no_text_number_or_made_up_name_of_an_answer_is_in_its_shape(values: list[Any]) -> None:
    found = json.dumps(shape(values))
    assert SENTINEL not in found
    assert not re.search(r"\d{9}", found)


@given(st.text(), st.text())
def test_whatever_a_name_or_text_is_its_words_are_ours_or_it_is_not_shown(name: str, text: str) -> None:
    for shown in strings_in(shape([{name: text}])):
        assert {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", shown)} <= WORDS | {
            "of", "other", "names", "characters", "digits", "uuid", "sha", "info",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([], "nothing"),
        ([None, True, 7, 0.5], {"one of": ["null", "boolean", "integer", "number"]}),
        ([float("nan")], "number"),
        (["Beam", "Girders", ""], "text of 0 to 7"),
        (["938eb16d-5603-4df9-adcd-00f75d48e145"], "uuid of 36"),
        (["2026-11-30", "2026-11-30T10:00:00.123456Z"], {"one of": ["date of 10", "timestamp of 27"]}),
        (["2024-11-07 13:31:28.812408+00:00"], "timestamp of 32"),
        ([[], [1, 2]], {"list of 0 to 2": "integer"}),
        ([[]], {"list of 0": "nothing"}),
        ([{}], {}),
        ([{"title": "a"}, {"title": "abc", "id": None}], {"title": "text of 1 to 3", "id?": "null"}),
        ([{"stateId": "rev"}, {"stateId": "sbc-1"}], {"stateId": {"one of": ["= rev", "= sbc-1"]}}),
        ([{"stateId": "Riverside"}], {"stateId": "text of 9"}),
        ([{"categoryId": ["1", "4"]}], {"categoryId": {"list of 2": {"one of": ["= 1", "= 4"]}}}),
        ([{"id": "Attachment::create"}], {"id": "= Attachment::create"}),
        ([{"id": "Riverside::create"}], {"id": "text of 17"}),
        ([{"type": "folders:autodesk.bim360:Folder"}], {"type": "= folders:autodesk.bim360:Folder"}),
        ([{"folderType": "CONTAINER_VIRTUAL"}], {"folderType": "= CONTAINER_VIRTUAL"}),
        ([{"region": "EMEA"}, {"region": "ACME"}], {"region": {"one of": ["= EMEA", "text of 4"]}}),
        ([{"errorCode": "AUTH-001"}], {"errorCode": "= AUTH-001"}),
        ([{"reviewerDueDate": None}], {"reviewerDueDate": "null"}),
        (
            [{"revisionsFoldersUrns": {"0": 1, "17": 2}}],
            {"revisionsFoldersUrns": {"other names: 2, of 1 to 2 characters": "integer"}},
        ),
        (
            [{"fields": {"name": [], "Riverside tower": ["x"]}}],
            {
                "fields": {
                    "name": {"list of 0": "nothing"},
                    "other names: 1, of 15 characters": {"list of 1": "text of 1"},
                }
            },
        ),
    ],
)
def test_a_shape_tells_members_kinds_and_lengths(values: list[Any], wanted: Any) -> None:
    assert shape(values) == wanted


def test_header_names_are_recorded_unless_they_are_private_ones() -> None:
    one = {"content-type": "application/json", "x-ads-request-id": "0815", "retry-after": "3"}
    two = {"content-type": "text/html", "x-ads-request-id": "4711", "x-riverside-proxy": "cache-7"}
    assert header_names([one, two]) == [
        "content-type", "other names: 1, of 17 characters", "retry-after?", "x-ads-request-id",
    ]  # fmt: skip


def test_every_member_that_autodesk_documents_is_told_by_its_name() -> None:
    masked = {
        name
        for path in FACTS.glob("*.json")
        for name in names_in(json.loads(path.read_text("utf-8")))
        if not is_plain_name(name)
    }
    # A revision's number, objects of a batch, and members of the files themselves.
    assert masked - {"0", "a.pdf", "b.pdf", "sizeX20", "_about"} == set(), "add their words to WORDS"


def names_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(names_in, value.values()))
    return set().union(*map(names_in, value)) if isinstance(value, list) else set()
