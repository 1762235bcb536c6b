"""The sandbox's own time, which a test can move."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime


class Clock:
    """Time for everything in one sandbox: tokens, signed URLs, timers, rate limits, timestamps.

    It runs with the machine's clock, shifted by whatever `move` added up to. Given a `start`, it stands still at that
    moment until it is moved, so that a test can compare whole timestamps.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start
        self._shift = timedelta(0)
        self._keepers: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The sandbox's present, in UTC."""
        with self._lock:
            return (self._start or datetime.now(UTC)) + self._shift

    def move(self, seconds: float) -> None:
        """Move the clock by `seconds`; what falls due in between is carried out by the next request."""
        with self._lock:
            self._shift += timedelta(seconds=seconds)
            keepers = tuple(self._keepers)
        # Without the lock: a callback may wait for a thread that reads the time.
        for keep in keepers:
            keep()

    @property
    def moved(self) -> float:
        """Seconds that it was moved by, in all."""
        with self._lock:
            return self._shift.total_seconds()

    @contextmanager
    def on_move(self, keep: Callable[[], None]) -> Iterator[None]:
        """Call `keep` after each move while the block lasts."""
        with self._lock:
            self._keepers.append(keep)
        try:
            yield
        finally:
            with self._lock:
                self._keepers.remove(keep)


def stamp(moment: datetime) -> str:
    """`YYYY-MM-DDTHH:mm:ss.ffffffZ`, as Submittals writes a moment (fact sheet 0); it sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def second_stamp(moment: datetime) -> str:
    """`YYYY-MM-DDTHH:mm:ssZ`, as object storage writes a moment."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def files_stamp(stamped: str) -> str:
    """What `stamp` wrote as Data Management writes it, with seven decimals: `2018-02-01T12:09:24.1984660Z`."""
    return stamped.removesuffix("Z") + "0Z"


def folder_stamp(moment: datetime) -> str:
    """`2024-11-07 13:31:28.812408+00:00`, the third format, of `folderUrnCreatedAt` alone (fact sheet 0)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00:00")


def http_stamp(moment: datetime) -> str:
    """`Sun, 06 Nov 1994 08:49:37 GMT`, as the header Date writes a moment."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def parse_stamp(text: str) -> datetime:
    """The moment that `stamp` or `second_stamp` wrote, or any of ISO 8601; UTC when it names no zone."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def days_after(moment: datetime, days: float) -> str:
    """The plain date `days` after a moment."""
    return (moment + timedelta(days=days)).date().isoformat()


def is_plain_date(text: str) -> bool:
    """Whether `text` is a `YYYY-MM-DD` date of the calendar."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
