"""The attach jobs: started once, joined by whoever asks for the same, outliving the call and the process that asked.

Every job is a row of the ledger. The process that works on it is its owner, shown by a lock that the kernel or
PostgreSQL releases when the process dies; everybody else reads the row. Within the owner the job is a DBOS workflow.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import structlog
from anyio.abc import TaskGroup

from transfers.errors import JobStopped
from transfers.job import Job
from transfers.job_images import JobImages
from transfers.job_record import read
from transfers.job_rows import REPLACED, JobRow
from transfers.local_file import LocalFile
from transfers.patience import Patience
from transfers.resources import Resources
from transfers.runs import ACTIONABLE, LOOK_SECONDS, Runs
from transfers.task_groups import task_group

if TYPE_CHECKING:
    from transfers.job_store import JobStore


class Jobs:
    """Starts, joins and remembers jobs. `running` must be entered before any is started."""

    def __init__(self, resources: Resources, open_file: Callable[[str], LocalFile]) -> None:
        self._resources = resources
        self._ledger = resources.ledger
        self._group: TaskGroup | None = None
        self._images = JobImages(self._ledger, open_file)
        self._runs = Runs(resources, self._images, self.start)
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
                    group.cancel_scope.cancel()
        finally:
            # Not before its tasks have ended: one may be about to begin a job, and is to meet its cancellation there.
            self._group = None
            await self._runs.close()
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
        if job.running or (not job.work_left and job.error is None):
            return
        await self._begin(job, partial(self._own, job))

    async def inherit(self, row: JobRow) -> None:
        """Go on with a job of a dead process, whose lock the caller holds."""
        if row.owner is not None:
            await self._go_on(row, partial(_inherit, row.id, row.owner, self._ledger.executor))

    async def take(self, row: JobRow) -> Job | None:
        """Begin with a job of the queue; None when another worker was faster."""
        return await self._go_on(row, partial(_take, row.id, self._ledger.executor))

    async def let_go(self) -> None:
        """Free what this process owns and nobody in it runs: the database was away when its run ended or began.

        Raises:
            StorageProblem: The database cannot be used.
        """
        running = self._images.under_way()
        for row in await self._ledger.ask(partial(_owned, self._ledger.executor)):
            if row.id in running:
                continue  # it may have ended since, and then its image knows better than its row
            job = await self._images.image(row, elsewhere=False)
            if not job.under_way:
                job.begin()
                try:
                    await self._runs.rest(job, called_off=False)
                finally:
                    job.end()

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

    async def _go_on(self, row: JobRow, take: "Callable[[JobStore], bool]") -> Job | None:
        """Run a job that `take` makes this process's; None if it does not, or it is under way here already."""
        job = await self._images.image(row, elsewhere=False)
        if job.under_way or not await self._begin(job, lambda: self._ledger.ask(take)):
            return None
        self._log.info("job_taken_up", job=job.id, step=job.step)
        return job

    async def _begin(self, job: Job, own: Callable[[], Awaitable[bool]]) -> bool:
        """Start a run of `job` if `own` makes it this process's; under way before that, so that none begins twice."""
        group = self._group
        if group is None:
            raise RuntimeError("Jobs.running() has not been entered")
        job.begin()
        try:
            owned = await own()
            row = await self._row(job.id) if owned else None
            if row is not None:
                await self._images.catch_up(job, row)
        except BaseException:
            job.end()
            raise
        if owned:
            job.error = None
            group.start_soon(self._runs.run, job)
        else:
            job.end()
            await self._look_again(job)
        return owned

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

    async def _own(self, job: Job) -> bool:
        """Become the owner of a job that nobody works on, or whose owner is dead."""
        executor = self._ledger.executor
        if await self._ledger.ask(lambda store: store.claim(job.id, executor)):
            return True
        row = await self._row(job.id)
        if row is None or row.owner is None:
            return False
        if row.owner == executor:
            # Nothing in this process runs it: the database was away when its last run ended.
            await self._ledger.ask(lambda store: store.next_attempt(job.id, executor))
            return True
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


def _add(row: JobRow, store: "JobStore") -> JobRow:
    return store.add(row)


def _owned(executor: str, store: "JobStore") -> "list[JobRow]":
    return store.owned(executor)


def _inherit(job_id: str, dead: str, executor: str, store: "JobStore") -> bool:
    return store.inherit(job_id, dead, executor)


def _take(job_id: str, executor: str, store: "JobStore") -> bool:
    return store.take(job_id, executor)
