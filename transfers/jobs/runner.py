"""Job runner: runs a job once in this process, and to its end, also after the call that asked for it has ended.

The process that was asked runs the job: it holds the job's lock for so long, and all others wait
by reading the row. What became of a run is written down at its end.
"""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio
import anyio.to_thread
import structlog
from anyio.abc import TaskGroup

from acc.errors import AccError
from auth.errors import AuthError
from persistence.errors import DatabaseUnreachable, StorageProblem
from transfers.concurrency import background_task, task_group
from transfers.errors import IdempotencyConflict, JobStopped, TransferError
from transfers.idempotency import idempotency_fingerprint
from transfers.jobs.base import Job
from transfers.jobs.forerunners import ForerunnerGate
from transfers.jobs.linked_file import LinkedFileJob
from transfers.jobs.rows import (
    CANCELLED,
    ENDED,
    OPEN,
    QUEUED,
    REPLACED,
    FingerprintTaken,
    JobOwnershipLost,
    JobRow,
    cancellation,
)
from transfers.jobs.serialization import read_record

if TYPE_CHECKING:
    from transfers.jobs.context import JobContext
    from transfers.jobs.ownership import JobAttempt

ACTIONABLE: Final = (TransferError, AccError, AuthError, StorageProblem)
"""Errors a person can do something about; anything else that ends a run is a fault of ours."""

LOOK_SECONDS: Final = 0.5
"""How often the row of a job is written by the process that runs it, and read by those that wait for it."""

QUIET_SECONDS: Final = 10.0
"""How often it is written while no call waits."""

AWAY_SECONDS: Final = (0.5, 2.0, 5.0, 10.0)
"""The pauses after which a run goes on whose database was away: as long as one that restarts takes."""

_BUSY_SECONDS: Final = (0.02, 0.02, 0.05, 0.1, 0.5, 2.0, 5.0, 10.0)
"""The pauses after which it is looked again for a lock whose holder has just said that it lets go."""

TICK_SECONDS: Final = 5.0
"""Seconds between progress callbacks."""


@dataclass(frozen=True)
class WaitOptions:
    """Wait timeout in seconds, and a callback that reports progress every `every` seconds."""

    seconds: float
    tick: Callable[[Job], Awaitable[None]]
    every: float = TICK_SECONDS


async def _tell_nobody(_: Job) -> None:
    pass


UNHURRIED: Final = WaitOptions(math.inf, _tell_nobody)
"""Wait without a limit and without progress."""


class JobRunner:
    """Runs jobs of one context. `running` must be entered before any is started."""

    def __init__(self, context: "JobContext") -> None:
        self._context = context
        self._repository = context.repository
        self._forerunners = ForerunnerGate(context)
        self._group: TaskGroup | None = None
        self.at_work = 0
        """Jobs that are run here now."""
        self._log = structlog.get_logger(__name__)

    @asynccontextmanager
    async def running(self, *, owns_repository: bool = True) -> AsyncIterator[TaskGroup]:
        """Keep jobs going until the block ends, then leave them where they are, for the next process.

        A repository that other runners share (`owns_repository` false) is neither listened with nor closed.
        """
        try:
            async with task_group() as group:
                self._group = group
                if owns_repository:
                    group.start_soon(self._repository.listen)
                try:
                    yield group
                finally:
                    group.cancel_scope.cancel()
        finally:
            # Not before its tasks have ended: one may be about to begin a job, and is to meet its cancellation there.
            self._group = None
            if owns_repository:
                await self._repository.close()

    async def add(self, job: Job, asked: str) -> JobRow:
        """Write down a new job and start its run, unless one was `asked` for before; returns the row of either."""
        group = self._entered
        await job.plan_run(self._context)
        job.begin()
        attempt = None
        try:
            row, attempt = await self._repository.add(job, asked)
        finally:
            if attempt is None:
                job.end()
        if attempt is not None:
            group.start_soon(self._run, job, attempt)
        return row

    async def start(self, job: Job) -> bool:
        """Start a run of `job` unless one is under way or nothing is left to do; returns whether it did."""
        if job.running or (not job.has_pending_work and job.error is None):
            return False
        return await self._start(job, partial(self._begin_again, job.id))

    def in_background(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do `work` for as long as jobs run here; it must not raise, for that would end them all."""
        self._entered.start_soon(work)

    async def take_up(self, row: JobRow) -> Job | None:
        """Resume a job whose process died, or begin one of the queue; None when another process was faster.

        Also None for one that is to be cancelled: that is done.
        """
        if row.cancelled:
            await self._repository.request_cancel(row.id)
            return None
        job = await self._repository.image(row, elsewhere=False)
        fresh = OPEN if row.status == QUEUED else None
        if job.under_way or not await self._start(job, lambda: self._repository.begin(row, fresh)):
            return None
        self._log.info("job_taken_up", job=job.id, step=job.step)
        return job

    async def wait(self, job: Job, patience: WaitOptions) -> Job:
        """Wait until the run of `job`, or of the job it repeats, ends; as long as `patience` lasts.

        Returns the job that carries the attachment.

        Raises:
            JobStopped: The run ended early.
            Exception: A fault of ours ended the run.
        """
        with anyio.move_on_after(patience.seconds):
            while True:
                if job.runs_locally and job.finished is not None:
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
    async def exclusive(self, job: Job) -> AsyncIterator[None]:
        """Keep every process from working on a job that rests until the block ends, and write down what it changes."""
        begun = None
        while not (job.under_way or job.uploaded) and (begun := await self._begin_again(job.id, status=None)) is None:
            await self._look_again(job)
            await self._repository.signals.wait(job.id, LOOK_SECONDS)
        if begun is None:
            yield  # nothing of it changes, or the run writes that down
            return
        attempt, row = begun
        try:
            await self._repository.catch_up(job, row)
            yield
            await self._repository.save(job, attempt, owner=None)
        finally:
            await self._repository.release(attempt)

    async def _start(self, job: Job, begin: "Callable[[], Awaitable[tuple[JobAttempt, JobRow] | None]]") -> bool:
        """Start a run of `job` if an attempt can begin; under way before that, so that no other one begins here."""
        group = self._entered
        job.begin()
        begun = None
        try:
            begun = await begin()
            if begun is not None:
                await self._repository.catch_up(job, begun[1])
        except BaseException:
            if begun is not None:
                await self._repository.release(begun[0])  # its row is left as that of a process that died
            job.end()
            raise
        if begun is not None:
            job.error = None
            group.start_soon(self._run, job, begun[0])
        else:
            job.end()
            await self._look_again(job)
        return begun is not None

    @property
    def _entered(self) -> TaskGroup:
        if self._group is None:
            raise RuntimeError("JobRunner.running() has not been entered")
        return self._group

    async def _begin_again(self, job_id: str, status: str | None = OPEN) -> "tuple[JobAttempt, JobRow] | None":
        """Begin an attempt at a job that no process works on now, whatever became of the ones before."""
        for pause in _BUSY_SECONDS:
            begun = await self._repository.begin(job_id, status)
            row = await self._repository.row(job_id) if begun is None else None
            if row is None or row.owner is not None:
                return begun
            await anyio.sleep(pause)  # the process that worked on it is about to release it, or it has changed since
        return None

    async def _run(self, job: Job, attempt: "JobAttempt") -> None:
        """Run a job that has begun until it ends."""
        job.error = job.same_as = None
        self.at_work += 1
        try:
            await self._run_to_its_end(job, attempt)
        finally:
            self.at_work -= 1
            await self._repository.release(attempt)
            job.end()

    async def _run_to_its_end(self, job: Job, attempt: "JobAttempt") -> None:
        called_off = anyio.CancelScope()
        try:
            with called_off:
                await self._run_with_reconnects(job, attempt, called_off)
        except ACTIONABLE as error:
            job.error = error
            self._log.info("job_stopped", step=job.step, error=type(error).__name__)
        except JobOwnershipLost:
            self._lost(job)
            return
        except Exception as error:  # noqa: BLE001  # a task of its own: the waiting call answers it, no caller above sees it
            job.error = error
            self._log.exception("job_crashed", step=job.step)
        await self._finish(job, attempt, called_off=called_off.cancelled_caught)

    async def _finish(self, job: Job, attempt: "JobAttempt", *, called_off: bool) -> None:
        """Write down how a run ended, and let the job go."""
        if job.uploaded or (isinstance(job, LinkedFileJob) and job.attachment is not None):
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
        values = cancellation(job.id) if status == CANCELLED else {"status": status}
        try:
            await self._repository.save(job, attempt, owner=None, **values)
        except JobOwnershipLost:
            self._lost(job)
        except StorageProblem as problem:
            # The disk is full, say. Its row is that of a process that died: a process that may run it goes on with it.
            job.error = job.error or problem
            self._log.error("job_not_written", job=job.id, problem=str(problem))

    def _lost(self, job: Job) -> None:
        attachment = job.attachment.id if job.attachment else None
        self._log.warning("job_lost", job=job.id, step=job.step, attachment=attachment)
        job.elsewhere = True

    async def _run_with_reconnects(self, job: Job, attempt: "JobAttempt", called_off: anyio.CancelScope) -> None:
        """Carry a job on to its end, again from what is written down when the database was away for a moment."""
        context = self._context.bound_to(attempt, job.destination)
        pauses = iter(AWAY_SECONDS)
        away = False
        while True:
            try:
                if away:
                    await self._repository.catch_up(job, await self._repository.renew(attempt))
                async with background_task(partial(self._report, job, attempt, called_off)):
                    return await self._execute(job, attempt, context)
            except DatabaseUnreachable as problem:
                pause = next(pauses, None)
                if pause is None:
                    raise
                self._log.warning("database_away", job=job.id, step=job.step, problem=str(problem))
                await self._context.sleep(pause)
                away = True

    async def _execute(self, job: Job, attempt: "JobAttempt", context: "JobContext") -> None:
        # The wish to confirm may be new; a process that takes over must know of it.
        await context.keep(job)
        context.reached("asked")
        await job.prepare(context)
        if job.runs_ahead:
            try:
                await job.run_steps(context)
                return
            except FingerprintTaken:
                self._log.info("job_repeats_another", job=job.id)
        earlier = await self._deduplicate(job, attempt)
        if earlier is not job:
            earlier.merge(job)
            job.same_as = earlier
            earlier.for_worker = job.for_worker
            await self.start(earlier)
        elif not job.for_worker:
            await job.run_steps(context)

    async def _deduplicate(self, job: Job, attempt: "JobAttempt") -> Job:
        """Return the job that `job` turns out to be: an earlier one of the same content that counts, or itself."""
        request = job.request()
        same = idempotency_fingerprint(request, job.key) if job.key else request.fingerprint()
        if attempt.fingerprint == same:
            return job
        await self._forerunners.wait(job)
        while True:
            row = await self._repository.ask(lambda tables: tables.assign_fingerprint(job.id, attempt.number, same))
            if row.id == job.id:
                return job
            earlier = await self._repository.load(row)
            # Without a key the fingerprint is the request; another process may not have saved all of that yet.
            if job.key and earlier.request() != request:
                raise IdempotencyConflict(job.key)
            if await earlier.is_still_valid(self._context):
                return earlier
            await self.forget(earlier)

    async def forget(self, job: Job) -> None:
        """Drop a job whose attachment counts no more (deleted, failed): the same request then starts again."""
        await self._repository.ask(lambda tables: tables.replace(job.id))

    async def _report(self, job: Job, attempt: "JobAttempt", called_off: anyio.CancelScope) -> None:
        """Write down how far a run is, and see whether it is to be cancelled or is no longer ours."""
        while True:
            await self._repository.signals.wait(job.id, LOOK_SECONDS if job.runs_locally else QUIET_SECONDS)
            if await self._repository.report(attempt, *job.bytes_done):
                self._log.info("job_called_off", job=job.id)
                called_off.cancel()

    async def _follow(self, job: Job, seconds: float) -> None:
        """Look at a job that another process runs until it ends, for some seconds."""
        ends = anyio.current_time() + seconds
        while job.elsewhere and anyio.current_time() < ends:
            await self._repository.signals.wait(job.id, min(LOOK_SECONDS, seconds))
            await self._look_again(job)

    async def _look_again(self, job: Job) -> None:
        row = await self._repository.row(job.id)
        if row is None or job.under_way:
            job.elsewhere = False
            return
        await self._repository.image(row, elsewhere=await self._repository.runs_elsewhere(row))
        other = read_record(row).same_as
        if other and row.status == REPLACED:
            carried = await self._repository.row(other)
            job.same_as = await self._repository.load(carried) if carried is not None else None
