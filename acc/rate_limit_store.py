"""Token buckets in the shared database, timed by its clock, because the clocks of machines differ."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from sqlalchemy import (
    Column,
    Connection,
    Double,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    select,
    update,
)

from acc.rate_limit import BucketLimit, TokenBucket, lease
from persistence.database import Database, database_time
from persistence.migrations import SchemaComponent

if TYPE_CHECKING:
    from acc.rate_limit import Limits

_T = TypeVar("_T")

_TABLES: Final = MetaData()
_BUDGETS: Final = Table(
    "budgets",
    _TABLES,
    Column("name", Text, primary_key=True),
    Column("tokens", Double, nullable=False),
    Column("at", Double, nullable=False),
)
TABLES: Final = SchemaComponent("budgets", _TABLES)

Now = Callable[[Connection], float]


class TokenBucketTable:
    """Reads and writes of the table, each one transaction. Everything here blocks."""

    def __init__(self, database: Database, now: Now = database_time) -> None:
        self._database = database
        self._now = now

    def lease(self, limits: "Limits", wanted: int) -> tuple[int, float]:
        """Take tokens from all of some buckets; see `acc.rate_limit.lease`."""
        with self._database.writing() as connection:
            buckets, now = self._locked(connection, limits)
            found = lease(buckets, limits, now, wanted)
            if found[0]:
                self._write(connection, buckets)
            return found

    def empty(self, limits: "Limits", seconds: float) -> None:
        """Close the buckets for some seconds."""
        with self._database.writing() as connection:
            buckets, now = self._locked(connection, limits)
            self._write(connection, {name: bucket.drained_until(now, seconds) for name, bucket in buckets.items()})

    def purge(self, seconds: float) -> None:
        """Forget buckets that nothing was taken from for so many seconds, in which any of them has filled again."""
        with self._database.writing() as connection:
            old = select(_BUDGETS.c.name).where(_BUDGETS.c.at < self._now(connection) - seconds)
            # One that is locked is in use; to wait for it could be to wait for each other.
            connection.execute(delete(_BUDGETS).where(_BUDGETS.c.name.in_(old.with_for_update(skip_locked=True))))

    def _locked(self, connection: Connection, limits: "Limits") -> tuple[dict[str, TokenBucket], float]:
        """Lock the rows of the buckets until the end of the transaction; return them and the database's time."""
        names = sorted(limits)  # all processes lock them in the same order
        rows = {name: self._row(connection, name, limits[name]) for name in names}
        return rows, self._now(connection)

    def _row(self, connection: Connection, name: str, limit: BucketLimit) -> TokenBucket:
        query = select(_BUDGETS.c.tokens, _BUDGETS.c.at).where(_BUDGETS.c.name == name).with_for_update()
        found = connection.execute(query).first()
        if found is None:
            full = TokenBucket.full(limit, self._now(connection))
            insert = self._database.insert(_BUDGETS).values(name=name, tokens=full.tokens, at=full.at)
            connection.execute(insert.on_conflict_do_nothing())
            found = connection.execute(query).one()  # another process may have inserted it first
        return TokenBucket(found.tokens, found.at)

    def _write(self, connection: Connection, buckets: dict[str, TokenBucket]) -> None:
        connection.execute(
            update(_BUDGETS).where(_BUDGETS.c.name == bindparam("bucket")),
            [{"bucket": name, "tokens": bucket.tokens, "at": bucket.at} for name, bucket in sorted(buckets.items())],
        )


class StoreRunner(Protocol):
    """Runs a question to the store in a thread."""

    async def __call__(self, question: Callable[["TokenBucketTable"], _T], /) -> _T:
        """Return what the store answers."""


class SharedTokenBuckets:
    """The buckets of all processes on one PostgreSQL."""

    def __init__(self, run: StoreRunner) -> None:
        self._run = run

    async def lease(self, limits: "Limits", wanted: int) -> tuple[int, float]:
        """See `acc.rate_limit.TokenBucketStore`."""
        return await self._run(lambda store: store.lease(limits, wanted))

    async def empty(self, limits: "Limits", seconds: float) -> None:
        """See `acc.rate_limit.TokenBucketStore`."""
        await self._run(lambda store: store.empty(limits, seconds))

    async def purge(self, seconds: float) -> None:
        """See `TokenBucketTable.purge`."""
        await self._run(lambda store: store.purge(seconds))
