"""Arguments are refused in sentences that say how to put them right."""

import re
from datetime import date
from itertools import combinations, permutations
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from tools.add_submittal_attachment import LocalArguments
from tools.core.arguments import (
    EXAMPLES,
    MANY_FILES,
    ONLY_IN_ACC,
    OptionalText,
    Project,
    ToolArguments,
    callable_arguments,
    read_arguments,
)
from tools.core.coercion import IGNORED, day_of
from tools.core.registry import definitions
from tools.errors.exceptions import InvalidArguments, RetryHint
from tools.find_submittals import SubmittalsArguments
from tools.next_steps.after_error import FailedCall, after_failure
from tools.next_steps.after_success import StepContext

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


def required(model: type[ToolArguments]) -> dict[str, Any]:
    return {name: EXAMPLES[name] for name, field in model.model_fields.items() if field.is_required()}


def least(model: type[ToolArguments]) -> dict[str, Any]:
    """A call with what its tool cannot do without."""
    kept, needs = callable_arguments(model, required(model), [])
    return kept | {name: EXAMPLES[name] for name in needs}


class InOneProject(SubmittalsArguments):
    """Arguments of every kind, one of them required."""

    project: Project


def refusal(**given: object) -> InvalidArguments:
    with pytest.raises(InvalidArguments) as caught:
        read_arguments(InOneProject, given)
    return caught.value


def test_an_unknown_argument_is_answered_with_the_nearest_and_with_all_valid_ones():
    problem = refusal(project="P", attachible=True)
    assert problem.message == "unknown argument 'attachible' (did you mean 'attachable'?)."
    assert problem.hint == (
        "Valid arguments: project, query, state, in_my_court, attachable, without_attachments, due_before, spec, "
        "contractor, response, limit, cursor."
    )
    assert problem.again == RetryHint({"project": "P", "attachable": True}, without=["project", "attachible"], needs=[])


@pytest.mark.parametrize("name", ["file_path", "file_paths", "files"])
def test_a_list_of_files_where_one_is_asked_for_is_answered_with_what_takes_many(name):
    with pytest.raises(InvalidArguments) as caught:
        read_arguments(LocalArguments, {"project": "P", "submittal": "S", name: ["a.pdf", "b.pdf"]})
    assert MANY_FILES in caught.value.hint


@pytest.mark.parametrize("name", ["replace", "overwrite_existing", "delete", "new_revision", "rename_to"])
def test_steps_that_only_a_person_can_take_in_acc_are_answered_as_such(name):
    assert ONLY_IN_ACC in refusal(project="P", **{name: True}).hint
    assert ONLY_IN_ACC not in refusal(project="P", atachable=True).hint


def test_a_required_argument_that_is_misspelt_is_not_asked_for_again():
    problem = refusal(projct="P", limit=5)
    assert "'project' is missing" in problem.message
    assert problem.again == RetryHint({"limit": 5, "project": "P"}, without=["projct", "limit"], needs=[])


@pytest.mark.parametrize("name", ["PROJECT", "Project", " project ", "projectName", "PROJECT_ID"])
def test_an_argument_is_known_in_whichever_case_it_is_written(name):
    with pytest.raises(InvalidArguments) as caught:
        read_arguments(SubmittalsArguments, {name: "Riverside"})
    assert caught.value.again is not None
    assert caught.value.again.arguments == {"project": "Riverside"}


def test_a_misspelt_argument_does_not_replace_one_that_is_spelt_right():
    assert refusal(project="P", projct="Q").again == RetryHint({"project": "P"}, ["project", "projct"], [])


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
        ({"project": {}}, "'project' must be a text, for example \"Riverside Medical Center\".", ["project"]),
        ({"project": True}, "'project' must be a text, for example \"Riverside Medical Center\".", ["project"]),
        (
            {"project": "\ud800"},
            "'project' has characters that are no text, for example \"Riverside Medical Center\".",
            ["project"],
        ),
        (
            {"project": "P", "query": ["beam", "slab"]},
            "'query' must be a text, for example \"beam drawings\".",
            ["query"],
        ),
        ({"project": "P", "limit": -1}, "'limit' must be at least 1, for example 20.", ["limit"]),
        ({"project": "P", "limit": 51}, "'limit' must be at most 50, for example 20.", ["limit"]),
        ({"project": "P", "limit": "20 rows"}, "'limit' must be a whole number, for example 20.", ["limit"]),
        ({"project": "P", "limit": 2.5}, "'limit' must be a whole number, for example 20.", ["limit"]),
        ({"project": "P", "limit": True}, "'limit' must be a whole number, for example 20.", ["limit"]),
        (
            {"project": "P", "attachable": "perhaps"},
            "'attachable' must be true or false, for example true.",
            ["attachable"],
        ),
        ({"project": "P", "attachable": 2}, "'attachable' must be true or false, for example true.", ["attachable"]),
        (
            {"project": "P", "state": "closed"},
            "'state' must be 'draft', 'sbc-1', 'mgr-1', 'rev', 'mgr-2', 'sbc-2', 'void' or 'open', for example [\"rev\"].",
            ["state"],
        ),
        (
            {"limit": -1, "project": ["P", "Q"]},
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


@pytest.mark.parametrize("tool", sorted(EVERY))
def test_a_text_that_no_one_pastes_as_a_whole_is_told_the_limit(tool):
    model = EVERY[tool].arguments
    for name in model.model_fields:
        if isinstance(EXAMPLES.get(name), str) and name not in ("category", "idempotency_key"):
            with pytest.raises(InvalidArguments, match=f"'{name}' may have 8000 characters at most"):
                read_arguments(model, required(model) | {name: "x" * 8001})


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


class EveryKind(ToolArguments):
    """An argument of each kind that a tool may have."""

    name: Annotated[str, Field(min_length=1)] = "n"
    text: OptionalText = None
    names: Annotated[list[str], Field(default_factory=list)]
    size: Annotated[int, Field(ge=1)] = 10
    pause: Annotated[int, Field(ge=0)] = 5
    wanted: bool = False
    way: Literal["final_response", "sbc-1"] | None = None
    ways: list[Literal["final_response", "sbc-1"]] | None = None


@pytest.mark.parametrize(
    ("argument", "written", "meant"),
    [
        ("size", ["20", " 20 ", "20.0", 20.0, '"20"', "+20", [20], ["20"]], 20),
        ("size", ["7"], 7),
        ("size", ["\u201c20\u201d", "`20`"], 20),
        (
            "wanted",
            ["true", "True", " TRUE ", '"true"', "yes", "1", 1, 1.0, [True], ["yes"], "y", "T", "\u2018on\u2019"],
            True,
        ),
        ("text", [7, 7.0, "7", ["7"], [7]], "7"),
        ("text", [51200.5], "51200.5"),
        ("names", ["a.pdf", ["a.pdf"], '["a.pdf"]', " a.pdf "], ["a.pdf"]),
        ("names", [["a", "b"], "a, b", "a\nb\n", '["a", "b"]'], ["a", "b"]),
        ("names", ['```json\n["a",\n"b"]\n```', "```\na\nb\n```", '("a", "b")', "'a' 'b'", '"a"\n"b"'], ["a", "b"]),
        ("names", ["'a, 1.pdf'  'b 2.pdf'"], ["a, 1.pdf", "b 2.pdf"]),
        ("names", ["```a.pdf```"], ["```a.pdf```"]),
        ("names", [[1, "2"], "1,2"], ["1", "2"]),
        ("names", ["['a', 'b']", ["a", "", None, "b"], '"a","b"', "a\r\nb"], ["a", "b"]),
        ("names", ['"a, 1.pdf", b.pdf', "['a, 1.pdf', 'b.pdf']"], ["a, 1.pdf", "b.pdf"]),
        ("ways", ["SBC-1", ["sbc_1"], '["SBC 1"]', "\u201csbc-1\u201d", ["sbc-1", ""]], ["sbc-1"]),
        ("ways", ["Final response, SBC-1", ["FINAL_RESPONSE", "'sbc-1'"]], ["final_response", "sbc-1"]),
        ("ways", [["final_response,sbc-1"], ["Final response, \u201cSBC-1\u201d"]], ["final_response", "sbc-1"]),
        ("way", ["final_response", "Final response", "FINAL-RESPONSE", " final_response "], "final_response"),
        ("way", ["SBC-1", "sbc_1", '"sbc-1"'], "sbc-1"),
        ("pause", [0, "0", 0.0], 0),
    ],
)
def test_a_value_that_has_one_meaning_is_taken_however_it_is_written(argument, written, meant):
    for one in written:
        assert read_arguments(EveryKind, {argument: one}).given() == {argument: meant}


LEFT_OUT = {
    "text": [None, "", "  ", '""', 0, False, [], {}, "null", "NULL", "None", "undefined", [""], [None], ["null"]],
    "names": [None, "", [], {}, 0, False, "null", [""], [None], ["null", " "]],
    "ways": [None, "", [], "none", [""], ["null"]],
    "size": [None, "", 0, 0.0, False, [], "null", "None", "undefined"],
    "wanted": [None, "", "null", [], False, "false", 0, "no"],
    "way": [None, "", 0, False, "null", "none"],
}


@pytest.mark.parametrize("argument", sorted(LEFT_OUT))
def test_placeholders_for_no_value_are_left_out(argument):
    for one in LEFT_OUT[argument]:
        assert read_arguments(EveryKind, {argument: one}).given() == {}


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("text", [True, ["a", "b"], {"a": 1}, float("nan"), float("inf"), 10**5000]),
        ("size", [True, "20 rows", 2.5, "2.5", "1e2", "\u0662", [20, 30], float("nan")]),
        ("wanted", ["perhaps", 2, 0.5, ["true", "false"], {"a": 1}]),
        ("way", ["response", 3, ["a", "b"]]),
        ("names", [True, [True], [["a", "b"]], {"a": 1}]),
        ("ways", ["response", ["sbc-1", "x"], [1]]),
    ],
)
def test_a_value_with_no_or_several_meanings_is_refused(argument, values):
    for one in values:
        with pytest.raises(InvalidArguments, match=f"'{argument}' must be"):
            read_arguments(EveryKind, {argument: one})


@pytest.mark.parametrize("tool", sorted(EVERY))
def test_arguments_that_n8n_adds_are_dropped_by_name(tool):
    model = EVERY[tool].arguments
    call = least(model)
    added = {"toolCallId": "c1", "sessionId": "s", "action": "sendMessage", "chatInput": "hi", "tool": tool}
    assert read_arguments(model, call | added).given() == call
    with pytest.raises(InvalidArguments, match="unknown argument 'chatinput'"):
        read_arguments(model, call | added | {"chatinput": "hi"})


def check_step_after(served, model, tool, call, *, local_files):
    """Check that the step after a refused call is callable as it stands."""
    try:
        read_arguments(model, call)
    except InvalidArguments as problem:
        failed = FailedCall("invalid_arguments", tool, call, problem.again)
        [step] = after_failure(failed, StepContext(local_files, read_only=False, max_wait_seconds=45))
        served[local_files].check(step)


@given(st.sampled_from(sorted(EVERY)), st.booleans(), st.data())
def test_a_step_after_refused_arguments_is_callable_as_it_stands(served, tool, local_files, data):
    [model] = [one.arguments for one in definitions(local_files=local_files) if one.name == tool]
    misspelt = [f"{name}s" for name in model.model_fields] + ["file", "file_paths", "filepath", "id"]
    names = st.sampled_from([*model.model_fields, *misspelt, *IGNORED])
    chosen = data.draw(st.dictionaries(names, json_values, max_size=6))
    check_step_after(served, model, tool, chosen, local_files=local_files)


SERVED = list(EVERY.items())
SERVED += [(one.name, one) for one in definitions(local_files=False) if one.arguments is not EVERY[one.name].arguments]


@pytest.mark.parametrize(("tool", "definition"), SERVED)
def test_a_step_after_arguments_that_do_not_go_together_is_callable_as_it_stands(served, tool, definition):
    model, local_files = definition.arguments, definition is EVERY[tool]
    names = [name for name in model.model_fields if name in EXAMPLES]
    calls = [{one: EXAMPLES[one], other: EXAMPLES[other]} for one, other in combinations(names, 2)]
    calls += [{one: EXAMPLES[one], f"{other}s": EXAMPLES[other]} for one, other in permutations(names, 2)]
    calls += [{one: EXAMPLES[one], other: {"odd": "value"}} for one, other in permutations(names, 2)]
    for call in ({**required(model), **call} for call in [{}, *calls]):
        check_step_after(served, model, tool, call, local_files=local_files)


def test_of_sources_that_exclude_each_other_one_is_asked_for():
    call = {"project": "P", "folder": ".", "file": ["a.pdf"]}
    with pytest.raises(InvalidArguments) as caught:
        read_arguments(EVERY["attach_files"].arguments, call)
    failed = FailedCall("invalid_arguments", "attach_files", call, caught.value.again)
    [step] = after_failure(failed, StepContext(local_files=True, read_only=False, max_wait_seconds=45))
    assert (step.arguments, step.needs) == ({"project": "P"}, ["folder"])


def test_a_misspelt_argument_of_another_kind_is_asked_for_and_not_offered():
    call = {"project": "P", "submittal": "S", "file_paths": ["a.pdf", "b.pdf"]}
    with pytest.raises(InvalidArguments) as caught:
        read_arguments(EVERY["add_submittal_attachment"].arguments, call)
    assert caught.value.again == RetryHint({"project": "P", "submittal": "S"}, list(call), ["file_path"])
    one = {**call, "file_paths": ["a.pdf"]}
    with pytest.raises(InvalidArguments) as caught:
        read_arguments(EVERY["add_submittal_attachment"].arguments, one)
    assert caught.value.again.arguments["file_path"] == "a.pdf"


@pytest.mark.parametrize(
    "written",
    [
        *("2026-12-31", "2026/12/31", "2026.12.31", "20261231", "2026\u201112\u201131", "\u201c2026-12-31\u201d"),
        *("2026-12-31T00:00:00Z", "2026-12-31 23:59", "31 December 2026", "Dec 31, 2026", "Thursday, 31st Dec 2026"),
    ],
)
def test_a_day_that_no_one_reads_otherwise_is_taken_however_it_is_written(written):
    assert day_of("due_date", written) == date(2026, 12, 31)


@pytest.mark.parametrize("written", ["31/12/2026", "12.11.2026", "tomorrow", "2026-13-01", "0001-01-01", "12-31"])
def test_a_day_that_could_be_another_is_refused(written):
    with pytest.raises(InvalidArguments, match="'due_before' must be a day such as 2026-12-31") as caught:
        day_of("due_before", written)
    assert caught.value.again.needs == ["due_before"]


def test_null_blank_and_default_are_as_good_as_left_out():
    chosen = read_arguments(
        InOneProject, {"project": " P ", "query": " ", "state": None, "limit": 20.0, "attachable": False}
    )
    assert chosen.given() == {"project": "P"}


def test_given_arguments_come_back_as_they_were_sent():
    sent = {"project": "P", "query": "beam", "state": ["rev"], "in_my_court": True, "limit": 5}
    assert read_arguments(InOneProject, sent).given() == sent


@pytest.mark.parametrize("tool", sorted(EVERY))
def test_every_argument_has_an_example_that_its_tool_takes(tool):
    model = EVERY[tool].arguments
    assert set(model.model_fields) - set(EXAMPLES) <= {"cursor", "plan"}
    for name, field in model.model_fields.items():
        if name in EXAMPLES:
            assert model.model_validate(required(model) | {name: EXAMPLES[name]}), field
