"""Work in threads that stops soon after nobody waits for it any more; a cancellation alone never reaches a thread."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

from transfers.task_groups import task_group

T = TypeVar("T")


@asynccontextmanager
async def stop_event(wake: Callable[[], None] = lambda: None) -> AsyncIterator[threading.Event]:
    """Yield an event for threads to look at between reads; it is set when the block is cancelled or ends.

    Then `wake` is called, to wake threads that look at nothing because they wait.

    A thread that sees it raises `InterruptedError`. What the block raises comes out as it is: the first failure, when
    several tasks in it failed.
    """
    stop = threading.Event()
    try:
        async with task_group() as group:
            group.start_soon(_stop_when_cancelled, stop, wake)
            yield stop
            group.cancel_scope.cancel()  # ends the task that waits for a cancellation
    except InterruptedError:
        # A thread saw the event before the cancellation behind it was delivered here.
        await anyio.lowlevel.checkpoint_if_cancelled()
        raise


async def run_cancellable_in_thread(work: Callable[[threading.Event], T], limiter: anyio.CapacityLimiter) -> T:
    """Run `work` in a worker thread; it gets the event of `stopping`, and is waited for even when cancelled."""
    async with stop_event() as stop:
        return await anyio.to_thread.run_sync(work, stop, limiter=limiter)


async def _stop_when_cancelled(stop: threading.Event, wake: Callable[[], None]) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        stop.set()
        wake()
