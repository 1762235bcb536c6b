"""Limits of requests: of one person's tool calls on every kind of server, and by address before sign-in.

They are counted in each process, so windows that a person has open side by side allow as many times more. Replicas of
a team server count together: `server.team.request_limits`.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from acc.rate_limit import TokenBucket
from tools.errors.exceptions import RetryHint, TooManyCalls

CALLS_PER_MINUTE: Final = 120
WRITES_PER_MINUTE: Final = 30
"""More than a person and an assistant do together; an assistant that goes round in circles does."""

_MOST_KEYS: Final = 50_000


@dataclass(frozen=True)
class QuotaLimit:
    """A number of requests in `seconds`, all of which may come at once; an `acc.rate_limit.BucketLimit`."""

    capacity: int
    seconds: float = 60.0

    @property
    def rate(self) -> float:
        """Requests that come back in a second."""
        return self.capacity / self.seconds


class RequestQuota:
    """Quota by key: one token bucket for each."""

    def __init__(self, limit: QuotaLimit, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._clock = clock
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, key: str) -> float:
        """Use one request of a key; return 0, or the seconds after which there is one again."""
        now = self._clock()
        bucket = self._buckets.pop(key, TokenBucket.full(self._limit, now)).refilled(self._limit, now)
        wait = bucket.wait(self._limit, now)
        self._buckets[key] = bucket if wait else bucket.without(1)
        if len(self._buckets) > _MOST_KEYS:
            self._buckets.popitem(last=False)
        return wait


class CallQuota:
    """Quota of one person's tool calls in a minute, and of those that may change something."""

    def __init__(
        self,
        calls: int = CALLS_PER_MINUTE,
        writes: int = WRITES_PER_MINUTE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = RequestQuota(QuotaLimit(calls), clock)
        self._writes = RequestQuota(QuotaLimit(writes), clock)

    def take(self, person: str, *, writes: bool) -> TooManyCalls | None:
        """Count one call, and return what it is refused with; None while there have not been too many."""
        wait = max(quota.take(person) for quota in ((self._calls, self._writes) if writes else (self._calls,)))
        if wait == 0:
            return None
        problem = TooManyCalls(
            "There were too many tool calls in the last minute; this one was not carried out.",
            "Call {tool} again after retry_after_seconds. Calls that wait (wait_seconds) or list more at once (limit) "
            "need fewer.",
            "Run the same command again in a minute.",
            again=RetryHint(),
        )
        problem.retry_after_seconds = math.ceil(wait * 10) / 10
        return problem
