"""The pace of requests to Autodesk: every process draws on buckets that all of them have in common.

Requests of the Submittals API are counted for the app and for the person, those of storage for the app (fact sheet 11).
A process leases a few tokens at once, so that not every request asks the database.
"""

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import anyio

from acc.errors import RateLimited
from acc.rate_limit import RateLimit, TokenBucket, lease
from acc.token_claims import unverified_claims

BLOCK: Final = 5
"""Tokens of one lease: what a process that dies, or has nothing more to send, wastes at most."""

KEPT_SECONDS: Final = 3.0
"""How long a process uses a lease; the rest of its life is for requests on their way (`budget.LEASE_SECONDS`)."""

DEFAULT_PAUSE_SECONDS: Final = 60.0
"""After a 429 that names no time: the limits are counted by the minute."""

PATIENCE_SECONDS: Final = 30.0
"""Whoever has to wait longer for a turn is told so instead."""

SHORTEST_SECONDS: Final = 0.001
"""No wait is shorter: what floating-point numbers are off by is less than a clock can tell."""

SUBMITTALS: Final = RateLimit(600)
STORAGE: Final = RateLimit(1000)

Limits = Mapping[str, RateLimit]
"""Buckets by their names."""


class TokenBucketStore(Protocol):
    """Where the buckets are."""

    async def lease(self, limits: Limits, wanted: int) -> tuple[int, float]:
        """Take tokens from all of some buckets; see `budget.lease`."""

    async def empty(self, limits: Limits, seconds: float) -> None:
        """Let nobody take anything from them for some seconds."""


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
        return lease(self._buckets, dict(limits), now, wanted)

    async def empty(self, limits: Limits, seconds: float) -> None:
        """See `TokenBucketStore`."""
        now = self._clock()
        for name, limit in limits.items():
            self._buckets[name] = self._buckets.get(name, TokenBucket.full(limit, now)).drained_until(now, seconds)


@dataclass
class _Lease:
    tokens: int
    until: float


class RateLimiter:
    """Lets requests go when it is their turn; what `acc.connection` asks before it sends.

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
        self._leases: dict[tuple[str, ...], _Lease] = {}
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
                    self._leases[names] = _Lease(tokens, leased + KEPT_SECONDS)
                elif self._clock() + wait > gives_up:
                    raise RateLimited(operation, retry_after_seconds=round(wait, 1))
                else:
                    await self._sleep(max(wait, SHORTEST_SECONDS))

    async def on_rate_limited(self, operation: str, token: str, base_url: str, retry_after: float | None) -> None:
        """Let every process hold back, since Autodesk has answered 429.

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
    """Return the buckets that a request draws on; none for operations whose limits nobody comes near.

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
