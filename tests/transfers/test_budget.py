"""How many requests go out: never more than the limit in any minute, and all that the limit allows in the long run."""

from hypothesis import given
from hypothesis import strategies as st

from transfers.budget import LEASE_SECONDS, Bucket, Limit, lease

pauses = st.floats(0, 30, allow_nan=False)
limits = st.builds(Limit, st.integers(10, 2000))
ONE = "one"


@given(limits, st.lists(st.tuples(pauses, st.integers(1, 20), st.floats(0, LEASE_SECONDS)), max_size=200))
def test_no_minute_sees_more_than_the_limit_wherever_it_begins_and_however_late_a_lease_is_used(
    limit: Limit, leases: list[tuple[float, int, float]]
) -> None:
    now, buckets = 0.0, {ONE: Bucket.full(limit, 0.0)}
    sent: list[float] = []
    for pause, wanted, late in leases:
        now += pause
        taken, _ = lease(buckets, {ONE: limit}, now, wanted)
        sent += [now + late] * taken
    sent.sort()
    for moment in sent:
        # A rounding error of a floating-point number is no request.
        assert sum(moment <= other < moment + 60 for other in sent) <= limit.per_minute


@given(limits, st.integers(1, 20))
def test_whoever_waits_as_long_as_told_gets_a_token(limit: Limit, wanted: int) -> None:
    now, buckets = 0.0, {ONE: Bucket.full(limit, 0.0)}
    waited = taken = 0.0
    while waited < 10:
        got, wait = lease(buckets, {ONE: limit}, now, wanted)
        assert bool(got) == (wait == 0)
        taken += got
        now, waited = now + wait + 1e-6, waited + wait
    assert taken >= limit.capacity
    assert taken <= limit.capacity + limit.rate * (now + 1)


@given(limits, pauses)
def test_after_a_429_nothing_goes_out_before_its_retry_after(limit: Limit, pause: float) -> None:
    buckets = {ONE: Bucket.full(limit, 0.0).emptied(0.0, pause)}
    taken, wait = lease(buckets, {ONE: limit}, 0.0, 5)
    assert taken == 0
    assert wait >= pause
    assert lease(buckets, {ONE: limit}, pause, 5)[0] == 0
    assert lease(buckets, {ONE: limit}, wait + 1e-6, 5)[0] == 1


def test_a_request_draws_on_all_its_buckets_or_on_none() -> None:
    app, person = Limit(600), Limit(600)
    buckets = {"app": Bucket(3, 0.0), "person": Bucket(0, 0.0)}
    assert lease(buckets, {"app": app, "person": person}, 0.0, 5)[0] == 0
    assert buckets == {"app": Bucket(3, 0.0), "person": Bucket(0, 0.0)}
    assert lease(buckets, {"app": app}, 0.0, 5) == (3, 0.0)


def test_a_clock_that_was_set_back_gives_nothing_away() -> None:
    limit = Limit(600)
    buckets = {ONE: Bucket(0.5, 1000.0)}
    assert lease(buckets, {ONE: limit}, 0.0, 5)[0] == 0
    assert buckets == {ONE: Bucket(0.5, 1000.0)}
