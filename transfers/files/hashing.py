"""Hashing of files: SHA-256 of the whole, for answers and logs, and a digest of each part, which guards it on its way.

The digest of a part is XXH3 of 128 bits with a seed drawn at random for each reading. It is to notice change, not an
enemy, who could write to the file as well: the proof that is published is the SHA-256 of the whole. It costs a
thirtieth of SHA-256 (docs/performance.md).
"""

import hashlib
import secrets
import threading
from dataclasses import dataclass
from typing import Final

import xxhash

from transfers.concurrency import ByteCounter
from transfers.files.local_file import LocalFile, chunks
from transfers.upload.part_plan import FilePart, PartPlan

HASHED_AT_ONCE: Final = 512 * 1024
"""One read while hashing. Bigger ones gain nothing; between two of them a reader can be stopped."""

SEED_BITS: Final = 63
"""As much as a whole number of any database holds."""


@dataclass(frozen=True)
class FileDigests:
    """In hex the SHA-256 of a whole file, and the digest of each part of its plan, made with `seed`."""

    whole: str
    parts: tuple[str, ...]
    seed: int


def new_seed() -> int:
    """Return a seed for the digests of one file's parts."""
    return secrets.randbits(SEED_BITS)


def part_hash(seed: int) -> xxhash.xxh3_128:
    """Return what hashes the bytes of one part."""
    return xxhash.xxh3_128(seed=seed)


class FilePass:
    """One reading of an open file from its start, part by part; each call blocks, one at a time."""

    def __init__(self, file: LocalFile, seed: int, progress: ByteCounter) -> None:
        self._file = file
        self._seed = seed
        self._progress = progress
        self._whole = hashlib.sha256()
        self._parts: list[str] = []

    def read(self, part: FilePart, stop: threading.Event) -> str:
        """Read the next part and return its digest.

        Raises:
            FileChanged: The file has become shorter. Whether it changed otherwise, `LocalFile.check_unchanged` tells.
            FileUnreadable: The operating system refused.
            InterruptedError: `stop` was set.
        """
        one = part_hash(self._seed)
        for offset, length in chunks(part, HASHED_AT_ONCE):
            if stop.is_set():
                raise InterruptedError
            data = self._file.read(length, offset)
            self._whole.update(data)
            one.update(data)
            self._progress.add(length)
        self._parts.append(one.hexdigest())
        return self._parts[-1]

    @property
    def digests(self) -> FileDigests:
        """The digests of what was read; of the file, once its last part was."""
        return FileDigests(self._whole.hexdigest(), tuple(self._parts), self._seed)


def hash_file(
    file: LocalFile, plan: PartPlan, progress: ByteCounter, stop: threading.Event, seed: int | None = None
) -> FileDigests:
    """Read a file once from end to end; a worker thread's job, about 0.7 s a gigabyte.

    Raises:
        FileChanged, FileUnreadable, InterruptedError: See `FilePass.read`.
    """
    reading = FilePass(file, new_seed() if seed is None else seed, progress)
    for part in plan:
        reading.read(part, stop)
    return reading.digests


def hash_part(file: LocalFile, part: FilePart, seed: int, stop: threading.Event) -> str:
    """Return the digest of one part of a file; blocks.

    Raises:
        FileChanged, FileUnreadable, InterruptedError: See `FilePass.read`.
    """
    return FilePass(file, seed, ByteCounter()).read(part, stop)
