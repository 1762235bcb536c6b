"""Recovery of a team's jobs: after a crash, and after their user has signed in to Autodesk again.

A job goes on with the tokens of its own person. Where Autodesk no longer accepts those, it waits with that reason.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import anyio
import structlog

from auth.errors import NotSignedIn, ReauthorizationRequired
from tools.core.policy import ToolPolicy
from transfers.jobs.recovery import KEPT, PRUNE_SECONDS, JobEligibility

if TYPE_CHECKING:
    from server.team.services_pool import ServicesPool
    from tools.core.context import Services
    from transfers.jobs.context import JobContext
    from transfers.jobs.repository import JobRepository
    from transfers.jobs.rows import JobRow

_WAITS_FOR_SIGN_IN: Final = (NotSignedIn, ReauthorizationRequired)


class TeamJobs:
    """Resumes the jobs of `repository` with the services of `pool`."""

    def __init__(
        self,
        pool: "ServicesPool",
        repository: "JobRepository",
        policy: ToolPolicy,
        base_url: str,
        now: Callable[[], float],
    ) -> None:
        self._pool = pool
        self._repository = repository
        self._policy = policy
        self._base_url = base_url
        self._now = now
        self._eligible: dict[str, tuple[JobContext, JobEligibility]] = {}
        self._pruned: float | None = None
        self._log = structlog.get_logger(__name__)

    async def once(self) -> None:
        """Resume the jobs that no living process works on, each as its own person, and prune those that ended long ago.

        Raises:
            StorageProblem: The database cannot be used.
            RateLimited: Too many people are at work; the next look goes on.
        """
        rows = await self._repository.ask(lambda tables: tables.owned(self._base_url))
        at_work = await self._repository.at_work(rows)
        for row in rows:
            if row.id not in at_work:
                await self._as_its_person(row)
        await self._prune()

    async def resume(self, subject: str) -> None:
        """Resume the jobs of a person that waited for their sign-in.

        Raises:
            StorageProblem: The database cannot be used.
        """
        for row in await self._repository.ask(lambda tables: tables.resting(self._base_url, subject)):
            job = await self._repository.load(row)
            if isinstance(job.error, _WAITS_FOR_SIGN_IN):
                with self._pool.holding(subject):
                    services = await self._pool.get(subject)
                    await services.transfers.runner.start(job)
                self._log.info("job_resumed", job=row.id, person=subject)

    async def _as_its_person(self, row: "JobRow") -> None:
        with self._pool.holding(row.person_id):
            services = await self._pool.get(row.person_id)
            if await self._eligibility(row.person_id, services).can_run(row):
                await services.transfers.runner.take_up(row)

    def _eligibility(self, subject: str, services: "Services") -> JobEligibility:
        context = services.transfers.context
        known = self._eligible.get(subject)
        if known is None or known[0] is not context:
            known = self._eligible[subject] = (context, JobEligibility(context, self._policy.allows))
        return known[1]

    async def _prune(self) -> None:
        if self._pruned is None or anyio.current_time() - self._pruned >= PRUNE_SECONDS:
            self._pruned = anyio.current_time()
            gone = await self._repository.prune(self._now() - KEPT.total_seconds())
            self._log.info("jobs_pruned", jobs=gone)
