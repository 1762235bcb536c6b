"""Locks that the kernel or PostgreSQL gives back when their holder dies, whatever killed it.

The holder of a job's lock may work on it. A lock file that lies about means nothing, and no timeout is guessed at.
All of this blocks, and may be used by many threads.
"""

import errno
import hashlib
import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from persistence import private_files
from persistence.errors import LocksUnusable, check_descriptors

if TYPE_CHECKING:
    from sqlalchemy import Connection, Executable, Result

    from persistence.database import Database

CHANNEL: Final = "submittal_mcp_jobs"
"""What is said on it is the id of a job that changed, or `transfers.jobs.tables.QUEUE`."""

IDLE_SECONDS: Final = 30
"""So long PostgreSQL believes in a session that says nothing; then its process is frozen, or out of reach."""

_LOOK_SECONDS: Final = 10.0
"""A process that looks at a lock for longer is frozen; as long as it is, the lock cannot be taken."""

_TRIES: Final = 3
_TRY_SECONDS: Final = 0.005


class HeldLock(Protocol):
    """A lock that was taken."""

    def held(self) -> bool:
        """Whether it is held still, or could be taken again: one of PostgreSQL goes with the session that took it.

        In between others may have held it.
        """

    def release(self) -> None:
        """Give it back; harmless the second time."""


class LockManager(Protocol):
    """A kind of lock that processes sharing a database have in common."""

    def try_acquire(self, name: str) -> HeldLock | None:
        """Return the lock called `name`, or None when this or another process holds it.

        Raises:
            StorageProblem: Nothing can be locked.
        """

    def held_names(self, names: Collection[str]) -> set[str]:
        """Return which of these are held, by whichever process.

        Raises:
            StorageProblem: The lock cannot be looked at.
        """

    def close(self) -> None:
        """Give everything back."""


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, *, shared: bool = False) -> bool:  # noqa: ARG001  # Windows has one kind here
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EDEADLK):
                return False
            raise
        return True

else:
    import fcntl

    def _lock(descriptor: int, *, shared: bool = False) -> bool:
        try:
            # flock, not lockf: it belongs to this opening of the file, so that two holders in one process conflict too.
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class FileLock:
    """A locked file; the lock ends with its descriptor, at the latest with the process."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path

    def held(self) -> bool:
        """Whether it is held: until it is released."""
        return self._descriptor >= 0

    def release(self) -> None:
        """Give it back, and remove the file; who has it open already sees that it is gone."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            if sys.platform == "win32":
                os.close(descriptor)  # nothing that is open can be removed there, by whomever it was opened
            with suppress(OSError):
                self._path.unlink()
            if sys.platform != "win32":
                os.close(descriptor)


class FileLocks:
    """Locks as files of a folder on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def try_acquire(self, name: str) -> FileLock | None:
        """See `LockManager.try_acquire`."""
        path = self._path(name)
        with self._explained():
            private_files.make_folder(self._folder)
            tries, ends = _TRIES, time.monotonic() + _LOOK_SECONDS
            while tries and time.monotonic() < ends:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
                try:
                    private_files.close_file(descriptor)
                    if not _lock(descriptor):
                        # Another process may only look whether it is held; two that look do not exclude each other.
                        tries -= not _lock(descriptor, shared=True)
                    elif _is_file(path, descriptor):
                        lock, descriptor = FileLock(descriptor, path), -1
                        return lock
                finally:
                    if descriptor >= 0:
                        os.close(descriptor)
                time.sleep(_TRY_SECONDS)
        return None

    def held_names(self, names: Collection[str]) -> set[str]:
        """See `LockManager.held_names`."""
        with self._explained():
            return {name for name in names if self._is_taken(self._path(name))}

    def close(self) -> None:
        """Nothing is kept beside the locks themselves."""

    def _is_taken(self, path: Path) -> bool:
        try:
            descriptor = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        except FileNotFoundError:
            return False
        try:
            return not _lock(descriptor, shared=True)
        finally:
            os.close(descriptor)

    def _path(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.lock"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            check_descriptors(error, self._folder)
            raise LocksUnusable(self._folder, error.strerror or type(error).__name__) from error


def _is_file(path: Path, descriptor: int) -> bool:
    """Whether a path still leads to the file that was opened; its last holder may have removed that."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


class AdvisoryLock:
    """An advisory lock of the session of `locks`; gone with that, it can be taken again in the next one."""

    def __init__(self, locks: "AdvisoryLocks", number: int) -> None:
        self.number = number
        self._locks = locks

    def held(self) -> bool:
        """See `HeldLock.held`."""
        return self._locks.holds(self)

    def release(self) -> None:
        """Give it back. If that cannot be said, it goes with the session."""
        self._locks.unlock(self)


class AdvisoryLocks:
    """Locks of a PostgreSQL database, all of one session, which also hears the notifications of the channel.

    The session is opened when it is first needed, and again when it was lost; its locks are lost with it. PostgreSQL
    ends it, so that others may go on, once it has heard nothing of it for `IDLE_SECONDS`. `heard` is called with each
    notification.
    """

    def __init__(self, database: "Database", heard: Callable[[str], None] = lambda _: None) -> None:
        from sqlalchemy.pool import NullPool

        from persistence.database import postgres_engine

        self._database = database
        self._engine = postgres_engine(
            database.engine.url, database.answer_seconds, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        self._heard = heard
        self._turn = threading.RLock()
        self._session: Connection | None = None
        self._held: dict[int, AdvisoryLock] = {}

    def try_acquire(self, name: str) -> AdvisoryLock | None:
        """See `LockManager.try_acquire`."""
        lock = AdvisoryLock(self, _number(name))
        with self._turn:
            return lock if self._take(lock) else None

    def held_names(self, names: Collection[str]) -> set[str]:
        """See `LockManager.held_names`."""
        from sqlalchemy import BigInteger, cast, column, func, select, table

        locks = table("pg_locks", *map(column, ("locktype", "database", "classid", "objid", "objsubid", "granted")))
        here = table("pg_database", column("oid"), column("datname"))
        query = select(*(cast(locks.c[half], BigInteger).label(half) for half in ("classid", "objid"))).where(
            locks.c.locktype == "advisory",
            locks.c.objsubid == 1,
            locks.c.granted,
            locks.c.database == select(here.c.oid).where(here.c.datname == func.current_database()).scalar_subquery(),
        )
        found = {row.classid << 32 | row.objid for row in self._run(query)}
        return {name for name in names if _number(name) % 2**64 in found}

    def holds(self, lock: AdvisoryLock) -> bool:
        """Whether a lock that was taken is held, or could be taken again."""
        with self._turn:
            self.heartbeat()
            return self._held.get(lock.number) is lock or self._take(lock)

    def unlock(self, lock: AdvisoryLock) -> None:
        """Give a lock back."""
        from sqlalchemy import func, select

        from persistence.errors import DatabaseProblem

        with self._turn, suppress(DatabaseProblem):
            if self._held.get(lock.number) is lock:
                self._run(select(func.pg_advisory_unlock(lock.number)))
                self._held.pop(lock.number, None)

    def heartbeat(self) -> None:
        """Show PostgreSQL that this process lives, and hear the notifications since; makes the session if need be.

        Raises:
            DatabaseProblem: The server does not answer.
        """
        from sqlalchemy import literal_column, select

        self._run(select(literal_column("1")))

    def fileno(self) -> int:
        """Return the descriptor that can be read from as soon as there is a notification.

        Raises:
            DatabaseProblem: The server does not answer.
        """
        with self._turn, self._database.map_driver_errors():
            connection: Any = self._connected().connection.driver_connection
            if connection.closed:
                self._lose()
                connection = self._connected().connection.driver_connection
            return int(connection.fileno())

    def close(self) -> None:
        """End the session, and every lock with it."""
        with self._turn:
            self._lose()
            self._engine.dispose()

    def _take(self, lock: AdvisoryLock) -> bool:
        from sqlalchemy import func, select

        if lock.number in self._held:
            return False  # to one session PostgreSQL gives the same lock as often as it asks
        taken = bool(self._run(select(func.pg_try_advisory_lock(lock.number))).scalar())
        if taken:
            self._held[lock.number] = lock
        return taken

    def _run(self, statement: "Executable") -> "Result[Any]":
        from sqlalchemy.exc import DBAPIError

        with self._turn, self._database.map_driver_errors():
            is_new = self._session is None
            try:
                return self._connected().execute(statement)
            except DBAPIError:
                self._lose()
                if is_new:
                    raise
            # The session was ended since it was used last; what was lost with it shows where it is asked for.
            try:
                return self._connected().execute(statement)
            except DBAPIError:
                self._lose()
                raise

    def _connected(self) -> "Connection":
        if self._session is None:
            session = self._engine.connect()
            try:
                _prepare(session)
                connection: Any = session.connection.driver_connection
                connection.add_notify_handler(lambda notice: self._heard(notice.payload))
            except BaseException:
                session.close()
                raise
            self._session = session
        return self._session

    def _lose(self) -> None:
        session, self._session = self._session, None
        self._held.clear()
        if session is not None:
            session.invalidate()
            session.close()


def _prepare(session: "Connection") -> None:
    from sqlalchemy import column, func, select, table

    liveness = {
        "idle_session_timeout": f"{IDLE_SECONDS}s",
        "tcp_keepalives_idle": "10",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": f"{IDLE_SECONDS}s",
    }
    settings = table("pg_settings", column("name"))
    for name, value in liveness.items():
        # Of a server that knows no such setting nothing is asked.
        session.execute(select(func.set_config(settings.c.name, value, False)).where(settings.c.name == name))  # noqa: FBT003  # SQL
    session.exec_driver_sql(f"LISTEN {CHANNEL}")


def _number(name: str) -> int:
    """Return the 64 bits that stand for a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
