"""Which transition words mean, what its body holds, and what is missing in it: pure, from ACC's permittedActions."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acc.models.submittals import Item, ReviewResponse
from tools.core.results import Party
from tools.errors.exceptions import InvalidArguments, TransitionNotPermitted
from tools.moves.transition_plan import MoveValues, ball_after, find_transition, plan_transition, words_onward

# Fact sheet 6, as a manager has them.
WAYS = {
    "draft": {"draft::sbc-1": ("Assign to Responsible Contractor", ["subcontractor", "subcontractorType"])},
    "sbc-1": {
        "sbc-1::mgr-1": ("Submit to Manager", ["manager"]),
        "sbc-1::void": ("Send to Void", None),
        "sbc-1::sbc-2": ("Close and distribute", ["responseId", "customIdentifier"]),
    },
    "mgr-1": {
        "mgr-1::sbc-1": (
            "Return to Responsible Contractor",
            ["subcontractor", "subcontractorType", "submitterDueDate"],
        ),
        "mgr-1::rev": ("Submit to Review", ["customIdentifier"]),
        "mgr-1::sbc-2": ("Close and distribute", ["responseId", "customIdentifier"]),
        "mgr-1::void": ("Send to Void", None),
    },
    "rev": {
        "rev::mgr-1": ("Return to Manager", ["manager", "managerType"]),
        "rev::sbc-2": ("Close and distribute", ["responseId", "customIdentifier"]),
        "rev::void": ("Send to Void", None),
    },
    "mgr-2": {
        "mgr-2::sbc-2": ("Close and distribute", ["responseId", "customIdentifier"]),
        "mgr-2::rev": ("Return for Review", ["stepDueDate"]),
        "mgr-2::void": ("Send to Void", None),
    },
    "sbc-2": {"sbc-2::mgr-2": ("Reopen to Manager", None)},
    "void": {},
}
APPROVED = ReviewResponse.model_validate({"id": "r-1", "value": "Approved", "isActive": True})
STEEL = Party(type="company", id="20031002", name=None)


def item(state: str, *, nested: bool = False, **fields: Any) -> Item:
    """A submittal in a state, with what a manager may do there."""
    transitions = []
    for name, (title, mandatory) in WAYS[state].items():
        source, _, target = name.partition("::")
        ends = {"stateFrom": {"id": source}, "stateTo": {"id": target}}
        listed = [mandatory] if nested and mandatory else mandatory
        transitions.append({"id": name, "name": title, "mandatoryFields": listed, **ends})
    action = {"id": "Item::wf_transition", "mandatoryFields": ["stateId"], "transitions": transitions}
    known = {"id": "i-1", "title": "Beams", "stateId": state, "customIdentifier": "3", "manager": "MANAGER00001"}
    return Item.model_validate({**known, "managerType": "1", **fields, "permittedActions": [action]})


@pytest.mark.parametrize(
    ("state", "to", "transition"),
    [
        ("sbc-1", "submit", "sbc-1::mgr-1"),
        ("sbc-1", "Submit to Manager", "sbc-1::mgr-1"),
        ("mgr-1", "review", "mgr-1::rev"),
        ("mgr-1", "REVIEW", "mgr-1::rev"),
        ("mgr-1", "rev", "mgr-1::rev"),
        ("mgr-1", "\u201creview\u201d", "mgr-1::rev"),
        ("mgr-1", "`MGR-1::REV`", "mgr-1::rev"),
        ("mgr-1", "mgr-1::rev", "mgr-1::rev"),
        ("mgr-1", "return", "mgr-1::sbc-1"),
        ("rev", "return", "rev::mgr-1"),
        ("mgr-2", "return", "mgr-2::rev"),
        ("mgr-2", "review", "mgr-2::rev"),
        *((state, "close", f"{state}::sbc-2") for state in ("sbc-1", "mgr-1", "rev", "mgr-2")),
        *((state, "void", f"{state}::void") for state in ("sbc-1", "mgr-1", "rev", "mgr-2")),
        ("sbc-2", "reopen", "sbc-2::mgr-2"),
        ("draft", "draft::sbc-1", "draft::sbc-1"),
    ],
)
def test_a_word_an_id_a_name_or_a_state_means_the_transition_that_is_permitted(state, to, transition):
    assert find_transition(item(state), to).id == transition


@given(st.sampled_from(sorted(WAYS)), st.text(max_size=12) | st.sampled_from(["submit", "review", "close", "reopen"]))
def test_only_a_permitted_transition_is_ever_found(state, to):
    refusals: list[TransitionNotPermitted] = []
    try:
        assert find_transition(item(state), to).id in WAYS[state]
    except TransitionNotPermitted as refusal:
        refusals.append(refusal)
    for refusal in refusals:
        assert [one.id for one in refusal.candidates] == list(WAYS[state])
        assert (refusal.again is None) == (not WAYS[state])


def test_where_a_submittal_is_already_is_said():
    with pytest.raises(TransitionNotPermitted, match="It is there already: in review"):
        find_transition(item("rev"), "review")
    with pytest.raises(TransitionNotPermitted, match="It cannot go there"):
        find_transition(item("rev"), "reopen")


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(
    ("state", "to", "values", "body", "missing"),
    [
        ("sbc-1", "submit", MoveValues(), {"stateId": "mgr-1", "manager": "MANAGER00001", "managerType": "1"}, []),
        ("mgr-1", "review", MoveValues(comment="please"), {"stateId": "rev", "mailNote": "please"}, []),
        (
            "mgr-1",
            "review",
            MoveValues(due_date=date(2026, 12, 31), copies=("a", "b")),
            {"stateId": "rev", "stepDueDate": "2026-12-31", "duplicateAttachments": ["a", "b"]},
            [],
        ),
        ("mgr-1", "close", MoveValues(), {"stateId": "sbc-2"}, [("responseId", "response")]),
        (
            "mgr-1",
            "close",
            MoveValues(response=APPROVED, comment="fine"),
            {"stateId": "sbc-2", "responseId": "r-1", "responseComment": "fine"},
            [],
        ),
        (
            "mgr-1",
            "return",
            MoveValues(),
            {"stateId": "sbc-1"},
            [("subcontractor", "to_person"), ("submitterDueDate", "due_date")],
        ),
        (
            "mgr-1",
            "return",
            MoveValues(person=STEEL, due_date=date(2026, 12, 31), comment="a page is missing"),
            {
                "stateId": "sbc-1",
                "subcontractor": "20031002",
                "subcontractorType": "2",
                "submitterDueDate": "2026-12-31",
                "mailNote": "a page is missing",
            },
            [],
        ),
        ("mgr-2", "return", MoveValues(), {"stateId": "rev"}, [("stepDueDate", "due_date")]),
        ("sbc-2", "reopen", MoveValues(), {"stateId": "mgr-2"}, []),
        ("rev", "void", MoveValues(), {"stateId": "void"}, []),
    ],
)
def test_a_body_holds_what_was_given_and_what_is_mandatory_and_known(state, to, values, body, missing, nested):
    here = item(state, nested=nested)
    plan = plan_transition(here, find_transition(here, to), values)
    assert plan.change.json() == body
    assert sorted(plan.missing) == sorted(missing)


def test_a_field_that_the_submittal_has_is_not_missing_but_a_number_cannot_be_given_here():
    here = item("mgr-1", subcontractor="20031002", subcontractorType="2", submitterDueDate="2026-12-01")
    back = plan_transition(here, find_transition(here, "return"), MoveValues())
    assert (back.missing, back.change.json()["submitterDueDate"]) == ((), "2026-12-01")
    unnumbered = item("mgr-1", customIdentifier=None)
    assert plan_transition(unnumbered, find_transition(unnumbered, "review"), MoveValues()).missing == (
        ("customIdentifier", None),
    )


def test_a_mandatory_field_that_no_document_knows_is_missing_without_an_argument():
    here = Item.model_validate(
        {
            "id": "i",
            "stateId": "mgr-1",
            "permittedActions": [
                {
                    "id": "Item::wf_transition",
                    "transitions": [{"id": "mgr-1::rev", "mandatoryFields": ["", "seal", "title", "responseId"]}],
                }
            ],
        }
    )
    plan = plan_transition(here, find_transition(here, "review"), MoveValues())
    assert plan.missing == (("seal", None), ("title", None), ("responseId", "response"))


@pytest.mark.parametrize(
    ("state", "to", "values", "argument"),
    [
        ("mgr-1", "review", MoveValues(person=STEEL), "to_person"),
        ("mgr-1", "close", MoveValues(person=STEEL), "to_person"),
        ("mgr-1", "void", MoveValues(due_date=date(2026, 12, 31)), "due_date"),
        ("mgr-1", "review", MoveValues(response=APPROVED), "response"),
        ("sbc-2", "reopen", MoveValues(response=APPROVED), "response"),
    ],
)
def test_a_value_that_does_not_go_with_the_transition_is_refused_by_its_argument(state, to, values, argument):
    here = item(state)
    with pytest.raises(InvalidArguments, match=f"'{argument}'") as refusal:
        plan_transition(here, find_transition(here, to), values)
    assert refusal.value.again is not None
    assert list(refusal.value.again.without) == [argument]


def test_the_ball_goes_to_the_party_of_the_state_or_to_the_one_that_was_named():
    here = item("mgr-1", subcontractor="SUB000000001")
    back = find_transition(here, "return")
    assert ball_after(here, plan_transition(here, back, MoveValues()).change) == ("SUB000000001", "1")
    assert ball_after(here, plan_transition(here, back, MoveValues(person=STEEL)).change) == ("20031002", "2")
    closing = plan_transition(here, find_transition(here, "close"), MoveValues(response=APPROVED)).change
    assert ball_after(here, closing) is None


def test_after_an_attach_a_submittal_is_submitted_or_sent_for_review():
    words = {state: words_onward(item(state)) for state in WAYS}
    assert {state: found for state, found in words.items() if found} == {
        "sbc-1": ["submit"],
        "mgr-1": ["review"],
        "mgr-2": ["review"],
    }
