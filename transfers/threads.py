"""Work in threads that stops soon after nobody waits for it any more; a cancellation alone never reaches a thread."""

import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

T = TypeVar("T")


@asynccontextmanager
async def stopping(wake: Callable[[], None] = lambda: None) -> AsyncIterator[threading.Event]:
    """Yield an event for threads to look at between reads; it is set when the block is cancelled or ends.

    Then `wake` is called, to wake threads that look at nothing because they wait.

    A thread that sees it raises `InterruptedError`. What the block raises comes out as it is: the first failure, when
    several tasks in it failed.
    """
    stop = threading.Event()
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_stop_when_cancelled, stop, wake)
            yield stop
            group.cancel_scope.cancel()  # ends the task that waits for a cancellation
    except BaseExceptionGroup as failures:
        first = _first(failures)
        if isinstance(first, InterruptedError):
            # A thread saw the event before the cancellation behind it was delivered here.
            await anyio.lowlevel.checkpoint_if_cancelled()
        raise first from None


async def run_stopping(work: Callable[[threading.Event], T], limiter: anyio.CapacityLimiter) -> T:
    """Run `work` in a worker thread; it gets the event of `stopping`, and is waited for even when cancelled."""
    async with stopping() as stop:
        return await anyio.to_thread.run_sync(work, stop, limiter=limiter)


@asynccontextmanager
async def alongside(work: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Do `work` beside the block, and call it off at its end. What either raises comes out as it is."""
    failure: BaseException | None = None
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(work)
            yield
            group.cancel_scope.cancel()
    except BaseExceptionGroup as failures:
        failure = _first(failures)
    if failure is not None:
        raise failure  # out here, where its own cause stays with it


async def _stop_when_cancelled(stop: threading.Event, wake: Callable[[], None]) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        stop.set()
        wake()


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
