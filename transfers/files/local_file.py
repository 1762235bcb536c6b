"""A local file held open for the whole transfer, the stamp that shows whether it changed on the way, and its hashing.

Hashed are the whole, by SHA-256, for answers and logs, and each part, which its digest guards on its way. The digest of
a part is XXH3 of 128 bits with a seed drawn at random for each reading. It is to notice change, not an enemy, who could
write to the file as well: the proof that is published is the SHA-256 of the whole. It costs a thirtieth of SHA-256
(docs/performance.md).
"""

import hashlib
import os
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

import xxhash

from transfers.concurrency import ByteCounter
from transfers.errors import FileChanged, FileEmpty, FileNotAllowed, FileTooLarge, FileTypeNotAllowed, FileUnreadable
from transfers.files.allowed_folders import AllowedFolders, OpenedFile
from transfers.files.names import extension_of
from transfers.files.os_compat import PositionedReader, change_time_ns, is_open_for_writing, is_placeholder
from transfers.upload.part_plan import FilePart, PartPlan

CHUNK_BYTES: Final = 256 * 1024
"""One read. Bigger ones gain nothing and cost memory a sender; smaller ones cost system calls (docs/performance)."""

GRAIN_SECONDS: Final = 2.0
"""The coarsest clock of a file system (FAT's): two changes within this time may leave the same times behind."""


class FileStamp(NamedTuple):
    """Identity of a file's content at one moment: differs from every other file's, and after a change; `size` in bytes.

    `changed_ns` is its change time, 0 where it is not known (Windows, and jobs of earlier versions).
    """

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int = 0

    def is_settled(self, now: float) -> bool:
        """Whether a change after `now` (seconds since 1970) is sure to leave another stamp behind."""
        return (self.changed_ns or self.modified_ns) < (now - GRAIN_SECONDS) * 1e9


@dataclass(frozen=True)
class FilePolicy:
    """Policy for files to attach: extensions (lower case, no dot; none means all) and a size in bytes.

    Where it is `strict`, what would be a warning about a file refuses it.
    """

    types: frozenset[str]
    max_bytes: int
    strict: bool = False

    def check(self, name: str, size: int | None, given: str | None = None) -> None:
        """Require that a file called `name` may be attached, whatever its source; `size` is None where unknown.

        `given` is what the caller called it, if not so.

        Raises:
            FileTypeNotAllowed, FileEmpty, FileTooLarge: It may not be.
        """
        given = name if given is None else given
        extension = extension_of(name).removeprefix(".").lower()
        if self.types and extension not in self.types:
            raise FileTypeNotAllowed(given, tuple(sorted(self.types)))
        if size == 0:
            raise FileEmpty(given)
        if size is not None and size > self.max_bytes:
            raise FileTooLarge(given, size, self.max_bytes)


class LocalFile:
    """A file opened once. Size, time and identity are those of that moment; every read goes through its descriptor.

    Close it only after every thread that reads it has ended: the system gives a closed descriptor's number to others.
    """

    def __init__(self, opened: OpenedFile, given: str) -> None:
        self.given = given
        self._fd = opened.fd
        self.path: Path = opened.path
        self._reader = PositionedReader(opened.fd)
        self._opened_ns = time.time_ns()
        self.is_open_for_writing = is_open_for_writing(opened.fd)
        self._first = os.fstat(opened.fd)

    @classmethod
    def open(cls, path: str, folders: AllowedFolders, rules: FilePolicy) -> Self:
        """Open `path` beneath `folders` and hold it against `rules`.

        Raises:
            FileProblem: Missing, not allowed, empty, too large, of another type, unreadable.
        """
        file = cls(folders.open(path), path)
        try:
            file._require_content()
            rules.check(file.name, file.size, path)
        except BaseException:
            file.close()
            raise
        return file

    def _require_content(self) -> None:
        """Tell a placeholder whose content is in a cloud from an empty file."""
        if self.size == 0 and is_placeholder(self._first):
            raise FileNotAllowed(self.given, "placeholder")

    @property
    def name(self) -> str:
        """The base name as the file system has it."""
        return self.path.name

    @property
    def size(self) -> int:
        """Bytes when it was opened."""
        return self._first.st_size

    @property
    def stamp(self) -> FileStamp:
        """Stamp of this file from the file system, as it was when opened."""
        return _identity(self._first)

    @property
    def identity(self) -> FileStamp:
        """Identity that tells this file, as it was when opened, from every other.

        A program that has it open can write to it by way of its memory, which the file system notices only now and
        then: so of such a file no two openings are the same, and its bytes decide.
        """
        return self.stamp._replace(changed_ns=self._opened_ns) if self.is_open_for_writing else self.stamp

    def fileno(self) -> int:
        """Return the descriptor, for the operating system's own calls."""
        return self._fd

    def read(self, length: int, offset: int) -> bytes:
        """Return exactly `length` bytes from `offset` on, from any thread.

        Raises:
            FileChanged: The file has become shorter.
            FileNotAllowed: Its content is in a cloud that did not send it.
            FileUnreadable: The operating system refused (a network drive that went away).
        """
        pieces = []
        while length:
            try:
                piece = self._reader.read(length, offset)
            except OSError as cause:
                if is_placeholder(self._first):  # reading it fetches the content, and its cloud is out of reach
                    raise FileNotAllowed(self.given, "placeholder") from cause
                raise FileUnreadable(self.given, reason=cause.strerror or type(cause).__name__) from cause
            if not piece:
                raise FileChanged(self.given)
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def check_unchanged(self) -> None:
        """Compare size, times and identity with those of the opening.

        Raises:
            FileChanged: One of them differs, for the open file or for what its path names now.
        """
        try:
            seen = (os.fstat(self._fd), self.path.stat(follow_symlinks=False))
        except OSError as cause:
            raise FileChanged(self.given) from cause
        if any(_identity(one) != _identity(self._first) for one in seen):
            raise FileChanged(self.given)

    def close(self) -> None:
        """Give the descriptor back; harmless the second time."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def chunks(part: FilePart, size: int = CHUNK_BYTES) -> list[tuple[int, int]]:
    """Return (offset, length) of each read of a part, `size` bytes at once."""
    end = part.offset + part.length
    return [(offset, min(size, end - offset)) for offset in range(part.offset, end, size)]


def _identity(seen: os.stat_result) -> FileStamp:
    return FileStamp(seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, change_time_ns(seen))


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
