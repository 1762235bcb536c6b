"""Where jobs are written down, opened when the first job needs it; what blocks runs in worker threads.

One ledger is one process's view of the database that it may share with others: the other chat window's server, or the
replicas of a cluster. It holds the lock that shows the others that this process lives.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread

if TYPE_CHECKING:
    from auth.database import Database, DatabaseAddress
    from auth.place import Place
    from auth.sealer import Sealer
    from transfers.budget_store import BudgetStore
    from transfers.digest_store import DigestStore
    from transfers.job_store import JobStore
    from transfers.local_file import Digests, Identity
    from transfers.locks import Lock, Locks

T = TypeVar("T")

THREADS: Final = 4
TURN_SECONDS: Final = 0.1
"""How often a process looks whether another one has finished its turn on a submittal."""

_EXECUTOR: Final = "executor "


@dataclass(frozen=True)
class _Open:
    database: "Database"
    store: "JobStore"
    budgets: "BudgetStore"
    digests: "DigestStore"
    locks: "Locks"
    own: "Lock"


class Ledger:
    """The job tables of one `place`, seen by the process that calls itself `executor`."""

    def __init__(self, place: "Place") -> None:
        self.place = place
        self.executor = ""
        self._opening = anyio.Lock()
        self._reviving = anyio.Lock()
        self._threads = anyio.CapacityLimiter(THREADS)
        self._opened: _Open | None = None

    @property
    def address(self) -> "DatabaseAddress":
        """Where the database is, once it is open."""
        return self._now.database.address

    async def open(self) -> None:
        """Open the database and show that this process lives, unless that is done.

        Raises:
            StorageProblem: Database, data folder or keys cannot be used; the text says what to do.
        """
        if self._opened is None:
            async with self._opening:
                if self._opened is None:
                    self._opened = await anyio.to_thread.run_sync(self._open)

    async def close(self) -> None:
        """Close what was opened. The lock of this process goes last: until then nobody may take its jobs."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_close, opened, self.executor)

    async def ask(self, question: "Callable[[JobStore], T]") -> T:
        """Return what `question` finds out of the store, or does to it; see `transfers.job_store`.

        Raises:
            StorageProblem: The database cannot be used.
        """
        await self.open()
        return await anyio.to_thread.run_sync(question, self._now.store, limiter=self._threads)

    async def budget(self, question: "Callable[[BudgetStore], T]") -> T:
        """Return what `question` finds out of the buckets of requests, or does to them.

        Raises:
            StorageProblem: The database cannot be used.
        """
        await self.open()
        return await anyio.to_thread.run_sync(question, self._now.budgets, limiter=self._threads)

    async def take(self, executor: str) -> "Lock | None":
        """Return the lock of another process, which shows that it is dead; None while it lives."""
        return await self._take(_EXECUTOR + executor)

    async def next_dead(self, executors: Iterator[str]) -> "tuple[str, Lock] | None":
        """Return the next of other processes that is dead, with the lock that shows it; None where all others live."""
        locks = self._now.locks

        def look() -> "tuple[str, Lock] | None":
            for executor in executors:
                if (lock := locks.take(_EXECUTOR + executor)) is not None:
                    return executor, lock
            return None

        # In one thread for all: windows that stay open are many, and each looks at each other one every few seconds.
        return await anyio.to_thread.run_sync(look, limiter=self._threads)

    async def works(self, executor: str | None) -> bool:
        """Whether an owner, another process, lives: one whose lock can be taken is dead."""
        if executor is None:
            return False
        lock = await self.take(executor)
        if lock is not None:
            await anyio.to_thread.run_sync(lock.release)
        return lock is None

    async def lives(self) -> bool:
        """Whether this process holds its own lock; one that went with a connection to PostgreSQL is taken anew.

        Meanwhile others may have taken its jobs over: what it owns is to be looked at after this, not before.

        Raises:
            StorageProblem: The database cannot be used.
        """
        async with self._reviving:
            if await anyio.to_thread.run_sync(self._now.own.alive, limiter=self._threads):
                return True
            own = await self.take(self.executor)
            if own is None:
                return False
            self._now.own.release()
            self._opened = replace(self._now, own=own)
            await self.ask(lambda store: store.begin_executor(self.executor))
            return True

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """Wait for a turn at something that one process at a time may do, and keep it for the block."""
        await self.open()
        lock = await self._take(name)
        while lock is None:
            await anyio.sleep(TURN_SECONDS)  # nothing tells one process that another one has let go of a lock
            lock = await self._take(name)
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(lock.release)

    async def digests(self, path: Path, identity: "Identity", part_size: int) -> "Digests | None":
        """Return what a file hashed to before, if it has not been touched since."""
        await self.open()
        return await anyio.to_thread.run_sync(self._now.digests.find, path, identity, part_size, limiter=self._threads)

    async def keep_digests(self, path: Path, identity: "Identity", part_size: int, digests: "Digests") -> None:
        """Remember what a file hashed to."""
        await self.open()
        await anyio.to_thread.run_sync(
            self._now.digests.keep, path, identity, part_size, digests, limiter=self._threads
        )

    async def prune(self, before: float) -> int:
        """Forget jobs that ended before a time, and digests that were kept before it; returns how many jobs.

        Raises:
            StorageProblem: The database cannot be used.
        """
        gone = await self.ask(lambda store: store.prune(before))
        await anyio.to_thread.run_sync(self._now.digests.prune, before, limiter=self._threads)
        return gone

    def seal(self, job_id: str, upload_key: str) -> str:
        """Hide an upload key; blocks, once, for the keys."""
        if self._sealer.found_in is not None:
            return self._sealer.seal(upload_key.encode(), _context(job_id))
        # Two processes that start together must not make two keys.
        while (lock := self._now.locks.take("keys")) is None:
            anyio.from_thread.check_cancelled()
        try:
            return self._sealer.seal(upload_key.encode(), _context(job_id))
        finally:
            lock.release()

    def unseal(self, job_id: str, sealed: str) -> str:
        """Return an upload key.

        Raises:
            KeyProblem: It was sealed with a key that is not at hand.
        """
        return self._sealer.unseal(sealed, _context(job_id)).decode()

    @cached_property
    def _sealer(self) -> "Sealer":
        from auth.sealer import Sealer

        return Sealer(self.place.key_source())

    async def _take(self, name: str) -> "Lock | None":
        return await anyio.to_thread.run_sync(self._now.locks.take, name, limiter=self._threads)

    @property
    def _now(self) -> _Open:
        if self._opened is None:
            raise RuntimeError("Ledger.open() has not been called")
        return self._opened

    def _open(self) -> _Open:
        from auth.database import Database
        from transfers.budget_store import TABLES as BUDGETS
        from transfers.budget_store import BudgetStore
        from transfers.digest_store import TABLES as DIGESTS
        from transfers.digest_store import DigestStore
        from transfers.job_store import TABLES, JobStore
        from transfers.locks import AdvisoryLocks, FileLocks

        address = self.place.address()
        database = Database.open(address)
        try:
            database.migrate(TABLES, DIGESTS, BUDGETS)
            locks: Locks = AdvisoryLocks(database) if address.file is None else FileLocks(address.file.parent / "locks")
            store = JobStore(database)
            own = self._show_life(store, locks)
            return _Open(database, store, BudgetStore(database), DigestStore(database), locks, own)
        except BaseException:
            database.close()
            raise

    def _show_life(self, store: "JobStore", locks: "Locks") -> "Lock":
        from transfers.locks import new_executor_id

        self.executor = new_executor_id()
        own = locks.take(_EXECUTOR + self.executor)
        if own is None:
            raise RuntimeError("nobody else knows this lock yet")
        store.begin_executor(self.executor)
        return own


def _close(opened: _Open, executor: str) -> None:
    from auth.storage_errors import StorageProblem

    with suppress(StorageProblem):  # then somebody else finds it dead, and forgets it
        opened.store.forget_executor(executor)
    opened.locks.close()
    opened.database.close()
    opened.own.release()


def _context(job_id: str) -> tuple[str, str]:
    return ("upload key", job_id)
