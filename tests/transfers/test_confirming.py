"""Confirming: only with evidence of bytes, only one's own, and as often as one likes."""

from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx
import pytest

from acc.errors import RequestRejected
from acc_sandbox import Fault, LoseAnswer, Refuse, Stall
from persistence.locks import FileLocks
from tests.conftest import NO_TRUST
from transfers.errors import AttachmentMissing, JobStopped, NotYourAttachment, UploadIncomplete
from transfers.jobs.ownership import job_lock
from transfers.upload.part_plan import MIN_PART_BYTES

PATCH, COMPLETE, PUT = "attachments.patch", "oss.signeds3upload.complete", "storage.put"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


async def test_an_uploaded_file_is_confirmed_by_a_call_of_its_own(working: Any) -> None:
    async with working() as site:
        job = (await site.attach()).job
        assert job.state == "uploaded"
        row = await site.confirm(job.reserved.id)
        assert row.is_file_uploaded
        assert job.state == "processing"
        assert site.box.requests.count(COMPLETE) == 1


@pytest.mark.parametrize("second", ["repeat", "refuse"])
async def test_confirming_twice_is_harmless(working: Any, second: Any) -> None:
    async with working() as site:
        site.box.switches.patch_twice = second
        job = (await site.attach(confirm=True)).job
        assert (await site.confirm(job.reserved.id)).is_file_uploaded
        assert (await site.attach(confirm=True)).job.uploaded
        assert site.box.requests.count(PATCH) == 1


async def test_confirming_many_times_at_once_is_harmless(working: Any) -> None:
    async with working() as site:
        attachment_id = (await site.attach()).job.reserved.id
        rows = []

        async def confirm() -> None:
            rows.append(await site.confirm(attachment_id))

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(confirm)
        assert [row.is_file_uploaded for row in rows] == [True] * 5
        assert site.box.requests.count(PATCH) == 1


@pytest.mark.parametrize("second", ["repeat", "refuse"])
async def test_a_confirmation_whose_answer_is_lost_is_found_out(working: Any, second: Any) -> None:
    async with working() as site:
        site.box.switches.patch_twice = second
        site.box.faults.add(Fault(PATCH, LoseAnswer()))
        attachment_id = (await site.attach()).job.reserved.id
        assert (await site.confirm(attachment_id)).is_file_uploaded


async def test_a_confirmation_that_is_refused_is_not_a_standing_order(working: Any) -> None:
    async with working() as site:
        attachment_id = (await site.attach()).job.reserved.id
        site.box.faults.add(Fault(PATCH, Refuse(400, {"message": "no"})))
        with pytest.raises(JobStopped) as stopped:
            await site.confirm(attachment_id)
        assert (type(stopped.value.cause), stopped.value.step) == (RequestRejected, "confirm")
        assert not (await site.attach()).job.uploaded
        assert site.box.requests.count(PATCH) == 1


async def test_nothing_is_confirmed_without_bytes(working: Any) -> None:
    async with working() as site:
        site.box.faults.add(Fault(PUT, Refuse(400)))
        with pytest.raises(JobStopped) as stopped:
            await site.attach()
        with pytest.raises(UploadIncomplete) as incomplete:
            await site.confirm(stopped.value.attachment_id)
        assert not incomplete.value.uploading
        assert site.box.requests.count(PATCH) == 0


async def test_nothing_is_confirmed_while_its_bytes_are_on_their_way(working: Any) -> None:
    async with working() as site:
        sending = site.box.faults.add(Fault(PUT, Stall()))
        await site.attach(seconds=0)
        await anyio.to_thread.run_sync(sending.reached.wait)
        [row] = site.rows()
        with pytest.raises(UploadIncomplete) as incomplete:
            await site.confirm(row["id"])
        assert incomplete.value.uploading
        site.box.faults.release()
        assert not (await site.attach()).job.uploaded


async def test_an_upload_that_lacks_only_its_completion_is_completed_first(working: Any) -> None:
    async with working() as site:
        site.box.faults.add(Fault(COMPLETE, Refuse(503), times=3))
        with pytest.raises(JobStopped) as stopped:
            await site.attach()
        row = await site.confirm(stopped.value.attachment_id)
        assert row.is_file_uploaded
        assert site.box.requests.count(PUT) == 1


async def test_another_process_confirms_what_storage_has(working: Any) -> None:
    async with working() as site, working() as other:
        attachment_id = (await site.attach()).job.reserved.id
        assert (await other.confirm(attachment_id)).is_file_uploaded
        # The first process learns of it from ACC, and does nothing twice.
        outcome = await site.attach(confirm=True)
        assert (outcome.existed, outcome.job.uploaded) == (True, True)
        assert site.box.requests.count(PATCH) == 1


async def test_a_confirmation_that_finds_another_process_at_its_last_step_is_carried_out(
    working: Any, folder: Path
) -> None:
    """That process began without a wish to confirm, and ends while this one waits for it."""
    (folder / "beam.pdf").write_bytes(b"b" * (MIN_PART_BYTES + 1))
    async with working() as site, working() as other:
        completing = site.box.faults.add(Fault(COMPLETE, Stall()))
        await site.attach(seconds=0)
        await anyio.to_thread.run_sync(completing.reached.wait)
        [row] = site.rows()
        while not (job := await other.transfers.job(row["id"])).may_be_confirmed:
            await anyio.lowlevel.checkpoint()
        confirmed = []

        async def confirm() -> None:
            confirmed.append(await other.confirm(row["id"]))

        async with anyio.create_task_group() as group:
            group.start_soon(confirm)
            while not job.confirm_wanted:
                await anyio.lowlevel.checkpoint()
            site.box.faults.release()
        assert [one.is_file_uploaded for one in confirmed] == [True]


async def test_a_confirmation_waits_for_a_process_that_is_about_to_let_the_job_go(working: Any, tmp_path: Path) -> None:
    """On a machine with too much to do that process may stand for a while between its last word and its lock."""
    async with working() as site:
        job = (await site.attach()).job
        lock = FileLocks(tmp_path / "data" / "locks").try_acquire(job_lock(job.id))
        assert lock is not None
        confirmed = anyio.Event()
        async with anyio.create_task_group() as group:

            async def confirm() -> None:
                assert (await site.confirm(job.reserved.id)).is_file_uploaded
                confirmed.set()

            group.start_soon(confirm)
            with anyio.move_on_after(0.5):
                await confirmed.wait()
            assert not confirmed.is_set()
            lock.release()


async def test_another_process_does_not_confirm_what_storage_does_not_have(working: Any) -> None:
    async with working() as site, working() as other:
        job, _ = await site.reserve_for_caller()
        with pytest.raises(UploadIncomplete):
            await other.confirm(job.reserved.id)
        assert site.box.requests.count(PATCH) == 0


async def test_a_file_that_another_process_stored_and_confirmed_is_not_sent_again(working: Any) -> None:
    """The completion's answer and the look after it are lost here, and another process confirms."""
    async with working() as site, working() as other:
        site.box.faults.add(Fault(COMPLETE, LoseAnswer(), times=None))
        site.box.faults.add(Fault("oss.signeds3download", Refuse(503), times=3))
        with pytest.raises(JobStopped) as stopped:
            await site.attach()
        site.box.faults.clear()
        await other.confirm(stopped.value.attachment_id)
        completions = site.box.requests.count(COMPLETE)
        outcome = await site.attach(confirm=True)
        assert outcome.job.uploaded
        assert site.box.requests.count(COMPLETE) == completions
        assert site.box.requests.count(PUT) == 1
        assert site.box.requests.count(PATCH) == 1


async def test_an_object_that_storage_calls_complete_is_evidence_even_where_it_states_no_size(working: Any) -> None:
    async with working() as site:
        site.box.faults.add(Fault(COMPLETE, LoseAnswer(), times=None))
        site.box.faults.add(Fault("oss.signeds3download", Refuse(200, {"status": "complete"}), times=None))
        assert (await site.attach(confirm=True)).job.uploaded
        caller, upload = await site.reserve_for_caller("other.pdf")
        await anyio.to_thread.run_sync(
            lambda: httpx.put(upload.url, content=b"other", verify=NO_TRUST, trust_env=False)
        )
        row = await site.confirm(caller.reserved.id)
        assert row.is_file_uploaded


async def test_only_the_person_who_reserved_an_attachment_may_confirm_it(working: Any) -> None:
    async with working("manager") as site, working("steel") as other:
        attachment_id = (await site.attach()).job.reserved.id
        with pytest.raises(NotYourAttachment):
            await other.confirm(attachment_id)
        await site.confirm(attachment_id)
        with pytest.raises(NotYourAttachment):
            await other.confirm(attachment_id)
        assert site.box.requests.count(PATCH) == 1


async def test_a_confirmation_wanted_by_another_process_waits_for_consent(working: Any) -> None:
    """With SUBMITTAL_MCP_CONFIRM=ask: a process that takes a job up has no user to ask."""
    async with working(asks=True) as site:
        job = (await site.attach()).job
        job.confirm_wanted = True
        await site.transfers.runner.start(job)
        await site.transfers.runner.wait(job, site.patience())
        assert (job.state, job.confirm_wanted, site.box.requests.count(PATCH)) == ("uploaded", False, 0)


async def test_an_attachment_that_is_not_there_is_missing(working: Any) -> None:
    async with working() as site:
        with pytest.raises(AttachmentMissing):
            await site.confirm(UNKNOWN_ID)
        attachment_id = (await site.attach()).job.reserved.id
        site.edge.hidden.add(attachment_id)
        with pytest.raises(AttachmentMissing):
            await site.confirm(attachment_id)
        assert site.box.requests.count(PATCH) == 0


async def test_an_attachment_that_goes_away_before_its_confirmation_is_missing(working: Any) -> None:
    async with working() as site:
        job = (await site.attach()).job
        site.edge.hidden.add(job.reserved.id)
        site.box.faults.add(Fault(PATCH, Refuse(404, {"message": "gone"})))
        job.confirm_wanted = True
        await site.transfers.runner.start(job)
        with pytest.raises(JobStopped) as stopped:
            await site.transfers.runner.wait(job, site.patience())
        assert isinstance(stopped.value.cause, AttachmentMissing)
