"""Retry of failed requests: a pure policy, and the small loop that obeys it.

A read, or a write that leaves the same when done twice, is repeated after any passing failure. A request that creates
something is repeated only where it was certainly not carried out: after a 429, or when no connection was made. Every
other doubt is left to the caller, who reads `AccError.sent` (fact sheet 11: there are no idempotency keys).
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from acc.errors import AccError, RateLimited

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetryPolicy:
    """Retry policy: attempts, backoff and deadline. Times are in seconds.

    Attributes:
        attempts: how often a request is sent at most.
        base: the first pause is at most this long; each next one at most twice as long as the one before.
        cap: no pause is longer, but for one that the service asked for.
        retry_after_cap: a service that asks for a longer pause is not waited for; the error says how long it is.
        deadline: no attempt starts later than this after the first. What is under way then may end.
    """

    attempts: int = 5
    base: float = 0.5
    cap: float = 8.0
    retry_after_cap: float = 30.0
    deadline: float = 60.0

    def pause(
        self, error: AccError, *, idempotent: bool, attempt: int, elapsed: float, random: Callable[[], float]
    ) -> float | None:
        """Seconds to wait before attempt number `attempt + 1`, or None to give up.

        Full jitter: anything from nothing to the current bound is equally likely, so that many clients that failed
        together do not come back together. A pause the service asked for is kept in full and jittered on top.
        """
        if attempt >= self.attempts or not is_retry_safe(error, idempotent=idempotent):
            return None
        jitter = random() * min(self.cap, self.base * 2 ** (attempt - 1))
        asked = error.retry_after_seconds
        if asked is not None and asked > self.retry_after_cap:
            return None
        pause = jitter if asked is None else asked + min(jitter, self.base)
        return pause if elapsed + pause <= self.deadline else None


def is_retry_safe(error: AccError, *, idempotent: bool) -> bool:
    """Whether sending the request again can help and cannot do harm."""
    if isinstance(error, RateLimited):
        return True
    return error.retryable and (idempotent or not error.sent)


async def retrying(
    attempt: Callable[[], Awaitable[T]],
    *,
    idempotent: bool,
    policy: RetryPolicy,
    sleep: Callable[[float], Awaitable[object]],
    random: Callable[[], float],
    clock: Callable[[], float],
) -> T:
    """Call `attempt` until it succeeds or the policy gives up.

    Raises:
        AccError: the last failure; its `sent` is true if any of the attempts may have been carried out.
    """
    started = clock()
    sent = False
    number = 0
    while True:
        number += 1
        try:
            return await attempt()
        except AccError as error:
            elapsed = clock() - started
            pause = policy.pause(error, idempotent=idempotent, attempt=number, elapsed=elapsed, random=random)
            sent = error.sent = error.sent or sent
            if pause is None:
                raise
            _log.info("attempt %d failed, next in %.1f s: %s", number, pause, error)
        await sleep(pause)
