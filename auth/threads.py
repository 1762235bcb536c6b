"""Work that blocks, such as the database's, away from the event loop."""

from collections.abc import Callable
from typing import TypeVar

import anyio.to_thread

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Return what `work` returns; a caller that is cancelled still waits for its end."""
    return await anyio.to_thread.run_sync(work)
