"""Ownership of jobs: the open database with its locks, and attempts, of which one at a time may write. All blocks.

A job is a row and a lock. The process that works on the job holds the lock; all others read the row. For as long as the
version before may still run, its way is honoured too: a lock for each process (`_LEGACY`).
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from persistence.errors import DatabaseUnreachable
from persistence.migrations import migrate
from transfers.jobs.rows import JobRow

if TYPE_CHECKING:
    from persistence.database import Database, DatabaseAddress
    from persistence.locks import HeldLock, LockManager
    from transfers.jobs.tables import JobTables

_LEGACY: Final = "executor "


@dataclass(eq=False)
class JobAttempt:
    """The right to work on a job: its lock is held, and what is written under this `number` is written."""

    job_id: str
    number: int
    lock: "HeldLock"
    record: str
    """What is written down of the job by now."""
    fingerprint: str | None = None
    """Fingerprint of the job when the attempt began."""
    reported: tuple[int, int] = (0, 0)
    """How many bytes its row says are hashed and sent."""
    write_lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while the job is written down, so that what is known later is written later."""

    def written(self, columns: Mapping[str, Any]) -> None:
        """Note what has been written down."""
        self.record, self.reported = columns["record"], (columns["bytes_hashed"], columns["bytes_sent"])


@dataclass(frozen=True)
class OpenRepository:
    """An open database, the tables in it, and the locks that its processes share."""

    database: "Database"
    tables: "JobTables"
    locks: "LockManager"
    legacy: "HeldLock"

    @classmethod
    def open(
        cls, address: "DatabaseAddress", owner: str, heard: Callable[[str], None], *, answer_seconds: float | None
    ) -> Self:
        """Open the database for a process called `owner`; `heard` is called with what other processes tell.

        Raises:
            StorageProblem: Database or data folder cannot be used.
        """
        from acc.rate_limit_store import TABLES as BUDGETS
        from persistence.database import Database
        from persistence.locks import AdvisoryLocks, FileLocks
        from transfers.files.digest_cache import TABLES as DIGESTS
        from transfers.jobs.tables import TABLES, JobTables

        database = Database.open(address, answer_seconds=answer_seconds)
        locks: LockManager | None = None
        try:
            migrate(database, TABLES, DIGESTS, BUDGETS)
            locks = AdvisoryLocks(database, heard) if address.file is None else FileLocks(address.file.parent / "locks")
            legacy = _new_lock(locks, _LEGACY + owner)
            return cls(database, JobTables(database), locks, legacy)
        except BaseException:
            if locks is not None:
                locks.close()
            database.close()
            raise

    def close(self) -> None:
        """Close the database, and give back every lock."""
        self.legacy.release()
        self.locks.close()
        self.database.close()

    def add(self, row: JobRow, beside_others: str | None) -> tuple[JobRow, JobAttempt | None]:
        """Write down a new job and begin its first attempt; without one the row is of a job `asked` for before.

        See `JobTables.add`.
        """
        # Before its row is there: a row whose owner holds no lock is that of a process that died.
        lock = _new_lock(self.locks, job_lock(row.id))
        first = None
        try:
            first = self.tables.add(row, beside_others)
        finally:
            if first is None or first.id != row.id:
                lock.release()
        return first, JobAttempt(row.id, row.attempt, lock, first.record) if first.id == row.id else None

    def begin(self, seen: JobRow | str, owner: str, status: str | None) -> tuple[JobAttempt, JobRow] | None:
        """Begin an attempt at a job and return it with its row; None if another process works on it, or it changed."""
        lock = self.locks.try_acquire(job_lock(seen if isinstance(seen, str) else seen.id))
        if lock is None:
            return None
        begun = None
        try:
            row = self.tables.row(seen) if isinstance(seen, str) else seen
            if row is not None and not self._legacy_owner_lives(row):
                begun = self.tables.begin(row, owner, status)
        finally:
            if begun is None:
                lock.release()
        if begun is None:
            return None
        reported = (begun.bytes_hashed, begun.bytes_sent)
        return JobAttempt(begun.id, begun.attempt, lock, begun.record, begun.fingerprint, reported), begun

    def require_lock(self, attempt: JobAttempt) -> None:
        """Make sure that the lock of an attempt is held.

        Raises:
            JobOwnershipLost: Another process has begun an attempt.
            DatabaseUnreachable: It went with our session, for which PostgreSQL keeps it until it knows that it is
                dead.
        """
        if not attempt.lock.held():
            self.tables.check(attempt.job_id, attempt.number)
            raise DatabaseUnreachable(self.database.address.shown)

    def check(self, attempt: JobAttempt) -> None:
        """Make sure that an attempt is the last one and its lock held.

        Raises:
            JobOwnershipLost: Another process has begun an attempt.
            DatabaseUnreachable: See `require_lock`.
        """
        self.require_lock(attempt)
        # After the lock: if that was lost, and taken again, the process that held it in between has counted the
        # attempts up.
        self.tables.check(attempt.job_id, attempt.number)

    def listen(self) -> int | None:
        """Hear what other processes have told, and return the descriptor that can be read from once there is more.

        None where nothing tells, as with SQLite.
        """
        from persistence.locks import AdvisoryLocks

        if not isinstance(self.locks, AdvisoryLocks):
            return None
        self.legacy.held()  # taken again, if the session was lost, before one of the version before looks for it
        return self.locks.fileno()

    def at_work(self, rows: Sequence[JobRow]) -> set[str]:
        """Return the ids of the jobs that some process works on now."""
        taken = self.locks.held_names({job_lock(row.id) for row in rows})
        return {row.id for row in rows if job_lock(row.id) in taken or self._legacy_owner_lives(row)}

    def _legacy_owner_lives(self, row: JobRow) -> bool:
        """Whether a process of the version before works on a job: it shows that by its own lock, not by the job's."""
        if row.owner is None or " " in row.owner or not self.tables.is_executor(row.owner):
            return False
        return bool(self.locks.held_names({_LEGACY + row.owner}))


def job_lock(job_id: str) -> str:
    """Return the name of the lock of a job."""
    return f"job {job_id}"


def _new_lock(locks: "LockManager", name: str) -> "HeldLock":
    lock = locks.try_acquire(name)
    if lock is None:
        raise RuntimeError("no other process knows this lock yet")
    return lock
