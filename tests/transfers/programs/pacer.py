"""One of several processes that ask ACC a lot of questions through the rate limiter that they share.

Time is the sandbox's, which stands still; a process that waits moves it.
"""

from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from typing import Any

import anyio
import anyio.to_thread
from pydantic import BaseModel

from acc.client import AccClient
from acc.hosts import AutodeskHosts
from acc.rate_limit import Limits, RateLimiter
from acc.rate_limit_store import TABLES, TokenBucketTable
from auth.oauth import StaticTokenSource
from persistence.database import Database, DatabaseAddress
from persistence.migrations import migrate


class Orders(BaseModel):
    """What the process is to do: so many `requests`, some at once."""

    base_url: str
    token: str
    database_url: str
    project_id: str
    requests: int


class Time:
    """The sandbox's clock: the seconds that it was `moved` by, in memory that all processes share."""

    def __init__(self, moved: "Synchronized[float]") -> None:
        self._moved = moved

    def now(self, _: object = None) -> float:
        return self._moved.value

    async def sleep(self, seconds: float) -> None:
        # Longer than asked for, so that there are several tokens then: the test has not so many questions to ask.
        with self._moved.get_lock():
            self._moved.value += max(seconds, 0.6)


class Shared:
    """The buckets in the database, by the sandbox's clock."""

    def __init__(self, store: TokenBucketTable) -> None:
        self._store = store

    async def lease(self, limits: Limits, wanted: int) -> tuple[int, float]:
        return await anyio.to_thread.run_sync(self._store.lease, limits, wanted)

    async def empty(self, limits: Limits, seconds: float) -> None:
        await anyio.to_thread.run_sync(self._store.empty, limits, seconds)


async def work(orders: Orders, time: Time) -> None:
    with Database.open(DatabaseAddress.of(orders.database_url)) as database:
        migrate(database, TABLES)
        budgets = Shared(TokenBucketTable(database, time.now))
        limiter = RateLimiter(budgets, patience=3600, clock=time.now, sleep=time.sleep)
        async with AccClient(
            AutodeskHosts.at(orders.base_url), StaticTokenSource(orders.token), rate_limiter=limiter
        ) as acc:
            left = iter(range(orders.requests))

            async def ask(*_: Any) -> None:
                for _ in left:
                    await acc.submittals.me(orders.project_id)

            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(ask)


def main(orders: Orders, moved: "Synchronized[float]", test: Connection) -> None:
    anyio.run(work, orders, Time(moved))
    test.send("done")
