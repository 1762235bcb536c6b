"""TTL cache for lookups."""

import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

V = TypeVar("V")

KEEP_SECONDS: Final = 60.0
"""Default TTL: a conversation repeats lookups several times a minute, and users notice older values."""

MOST: Final = 1000


class TtlCache(Generic[V]):
    """Cache with a lifetime of `seconds`; beyond `most` entries the oldest is evicted."""

    def __init__(
        self, most: int = MOST, clock: Callable[[], float] = time.monotonic, seconds: float = KEEP_SECONDS
    ) -> None:
        self._most = most
        self._clock = clock
        self._seconds = seconds
        self._values: dict[tuple[str, ...], tuple[float, V]] = {}

    def get(self, *name: str) -> V | None:
        """Return the cached value; None if it is missing or expired."""
        until, value = self._values.get(name, (0.0, None))
        return value if self._clock() < until else None

    def keep(self, value: V, *name: str) -> V:
        """Store a value, and return it."""
        self._values.pop(name, None)
        self._values[name] = (self._clock() + self._seconds, value)
        if len(self._values) > self._most:
            del self._values[next(iter(self._values))]
        return value
