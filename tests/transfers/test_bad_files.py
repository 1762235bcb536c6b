"""Files that go wrong under a job: a clear end that names the path, nothing confirmed, and the same call goes on later."""

import errno
import hashlib
import os
import random
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from acc_sandbox import Fault, Stall
from transfers.concurrency import background_task
from transfers.errors import (
    FileChanged,
    FileMissing,
    FileNotAllowed,
    FileProblem,
    FileTooLarge,
    FileUnreadable,
    JobStopped,
)
from transfers.upload.part_plan import MIN_PART_BYTES
from transfers.upload.read_ahead import ReadAheadLimits

PUT, COMPLETE, CREATE = "storage.put", "oss.signeds3upload.complete", "attachments.create"
CONTENT = bytes(range(256)) * 4


def shrink(path: Path) -> None:
    os.truncate(path, 100)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def vanish(path: Path) -> None:
    path.unlink()


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


MISHAPS = {
    "shrinks": (shrink, FileChanged),
    "grows": (grow, FileChanged),
    "vanishes": (vanish, FileMissing),
    "becomes a folder": (become_a_folder, FileNotAllowed),
}


@pytest.mark.parametrize(("mishap", "ends_as"), MISHAPS.values(), ids=MISHAPS)
async def test_a_file_that_goes_wrong_before_it_is_sent_ends_clearly_and_is_finished_when_it_is_back(
    working: Any, folder: Path, mishap: Callable[[Path], None], ends_as: type[FileProblem]
) -> None:
    path = folder / "beam.pdf"
    path.write_bytes(CONTENT)
    async with working() as site:
        reserving = site.box.faults.add(Fault(CREATE, Stall()))

        async def go_wrong() -> None:
            await anyio.to_thread.run_sync(reserving.reached.wait)
            mishap(path)
            site.box.faults.release()

        with pytest.raises(JobStopped) as stopped:
            async with background_task(go_wrong):
                await site.attach()
        problem = stopped.value.cause
        assert isinstance(problem, ends_as)
        assert Path(problem.path).name == path.name
        assert site.box.requests.count(PUT) == site.box.requests.count(COMPLETE) == 0
        if path.is_dir():
            path.rmdir()
        path.write_bytes(CONTENT)
        outcome = await site.attach(confirm=True)
        [row] = site.rows()
        assert (row["id"], row["isFileUploaded"]) == (outcome.job.reserved.id, True)
        assert site.box.object_bytes(row["uploadUrn"]) == CONTENT


# Disks and drives that misbehave while a file is sent as it is read. The system's own read is what misbehaves.

PART = MIN_PART_BYTES
LARGE = random.Random(5).randbytes(2 * PART + 1000)


def later() -> float:
    """Long after the file was written: only what has rested is sent ahead."""
    return time.time() + 60


AHEAD: dict[str, Any] = {"parallel": 1, "read_ahead": ReadAheadLimits(1, 1), "clock": later}
"""A part is read when the one before it is stored."""


class Disk:
    """Reads of this process beyond an offset: they fail, or wait until told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.beyond: int | None = None
        self.error: OSError | None = None
        self.waiting, self.go_on = threading.Event(), threading.Event()
        self._read = os.pread
        monkeypatch.setattr(os, "pread", self._pread)

    def _pread(self, descriptor: int, length: int, offset: int) -> bytes:
        if self.beyond is not None and offset >= self.beyond:
            if self.error is not None:
                raise self.error
            self.waiting.set()
            assert self.go_on.wait(60)
        return self._read(descriptor, length, offset)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    if sys.platform == "win32":
        pytest.skip("files are read in another way there")
    return Disk(monkeypatch)


async def test_a_network_drive_that_goes_away_in_the_middle_ends_clearly_and_the_same_call_goes_on(
    working: Any, folder: Path, disk: Disk
) -> None:
    (folder / "beam.pdf").write_bytes(LARGE)
    async with working(**AHEAD) as site:
        disk.beyond, disk.error = PART, OSError(errno.EIO, "Input/output error")
        with pytest.raises(JobStopped) as stopped:
            await site.attach(confirm=True)
        assert isinstance(stopped.value.cause, FileUnreadable)
        [row] = site.rows()
        assert (stopped.value.attachment_id, row["isFileUploaded"]) == (row["id"], False)
        assert site.box.requests.count(COMPLETE) == 0
        disk.beyond = None
        outcome = await site.attach(confirm=True)
        assert outcome.job.reserved.id == row["id"]
        assert site.box.object_bytes(row["uploadUrn"]) == LARGE
        assert site.box.requests.count(PUT) == 3  # what had been stored came once


async def test_a_disk_that_stalls_holds_its_own_file_and_no_other_one(working: Any, folder: Path, disk: Disk) -> None:
    (folder / "beam.pdf").write_bytes(LARGE)
    async with working(**AHEAD) as site:
        disk.beyond = PART
        slow = await site.attach(seconds=0)
        await anyio.to_thread.run_sync(disk.waiting.wait, 120)
        other = await site.attach("sub/joist.pdf", confirm=True)
        assert other.job.uploaded
        assert slow.job.running
        assert slow.job.sha256 is None
        disk.go_on.set()
        outcome = await site.attach()
        assert outcome.job is slow.job
        assert site.box.object_bytes(outcome.job.reserved.upload_urn) == LARGE


async def test_a_sparse_file_is_attached_with_its_holes_as_zeros(working: Any, folder: Path) -> None:
    size = 2 * PART + 7
    make_sparse(folder / "beam.pdf", size)
    async with working(**AHEAD) as site:
        outcome = await site.attach()
        assert outcome.job.sha256 == hashlib.sha256(bytes(size)).hexdigest()
        assert site.box.object_bytes(outcome.job.reserved.upload_urn) == bytes(size)


def make_sparse(path: Path, size: int) -> None:
    path.write_bytes(b"")
    os.truncate(path, size)


@pytest.mark.skipif(sys.platform == "win32", reason="a file is not sparse by itself there")
async def test_a_file_of_five_tebibytes_beyond_what_may_be_attached_is_refused_at_once(
    working: Any, folder: Path
) -> None:
    make_sparse(folder / "beam.pdf", 5 * 1024**4)
    async with working(**AHEAD) as site:
        with pytest.raises(FileTooLarge):
            await site.attach()
        assert site.box.requests.count(CREATE) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="a file is not sparse by itself there")
async def test_a_file_of_almost_a_terabyte_is_begun_in_bounded_memory_and_cancelled(working: Any, folder: Path) -> None:
    make_sparse(folder / "beam.pdf", 10**12 - 1)
    async with working(**AHEAD) as site:
        stalled = site.box.faults.add(Fault(PUT, Stall()))
        tracemalloc.start()
        try:
            outcome = await site.attach(seconds=0)
            await anyio.to_thread.run_sync(stalled.reached.wait, 120)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 32 * 1024**2
        await site.transfers.cancel(outcome.job.id)
        site.box.faults.clear()
        await site.transfers.runner.wait(outcome.job, site.patience())
        assert site.box.requests.count(COMPLETE) == 0
        [row] = site.rows()
        assert not row["isFileUploaded"]
