"""Parts of one upload: how a file is split into what storage takes (fact sheet 8), and which parts it has."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import anyio

from transfers.concurrency import ByteCounter

MIN_PART_BYTES: Final = 5 * 1024 * 1024
"""S3's smallest part, the last one excepted."""

USUAL_PARTS: Final = 8
"""How many parts a file is cut into where they would be neither too small nor too large: each has a cost of its own."""

LARGEST_USUAL_PART_BYTES: Final = 32 * 1024 * 1024
"""A part that is cut off is sent again from its first byte, so parts grow no further until there would be too many."""

MAX_PARTS: Final = 10_000
"""S3's most parts in one upload; beyond 312.5 GiB the parts must grow further."""

MAX_URLS_A_REQUEST: Final = 25
"""The most that one `signeds3upload` request signs."""

LIFE_SECONDS: Final = 23 * 3600.0
"""Storage discards parts that are not completed within 24 hours (fact sheet 8); an hour is left for completing."""

_MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class FilePart:
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
        """Number of parts, at least one."""
        return -(-self.size // self.part_size)

    def part(self, number: int) -> FilePart:
        """Return part `number`, counted from 1.

        Raises:
            IndexError: `number` is not one of 1 to `count`.
        """
        if not 1 <= number <= self.count:
            raise IndexError(f"part {number} of {self.count}")
        offset = (number - 1) * self.part_size
        return FilePart(number, offset, min(self.part_size, self.size - offset))

    def __iter__(self) -> Iterator[FilePart]:
        return (self.part(number) for number in range(1, self.count + 1))


def plan_parts(size: int) -> PartPlan:
    """Cut `size` bytes (at least one) into parts of 5 MiB; from 40 MiB on into 8 parts, from 256 MiB on of 32 MiB.

    Raises:
        ValueError: `size` is not positive; an empty file is refused before planning.
    """
    if size < 1:
        raise ValueError("a file of no bytes has no parts")
    usual = min(_whole(size, USUAL_PARTS), LARGEST_USUAL_PART_BYTES)
    return PartPlan(size, max(MIN_PART_BYTES, usual, _whole(size, MAX_PARTS)))


def _whole(size: int, parts: int) -> int:
    """Return the smallest number of whole MiB of which `parts` hold `size` bytes."""
    return -(-size // (parts * _MIB)) * _MIB


def next_batch(plan: PartPlan, first: int, parallel: int) -> int:
    """Return how many URLs to ask for from part `first` on.

    Twice as many as go out at once: few enough that none lies about until it expires, enough that no sender waits for
    a signature each time.
    """
    return min(MAX_URLS_A_REQUEST, 2 * parallel, plan.count - first + 1)


@dataclass
class UploadState:
    """One upload: its key, when its first URL was signed (on the clock of the job), and the ETag of every part taken.

    `digests` are what the parts taken were hashed to. `progress` counts the bytes of those parts and of the ones on
    their way. `news` are parts that were taken since the list was last emptied; `more` is set when there are any, and
    `taken` with each part.
    """

    upload_key: str | None = None
    begun: float | None = None
    etags: dict[int, str] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)
    progress: ByteCounter = field(default_factory=ByteCounter)
    news: list[FilePart] = field(default_factory=list)
    more: anyio.Event = field(default_factory=anyio.Event)
    taken: anyio.Event = field(default_factory=anyio.Event)

    def add(self, part: FilePart, etag: str, digest: str) -> None:
        """Note that storage has a part."""
        self.etags[part.number], self.digests[part.number] = etag, digest
        self.news.append(part)
        self.more.set()
        self.taken.set()
        self.taken = anyio.Event()

    def restart(self) -> None:
        """Forget the upload and all its parts: another one of the same file begins."""
        self.upload_key = self.begun = None
        self.etags.clear()
        self.digests.clear()
        self.news.clear()
        self.progress.add(-self.progress.value)

    def too_old(self, now: float) -> bool:
        """Whether no further part should be sent: storage is about to discard them all."""
        return self.begun is not None and now - self.begun > LIFE_SECONDS

    def missing(self, plan: PartPlan) -> list[FilePart]:
        """Return the parts that have yet to be sent."""
        return [part for part in plan if part.number not in self.etags]

    def in_order(self, plan: PartPlan) -> list[str]:
        """Return the ETags of all parts.

        Raises:
            KeyError: A part has not been sent.
        """
        return [self.etags[part.number] for part in plan]

    def drop(self, part: FilePart) -> None:
        """Forget a part that storage turned out not to have."""
        self.digests.pop(part.number, None)
        if self.etags.pop(part.number, None) is not None:
            self.progress.add(-part.length)
