"""The runs of jobs that belong to this process: each goes on to its end, and what became of it is written down."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread
import structlog

from acc.errors import AccError
from auth.errors import AuthError
from auth.storage_errors import DatabaseUnreachable, StorageProblem
from transfers.errors import IdempotencyConflict, TransferError
from transfers.fingerprint import keyed
from transfers.job import Job
from transfers.job_images import JobImages
from transfers.job_rows import CANCELLED, ENDED, OPEN, QUEUED, REPLACED, Robbed
from transfers.link_job import LinkJob
from transfers.resources import Resources
from transfers.task_groups import alongside
from transfers.workflows import PROCESS

if TYPE_CHECKING:
    from transfers.job_store import JobStore

ACTIONABLE: Final = (TransferError, AccError, AuthError, StorageProblem)
"""What a person can do something about; anything else that ends a run is a fault of ours."""

LOOK_SECONDS: Final = 0.5
"""How often the row of a job is written by whoever runs it, and read by whoever waits for another process."""

AWAY_SECONDS: Final = (0.5, 2.0, 5.0, 10.0)
"""The pauses after which a run goes on whose database was away: as long as one that restarts takes."""

QUIET_SECONDS: Final = 10.0
"""How often it is written while nobody waits."""


class Runs:
    """Runs jobs. `start` is told of an earlier job that one turned out to repeat."""

    def __init__(self, resources: Resources, images: JobImages, start: Callable[[Job], Awaitable[None]]) -> None:
        self._resources = resources
        self._ledger = resources.ledger
        self._images = images
        self._start = start
        self._launching = anyio.Lock()
        self._launched = False
        self._log = structlog.get_logger(__name__)

    async def run(self, job: Job) -> None:
        """Go on with a job that has begun and belongs to this process, until it ends."""
        job.error = job.same_as = None
        try:
            await self._run_to_its_end(job)
        finally:
            job.end()

    async def rest(self, job: Job, *, called_off: bool) -> None:
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
            # The disk is full, say: it stays ours, until it is begun again here, let go, or this process is dead.
            job.error = job.error or problem
            self._log.error("job_not_written", job=job.id, problem=str(problem))

    async def close(self) -> None:
        """Let go of what runs need, after all of them have ended."""
        if self._launched:
            await PROCESS.close()

    async def _run_to_its_end(self, job: Job) -> None:
        called_off = anyio.CancelScope()
        try:
            with called_off:
                await self._insist(job, called_off)
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
        await self.rest(job, called_off=called_off.cancelled_caught)

    async def _insist(self, job: Job, called_off: anyio.CancelScope) -> None:
        """Carry a job on to its end, again from what is written down when the database was away for a moment."""
        pauses = iter(AWAY_SECONDS)
        away = False
        while True:
            try:
                if away:
                    row = await self._ledger.ask(lambda store: store.next_attempt(job.id, self._ledger.executor))
                    await self._images.catch_up(job, row)
                async with alongside(partial(self._report, job, called_off)):
                    return await self._carry_on(job)
            except DatabaseUnreachable as problem:
                pause = next(pauses, None)
                if pause is None:
                    raise
                self._log.warning("database_away", job=job.id, step=job.step, problem=str(problem))
                await self._resources.sleep(pause)
                away = True

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
            await self._start(earlier)
            return
        if job.for_worker:
            return
        await self._launch()
        body = partial(job.advance, self._resources, PROCESS.step)
        row = await self._ledger.ask(lambda store: store.row(job.id))
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
            if await earlier.counts(self._resources):
                return earlier
            await self._ledger.ask(partial(_drop, earlier.id))

    async def _report(self, job: Job, called_off: anyio.CancelScope) -> None:
        """Write down how far a run is, and see whether it is to be called off or is no longer ours."""
        while True:
            if await self._ledger.ask(partial(_report, job, self._ledger.executor)):
                self._log.info("job_called_off", job=job.id)
                called_off.cancel()
            if not await self._ledger.lives():
                raise Robbed
            await anyio.sleep(LOOK_SECONDS if job.here else QUIET_SECONDS)

    async def _launch(self) -> None:
        async with self._launching:
            if not self._launched:
                await PROCESS.launch(self._ledger.address, self._ledger.executor)
                self._launched = True


def _drop(job_id: str, store: "JobStore") -> None:
    store.drop(job_id)


def _report(job: Job, executor: str, store: "JobStore") -> bool:
    return store.progress(job.id, executor, *job.bytes_done)
