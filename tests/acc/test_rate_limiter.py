"""The rate limiter that processes share: which requests it delays, and which it lets through."""

import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from multiprocessing.sharedctypes import Synchronized

import pytest
import sqlalchemy

import acc_sandbox
from acc.errors import RateLimited
from acc.rate_limit import (
    BLOCK,
    STORAGE,
    SUBMITTALS,
    InMemoryTokenBuckets,
    Limits,
    RateLimiter,
    TokenBucketStore,
    limits_of,
)
from acc.rate_limit_store import TABLES, TokenBucketTable
from acc_sandbox.state.clock import Clock
from persistence.database import Database, DatabaseAddress
from persistence.migrations import migrate
from tests.support.processes import CONTEXT, Process
from tests.transfers.programs.pacer import Orders, main

START = datetime(2026, 3, 4, tzinfo=UTC)
LIST, SIGN, HUBS = "submittals.items.list", "oss.signeds3upload.get", "dm.hubs"
HERE = "https://developer.api.autodesk.com"

pytestmark = pytest.mark.anyio


def token(**claims: str) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"header.{payload}.signature"


MINE, THEIRS = token(client_id="app", userid="me"), token(client_id="app", userid="they")


class Time:
    """A clock that a waiting limiter moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class OfStore:
    """The buckets in a database, by a clock of the test's."""

    def __init__(self, store: TokenBucketTable) -> None:
        self._store = store

    async def lease(self, limits: Limits, wanted: int) -> tuple[int, float]:
        return self._store.lease(limits, wanted)

    async def empty(self, limits: Limits, seconds: float) -> None:
        self._store.empty(limits, seconds)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture(params=["own", "postgresql"])
def budgets(request: pytest.FixtureRequest, time: Time) -> Iterator[TokenBucketStore]:
    if request.param == "own":
        yield InMemoryTokenBuckets(time)
        return
    with Database.open(DatabaseAddress.of(request.getfixturevalue("postgres_url"))) as database:
        migrate(database, TABLES)
        yield OfStore(TokenBucketTable(database, lambda _: time.now))


def limiter(budgets: TokenBucketStore, time: Time, patience: float = 3600) -> RateLimiter:
    return RateLimiter(budgets, patience=patience, clock=time, sleep=time.sleep)


async def test_requests_wait_for_tokens_of_buckets_that_all_processes_share(
    budgets: TokenBucketStore, time: Time
) -> None:
    one, other = limiter(budgets, time), limiter(budgets, time)
    for _ in range(SUBMITTALS.capacity // 2):
        await one.acquire(LIST, MINE, HERE)
        await other.acquire(LIST, MINE, HERE)
    assert time.slept == []
    await one.acquire(LIST, MINE, HERE)
    assert time.slept == [pytest.approx(1 / SUBMITTALS.rate)]


async def test_another_person_draws_on_the_app_alone_and_storage_on_neither(
    budgets: TokenBucketStore, time: Time
) -> None:
    one = limiter(budgets, time)
    for _ in range(SUBMITTALS.capacity // 2):
        await one.acquire(LIST, MINE, HERE)
        await one.acquire(LIST, THEIRS, HERE)
    for _ in range(STORAGE.capacity):
        await one.acquire(SIGN, MINE, HERE)
    for _ in range(5000):
        await one.acquire(HUBS, MINE, HERE)
    assert time.slept == []
    await one.acquire(LIST, THEIRS, HERE)  # this person has tokens left, the app has none
    assert len(time.slept) == 1


def test_buckets_that_have_filled_again_are_forgotten_and_others_kept(postgres_url: str) -> None:
    now = [1000.0]
    with Database.open(DatabaseAddress.of(postgres_url)) as database:
        migrate(database, TABLES)
        store = TokenBucketTable(database, lambda _: now[0])
        store.lease({"old": SUBMITTALS}, 1)
        now[0] = 1090.0
        store.lease({"new": SUBMITTALS}, SUBMITTALS.capacity)
        now[0] = 1101.0
        store.purge(100.0)
        with database.reading() as connection:
            assert connection.exec_driver_sql("SELECT name FROM budgets").scalars().all() == ["new"]


def test_buckets_that_are_drawn_on_while_old_ones_are_forgotten_are_waited_for_by_no_one(postgres_url: str) -> None:
    now, here = [1000.0], threading.get_ident()
    both: Limits = {"a": SUBMITTALS, "b": SUBMITTALS}
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with Database.open(DatabaseAddress.of(postgres_url)) as database, ThreadPoolExecutor(1) as other:
        migrate(database, TABLES)
        store = TokenBucketTable(database, lambda _: now[0])
        for name in ("b", "a"):  # in the other order than they are locked in
            store.lease({name: SUBMITTALS}, 1)
        now[0] = 2000.0
        purged: list[Future[None]] = []

        def a_process_waits() -> bool:
            with database.reading() as looking:
                return bool(looking.exec_driver_sql(waits).scalar())

        @sqlalchemy.event.listens_for(database.engine, "after_cursor_execute")
        def _(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if threading.get_ident() == here and "FOR UPDATE" in statement and not purged:
                purged.append(other.submit(store.purge, 100.0))
                while not (purged[0].done() or a_process_waits()):
                    pass

        assert store.lease(both, 1)[0] == 1
        purged[0].result(120)


async def test_after_a_429_every_process_holds_back_until_its_retry_after(
    budgets: TokenBucketStore, time: Time
) -> None:
    one, other = limiter(budgets, time), limiter(budgets, time)
    await one.acquire(LIST, MINE, HERE)  # the rest of its lease is not used either
    await one.on_rate_limited(LIST, MINE, HERE, 17)
    await one.acquire(LIST, MINE, HERE)
    assert 17 < time.now < 18
    await other.on_rate_limited(LIST, MINE, HERE, None)
    await other.acquire(LIST, MINE, HERE)
    assert 17 + 60 < time.now < 18 + 61


async def test_a_wait_beyond_the_limit_raises_rate_limited_with_its_length(
    budgets: TokenBucketStore, time: Time
) -> None:
    chat = limiter(budgets, time, patience=30)
    await chat.on_rate_limited(LIST, MINE, HERE, 55)
    with pytest.raises(RateLimited) as caught:
        await chat.acquire(LIST, MINE, HERE)
    assert caught.value.retry_after_seconds == pytest.approx(55, abs=0.3)
    assert caught.value.sent is False
    assert time.slept == []


async def test_a_lease_that_was_not_used_in_time_is_not_used_at_all(time: Time) -> None:
    asked: list[int] = []

    class Counting(InMemoryTokenBuckets):
        async def lease(self, limits: Limits, wanted: int) -> tuple[int, float]:
            asked.append(wanted)
            return await super().lease(limits, wanted)

    one = limiter(Counting(time), time)
    await one.acquire(LIST, MINE, HERE)
    await one.acquire(LIST, MINE, HERE)
    assert asked == [BLOCK]
    time.now += 4
    await one.acquire(LIST, MINE, HERE)
    assert asked == [BLOCK, BLOCK]


@pytest.mark.parametrize("unreadable", ["opaque", "a.b.c", "a.bnVsbA.c", ""])
def test_a_token_without_claims_is_counted_alone_and_never_shown(unreadable: str) -> None:
    found = limits_of(LIST, unreadable, HERE)
    assert list(found.values()) == [SUBMITTALS, SUBMITTALS]
    assert not any(unreadable and unreadable in name for name in found)
    assert found != limits_of(LIST, unreadable + "x", HERE)
    assert found != limits_of(LIST, unreadable, "http://127.0.0.1:8788")


class MovedByAll(Clock):
    """A sandbox's clock that processes move by writing to memory that they share with it."""

    def __init__(self) -> None:
        super().__init__(START)
        self.shared: Synchronized[float] = CONTEXT.Value("d", 0.0)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.shared.value)


def test_processes_together_stay_under_the_limit_of_a_minute_and_meet_no_429(postgres_url: str) -> None:
    each, processes = 330, 2
    clock = MovedByAll()
    with acc_sandbox.running(clock=clock, rate_limits=True) as box, ExitStack() as stack:
        orders = Orders(
            base_url=box.base_url,
            token=box.token("manager", expires_in=10**6),
            database_url=postgres_url,
            project_id=box.project().id,
            requests=each,
        )
        started = [stack.enter_context(Process(main, orders, clock.shared)) for _ in range(processes)]
        assert [process.says() for process in started] == ["done"] * processes
        asked = [request for request in box.requests if request.operation == "users.me"]
        assert [request.status for request in asked] == [200] * each * processes
        moments = [datetime.fromisoformat(request.moment) for request in asked]
        for moment in moments:
            assert sum(moment <= other < moment + timedelta(minutes=1) for other in moments) <= SUBMITTALS.per_minute
        assert box.clock.now() - START > timedelta(minutes=1)
