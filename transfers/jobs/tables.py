"""The tables of jobs: what is written down of every job, in SQLite or PostgreSQL. Everything here blocks.

    jobs        one row a job
    job_parts   the parts of a file that storage has taken
    executors   processes of the version before, which has a lock for each process and none for a job

Who works on a job holds its lock, and writes under the number of its attempt: a process that was frozen, or cut off,
and replaced meanwhile, changes nothing any more.
"""

import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Double,
    Executable,
    Index,
    MetaData,
    RowMapping,
    Select,
    Table,
    Text,
    Update,
    and_,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from persistence.database import Database
from persistence.locks import CHANNEL
from persistence.migrations import SchemaComponent
from transfers.jobs.rows import (
    CANCELLED,
    ENDED,
    FOLLOWING,
    OPEN,
    QUEUED,
    REPLACED,
    FingerprintTaken,
    JobOwnershipLost,
    JobRow,
    StoredPart,
    cancellation,
)

PRUNED_AT_ONCE: Final = 500

QUEUE: Final = "queue"
"""Payload of the notification that a job waits for a worker."""

_TABLES: Final = MetaData()
JOBS: Final = Table(
    "jobs",
    _TABLES,
    Column("id", Text, primary_key=True),
    Column("asked", Text, nullable=False),
    Column("fingerprint", Text, unique=True),
    Column("attempt", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("owner", Text),
    Column("base_url", Text, nullable=False),
    Column("person_id", Text, nullable=False),
    Column("project_id", Text, nullable=False),
    Column("item_id", Text, nullable=False),
    Column("attachment_id", Text),
    Column("name", Text, nullable=False),
    Column("posting", Boolean, nullable=False),
    Column("record", Text, nullable=False),
    Column("bytes_hashed", BigInteger, nullable=False),
    Column("bytes_sent", BigInteger, nullable=False),
    Column("cancelled", Boolean, nullable=False),
    Column("created", Double, nullable=False),
    Column("updated", Double, nullable=False),
)
Index("jobs_asked", JOBS.c.asked)
_OWNED: Final = JOBS.c.owner.is_not(None)
Index("jobs_owner", JOBS.c.owner, postgresql_where=_OWNED, sqlite_where=_OWNED)
Index("jobs_attachment", JOBS.c.attachment_id)
Index("jobs_item", JOBS.c.item_id, JOBS.c.name)
Index("jobs_created", JOBS.c.status, JOBS.c.created)
Index("jobs_updated", JOBS.c.status, JOBS.c.updated)
_PARTS: Final = Table(
    "job_parts",
    _TABLES,
    Column("job_id", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("sha256", Text, nullable=False),  # of the version before; now the digest of a `FilePass`
)
_EXECUTORS: Final = Table(
    "executors", _TABLES, Column("id", Text, primary_key=True), Column("started", Double, nullable=False)
)

TABLES: Final = SchemaComponent(
    "transfers",
    _TABLES,
    (
        # 2: the tables stay, and the kinds in their records are tags, which version 1 cannot read.
        (),
    ),
)


class JobTables:
    """Reads and writes of the tables; each is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._shared = database.address.file is None

    def add(self, row: JobRow, beside_others: str | None = None) -> JobRow:
        """Write down a new job, unless one that counts was asked for in the same words; returns the one that is there.

        Of two processes that are asked at the same moment, one adds it and both are given it. `beside_others` is the
        record that is written in place of its own where there are other jobs of its item and name.
        """
        with self._database.writing() as connection:
            if self._shared:  # SQLite has one writer anyway; who asks in the same words means the same item and name
                place = func.hashtextextended(f"{row.item_id} {row.name}", 0)
                connection.execute(select(func.pg_advisory_xact_lock(place)))
            known = _one(connection, _asked(row.asked))
            if known is not None:
                return known
            if beside_others is not None and connection.execute(_rivals(row.id, row.item_id, row.name)).first():
                row = replace(row, record=beside_others)
            connection.execute(JOBS.insert().values(vars(row)))
            return row

    def rivals(self, job_id: str, item_id: str, name: str) -> list[JobRow]:
        """Return the other jobs of the same name on an item that may turn out to be the same, the oldest first."""
        return self._all(_rivals(job_id, item_id, name))

    def has_rivals(self, job_id: str, item_id: str, name: str) -> bool:
        """Whether there are any `rivals`."""
        return self._first(_rivals(job_id, item_id, name).limit(1)) is not None

    def row(self, job_id: str) -> JobRow | None:
        """Return a job by its id."""
        return self._first(select(JOBS).where(JOBS.c.id == job_id))

    def rows(self, ids: Collection[str]) -> list[JobRow]:
        """Return jobs by their ids."""
        return self._all(select(JOBS).where(JOBS.c.id.in_(ids)))

    def by_attachments(self, ids: Collection[str]) -> list[JobRow]:
        """Return the jobs of attachments, the oldest first."""
        those = (JOBS.c.attachment_id.in_(ids), JOBS.c.status != REPLACED)
        return self._all(select(JOBS).where(*those).order_by(JOBS.c.created))

    def find_by_prefix(self, start: str, *, of: tuple[str, str] | None = None) -> list[JobRow]:
        """Return the jobs whose id begins so, two at most: enough to tell one from several. See `recent` for `of`."""
        those = (func.substr(JOBS.c.id, 1, len(start)) == start, *_of(of))
        return self._all(select(JOBS).where(*those).limit(2))

    def recent(self, *, limit: int, open_since: float | None = None, of: tuple[str, str] | None = None) -> list[JobRow]:
        """Return jobs, the newest first; with `open_since` those with something left to do.

        To follow what ACC makes of a file is left to do where that was last looked at since then. `of` one person
        alone: base URL and person id.
        """
        where = JOBS.c.status != REPLACED if open_since is None else _unfinished(open_since)
        newest_first = (JOBS.c.created.desc(), JOBS.c.id)
        return self._all(select(JOBS).where(where, *_of(of)).order_by(*newest_first).limit(limit))

    def unfinished(
        self,
        base_url: str,
        person_id: str,
        *,
        project_ids: Collection[str],
        open_since: float,
        after: tuple[float, str] | None,
        limit: int,
    ) -> list[JobRow]:
        """Return a person's jobs with something left to do, the newest first, from beyond (created, id) on.

        Without `project_ids` those of all projects.
        """
        those = [_unfinished(open_since), JOBS.c.base_url == base_url, JOBS.c.person_id == person_id]
        if project_ids:
            those.append(JOBS.c.project_id.in_(project_ids))
        if after is not None:
            created, job_id = after
            those += [JOBS.c.created <= created, or_(JOBS.c.created < created, JOBS.c.id > job_id)]
        return self._all(select(JOBS).where(*those).order_by(JOBS.c.created.desc(), JOBS.c.id).limit(limit))

    def queued(self, base_url: str, after: tuple[float, str], limit: int) -> list[JobRow]:
        """Return jobs that wait for a worker, the oldest first, from beyond (created, id) on."""
        created, job_id = after
        later = or_(JOBS.c.created > created, JOBS.c.id > job_id)
        those = (JOBS.c.status == QUEUED, JOBS.c.base_url == base_url, JOBS.c.created >= created, later)
        return self._all(select(JOBS).where(*those).order_by(JOBS.c.created, JOBS.c.id).limit(limit))

    def owned(self, base_url: str) -> list[JobRow]:
        """Return the jobs that some process works on, or worked on when it died."""
        return self._all(select(JOBS).where(_OWNED, JOBS.c.base_url == base_url).order_by(JOBS.c.created))

    def resting(self, base_url: str, person_id: str) -> list[JobRow]:
        """Return a person's idle jobs that have pending work."""
        those = (JOBS.c.status == OPEN, JOBS.c.owner.is_(None), JOBS.c.base_url == base_url)
        return self._all(select(JOBS).where(*those, JOBS.c.person_id == person_id).order_by(JOBS.c.created))

    def begin(self, seen: JobRow, owner: str, status: str | None = None) -> JobRow | None:
        """Begin an attempt at a job, whose lock is held, and return its row; None if it changed since it was `seen`.

        With a `status` it is a fresh start, and a wish to cancel it is forgotten; else it is gone on with.
        """
        values: dict[str, Any] = {"owner": owner, "attempt": seen.attempt + 1, "updated": time.time()}
        if status is not None:
            values |= {"status": status, "cancelled": False}
        as_seen = (JOBS.c.attempt == seen.attempt, JOBS.c.owner.is_not_distinct_from(seen.owner))
        with self._database.writing(single=True) as connection:
            begun = (
                update(JOBS)
                .where(JOBS.c.id == seen.id, JOBS.c.status == seen.status, *as_seen)
                .values(values)
                .returning(JOBS)
            )
            return _one(connection, begun)

    def check(self, job_id: str, attempt: int) -> None:
        """Make sure that an attempt is the last one.

        Raises:
            JobOwnershipLost: Another one has begun.
        """
        with self._database.reading() as connection:
            _check(connection, job_id, attempt)

    def save(self, job_id: str, attempt: int, /, **values: Any) -> None:
        """Write down what changed of a job. One that its process lets go, and that is to be cancelled, is cancelled.

        Raises:
            JobOwnershipLost: Another attempt has begun.
        """
        told = QUEUE if values.get("status") == QUEUED else job_id if "status" in values else None
        with self._database.writing(single="owner" not in values) as connection:
            row = self._update(connection, job_id, attempt, values | {"updated": time.time()}, told)
            if row["cancelled"] and row["owner"] is None:
                connection.execute(_cancelled(job_id))

    def progress(self, job_id: str, attempt: int, hashed: int, sent: int) -> bool:
        """Write down how far a job is, and return whether it is to be cancelled.

        Raises:
            JobOwnershipLost: Another attempt has begun.
        """
        with self._database.writing(single=True) as connection:
            values = {"bytes_hashed": hashed, "bytes_sent": sent}
            return bool(self._update(connection, job_id, attempt, values)["cancelled"])

    def cancelled(self, job_id: str, attempt: int) -> bool:
        """Return whether cancellation of a job was requested.

        Raises:
            JobOwnershipLost: Another attempt has begun.
        """
        this = (JOBS.c.id == job_id, JOBS.c.attempt == attempt)
        with self._database.reading() as connection:
            found = connection.execute(select(JOBS.c.cancelled).where(*this)).scalar()
        if found is None:
            raise JobOwnershipLost
        return bool(found)

    def assign_fingerprint(self, job_id: str, attempt: int, fingerprint: str) -> JobRow:
        """Give a job its fingerprint, and return the job that has it: this one, or one that had it before.

        Raises:
            JobOwnershipLost: Another attempt has begun.
        """
        with suppress(IntegrityError), self._database.writing(single=True) as connection:  # another job has it
            found = self._update(connection, job_id, attempt, {"fingerprint": fingerprint}, returned=tuple(JOBS.c))
            return JobRow(**found)
        row = self._first(select(JOBS).where(JOBS.c.fingerprint == fingerprint))
        # Gone in between: pruned, or replaced by a third one; the next try finds out.
        return row if row is not None else self.assign_fingerprint(job_id, attempt, fingerprint)

    def end_following(self, job_id: str) -> None:
        """End a job that is only followed: ACC has processed its file. Who follows it ends it in the same way."""
        followed = (JOBS.c.id == job_id, JOBS.c.status == FOLLOWING)
        ended = {"status": ENDED, "owner": None, "updated": time.time()}
        with self._database.writing(single=True) as connection:
            change = update(JOBS).where(*followed).values(ended)
            connection.execute(change.returning(JOBS.c.id, *self._telling(job_id))).first()

    def identify(self, job_id: str, attempt: int, /, **values: Any) -> None:
        """Write down what changed of a job together with its fingerprint, which is among the `values`.

        Raises:
            FingerprintTaken: Another job has it.
            JobOwnershipLost: Another attempt has begun.
        """
        try:
            with self._database.writing(single=True) as connection:
                self._update(connection, job_id, attempt, values | {"updated": time.time()}, told=job_id)
        except IntegrityError as taken:
            raise FingerprintTaken from taken

    def replace(self, job_id: str) -> None:
        """Replace a job that is idle or only followed and no longer valid, so that a new one can take its place."""
        rests = or_(JOBS.c.owner.is_(None), JOBS.c.status == FOLLOWING)
        gone: dict[str, Any] = {"status": REPLACED, "fingerprint": None, "asked": f"replaced {job_id}", "owner": None}
        gone |= {"attempt": JOBS.c.attempt + 1}  # who only follows it has nothing to write any more
        with self._database.writing(single=True) as connection:
            connection.execute(update(JOBS).where(JOBS.c.id == job_id, rests).values(gone))

    def request_cancel(self, job_id: str) -> bool:
        """Ask for a job to be cancelled, and return whether it is done at once, as no process works on it."""
        with self._database.writing() as connection:
            connection.execute(update(JOBS).where(JOBS.c.id == job_id).values(cancelled=True))
            done = connection.execute(_cancelled(job_id)).rowcount > 0
            for notice in self._telling(job_id):
                connection.execute(select(notice))
        return done

    def keep_parts(self, job_id: str, attempt: int, parts: Iterable[StoredPart]) -> None:
        """Write down parts that storage has taken.

        Raises:
            JobOwnershipLost: Another attempt has begun.
        """
        insert = self._database.insert(_PARTS)
        news = {"etag": insert.excluded.etag, "sha256": insert.excluded.sha256, "size": insert.excluded.size}
        upsert = insert.on_conflict_do_update(index_elements=[_PARTS.c.job_id, _PARTS.c.number], set_=news)
        with self._database.writing() as connection:
            _check(connection, job_id, attempt, alone=True)
            connection.execute(
                upsert,
                [
                    {
                        "job_id": job_id,
                        "number": part.number,
                        "size": part.size,
                        "etag": part.etag,
                        "sha256": part.digest,
                    }
                    for part in parts
                ],
            )

    def parts(self, job_id: str) -> list[StoredPart]:
        """Return the parts that storage has taken."""
        columns = (_PARTS.c.number, _PARTS.c.size, _PARTS.c.etag, _PARTS.c.sha256)
        with self._database.reading() as connection:
            found = connection.execute(select(*columns).where(_PARTS.c.job_id == job_id).order_by(_PARTS.c.number))
            return [StoredPart(*row) for row in found]

    def forget_parts(self, job_id: str, attempt: int, numbers: Sequence[int] | None = None) -> None:
        """Forget parts that storage turned out not to have; all of them with None.

        Raises:
            JobOwnershipLost: Another attempt has begun.
        """
        these = () if numbers is None else (_PARTS.c.number.in_(numbers),)
        with self._database.writing() as connection:
            _check(connection, job_id, attempt, alone=True)
            connection.execute(delete(_PARTS).where(_PARTS.c.job_id == job_id, *these))

    def find_competing(self, job_id: str, item_id: str, name: str) -> tuple[set[str], int]:
        """Return what other jobs have of the same name on an item: their attachments, and how many doubtful POSTs."""
        others = (JOBS.c.item_id == item_id, JOBS.c.name == name, JOBS.c.id != job_id)
        with self._database.reading() as connection:
            found = connection.execute(select(JOBS.c.attachment_id, JOBS.c.posting).where(*others)).all()
        return {row[0] for row in found if row[0]}, sum(1 for row in found if row[1] and not row[0])

    def is_executor(self, owner: str) -> bool:
        """Whether an owner is a process of the version before, which shows by a lock of its own that it lives."""
        with self._database.reading() as connection:
            return connection.execute(select(_EXECUTORS.c.id).where(_EXECUTORS.c.id == owner)).first() is not None

    def prune(self, before: float) -> int:
        """Forget what ended before a time, and return how many jobs that were.

        Some hundreds at once, so that no writer waits for long.
        """
        gone = 0
        while some := self._prune_some(before):
            gone += some
        return gone

    def _prune_some(self, before: float) -> int:
        old = (JOBS.c.status.not_in((OPEN, QUEUED)), JOBS.c.owner.is_(None), JOBS.c.updated < before)
        some = select(JOBS.c.id).where(*old).limit(PRUNED_AT_ONCE)
        with self._database.writing() as connection:
            ended = delete(JOBS).where(JOBS.c.id.in_(some), *old).returning(JOBS.c.id)
            gone = list(connection.execute(ended).scalars())
            connection.execute(delete(_PARTS).where(_PARTS.c.job_id.in_(gone)))
        return len(gone)

    def _update(
        self,
        connection: Connection,
        job_id: str,
        attempt: int,
        values: dict[str, Any],
        told: str | None = None,
        returned: Sequence[Column[Any]] = (JOBS.c.cancelled, JOBS.c.owner),
    ) -> RowMapping:
        this = (JOBS.c.id == job_id, JOBS.c.attempt == attempt)
        change = update(JOBS).where(*this).values(values).returning(*returned, *self._telling(told))
        row = connection.execute(change).mappings().first()
        if row is None:
            raise JobOwnershipLost
        return row

    def _telling(self, what: str | None) -> list[ColumnElement[Any]]:
        """Return what, where it is selected, notifies other processes."""
        return [func.pg_notify(CHANNEL, what)] if what is not None and self._shared else []

    def _first(self, query: Select[Any]) -> JobRow | None:
        with self._database.reading() as connection:
            return _one(connection, query)

    def _all(self, query: Select[Any]) -> list[JobRow]:
        with self._database.reading() as connection:
            return [JobRow(**row) for row in connection.execute(query).mappings()]


def _check(connection: Connection, job_id: str, attempt: int, *, alone: bool = False) -> None:
    """Make sure that an attempt is the last one; `alone` also until the transaction ends."""
    query = select(JOBS.c.attempt).where(JOBS.c.id == job_id)
    if connection.execute(query.with_for_update() if alone else query).scalar() != attempt:
        raise JobOwnershipLost


def _cancelled(job_id: str) -> Update:
    """Return the statement that cancels a job, unless a process works on it or nothing is left to do."""
    rests = (JOBS.c.id == job_id, JOBS.c.owner.is_(None), JOBS.c.status.in_((OPEN, QUEUED)))
    return update(JOBS).where(*rests).values(cancellation(job_id))


def _of(person: tuple[str, str] | None) -> tuple[ColumnElement[bool], ...]:
    return () if person is None else (JOBS.c.base_url == person[0], JOBS.c.person_id == person[1])


def _unfinished(open_since: float) -> ColumnElement[bool]:
    followed = and_(JOBS.c.status == FOLLOWING, JOBS.c.updated > open_since)
    return or_(JOBS.c.status.in_((OPEN, QUEUED)), followed)


def _rivals(job_id: str, item_id: str, name: str) -> Select[Any]:
    others = (JOBS.c.item_id == item_id, JOBS.c.name == name, JOBS.c.id != job_id)
    return select(JOBS).where(*others, JOBS.c.status.not_in((REPLACED, CANCELLED))).order_by(JOBS.c.created)


def _asked(asked: str) -> Select[Any]:
    return select(JOBS).where(JOBS.c.asked == asked).order_by(JOBS.c.created.desc()).limit(1)


def _one(connection: Connection, query: Executable) -> JobRow | None:
    found = connection.execute(query).mappings().first()
    return JobRow(**found) if found is not None else None
