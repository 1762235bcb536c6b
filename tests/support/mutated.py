"""Documented answers with something wrong in them: members gone, renamed or of another kind, and what JSON has not."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

ODD = [
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "7",
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1e400",
    "9007199254740993",
    "9" * 400,
    "9" * 5000,
    '""',
    '"x"',
    '"4"',
    '"NaN"',
    '".."',
    '"a/b?c#d"',
    '"\\u0000\\u202e"',
    '"\\ud800"',
    '"\\udc00x"',
    json.dumps("x" * 5000),
    '"0000-00-00"',
    '"2024-13-45T99:99:99Z"',
    '"0001-01-01T00:00:00+14:00"',
    '"urn:adsk.objects:os.object:wip.dm.prod/a/b"',
    '"https://[broken"',
    "[]",
    "{}",
    '[""]',
    "[null]",
    "[[1]]",
    '[["manager", ["managerType"]]]',
    '{"id": null}',
    '{"data": "x"}',
    '{"data": {"id": 3}}',
    "[" * 150 + "]" * 150,
    "[" * 900 + "]" * 900,
    '{"a":' * 3000 + "1" + "}" * 3000,
]
"""JSON, and what some writers take for JSON, in place of a value."""


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Where something in a document can be changed: every member and element, from the outside in."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [one for name, member in inside for one in ((*path, name), *places(member, (*path, name)))]


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> bytes:
    """A body that holds `document` with up to three changes, or something else in place of all of it."""
    odd: list[str] = []

    def oddity() -> str:
        odd.append(draw(st.sampled_from(ODD)))
        return f"odd value {len(odd)}."

    whole = json.loads(json.dumps(document))
    for _ in range(draw(st.integers(1, 3))):
        known = places(whole)
        if not known or draw(st.integers(0, 29)) == 29:
            whole = oddity()
            continue
        *path, last = draw(st.sampled_from(known))
        holder = whole
        for name in path:
            holder = holder[name]
        change(
            holder, last, draw(st.sampled_from(["replace", "replace", "replace", "remove", "rename", "wrap"])), oddity
        )
    text = json.dumps(whole)
    for number, raw in enumerate(odd, start=1):
        text = text.replace(f'"odd value {number}."', raw)
    return text.encode("utf-8")


def change(holder: Any, name: Any, how: str, oddity: Callable[[], str]) -> None:
    """Change a member or an element where it stands."""
    if how == "replace":
        holder[name] = oddity()
    elif how == "wrap":
        holder[name] = [holder[name], oddity()]
    else:
        taken = holder.pop(name)
        if how == "rename" and isinstance(holder, dict):
            holder[f"{name}X"] = taken
