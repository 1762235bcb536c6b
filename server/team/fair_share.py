"""Fair sharing of the app's rate limit among the users of a team server.

Requests that have to wait are served by start-time fair queueing: while one person waits alone, all of the rate is
theirs; with n of them each is served in turn. No user starves, however many requests another has.
"""

import heapq
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count

import anyio

from acc.errors import RateLimited
from acc.rate_limit import DEFAULT_PAUSE_SECONDS, PATIENCE_SECONDS, Limits, TokenBucketStore, limits_of


@dataclass(order=True)
class _QueuedRequest:
    tag: float
    number: int
    woken: anyio.Event = field(default_factory=anyio.Event, compare=False)


class FairQueue:
    """Gives the tokens of one set of buckets to users in turn."""

    def __init__(self, clock: Callable[[], float], patience: float) -> None:
        self._clock = clock
        self._patience = patience
        self._waiting: list[_QueuedRequest] = []
        self._numbers = count()
        self._virtual = 0.0
        self._last: dict[str, float] = {}

    async def acquire(self, subject: str, lease: Callable[[], Awaitable[float]], rate: float, operation: str) -> None:
        """Wait for a token; `lease` takes one and returns 0, or returns the seconds to wait.

        Raises:
            RateLimited: It would take longer than the patience; it says how long.
        """
        gives_up = self._clock() + self._patience
        tag = max(self._virtual, self._last.get(subject, 0.0)) + 1
        self._last[subject] = tag
        waiter = _QueuedRequest(tag, next(self._numbers))
        heapq.heappush(self._waiting, waiter)
        try:
            while True:
                ahead = sum(1 for other in self._waiting if other < waiter)
                wait = ahead / rate if ahead else await lease()
                if not ahead and wait == 0:
                    self._virtual = max(self._virtual, tag)
                    return
                await self._wait(waiter, wait, operation, gives_up, first=not ahead)
        except BaseException:
            self._last[subject] = min(self._last[subject], tag - 1)  # what was not used costs nothing
            raise
        finally:
            self._waiting.remove(waiter)
            heapq.heapify(self._waiting)
            if self._waiting:
                self._waiting[0].woken.set()
            else:
                self._last.clear()
                self._virtual = 0.0

    async def _wait(
        self, waiter: _QueuedRequest, seconds: float, operation: str, gives_up: float, *, first: bool
    ) -> None:
        """Wait as long as the bucket asks for; one who is not first, until its turn or its patience is over."""
        if self._clock() + seconds > gives_up:
            raise RateLimited(operation, retry_after_seconds=math.ceil(seconds * 10) / 10)
        if waiter.woken.is_set():
            waiter.woken = anyio.Event()
        with anyio.move_on_after(max(seconds, 0.001) if first else self._patience):
            await waiter.woken.wait()


class FairRateLimiter:
    """Shares out the buckets of one app; `for_person` is what a person's connection asks."""

    def __init__(
        self,
        budgets: TokenBucketStore,
        *,
        patience: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.budgets = budgets
        self._patience = patience
        self._clock = clock
        self._queues: dict[str, FairQueue] = {}

    def for_person(self, subject: str) -> "PersonShare":
        """Return the share of a person."""
        return PersonShare(self, subject)

    async def acquire(self, subject: str, limits: Limits, operation: str) -> None:
        """Wait until a request of a person may be sent; see `FairQueue.acquire`."""
        app = next(iter(limits))

        async def lease() -> float:
            tokens, wait = await self.budgets.lease(limits, 1)
            return 0.0 if tokens else wait

        queue = self._queues.setdefault(app, FairQueue(self._clock, self._patience))
        await queue.acquire(subject, lease, limits[app].rate, operation)


@dataclass(frozen=True)
class PersonShare:
    """Rate limiter that `acc.connection` asks before it sends for one user."""

    share: FairRateLimiter
    subject: str

    async def acquire(self, operation: str, token: str, base_url: str) -> None:
        """Wait until a request may be sent.

        Raises:
            RateLimited: That would take too long.
            StorageProblem: The database cannot be used.
        """
        if limits := limits_of(operation, token, base_url):
            await self.share.acquire(self.subject, limits, operation)

    async def on_rate_limited(self, operation: str, token: str, base_url: str, retry_after: float | None) -> None:
        """Make all users wait after a 429.

        Raises:
            StorageProblem: The database cannot be used.
        """
        if limits := limits_of(operation, token, base_url):
            await self.share.budgets.empty(limits, DEFAULT_PAUSE_SECONDS if retry_after is None else retry_after)
