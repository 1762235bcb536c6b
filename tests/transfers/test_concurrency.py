"""Threads that stop when no call waits for them any more."""

import threading

import anyio
import anyio.to_thread
import pytest

from transfers.concurrency import run_cancellable_in_thread, stop_event


class Worker:
    """Work in a thread that goes on until it is told to stop."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.ended = threading.Event()

    def __call__(self, stop: threading.Event) -> None:
        self.started.set()
        stop.wait(120)
        self.ended.set()
        raise InterruptedError


async def test_the_result_comes_back() -> None:
    assert await run_cancellable_in_thread(lambda stop: stop.is_set(), anyio.CapacityLimiter(1)) is False


async def test_an_exception_of_the_work_is_raised_as_it_is() -> None:
    def fail(stop: threading.Event) -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await run_cancellable_in_thread(fail, anyio.CapacityLimiter(1))


async def test_a_cancellation_reaches_the_thread_and_waits_for_its_end() -> None:
    worker = Worker()
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(run_cancellable_in_thread, worker, anyio.CapacityLimiter(1))
            await anyio.to_thread.run_sync(worker.started.wait)
            group.cancel_scope.cancel()
    # An `InterruptedError` that was let out would have failed the group.
    assert worker.ended.is_set()


async def test_the_first_of_several_failures_comes_out_alone() -> None:
    async def fail(error: Exception) -> None:
        raise error

    async def work() -> None:
        async with stop_event(), anyio.create_task_group() as group:
            group.start_soon(fail, KeyError("first"))
            group.start_soon(fail, ValueError("second"))

    with pytest.raises(KeyError):
        await work()


async def test_the_event_is_set_when_the_block_ends() -> None:
    async with stop_event() as stop:
        assert not stop.is_set()
    assert stop.is_set()
