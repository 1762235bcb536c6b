"""How many requests go out: never more than the limit in any minute, and all that the limit allows in the long run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acc.rate_limit import LEASE_SECONDS, RateLimit, TokenBucket, lease

pauses = st.floats(0, 30, allow_nan=False)
limits = st.builds(RateLimit, st.integers(10, 2000))
ONE = "one"


@given(limits, st.lists(st.tuples(pauses, st.integers(1, 20), st.floats(0, LEASE_SECONDS)), max_size=200))
def test_no_minute_sees_more_than_the_limit_wherever_it_begins_and_however_late_a_lease_is_used(
    limit: RateLimit, leases: list[tuple[float, int, float]]
) -> None:
    now, buckets = 0.0, {ONE: TokenBucket.full(limit, 0.0)}
    sent: list[float] = []
    for pause, wanted, late in leases:
        now += pause
        taken, _ = lease(buckets, {ONE: limit}, now, wanted)
        sent += [now + late] * taken
    sent.sort()
    for moment in sent:
        # A rounding error of a floating-point number is no request.
        assert sum(moment <= other < moment + 60 for other in sent) <= limit.per_minute


def sent_in(seconds: float, limit: RateLimit, wanted: int) -> int:
    """Requests that go out in `seconds` when each caller waits exactly as long as it was told."""
    now, sent, buckets = 0.0, 0, {ONE: TokenBucket.full(limit, 0.0)}
    while now <= seconds:
        taken, wait = lease(buckets, {ONE: limit}, now, wanted)
        assert bool(taken) == (wait == 0)
        if wait:
            assert lease(dict(buckets), {ONE: limit}, now + wait * 0.99, wanted)[0] == 0
        sent += taken
        now += wait + (1e-6 if wait else 0)
    return sent


@given(limits, st.integers(1, 20))
def test_the_wait_that_is_told_ends_with_a_token_and_not_before(limit: RateLimit, wanted: int) -> None:
    assert sent_in(10, limit, wanted) >= limit.capacity


@pytest.mark.parametrize("per_minute", [30, 120, 600])
def test_the_rate_of_tokens_is_the_limit_less_its_burst_over_a_minute_and_a_lease(per_minute: int) -> None:
    # What a caller may send in an hour, from the documented limit alone: the burst, then a steady rate.
    hour, burst = 3600.0, per_minute // 10
    steady = hour * (per_minute - burst) / (60 + LEASE_SECONDS)
    assert sent_in(hour, RateLimit(per_minute), 5) == pytest.approx(burst + steady, abs=2)


@given(limits, pauses)
def test_after_a_429_nothing_goes_out_before_its_retry_after(limit: RateLimit, pause: float) -> None:
    buckets = {ONE: TokenBucket.full(limit, 0.0).drained_until(0.0, pause)}
    taken, wait = lease(buckets, {ONE: limit}, 0.0, 5)
    assert taken == 0
    assert wait >= pause
    assert lease(buckets, {ONE: limit}, pause, 5)[0] == 0
    assert lease(buckets, {ONE: limit}, wait + 1e-6, 5)[0] == 1


def test_a_request_draws_on_all_its_buckets_or_on_none() -> None:
    app, person = RateLimit(600), RateLimit(600)
    buckets = {"app": TokenBucket(3, 0.0), "person": TokenBucket(0, 0.0)}
    assert lease(buckets, {"app": app, "person": person}, 0.0, 5)[0] == 0
    assert buckets == {"app": TokenBucket(3, 0.0), "person": TokenBucket(0, 0.0)}
    assert lease(buckets, {"app": app}, 0.0, 5) == (3, 0.0)


def test_a_clock_that_was_set_back_gives_nothing_away() -> None:
    limit = RateLimit(600)
    buckets = {ONE: TokenBucket(0.5, 1000.0)}
    assert lease(buckets, {ONE: limit}, 0.0, 5)[0] == 0
    assert buckets == {ONE: TokenBucket(0.5, 1000.0)}
