"""What was looked up a moment ago."""

from acc.client import AccClient
from acc.hosts import AutodeskHosts
from auth.oauth import StaticTokenSource
from tools.lookup.projects import KEEP_SECONDS, PersonCache, TtlCache


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_value_is_used_again_for_a_minute_from_when_it_was_kept_last():
    clock = Clock()
    kept = TtlCache[str](clock=clock)
    kept.keep("old", "b.1", "item")
    clock.now += KEEP_SECONDS - 1
    assert kept.keep("new", "b.1", "item") == "new"
    clock.now += KEEP_SECONDS - 1
    assert (kept.get("b.1", "item"), kept.get("b.1")) == ("new", None)
    clock.now += 1
    assert kept.get("b.1", "item") is None


def test_a_value_may_be_kept_for_longer():
    clock = Clock()
    kept = TtlCache[str](clock=clock, seconds=600)
    kept.keep("names", "project")
    clock.now += 599
    assert kept.get("project") == "names"
    clock.now += 1
    assert kept.get("project") is None


def test_beyond_the_most_the_value_that_was_kept_for_longest_goes():
    kept = TtlCache[int](2, Clock())
    for value, name in enumerate(("first", "second", "first", "third")):
        kept.keep(value, name)
    assert [kept.get(name) for name in ("first", "second", "third")] == [2, None, 3]


async def test_a_value_is_fetched_once_in_its_lifetime_however_often_it_is_asked_for() -> None:
    clock, fetched = Clock(), list[float]()

    async def fetch() -> float:
        fetched.append(clock.now)
        return clock.now

    acc = AccClient(AutodeskHosts.at("http://127.0.0.1"), StaticTokenSource("token"))
    kept = PersonCache(TtlCache[float](clock=clock))
    for clock.now in (1.0, 1.0 + KEEP_SECONDS / 2, KEEP_SECONDS, 2.0 + KEEP_SECONDS):
        await kept.get_or_fetch(acc, fetch, "specs")
    assert fetched == [1.0, 2.0 + KEEP_SECONDS]
