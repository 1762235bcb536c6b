"""Filters of Data Management: `filter[attribute]` and its comparisons (fact sheet 9)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import RequestContext
from acc_sandbox.state.store import Row

Compare = Callable[[str, str], bool]
Test = Callable[[Row], bool]

_COMPARISONS: dict[str, Compare] = {
    "": lambda value, wanted: value == wanted,
    "eq": lambda value, wanted: value == wanted,
    "contains": lambda value, wanted: wanted in value,
    "starts": lambda value, wanted: value.startswith(wanted),
    "ends": lambda value, wanted: value.endswith(wanted),
    "lt": lambda value, wanted: _ordered(value) < _ordered(wanted),
    "le": lambda value, wanted: _ordered(value) <= _ordered(wanted),
    "ge": lambda value, wanted: _ordered(value) >= _ordered(wanted),
    "gt": lambda value, wanted: _ordered(value) > _ordered(wanted),
}
"""Comparison suffixes of JSON:API filters, as in `filter[displayName]-contains=beam`."""


def filters(call: RequestContext) -> Iterator[tuple[str, Compare, str]]:
    """Attribute, comparison and value of every filter; `RefusedError` (400) for a comparison that there is not."""
    for name, raw in call.query.pairs:
        found = re.fullmatch(r"filter\[([\w.]+)\](?:-(\w+))?", name)
        if found is None:
            continue
        if (found[2] or "") not in _COMPARISONS:
            raise RefusedError(400, f"The filter {name} is not supported")
        yield found[1], _COMPARISONS[found[2] or ""], raw


def test(column: str, compare: Compare, raw: str) -> Test:
    """Whether a row's column compares with any of the comma-separated values, in any case of letters."""
    wanted = [one.strip().lower() for one in raw.split(",")]
    return lambda row: any(compare(str(row[column]).lower(), one) for one in wanted)


def _ordered(value: str) -> tuple[int, str]:
    return (int(value), "") if value.isdigit() and value.isascii() and len(value) < 20 else (0, value)
