"""The desk of a server, opened for the first call that needs it: a chat client waits for the list of tools at start."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

import anyio
from anyio.abc import TaskGroup, TaskStatus

from tools.desk import Desk

LATER_SECONDS: Final = 1.0
"""What a chat client asks for at its start is answered by then, and unfinished jobs may take the processor."""


class LazyDesk:
    """Opens the desk once, for whoever asks first.

    A task of its own keeps it open, since what a task opens only that task may close.
    """

    def __init__(self, group: TaskGroup, open_desk: Callable[[], AbstractAsyncContextManager[Desk]]) -> None:
        self._group = group
        self._open = open_desk
        self._lock = anyio.Lock()
        self._desk: Desk | None = None

    async def open_later(self, listed: anyio.Event, unfinished: Callable[[], bool]) -> None:
        """Open it some time after the tools were `listed`, if there may be unfinished jobs to go on with."""
        await listed.wait()
        await anyio.sleep(LATER_SECONDS)
        if unfinished():
            await self.opened()

    async def opened(self) -> Desk:
        """Return the desk."""
        async with self._lock:
            if self._desk is None:
                self._desk = await self._group.start(self._keep_open)
            return self._desk

    async def _keep_open(self, *, task_status: TaskStatus[Desk]) -> None:
        async with self._open() as desk:
            task_status.started(desk)
            await anyio.sleep_forever()
