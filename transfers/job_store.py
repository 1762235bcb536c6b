"""The tables of jobs: what is written down of every job, in SQLite or PostgreSQL. Everything here blocks.

    jobs        one row a job; `owner` is the process that works on it, None while nobody does
    job_parts   the parts of a file that storage has taken
    executors   every process that may own a job; it lives while it holds the lock of its id

Whoever works on a job writes only where it is still the `owner`: a process that was taken for dead, and robbed, can
change nothing any more.
"""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import BigInteger, BindParameter, Connection, Text, bindparam, text
from sqlalchemy.engine import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.types import TypeEngine

from auth.database import Component, Database
from transfers.job_rows import JobRow, Robbed, StoredPart

_JOBS: Final = """
CREATE TABLE jobs (
  id TEXT PRIMARY KEY, asked TEXT NOT NULL, fingerprint TEXT UNIQUE, attempt BIGINT NOT NULL, status TEXT NOT NULL,
  owner TEXT, base_url TEXT NOT NULL, person_id TEXT NOT NULL, project_id TEXT NOT NULL, item_id TEXT NOT NULL,
  attachment_id TEXT, name TEXT NOT NULL, posting BOOLEAN NOT NULL, record TEXT NOT NULL,
  bytes_hashed BIGINT NOT NULL, bytes_sent BIGINT NOT NULL, cancelled BOOLEAN NOT NULL,
  created DOUBLE PRECISION NOT NULL, updated DOUBLE PRECISION NOT NULL)
"""
_PARTS: Final = """
CREATE TABLE job_parts (
  job_id TEXT NOT NULL, number BIGINT NOT NULL, size BIGINT NOT NULL, etag TEXT NOT NULL, sha256 TEXT NOT NULL,
  PRIMARY KEY (job_id, number))
"""

PRUNED_AT_ONCE: Final = 500

TABLES: Final = Component(
    "transfers",
    (
        (
            _JOBS,
            "CREATE INDEX jobs_asked ON jobs (asked)",
            "CREATE INDEX jobs_owner ON jobs (owner) WHERE owner IS NOT NULL",
            "CREATE INDEX jobs_attachment ON jobs (attachment_id)",
            "CREATE INDEX jobs_item ON jobs (item_id, name)",
            "CREATE INDEX jobs_created ON jobs (status, created)",
            "CREATE INDEX jobs_updated ON jobs (status, updated)",
            _PARTS,
            "CREATE TABLE executors (id TEXT PRIMARY KEY, started DOUBLE PRECISION NOT NULL)",
        ),
    ),
)


class JobStore:
    """Reads and writes of the tables; each is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, row: JobRow) -> JobRow:
        """Write down a new job, unless one that counts was asked for in the same words; returns the one that is there.

        Of two processes that are asked at the same moment, one adds it and both are given it.
        """
        with self._database.writing() as connection:
            self._serialise(connection, row.asked)
            known = self._asked(connection, row.asked)
            if known is not None:
                return known
            names, values = ", ".join(vars(row)), ", ".join(f":{name}" for name in vars(row))
            connection.execute(
                text(f"INSERT INTO jobs ({names}) VALUES ({values})"),  # noqa: S608  # names of fields
                vars(row),
            )
            return row

    def asked(self, asked: str) -> JobRow | None:
        """Return the job that was asked for in these words."""
        with self._database.reading() as connection:
            return self._asked(connection, asked)

    def row(self, job_id: str) -> JobRow | None:
        """Return a job by its id."""
        with self._database.reading() as connection:
            return _one(connection, "id = :id", {"id": job_id})

    def by_attachments(self, ids: Collection[str]) -> list[JobRow]:
        """Return the jobs of attachments."""
        with self._database.reading() as connection:
            return _many(connection, "attachment_id IN :ids AND status <> 'replaced'", {"ids": list(ids)})

    def beginning_with(self, start: str) -> list[JobRow]:
        """Return the jobs whose id begins so, two at most: enough to tell one from several."""
        with self._database.reading() as connection:
            return _many(connection, "substr(id, 1, :length) = :start LIMIT 2", {"start": start, "length": len(start)})

    def recent(self, *, limit: int, open_since: float | None = None) -> list[JobRow]:
        """Return jobs, the newest first; with `open_since` those with something left to do.

        To follow what ACC makes of a file is left to do where that was last looked at since then.
        """
        where = "status <> 'replaced'"
        values: dict[str, float] = {"limit": limit}
        if open_since is not None:
            where = "(status IN ('open', 'queued') OR (status = 'following' AND updated > :since))"
            values["since"] = open_since
        with self._database.reading() as connection:
            return _many(connection, f"{where} ORDER BY created DESC, id LIMIT :limit", values)

    def save(self, job_id: str, executor: str, /, **values: Any) -> None:
        """Write down what changed of a job.

        Raises:
            Robbed: It is not that process's.
        """
        self._update(job_id, executor, {**values, "updated": time.time()})

    def note(self, job_id: str, record: str) -> None:
        """Write down what changed of a job that rests."""
        with self._database.writing() as connection:
            connection.execute(
                text("UPDATE jobs SET record = :record WHERE id = :id AND owner IS NULL"),
                {"id": job_id, "record": record},
            )

    def claim(self, job_id: str, owner: str) -> bool:
        """Take a job that nobody works on; false when somebody was faster."""
        with self._database.writing() as connection:
            return _changed(
                connection,
                "UPDATE jobs SET owner = :owner, attempt = attempt + 1, status = 'open', cancelled = :no,"
                " updated = :now WHERE id = :id AND owner IS NULL",
                {"id": job_id, "owner": owner, "now": time.time(), "no": False},
            )

    def queued(self, base_url: str, after: tuple[float, str], limit: int) -> list[JobRow]:
        """Return jobs that wait for a worker, the oldest first, from beyond (created, id) on."""
        with self._database.reading() as connection:
            return _many(
                connection,
                "status = 'queued' AND base_url = :base_url AND created >= :created"
                " AND (created > :created OR id > :id) ORDER BY created, id LIMIT :limit",
                {"base_url": base_url, "created": after[0], "id": after[1], "limit": limit},
            )

    def take(self, job_id: str, owner: str) -> bool:
        """Take a job out of the queue; false when somebody was faster, or it was called off."""
        with self._database.writing() as connection:
            return _changed(
                connection,
                "UPDATE jobs SET owner = :owner, attempt = attempt + 1, status = 'open', updated = :now"
                " WHERE id = :id AND owner IS NULL AND status = 'queued'",
                {"id": job_id, "owner": owner, "now": time.time()},
            )

    def rows(self, ids: Sequence[str]) -> list[JobRow]:
        """Return jobs by their ids."""
        with self._database.reading() as connection:
            return _many(connection, "id IN :ids", {"ids": list(ids)})

    def inherit(self, job_id: str, dead: str, owner: str) -> bool:
        """Take a job from a process that is known to be dead: the lock of its name is held meanwhile."""
        with self._database.writing() as connection:
            return _changed(
                connection,
                "UPDATE jobs SET owner = :owner, updated = :now WHERE id = :id AND owner = :dead",
                {"id": job_id, "owner": owner, "dead": dead, "now": time.time()},
            )

    def next_attempt(self, job_id: str, owner: str) -> JobRow:
        """Count one attempt more of a job.

        Raises:
            Robbed: It is not `owner`'s.
        """
        with self._database.writing() as connection:
            if not _changed(
                connection,
                "UPDATE jobs SET attempt = attempt + 1 WHERE id = :id AND owner = :owner",
                {"id": job_id, "owner": owner},
            ):
                raise Robbed
            row = _one(connection, "id = :id", {"id": job_id})
        if row is None:
            raise Robbed
        return row

    def identify(self, job_id: str, owner: str, fingerprint: str) -> JobRow:
        """Give a job its fingerprint, and return the job that has it: this one, or one that had it before.

        Raises:
            Robbed: It is not `owner`'s.
        """
        with suppress(IntegrityError):  # somebody has it
            self._update(job_id, owner, {"fingerprint": fingerprint})
        with self._database.reading() as connection:
            row = _one(connection, "fingerprint = :fingerprint", {"fingerprint": fingerprint})
        # Gone in between: pruned, or replaced by a third one; the next try finds out.
        return row if row is not None else self.identify(job_id, owner, fingerprint)

    def drop(self, job_id: str) -> None:
        """Let a job that rests or is only followed, and counts no more, stand in nobody's way."""
        with self._database.writing() as connection:
            connection.execute(
                text(
                    "UPDATE jobs SET status = 'replaced', fingerprint = NULL, asked = :gone, owner = NULL"
                    " WHERE id = :id AND (owner IS NULL OR status = 'following')"
                ),
                {"id": job_id, "gone": f"replaced {job_id}"},
            )

    def progress(self, job_id: str, owner: str, hashed: int, sent: int) -> bool:
        """Write down how far a job is, and return whether somebody wants it called off.

        Raises:
            Robbed: It is not `owner`'s.
        """
        self._update(job_id, owner, {"bytes_hashed": hashed, "bytes_sent": sent})
        row = self.row(job_id)
        return row is not None and row.cancelled

    def call_off(self, job_id: str) -> bool:
        """Ask for a job to be called off, and return whether that is done: nobody works on it."""
        with self._database.writing() as connection:
            connection.execute(text("UPDATE jobs SET cancelled = :yes WHERE id = :id"), {"id": job_id, "yes": True})
            return _changed(
                connection,
                "UPDATE jobs SET status = 'cancelled', asked = :gone, fingerprint = NULL"
                " WHERE id = :id AND owner IS NULL AND status IN ('open', 'queued')",
                {"id": job_id, "gone": f"cancelled {job_id}"},
            )

    def keep_parts(self, job_id: str, parts: Iterable[StoredPart]) -> None:
        """Write down parts that storage has taken."""
        rows = [{"job_id": job_id, **vars(part)} for part in parts]
        with self._database.writing() as connection:
            connection.execute(
                text(
                    "INSERT INTO job_parts (job_id, number, size, etag, sha256)"
                    " VALUES (:job_id, :number, :size, :etag, :sha256)"
                    " ON CONFLICT (job_id, number) DO UPDATE SET etag = excluded.etag, sha256 = excluded.sha256"
                ),
                rows,
            )

    def parts(self, job_id: str) -> list[StoredPart]:
        """Return the parts that storage has taken."""
        query = text("SELECT number, size, etag, sha256 FROM job_parts WHERE job_id = :id ORDER BY number")
        with self._database.reading() as connection:
            return [StoredPart(*row) for row in connection.execute(query, {"id": job_id})]

    def forget_parts(self, job_id: str, numbers: Sequence[int] | None = None) -> None:
        """Forget parts that storage turned out not to have; all of them with None."""
        with self._database.writing() as connection:
            if numbers is None:
                connection.execute(text("DELETE FROM job_parts WHERE job_id = :id"), {"id": job_id})
            else:
                query = text("DELETE FROM job_parts WHERE job_id = :id AND number IN :numbers")
                connection.execute(
                    query.bindparams(_list("numbers", BigInteger)), {"id": job_id, "numbers": list(numbers)}
                )

    def rivals(self, job_id: str, item_id: str, name: str) -> tuple[set[str], int]:
        """Return what other jobs have of the same name on an item: their attachments, and how many doubtful POSTs."""
        query = text("SELECT attachment_id, posting FROM jobs WHERE item_id = :item AND name = :name AND id <> :id")
        with self._database.reading() as connection:
            found = list(connection.execute(query, {"item": item_id, "name": name, "id": job_id}))
        return {row[0] for row in found if row[0]}, sum(1 for row in found if row[1] and not row[0])

    def begin_executor(self, executor: str) -> None:
        """Write down that a process may own jobs; it holds the lock of this id already."""
        with self._database.writing() as connection:
            connection.execute(
                text("INSERT INTO executors (id, started) VALUES (:id, :now) ON CONFLICT (id) DO NOTHING"),
                {"id": executor, "now": time.time()},
            )

    def other_executors(self, executor: str) -> list[str]:
        """Return every other process that may own jobs, dead or alive."""
        with self._database.reading() as connection:
            found = connection.execute(text("SELECT id FROM executors WHERE id <> :id"), {"id": executor})
            return [str(one) for one in found.scalars()]

    def owned(self, executor: str) -> list[JobRow]:
        """Return the jobs of a process."""
        with self._database.reading() as connection:
            return _many(connection, "owner = :owner ORDER BY created", {"owner": executor})

    def forget_executor(self, executor: str) -> None:
        """Forget a dead process that owns nothing any more."""
        with self._database.writing() as connection:
            connection.execute(
                text("DELETE FROM executors WHERE id = :id AND NOT EXISTS (SELECT 1 FROM jobs WHERE owner = :id)"),
                {"id": executor},
            )

    def prune(self, before: float) -> int:
        """Forget what ended before a time, and return how many jobs that were.

        Some hundreds at once, so that nobody who wants to write waits for long.
        """
        gone = 0
        while some := self._prune_some(before):
            gone += some
        return gone

    def _prune_some(self, before: float) -> int:
        old = "status NOT IN ('open', 'queued') AND owner IS NULL AND updated < :before"
        delete = f"DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE {old} LIMIT :most) AND {old} RETURNING id"  # noqa: S608  # conditions of this method
        with self._database.writing() as connection:
            found = connection.execute(text(delete), {"before": before, "most": PRUNED_AT_ONCE})
            gone = [str(one) for one in found.scalars()]
            if gone:
                parts = text("DELETE FROM job_parts WHERE job_id IN :ids")
                connection.execute(parts.bindparams(_list("ids", Text)), {"ids": gone})
        return len(gone)

    def _asked(self, connection: Connection, asked: str) -> JobRow | None:
        return _one(connection, "asked = :asked ORDER BY created DESC LIMIT 1", {"asked": asked})

    def _serialise(self, connection: Connection, asked: str) -> None:
        """Let one process at a time look for these words and add them; SQLite has one writer anyway."""
        if self._database.address.file is None:
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:asked, 0))"), {"asked": asked})

    def _update(self, job_id: str, owner: str, values: Mapping[str, Any]) -> None:
        assignments = ", ".join(f"{name} = :{name}" for name in values)
        with self._database.writing() as connection:
            if not _changed(
                connection,
                f"UPDATE jobs SET {assignments} WHERE id = :_id AND owner = :_owner",  # noqa: S608  # names of columns
                {**values, "_id": job_id, "_owner": owner},
            ):
                raise Robbed


def _changed(connection: Connection, statement: str, values: Mapping[str, Any]) -> bool:
    return connection.execute(text(statement), dict(values)).rowcount > 0


_COLUMNS: Final = ", ".join(JobRow.__annotations__)


def _one(connection: Connection, where: str, values: Mapping[str, Any]) -> JobRow | None:
    query = text(f"SELECT {_COLUMNS} FROM jobs WHERE {where}")  # noqa: S608  # conditions of this module
    found = connection.execute(query, dict(values)).first()
    return _job_row(found) if found is not None else None


def _many(connection: Connection, where: str, values: Mapping[str, Any]) -> list[JobRow]:
    query = text(f"SELECT {_COLUMNS} FROM jobs WHERE {where}")  # noqa: S608  # conditions of this module
    lists = [_list(name, Text) for name, value in values.items() if isinstance(value, list)]
    return [_job_row(row) for row in connection.execute(query.bindparams(*lists), dict(values))]


def _list(name: str, type_: type[TypeEngine[Any]]) -> BindParameter[Any]:
    """Return a list's place in a condition, its type named.

    To find a type itself SQLAlchemy asks its ORM, which DBOS's import in another thread may have loaded by half.
    """
    return bindparam(name, type_=type_, expanding=True)


def _job_row(row: Row[Any]) -> JobRow:
    values = dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's public name for it
    # SQLite knows no booleans.
    return JobRow(**{**values, "posting": bool(values["posting"]), "cancelled": bool(values["cancelled"])})
