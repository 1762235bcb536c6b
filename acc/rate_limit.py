"""How many requests may be sent: a bucket of tokens, as a pure function of time.

Autodesk counts a minute's requests, and does not say from when to when (fact sheet 11). So a bucket keeps every minute,
wherever it begins, under the limit: what it holds when full, and what comes back in a minute and the life of a lease,
are together what the limit allows. A token that was leased is used within that life or not at all.
"""

import math
from dataclasses import dataclass
from typing import Final

LEASE_SECONDS: Final = 5.0
"""From a lease to the moment its last token's request is counted at Autodesk."""

_BURST: Final = 10
"""One in so many of a minute's requests may go out at once after a pause."""


@dataclass(frozen=True)
class RateLimit:
    """So many requests a minute, whoever sends them."""

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
    """What was there at a moment, in seconds of any clock. A moment to come means: closed until then, and empty."""

    tokens: float
    at: float

    @classmethod
    def full(cls, limit: RateLimit, now: float) -> "TokenBucket":
        """Return a bucket that nobody has taken from."""
        return cls(limit.capacity, now)

    def refilled(self, limit: RateLimit, now: float) -> "TokenBucket":
        """Return it as it is now. A clock that was set back adds nothing until it has caught up."""
        if now <= self.at:
            return self
        return TokenBucket(min(limit.capacity, self.tokens + (now - self.at) * limit.rate), now)

    def wait(self, limit: RateLimit, now: float) -> float:
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


def lease(buckets: dict[str, TokenBucket], limits: dict[str, RateLimit], now: float, wanted: int) -> tuple[int, float]:
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
