"""Files that are sent while they are read: the same promises, and the same file again is the same attachment."""

import hashlib
import os
import random
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

import acc_sandbox
from acc_sandbox import Fault, LoseAnswer, Refuse, Stall
from transfers.errors import FileChanged, JobStopped
from transfers.jobs.base import Point
from transfers.jobs.recovery import JobEligibility
from transfers.upload.part_plan import MIN_PART_BYTES
from transfers.upload.read_ahead import ReadAheadLimits

CREATE, LIST, PUT, COMPLETE = "attachments.create", "attachments.list", "storage.put", "oss.signeds3upload.complete"
PARTS = 3
SIZE = (PARTS - 1) * MIN_PART_BYTES + 1000
ONE_PART_AHEAD = ReadAheadLimits(from_bytes=SIZE, room_bytes=1)


def later() -> float:
    """Long after the file was written: only what has rested is sent ahead."""
    return time.time() + 60


def content(seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(SIZE)


@pytest.fixture(autouse=True)
def beam(folder: Path) -> Path:
    path = folder / "beam.pdf"
    path.write_bytes(content())
    return path


class Ahead:
    """Processes that send one part at a time and read one ahead, and what they reached."""

    def __init__(self, working: Any, box: acc_sandbox.Sandbox) -> None:
        self._working = working
        self._box = box
        self._item = box.item("05 12 00-3")
        self._seeded = {row["id"] for row in box.attachments(self._item)}
        self._kept = anyio.Event()
        self.points: list[Point] = []

    @asynccontextmanager
    async def process(self, **more: Any) -> AsyncIterator[Any]:
        options = {"parallel": 1, "read_ahead": ONE_PART_AHEAD, "clock": later, "reached": self._reached} | more
        async with self._working(**options) as site:
            yield site

    @asynccontextmanager
    async def first_part_stored(self, **more: Any) -> AsyncIterator[Any]:
        """A process whose second part stalls, when the first is written down and the whole is not known."""
        async with self.process(**more) as site:
            second = site.box.faults.add(Fault(PUT, Stall(), nth=2))
            outcome = await site.attach(seconds=0)
            with anyio.fail_after(120):
                await self._kept.wait()
                await anyio.to_thread.run_sync(second.reached.wait, abandon_on_cancel=True)
            assert outcome.job.sha256 is None
            yield site

    async def killed(self) -> None:
        """A process that ended when its first part was written down."""
        async with self.first_part_stored() as site:
            pass
        site.box.faults.clear()

    def rows(self) -> list[Any]:
        """What ACC has of all these processes' attachments."""
        return [row for row in self._box.attachments(self._item) if row["id"] not in self._seeded]

    def contents(self) -> list[bytes]:
        """What storage has of every attachment whose upload was completed."""
        found = []
        for row in self.rows():
            with suppress(LookupError):
                found.append(self._box.object_bytes(row["uploadUrn"]))
        return sorted(found)

    def _reached(self, point: Point) -> None:
        self.points.append(point)
        if point == "part kept ahead":
            self._kept.set()


@pytest.fixture
def ahead(working: Any, box: acc_sandbox.Sandbox) -> Ahead:
    return Ahead(working, box)


async def test_parts_leave_before_the_file_is_read_and_the_digest_is_that_of_what_was_sent(
    ahead: Ahead, beam: Path
) -> None:
    async with ahead.first_part_stored() as site:
        [row] = ahead.rows()
        site.box.faults.release()
        outcome = await site.attach(confirm=True)
        assert outcome.job.reserved.id == row["id"]
        assert outcome.job.sha256 == hashlib.sha256(content()).hexdigest()
        assert outcome.job.verified
        assert ahead.contents() == [content()]
        assert site.box.requests.count(CREATE) == site.box.requests.count(COMPLETE) == 1
        assert site.box.requests.count(PUT) == PARTS
        assert (
            ahead.points.index("part kept ahead") < ahead.points.index("identified") < ahead.points.index("completed")
        )
        assert "hashed" not in ahead.points


async def test_a_small_file_a_keyed_request_and_a_file_that_changed_just_now_are_hashed_first(
    ahead: Ahead, folder: Path, beam: Path
) -> None:
    (folder / "small.pdf").write_bytes(content()[:-1])
    async with ahead.process() as site:
        await site.attach("small.pdf")
        await site.attach(key="k")
    async with ahead.process(clock=lambda: beam.stat().st_ctime) as site:
        await site.attach(name="other.pdf")
    assert ahead.points.count("hashed") == 3
    assert "identified" not in ahead.points


async def test_the_same_file_under_another_name_is_not_read_before_it_is_sent_when_it_is_known(ahead: Ahead) -> None:
    async with ahead.process() as site:
        await site.attach()
        await site.attach(name="other.pdf")
    assert (ahead.points.count("identified"), ahead.points.count("hashed")) == (1, 1)


@pytest.mark.parametrize("where", ["in the same process", "in another process"])
async def test_a_copy_that_meets_a_job_which_runs_ahead_is_the_same_attachment(
    ahead: Ahead, beam: Path, where: str
) -> None:
    shutil.copyfile(beam, beam.with_name("copy.pdf"))
    async with ahead.first_part_stored() as site, ahead.process() as other:
        second = site if where == "in the same process" else other
        begun = await second.attach("copy.pdf", name="beam.pdf", seconds=0)
        assert begun.job.state == "preparing"
        site.box.faults.release()
        copy = await second.attach("copy.pdf", name="beam.pdf", confirm=True)
        first = await site.attach()
        assert copy.existed
        assert copy.job.reserved.id == first.job.reserved.id
        [row] = ahead.rows()
        assert row["isFileUploaded"]
        assert site.box.requests.count(CREATE) == 1


async def test_copies_that_begin_at_the_same_moment_are_one_attachment(ahead: Ahead, beam: Path) -> None:
    for number in range(3):
        shutil.copyfile(beam, beam.with_name(f"copy{number}.pdf"))
    async with ahead.process() as site, ahead.process() as other, anyio.create_task_group() as group:
        for number in range(3):
            one = other if number == 2 else site
            group.start_soon(lambda one=one, number=number: one.attach(f"copy{number}.pdf", name="beam.pdf"))
    assert len(ahead.rows()) == 1
    assert ahead.contents() == [content()]


async def test_a_file_of_other_bytes_that_meets_a_job_which_runs_ahead_is_another_attachment(
    ahead: Ahead, folder: Path
) -> None:
    (folder / "other.pdf").write_bytes(content(1))
    async with ahead.first_part_stored() as site:
        await site.attach("other.pdf", name="beam.pdf", seconds=0)
        site.box.faults.release()
        other = await site.attach("other.pdf", name="beam.pdf")
        first = await site.attach()
        assert other.job.reserved.id != first.job.reserved.id
        assert ahead.contents() == sorted([content(), content(1)])


def tear(path: Path) -> None:
    """Rewrite head and tail, and set the time back."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"another head")
        file.seek(-12, os.SEEK_END)
        file.write(b"another tail")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def rewrite(path: Path) -> None:
    path.write_bytes(content(1))


def change_mode(path: Path) -> None:
    path.chmod(0o640)


def tear_off(path: Path) -> None:
    os.truncate(path, SIZE - 1)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


@pytest.mark.parametrize("change", [tear, tear_off, grow])
async def test_promise_3_a_file_that_changes_while_it_is_read_and_sent_is_never_completed(
    ahead: Ahead, beam: Path, change: Callable[[Path], None]
) -> None:
    async with ahead.first_part_stored() as site:
        change(beam)
        site.box.faults.release()
        with pytest.raises(JobStopped) as stopped:
            await site.transfers.runner.wait((await site.transfers.job(ahead.rows()[0]["id"])), site.patience())
        assert isinstance(stopped.value.cause, FileChanged)
        assert site.box.requests.count(COMPLETE) == 0
        assert ahead.contents() == []


async def test_a_file_whose_mode_changes_while_it_is_sent_is_completed(ahead: Ahead, beam: Path) -> None:
    async with ahead.first_part_stored() as site:
        change_mode(beam)
        site.box.faults.release()
        outcome = await site.transfers.runner.wait(await site.transfers.job(ahead.rows()[0]["id"]), site.patience())
        assert outcome.stored
        assert ahead.contents() == [content()]


def nothing(path: Path) -> str:
    return path.name


def touch(path: Path) -> str:
    os.utime(path, ns=(10**18, 10**18))
    return path.name


def copy(path: Path) -> str:
    shutil.copyfile(path, path.with_name("copy.pdf"))
    path.unlink()
    return "copy.pdf"


@pytest.mark.parametrize("change", [nothing, touch, copy])
async def test_promise_7_the_same_bytes_after_a_kill_go_on_with_the_parts_that_are_stored(
    ahead: Ahead, beam: Path, change: Callable[[Path], str]
) -> None:
    await ahead.killed()
    path = change(beam)
    async with ahead.process() as site:
        outcome = await site.attach(path, name="beam.pdf", confirm=True)
        [row] = ahead.rows()
        assert (outcome.job.reserved.id, row["isFileUploaded"]) == (row["id"], True)
        assert ahead.contents() == [content()]
        assert site.box.requests.count(CREATE) == 1
        assert site.box.requests.count(PUT) == PARTS + 1  # the one that was cut off came once more


async def test_other_bytes_after_a_kill_are_another_attachment(ahead: Ahead, beam: Path) -> None:
    await ahead.killed()
    rewrite(beam)
    async with ahead.process() as site:
        outcome = await site.attach(confirm=True)
        assert len(ahead.rows()) == 2
        assert ahead.contents() == [content(1)]
        [confirmed] = [row for row in ahead.rows() if row["isFileUploaded"]]
        assert confirmed["id"] == outcome.job.reserved.id


async def test_bytes_that_agree_with_what_is_stored_take_over_and_who_asks_for_the_old_ones_gets_another(
    ahead: Ahead, beam: Path
) -> None:
    """Nothing was promised of the bytes that were not sent yet; those that were are the same in both files."""
    await ahead.killed()
    other = content()[:-5] + b"other"
    beam.with_name("other.pdf").write_bytes(other)
    async with ahead.process() as site:
        taken = await site.attach("other.pdf", name="beam.pdf")
        assert ahead.contents() == [other]
        first = await site.attach()
        assert first.job.reserved.id != taken.job.reserved.id
        assert ahead.contents() == sorted([content(), other])


async def test_a_process_that_goes_on_with_a_dead_ones_job_compares_what_is_stored(ahead: Ahead, beam: Path) -> None:
    await ahead.killed()
    async with ahead.process(takes_up=True) as site:
        outcome = await site.attach()
        assert outcome.job.stored
        assert ahead.contents() == [content()]
    assert ahead.points.count("identified") == 1


async def test_a_dead_job_whose_file_was_rewritten_is_left_alone_by_who_looks_for_orphans(
    ahead: Ahead, beam: Path
) -> None:
    await ahead.killed()
    rewrite(beam)
    async with ahead.process() as site:
        [row] = await site.transfers.repository.ask(lambda tables: tables.owned(site.where.base_url))
        assert not await JobEligibility(site.transfers.context, lambda _: True).can_run(row)


async def test_a_completion_whose_answer_is_lost_is_found_to_have_been_carried_out(ahead: Ahead) -> None:
    async with ahead.process() as site:
        site.box.faults.add(Fault(COMPLETE, LoseAnswer()))
        outcome = await site.attach()
        assert outcome.job.stored
        assert ahead.contents() == [content()]


async def test_a_reservation_that_fails_stops_the_reader_and_the_same_call_goes_on(ahead: Ahead) -> None:
    async with ahead.process() as site:
        site.box.faults.add(Fault(CREATE, Refuse(503), times=None))
        with pytest.raises(JobStopped):
            await site.attach()
        assert site.box.requests.count(PUT) == 0
        site.box.faults.clear()
        await site.attach()
        assert ahead.contents() == [content()]
        assert len(ahead.rows()) == 1


async def test_an_upload_that_vanishes_on_the_way_is_started_again_while_the_file_is_read(ahead: Ahead) -> None:
    async with ahead.process() as site:
        site.box.faults.add(Fault(PUT, Refuse(404, "<Error><Code>NoSuchUpload</Code></Error>"), nth=2))
        outcome = await site.attach()
        assert outcome.job.progress.value == SIZE
        assert ahead.contents() == [content()]


async def test_a_job_that_is_handed_to_a_worker_is_hashed_first(ahead: Ahead) -> None:
    async with ahead.process() as site:
        await site.transfers.enqueue(site.where, "beam.pdf", None, confirm=False)
    assert ahead.points.count("hashed") == 1
    assert "identified" not in ahead.points


async def test_a_cancelled_job_that_is_asked_for_again_beside_its_successor_repeats_that(
    ahead: Ahead, beam: Path
) -> None:
    async with ahead.first_part_stored() as site:
        job = await site.transfers.job(ahead.rows()[0]["id"])
        await site.transfers.cancel(job.id)
        await site.transfers.runner.wait(job, site.patience())
        site.box.faults.clear()
        second = await site.attach()
        assert second.job.id != job.id
        await site.transfers.runner.start(job)
        repeated = await site.transfers.runner.wait(job, site.patience())
        assert repeated.id == second.job.id
        assert ahead.contents() == [content()]


async def test_promise_1_a_job_that_turns_out_to_be_another_ones_request_completes_nothing(
    ahead: Ahead, beam: Path, tmp_path: Path
) -> None:
    """The other is of a process that looked for no job ahead of it; here that is hidden from its eyes."""
    shutil.copyfile(beam, beam.with_name("copy.pdf"))
    async with ahead.first_part_stored() as site, ahead.process() as other:
        with closing(sqlite3.connect(tmp_path / "data" / "submittal-mcp.sqlite3")) as database, database:
            database.execute("UPDATE jobs SET name = 'hidden'")
        second = await other.attach("copy.pdf", name="beam.pdf")
        first = await site.transfers.job(next(row["id"] for row in ahead.rows() if row["id"] != second.job.reserved.id))
        site.box.faults.release()
        ended = await site.transfers.runner.wait(first, site.patience())
        assert ended.id == second.job.id
        assert ahead.contents() == [content()]
        assert site.box.requests.count(COMPLETE) == 1
