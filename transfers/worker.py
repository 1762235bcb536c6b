"""Working through the queue that processes share: some jobs at once, oldest first, and only what this process may do.

What it may not do, for want of the person, the project or the very file, it leaves in the queue for another worker.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio
import structlog

from auth.storage_errors import StorageProblem

if TYPE_CHECKING:
    from transfers.job import Job
    from transfers.job_rows import JobRow
    from transfers.job_store import JobStore
    from transfers.jobs import Jobs
    from transfers.ledger import Ledger

LOOK_SECONDS: Final = 1.0
"""How often a worker with nothing to do looks for something."""

AT_A_GLANCE: Final = 10
"""Jobs that are read from the queue at once, and tried one after the other; the more, the more are gone by then."""

_START: Final = (0.0, "")


class Worker:
    """Takes jobs of one Autodesk (`base_url`) out of the queue of a ledger; `may` says which."""

    def __init__(
        self, jobs: "Jobs", ledger: "Ledger", may: "Callable[[JobRow], Awaitable[bool]]", base_url: str
    ) -> None:
        self._jobs = jobs
        self._ledger = ledger
        self._may = may
        self._base_url = base_url
        self._seen: deque[JobRow] = deque()
        self._after = _START
        self._looking = anyio.Lock()
        self._log = structlog.get_logger(__name__)

    async def work(self, at_once: int) -> None:
        """Work with so many hands until cancelled."""
        async with anyio.create_task_group() as hands:
            for _ in range(at_once):
                hands.start_soon(self._work)

    async def _work(self) -> None:
        while True:
            job = await self._take()
            if job.finished is not None:
                await job.finished.wait()

    async def _take(self) -> "Job":
        """Return a job that this process has just become the owner of; waits until there is one."""
        async with self._looking:
            while True:
                try:
                    job = await self._next()
                except StorageProblem as problem:
                    self._log.warning("queue_not_read", problem=str(problem))
                    job = None
                if job is not None:
                    return job
                await anyio.sleep(LOOK_SECONDS)

    async def _next(self) -> "Job | None":
        """Try every job of the queue once, going on where the last look ended; None when none could be taken."""
        begun = self._after
        while True:
            while self._seen:
                row = self._seen.popleft()
                if await self._may(row) and (job := await self._jobs.take(row)) is not None:
                    return job
            rows = await self._ledger.ask(partial(_glance, self._base_url, self._after))
            if not rows and begun == _START:
                self._after = _START
                return None
            if not rows:
                begun = self._after = _START
                continue
            self._seen.extend(rows)
            self._after = (rows[-1].created, rows[-1].id)


def _glance(base_url: str, after: tuple[float, str], store: "JobStore") -> "list[JobRow]":
    return store.queued(base_url, after, AT_A_GLANCE)
