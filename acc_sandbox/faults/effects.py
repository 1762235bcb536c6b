"""Things that go wrong on purpose.

A fault names an operation and which of its calls, counted from the moment the fault was added, it strikes. What it
does is one of

    Refuse              answers with a status instead of handling the request
    Reset               cuts the connection before anything is handled
    ResetAfter          cuts it after so many bytes of the request's body
    LoseAnswer          handles the request, commits, and cuts the connection instead of answering
    Stall               reads nothing and answers nothing until it is released
    Slow                lets so many bytes a second through, either way
    Expire              judges the token, code or signed URL of the request as if its time were over
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Refuse:
    """Answer with this instead. A `str` body is sent as it is, anything else as JSON; None is an empty body."""

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reset:
    """Cut the connection as soon as the headers are there."""


@dataclass(frozen=True)
class ResetAfter:
    """Cut the connection once `size` bytes of the request's body have arrived."""

    size: int


@dataclass(frozen=True)
class LoseAnswer:
    """The change is made, the answer never arrives."""


@dataclass(frozen=True)
class Stall:
    """Stop reading after `size` bytes of the body, and go on normally when `Faults.release` is called."""

    size: int = 0


@dataclass(frozen=True)
class Slow:
    """Let the bodies of request and answer through at this rate, by the machine's clock."""

    bytes_per_second: int


@dataclass(frozen=True)
class Expire:
    """Handle the request as if what it proves itself with had just run out."""


Effect = Refuse | Reset | ResetAfter | LoseAnswer | Stall | Slow | Expire


@dataclass
class Fault:
    """One planned mishap: `Fault("attachments.create", LoseAnswer())`.

    `operation` is a name from the request log, or `*`. `nth` is the first call that is struck (1 = the next one), and
    `times` how many in a row; None means every one from there on.
    """

    operation: str
    effect: Effect
    nth: int = 1
    times: int | None = 1
    reached: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)
    """Set when the fault strikes, so that a test can wait for a stall."""
    seen: int = 0

    def strikes(self, operation: str) -> bool:
        """Count a call of `operation` and say whether it is struck."""
        # The sandbox's own pages are struck only by name, or nobody could look at what went wrong.
        everything = self.operation == "*" and not operation.startswith("page.")
        if not everything and self.operation != operation:
            return False
        self.seen += 1
        return self.seen >= self.nth and (self.times is None or self.seen < self.nth + self.times)


class FaultPlan:
    """The fault plan of one sandbox. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plan: list[Fault] = []
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._closed = False

    def add(self, fault: Fault) -> Fault:
        """Plan a fault; it is returned, so that its `reached` can be waited for."""
        with self._lock:
            self._plan.append(fault)
        return fault

    def all(self) -> list[Fault]:
        """The plan, in the order in which it was made."""
        with self._lock:
            return list(self._plan)

    def clear(self) -> None:
        """Forget the plan and release every stall."""
        with self._lock:
            self._plan.clear()
        self.release()

    def release(self) -> None:
        """Let every stalled request go on."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for loop, event in waiting:
            loop.call_soon_threadsafe(event.set)

    def close(self) -> None:
        """Release everything, now and from now on; the sandbox is about to stop."""
        with self._lock:
            self._closed = True
        self.clear()

    def strike(self, operation: str) -> Fault | None:
        """The fault that this call of an operation meets; the first planned one that matches wins."""
        with self._lock:
            struck = [fault for fault in self._plan if fault.strikes(operation)]
        return struck[0] if struck else None

    async def wait(self, fault: Fault) -> None:
        """Stand still until released."""
        event = asyncio.Event()
        with self._lock:
            if self._closed:
                return
            self._waiting.append((asyncio.get_running_loop(), event))
        fault.reached.set()
        await event.wait()
