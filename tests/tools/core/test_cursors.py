"""A cursor goes on where its own list stopped, for its own person, and is good for nothing else."""

import base64

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tools.core.cursors import CursorSigner, InvalidCursor

ARGUMENTS = {"project": "Riverside", "state": "rev", "attachable": True}

arguments = st.dictionaries(
    st.text(max_size=8), st.one_of(st.text(max_size=8), st.booleans(), st.integers()), max_size=4
)


@given(st.text(max_size=12), st.sampled_from(["find_submittals", "find_projects"]), arguments, st.integers(0, 2**400))
def test_a_cursor_leads_back_to_its_position(person, tool, chosen, position):
    cursors = CursorSigner()
    assert (
        cursors.read(cursors.make(person, tool, chosen, position), person, tool, dict(reversed(chosen.items())))
        == position
    )


@given(st.integers(0, 23), st.integers(0, 7))
def test_a_cursor_with_any_bit_changed_is_refused(place, bit):
    cursors = CursorSigner()
    raw = bytearray(base64.urlsafe_b64decode(cursors.make("A", "find_submittals", ARGUMENTS, 20)))
    assert len(raw) == 24
    raw[place] ^= 1 << bit
    with pytest.raises(InvalidCursor):
        cursors.read(base64.urlsafe_b64encode(raw).decode(), "A", "find_submittals", ARGUMENTS)


@given(st.text(max_size=40))
def test_text_that_is_no_cursor_is_refused(text):
    with pytest.raises(InvalidCursor):
        CursorSigner().read(text, "A", "find_submittals", ARGUMENTS)


@given(st.integers(0, 31), st.characters())
def test_a_cursor_with_any_character_replaced_is_refused(place, character):
    cursors = CursorSigner()
    cursor = cursors.make("A", "find_submittals", ARGUMENTS, 20)
    assume(cursor[place] != character)
    with pytest.raises(InvalidCursor):
        cursors.read(cursor[:place] + character + cursor[place + 1 :], "A", "find_submittals", ARGUMENTS)


@pytest.mark.parametrize(
    ("person", "tool", "chosen"),
    [
        ("B", "find_submittals", ARGUMENTS),
        ("A", "find_project_files", ARGUMENTS),
        ("A", "find_submittals", {**ARGUMENTS, "state": "mgr-1"}),
        ("A", "find_submittals", {**ARGUMENTS, "query": "beam"}),
        ("A", "find_submittals", {name: ARGUMENTS[name] for name in ("project", "state")}),
    ],
    ids=["another person", "another tool", "another argument", "one argument more", "one argument less"],
)
def test_a_cursor_is_good_for_its_own_list_only(person, tool, chosen):
    cursors = CursorSigner()
    cursor = cursors.make("A", "find_submittals", ARGUMENTS, 20)
    with pytest.raises(InvalidCursor):
        cursors.read(cursor, person, tool, chosen)


def test_a_cursor_of_an_earlier_run_is_refused():
    cursor = CursorSigner().make("A", "find_submittals", ARGUMENTS, 20)
    with pytest.raises(InvalidCursor):
        CursorSigner().read(cursor, "A", "find_submittals", ARGUMENTS)
