"""Limits of requests: of one person's tool calls on every kind of server, and by address before sign-in.

They are counted in each process, so windows that a person has open side by side allow as many times more. Replicas of
a team server count together: `server.team.request_limits`.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from acc.rate_limit import TokenBucket
from tools.errors.exceptions import RetryHint, TooManyCalls

CALLS_PER_MINUTE: Final = 120
WRITES_PER_MINUTE: Final = 30
"""More than a person and an assistant do together; an assistant that goes round in circles does."""

_MOST_KEYS: Final = 50_000


class RequestQuota:
    """A token bucket a key: `count` requests in `seconds`, all of which may come at once."""

    def __init__(self, count: int, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._count = count
        self._rate = count / seconds
        self._clock = clock
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, key: str) -> float:
        """Use one request of a key; return 0, or the seconds after which there is one again."""
        now = self._clock()
        bucket = self._buckets.pop(key, TokenBucket(self._count, now))
        tokens = min(self._count, bucket.tokens + max(0.0, now - bucket.at) * self._rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate
        self._buckets[key] = TokenBucket(tokens - 1 if wait == 0 else tokens, now)
        if len(self._buckets) > _MOST_KEYS:
            self._buckets.popitem(last=False)
        return wait


class CallQuota:
    """How many tools one person may call in a minute, and how many of those may change something."""

    def __init__(
        self,
        calls: int = CALLS_PER_MINUTE,
        writes: int = WRITES_PER_MINUTE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = RequestQuota(calls, clock=clock)
        self._writes = RequestQuota(writes, clock=clock)

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
