"""How long somebody waits for a job, and what they are told meanwhile."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from transfers.jobs.base import Job

TICK_SECONDS: Final = 5.0
"""How often whoever waits is told how far it is."""


@dataclass(frozen=True)
class WaitOptions:
    """How long a call waits, in seconds, and what it tells whoever waits with it every so often."""

    seconds: float
    tick: Callable[[Job], Awaitable[None]]
    every: float = TICK_SECONDS


async def _tell_nobody(_: Job) -> None:
    pass


UNHURRIED: Final = WaitOptions(math.inf, _tell_nobody)
"""For what ends by itself, and nobody watches."""
