"""Repository of jobs: stores and locks them. Opened by the first job; blocking work runs in worker threads.

One repository is one process's view of the database that it may share with others: the other chat window's server, or
the replicas of a cluster. Who may work on a job: `ownership`.
"""

import os
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakValueDictionary

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import structlog

from persistence.errors import KeyProblem, StorageProblem
from transfers.jobs.base import Job
from transfers.jobs.local_file import LocalFileJob
from transfers.jobs.ownership import JobAttempt, OpenRepository
from transfers.jobs.rows import ENDED, FOLLOWING, OPEN, QUEUED, JobOwnershipLost, JobRow, StoredPart, cancellation
from transfers.jobs.serialization import UnreadableJob, beside_others, job_of, new_row, read_record, record_of, restore

if TYPE_CHECKING:
    from acc.rate_limit_store import TokenBucketTable
    from persistence.data_folder import StateLocation
    from persistence.encryption import RecordCipher
    from persistence.locks import HeldLock
    from transfers.files.digest_cache import DigestCache
    from transfers.jobs.tables import JobTables

T = TypeVar("T")

THREADS: Final = 4

TURN_SECONDS: Final = 0.1
"""How often a process looks whether another one has let go of a lock."""

_LET_GO_SECONDS: Final = 1.0
_LISTEN_SECONDS: Final = 10.0
_TOLD_SECONDS: Final = 0.05
"""So much is heard at once: the answers to this process's own questions about locks come the same way."""


class JobSignals:
    """Signals that wake the tasks which wait for a job or the queue; each also looks by itself after some seconds."""

    def __init__(self) -> None:
        self.heard = False
        """Whether other processes are heard of; else a waiting call has to look more often."""
        self._events: WeakValueDictionary[str, anyio.Event] = WeakValueDictionary()

    async def wait(self, what: str, seconds: float) -> None:
        """Wait for a notification about a job (its id) or the queue, or until so many seconds have passed."""
        event = self._events.setdefault(what, anyio.Event())
        with anyio.move_on_after(seconds):
            await event.wait()

    def tell(self, what: str) -> None:
        """Wake the waiters of a job."""
        if (event := self._events.pop(what, None)) is not None:
            event.set()


class JobRepository:
    """The jobs of one `place`, as rows and as objects: one object a job in this process, however many ask for it.

    `answer_seconds` is how long an answer of PostgreSQL is waited for, where that is not as usual.
    """

    def __init__(self, place: "StateLocation", *, answer_seconds: float | None = None) -> None:
        self.place = place
        self._answer_seconds = answer_seconds
        self.signals = JobSignals()
        self.owner = f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex}"
        """What this process is called in the rows of the jobs that it works on; see `rows.owner_words`."""
        self._opening = anyio.Lock()
        self._opened: OpenRepository | None = None
        self._is_open = anyio.Event()
        self._threads = anyio.CapacityLimiter(THREADS)
        self._jobs: WeakValueDictionary[str, Job] = WeakValueDictionary()
        self._held: set[str] = set()
        """Ids of the jobs that this process works on: what it knows of them is newer than their rows."""
        self._log = structlog.get_logger(__name__)

    # The database

    async def open(self) -> None:
        """Open the database, unless that is done; a next call tries again what failed.

        Raises:
            StorageProblem: Database, data folder or keys cannot be used; the text says what to do.
        """
        if self._opened is None:
            async with self._opening:
                if self._opened is None:
                    self._opened = await anyio.to_thread.run_sync(self._open)
                    self._is_open.set()

    @property
    def may_hold_jobs(self) -> bool:
        """Whether any job may be written down: false only where no database was opened here or has ever been made."""
        return self._opened is not None or self.place.exists()

    async def close(self) -> None:
        """Close what was opened, and give back every lock."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            self._is_open = anyio.Event()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(opened.close)

    async def ask(self, question: "Callable[[JobTables], T]") -> T:
        """Return what `question` finds out of the tables, or does to them; see `transfers.jobs.tables`.

        Raises:
            StorageProblem: The database cannot be used.
        """
        return await self._run(lambda opened: question(opened.tables))

    async def budget(self, question: "Callable[[TokenBucketTable], T]") -> T:
        """Return what `question` finds out of the buckets of requests, or does to them.

        Raises:
            StorageProblem: The database cannot be used.
        """
        from acc.rate_limit_store import TokenBucketTable

        return await self._run(lambda opened: question(TokenBucketTable(opened.database)))

    async def digests(self, question: "Callable[[DigestCache], T]") -> T:
        """Return what `question` finds out of the cache of digests, or does to it.

        Raises:
            StorageProblem: The database cannot be used.
        """
        from transfers.files.digest_cache import DigestCache

        return await self._run(lambda opened: question(DigestCache(opened.database)))

    async def prune(self, before: float) -> int:
        """Forget jobs that ended before a time, and digests that were kept before it; returns how many jobs.

        Raises:
            StorageProblem: The database cannot be used.
        """
        gone = await self.ask(lambda tables: tables.prune(before))
        await self.digests(lambda cache: cache.prune(before))
        return gone

    async def listen(self) -> None:
        """Hear what other processes tell, until cancelled; nothing where jobs are in SQLite, which has no such way."""
        while True:
            await self._is_open.wait()
            try:
                descriptor = await anyio.to_thread.run_sync(self._now.listen, limiter=self._threads)
                if descriptor is None:
                    return
                self.signals.heard = True
                with anyio.move_on_after(_LISTEN_SECONDS):
                    await anyio.wait_readable(descriptor)
                await anyio.sleep(_TOLD_SECONDS)
            except (StorageProblem, OSError) as problem:
                self.signals.heard = False
                self._log.info("not_listening", problem=str(problem))
                await anyio.sleep(_LISTEN_SECONDS)

    async def wait_for_queue(self, seconds: float, listening: float) -> None:
        """Wait until something is put into the queue: so many seconds, or as many as there are while `listening`."""
        from transfers.jobs.tables import QUEUE

        await self.signals.wait(QUEUE, listening if self.signals.heard else seconds)

    # Locks and attempts

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[None]:
        """Wait for a turn at something that one process at a time may do, and keep it for the block."""
        lock = await self._run(lambda opened: opened.locks.try_acquire(name))
        while lock is None:
            await anyio.sleep(TURN_SECONDS)  # nothing tells one process that another one has let go of a lock
            lock = await self._run(lambda opened: opened.locks.try_acquire(name))
        try:
            yield
        finally:
            await self._release(lock)

    async def begin(self, seen: JobRow | str, status: str | None = None) -> tuple[JobAttempt, JobRow] | None:
        """Begin an attempt at a job, and return it with the row as it is then; None while another process works on it.

        Also None where the row has changed since it was `seen`, unless that is but an id. With a `status` it is a fresh
        start.

        Raises:
            StorageProblem: The database cannot be used, or nothing can be locked.
        """
        await anyio.lowlevel.checkpoint_if_cancelled()
        with anyio.CancelScope(shield=True):  # an attempt that is not returned would never be released
            begun = await self._run(lambda opened: opened.begin(seen, self.owner, status))
            if begun is not None:
                self._held.add(begun[0].job_id)
            return begun
        raise AssertionError("nothing cancels this scope")

    async def renew(self, attempt: JobAttempt) -> JobRow:
        """Begin the next attempt of the same process, after its database was away; returns the row as it is now.

        Raises:
            JobOwnershipLost: Another process has begun one.
            StorageProblem: The database cannot be used.
        """

        def again(opened: OpenRepository) -> JobRow:
            opened.require_lock(attempt)
            seen = opened.tables.row(attempt.job_id)
            if seen is None or seen.attempt != attempt.number:
                raise JobOwnershipLost
            row = opened.tables.begin(seen, self.owner)
            if row is None:
                raise JobOwnershipLost
            attempt.number, attempt.record, attempt.fingerprint = row.attempt, row.record, row.fingerprint
            return row

        return await self._run(again)

    async def check(self, attempt: JobAttempt) -> None:
        """Make sure that this process still works on a job, and that no other one has begun.

        Raises:
            JobOwnershipLost: Another process has.
            StorageProblem: The database cannot be used.
        """
        await self._run(lambda opened: opened.check(attempt))

    async def report(self, attempt: JobAttempt, hashed: int, sent: int) -> bool:
        """Write down how far a job is, and return whether it is to be cancelled.

        Raises:
            JobOwnershipLost: Another process works on it since.
            StorageProblem: The database cannot be used.
        """

        def write(opened: OpenRepository) -> bool:
            opened.require_lock(attempt)
            if attempt.reported == (hashed, sent):
                return opened.tables.cancelled(attempt.job_id, attempt.number)
            cancelled = opened.tables.progress(attempt.job_id, attempt.number, hashed, sent)
            attempt.reported = (hashed, sent)
            return cancelled

        return await self._run(write)

    async def save(self, job: Job, attempt: JobAttempt, **values: Any) -> None:
        """Write down what is known of a job, and other `values` of its row.

        Raises:
            JobOwnershipLost: Another process works on it since.
            StorageProblem: The database or its keys cannot be used.
        """

        def write(opened: OpenRepository) -> None:
            with attempt.write_lock:
                record = self._record(job)
                if record != attempt.record or values:
                    columns = _columns(job, record)
                    opened.tables.save(job.id, attempt.number, **columns, **values)
                    attempt.written(columns)

        await self._run(write)

    async def identify(self, job: Job, attempt: JobAttempt, fingerprint: str, **values: Any) -> None:
        """Write down what is known of a job and what tells it apart, in one; others find both or neither.

        Raises:
            FingerprintTaken: Another job has that fingerprint; nothing was written.
            JobOwnershipLost: Another process works on it since.
            StorageProblem: The database or its keys cannot be used.
        """

        def write(opened: OpenRepository) -> None:
            with attempt.write_lock:
                record = self._record(job)
                columns = _columns(job, record)
                opened.tables.identify(job.id, attempt.number, fingerprint=fingerprint, **columns, **values)
                attempt.written(columns)
                attempt.fingerprint = fingerprint

        await self._run(write)
        self.signals.tell(job.id)

    async def request_cancel(self, job_id: str) -> bool:
        """Ask for a job to be cancelled, and return whether it is done at once, as no process works on it.

        Nothing of it but its row is read, so that one that cannot be read is set aside too.

        Raises:
            StorageProblem: The database cannot be used.
        """
        if await self.ask(lambda tables: tables.request_cancel(job_id)):
            return True
        row = await self.row(job_id)
        begun = await self.begin(row) if row is not None and row.owner and row.status in (OPEN, QUEUED) else None
        if begun is None:
            return False
        attempt, _ = begun
        try:
            await self.ask(lambda tables: tables.save(job_id, attempt.number, owner=None, **cancellation(job_id)))
        finally:
            await self.release(attempt)
        return True

    async def release(self, attempt: JobAttempt) -> None:
        """Give back the lock of a job."""
        self._held.discard(attempt.job_id)
        await self._release(attempt.lock)

    async def at_work(self, rows: Collection[JobRow]) -> set[str]:
        """Return the ids of the jobs that some process, this one included, works on now."""
        owned = [row for row in rows if row.owner is not None]
        return await self._run(lambda opened: opened.at_work(owned)) if owned else set()

    # Rows as objects

    async def find(self, attachment_ids: Collection[str]) -> dict[str, Job]:
        """Return the jobs that made or are making attachments, by the attachments' ids; none that cannot be read."""
        if not (attachment_ids and self.may_hold_jobs):
            return {}
        found = {}
        for row in await self.ask(lambda tables: tables.by_attachments(attachment_ids)):
            try:
                found[row.attachment_id or ""] = await self.load(row)
            except UnreadableJob as problem:
                self._log.warning("job_unreadable", job=row.id, problem=str(problem))
        return found

    async def row(self, job_id: str) -> JobRow | None:
        """Return the row of a job.

        Raises:
            StorageProblem: The database cannot be used.
        """
        return await self.ask(lambda tables: tables.row(job_id))

    async def load(self, row: JobRow) -> Job:
        """Return the job of a row: the one that this process runs, or what the row says of it.

        Raises:
            UnreadableJob: It was damaged, or a newer version wrote it.
        """
        known = self._jobs.get(row.id)
        if known is not None and known.under_way:
            return known
        return await self.image(row, elsewhere=await self.runs_elsewhere(row))

    async def image(self, row: JobRow, *, elsewhere: bool) -> Job:
        """Return what a row says of a job; the same object as before while a caller holds it.

        Raises:
            UnreadableJob: See `load`.
        """
        job = self._jobs.get(row.id)
        is_new = job is None
        if job is None:
            job = self._jobs[row.id] = job_of(row)
        if self._is_stale(row, job):
            row = await self.row(row.id) or row
        parts, key = await self._rest_of(row)
        # A run, or a call, may have begun since the row was read, and knows better.
        if is_new or not (job.under_way or row.id in self._held):
            job.elsewhere = elsewhere
            restore(job, row, key, parts)
        return job

    def _is_stale(self, row: JobRow, job: Job) -> bool:
        """Whether a row was read before an attempt of this process at its job ended, or even began."""
        ended = row.owner == self.owner and row.id not in self._held
        return row.attempt < job.attempt or (row.attempt == job.attempt and ended)

    async def catch_up(self, job: Job, row: JobRow) -> None:
        """Bring a job that this process works on to where others have left it; a wish to confirm stays."""
        parts, key = await self._rest_of(row)
        wanted = job.confirm_wanted  # a call may just have brought it
        job.elsewhere, job.attempt = False, row.attempt
        restore(job, row, key, parts)
        job.confirm_wanted |= wanted

    async def runs_elsewhere(self, row: JobRow) -> bool:
        """Whether another process works on a job in such a way that it is worth waiting for."""
        return row.status != FOLLOWING and bool(await self.at_work([row]))

    async def add(self, job: Job, asked: str) -> tuple[JobRow, JobAttempt | None]:
        """Write down a new job and begin its first attempt; returns its row, or one that was `asked` for before.

        There is no attempt at an earlier one.

        Raises:
            StorageProblem: The database or its keys cannot be used, or nothing can be locked.
        """
        # Before its row is there: a call that finds the row at the same moment is to be given this very object.
        self._jobs[job.id] = job

        def write(opened: OpenRepository) -> tuple[JobRow, JobAttempt | None]:
            record = self._record(job)
            otherwise = beside_others(record) if job.runs_ahead else None
            return opened.add(new_row(job, asked, record, self.owner), otherwise)

        await anyio.lowlevel.checkpoint_if_cancelled()
        with anyio.CancelScope(shield=True):  # as in `begin`
            row, attempt = await self._run(write)
            job.attempt = 0 if attempt is None else attempt.number
            if attempt is not None and isinstance(job, LocalFileJob) and job.runs_ahead:
                job.seed = read_record(row).seed
            return row, attempt
        raise AssertionError("nothing cancels this scope")

    async def sealed(self, content: bytes, *context: str) -> str:
        """Return `content` as a text that opens for the same context only, in every process of this place.

        Raises:
            StorageProblem: The database or its keys cannot be used.
        """
        return await self._run(lambda _: self._seal(content, context))

    async def unsealed(self, sealed: str, *context: str) -> bytes:
        """Return what was sealed for this context.

        Raises:
            NotSealed: It is no sealed text, was changed, or is of another context.
            KeyMissing: Its key is no longer at hand.
        """
        return await anyio.to_thread.run_sync(self._sealer.unseal, sealed, context)

    def _seal(self, content: bytes, context: tuple[str, ...]) -> str:
        """Seal content; blocks, once, for the keys."""
        if self._sealer.key_location is not None:
            return self._sealer.seal(content, context)
        with self._now.database.writing():  # as the vault does: two processes must not make two keys
            return self._sealer.seal(content, context)

    def _record(self, job: Job) -> str:
        """Return what is to be written down of a job; blocks, once, for the keys."""
        return record_of(job, lambda key: self._seal(key.encode(), _context(job.id))).model_dump_json(
            exclude_defaults=True
        )

    async def _rest_of(self, row: JobRow) -> tuple[list[StoredPart], str | None]:
        record = read_record(row)
        sealed = record.upload_key
        if sealed is None or record.stored or row.status == ENDED:
            return [], None  # parts are of an upload, and those of one that is over are not needed
        parts = await self.ask(lambda tables: tables.parts(row.id))
        return parts, await anyio.to_thread.run_sync(self._unsealed, row.id, sealed)

    def _unsealed(self, job_id: str, sealed: str) -> str | None:
        try:
            return self._sealer.unseal(sealed, _context(job_id)).decode()
        except KeyProblem as problem:
            # Without it the upload starts again under the same attachment; nothing else is lost.
            self._log.warning("upload_key_unreadable", job=job_id, problem=str(problem))
            return None

    @cached_property
    def _sealer(self) -> "RecordCipher":
        from persistence.encryption import RecordCipher

        return RecordCipher(self.place.key_source())

    @property
    def _now(self) -> OpenRepository:
        if self._opened is None:
            raise RuntimeError("JobRepository.open() has not been called")
        return self._opened

    async def _run(self, work: Callable[[OpenRepository], T]) -> T:
        await self.open()
        return await anyio.to_thread.run_sync(work, self._now, limiter=self._threads)

    async def _release(self, lock: "HeldLock") -> None:
        # Not for long: a process that ends does not wait for a database that is away, with whose session the lock goes.
        with anyio.move_on_after(_LET_GO_SECONDS, shield=True):
            await anyio.to_thread.run_sync(lock.release, limiter=self._threads, abandon_on_cancel=True)

    def _open(self) -> OpenRepository:
        return OpenRepository.open(self.place.address(), self.owner, self._heard, answer_seconds=self._answer_seconds)

    def _heard(self, what: str) -> None:
        anyio.from_thread.run_sync(self.signals.tell, what)


def _columns(job: Job, record: str) -> dict[str, Any]:
    hashed, sent = job.bytes_done
    return {
        "bytes_hashed": hashed,
        "bytes_sent": sent,
        "attachment_id": job.attachment.id if job.attachment else None,
        "posting": job.listed is not None and job.attachment is None,
        "record": record,
    }


def _context(job_id: str) -> tuple[str, str]:
    return ("upload key", job_id)
