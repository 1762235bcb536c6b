"""Jobs as objects, made from their rows: one object a job in this process, however many ask for it."""

import time
from collections.abc import Callable
from weakref import WeakValueDictionary

import anyio.to_thread
import structlog

from auth.storage_errors import KeyProblem
from transfers.job import Job
from transfers.job_record import job_of, read, record_of, restore
from transfers.job_rows import FOLLOWING, OPEN, JobRow, StoredPart
from transfers.ledger import Ledger
from transfers.local_file import LocalFile


class JobImages:
    """The jobs of a ledger as this process sees them. `open_file` asks its own policy whether a path may be read."""

    def __init__(self, ledger: Ledger, open_file: Callable[[str], LocalFile]) -> None:
        self._ledger = ledger
        self._open_file = open_file
        self._images: WeakValueDictionary[str, Job] = WeakValueDictionary()
        self._log = structlog.get_logger(__name__)

    def keep(self, job: Job) -> None:
        """Let everybody who asks for this job from now on be given this object."""
        self._images[job.id] = job

    def under_way(self) -> set[str]:
        """Return the ids of the jobs that this process runs."""
        return {job.id for job in self._images.values() if job.under_way}

    async def load(self, row: JobRow) -> Job:
        """Return the job of a row: the one that this process runs, or what the row says of it.

        Raises:
            NewerRecord: A newer version wrote it.
        """
        known = self._images.get(row.id)
        if known is not None and known.under_way:
            return known
        return await self.image(row, elsewhere=await self.runs(row))

    async def image(self, row: JobRow, *, elsewhere: bool) -> Job:
        """Return what a row says of a job; the same object as before while anybody holds it."""
        job = self._images.get(row.id)
        if job is None:
            job = self._images[row.id] = job_of(row, self._open_file)
        parts, key = await self._rest_of(row)
        if not job.under_way:  # else a run has begun since the row was read, and knows better
            job.elsewhere = elsewhere
            restore(job, row, key, parts)
        return job

    async def catch_up(self, job: Job, row: JobRow) -> None:
        """Bring a job that now belongs to this process to where others have left it; a wish to confirm stays."""
        wanted = job.confirm_wanted
        parts, key = await self._rest_of(row)
        job.elsewhere = False
        restore(job, row, key, parts)
        job.confirm_wanted |= wanted

    async def _rest_of(self, row: JobRow) -> tuple[list[StoredPart], str | None]:
        parts = await self._ledger.ask(lambda store: store.parts(row.id))
        return parts, await anyio.to_thread.run_sync(self._upload_key, row)

    async def runs(self, row: JobRow) -> bool:
        """Whether another process works on a job in such a way that it is worth waiting for."""
        if row.status == FOLLOWING:
            return False
        if row.owner == self._ledger.executor:
            return False  # an image that is not under way; how its run ended could not be written down
        return await self._ledger.works(row.owner)

    def new_row(self, job: Job, asked: str) -> JobRow:
        """Return the row of a job that nobody has begun; blocks like `record`."""
        where, now = job.destination, time.time()
        return JobRow(
            id=job.id,
            asked=asked,
            fingerprint=None,
            attempt=0,
            status=OPEN,
            owner=None,
            base_url=where.base_url,
            person_id=where.person_id,
            project_id=where.project_id,
            item_id=where.item_id,
            attachment_id=None,
            name=job.name,
            posting=False,
            record=self.record(job),
            bytes_hashed=0,
            bytes_sent=0,
            cancelled=False,
            created=now,
            updated=now,
        )

    def record(self, job: Job) -> str:
        """Return what is to be written down of a job; blocks, once, for the keys."""
        return record_of(job, lambda key: self._ledger.seal(job.id, key)).model_dump_json(exclude_defaults=True)

    def _upload_key(self, row: JobRow) -> str | None:
        sealed = read(row).upload_key
        if sealed is None:
            return None
        try:
            return self._ledger.unseal(row.id, sealed)
        except KeyProblem as problem:
            # Without it the upload begins anew under the same attachment; nothing else is lost.
            self._log.warning("upload_key_unreadable", job=row.id, problem=str(problem))
            return None
