"""What names mean in a move: responses, people and attachments, never guessed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acc.models.submittals import Attachment, Item, ReviewResponse, Task
from tools.errors.exceptions import AmbiguousReference, InvalidArguments, PersonNotFound
from tools.moves.names import choose_copies, fitting, match_party, match_response
from transfers.errors import AttachmentMissing

VALUES = ["Approved", "Approved as noted", "For record only", "Rejected", "Revise and resubmit"]
RESPONSES = [
    *(ReviewResponse.model_validate({"id": f"r-{n}", "value": one, "isActive": True}) for n, one in enumerate(VALUES)),
    ReviewResponse.model_validate({"id": "r-old", "value": "Make corrections", "isActive": False}),
]
ME, MANAGER, STEEL = "ME0000000001", "MANAGER00001", "STEEL0000001"
MEMBERS = {MANAGER: "Project Manager", STEEL: "Steel Subcontractor", "ENG000000001": "Structural Engineer"}
ITEM = Item.model_validate(
    {
        "id": "i",
        "manager": MANAGER,
        "managerType": "1",
        "subcontractor": "20031002",
        "subcontractorType": "2",
        "watchers": [{"id": "20032001", "userType": "3"}],
        "createdBy": "CREATOR00001",
    }
)
TASKS = [Task.model_validate({"id": "t", "assignedTo": "20031004", "assignedToType": "2"})]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("approved", "Approved"),
        ("Approved.", "Approved"),
        ("approved as noted", "Approved as noted"),
        ("as noted", "Approved as noted"),
        ("noted", "Approved as noted"),
        ("reject", "Rejected"),
        ("revise & resubmit", "Revise and resubmit"),
        ("r-2", "For record only"),
        ("\u201cR-2\u201d,", "For record only"),
        ("`Approved`", "Approved"),
    ],
)
def test_a_response_is_found_by_its_words_or_its_id(text, value):
    assert match_response(text, RESPONSES).value == value


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("make corrections", InvalidArguments, "no longer active"),
        ("r-old", InvalidArguments, "no longer active"),
        ("splendid", InvalidArguments, "none of the project's"),
        ("re", InvalidArguments, "none of the project's"),
        ("resubmit rejected", InvalidArguments, "none of the project's"),
        ("appro", AmbiguousReference, "2 responses"),
    ],
)
def test_a_response_that_is_none_not_active_or_not_clear_names_those_there_are(text, error, words):
    with pytest.raises(error, match=words) as refusal:
        match_response(text, RESPONSES)
    assert {one.name for one in refusal.value.candidates} <= set(VALUES)
    assert refusal.value.candidates


def test_a_response_counts_as_active_where_acc_does_not_say():
    assert match_response("yes", [ReviewResponse.model_validate({"id": "r", "value": "Yes"})]).id == "r"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("me", ("user", ME)),
        ("ME", ("user", ME)),
        ("manager", ("user", MANAGER)),
        ("the contractor", ("company", "20031002")),
        ("contractor", ("company", "20031002")),
        ("Responsible Contractor", ("company", "20031002")),
        ("20031002", ("company", "20031002")),
        ("20032001", ("role", "20032001")),
        ("20031004", ("company", "20031004")),
        ("CREATOR00001", ("user", "CREATOR00001")),
        ("`creator00001`", ("user", "CREATOR00001")),
        ("\u201cme\u201d", ("user", ME)),
        ("<steel0000001>", ("user", STEEL)),
        ("Steel\u00a0Subcontractor\u200b", ("user", STEEL)),
        ("structural engineer", ("user", "ENG000000001")),
        ("engineer", ("user", "ENG000000001")),
        ("Steel", ("user", STEEL)),
        ("99999999", None),
        ("STRANGER0001", None),
        ("Unknown Person", None),
    ],
)
def test_a_person_is_found_by_id_me_a_part_in_the_submittal_or_a_members_name(text, found):
    if found is None:
        with pytest.raises(PersonNotFound) as refusal:
            match_party(text, ME, ITEM, TASKS, MEMBERS)
        assert refusal.value.candidates
    else:
        party = match_party(text, ME, ITEM, TASKS, MEMBERS)
        assert (party.type, party.id) == found


def test_a_name_of_two_people_is_ambiguous():
    with pytest.raises(AmbiguousReference) as refusal:
        match_party("Structural Engineer", ME, ITEM, TASKS, {**MEMBERS, "ENG000000002": "Structural Engineer"})
    assert [one.id for one in refusal.value.candidates] == ["ENG000000001", "ENG000000002"]


def test_without_a_list_of_members_an_autodesk_id_is_taken_and_a_name_is_not():
    assert match_party("MFEGJ9W5GGQL", ME, ITEM, TASKS, {}).id == "MFEGJ9W5GGQL"
    with pytest.raises(PersonNotFound, match="does not show"):
        match_party("Steel Subcontractor", ME, ITEM, TASKS, {})


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=6))
def test_a_fitting_name_is_equal_or_holds_every_word(text, names):
    places = fitting(text, names)
    assert len(places) == len(set(places)) <= len(names)
    for name in names:
        if name.isascii() and name.replace(" ", "").isalpha():
            assert names.index(name) in fitting(name, names)


def row(id_: str, name: str = "a.pdf", **fields: Any) -> Attachment:
    return Attachment.model_validate({"id": id_, "name": name, "isFileUploaded": True, "asyncState": "3", **fields})


FIRST, SECOND = "1" * 8 + "-1111-4111-8111-" + "1" * 12, "2" * 8 + "-1111-4111-8111-" + "2" * 12
ROWS = [
    row(FIRST, "Beam schedule.pdf"),
    row(SECOND, "Beam schedule.pdf", duplicatedFrom=FIRST),
    row("3", "columns.pdf"),
    row("4", "late.pdf", isFileUploaded=False),
    row("5", "broken.pdf", asyncState="4"),
]


def test_all_are_those_that_can_be_taken_along_and_have_no_copy_yet():
    assert [one.id for one in choose_copies(["all"], ROWS)] == [SECOND, "3"]
    assert [one.id for one in choose_copies(["ALL", "columns.pdf"], ROWS)] == [SECOND, "3"]


def test_an_attachment_is_taken_along_by_its_id_or_by_a_name_that_one_has():
    assert [one.id for one in choose_copies(["Columns.pdf", FIRST.upper()], ROWS)] == ["3", FIRST]
    pasted = ["\u201ccolumns.pdf\u201d,", "col\u200bumns.PDF", "- columns.pdf"]
    assert {one.id for text in pasted for one in choose_copies([text], ROWS)} == {"3"}
    for text in (f"`{FIRST}`", f"urn:uuid:{FIRST}", FIRST.replace("-", ""), FIRST.replace("-", "\u2011")):
        assert [one.id for one in choose_copies([text], ROWS)] == [FIRST]
    assert choose_copies(["\u201call\u201d"], ROWS) == choose_copies(["all"], ROWS)
    assert choose_copies([], ROWS) == []
    named_so = [row("6", "all")]
    assert choose_copies(["all"], named_so) == named_so


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("beam schedule.pdf", AmbiguousReference),
        ("late.pdf", InvalidArguments),
        ("broken.pdf", InvalidArguments),
        ("roof.pdf", AttachmentMissing),
    ],
)
def test_an_attachment_that_is_not_clear_not_visible_or_not_there_is_refused(text, error):
    with pytest.raises(error):
        choose_copies([text], ROWS)
