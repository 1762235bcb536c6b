"""How a file is cut into the parts that storage takes (fact sheet 8)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MIN_PART_BYTES: Final = 5 * 1024 * 1024
"""S3's smallest part, the last one excepted. Also our usual part: a lost part costs little to send again."""

MAX_PARTS: Final = 10_000
"""S3's most parts in one upload; beyond 48.8 GiB the parts must grow."""

MAX_URLS_A_REQUEST: Final = 25
"""The most that one `signeds3upload` request signs."""

_GROWTH: Final = 1024 * 1024


@dataclass(frozen=True)
class Part:
    """One piece of a file: `number` counts from 1, `offset` and `length` are bytes."""

    number: int
    offset: int
    length: int


@dataclass(frozen=True)
class PartPlan:
    """The cut of a file of `size` bytes into `count` parts of `part_size` bytes, the last one shorter or equal."""

    size: int
    part_size: int

    @property
    def count(self) -> int:
        """How many parts there are, at least one."""
        return -(-self.size // self.part_size)

    def part(self, number: int) -> Part:
        """Return part `number`, counted from 1.

        Raises:
            IndexError: `number` is not one of 1 to `count`.
        """
        if not 1 <= number <= self.count:
            raise IndexError(f"part {number} of {self.count}")
        offset = (number - 1) * self.part_size
        return Part(number, offset, min(self.part_size, self.size - offset))

    def __iter__(self) -> Iterator[Part]:
        return (self.part(number) for number in range(1, self.count + 1))


def plan_parts(size: int) -> PartPlan:
    """Cut `size` bytes (at least one) into the smallest parts that S3 takes and that 10,000 of suffice.

    Raises:
        ValueError: `size` is not positive; an empty file is refused before planning.
    """
    if size < 1:
        raise ValueError("a file of no bytes has no parts")
    needed = -(-size // MAX_PARTS)
    grown = -(-needed // _GROWTH) * _GROWTH
    return PartPlan(size, max(MIN_PART_BYTES, grown))


def next_batch(plan: PartPlan, first: int, parallel: int) -> int:
    """Return how many URLs to ask for from part `first` on.

    Twice as many as go out at once: few enough that none lies about until it expires, enough that no sender waits for
    a signature each time.
    """
    return min(MAX_URLS_A_REQUEST, 2 * parallel, plan.count - first + 1)
