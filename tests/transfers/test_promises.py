"""The promises of the attach job (design, section 6), each held against the sandbox over real sockets."""

import hashlib
import os
import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from acc.errors import RateLimited, RequestRejected, ServiceUnavailable, StorageRefused
from acc_sandbox import Fault, LoseAnswer, Refuse, Reset, Stall
from transfers.errors import FileChanged, IdempotencyConflict, JobStopped, StorageStalled
from transfers.upload.part_plan import MIN_PART_BYTES

EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
CREATE, LIST, PATCH = "attachments.create", "attachments.list", "attachments.patch"
SIGN, COMPLETE, PUT = "oss.signeds3upload.get", "oss.signeds3upload.complete", "storage.put"


def write(folder: Path, size: int, name: str = "beam.pdf") -> bytes:
    content = random.Random(size).randbytes(size)
    (folder / name).write_bytes(content)
    return content


def stored(site: Any) -> bytes:
    """The bytes that storage has of the one attachment there is."""
    [row] = site.rows()
    content: bytes = site.box.object_bytes(row["uploadUrn"])
    return content


async def reached(fault: Fault) -> None:
    await anyio.to_thread.run_sync(fault.reached.wait)


async def stopped(site: Any, path: str = "beam.pdf", **options: Any) -> JobStopped:
    with pytest.raises(JobStopped) as error:
        await site.attach(path, **options)
    return error.value


# 1: at most one confirmed attachment


async def test_promise_1_calls_that_are_the_same_at_the_same_time_make_one_attachment(working: Any) -> None:
    async with working() as site:
        outcomes = []

        async def call() -> None:
            outcomes.append(await site.attach(confirm=True))

        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(call)
        assert site.box.requests.count(CREATE) == site.box.requests.count(PUT) == site.box.requests.count(PATCH) == 1
        assert len({outcome.job.reserved.id for outcome in outcomes}) == 1
        assert stored(site) == b"beam"


async def test_promise_1_the_same_bytes_under_other_paths_at_the_same_time_make_one_attachment(
    working: Any, folder: Path
) -> None:
    for number in range(4):
        (folder / f"copy{number}.pdf").write_bytes(b"beam")
    async with working() as site:
        jobs = []

        async def call(number: int) -> None:
            outcome = await site.attach(f"copy{number}.pdf", name="beam.pdf", confirm=number == 3)
            jobs.append(outcome.job)

        async with anyio.create_task_group() as group:
            for number in range(4):
                group.start_soon(call, number)
        assert len({id(job) for job in jobs}) == 1
        [row] = site.rows()
        assert row["isFileUploaded"]


async def test_promise_1_the_same_call_later_adds_nothing(working: Any) -> None:
    async with working() as site:
        first = await site.attach()
        again = await site.attach()
        touched = await site.attach("./beam.pdf", confirm=True)
        assert (first.existed, again.existed, touched.existed) == (False, True, True)
        assert first.job is again.job is touched.job
        [row] = site.rows()
        assert row["isFileUploaded"]
        assert site.box.requests.count(PUT) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"name": "other.pdf"},
        {"path": "sub/joist.pdf", "name": "beam.pdf"},
        {"key": "k"},
    ],
)
async def test_promise_1_what_differs_is_another_attachment(working: Any, other: dict[str, Any]) -> None:
    async with working() as site:
        await site.attach()
        assert not (await site.attach(**other)).existed
        assert len(site.rows()) == 2


async def test_promise_1_a_post_whose_answer_is_lost_is_found_again(working: Any) -> None:
    async with working() as site:
        site.box.faults.add(Fault(CREATE, LoseAnswer()))
        outcome = await site.attach(confirm=True)
        [row] = site.rows()
        assert outcome.job.reserved.id == row["id"]
        assert outcome.job.look_alikes == ()
        assert site.box.requests.count(CREATE) == 1
        assert stored(site) == b"beam"


@pytest.mark.parametrize("effect", [Reset(), Refuse(503), Refuse(500, "<html>oops</html>"), Refuse(201, "{}")])
async def test_promise_1_a_post_that_came_to_nothing_is_repeated(working: Any, effect: Any) -> None:
    async with working() as site:
        site.box.faults.add(Fault(CREATE, effect))
        outcome = await site.attach()
        [row] = site.rows()
        assert outcome.job.reserved.id == row["id"]
        assert site.box.requests.count(CREATE) == 2


async def test_promise_1_what_cannot_be_told_apart_is_reported_and_not_adopted(working: Any) -> None:
    """The same person makes the same reservation elsewhere just then, on another machine or in ACC's web pages."""
    async with working() as site:
        site.box.faults.add(Fault(CREATE, LoseAnswer()))
        look = site.box.faults.add(Fault(LIST, Stall(), nth=2))
        async with anyio.create_task_group() as group:
            group.start_soon(site.attach)
            await reached(look)
            where = site.where
            await site.acc.submittals.create_attachment(where.project_id, where.item_id, name="beam.pdf")
            site.box.faults.release()
        job = (await site.attach()).job
        ids = {row["id"] for row in site.rows()}
        assert len(ids) == 3
        assert set(job.look_alikes) == ids - {job.reserved.id}
        assert site.box.requests.count(CREATE) == 3


async def test_promise_1_a_row_of_a_neighbour_is_never_adopted(working: Any) -> None:
    """Two files of one name at once, and the first POST comes to nothing: the only new row is the other file's."""
    async with working() as site:
        site.box.faults.add(Fault(CREATE, Reset()))
        async with anyio.create_task_group() as group:
            group.start_soon(site.attach)
            group.start_soon(lambda: site.attach("sub/joist.pdf", name="beam.pdf"))
        contents = {site.box.object_bytes(row["uploadUrn"]) for row in site.rows()}
        assert contents == {b"beam", b"joist"}
        assert len(site.rows()) == 2


async def test_promise_1_a_doubt_outlives_the_run_that_had_it(working: Any) -> None:
    """ACC goes away right after the POST; the next call must not take the row it made for an old one."""
    async with working() as site:
        site.box.faults.add(Fault(CREATE, LoseAnswer()))
        site.box.faults.add(Fault(LIST, Refuse(503), nth=2, times=3))
        error = await stopped(site)
        assert (type(error.cause), error.step, error.attachment_id) == (ServiceUnavailable, "reserve", None)
        outcome = await site.attach()
        [row] = site.rows()
        assert outcome.job.reserved.id == row["id"]
        assert site.box.requests.count(CREATE) == 1


@pytest.mark.parametrize("dies", [False, True], ids=["in one run", "in a later process"])
async def test_promise_1_a_row_made_elsewhere_since_a_shared_list_is_never_adopted(working: Any, dies: bool) -> None:
    """Two files share a list; elsewhere the second is reserved in between, and then its own POST comes to nothing."""
    async with working(clock=lambda: 1.8e9) as site:  # it stands, so the list does not grow old
        first = site.box.faults.add(Fault(CREATE, Stall()))
        site.box.faults.add(Fault(CREATE, Refuse(503), nth=3))
        if dies:
            site.box.faults.add(Fault(LIST, Refuse(503), nth=2, times=3))
        async with anyio.create_task_group() as group:
            group.start_soon(site.attach)
            await reached(first)
            where = site.where
            elsewhere = await site.acc.submittals.create_attachment(where.project_id, where.item_id, name="joist.pdf")
            site.box.faults.release()
        if dies:
            assert (await stopped(site, "sub/joist.pdf")).attachment_id is None
        else:
            job = (await site.attach("sub/joist.pdf")).job
        assert site.box.requests.count(LIST) == (4 if dies else 3)
    if dies:
        async with working() as site:
            job = (await site.attach("sub/joist.pdf")).job
    assert job.reserved.id != elsewhere.id
    assert job.look_alikes == (elsewhere.id,)


@pytest.mark.parametrize("carried_out", [False, True])
async def test_promise_1_a_row_made_elsewhere_while_a_post_waited_its_turn_is_not_taken_after_a_kill(
    working: Any, carried_out: bool
) -> None:
    """A process ends while its POST waits for its answer; before that the POST had to wait, and was sent again."""
    passed, ids = 0.0, list[str]()
    answering = anyio.Event()
    async with working(clock=lambda: time.time() + passed) as site:

        async def create_elsewhere() -> None:
            where = site.where
            row = await site.acc.submittals.create_attachment(where.project_id, where.item_id, name="joist.pdf")
            ids.append(row.id)

        async def be_refused() -> None:
            nonlocal passed
            posting, site.edge.before_create[:] = site.edge.before_create[:], []
            await create_elsewhere()
            site.edge.before_create[:] = posting
            site.box.faults.add(Fault(CREATE, Refuse(429, headers={"Retry-After": "0"})))
            passed += 5.0
            site.box.clock.move(5)

        async def never_be_answered() -> None:
            if carried_out:
                await create_elsewhere()
            answering.set()
            await anyio.sleep_forever()

        await site.attach()  # what was there is listed for both
        site.edge.before_create += [be_refused, never_be_answered]
        async with anyio.create_task_group() as group:
            group.start_soon(site.attach, "sub/joist.pdf")
            await answering.wait()
            group.cancel_scope.cancel()
    async with working() as site:
        job = (await site.attach("sub/joist.pdf")).job
        assert (job.reserved.id in ids[1:]) is carried_out, (job.reserved.id, ids)
        assert job.look_alikes == (() if carried_out else tuple(ids))
        assert len(site.rows()) == (0 if carried_out else 1)  # made by this process


@pytest.mark.parametrize("kind", ["deleted", "failed"])
async def test_promise_1_an_attachment_that_is_no_longer_valid_is_created_again(working: Any, kind: str) -> None:
    async with working() as site:
        site.box.switches.processing_fails = kind == "failed"
        first = await site.attach(confirm=True)
        if kind == "deleted":
            site.edge.hidden.add(first.job.reserved.id)
        site.box.clock.move(60)  # long enough for ACC's processing
        assert [row["asyncState"] for row in site.rows()] == ["4" if kind == "failed" else "3"]
        site.box.switches.processing_fails = False
        second = await site.attach()
        assert not second.existed
        assert second.job.reserved.id != first.job.reserved.id
        assert len(site.rows()) == 2


async def test_promise_1_a_copy_counts_no_more_either_when_what_it_repeated_is_gone(working: Any, folder: Path) -> None:
    (folder / "copy.pdf").write_bytes(b"beam")
    async with working() as site:
        first = await site.attach()
        copy = await site.attach("copy.pdf", name="beam.pdf")
        assert copy.job is first.job
        site.edge.hidden.add(first.job.reserved.id)
        repeated = await site.attach("copy.pdf", name="beam.pdf")
        assert not repeated.existed
        assert repeated.job.reserved.id != first.job.reserved.id
        again = await site.attach("copy.pdf", name="beam.pdf")
        assert again.job is repeated.job
        assert len(site.rows()) == 2


async def test_promise_1_a_key_never_attaches_twice(working: Any, folder: Path) -> None:
    async with working() as site:
        first = await site.attach(key="k")
        assert (await site.attach(key="k")).job is first.job
        os.utime(folder / "beam.pdf", ns=(1, 1))
        assert (await site.attach(key="k")).job is first.job
        assert len(site.rows()) == 1


@pytest.mark.parametrize("other", [{"path": "sub/joist.pdf", "name": "beam.pdf"}, {"name": "other.pdf"}])
async def test_promise_1_a_key_for_something_else_is_a_conflict(working: Any, other: dict[str, Any]) -> None:
    async with working() as site:
        await site.attach(key="k")
        assert isinstance((await stopped(site, key="k", **other)).cause, IdempotencyConflict)
        assert isinstance((await stopped(site, key="k", **other)).cause, IdempotencyConflict)
        assert len(site.rows()) == 1


# 2: no silent orphan


@pytest.mark.parametrize(
    ("operation", "effect", "cause", "step"),
    [
        (SIGN, Refuse(503), ServiceUnavailable, "send"),
        (SIGN, Refuse(429, headers={"Retry-After": "3600"}), RateLimited, "send"),
        (PUT, Refuse(400, "<Error><Code>InvalidArgument</Code></Error>"), StorageRefused, "send"),
        (PUT, Refuse(500), StorageStalled, "send"),
        (PUT, Reset(), StorageStalled, "send"),
        (COMPLETE, Refuse(503), ServiceUnavailable, "complete"),
        (COMPLETE, Refuse(400, {"reason": "no"}), RequestRejected, "complete"),
        (PATCH, Refuse(503), ServiceUnavailable, "confirm"),
    ],
)
async def test_promise_2_a_call_that_fails_names_its_step_and_the_same_call_goes_on(
    working: Any, operation: str, effect: Any, cause: type[Exception], step: str
) -> None:
    async with working() as site:
        site.box.faults.add(Fault(operation, effect, times=None))
        error = await stopped(site, confirm=True)
        [row] = site.rows()
        assert (type(error.cause), error.step, error.attachment_id) == (cause, step, row["id"])
        assert not row["isFileUploaded"]
        site.box.faults.clear()
        outcome = await site.attach(confirm=True)
        [row] = site.rows()
        assert (outcome.job.reserved.id, row["isFileUploaded"], outcome.existed) == (error.attachment_id, True, True)
        assert stored(site) == b"beam"


async def test_promise_2_only_the_parts_that_are_missing_are_sent_again(working: Any, folder: Path) -> None:
    content = write(folder, 3 * MIN_PART_BYTES)
    async with working(parallel=1) as site:
        site.box.faults.add(Fault(PUT, Refuse(400), nth=3))
        await stopped(site)
        assert site.box.requests.count(PUT) == 3
        outcome = await site.attach()
        assert site.box.requests.count(PUT) == 4
        assert outcome.job.progress.value == len(content)
        assert stored(site) == content


async def test_promise_2_an_upload_whose_etags_an_earlier_version_kept_in_quotes_is_completed(
    working: Any, folder: Path, tmp_path: Path
) -> None:
    content = write(folder, 2 * MIN_PART_BYTES)
    async with working() as site:
        site.box.faults.add(Fault(COMPLETE, Refuse(503), times=3))
        error = await stopped(site)
    with closing(sqlite3.connect(tmp_path / "data" / "submittal-mcp.sqlite3")) as connection, connection:
        assert connection.execute("UPDATE job_parts SET etag = '\"' || etag || '\"'").rowcount == 2
    async with working() as site:
        outcome = await site.attach()
        assert outcome.job.reserved.id == error.attachment_id
        assert site.box.requests.count(PUT) == 2
        assert site.box.object_bytes(outcome.job.reserved.upload_urn) == content


async def test_promise_2_a_file_that_was_moved_goes_on_from_its_new_place(working: Any, folder: Path) -> None:
    content = write(folder, 2 * MIN_PART_BYTES)
    async with working(parallel=1) as site:
        site.box.faults.add(Fault(PUT, Refuse(400), nth=2))
        error = await stopped(site)
        (folder / "beam.pdf").rename(folder / "sub" / "beam.pdf")
        outcome = await site.attach("sub/beam.pdf")
        assert outcome.job.reserved.id == error.attachment_id
        assert stored(site) == content
        assert site.box.requests.count(PUT) == 3


async def test_promise_2_parts_that_were_discarded_after_a_day_are_all_sent_again(working: Any, folder: Path) -> None:
    content = write(folder, 2 * MIN_PART_BYTES)
    async with working(parallel=1) as site:
        site.box.faults.add(Fault(PUT, Refuse(400), nth=2))
        error = await stopped(site)
        site.box.clock.move(25 * 3600)
        outcome = await site.attach()
        assert outcome.job.reserved.id == error.attachment_id
        assert outcome.job.progress.value == len(content)
        assert stored(site) == content


async def test_promise_2_a_completion_that_was_put_off_for_a_day_sends_all_again(working: Any) -> None:
    async with working() as site:
        site.box.faults.add(Fault(COMPLETE, Refuse(503), times=3))
        error = await stopped(site)
        site.box.clock.move(25 * 3600)
        outcome = await site.attach()
        assert outcome.job.reserved.id == error.attachment_id
        assert stored(site) == b"beam"


async def test_promise_2_an_upload_that_vanishes_on_the_way_is_started_again(working: Any) -> None:
    async with working() as site:
        site.box.faults.add(Fault(PUT, Refuse(404, "<Error><Code>NoSuchUpload</Code></Error>")))
        await site.attach()
        assert stored(site) == b"beam"


@pytest.mark.parametrize("status", [200, 400])
async def test_promise_2_parts_that_storage_turns_out_to_lack_are_sent_once_more(
    working: Any, folder: Path, status: Any
) -> None:
    content = write(folder, 2 * MIN_PART_BYTES + 1)
    async with working(parallel=1) as site:
        site.box.switches.invalid_parts_status = status
        site.box.faults.add(Fault(PUT, Refuse(200, headers={"ETag": '"lost"'}), nth=2))
        outcome = await site.attach()
        assert site.box.requests.count(PUT) == 4
        assert outcome.job.progress.value == len(content)
        assert stored(site) == content


async def test_promise_2_parts_that_storage_goes_on_to_lack_end_the_call(working: Any) -> None:
    async with working() as site:
        site.box.faults.add(Fault(PUT, Refuse(200, headers={"ETag": '"lost"'}), times=None))
        error = await stopped(site)
        assert error.step == "complete"
        assert site.box.requests.count(PUT) == 2
        site.box.faults.clear()
        await site.attach()
        assert stored(site) == b"beam"


@pytest.mark.parametrize("again", ["refuse", "repeat"])
async def test_promise_2_a_completion_whose_answer_is_lost_is_not_repeated_in_vain(working: Any, again: Any) -> None:
    async with working() as site:
        site.box.switches.complete_twice = again
        site.box.faults.add(Fault(COMPLETE, LoseAnswer()))
        outcome = await site.attach()
        assert outcome.job.stored
        assert outcome.job.verified
        assert stored(site) == b"beam"
        assert site.box.requests.count(PUT) == 1


async def test_promise_2_a_completion_that_was_lost_with_the_look_after_it_is_found_later(working: Any) -> None:
    async with working() as site:
        site.box.faults.add(Fault(COMPLETE, LoseAnswer(), times=None))
        site.box.faults.add(Fault("oss.signeds3download", Refuse(503), times=None))
        assert (await stopped(site)).step == "complete"
        site.box.faults.clear()
        await site.attach()
        assert stored(site) == b"beam"
        assert site.box.requests.count(PUT) == 1


# 3: byte-exact


@pytest.mark.parametrize("size", [1, MIN_PART_BYTES - 1, MIN_PART_BYTES, MIN_PART_BYTES + 1, 25 * MIN_PART_BYTES + 1])
async def test_promise_3_what_is_stored_is_the_file_to_the_byte(working: Any, folder: Path, size: int) -> None:
    content = write(folder, size)
    async with working() as site:
        job = (await site.attach()).job
        digest = hashlib.sha256(content).hexdigest()
        assert hashlib.sha256(stored(site)).hexdigest() == digest
        assert (job.sha256, job.size, job.verified, job.state) == (digest, size, True, "uploaded")
        assert (job.progress.value, job.hashed.value) == (size, size)


async def test_promise_3_a_file_that_changes_between_two_parts_is_never_completed(working: Any, folder: Path) -> None:
    write(folder, 3 * MIN_PART_BYTES)
    async with working(parallel=1) as site:
        second = site.box.faults.add(Fault(PUT, Stall(), nth=2))
        errors = []

        async def call() -> None:
            errors.append(await stopped(site))

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await reached(second)
            with (folder / "beam.pdf").open("r+b") as file:
                file.seek(-1, os.SEEK_END)
                file.write(b"!")
            site.box.faults.release()
        assert isinstance(errors[0].cause, FileChanged)
        assert errors[0].attachment_id is not None
        assert site.box.requests.count(COMPLETE) == 0
        with pytest.raises(LookupError):
            stored(site)


async def test_promise_3_a_file_that_grows_after_its_last_part_was_read_is_never_completed(
    working: Any, folder: Path
) -> None:
    async with working() as site:
        last = site.box.faults.add(Fault(PUT, Stall()))
        errors = []

        async def call() -> None:
            errors.append(await stopped(site))

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await reached(last)
            with (folder / "beam.pdf").open("ab") as file:
                file.write(b" and more")
            site.box.faults.release()
        assert (type(errors[0].cause), errors[0].step) == (FileChanged, "complete")
        assert site.box.requests.count(COMPLETE) == 0


@pytest.mark.parametrize("content", [b"BEAM", b"beam and more", b"be"])
async def test_promise_3_a_file_that_changes_between_hashing_and_sending_is_not_sent(
    working: Any, folder: Path, content: bytes
) -> None:
    async with working() as site:
        reserving = site.box.faults.add(Fault(CREATE, Stall()))
        errors = []

        async def call() -> None:
            errors.append(await stopped(site))

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await reached(reserving)
            (folder / "beam.pdf").write_bytes(content)
            os.utime(folder / "beam.pdf", ns=(1, 1))
            site.box.faults.release()
        assert isinstance(errors[0].cause, FileChanged)
        assert site.box.requests.count(PUT) == 0


async def test_promise_3_a_file_that_was_merely_touched_goes_on(working: Any, folder: Path) -> None:
    async with working() as site:
        reserving = site.box.faults.add(Fault(CREATE, Stall()))
        async with anyio.create_task_group() as group:
            group.start_soon(site.attach)
            await reached(reserving)
            os.utime(folder / "beam.pdf", ns=(1, 1))
            site.box.faults.release()
        assert stored(site) == b"beam"


async def test_promise_3_a_part_that_changed_after_it_was_sent_is_noticed_by_the_next_run(
    working: Any, folder: Path
) -> None:
    write(folder, 2 * MIN_PART_BYTES)
    async with working(parallel=1) as site:
        site.box.faults.add(Fault(PUT, Refuse(400), nth=2))
        await stopped(site)
        before = (folder / "beam.pdf").stat()
        with (folder / "beam.pdf").open("r+b") as file:
            file.write(b"!")
        assert (await site.attach()).job.sha256 == hashlib.sha256((folder / "beam.pdf").read_bytes()).hexdigest()
        assert (folder / "beam.pdf").stat().st_size == before.st_size
        assert site.box.requests.count(COMPLETE) == 1


# 4: URLs


async def test_promise_4_urls_are_asked_for_as_they_are_needed(working: Any, folder: Path) -> None:
    write(folder, 9 * MIN_PART_BYTES)
    async with working(parallel=2) as site:
        await site.attach()
        asked = [request.query for request in site.box.requests.all(SIGN)]
        assert [query.split("&")[0] for query in asked] == ["parts=4", "parts=4"]
        assert ["uploadKey" in query for query in asked] == [False, True]


async def test_promise_4_an_expired_url_is_signed_again_under_the_same_upload(working: Any, folder: Path) -> None:
    content = write(folder, 3 * MIN_PART_BYTES)
    async with working(parallel=1) as site:
        first = site.box.faults.add(Fault(PUT, Stall()))
        async with anyio.create_task_group() as group:
            group.start_soon(site.attach)
            await reached(first)
            site.box.clock.move(3600)  # every URL is too old now, and the machine's clock has not noticed
            site.box.faults.release()
        assert stored(site) == content
        assert sum("uploadKey" not in request.query for request in site.box.requests.all(SIGN)) == 1
        assert {request.status for request in site.box.requests.all(PUT)} == {200, 403}


# 5: retries


async def test_promise_5_a_post_that_was_not_carried_out_is_repeated_after_its_pause(working: Any) -> None:
    async with working() as site:
        site.box.faults.add(Fault(CREATE, Refuse(429, headers={"Retry-After": "0"})))
        await site.attach()
        assert len(site.rows()) == 1
        # The look before a POST, and none after it: a 429 leaves no doubt.
        assert (site.box.requests.count(CREATE), site.box.requests.count(LIST)) == (2, 1)


async def test_promise_5_a_post_that_is_refused_is_not_repeated(working: Any) -> None:
    async with working() as site:
        site.box.faults.add(Fault(CREATE, Refuse(400, {"message": "no"})))
        error = await stopped(site)
        assert (type(error.cause), error.step, error.attachment_id) == (RequestRejected, "reserve", None)
        assert site.box.requests.count(CREATE) == 1
        assert site.rows() == []


# 6: tokens


async def test_promise_6_storage_never_sees_a_bearer_token(working: Any, folder: Path) -> None:
    write(folder, 2 * MIN_PART_BYTES)
    async with working() as site:
        await site.attach(confirm=True)
        puts = site.box.requests.all(PUT)
        assert len(puts) == 2
        for put in puts:
            assert "authorization" not in put.header_names
            assert put.notes == []


# 7, as far as it holds in memory


async def test_promise_7_a_call_that_goes_away_neither_kills_nor_repeats_a_transfer(working: Any) -> None:
    async with working() as site:
        sending = site.box.faults.add(Fault(PUT, Stall()))
        async with anyio.create_task_group() as group:
            group.start_soon(site.attach)
            await reached(sending)
            group.cancel_scope.cancel()
        [job] = [await site.transfers.job(row["id"]) for row in site.rows()]
        assert (job.running, job.state) == (True, "uploading")
        site.box.faults.release()
        outcome = await site.attach()
        assert outcome.job is job
        assert site.box.requests.count(CREATE) == site.box.requests.count(PUT) == 1
        assert stored(site) == b"beam"


async def test_promise_7_a_call_that_cannot_wait_leaves_the_transfer_going_on(working: Any) -> None:
    async with working() as site:
        sending = site.box.faults.add(Fault(PUT, Stall()))
        outcome = await site.attach(seconds=0)
        assert outcome.job.state == "preparing"
        await reached(sending)
        joined = await site.attach(seconds=0)
        assert (joined.job.state, joined.existed) == ("uploading", True)
        site.box.faults.release()
        finished = await site.attach()
        assert (finished.job.state, finished.job) == ("uploaded", outcome.job)
