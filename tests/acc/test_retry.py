"""When a failed request is sent again, and after how long."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acc.errors import (
    AccError,
    Forbidden,
    NotFound,
    ProxyFailure,
    RateLimited,
    RequestRejected,
    ServiceUnavailable,
    StorageThrottled,
    Unauthorized,
    UnexpectedAnswer,
    UntrustedCertificate,
)
from acc.retry import RetryPolicy, is_retry_safe, retrying


def never_sent() -> ServiceUnavailable:
    return ServiceUnavailable("op", sent=False)


def doubtful() -> ServiceUnavailable:
    return ServiceUnavailable("op", sent=True)


@pytest.mark.parametrize(
    ("error", "when_idempotent", "when_creating"),
    [
        (never_sent(), True, True),
        (doubtful(), True, False),
        (RateLimited("op"), True, True),
        (StorageThrottled("op"), True, True),
        (ProxyFailure("op", sent=False), True, True),
        (RequestRejected("op"), False, False),
        (Unauthorized("op"), False, False),
        (Forbidden("op"), False, False),
        (NotFound("op"), False, False),
        (UntrustedCertificate("op"), False, False),
        (UnexpectedAnswer("op", problem="p", sent=True), False, False),
    ],
)
def test_a_create_is_retried_only_when_it_was_certainly_not_carried_out(
    error: AccError, when_idempotent: bool, when_creating: bool
) -> None:
    assert is_retry_safe(error, idempotent=True) is when_idempotent
    assert is_retry_safe(error, idempotent=False) is when_creating


@settings(deadline=None)
@given(attempt=st.integers(1, 12), random=st.floats(0, 1, exclude_max=True), elapsed=st.floats(0, 100))
def test_a_pause_is_jittered_below_a_bound_that_doubles_up_to_a_cap(
    attempt: int, random: float, elapsed: float
) -> None:
    policy = RetryPolicy(attempts=10)

    pause = policy.pause(never_sent(), idempotent=True, attempt=attempt, elapsed=elapsed, random=lambda: random)

    if pause is None:
        assert attempt >= 10 or elapsed + random * min(8.0, 0.5 * 2 ** (attempt - 1)) > 60
    else:
        assert pause == random * min(8.0, 0.5 * 2 ** (attempt - 1))
        assert elapsed + pause <= 60


@settings(deadline=None)
@given(
    asked=st.floats(0, 1000),
    attempt=st.integers(1, 4),
    random=st.floats(0, 1, exclude_max=True),
    elapsed=st.floats(0, 60),
)
def test_a_pause_the_service_asks_for_is_kept_in_full_or_not_begun(
    asked: float, attempt: int, random: float, elapsed: float
) -> None:
    error = RateLimited("op", retry_after_seconds=asked)

    pause = RetryPolicy().pause(error, idempotent=False, attempt=attempt, elapsed=elapsed, random=lambda: random)

    if pause is None:
        assert asked > 30 or elapsed + asked + 0.5 > 60
    else:
        assert asked <= pause <= asked + 0.5
        assert asked <= 30
        assert elapsed + pause <= 60


class Attempts:
    """Fails in the given ways, then succeeds."""

    def __init__(self, *errors: AccError) -> None:
        self.errors = list(errors)
        self.made = 0

    async def __call__(self) -> str:
        self.made += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


async def run(attempts: Attempts, clock, *, idempotent: bool = True, policy: RetryPolicy | None = None) -> str:
    return await retrying(
        attempts,
        idempotent=idempotent,
        policy=policy or RetryPolicy(),
        sleep=clock.sleep,
        random=lambda: 0.5,
        clock=clock,
    )


async def test_a_passing_failure_is_overcome(clock) -> None:
    attempts = Attempts(doubtful(), RateLimited("op", retry_after_seconds=3), never_sent())

    assert await run(attempts, clock) == "done"
    assert (attempts.made, clock.pauses) == (4, [0.25, 3.5, 1.0])


async def test_the_last_failure_is_told_after_the_last_attempt(clock) -> None:
    last = ServiceUnavailable("op", http_status=503)
    attempts = Attempts(*[ServiceUnavailable("op") for _ in range(4)], last)

    with pytest.raises(ServiceUnavailable) as caught:
        await run(attempts, clock)

    assert caught.value is last
    assert (attempts.made, len(clock.pauses)) == (5, 4)


async def test_no_attempt_begins_after_the_deadline(clock) -> None:
    attempts = Attempts(*[RateLimited("op", retry_after_seconds=25) for _ in range(5)])

    with pytest.raises(RateLimited):
        await run(attempts, clock)

    assert attempts.made == 3
    assert clock.now <= 60


async def test_a_doubt_about_an_earlier_attempt_is_not_forgotten(clock) -> None:
    attempts = Attempts(ServiceUnavailable("op", sent=True), RequestRejected("op", sent=False))

    with pytest.raises(RequestRejected) as caught:
        await run(attempts, clock)

    assert caught.value.sent is True


async def test_an_error_of_a_request_that_was_never_sent_says_so(clock) -> None:
    attempts = Attempts(RateLimited("op"), ServiceUnavailable("op", sent=False), Forbidden("op"))

    with pytest.raises(Forbidden) as caught:
        await run(attempts, clock, idempotent=False)

    assert caught.value.sent is False


async def test_an_error_that_is_not_ours_passes_through(clock) -> None:
    async def broken() -> str:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        await retrying(
            broken, idempotent=True, policy=RetryPolicy(), sleep=clock.sleep, random=lambda: 0.5, clock=clock
        )
    assert clock.pauses == []
