"""Look-ups side by side: all at once, in order, and a failure is the failure itself."""

import anyio
import pytest

from transfers.concurrency import gather, gather_two


async def test_look_ups_run_at_the_same_time_and_come_back_in_order():
    first, second = anyio.Event(), anyio.Event()

    async def meet(own: anyio.Event, other: anyio.Event, word: str) -> str:
        own.set()
        await other.wait()
        return word

    with anyio.fail_after(120):
        assert await gather_two(meet(first, second, "a"), meet(second, first, "b")) == ("a", "b")


async def test_the_first_failure_is_raised_as_it_is_and_cancels_the_others():
    async def fail() -> None:
        raise LookupError("no such thing")

    with anyio.fail_after(120), pytest.raises(LookupError, match="no such thing"):
        await gather(anyio.sleep_forever(), fail())
