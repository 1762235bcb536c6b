"""Forerunners: jobs that are sent ahead of the digest of their file, met by others that may be the same request.

Of one target and name there is at most one at a time (`JobTables.add`). Another job of a file of its size hashes
first, and then has to know what the forerunner turns out to be before anything is reserved.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

import structlog

from transfers.concurrency import run_cancellable_in_thread
from transfers.files.local_file import hash_part
from transfers.idempotency import AttachmentIdentity
from transfers.jobs.base import Job
from transfers.jobs.local_file import LocalFileJob
from transfers.jobs.rows import FingerprintTaken, JobRow
from transfers.jobs.serialization import UnreadableJob, read_record

if TYPE_CHECKING:
    import threading

    from transfers.jobs.context import JobContext

LOOK_SECONDS: Final = 0.1
"""How often a forerunner of another process is looked at; one in this process signals its end."""


class ForerunnerGate:
    """Gate at which a job that has hashed its file waits for forerunners, or takes one over that no process runs."""

    def __init__(self, context: "JobContext") -> None:
        self._context = context
        self._repository = context.repository
        self._log = structlog.get_logger(__name__)

    async def wait(self, job: Job) -> None:
        """Wait until no forerunner is left that may be the same request as `job`.

        One that is running is waited for. One that rests, or whose process died, is taken over: it becomes the job of
        this request, unless storage has a part of it that this file does not have.

        Raises:
            FileProblem: The file of `job` cannot be read any more.
            StorageProblem: The database cannot be used.
        """
        if not isinstance(job, LocalFileJob) or job.key is not None:
            return
        if job.identity.size < self._context.read_ahead.from_bytes:
            return  # none of its size runs ahead
        apart: set[str] = set()
        while (row := await self._find(job, apart)) is not None:
            if await self._repository.at_work([row]):
                await self._repository.signals.wait(row.id, LOOK_SECONDS)
            elif not await self._take_over(row, job):
                apart.add(row.id)

    async def _find(self, job: LocalFileJob, apart: Collection[str]) -> JobRow | None:
        """Return the row of a forerunner that may be the same request; those called `apart` are known to be others."""
        request = job.request()
        rows = await self._repository.ask(lambda tables: tables.rivals(job.id, job.destination.item_id, job.name))
        for row in rows:
            if row.fingerprint is None and row.id not in apart and self._may_be_same(row, job, request):
                return row
        return None

    def _may_be_same(self, row: JobRow, job: LocalFileJob, request: AttachmentIdentity) -> bool:
        try:
            record = read_record(row)
            target = record.target
        except (UnreadableJob, TypeError) as problem:
            self._log.warning("job_unreadable", job=row.id, problem=str(problem))
            return False
        same_size = record.seed is not None and record.size == job.size
        return same_size and target.request(job.name, request.content) == request

    async def _take_over(self, row: JobRow, job: LocalFileJob) -> bool:
        """Make a job that rests the one of this request; false if it is another's."""
        begun = await self._repository.begin(row)
        if begun is None:
            return True  # it has changed since: to be looked at again
        attempt, row = begun
        try:
            other = await self._repository.image(row, elsewhere=False)
            await self._repository.catch_up(other, row)
            if not isinstance(other, LocalFileJob) or await self._is_another(job, other):
                await self._repository.save(other, attempt, owner=None)
                return False
            other.path, other.identity, other.seed = job.path, job.identity, None
            other.digests, other.sha256 = job.digests, job.sha256
            try:
                # The call that began it hashes its file again when it is repeated: that may be another by now.
                asked = f"taken over {other.id}"
                await self._repository.identify(other, attempt, job.request().fingerprint(), asked=asked, owner=None)
            except FingerprintTaken:
                await self._repository.save(other, attempt, owner=None)
                return False
        finally:
            await self._repository.release(attempt)
        self._log.info("job_taken_over", job=other.id, by=job.id)
        return True

    async def _is_another(self, job: LocalFileJob, other: LocalFileJob) -> bool:
        """Whether storage has a part of the other job that the file of this one does not have."""
        seed, stored = other.seed, other.sent.digests
        if seed is None or not stored:
            return False

        def compare(stop: "threading.Event") -> bool:
            with self._context.open_file(job.path) as file:
                return any(
                    hash_part(file, part, seed, stop) != stored[part.number]
                    for part in other.plan
                    if part.number in stored
                )

        return await run_cancellable_in_thread(compare, self._context.readers)
