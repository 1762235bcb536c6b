"""Locks that the kernel or PostgreSQL gives back when their holder dies, whatever killed it.

A process holds one under its own name for as long as it lives; whoever can take that lock knows that the process is
dead. A lock file that lies about means nothing, and no timeout is guessed at.
"""

import hashlib
import os
import sys
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from auth.database import Database


class Lock(Protocol):
    """A lock that is held."""

    def alive(self) -> bool:
        """Whether it is still held: a lock of PostgreSQL goes with its connection."""

    def release(self) -> None:
        """Give it back; harmless the second time."""


class Locks(Protocol):
    """A kind of lock that processes sharing a database have in common."""

    def take(self, name: str) -> Lock | None:
        """Return the lock called `name`, or None when somebody else, or this process, holds it."""

    def close(self) -> None:
        """Give back whatever `take` needs for itself; locks that are held stay held."""


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        try:
            # flock, not lockf: it belongs to this opening of the file, so that two holders in one process conflict too.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class FileLock:
    """A locked file; the lock ends with its descriptor, at the latest with the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def alive(self) -> bool:
        """Whether it is still held: until it is released."""
        return self._descriptor >= 0

    def release(self) -> None:
        """Give it back. The file stays: removing it could take it from under somebody who is about to lock it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class FileLocks:
    """Locks as files of a folder on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def take(self, name: str) -> FileLock | None:
        """See `Locks.take`."""
        path = self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            taken = _lock(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if taken:
            return FileLock(descriptor)
        os.close(descriptor)
        return None

    def close(self) -> None:
        """Nothing is kept beside the locks themselves."""


class AdvisoryLock:
    """An advisory lock of a session of PostgreSQL; it ends with the session's connection."""

    def __init__(self, connection: "Connection") -> None:
        self._connection: Connection | None = connection
        self._turn = threading.Lock()

    def alive(self) -> bool:
        """Whether the session is still there."""
        from sqlalchemy.exc import SQLAlchemyError

        with self._turn:
            if self._connection is None:
                return False
            try:
                self._connection.exec_driver_sql("SELECT 1")
            except SQLAlchemyError:
                return False
            return True

    def release(self) -> None:
        """Give it back with its session, so that nothing depends on the unlocking being answered."""
        with self._turn:
            if self._connection is not None:
                if not self._connection.invalidated:  # else there is nothing left to detach
                    self._connection.detach()
                self._connection.close()
                self._connection = None


class AdvisoryLocks:
    """Locks of a PostgreSQL database; each takes a connection of its own."""

    def __init__(self, database: "Database") -> None:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        self._database = database
        self._engine = create_engine(
            database.engine.url, poolclass=NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True
        )

    def take(self, name: str) -> AdvisoryLock | None:
        """See `Locks.take`.

        Raises:
            DatabaseProblem: The server does not answer.
        """
        with self._database.explained():
            connection = self._engine.connect()
            if connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s)", (_number(name),)).scalar():
                return AdvisoryLock(connection)
            connection.close()
            return None

    def close(self) -> None:
        """Every connection belongs to a lock."""
        self._engine.dispose()


def _number(name: str) -> int:
    """Return the 64 bits that stand for a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


def new_executor_id() -> str:
    """Return a name for this process that no other process ever has."""
    return uuid.uuid4().hex
