"""Services by person: opened for the first call, kept while they are used, closed when idle, bounded in number."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Final

import anyio
from anyio.abc import TaskGroup

from acc.errors import RateLimited
from tools.core.context import Services

OpenForPerson = Callable[[str], AbstractAsyncContextManager[Services]]

_LOOK_SECONDS: Final = 30.0
_BUSY_SECONDS: Final = 30.0


@dataclass
class _PooledServices:
    """One person's services."""

    ready: anyio.Event = field(default_factory=anyio.Event)
    closing: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    services: Services | None = None
    error: BaseException | None = None
    used_at: float = 0.0


class ServicesPool:
    """Pool of all users' services in this process; `running` must be entered first.

    A person's services stay open while a call uses them or a job of theirs runs, and for `idle_seconds` after that.
    """

    def __init__(
        self,
        open_for: OpenForPerson,
        *,
        most: int,
        idle_seconds: float,
        is_at_work: Callable[[Services], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_for = open_for
        self._most = most
        self._idle_seconds = idle_seconds
        self._is_at_work = is_at_work
        self._clock = clock
        self._entries: dict[str, _PooledServices] = {}
        self._held: Counter[str] = Counter()
        self._group: TaskGroup | None = None

    def __len__(self) -> int:
        """Number of users whose services are open."""
        return len(self._entries)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep services open until the block ends."""
        async with anyio.create_task_group() as group:
            self._group = group
            group.start_soon(self._close_idle)
            try:
                yield
            finally:
                self._group = None
                group.cancel_scope.cancel()

    @contextmanager
    def holding(self, subject: str) -> Iterator[None]:
        """Keep a person's services open for the block, if they are opened at all."""
        self._held[subject] += 1
        try:
            yield
        finally:
            self._held[subject] -= 1
            if not self._held[subject]:
                del self._held[subject]
            if (entry := self._entries.get(subject)) is not None:
                entry.used_at = self._clock()

    async def get(self, subject: str) -> Services:
        """Return a person's services, opening them for the first call; a caller holds them while it uses them.

        Raises:
            RateLimited: Too many people are at work.
            StorageProblem: The database cannot be used.
        """
        entry = self._entries.get(subject) or self._opened(subject)
        await entry.ready.wait()
        if entry.services is None:
            raise entry.error or RuntimeError("the services were closed")
        return entry.services

    def close(self, subject: str) -> None:
        """Close a person's services now; calls that use them fail."""
        if (entry := self._entries.pop(subject, None)) is not None:
            entry.closing.cancel()

    def close_idle(self) -> None:
        """Close services that were idle for too long."""
        for subject in self._idle(self._idle_seconds):
            self.close(subject)

    def _opened(self, subject: str) -> _PooledServices:
        if self._group is None:
            raise RuntimeError("ServicesPool.running() has not been entered")
        if len(self._entries) >= self._most:
            idle = self._idle(0.0)
            if not idle:
                raise RateLimited("team.services", retry_after_seconds=_BUSY_SECONDS)
            self.close(min(idle, key=lambda one: self._entries[one].used_at))
        entry = self._entries[subject] = _PooledServices(used_at=self._clock())
        self._group.start_soon(self._keep_open, subject, entry)
        return entry

    async def _keep_open(self, subject: str, entry: _PooledServices) -> None:
        # Only the task that opened a scope may close it, so each user has one.
        try:
            with entry.closing:
                async with self._open_for(subject) as services:
                    entry.services = services
                    entry.ready.set()
                    await anyio.sleep_forever()
        except Exception as error:  # noqa: BLE001 - handed to the calls that wait for it
            entry.error = error
        finally:
            if self._entries.get(subject) is entry:
                del self._entries[subject]
            entry.services = None
            entry.ready.set()

    def _idle(self, seconds: float) -> list[str]:
        now = self._clock()
        return [
            subject
            for subject, entry in self._entries.items()
            if entry.services is not None
            and subject not in self._held
            and now - entry.used_at >= seconds
            and not self._is_at_work(entry.services)
        ]

    async def _close_idle(self) -> None:
        while True:
            await anyio.sleep(_LOOK_SECONDS)
            self.close_idle()
