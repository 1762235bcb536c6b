"""Wait options of a call: timeout and progress callback."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from transfers.jobs.base import Job

TICK_SECONDS: Final = 5.0
"""Seconds between progress callbacks."""


@dataclass(frozen=True)
class WaitOptions:
    """Wait timeout in seconds, and a callback that reports progress every `every` seconds."""

    seconds: float
    tick: Callable[[Job], Awaitable[None]]
    every: float = TICK_SECONDS


async def _tell_nobody(_: Job) -> None:
    pass


UNHURRIED: Final = WaitOptions(math.inf, _tell_nobody)
"""Wait without a limit and without progress."""
