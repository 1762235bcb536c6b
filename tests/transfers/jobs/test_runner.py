"""Jobs of a process: runs, waiting, and what is remembered of them. The jobs here do as they are told."""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx
import pytest
from anyio.abc import TaskGroup

from acc.client import AccClient
from acc.hosts import AutodeskHosts
from acc.models.submittals import Attachment
from acc.transport import api_client
from auth.errors import NotSignedIn
from persistence.data_folder import StateLocation
from persistence.keys import EncryptionKey, KeyRing
from transfers.errors import JobStopped
from transfers.files.allowed_folders import AllowedFolders
from transfers.files.local_file import FilePolicy
from transfers.idempotency import AttachmentIdentity, AttachTarget
from transfers.jobs.base import Job, JobStepContext
from transfers.jobs.caller_upload import CallerUploadJob
from transfers.jobs.context import JobContext
from transfers.jobs.repository import JobRepository
from transfers.jobs.rows import JobRow
from transfers.jobs.runner import WaitOptions
from transfers.manager import TransferManager

BASE = "http://127.0.0.1:1"
PROJECT = "00000000-0000-4000-8000-000000000001"
WHERE = AttachTarget(BASE, "ME", PROJECT, "item", 0, "for_review", None, None)


@dataclass(eq=False)
class Told(Job):
    """A job whose content and whose steps a test decides."""

    kind = "told"
    content: str = "content"
    steps: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    runs: int = 0

    def request(self) -> AttachmentIdentity:
        return self.destination.request(self.name, self.content)

    async def run_steps(self, context: JobStepContext) -> None:
        self.runs += 1
        if self.steps:
            await self.steps.pop(0)()
        self.attachment = Attachment(id=f"id-{self.content}", category_id="2")


class Gate:
    """A step that is entered, and left when it is opened."""

    def __init__(self) -> None:
        self.entered = anyio.Event()
        self.open = anyio.Event()

    async def __call__(self) -> None:
        self.entered.set()
        await self.open.wait()


def failing(error: BaseException) -> Callable[[], Awaitable[object]]:
    async def step() -> None:
        raise error

    return step


async def nothing(job: Job) -> None:
    await anyio.lowlevel.checkpoint()


@pytest.fixture
async def rows() -> list[dict[str, Any]]:
    """What ACC lists."""
    return [{"id": "id-content", "categoryId": "2", "asyncState": "1"}]


def patience(seconds: float, tick: Callable[[Job], Awaitable[None]] = nothing, every: float = 5) -> WaitOptions:
    return WaitOptions(seconds, tick, every)


@asynccontextmanager
async def running(place: StateLocation, rows: list[dict[str, Any]]) -> AsyncIterator[tuple[TransferManager, TaskGroup]]:
    """The jobs of a process, and the task group that they run in."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"pagination": {"totalResults": len(rows)}, "results": rows})

    class Token:
        async def access_token(self) -> str:
            return "token"

        async def renewed(self, rejected: str) -> str | None:
            return None

    hosts = AutodeskHosts.at(BASE)
    async with api_client(hosts, transport=httpx.MockTransport(answer)) as client:

        def no_storage() -> httpx.Client:
            raise AssertionError("no bytes are sent here")

        repository = JobRepository(place)
        acc = AccClient(hosts, Token(), client=client)
        context = JobContext(acc, 1, no_storage, repository, AllowedFolders([]), FilePolicy(frozenset(), 1))
        manager = TransferManager(context)
        with anyio.fail_after(120):
            async with manager.runner.running() as group:
                yield manager, group


@pytest.fixture
async def jobs(rows: list[dict[str, Any]], tmp_path: Path) -> AsyncIterator[TransferManager]:
    async with running(StateLocation(tmp_path / "data", keys=EncryptionKey.new().text), rows) as (jobs, _):
        yield jobs


async def started(jobs: TransferManager, asked: str = "a", **fields: Any) -> Told:
    job = await jobs.find_or_add(asked, Told(WHERE, "x.pdf", **fields))
    assert isinstance(job, Told)
    await jobs.runner.start(job)
    return job


async def found(jobs: TransferManager, attachment_id: str) -> Job | None:
    return (await jobs.repository.find([attachment_id])).get(attachment_id)


async def test_a_job_runs_and_ends(jobs: TransferManager) -> None:
    job = await started(jobs)
    assert await jobs.runner.wait(job, patience(5)) is job
    assert (job.running, job.runs, job.reserved.id) == (False, 1, "id-content")
    assert await found(jobs, "id-content") is job
    assert await found(jobs, "another") is None


class SlowKeys:
    """Keys in a vault that answers when it is told to, and then that it has none."""

    looked_in = "a slow vault"

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.answers = threading.Event()

    def load(self) -> None:
        self.asked.set()
        assert self.answers.wait(120)

    def make(self) -> KeyRing:
        raise AssertionError("nothing is sealed here")


async def test_a_job_that_a_process_is_taking_up_when_it_ends_is_left_for_the_next(
    rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    place, keys = StateLocation(tmp_path / "data", keys=EncryptionKey.new().text), SlowKeys()

    class SlowPlace(StateLocation):
        def key_source(self) -> SlowKeys:
            return keys

    async def row_of(job: Job) -> JobRow:
        async with running(place, rows) as (jobs, _):
            found = await jobs.by_id(job.id)
        assert found is not None
        return found[0]

    async with running(place, rows) as (jobs, _):
        job = await jobs.find_or_add("a", CallerUploadJob(WHERE, "x.pdf", upload_key="of an open upload"))
    left = await row_of(job)
    async with anyio.create_task_group() as outside, running(SlowPlace(tmp_path / "data"), rows) as (jobs, group):
        group.start_soon(jobs.runner.take_up, left)
        await anyio.to_thread.run_sync(keys.asked.wait)
        # This runs once the block has ended, and waits for a thread that no cancellation reaches.
        outside.start_soon(anyio.to_thread.run_sync, keys.answers.set)
    assert await row_of(job) == left


async def test_a_row_that_was_read_before_a_run_ended_takes_nothing_back(jobs: TransferManager) -> None:
    gate = Gate()
    job = await started(jobs, steps=[gate])
    await gate.entered.wait()
    row = await jobs.repository.row(job.id)
    gate.open.set()
    assert (await jobs.runner.wait(job, patience(120))).reserved.id == "id-content"
    assert (await jobs.repository.load(row)) is job
    assert job.reserved.id == "id-content"


async def test_a_finished_job_is_not_run_again(jobs: TransferManager) -> None:
    job = await started(jobs)
    await jobs.runner.wait(job, patience(5))
    await jobs.runner.start(job)
    assert not job.running
    assert job.runs == 1


async def test_a_job_under_way_is_not_started_twice(jobs: TransferManager) -> None:
    gate = Gate()
    job = await started(jobs, steps=[gate])
    await gate.entered.wait()
    assert await started(jobs) is job
    gate.open.set()
    await jobs.runner.wait(job, patience(5))
    assert job.runs == 1


async def test_two_jobs_that_turn_out_the_same_end_as_one(jobs: TransferManager) -> None:
    gate = Gate()
    first = await started(jobs, steps=[gate])
    await gate.entered.wait()
    second = await started(jobs, "b", confirm_wanted=True)
    async with anyio.create_task_group() as group:

        async def check() -> None:
            assert await jobs.runner.wait(second, patience(5)) is first

        group.start_soon(check)
        await anyio.wait_all_tasks_blocked()
        assert first.confirm_wanted
        gate.open.set()
    assert (first.runs, second.runs) == (1, 0)


async def test_a_wish_to_confirm_ends_with_the_run_that_heard_it(jobs: TransferManager) -> None:
    job = await started(jobs, confirm_wanted=True, steps=[failing(NotSignedIn())])
    with pytest.raises(JobStopped):
        await jobs.runner.wait(job, patience(5))
    assert not job.confirm_wanted


async def test_a_chain_is_followed_only_as_long_as_it_holds(jobs: TransferManager, rows: list[dict[str, Any]]) -> None:
    """B repeated A; A is deleted in ACC; B then stands on its own, and a call that waits for B is answered by B."""
    first = await started(jobs)
    await jobs.runner.wait(first, patience(5))
    second = await started(jobs, "b")
    assert await jobs.runner.wait(second, patience(5)) is first
    rows.clear()
    await jobs.runner.start(second)
    assert await jobs.runner.wait(second, patience(5)) is second
    assert second.same_as is None
    assert await found(jobs, "id-content") is second


@pytest.mark.parametrize("fate", [{"categoryId": "6"}, {"categoryId": None}, {"asyncState": "4"}, {"id": "other"}])
async def test_an_attachment_counts_while_acc_lists_it_as_current_and_not_failed(
    jobs: TransferManager, rows: list[dict[str, Any]], fate: dict[str, Any]
) -> None:
    job = await started(jobs)
    await jobs.runner.wait(job, patience(5))
    assert await job.is_still_valid(jobs.context)
    rows[0].update(fate)
    assert not await job.is_still_valid(jobs.context)


async def test_a_job_learns_what_acc_says_of_its_attachment(jobs: TransferManager, rows: list[dict[str, Any]]) -> None:
    job = await started(jobs)
    await jobs.runner.wait(job, patience(5))
    rows[0]["isFileUploaded"] = True
    await job.is_still_valid(jobs.context)
    assert job.uploaded


async def test_waiting_ends_with_the_patience_and_the_job_goes_on(jobs: TransferManager) -> None:
    gate = Gate()
    job = await started(jobs, steps=[gate])
    assert await jobs.runner.wait(job, patience(0)) is job
    assert job.running
    gate.open.set()
    await jobs.runner.wait(job, patience(5))
    assert not job.running


async def test_a_waiter_is_told_of_the_job_that_does_the_work(jobs: TransferManager) -> None:
    gate, told = Gate(), []
    first = await started(jobs, steps=[gate])
    await gate.entered.wait()
    second = await started(jobs, "b")

    async def tick(job: Job) -> None:
        told.append(job)
        if told.count(first) == 3:
            gate.open.set()
        await anyio.lowlevel.checkpoint()

    await jobs.runner.wait(second, patience(5, tick, 0))
    assert told[-1] is first
    assert len(told) >= 3


async def test_a_run_fails_with_its_step_and_the_next_run_clears_the_failure(jobs: TransferManager) -> None:
    job = await started(jobs, steps=[failing(NotSignedIn())])
    for _ in range(2):  # as often as it is asked
        with pytest.raises(JobStopped) as stopped:
            await jobs.runner.wait(job, patience(5))
        assert (type(stopped.value.cause), stopped.value.step) == (NotSignedIn, "reserve")
    await jobs.runner.start(job)
    await jobs.runner.wait(job, patience(5))
    assert (job.error, job.runs) == (None, 2)


async def test_an_internal_error_reaches_the_waiter_and_stops_no_other_job(jobs: TransferManager) -> None:
    gate = Gate()
    other = await started(jobs, "b", content="other", steps=[gate])
    broken = await started(jobs, steps=[failing(ZeroDivisionError())])
    with pytest.raises(ZeroDivisionError):
        await jobs.runner.wait(broken, patience(5))
    assert other.running
    gate.open.set()
    await jobs.runner.wait(other, patience(5))


async def test_the_end_of_a_run_cancels_its_jobs(jobs: TransferManager) -> None:
    other = TransferManager(jobs.context)
    gate = Gate()
    async with other.runner.running():
        job = await started(other, steps=[gate])
        await gate.entered.wait()
    assert not job.running
    assert job.attachment is None
    with pytest.raises(RuntimeError, match="not been entered"):
        await other.runner.start(job)
