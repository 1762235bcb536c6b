"""Bytes that the caller sends: one reservation, fresh URLs for one upload, and a completion when they are there."""

import threading
from datetime import UTC, datetime
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx
import pytest

from acc.errors import ServiceUnavailable
from acc_sandbox import Fault, LoseAnswer, Refuse, Stall
from tests.conftest import NO_TRUST
from transfers.errors import JobStopped, UploadExpired, UploadIncomplete
from transfers.jobs.repository import THREADS

NOW = datetime(2026, 3, 4, tzinfo=UTC)
SIGN, COMPLETE, CREATE, PATCH = (
    "oss.signeds3upload.get",
    "oss.signeds3upload.complete",
    "attachments.create",
    "attachments.patch",
)


def put(url: str, content: bytes = b"beam") -> int:
    """What a caller does with the answer."""
    return httpx.put(url, content=content, verify=NO_TRUST, trust_env=False).status_code


async def test_the_caller_sends_the_bytes_and_confirms(working: Any) -> None:
    async with working() as site:
        job, upload = await site.reserve_for_caller()
        assert (job.state, job.verified, job.sha256) == ("reserved", False, None)
        assert put(upload.url) == 200
        row = await site.confirm(job.reserved.id)
        assert row.is_file_uploaded
        assert (job.size, job.verified, job.sha256) == (4, False, None)
        assert site.box.object_bytes(row.upload_urn) == b"beam"


async def test_the_url_lives_for_an_hour(working: Any) -> None:
    async with working() as site:
        _, upload = await site.reserve_for_caller()
        assert "X-Amz-Expires=3600" in upload.url


async def test_the_same_call_gives_a_fresh_url_for_the_same_attachment_and_upload(working: Any) -> None:
    async with working() as site:
        job, first = await site.reserve_for_caller()
        site.box.clock.move(3700)
        assert put(first.url) == 403
        again, second = await site.reserve_for_caller()
        assert again is job
        assert put(second.url) == 200
        await site.confirm(job.reserved.id)
        assert site.box.requests.count(CREATE) == 1
        assert ["uploadKey" in request.query for request in site.box.requests.all(SIGN)] == [False, True]


async def test_two_calls_at_once_begin_one_upload(working: Any) -> None:
    """Bytes sent to either URL count."""
    async with working() as site:
        uploads = []

        async def call() -> None:
            uploads.append(await site.reserve_for_caller())

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            group.start_soon(call)
        (job, first), (other, second) = uploads
        assert job is other
        assert put(first.url) == put(second.url) == 200
        await site.confirm(job.reserved.id)
        assert ["uploadKey" in request.query for request in site.box.requests.all(SIGN)] == [False, True]


async def test_confirming_too_early_refuses_and_ends_nothing(working: Any) -> None:
    async with working() as site:
        job, _ = await site.reserve_for_caller()
        with pytest.raises(UploadIncomplete) as incomplete:
            await site.confirm(job.reserved.id)
        assert not incomplete.value.uploading
        assert job.error is None
        assert not job.confirm_wanted
        assert site.box.requests.count(PATCH) == 0
        _, upload = await site.reserve_for_caller()
        put(upload.url)
        assert (await site.confirm(job.reserved.id)).is_file_uploaded


async def test_after_a_day_the_same_call_begins_a_new_upload_of_the_same_attachment(working: Any) -> None:
    async with working() as site:
        job, first = await site.reserve_for_caller()
        put(first.url)
        site.box.clock.move(25 * 3600)
        with pytest.raises(JobStopped) as stopped:
            await site.confirm(job.reserved.id)
        assert isinstance(stopped.value.cause, UploadExpired)
        again, second = await site.reserve_for_caller()
        assert again is job
        put(second.url)
        assert (await site.confirm(job.reserved.id)).is_file_uploaded
        assert site.box.requests.count(CREATE) == 1


async def test_once_completed_the_same_call_makes_a_new_attachment(working: Any) -> None:
    async with working() as site:
        job, upload = await site.reserve_for_caller()
        put(upload.url)
        await site.confirm(job.reserved.id)
        other, _ = await site.reserve_for_caller()
        assert other.reserved.id != job.reserved.id


async def test_once_completed_a_key_still_names_the_same_attachment_and_no_upload(working: Any) -> None:
    async with working() as site:
        job, upload = await site.reserve_for_caller(key="k")
        put(upload.url)
        await site.confirm(job.reserved.id)
        again = await site.caller_job(key="k")
        assert again is job
        assert await site.transfers.sign(again, NOW) is None
        assert site.box.requests.count(CREATE) == 1


async def test_a_completion_whose_answer_is_lost_is_found_out(working: Any) -> None:
    async with working() as site:
        job, upload = await site.reserve_for_caller()
        put(upload.url)
        site.box.faults.add(Fault(COMPLETE, LoseAnswer()))
        assert (await site.confirm(job.reserved.id)).is_file_uploaded
        assert job.size == 4


async def test_bytes_that_another_process_completed_are_not_asked_for_again(working: Any) -> None:
    async with working() as site:
        job, upload = await site.reserve_for_caller()
        put(upload.url)
        await site.acc.storage.complete(job.location, upload_key=job.upload_key)
        assert await site.transfers.sign(job, NOW) is None
        assert (job.stored, job.size) == (True, 4)


async def test_a_refusal_to_sign_names_the_attachment_that_stays_reserved(working: Any) -> None:
    async with working() as site:
        site.box.faults.add(Fault(SIGN, Refuse(503), times=None))
        job = await site.caller_job()
        with pytest.raises(JobStopped) as stopped:
            await site.transfers.sign(job, NOW)
        assert (type(stopped.value.cause), stopped.value.step) == (ServiceUnavailable, "send")
        assert stopped.value.attachment_id == job.reserved.id
        site.box.faults.clear()
        again, _ = await site.reserve_for_caller()
        assert again is job


async def test_storage_that_is_away_leaves_a_confirmation_open(working: Any) -> None:
    async with working() as site:
        job, upload = await site.reserve_for_caller()
        put(upload.url)
        site.box.faults.add(Fault(COMPLETE, Refuse(503), times=3))
        with pytest.raises(JobStopped) as stopped:
            await site.confirm(job.reserved.id)
        assert (type(stopped.value.cause), stopped.value.step) == (ServiceUnavailable, "complete")
        assert (await site.confirm(job.reserved.id)).is_file_uploaded


async def test_another_name_is_another_reservation(working: Any) -> None:
    async with working() as site:
        one, _ = await site.reserve_for_caller("a.pdf")
        other, _ = await site.reserve_for_caller("b.pdf")
        assert one.reserved.id != other.reserved.id


async def test_a_call_that_looks_at_a_job_whose_upload_another_begins_does_not_make_it_forget_the_upload(
    working: Any,
) -> None:
    """Its row was read before; what the other one knows by now waits for a thread that writes it down."""
    async with working() as site:
        job = await site.caller_job()
        repository, at_work, go_on = site.transfers.repository, threading.Semaphore(0), threading.Event()
        row = await repository.ask(lambda tables: tables.row(job.id))

        def occupy(_: object) -> None:
            at_work.release()
            go_on.wait(120)

        signing = site.box.faults.add(Fault(SIGN, Stall()))
        async with anyio.create_task_group() as group:
            group.start_soon(site.transfers.sign, job, NOW)
            await anyio.to_thread.run_sync(signing.reached.wait)
            for _ in range(THREADS):
                group.start_soon(repository.ask, occupy)
                await anyio.to_thread.run_sync(at_work.acquire)
            site.box.faults.release()
            while job.upload_key is None:
                await anyio.lowlevel.checkpoint()
            await repository.load(row)
            go_on.set()
        assert await site.transfers.sign(job, NOW) is not None
        first, second = (request.query for request in site.box.requests.all(SIGN))
        assert ("uploadKey" in first, "uploadKey" in second) == (False, True)
