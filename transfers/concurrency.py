"""Task groups that raise a single failure as it is, results of concurrent calls, and work in threads.

A failure can be caught by its class outside the group. A cancellation alone never reaches a thread, so a thread looks
at an event that is set soon after its caller has gone.
"""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import anyio
import anyio.lowlevel
import anyio.to_thread
from anyio.abc import TaskGroup


@asynccontextmanager
async def task_group() -> AsyncIterator[TaskGroup]:
    """Open a task group out of which the first failure of its tasks or its block comes alone, not as one of a group."""
    failure: BaseException | None = None
    try:
        async with anyio.create_task_group() as group:
            yield group
    except BaseExceptionGroup as failures:
        failure = _first(failures)
    if failure is not None:
        raise failure  # out here, where its own cause stays with it


@asynccontextmanager
async def background_task(work: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Do `work` beside the block, and cancel it at its end. What either raises comes out as it is."""
    async with task_group() as group:
        group.start_soon(work)
        yield
        group.cancel_scope.cancel()


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


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


class ByteCounter:
    """Bytes done, counted by many threads and read by any."""

    def __init__(self, value: int = 0) -> None:
        self._lock = threading.Lock()
        self._value = value

    def add(self, count: int) -> None:
        """Add `count`, which is negative when a part has to be sent again."""
        with self._lock:
            self._value += count

    @property
    def value(self) -> int:
        """The sum so far."""
        return self._value


A = TypeVar("A")
B = TypeVar("B")


async def gather(*calls: Awaitable[Any]) -> list[Any]:
    """Return the results of all, in their order. The first failure cancels the others, and is raised as it is."""
    results: dict[int, Any] = {}
    failures: list[Exception] = []

    async def run(index: int, call: Awaitable[Any]) -> None:
        try:
            results[index] = await call
        except Exception as error:  # noqa: BLE001 - raised below, without the group around it
            failures.append(error)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for index, call in enumerate(calls):
            group.start_soon(run, index, call)
    if failures:
        raise failures[0]
    return [results[index] for index in range(len(calls))]


async def gather_two(first: Awaitable[A], second: Awaitable[B]) -> tuple[A, B]:
    """Return both results; see `gather`."""
    return cast("tuple[A, B]", tuple(await gather(first, second)))


async def gather_all(calls: Sequence[Awaitable[A]]) -> list[A]:
    """Return all results; see `gather`."""
    return await gather(*calls)
