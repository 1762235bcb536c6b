"""Recovery and queue: runs jobs of processes that died, and those of the queue that workers share.

A process takes up a job when it could have begun it: the same Autodesk, the same person, an allowed project, and,
while bytes remain, a file that it may read and that is still the one that was hashed. It leaves every other job
exactly as it is, for a process that can, and says nothing to ACC about it.
"""

from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread
import structlog

from acc.errors import AccError
from auth.errors import AuthError
from persistence.errors import StorageProblem
from transfers.errors import ConsentMissing, FileChanged, PersonMismatch, TransferError
from transfers.jobs.base import Job
from transfers.jobs.linked_file import LinkedFileJob
from transfers.jobs.local_file import LocalFileJob
from transfers.jobs.serialization import UnreadableJob

if TYPE_CHECKING:
    from transfers.jobs.context import JobContext
    from transfers.jobs.rows import JobRow
    from transfers.jobs.runner import JobRunner

LOOK_SECONDS: Final = 5.0
"""How often a process looks whether another one has died, or a worker for what it could not do before."""

QUEUE_SECONDS: Final = 1.0
"""How often a worker with nothing to do looks for something, while nothing tells it that there is."""

AT_A_GLANCE: Final = 10
"""Jobs that are read from the queue at once, and tried one after the other; the more, the more are gone by then."""

KEPT: Final = timedelta(days=90)
"""How long an ended job is remembered: so long the same file is answered with its first attachment."""

PRUNE_SECONDS: Final = 6 * 3600.0

_START: Final = (0.0, "")


class JobEligibility:
    """Whether this process may work on a job that another one began. `allows` says it of a project."""

    def __init__(self, context: "JobContext", allows: Callable[[str], bool]) -> None:
        self._context = context
        self._allows = allows
        self._left_alone: set[str] = set()
        self._log = structlog.get_logger(__name__)

    async def can_run(self, row: "JobRow") -> bool:
        """Whether this process could have begun a job: the person, the project, and the very file."""
        if row.base_url != self._context.acc.hosts.api or not self._allows(row.project_id):
            return False  # as good as not there: nothing is asked or said of it
        try:
            await self.check(row)
        except (AccError, AuthError, TransferError, UnreadableJob) as reason:
            tell = self._log.debug if row.id in self._left_alone else self._log.info
            tell("job_left_alone", job=row.id, reason=type(reason).__name__)
            self._left_alone.add(row.id)
            return False
        return True

    async def check(self, row: "JobRow") -> None:
        """Require that a job is of this Autodesk and an allowed project.

        Raises:
            PersonMismatch: Another person is signed in.
            ConsentMissing: It would make a file visible, and no user is there to be asked.
            TransferError: Its file may not or cannot be read, or is another.
            UnreadableJob: It was damaged, or a newer version wrote it.
            AccError: ACC refused or is away.
        """
        if (await self._context.acc.person(row.project_id)).id != row.person_id:
            raise PersonMismatch
        job = await self._context.repository.load(row)
        if isinstance(job, LinkedFileJob) and not job.may_confirm(self._context):
            raise ConsentMissing(job.name)  # the call that began it asks when it is repeated
        if not await self._has_its_file(job):
            raise FileChanged(row.name)

    async def _has_its_file(self, job: Job) -> bool:
        if not isinstance(job, LocalFileJob) or job.stored or job.uploaded:
            return True
        return await job.has_its_bytes(self._context)


class OrphanedJobRecovery:
    """Recovers the jobs of processes that died, and prunes those that ended long ago."""

    def __init__(self, runner: "JobRunner", context: "JobContext", eligibility: JobEligibility) -> None:
        self._runner = runner
        self._context = context
        self._repository = context.repository
        self._eligibility = eligibility
        self._pruned: float | None = None
        self._log = structlog.get_logger(__name__)

    async def watch(self) -> None:
        """Take up what there is, again and again, until cancelled."""
        while True:
            try:
                if self._repository.may_hold_jobs:
                    await self.recover_once()
                    await self.prune()
            except StorageProblem as problem:
                self._log.warning("jobs_not_looked_for", problem=str(problem))
            await anyio.sleep(LOOK_SECONDS)

    async def recover_once(self) -> None:
        """Take up what may be taken up of everything that no living process works on.

        Raises:
            StorageProblem: The database cannot be used.
        """
        rows = await self._repository.ask(lambda tables: tables.owned(self._context.acc.hosts.api))
        at_work = await self._repository.at_work(rows)
        for row in rows:
            if row.id not in at_work and await self._eligibility.can_run(row):
                await self._runner.take_up(row)

    async def prune(self) -> None:
        """Forget what ended long ago: at the start, and then every few hours.

        Raises:
            StorageProblem: The database cannot be used.
        """
        if self._pruned is None or anyio.current_time() - self._pruned >= PRUNE_SECONDS:
            self._pruned = anyio.current_time()
            gone = await self._repository.prune(self._context.clock() - KEPT.total_seconds())
            self._log.info("jobs_pruned", jobs=gone)


class QueueWorker:
    """Queue consumer: runs the oldest jobs that this process may do, some at once.

    What it may not do, for want of the person, the project or the very file, it leaves in the queue for another worker.
    """

    def __init__(self, runner: "JobRunner", context: "JobContext", eligibility: JobEligibility) -> None:
        self._runner = runner
        self._context = context
        self._repository = context.repository
        self._eligibility = eligibility
        self._seen: deque[JobRow] = deque()
        self._after = _START
        self._looking = anyio.Lock()
        self._log = structlog.get_logger(__name__)

    async def run(self, at_once: int) -> None:
        """Work on so many jobs at once until cancelled."""
        async with anyio.create_task_group() as hands:
            for _ in range(at_once):
                hands.start_soon(self._work)

    async def _work(self) -> None:
        while True:
            job = await self._take()
            if job.finished is not None:
                await job.finished.wait()

    async def _take(self) -> Job:
        """Return a job that this process has just begun to work on; waits until there is one."""
        async with self._looking:
            while True:
                try:
                    job = await self._next()
                except StorageProblem as problem:
                    self._log.warning("queue_not_read", problem=str(problem))
                    job = None
                if job is not None:
                    return job
                await self._repository.wait_for_queue(QUEUE_SECONDS, LOOK_SECONDS)

    async def _next(self) -> Job | None:
        """Try every job of the queue once, going on where the last look ended; None when none could be taken."""
        begun = self._after
        while True:
            while self._seen:
                row = self._seen.popleft()
                if await self._eligibility.can_run(row) and (job := await self._runner.take_up(row)) is not None:
                    return job
            after, base_url = self._after, self._context.acc.hosts.api
            rows = await self._repository.ask(lambda tables: tables.queued(base_url, after, AT_A_GLANCE))  # noqa: B023  # awaited before they change
            if not rows and begun == _START:
                self._after = _START
                return None
            if not rows:
                begun = self._after = _START
                continue
            self._seen.extend(rows)
            self._after = (rows[-1].created, rows[-1].id)
