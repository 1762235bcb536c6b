"""Progress notifications of one call: each number above the last, and never silence for long."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio

from tools.core.ports import Report

BEAT_SECONDS: Final = 4.5
"""Half of the ten seconds, less a little, that nobody who waits goes without a word."""

_STEP: Final = 1 / 256
"""The protocol wants every number above the last. Less than a byte, and still a step beside the bytes of 5 TiB."""


class ProgressReporter:
    """What a waiting client was told of a call last; `send` tells it more."""

    def __init__(self, send: Report, every: float = BEAT_SECONDS) -> None:
        self._send = send
        self._every = every
        self._done = 0.0
        self._total: float | None = None
        self._message = "working"
        self._silent = True

    async def tell(self, done: float, total: float | None, message: str) -> None:
        """Tell of more; what is no more than was told before waits for the next beat, as a new word on it does."""
        self._total, self._message = total, message
        if done > self._done:
            await self._tell(done)

    @asynccontextmanager
    async def heartbeat(self) -> AsyncIterator[None]:
        """While the block lasts, say again whenever nothing was said for `every` seconds that the call goes on."""
        from transfers.task_groups import background_task

        async with background_task(self._beat):
            yield

    async def _beat(self) -> None:
        while True:
            self._silent = True
            await anyio.sleep(self._every)
            if self._silent:
                await self._tell(self._done + _STEP)

    async def _tell(self, done: float) -> None:
        self._silent, self._done = False, done
        await self._send(done, self._total, self._message)
