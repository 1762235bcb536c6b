"""The query string of a request, read strictly."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from acc_sandbox.http.errors import RefusedError

LARGEST_NUMBER = 2**31 - 1
"""Numbers in queries stay within 32 bits; a larger one is refused rather than handed to the database."""


class QueryParameters:
    """Parameters by name; of a repeated one, where that is let pass, the last counts."""

    def __init__(self, raw: str) -> None:
        self.pairs = parse_qsl(raw, keep_blank_values=True, errors="replace")
        self._values = dict(self.pairs)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str, default: str = "") -> str:
        """The value as it came."""
        return self._values.get(name, default)

    def number(self, name: str, default: int, low: int, high: int = LARGEST_NUMBER) -> int:
        """A whole number from `low` to `high`; anything else is refused with 400."""
        raw = self._values.get(name)
        if raw is None:
            return default
        if not re.fullmatch(rf"0|[1-9][0-9]{{0,{len(str(LARGEST_NUMBER)) - 1}}}", raw):
            raise RefusedError(400, f'"{name}" must be a number')
        if not low <= int(raw) <= high:
            raise RefusedError(400, f'"{name}" must be from {low} to {high}')
        return int(raw)

    def flag(self, name: str, *, default: bool) -> bool:
        """`true` or `false`; anything else is refused with 400."""
        raw = self._values.get(name)
        if raw is None:
            return default
        if raw not in ("true", "false"):
            raise RefusedError(400, f'"{name}" must be a boolean')
        return raw == "true"

    def several(self, name: str) -> list[str]:
        """A comma-separated list; an empty member is refused with 400."""
        if name not in self._values:
            return []
        members = self._values[name].split(",")
        if not all(members):
            raise RefusedError(400, f'"{name}" is not allowed to be empty')
        return members
