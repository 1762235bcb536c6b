"""Cancellation of a job, or of its process: it does not wait for a stalled storage, and the file can be attached again."""

from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from acc_sandbox import Fault, Stall
from transfers.jobs.base import Job
from transfers.jobs.rows import CANCELLED
from transfers.upload.part_plan import MIN_PART_BYTES

PUT, COMPLETE = "storage.put", "oss.signeds3upload.complete"

SIZES = {"waiting for an answer": 4, "waiting for the network to take more": 3 * MIN_PART_BYTES}


async def stalled(site: Any) -> Job:
    """A job whose parts have stalled."""
    fault = site.box.faults.add(Fault(PUT, Stall(), times=None))
    job: Job = (await site.attach(seconds=0)).job
    await anyio.to_thread.run_sync(fault.reached.wait)
    return job


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
async def test_a_cancelled_job_does_not_wait_for_a_storage_that_stalls(working: Any, folder: Path, size: int) -> None:
    (folder / "beam.pdf").write_bytes(b"b" * size)
    async with working(stall_seconds=600) as site:
        job = await stalled(site)
        with anyio.fail_after(120):
            await site.transfers.repository.ask(lambda tables: tables.request_cancel(job.id))
            while job.running:
                await anyio.lowlevel.checkpoint()
        assert (job.error, job.state) == (None, "reserved")


async def test_a_call_that_waits_for_a_job_that_is_cancelled_does_not_begin_it_again(working: Any) -> None:
    async with working() as site:
        stall = site.box.faults.add(Fault(PUT, Stall(), times=None))
        answers = []

        async def ask() -> None:
            answers.append((await site.attach(confirm=True)).job)

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await anyio.to_thread.run_sync(stall.reached.wait)
            [row] = site.rows()
            await site.transfers.cancel((await site.transfers.job(row["id"])).id)
        [job] = answers
        assert (job.error, job.state) == (None, "reserved")
        assert (await site.transfers.by_id(job.id))[0].status == CANCELLED


async def test_a_cancelled_upload_is_attached_again_by_the_same_call(working: Any) -> None:
    async with working() as site:
        job = await stalled(site)
        await site.transfers.repository.ask(lambda tables: tables.request_cancel(job.id))
        while job.running:
            await anyio.lowlevel.checkpoint()
        site.box.faults.clear()
        second = await site.attach(confirm=True)
        assert not second.existed
        assert second.job.reserved.id != job.reserved.id
        assert [row["isFileUploaded"] for row in site.rows()].count(True) == 1


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
async def test_promise_7_the_end_of_the_process_does_not_wait_for_a_storage_that_stalls(
    working: Any, folder: Path, size: int
) -> None:
    (folder / "beam.pdf").write_bytes(b"b" * size)
    with anyio.CancelScope() as end:
        async with working(stall_seconds=600) as site:
            job = await stalled(site)
            end.deadline = anyio.current_time() + 120
        end.deadline = float("inf")
    assert not end.cancelled_caught
    assert not job.running
    assert site.box.requests.count(COMPLETE) == 0
