"""Many files of one submittal: what is asked once serves them all, and they share readers and senders."""

from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from acc_sandbox import Fault, LoseAnswer, Refuse, Stall
from transfers.jobs.base import Point

LIST, CREATE, PATCH, PUT = "attachments.list", "attachments.create", "attachments.patch", "storage.put"
FILES = 8


@pytest.fixture
def names(folder: Path) -> list[str]:
    found = [f"drawing-{number}.pdf" for number in range(FILES)]
    for name in found:
        (folder / name).write_bytes(name.encode())
    return found


async def attach_all(site: Any, names: list[str]) -> list[Any]:
    jobs = []

    async def attach(name: str) -> None:
        jobs.append((await site.attach(name, confirm=True)).job)

    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(attach, name)
    return jobs


async def test_a_batch_asks_submittals_for_two_requests_a_file_and_two_for_all(working: Any, names: list[str]) -> None:
    followed, ready = 0, anyio.Event()

    def reached(point: Point) -> None:
        nonlocal followed
        followed += point == "followed"

    async def between_looks(_: float) -> None:
        await ready.wait()

    # The clock stands: however long it takes, what was listed is not too old.
    async with working(reached=reached, between_looks=between_looks, clock=lambda: 1.8e9) as site:
        jobs = await attach_all(site, names)
        while followed < FILES:
            await anyio.lowlevel.checkpoint()
        assert (site.box.requests.count(LIST), site.box.requests.count(CREATE)) == (1, FILES)
        site.box.clock.move(60)
        ready.set()
        while any(job.under_way for job in jobs):
            await anyio.lowlevel.checkpoint()
        assert all(job.state == "ready" for job in jobs)
        asked = [site.box.requests.count(operation) for operation in (LIST, CREATE, PATCH)]
        assert asked == [2, FILES, FILES]


@pytest.mark.parametrize("effect", [LoseAnswer(), Refuse(503)])
async def test_a_doubtful_post_in_a_batch_makes_no_second_attachment_and_is_listed_for_again(
    working: Any, names: list[str], effect: Any
) -> None:
    async with working() as site:
        site.box.faults.add(Fault(CREATE, effect, nth=3))
        jobs = await attach_all(site, names)
        assert sorted(row["name"] for row in site.rows()) == names
        assert {job.reserved.id for job in jobs} == {row["id"] for row in site.rows()}
        for row in site.rows():
            assert site.box.object_bytes(row["uploadUrn"]) == row["name"].encode()


async def test_a_file_whose_part_stalls_keeps_no_other_file_waiting(working: Any, names: list[str]) -> None:
    async with working() as site:
        stalled = site.box.faults.add(Fault(PUT, Stall()))
        slow = await site.attach(names[0], seconds=0)
        await anyio.to_thread.run_sync(stalled.reached.wait)
        jobs = await attach_all(site, names[1:])
        assert all(job.uploaded for job in jobs)
        assert not slow.job.stored
        site.box.faults.release()
        assert (await site.attach(names[0])).job.stored


async def test_an_attachment_that_vanishes_while_a_batch_is_followed_ends_its_own_job_only(
    working: Any, names: list[str]
) -> None:
    followed, looked = 0, 0

    def reached(point: Point) -> None:
        nonlocal followed
        followed += point == "followed"

    ready = anyio.Event()

    async def between_looks(_: float) -> None:
        nonlocal looked
        looked += 1
        if looked <= FILES:
            await ready.wait()
        await anyio.lowlevel.checkpoint()

    async with working(reached=reached, between_looks=between_looks) as site:
        jobs = await attach_all(site, names)
        while followed < FILES:
            await anyio.lowlevel.checkpoint()
        gone, *rest = jobs
        site.edge.hidden.add(gone.reserved.id)
        site.box.clock.move(60)
        ready.set()
        while any(job.under_way for job in jobs):
            await anyio.lowlevel.checkpoint()
        assert [job.state for job in rest] == ["ready"] * (FILES - 1)
        assert gone.state == "processing"
