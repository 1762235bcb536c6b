"""Going on with the jobs of processes that died: by exactly one other process, and only by one that may.

A process takes up a job when it could have begun it: the same Autodesk, the same person, an allowed project, and,
while bytes remain, a file that it may read and that is still the one that was hashed. It leaves every other job
exactly as it is, for a process that can, and says nothing to ACC about it.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread
import structlog

from acc.errors import AccError
from auth.errors import AuthError
from auth.storage_errors import StorageProblem
from transfers.errors import TransferError
from transfers.file_job import FileJob
from transfers.job import Job
from transfers.job_record import NewerRecord
from transfers.link_job import LinkJob
from transfers.workflows import PROCESS

if TYPE_CHECKING:
    from transfers.job_rows import JobRow
    from transfers.jobs import Jobs
    from transfers.resources import Resources

LOOK_SECONDS: Final = 5.0
"""How often a process looks whether another one has died."""

KEPT: Final = timedelta(days=90)
"""How long an ended job is remembered: so long the same file is answered with its first attachment."""

PRUNE_SECONDS: Final = 6 * 3600.0


class TakingUp:
    """Watches the other processes of a ledger. `allows` says whether a project may be worked with."""

    def __init__(self, jobs: "Jobs", resources: "Resources", allows: Callable[[str], bool]) -> None:
        self._jobs = jobs
        self._resources = resources
        self._ledger = resources.ledger
        self._allows = allows
        self._people: dict[str, str] = {}
        self._pruned: float | None = None
        self._workflows_pruned: float | None = None
        self._log = structlog.get_logger(__name__)

    async def watch(self) -> None:
        """Take up what there is, again and again, until cancelled."""
        while True:
            try:
                if self._ledger.place.exists():
                    await self.once()
                    await self._jobs.let_go()
                    await self.prune()
            except StorageProblem as problem:
                self._log.warning("jobs_not_looked_for", problem=str(problem))
            await anyio.sleep(LOOK_SECONDS)

    async def once(self) -> None:
        """Take up what may be taken up of every process that is dead now.

        Raises:
            StorageProblem: The database cannot be used.
        """
        await self._ledger.open()
        others = iter(await self._ledger.ask(lambda store: store.other_executors(self._ledger.executor)))
        while (found := await self._ledger.next_dead(others)) is not None:
            executor, lock = found
            try:
                await self._take_up(executor)
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(lock.release)

    async def _take_up(self, executor: str) -> None:
        """Take up the jobs of a dead process; its lock is held."""
        for row in await self._ledger.ask(lambda store: store.owned(executor)):
            if await self.may(row):
                await self._jobs.inherit(row)
        await self._ledger.ask(lambda store: store.forget_executor(executor))

    async def may(self, row: "JobRow") -> bool:
        """Whether this process could have begun a job: the person, the project, and the very file."""
        if row.base_url != self._resources.acc.hosts.api or not self._allows(row.project_id):
            return False
        try:
            if await self._person(row.project_id) != row.person_id:
                return False
            job = await self._jobs.load(row)
            if isinstance(job, LinkJob) and not job.may_show(self._resources):
                return False  # nobody is there to be asked; the call that began it asks when it is repeated
            return await self._has_its_file(job)
        except (AccError, AuthError, TransferError, NewerRecord) as reason:
            self._log.info("job_left_alone", job=row.id, reason=type(reason).__name__)
            return False

    async def _person(self, project_id: str) -> str:
        if project_id not in self._people:
            self._people[project_id] = (await self._resources.acc.submittals.me(project_id)).id
        return self._people[project_id]

    async def _has_its_file(self, job: Job) -> bool:
        if not isinstance(job, FileJob) or job.stored or job.uploaded:
            return True
        with await anyio.to_thread.run_sync(job.open_file) as file:
            if file.identity == job.identity:
                return True
            if file.size != job.identity.size or job.sha256 is None:
                return False
            again = await job.digests_of(self._resources, file)
            return again.whole == job.sha256

    async def prune(self) -> None:
        """Forget what ended long ago: at the start, and then every few hours.

        What DBOS keeps can be forgotten only once this process has launched it, as every process that adds to it does.

        Raises:
            StorageProblem: The database cannot be used.
        """
        before = datetime.fromtimestamp(self._resources.clock(), UTC) - KEPT
        if _due(self._pruned):
            self._pruned = anyio.current_time()
            gone = await self._ledger.prune(before.timestamp())
            self._log.info("jobs_pruned", jobs=gone)
        if PROCESS.launched and _due(self._workflows_pruned):
            self._workflows_pruned = anyio.current_time()
            await PROCESS.prune(before)


def _due(last: float | None) -> bool:
    return last is None or anyio.current_time() - last >= PRUNE_SECONDS
