"""Concurrency of look-ups: independent ones run at the same time."""

from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar, cast

import anyio

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
