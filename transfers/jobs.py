"""The attach jobs: started once, joined by whoever asks for the same, outliving the call and the process that asked.

Every job is a row of the ledger. The process that works on it is its owner, shown by a lock that the kernel or
PostgreSQL releases when the process dies; everybody else reads the row. Within the owner the job is a DBOS workflow.
"""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread
import structlog
from anyio.abc import TaskGroup

from acc.errors import AccError
from auth.errors import AuthError
from auth.storage_errors import StorageProblem
from transfers.errors import IdempotencyConflict, JobStopped, TransferError
from transfers.file_job import FileJob
from transfers.fingerprint import keyed
from transfers.job import Job
from transfers.job_images import JobImages
from transfers.job_record import read
from transfers.job_rows import CANCELLED, ENDED, OPEN, QUEUED, REPLACED, JobRow, Robbed
from transfers.link_job import LinkJob
from transfers.local_file import LocalFile
from transfers.patience import Patience
from transfers.resources import Resources
from transfers.task_groups import alongside, task_group
from transfers.workflows import PROCESS

if TYPE_CHECKING:
    from transfers.job_store import JobStore

CURRENT_CATEGORIES: Final = frozenset({"1", "2", "3", "4"})
"""Those of the current revision; 5 to 8 are given to earlier ones (fact sheet 3.1)."""

ACTIONABLE: Final = (TransferError, AccError, AuthError, StorageProblem)
"""What a person can do something about; anything else that ends a run is a fault of ours."""

LOOK_SECONDS: Final = 0.5
"""How often the row of a job is written by whoever runs it, and read by whoever waits for another process."""

QUIET_SECONDS: Final = 10.0
"""How often it is written while nobody waits."""


def progress(job: Job) -> tuple[int, int]:
    """Return how many bytes of a job's file were hashed, and how many were sent."""
    return (job.hashed.value, job.sent.progress.value) if isinstance(job, FileJob) else (0, 0)


class Jobs:
    """Starts, joins and remembers jobs. `running` must be entered before any is started."""

    def __init__(self, resources: Resources, open_file: Callable[[str], LocalFile]) -> None:
        self._resources = resources
        self._ledger = resources.ledger
        self._group: TaskGroup | None = None
        self._images = JobImages(self._ledger, open_file)
        self._launching = anyio.Lock()
        self._launched = False
        self._log = structlog.get_logger(__name__)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[TaskGroup]:
        """Keep jobs going until the block ends, then leave them where they are, for the next process."""
        try:
            async with task_group() as group:
                self._group = group
                try:
                    yield group
                finally:
                    self._group = None
                    group.cancel_scope.cancel()
        finally:
            if self._launched:
                await PROCESS.close()
            await self._ledger.close()

    async def find(self, attachment_ids: Collection[str]) -> dict[str, Job]:
        """Return the jobs that made or are making attachments, by the attachments' ids."""
        if not (attachment_ids and self._ledger.place.exists()):
            return {}
        rows = await self._ledger.ask(lambda store: store.by_attachments(attachment_ids))
        found = {}
        for row in sorted(rows, key=lambda row: row.created):
            if row.attachment_id is not None:
                found[row.attachment_id] = await self._images.load(row)
        return found

    async def join(self, asked: str, job: Job) -> Job:
        """Return the job for what was `asked`: an earlier one, else this `job`, written down and not started yet."""
        while True:
            known = await self._known(asked)
            if known is not None:
                known.joined_by(job)
                return known
            row = await anyio.to_thread.run_sync(self._images.new_row, job, asked)
            # Before its row is there: whoever finds the row at the same moment is to be given this very object.
            self._images.keep(job)
            added = await self._ledger.ask(partial(_add, row))
            if added.id == job.id:
                return job

    async def load(self, row: JobRow) -> Job:
        """Return the job of a row; see `JobImages.load`."""
        return await self._images.load(row)

    async def by_id(self, job_id: str) -> tuple[JobRow, Job] | None:
        """Return the job of that id with its row, or the one that carries its request since."""
        row = await self._carrying(await self._row(job_id))
        return (row, await self._images.load(row)) if row is not None else None

    async def forget(self, job: Job) -> None:
        """Drop a job whose attachment counts no more (deleted, failed): the same request then starts anew."""
        await self._ledger.ask(lambda store: store.drop(job.id))

    async def start(self, job: Job) -> None:
        """Start a run of `job` unless one is under way or nothing is left to do."""
        group = self._group
        if group is None:
            raise RuntimeError("Jobs.running() has not been entered")
        if job.running or (not job.work_left and job.error is None):
            return
        job.begin()
        try:
            owned = await self._own(job)
            row = await self._row(job.id) if owned else None
            if row is not None:
                await self._images.catch_up(job, row)
        except BaseException:
            job.end()
            raise
        if owned:
            job.error = None
            group.start_soon(self._run, job)
        else:
            job.end()
            await self._look_again(job)

    async def inherit(self, row: JobRow) -> None:
        """Go on with a job of a dead process, whose lock the caller holds."""
        if self._group is None or row.owner is None:
            return
        dead = row.owner
        if await self._ledger.ask(lambda store: store.inherit(row.id, dead, self._ledger.executor)):
            await self._go_on(row)

    async def take(self, row: JobRow) -> Job | None:
        """Begin with a job of the queue; None when another worker was faster."""
        taken = await self._ledger.ask(lambda store: store.take(row.id, self._ledger.executor))
        return await self._go_on(taken) if taken is not None else None

    async def counts(self, job: Job) -> bool:
        """Tell whether an earlier attachment still counts: ACC lists it in its revision, current and not failed.

        The job is told what ACC says of it now.

        Raises:
            AccError: ACC could not be asked.
        """
        where, before = job.destination, job.attachment
        if before is None or job.running:
            return True
        rows = self._resources.acc.submittals.all_attachments(where.project_id, where.item_id, revision=where.revision)
        async for row in rows:
            if row.id == before.id:
                if job.attachment is before:  # else a run has just brought newer news
                    job.attachment = row
                return row.category_id in CURRENT_CATEGORIES and row.async_state != "4"
        return False

    async def wait(self, job: Job, patience: Patience) -> Job:
        """Wait until the run of `job`, or of the job it repeats, ends; as long as `patience` lasts.

        Returns the job that carries the attachment.

        Raises:
            JobStopped: The run ended early.
            Exception: A fault of ours ended the run.
        """
        with anyio.move_on_after(patience.seconds):
            while True:
                if job.here and job.finished is not None:
                    with anyio.move_on_after(patience.every):
                        await job.finished.wait()
                elif job.elsewhere:
                    await self._follow(job, patience.every)
                elif job.same_as is not None:
                    job = job.same_as
                    continue
                else:
                    break
                if job.running:
                    await patience.tick(job)
        if not job.running and job.error is not None:
            if not isinstance(job.error, ACTIONABLE):
                raise job.error
            raise JobStopped(job.error, job.step, job.attachment.id if job.attachment else None) from job.error
        return job

    @asynccontextmanager
    async def turn(self, job: Job) -> AsyncIterator[None]:
        """Keep other processes from changing a job that rests until the block ends, and write down what it changes."""
        async with self._ledger.turn(f"job {job.id}"):
            if not job.running:
                await self._look_again(job)
            yield
            record = await anyio.to_thread.run_sync(self._images.record, job)
            await self._ledger.ask(lambda store: store.note(job.id, record))

    async def _go_on(self, row: JobRow) -> Job:
        """Run a job that has just become this process's."""
        job = await self._images.image(row, elsewhere=False)
        if self._group is not None and not job.under_way:
            job.begin()
            self._log.info("job_taken_up", job=job.id, step=job.step)
            self._group.start_soon(self._run, job)
        return job

    async def _known(self, asked: str) -> Job | None:
        first = await self._ledger.ask(lambda store: store.asked(asked))
        row = await self._carrying(first)
        if row is not None:
            return await self._images.load(row)
        if first is not None:
            await self._ledger.ask(lambda store: store.drop(first.id))
        return None

    async def _carrying(self, row: JobRow | None) -> JobRow | None:
        """Return the row of the job that carries the same request now."""
        while row is not None and row.status == REPLACED:
            other = read(row).same_as
            row = await self._row(other) if other else None
        return row

    async def _row(self, job_id: str) -> JobRow | None:
        return await self._ledger.ask(lambda store: store.row(job_id))

    async def _run(self, job: Job) -> None:
        job.error = job.same_as = None
        try:
            await self._run_to_its_end(job)
        finally:
            job.end()

    async def _run_to_its_end(self, job: Job) -> None:
        called_off = anyio.CancelScope()
        try:
            with called_off:
                async with alongside(partial(self._report, job, called_off)):
                    await self._carry_on(job)
        except ACTIONABLE as error:
            job.error = error
            self._log.info("job_stopped", step=job.step, error=type(error).__name__)
        except Robbed:
            self._log.warning("job_lost", job=job.id, step=job.step)
            job.elsewhere = True
            return
        except Exception as error:  # noqa: BLE001  # a task of its own: the waiting call answers it, nobody above sees it
            job.error = error
            self._log.exception("job_crashed", step=job.step)
        await self._rest(job, called_off=called_off.cancelled_caught)

    async def _carry_on(self, job: Job) -> None:
        # The wish to confirm may be new; whoever takes over must know of it.
        await self._resources.keep(job)
        self._resources.reached("asked")
        await job.prepare(self._resources)
        earlier = await self._claim(job)
        if earlier is not job:
            earlier.joined_by(job)
            job.same_as = earlier
            earlier.for_worker = job.for_worker
            await self.start(earlier)
            return
        if job.for_worker:
            return
        await self._launch()
        body = partial(job.advance, self._resources, PROCESS.step)
        row = await self._row(job.id)
        while row is not None and not await PROCESS.run(row.workflow_id, body):
            # It ended before without its row being told; an ended one is never run again.
            row = await self._ledger.ask(lambda store: store.next_attempt(job.id, self._ledger.executor))

    async def _claim(self, job: Job) -> Job:
        """Return the job that `job` turns out to be: an earlier one of the same content that counts, or itself."""
        request = job.request()
        same = keyed(request, job.key) if job.key else request.fingerprint()
        while True:
            row = await self._ledger.ask(lambda store: store.identify(job.id, self._ledger.executor, same))
            if row.id == job.id:
                return job
            earlier = await self._images.load(row)
            if earlier.request() != request:
                raise IdempotencyConflict(job.key or "")
            if await self.counts(earlier):
                return earlier
            await self.forget(earlier)

    async def _rest(self, job: Job, *, called_off: bool) -> None:
        """Write down how a run ended, and let the job go."""
        if job.uploaded or (isinstance(job, LinkJob) and job.attachment is not None):
            status = ENDED
        elif called_off:
            status = CANCELLED
        elif job.same_as is not None:
            status = REPLACED
        elif job.for_worker and job.error is None:
            status = QUEUED
        else:
            status = OPEN
        # What a worker finds is an order; everything else was a wish of the run that ended.
        job.confirm_wanted = job.confirm_wanted and status == QUEUED
        job.for_worker = False
        record = await anyio.to_thread.run_sync(self._images.record, job)
        values = {"owner": None, "status": status, "record": record}
        values["attachment_id"] = job.attachment.id if job.attachment else None
        if status == CANCELLED:
            values |= {"asked": f"cancelled {job.id}", "fingerprint": None}
        try:
            await self._ledger.ask(lambda store: store.save(job.id, self._ledger.executor, **values))
        except Robbed:
            self._log.warning("job_lost", job=job.id, step=job.step)
        except StorageProblem as problem:
            # The disk is full, say: it stays ours, and whoever comes after this process goes on from what is written.
            job.error = job.error or problem
            self._log.error("job_not_written", job=job.id, problem=str(problem))

    async def _report(self, job: Job, called_off: anyio.CancelScope) -> None:
        """Write down how far a run is, and see whether it is to be called off or is no longer ours."""
        while True:
            if await self._ledger.ask(partial(_report, job, self._ledger.executor)):
                self._log.info("job_called_off", job=job.id)
                called_off.cancel()
            if not await self._ledger.lives():
                raise Robbed
            await anyio.sleep(LOOK_SECONDS if job.here else QUIET_SECONDS)

    async def _own(self, job: Job) -> bool:
        """Become the owner of a job that nobody works on, or whose owner is dead."""
        executor = self._ledger.executor
        if await self._ledger.ask(lambda store: store.claim(job.id, executor)):
            return True
        row = await self._row(job.id)
        if row is None or row.owner is None:
            return False
        lock = await self._ledger.take(row.owner)
        if lock is None:
            return False
        try:
            dead = row.owner
            return await self._ledger.ask(lambda store: store.inherit(job.id, dead, executor))
        finally:
            await anyio.to_thread.run_sync(lock.release)

    async def _follow(self, job: Job, seconds: float) -> None:
        """Look at a job that another process runs until it ends, for some seconds."""
        ends = anyio.current_time() + seconds
        while job.elsewhere and anyio.current_time() < ends:
            await anyio.sleep(min(LOOK_SECONDS, seconds))
            await self._look_again(job)

    async def _look_again(self, job: Job) -> None:
        row = await self._row(job.id)
        if row is None or job.under_way:
            job.elsewhere = False
            return
        await self._images.image(row, elsewhere=await self._images.runs(row))
        other = read(row).same_as
        if other and row.status == REPLACED:
            carried = await self._row(other)
            job.same_as = await self._images.load(carried) if carried is not None else None

    async def _launch(self) -> None:
        async with self._launching:
            if not self._launched:
                await PROCESS.launch(self._ledger.address, self._ledger.executor)
                self._launched = True


def _add(row: JobRow, store: "JobStore") -> JobRow:
    return store.add(row)


def _report(job: Job, executor: str, store: "JobStore") -> bool:
    return store.progress(job.id, executor, *progress(job))
