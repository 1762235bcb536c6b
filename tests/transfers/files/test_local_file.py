"""A file held open: its digests are those of its bytes, and whatever happens to it meanwhile is noticed."""

import errno
import hashlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from transfers.concurrency import ByteCounter
from transfers.errors import (
    FileChanged,
    FileEmpty,
    FileMissing,
    FileNotAllowed,
    FileTooLarge,
    FileTypeNotAllowed,
    FileUnreadable,
)
from transfers.files.allowed_folders import AllowedFolders
from transfers.files.local_file import CHUNK_BYTES, FilePolicy, FileStamp, LocalFile, chunks, hash_file
from transfers.idempotency import AttachTarget
from transfers.jobs.local_file import LocalFileJob
from transfers.upload.part_plan import FilePart, PartPlan

ANY = FilePolicy(frozenset(), 10**9)
LATER_NS = 2_000_000_000_000_000_000


def open_in(folder: Path, name: str = "beam.pdf", rules: FilePolicy = ANY) -> LocalFile:
    return LocalFile.open(name, AllowedFolders([folder]), rules)


SEED = 7


def digests_of(file: LocalFile, plan: PartPlan, counter: ByteCounter | None = None) -> tuple[str, tuple[str, ...]]:
    found = hash_file(file, plan, counter or ByteCounter(), threading.Event(), SEED)
    return found.whole, found.parts


@pytest.mark.parametrize("size", [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 17])
@pytest.mark.parametrize("part_size", [CHUNK_BYTES, CHUNK_BYTES + 1, 10 * CHUNK_BYTES])
def test_digests_are_those_of_the_whole_and_of_each_part(folder: Path, size: int, part_size: int) -> None:
    content = os.urandom(size)
    (folder / "beam.pdf").write_bytes(content)
    counter = ByteCounter()
    with open_in(folder) as file:
        whole, parts = digests_of(file, PartPlan(size, part_size), counter)
    assert whole == hashlib.sha256(content).hexdigest()
    pieces = [content[start : start + part_size] for start in range(0, size, part_size)]
    assert list(parts) == [xxhash.xxh3_128(piece, seed=SEED).hexdigest() for piece in pieces]
    assert counter.value == size


WINDOWS_RECALL, WINDOWS_OFFLINE = {"st_file_attributes": 0x400020}, {"st_file_attributes": 0x1020}
MACOS_DATALESS = {"st_flags": 0x40000040}


@pytest.fixture
def flagged(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, int]], None]:
    """Make the system say of every open file that it has these flags, as Windows and macOS do of placeholders."""
    real = os.fstat

    def say(flags: dict[str, int]) -> None:
        def fstat(fd: int) -> Any:
            seen = real(fd)
            return SimpleNamespace(
                **{name: getattr(seen, name) for name in dir(seen) if name.startswith("st_")} | flags
            )

        monkeypatch.setattr(os, "fstat", fstat)

    return say


@pytest.mark.parametrize("flags", [WINDOWS_RECALL, WINDOWS_OFFLINE, MACOS_DATALESS], ids=str)
def test_an_empty_placeholder_of_a_cloud_is_told_apart_from_an_empty_file(
    folder: Path, flagged: Callable[[dict[str, int]], None], flags: dict[str, int]
) -> None:
    (folder / "beam.pdf").write_bytes(b"")
    flagged({"st_file_attributes": 0x20, "st_flags": 0x40})
    with pytest.raises(FileEmpty):
        open_in(folder)
    flagged(flags)
    with pytest.raises(FileNotAllowed) as caught:
        open_in(folder)
    assert caught.value.why == "placeholder"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pread")
def test_a_placeholder_is_read_where_its_cloud_sends_it_and_called_one_where_it_does_not(
    folder: Path, flagged: Callable[[dict[str, int]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "beam.pdf").write_bytes(b"beam")
    flagged(MACOS_DATALESS)
    with open_in(folder) as file:
        assert file.read(4, 0) == b"beam"

        def out_of_reach(*_: object) -> bytes:
            raise OSError(errno.EDEADLK, os.strerror(errno.EDEADLK))

        monkeypatch.setattr(os, "pread", out_of_reach)
        with pytest.raises(FileNotAllowed) as caught:
            file.read(4, 0)
        assert caught.value.why == "placeholder"
        flagged({})
    with open_in(folder) as file, pytest.raises(FileUnreadable):
        file.read(4, 0)


@given(st.integers(0, 3 * CHUNK_BYTES), st.integers(1, 5 * CHUNK_BYTES))
def test_a_part_is_read_from_end_to_end_in_chunks(offset: int, length: int) -> None:
    reads = chunks(FilePart(1, offset, length))
    assert all(0 < size <= CHUNK_BYTES for _, size in reads)
    end = offset
    for start, size in reads:
        assert start == end
        end += size
    assert end == offset + length


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shrink(path: Path) -> None:
    os.truncate(path, 2)


def rewrite(path: Path) -> None:
    path.write_bytes(b"BEAM")
    os.utime(path, ns=(LATER_NS, LATER_NS))


def replace(path: Path) -> None:
    """Another file with the same bytes, size and times, as an editor leaves behind that writes beside and renames."""
    before = path.stat()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def rewrite_with_the_same_times(path: Path) -> None:
    before = path.stat()
    path.write_bytes(b"BEAM")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def delete(path: Path) -> None:
    path.unlink()


def link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


@pytest.mark.parametrize("change", [grow, shrink, rewrite, rewrite_with_the_same_times, replace, delete, link])
def test_whatever_happens_to_an_open_file_is_noticed(folder: Path, change: Callable[[Path], None]) -> None:
    with open_in(folder) as file:
        file.check_unchanged()
        change(folder / "beam.pdf")
        with pytest.raises(FileChanged):
            file.check_unchanged()


def test_a_file_that_ends_early_is_noticed_while_it_is_read(folder: Path) -> None:
    with open_in(folder) as file:
        shrink(folder / "beam.pdf")
        assert file.read(2, 0) == b"be"
        with pytest.raises(FileChanged):
            file.read(4, 0)


def test_reading_stops_when_it_is_cancelled(folder: Path) -> None:
    stop = threading.Event()
    stop.set()
    with open_in(folder) as file, pytest.raises(InterruptedError):
        hash_file(file, PartPlan(4, 100), ByteCounter(), stop)


def test_two_files_and_two_moments_have_different_identities(folder: Path) -> None:
    with open_in(folder) as one, open_in(folder) as same, open_in(folder, "sub/joist.pdf") as other:
        assert one.identity == same.identity
        assert one.identity != other.identity
        assert one.identity.size == one.size == 4
    rewrite(folder / "beam.pdf")
    with open_in(folder) as later:
        assert later.identity != one.identity
        assert later.identity.size == one.identity.size


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who has a file open")
def test_two_openings_of_a_file_that_a_program_may_write_to_are_not_the_same(folder: Path) -> None:
    """A write by way of a program's memory changes no time, or much later."""
    with (folder / "beam.pdf").open("r+b"), open_in(folder) as one, open_in(folder) as other:
        assert one.identity != other.identity
        assert one.stamp == other.stamp
        one.check_unchanged()
    with open_in(folder) as one, open_in(folder) as other:
        assert one.identity == other.identity == one.stamp


def test_the_rules_are_held_before_a_byte_is_read(folder: Path) -> None:
    (folder / "empty.pdf").touch()
    with pytest.raises(FileEmpty):
        open_in(folder, "empty.pdf")
    with pytest.raises(FileTooLarge) as large:
        open_in(folder, rules=FilePolicy(frozenset(), 3))
    assert (large.value.size, large.value.limit) == (4, 3)
    with pytest.raises(FileTypeNotAllowed) as other:
        open_in(folder, rules=FilePolicy(frozenset({"dwg", "ifc"}), 10))
    assert other.value.allowed == ("dwg", "ifc")


@pytest.mark.parametrize("name", ["beam.pdf", "beam.PDF"])
def test_an_allowed_type_counts_in_any_case(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"beam")
    with open_in(folder, name, FilePolicy(frozenset({"pdf"}), 4)) as file:
        assert (file.name, file.size) == (name, 4)


@pytest.mark.parametrize("name", ["pdf", "beam.pdf.exe", "beam."])
def test_a_type_is_the_last_extension_only(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"beam")
    with pytest.raises(FileTypeNotAllowed):
        open_in(folder, name, FilePolicy(frozenset({"pdf"}), 10))


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="descriptors cannot be counted here")
def test_every_way_out_gives_the_descriptor_back(folder: Path) -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    with open_in(folder) as file:
        file.close()
    for rules in (FilePolicy(frozenset({"dwg"}), 10), FilePolicy(frozenset(), 1)):
        with pytest.raises((FileTypeNotAllowed, FileTooLarge)):
            open_in(folder, rules=rules)
    with pytest.raises(FileMissing):
        open_in(folder, "none.pdf")
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_reading_goes_through_the_descriptor_and_opens_nothing_again(folder: Path, watching_opens: Any) -> None:
    names: list[str] = []
    with open_in(folder) as file, watching_opens(lambda path, flags: names.append(path)):
        assert digests_of(file, PartPlan(4, 100))[0] == hashlib.sha256(b"beam").hexdigest()
    assert names == []


def test_a_counter_adds_up_what_many_threads_count() -> None:
    counter = ByteCounter()
    start = threading.Barrier(8)

    def count() -> None:
        start.wait()
        for _ in range(1000):
            counter.add(3)
            counter.add(-1)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.value == 16_000


@pytest.mark.parametrize(("seconds", "doubted"), [(0.5, True), (5, False)])
def test_a_stamp_younger_than_the_clocks_grain_proves_nothing_of_the_bytes(seconds: float, doubted: bool) -> None:
    where = AttachTarget("https://acc.example", "person", "project", "item", 0, "for_review", None, None)
    stamp = FileStamp(1, 2, 4, 0, int(LATER_NS - seconds * 1e9))
    job = LocalFileJob(where, "a.pdf", path="/a.pdf", identity=stamp, created=LATER_NS / 1e9)
    assert not job.may_be_other_bytes  # nothing has been read yet
    job.sha256 = "0" * 64
    assert job.may_be_other_bytes is doubted
    job.error = FileChanged("/a.pdf")
    assert job.may_be_other_bytes
