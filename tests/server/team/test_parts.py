"""The parts of a team server by themselves: scopes of requests, limits, fair shares, services by person, options."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from acc.errors import RateLimited
from acc.rate_limit import InMemoryTokenBuckets, Limits
from persistence.errors import DatabaseUnreachable
from server.team.fair_share import FairQueue, FairRateLimiter
from server.team.options import TeamOptions
from server.team.request_limits import CallerAddress, SharedQuota
from server.team.required_scopes import required_scope
from server.team.services_pool import ServicesPool
from tools.core.context import Services
from tools.core.registry import definitions
from tools.core.request_quota import QuotaLimit, RequestQuota


def call(tool: object, **arguments: object) -> dict[str, object]:
    return {"method": "tools/call", "params": {"name": tool, "arguments": arguments}}


@pytest.mark.parametrize(
    ("message", "scope"),
    [
        (call("sign_in"), None),
        (call("find_submittals"), "submittals:read"),
        (call("get_submittal"), "submittals:read"),
        (call("download_attachments"), "submittals:read"),
        (call("a tool of tomorrow"), "submittals:read"),
        (call("add_submittal_attachment"), "submittals:attach"),
        (call("confirm_attachment"), "submittals:attach"),
        (call("attach_files"), "submittals:read"),
        (call("attach_files", check_only=True), "submittals:read"),
        (call("attach_files", check_only=None), "submittals:read"),
        (call("attach_files", check_only=False), "submittals:attach"),
        (call("attach_files", check_only=0), "submittals:attach"),
        (call("attach_files", check_only="false"), "submittals:attach"),
        (call("move_submittal", check_only=False), "submittals:move"),
        (call("move_submittal"), "submittals:read"),
        ({"method": "resources/read"}, "submittals:read"),
        ({"method": "tasks/cancel"}, "submittals:attach"),
        ({"method": "tools/list"}, None),
        ({"method": "tools/call"}, None),
        ({"method": "tools/call", "params": []}, None),
        ({"method": 7}, None),
        ("text", None),
        (None, None),
    ],
)
def test_a_request_needs_the_scope_of_what_it_would_do(message: object, scope: str | None) -> None:
    assert required_scope(message) == scope


def test_every_tool_that_writes_needs_more_than_reading() -> None:
    for one in definitions(local_files=False):
        needed = required_scope(call(one.name, check_only=False))
        assert (needed not in (None, "submittals:read")) is one.writes, one.name


def request(client: str, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return Request({"type": "http", "client": (client, 1), "headers": headers})


@pytest.mark.parametrize(
    ("found", "address"),
    [
        (request("203.0.113.7"), "203.0.113.7"),
        (request("203.0.113.7", "198.51.100.1"), "203.0.113.7"),  # it is not trusted
        (request("10.0.0.1", "198.51.100.1"), "198.51.100.1"),
        (request("10.0.0.1", "192.0.2.9, 198.51.100.1"), "198.51.100.1"),  # the first was the caller's own claim
        (request("10.0.0.1", "192.0.2.9", "198.51.100.1, 10.0.0.2"), "198.51.100.1"),
        (request("10.0.0.1", "nonsense"), "unknown"),
        (request("10.0.0.1"), "10.0.0.1"),
        (request("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64"),
    ],
)
def test_a_forwarded_address_is_believed_from_trusted_proxies_alone(found: Request, address: str) -> None:
    assert CallerAddress((ip_network("10.0.0.0/8"),)).of(found) == address


def test_a_quota_fills_again_and_is_each_callers_own() -> None:
    now = [0.0]
    quota = RequestQuota(QuotaLimit(3), lambda: now[0])
    assert [quota.take("a") for _ in range(3)] == [0.0] * 3
    assert quota.take("a") == pytest.approx(20.0)
    assert quota.take("b") == 0.0
    now[0] += 20.0
    assert quota.take("a") == 0.0
    assert quota.take("a") > 0


@given(st.lists(st.floats(0, 30), max_size=60))
def test_no_minute_lets_more_than_twice_a_quota_through(pauses: list[float]) -> None:
    now, let = [0.0], []
    quota = RequestQuota(QuotaLimit(5), lambda: now[0])
    for pause in pauses:
        now[0] += pause
        if quota.take("a") == 0:
            let.append(now[0])
    assert all(sum(start <= one < start + 60 for one in let) <= 10 for start in let)


async def test_replicas_count_the_requests_of_a_caller_together() -> None:
    now = [0.0]
    buckets = InMemoryTokenBuckets(lambda: now[0])
    one, other = (SharedQuota("calls", QuotaLimit(4), buckets, lambda: now[0]) for _ in range(2))
    assert [await quota.take("a") for quota in (one, other, one, other)] == [0.0] * 4
    assert await one.take("a") == pytest.approx(15.0)
    assert await other.take("a") == pytest.approx(15.0)
    assert await SharedQuota("writes", QuotaLimit(4), buckets).take("a") == 0.0
    assert await one.take("b") == 0.0
    now[0] = 15.0
    assert await other.take("a") == 0.0
    assert await one.take("a") > 0


async def test_a_flood_of_refused_requests_asks_the_database_nothing() -> None:
    class Counted(InMemoryTokenBuckets):
        asked = 0

        async def lease(self, limits: Limits, wanted: int) -> tuple[int, float]:
            self.asked += 1
            return await super().lease(limits, wanted)

    buckets = Counted(lambda: 0.0)
    quota = SharedQuota("token", QuotaLimit(3), buckets, lambda: 0.0)
    refused = [await quota.take("a") > 0 for _ in range(100)]
    assert refused == [False] * 3 + [True] * 97
    assert buckets.asked == 3


async def test_while_the_database_is_away_each_replica_counts_for_itself() -> None:
    class Away(InMemoryTokenBuckets):
        async def lease(self, limits: Limits, wanted: int) -> tuple[int, float]:
            raise DatabaseUnreachable("postgresql://db/x")

    quota = SharedQuota("token", QuotaLimit(2), Away(), lambda: 0.0)
    assert [await quota.take("a") > 0 for _ in range(3)] == [False, False, True]


class Metered:
    """A bucket that gives a token when it is told to, and a clock that stands still."""

    def __init__(self) -> None:
        self.now = 0.0
        self.tokens = 0
        self.served: list[str] = []

    async def lease(self) -> float:
        if self.tokens:
            self.tokens -= 1
            return 0.0
        return 0.01


async def test_requests_of_many_people_are_served_by_turns(anyio_backend: str) -> None:
    metered = Metered()
    queue = FairQueue(lambda: metered.now, 1e9)

    async def ask(person: str) -> None:
        await queue.acquire(person, metered.lease, 10.0, "submittals.items")
        metered.served.append(person)

    with anyio.fail_after(120):
        async with anyio.create_task_group() as group:
            for person in ("a", "a", "a", "a", "b", "c", "b"):
                group.start_soon(ask, person)
                await anyio.wait_all_tasks_blocked()
            for count in range(1, 8):
                metered.tokens = 1
                while len(metered.served) < count:
                    await anyio.lowlevel.checkpoint()
    assert metered.served[:3] == ["a", "b", "c"]
    assert metered.served[3:5] == ["a", "b"]
    assert metered.served[5:] == ["a", "a"]


async def test_a_busy_person_at_one_replica_starves_no_one_at_another() -> None:
    """Replicas draw on the same buckets, and each serves its own people by turns."""
    buckets, limits = InMemoryTokenBuckets(), {"app": QuotaLimit(1, seconds=0.005)}
    busy, other = (FairRateLimiter(buckets, patience=1e9) for _ in range(2))
    served: list[str] = []

    async def ask(share: FairRateLimiter, person: str) -> None:
        await share.acquire(person, limits, "submittals.items")
        served.append(person)

    with anyio.fail_after(120):
        async with anyio.create_task_group() as group:
            for share, person in [(busy, "busy")] * 60 + [(other, f"p{number}") for number in range(5)]:
                group.start_soon(ask, share, person)
    assert len(served) == 65
    assert max(place for place, person in enumerate(served) if person != "busy") < 60, "they waited for its last one"


async def test_a_wait_beyond_the_patience_reports_its_length() -> None:
    share = FairRateLimiter(InMemoryTokenBuckets(lambda: 0.0), patience=5.0, clock=lambda: 0.0)
    limits = {"app": TWO_A_MINUTE}
    await share.acquire("a", limits, "submittals.items")
    with pytest.raises(RateLimited) as caught:
        await share.acquire("a", limits, "submittals.items")
    assert caught.value.retry_after_seconds is not None
    assert 5 < caught.value.retry_after_seconds < 70


async def test_a_cancelled_waiter_blocks_no_other_user() -> None:
    metered = Metered()
    queue = FairQueue(lambda: metered.now, 1e9)
    with anyio.fail_after(120):
        async with anyio.create_task_group() as group:

            async def waits() -> None:
                await queue.acquire("b", metered.lease, 10.0, "x")
                metered.served.append("b")

            with anyio.CancelScope() as gives_up:
                group.start_soon(waits)
                gives_up.cancel()
                await queue.acquire("a", metered.lease, 10.0, "x")
            metered.tokens = 1
    assert metered.served == ["b"]


def _limit() -> Any:
    from acc.rate_limit import RateLimit

    return RateLimit(2)


TWO_A_MINUTE = _limit()


class People:
    """Opens services by person and writes down who came and went."""

    def __init__(self, clock: list[float], **options: Any) -> None:
        self.open: list[str] = []
        self.opened = 0
        self.at_work: set[str] = set()
        self.fails = False
        self.pool = ServicesPool(
            self._open, is_at_work=lambda desk: str(desk) in self.at_work, clock=lambda: clock[0], **options
        )

    @asynccontextmanager
    async def _open(self, subject: str) -> AsyncIterator[Services]:
        if self.fails:
            raise OSError("no database")
        self.open.append(subject)
        self.opened += 1
        try:
            yield cast("Services", subject)
        finally:
            self.open.remove(subject)


async def test_services_are_opened_once_kept_while_used_and_closed_when_idle() -> None:
    clock = [0.0]
    people = People(clock, most=10, idle_seconds=60)
    async with people.pool.running():
        with people.pool.holding("a"):
            assert await people.pool.get("a") is await people.pool.get("a")
            clock[0] = 1000
            people.pool.close_idle()
            await anyio.wait_all_tasks_blocked()
            assert people.open == ["a"]
        clock[0] = 1059
        people.pool.close_idle()
        await anyio.wait_all_tasks_blocked()
        assert people.open == ["a"]
        people.at_work.add("a")
        clock[0] = 2000
        people.pool.close_idle()
        await anyio.wait_all_tasks_blocked()
        assert people.open == ["a"]
        people.at_work.clear()
        people.pool.close_idle()
        await anyio.wait_all_tasks_blocked()
        assert people.open == []
    assert people.opened == 1


async def test_of_too_many_people_the_one_idle_for_longest_makes_room() -> None:
    clock = [0.0]
    people = People(clock, most=2, idle_seconds=600)
    async with people.pool.running():
        for person in ("a", "b"):
            clock[0] += 1
            with people.pool.holding(person):
                await people.pool.get(person)
        with people.pool.holding("b"), people.pool.holding("c"):
            await people.pool.get("c")
            await anyio.wait_all_tasks_blocked()
            assert sorted(people.open) == ["b", "c"]
            with pytest.raises(RateLimited):
                await people.pool.get("d")
    assert people.open == []


async def test_a_failure_to_open_is_told_and_tried_again() -> None:
    people = People([0.0], most=2, idle_seconds=600)
    async with people.pool.running():
        people.fails = True
        with pytest.raises(OSError, match="no database"):
            await people.pool.get("a")
        people.fails = False
        assert await people.pool.get("a") == "a"


def test_options_come_from_the_team_table_and_are_strict(tmp_path: Path) -> None:
    assert TeamOptions.load(None).calls_per_minute == 120
    file = tmp_path / "settings.toml"
    file.write_text(
        '[team]\ncalls_per_minute = 7\ntrusted_proxies = ["10.0.0.0/8"]\nrefresh_token_days = 2\n'
        'origins = ["https://A.example/"]\n'
    )
    found = TeamOptions.load(file)
    assert found.origins == ("https://a.example",)
    assert (found.calls_per_minute, found.lives.refresh) == (7, 2 * 86400)
    for wrong, words in (
        ("[team]\ncalls = 7\n", r"team\.calls: no such option; \[team\] has .*calls_per_minute"),
        ('[team]\nteam_domains = ["a.example"]\n', r"team_domains: .* stands above it"),
        ("[team]\ncalls_per_minute = true\n", "team.calls_per_minute"),
        ('[team]\norigins = ["https://a.example/chat"]\n', "is not an origin; write https://HOST"),
        ('[team]\nredirect_schemes = ["myapp://"]\n', "'myapp://' is not the scheme of an app"),
        ('[team]\nredirect_schemes = ["javascript"]\n', "'javascript' is not the scheme of an app"),
        ("[team]\nsessions = 0\n", "sessions"),
        ('[team]\ntrusted_proxies = ["somewhere"]\n', "trusted_proxies"),
        ("[team]\norigins = ['\"https://a.example\"']\n", "team.origins: it is in quotes"),
        ('[team]\nredirect_schemes = ["${SCHEMES}"]\n', "team.redirect_schemes: "),
        ("team", "TOML"),
    ):
        file.write_text(wrong)
        with pytest.raises(ValueError, match=words):
            TeamOptions.load(file)
    with pytest.raises(ValueError, match="cannot be read"):
        TeamOptions.load(tmp_path / "none.toml")
