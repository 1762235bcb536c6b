"""Rate limiting of requests to Autodesk: token buckets, as a pure function of time, and the limiter that draws on them.

Autodesk counts a minute's requests, and does not say from when to when (fact sheet 11). So a bucket keeps every minute,
wherever it begins, under the limit: what it holds when full, and what comes back in a minute and the life of a lease,
are together what the limit allows. A token that was leased is used within that life or not at all.

Requests of the Submittals API are counted for the app and for the person, those of storage for the app (fact sheet 11).
All processes share the buckets; each leases a few tokens at once, so that not every request asks the database.
"""

import hashlib
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import anyio

from acc.errors import RateLimited
from acc.ids import unverified_claims

LEASE_SECONDS: Final = 5.0
"""From a lease to the moment its last token's request is counted at Autodesk."""

_BURST: Final = 10
"""One in so many of a minute's requests may go out at once after a pause."""


class BucketLimit(Protocol):
    """Size of a token bucket, and how fast it fills."""

    @property
    def capacity(self) -> int:
        """Tokens of a full bucket."""

    @property
    def rate(self) -> float:
        """Tokens that come back in a second."""


@dataclass(frozen=True)
class RateLimit:
    """A limit in requests per minute, over all senders."""

    per_minute: int

    @property
    def capacity(self) -> int:
        """Tokens of a full bucket."""
        return max(1, self.per_minute // _BURST)

    @property
    def rate(self) -> float:
        """Tokens that come back in a second."""
        return (self.per_minute - self.capacity) / (60 + LEASE_SECONDS)


@dataclass(frozen=True)
class TokenBucket:
    """A token bucket as of the time `at`, in seconds of any clock; a future `at` means empty until then."""

    tokens: float
    at: float

    @classmethod
    def full(cls, limit: BucketLimit, now: float) -> "TokenBucket":
        """Return a full bucket."""
        return cls(limit.capacity, now)

    def refilled(self, limit: BucketLimit, now: float) -> "TokenBucket":
        """Return it as it is now. A clock that was set back adds nothing until it has caught up."""
        if now <= self.at:
            return self
        return TokenBucket(min(limit.capacity, self.tokens + (now - self.at) * limit.rate), now)

    def wait(self, limit: BucketLimit, now: float) -> float:
        """Return the seconds until there is a token; 0 if there is one."""
        if self.tokens >= 1:
            return 0.0
        return max(0.0, self.at - now) + (1 - self.tokens) / limit.rate

    def without(self, tokens: int) -> "TokenBucket":
        """Return it after some were taken."""
        return TokenBucket(self.tokens - tokens, self.at)

    def drained_until(self, now: float, seconds: float) -> "TokenBucket":
        """Return it after Autodesk has asked for a pause: nothing is in it, and nothing comes back before its end."""
        return TokenBucket(0.0, max(self.at, now + seconds))


def lease(buckets: dict[str, TokenBucket], limits: "Limits", now: float, wanted: int) -> tuple[int, float]:
    """Take the same number of tokens from every bucket, as many as are `wanted` and in all of them.

    Changes `buckets`. Returns how many were taken, and with none of them the seconds to wait.
    """
    for name, limit in limits.items():
        buckets[name] = buckets[name].refilled(limit, now)
    wait = max(buckets[name].wait(limit, now) for name, limit in limits.items())
    if wait > 0:
        return 0, wait
    taken = min(wanted, *(math.floor(buckets[name].tokens) for name in limits))
    for name in limits:
        buckets[name] = buckets[name].without(taken)
    return taken, 0.0


BLOCK: Final = 5
"""Tokens of one lease: what a process that dies, or has nothing more to send, wastes at most."""

KEPT_SECONDS: Final = 3.0
"""How long a process uses a lease; the rest of its life is for requests on their way (`LEASE_SECONDS`)."""

DEFAULT_PAUSE_SECONDS: Final = 60.0
"""After a 429 that names no time: the limits are counted by the minute."""

PATIENCE_SECONDS: Final = 30.0
"""The longest wait for a token; a request that would wait longer fails with `RateLimited`."""

SHORTEST_SECONDS: Final = 0.001
"""No wait is shorter: what floating-point numbers are off by is less than a clock can tell."""

SUBMITTALS: Final = RateLimit(600)
STORAGE: Final = RateLimit(1000)

Limits = Mapping[str, BucketLimit]
"""Buckets by their names."""


class TokenBucketStore(Protocol):
    """Store of token buckets."""

    async def lease(self, limits: Limits, wanted: int) -> tuple[int, float]:
        """Take tokens from all of some buckets; see `lease`."""

    async def empty(self, limits: Limits, seconds: float) -> None:
        """Close the buckets for some seconds."""


class InMemoryTokenBuckets:
    """Buckets of this process alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, TokenBucket] = {}

    async def lease(self, limits: Limits, wanted: int) -> tuple[int, float]:
        """See `TokenBucketStore`."""
        now = self._clock()
        for name, limit in limits.items():
            self._buckets.setdefault(name, TokenBucket.full(limit, now))
        return lease(self._buckets, limits, now, wanted)

    async def empty(self, limits: Limits, seconds: float) -> None:
        """See `TokenBucketStore`."""
        now = self._clock()
        for name, limit in limits.items():
            self._buckets[name] = self._buckets.get(name, TokenBucket.full(limit, now)).drained_until(now, seconds)


@dataclass
class _TokenLease:
    tokens: int
    until: float


class RateLimiter:
    """Rate limiter that `acc.connection` asks before each request.

    `clock` and `sleep` are those of leases in this process; the buckets have their own.
    """

    def __init__(
        self,
        budgets: TokenBucketStore,
        *,
        patience: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = anyio.sleep,
    ) -> None:
        self._budgets = budgets
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._leases: dict[tuple[str, ...], _TokenLease] = {}
        self._asking: dict[tuple[str, ...], anyio.Lock] = {}

    async def acquire(self, operation: str, token: str, base_url: str) -> None:
        """Wait until a request may be sent.

        Raises:
            RateLimited: Its turn is too far away; the error says when.
            StorageProblem: The database cannot be used.
        """
        limits = limits_of(operation, token, base_url)
        if not limits:
            return
        names = tuple(limits)
        gives_up = self._clock() + self._patience
        async with self._asking.setdefault(names, anyio.Lock()):
            while not self._use(names):
                leased = self._clock()
                tokens, wait = await self._budgets.lease(limits, BLOCK)
                if tokens:
                    self._leases[names] = _TokenLease(tokens, leased + KEPT_SECONDS)
                elif self._clock() + wait > gives_up:
                    raise RateLimited(operation, retry_after_seconds=math.ceil(wait * 10) / 10)
                else:
                    await self._sleep(max(wait, SHORTEST_SECONDS))

    async def on_rate_limited(self, operation: str, token: str, base_url: str, retry_after: float | None) -> None:
        """Empty the buckets for every process, since Autodesk has answered 429.

        Raises:
            StorageProblem: The database cannot be used.
        """
        limits = limits_of(operation, token, base_url)
        if limits:
            self._leases.clear()
            await self._budgets.empty(limits, DEFAULT_PAUSE_SECONDS if retry_after is None else retry_after)

    def _use(self, names: tuple[str, ...]) -> bool:
        """Use a token of a lease, if there is one that is still good."""
        held = self._leases.get(names)
        if held is None or held.tokens == 0 or self._clock() > held.until:
            return False
        held.tokens -= 1
        return True


def limits_of(operation: str, token: str, base_url: str) -> dict[str, RateLimit]:
    """Return the buckets that a request draws on; none for operations whose limits are far away.

    Whose request it is, the token itself says (fact sheet 10); of one that says nothing, it is the token's own.
    """
    area = operation.partition(".")[0]
    if area not in ("submittals", "oss"):
        return {}
    claims = unverified_claims(token)
    client, person = claims.get("client_id"), claims.get("userid") or claims.get("sub")
    app = _name("app", base_url, str(client or token))
    if area == "oss":
        return {f"storage {app}": STORAGE}
    return {
        f"submittals {app}": SUBMITTALS,
        f"submittals {_name('person', base_url, str(person or token))}": SUBMITTALS,
    }


def _name(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
