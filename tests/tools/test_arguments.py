"""Arguments are refused in sentences that say how to put them right."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.core.arguments import EXAMPLES, read_arguments
from tools.core.registry import definitions
from tools.errors.exceptions import InvalidArguments, RetryHint
from tools.find_submittals import SubmittalsArguments

EVERY = {one.name: one for one in definitions(local_files=True)}
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(), max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)
LIBRARY = re.compile(
    r"pydantic|https?://|input should|validation error|extra inputs|field required|type=|input_value|valid (string|integer|boolean)",
    re.IGNORECASE,
)


def refusal(**given: object) -> InvalidArguments:
    with pytest.raises(InvalidArguments) as caught:
        read_arguments(SubmittalsArguments, given)
    return caught.value


def test_an_unknown_argument_is_answered_with_the_nearest_and_with_all_valid_ones():
    problem = refusal(project="P", attachible=True)
    assert problem.message == "unknown argument 'attachible' (did you mean 'attachable'?)."
    assert problem.hint == "Valid arguments: project, query, state, in_my_court, attachable, limit, cursor."
    assert problem.again == RetryHint({"attachable": True}, without=["attachible"], needs=[])


def test_a_required_argument_that_is_misspelt_is_not_asked_for_again():
    problem = refusal(projct="P", limit=5)
    assert "'project' is missing" in problem.message
    assert problem.again == RetryHint({"project": "P"}, without=["project", "projct"], needs=[])


def test_what_is_misspelt_does_not_replace_what_is_spelt_right():
    assert refusal(project="P", projct="Q").again == RetryHint({}, without=["projct"], needs=[])


def test_an_unknown_argument_like_no_other_is_answered_with_all_valid_ones():
    assert refusal(project="P", xyzzy=1).message == "unknown argument 'xyzzy'."


def test_a_tool_without_arguments_says_so():
    with pytest.raises(InvalidArguments) as caught:
        read_arguments(EVERY["sign_in"].arguments, {"user": "me"})
    assert (caught.value.message, caught.value.hint) == ("unknown argument 'user'.", "It takes no arguments.")


@pytest.mark.parametrize(
    ("given_arguments", "sentence", "needs"),
    [
        ({}, "'project' is missing, for example \"Riverside Medical Center\".", ["project"]),
        ({"project": None}, "'project' is missing, for example \"Riverside Medical Center\".", ["project"]),
        ({"project": " "}, "'project' must not be empty, for example \"Riverside Medical Center\".", ["project"]),
        ({"project": 7}, "'project' must be a text, for example \"Riverside Medical Center\".", ["project"]),
        (
            {"project": "\ud800"},
            "'project' has characters that are no text, for example \"Riverside Medical Center\".",
            ["project"],
        ),
        ({"project": "P", "query": ["beam"]}, "'query' must be a text, for example \"beam drawings\".", ["query"]),
        ({"project": "P", "limit": 0}, "'limit' must be at least 1, for example 20.", ["limit"]),
        ({"project": "P", "limit": 51}, "'limit' must be at most 50, for example 20.", ["limit"]),
        ({"project": "P", "limit": "20"}, "'limit' must be a whole number, for example 20.", ["limit"]),
        ({"project": "P", "limit": 2.5}, "'limit' must be a whole number, for example 20.", ["limit"]),
        ({"project": "P", "limit": True}, "'limit' must be a whole number, for example 20.", ["limit"]),
        (
            {"project": "P", "attachable": "yes"},
            "'attachable' must be true or false, for example true.",
            ["attachable"],
        ),
        ({"project": "P", "attachable": 1}, "'attachable' must be true or false, for example true.", ["attachable"]),
        (
            {"project": "P", "state": "closed"},
            "'state' must be 'draft', 'sbc-1', 'mgr-1', 'rev', 'mgr-2', 'sbc-2' or 'void', for example \"rev\".",
            ["state"],
        ),
        (
            {"limit": 0, "project": 7},
            "'project' must be a text, for example \"Riverside Medical Center\"; 'limit' must be at least 1, for example 20.",
            ["project", "limit"],
        ),
    ],
)
def test_every_kind_of_mistake_has_its_sentence(given_arguments, sentence, needs):
    problem = refusal(**given_arguments)
    assert problem.message == sentence
    assert problem.again is not None
    assert list(problem.again.needs) == needs


def test_a_key_that_is_too_long_is_told_its_limit():
    with pytest.raises(InvalidArguments, match="'idempotency_key' may have 200 characters at most"):
        read_arguments(
            EVERY["add_submittal_attachment"].arguments,
            {"project": "P", "submittal": "S", "idempotency_key": "k" * 201},
        )


@given(st.sampled_from(sorted(EVERY)), st.data())
def test_no_word_of_a_library_reaches_the_agent_whatever_it_sends(tool, data):
    model = EVERY[tool].arguments
    names = st.sampled_from([*model.model_fields, "filepath", "pydantic"])
    chosen = data.draw(st.dictionaries(names, json_values, max_size=6))
    try:
        read_arguments(model, chosen)
    except InvalidArguments as problem:
        said = f"{problem.message} {problem.hint}".replace("'pydantic'", "")
        assert not LIBRARY.search(said)
        assert "\n" not in said
        said.encode("utf-8")


def test_null_blank_and_default_are_as_good_as_left_out():
    chosen = read_arguments(
        SubmittalsArguments, {"project": " P ", "query": " ", "state": None, "limit": 20.0, "attachable": False}
    )
    assert chosen.given() == {"project": "P"}


def test_what_was_chosen_comes_back_as_it_was_sent():
    sent = {"project": "P", "query": "beam", "state": "rev", "in_my_court": True, "limit": 5}
    assert read_arguments(SubmittalsArguments, sent).given() == sent


@pytest.mark.parametrize("tool", sorted(EVERY))
def test_every_argument_has_an_example_that_its_tool_takes(tool):
    model = EVERY[tool].arguments
    assert set(model.model_fields) - set(EXAMPLES) <= {"cursor"}
    for name, field in model.model_fields.items():
        if name in EXAMPLES:
            required = {one: EXAMPLES[one] for one, its in model.model_fields.items() if its.is_required()}
            assert read_arguments(model, required | {name: EXAMPLES[name]}), field
