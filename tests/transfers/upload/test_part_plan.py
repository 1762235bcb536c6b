"""How a file is cut: every byte once, in parts that S3 takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfers.upload.part_plan import MAX_PARTS, MAX_URLS_A_REQUEST, MIN_PART_BYTES, FilePart, next_batch, plan_parts

MIB = 1024**2
LARGEST_PART = 5 * 1024**3
FIVE_TIB = 5 * 1024**4

sizes = st.one_of(
    st.integers(1, FIVE_TIB),
    st.integers(1, 3 * MIN_PART_BYTES),
    st.integers(-2, 2).map(lambda off: 32 * MIB * MAX_PARTS + off),
    st.sampled_from([1, FIVE_TIB]),
)


@given(sizes)
def test_a_plan_stays_within_what_s3_takes(size: int) -> None:
    plan = plan_parts(size)
    assert 1 <= plan.count <= MAX_PARTS
    assert MIN_PART_BYTES <= plan.part_size <= LARGEST_PART
    assert 1 <= plan.part(plan.count).length <= plan.part_size


@given(sizes)
def test_parts_follow_each_other_from_the_first_byte_to_the_last(size: int) -> None:
    plan = plan_parts(size)
    assert plan.part(1).offset == 0
    assert plan.part(plan.count).offset + plan.part(plan.count).length == size
    # Every part but the last is whole, so the seam between any two is a multiple of the part size.
    for number in {1, 2, plan.count // 2, plan.count - 1} & set(range(1, plan.count)):
        part, following = plan.part(number), plan.part(number + 1)
        assert part.number == number
        assert part.length == plan.part_size
        assert part.offset + part.length == following.offset


@given(st.integers(1, 40 * MIN_PART_BYTES))
def test_iterating_a_plan_covers_every_byte_once(size: int) -> None:
    end = 0
    for number, part in enumerate(plan_parts(size), 1):
        assert (part.number, part.offset) == (number, end)
        end += part.length
    assert end == size


@pytest.mark.parametrize(
    ("size", "lengths"),
    [
        (1, [1]),
        (MIN_PART_BYTES - 1, [MIN_PART_BYTES - 1]),
        (MIN_PART_BYTES, [MIN_PART_BYTES]),
        (MIN_PART_BYTES + 1, [MIN_PART_BYTES, 1]),
        (2 * MIN_PART_BYTES, [MIN_PART_BYTES, MIN_PART_BYTES]),
    ],
)
def test_a_small_file_is_cut_into_the_smallest_parts(size: int, lengths: list[int]) -> None:
    assert [part.length for part in plan_parts(size)] == lengths


@pytest.mark.parametrize(
    ("size", "part_mib"),
    [
        (40 * MIB, 5),
        (40 * MIB + 1, 6),
        (128 * MIB, 16),
        (256 * MIB, 32),
        (1024 * MIB, 32),
        (8 * 1024 * MIB, 32),
        (32 * MIB * MAX_PARTS, 32),
        (32 * MIB * MAX_PARTS + 1, 33),
    ],
)
def test_parts_grow_with_the_file_then_rest_until_ten_thousand_would_not_suffice(size: int, part_mib: int) -> None:
    assert plan_parts(size).part_size == part_mib * MIB


def test_a_file_of_no_bytes_has_no_plan() -> None:
    with pytest.raises(ValueError, match="no bytes"):
        plan_parts(0)


@pytest.mark.parametrize("number", [0, 4])
def test_a_plan_has_no_other_parts_than_its_own(number: int) -> None:
    plan = plan_parts(2 * MIN_PART_BYTES + 1)
    assert plan.part(3) == FilePart(3, 2 * MIN_PART_BYTES, 1)
    with pytest.raises(IndexError):
        plan.part(number)


@given(sizes, st.integers(1, 16), st.data())
def test_a_batch_of_urls_is_small_and_ends_with_the_plan(size: int, parallel: int, data: st.DataObject) -> None:
    plan = plan_parts(size)
    first = data.draw(st.integers(1, plan.count))
    batch = next_batch(plan, first, parallel)
    assert 1 <= batch <= min(MAX_URLS_A_REQUEST, 2 * parallel)
    assert first + batch - 1 <= plan.count
    assert batch == min(MAX_URLS_A_REQUEST, 2 * parallel, plan.count - first + 1)
