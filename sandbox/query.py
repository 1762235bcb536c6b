"""The query string of a request, read strictly."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl

from sandbox.refusals import RefusedError, not_allowed

LARGEST_NUMBER = 2**31 - 1
"""Numbers in queries stay within 32 bits; a larger one is refused rather than handed to the database."""


class Query:
    """Parameters by name; of a repeated one the last counts."""

    def __init__(self, raw: str) -> None:
        self.pairs = parse_qsl(raw, keep_blank_values=True, errors="replace")
        self._values = dict(self.pairs)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def refuse_unknown(self, known: Sequence[str]) -> None:
        """Raise `RefusedError` (400) for a parameter that is not in `known`."""
        for name in self._values:
            if name not in known:
                raise not_allowed(name)

    def text(self, name: str, default: str = "") -> str:
        """The value as it came."""
        return self._values.get(name, default)

    def number(self, name: str, default: int, low: int, high: int = LARGEST_NUMBER) -> int:
        """A whole number from `low` to `high`; anything else is refused with 400."""
        raw = self._values.get(name)
        if raw is None:
            return default
        if not (raw.isascii() and raw.isdigit() and len(raw) <= len(str(LARGEST_NUMBER))):
            raise RefusedError(400, f'"{name}" must be a number')
        if not low <= int(raw) <= high:
            raise RefusedError(400, f'"{name}" must be from {low} to {high}')
        return int(raw)

    def flag(self, name: str, *, default: bool) -> bool:
        """`true` or `false` in any case; anything else is refused with 400."""
        raw = self._values.get(name)
        if raw is None:
            return default
        if raw.lower() not in ("true", "false"):
            raise RefusedError(400, f'"{name}" must be a boolean')
        return raw.lower() == "true"

    def several(self, name: str) -> list[str]:
        """A comma-separated list, without empty members."""
        return [one.strip() for one in self._values.get(name, "").split(",") if one.strip()]
