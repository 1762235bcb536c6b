"""Deadline of a tool call: how long it may wait, and when it must be answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import anyio

from tools.errors.exceptions import CallTimedOut, RetryHint

GRACE_SECONDS: Final = 5.0
"""How long after the longest wait a call is answered at the latest."""


class CallDeadline:
    """Counts from its creation, and is paused while the user is asked something."""

    def __init__(self, wait_seconds: float) -> None:
        self._waits_until = anyio.current_time() + wait_seconds
        self.scope = anyio.CancelScope(deadline=self._waits_until + GRACE_SECONDS)
        self.seconds = wait_seconds + GRACE_SECONDS

    @property
    def wait_seconds_left(self) -> float:
        """How long the call may still wait for something to change."""
        return max(0.0, self._waits_until - anyio.current_time())

    def error(self) -> CallTimedOut:
        """Return what a call is answered that was not done in time."""
        return CallTimedOut(
            f"Autodesk did not answer within {self.seconds:.0f} seconds.",
            "Call {tool} again in a minute: it looks first at what was done already, and repeats nothing of it.",
            "Run the same command again in a minute.",
            again=RetryHint(),
        )

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let a person take their time."""
        began, self.scope.deadline = anyio.current_time(), float("inf")
        try:
            yield
        finally:
            self._waits_until += anyio.current_time() - began
            self.scope.deadline = self._waits_until + GRACE_SECONDS
