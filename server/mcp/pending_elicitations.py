"""Nonces of open elicitations: each is good for one answer, about what was asked and no more."""

import secrets
import time
from collections.abc import Callable
from typing import Final

LIFE_SECONDS: Final = 600.0
MOST: Final = 100
"""Elicitations that may be open at once; beyond them the oldest is forgotten, and asked again."""


class PendingElicitations:
    """The questions that clients have been given and not yet answered; each is known by a word nobody can guess."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, tuple[float, str]] = {}

    def begin(self, about: str) -> str:
        """Return the word for a new question."""
        while len(self._open) >= MOST:
            del self._open[next(iter(self._open))]
        word = secrets.token_urlsafe(32)
        self._open[word] = (self._clock() + LIFE_SECONDS, about)
        return word

    def end(self, word: str) -> str | None:
        """Return what a question was about, once; None when it is not, or no longer, open."""
        until, about = self._open.pop(word, (0.0, ""))
        return about if about and self._clock() < until else None
