"""A page of unfinished attachments goes on right behind its last row."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.transfers.rows import ROW
from tools.attachments.unfinished import place_of, position_after


@given(st.floats(min_value=1.0, max_value=2.0**40), st.text("0123456789abcdef-", max_size=40))
def test_a_position_tells_to_the_last_bit_when_its_row_was_created_and_which_one_it_is(created, job_id):
    assert place_of(position_after(replace(ROW, created=created, id=job_id))) == (created, job_id)
