"""Edits of JSON with comments (JSONC) that leave everything else of a file as a person wrote it. Pure.

No well-kept library for Python edits such text, so this reads it into a tree of places and changes the text there.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

_TOKEN: Final = re.compile(
    r"(?P<blank>[ \t\r\n]+|//[^\r\n]*|/\*.*?\*/)"
    r'|(?P<value>"(?:[^"\\\x00-\x1f]|\\.)*"|[-0-9][-+.0-9eE]*|true|false|null)'
    r"|(?P<mark>[{}\[\]:,])",
    re.DOTALL,
)
_LINE_END: Final = re.compile(r"[ \t]*(?:\r\n|\n)")
_EMPTY: Final = re.compile(r"\A\{[ \t\r\n]*\}")
_MOST_DEPTH: Final = 200


class JsoncError(ValueError):
    """The text is not JSON, even with comments and closing commas; the text says where."""


@dataclass
class _Node:
    """A value and its place; of an object also its members, each with the place of its key and of a comma behind it."""

    start: int
    end: int = 0
    value: Any = None
    members: "list[_Member]" = field(default_factory=list)


@dataclass
class _Member:
    key: str
    start: int
    node: _Node
    comma: int | None = None


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, int]] = []
        self._next = 0
        place = 0
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise self._error(place)
            if match.lastgroup != "blank":
                self._tokens.append((match[0], place))
            place = match.end()

    def document(self) -> _Node:
        node = self._value(0)
        if self._next < len(self._tokens):
            raise self._error(self._tokens[self._next][1])
        return node

    def _error(self, place: int) -> JsoncError:
        line = self._text.count("\n", 0, place) + 1
        return JsoncError(f"line {line}, column {place - self._text.rfind(chr(10), 0, place)}")

    def _take(self, wanted: str | None = None) -> tuple[str, int]:
        if self._next == len(self._tokens):
            raise self._error(len(self._text))
        token, place = self._tokens[self._next]
        if wanted is not None and token != wanted:
            raise self._error(place)
        self._next += 1
        return token, place

    def _takes(self, wanted: str) -> int | None:
        if self._next < len(self._tokens) and self._tokens[self._next][0] == wanted:
            return self._take()[1]
        return None

    def _value(self, depth: int) -> _Node:
        text, place = self._take()
        if depth > _MOST_DEPTH or text in ("}", "]", ":", ","):
            raise self._error(place)
        node = _Node(place)
        if text == "{":
            self._object(node, depth)
        elif text == "[":
            self._array(node, depth)
        else:
            node.value, node.end = self._scalar(text, place), place + len(text)
        return node

    def _scalar(self, token: str, place: int) -> Any:
        try:
            return json.loads(token)
        except ValueError:
            raise self._error(place) from None

    def _object(self, node: _Node, depth: int) -> None:
        while (end := self._takes("}")) is None:
            if node.members and node.members[-1].comma is None:
                raise self._error(self._take()[1])
            token, place = self._take()
            if not token.startswith('"'):
                raise self._error(place)
            self._take(":")
            member = _Member(self._scalar(token, place), place, self._value(depth + 1))
            member.comma = self._takes(",")
            node.members.append(member)
        node.end = end + 1
        node.value = {member.key: member.node.value for member in node.members}

    def _array(self, node: _Node, depth: int) -> None:
        node.value, separated = [], True
        while (end := self._takes("]")) is None:
            if not separated:
                raise self._error(self._take()[1])
            node.value.append(self._value(depth + 1).value)
            separated = self._takes(",") is not None
        node.end = end + 1


def parse(text: str) -> Any:
    """Return the value of a text; of a blank one an empty object.

    Raises:
        JsoncError: It is none.
    """
    return _Parser(text).document().value if text.strip() else {}


def with_entry(text: str, table: str, name: str, value: Any) -> str:
    """Return `text` with `{table: {name: value}}` in it.

    Raises:
        JsoncError: The text is none, or something else than an object is where the table belongs.
    """
    if not text.strip():
        return json.dumps({table: {name: value}}, ensure_ascii=False, indent=2) + "\n"
    unit = _indent_of(text, _object(_Parser(text).document(), "the file"))
    return _put(text, (table, name), value, unit)


def _put(text: str, path: tuple[str, ...], value: Any, unit: str) -> str:
    """Return `text` with a value at that path; of an object that is there only the members that differ are written."""
    node, called = _Parser(text).document(), "the file"
    for depth, key in enumerate(path, 1):
        member = _member(_object(node, called), key)
        if member is None:
            for inner in reversed(path[depth:]):
                value = {inner: value}
            return _added(text, node, key, value, unit, depth)
        node, called = member.node, key
    if isinstance(value, dict) and isinstance(node.value, dict) and node.value.keys() <= value.keys():
        for key, one in value.items():
            text = _put(text, (*path, key), one, unit)
        return text
    if node.value == value:
        return text
    return text[: node.start] + _dumped(text, value, unit, len(path)) + text[node.end :]


def without_entry(text: str, table: str, name: str) -> str:
    """Return `text` without that entry; comments stay.

    Raises:
        JsoncError: The text is none.
    """
    if not text.strip():
        return text
    found = _member(_object(_Parser(text).document(), "the file"), table)
    entry = _member(found.node, name) if found is not None else None
    if found is None or entry is None:
        return text
    members = found.node.members
    before = members[members.index(entry) - 1] if entry is not members[0] else None
    end = entry.node.end
    if entry.comma is not None:
        text = text[: entry.comma] + text[entry.comma + 1 :]
    start = len(text[: entry.start].rstrip(" \t"))
    line_end = _LINE_END.match(text, end)
    if line_end is not None and text[start - 1] == "\n":
        end = line_end.end()
    else:
        start = entry.start
    text = text[:start] + text[end:]
    if entry.comma is None and before is not None and before.comma is not None:
        return text[: before.comma] + text[before.comma + 1 :]
    if len(members) == 1:
        table_text = text[found.node.start :]
        return text[: found.node.start] + _EMPTY.sub("{}", table_text, count=1)
    return text


def _object(node: _Node, name: str) -> _Node:
    if not isinstance(node.value, dict):
        raise JsoncError(f"{name} is no object")
    return node


def _member(node: _Node, key: str) -> _Member | None:
    """Return the member of that name; of several the last, which is the one that counts for those who read it."""
    return next((member for member in reversed(node.members) if member.key == key), None)


def _indent_of(text: str, root: _Node) -> str:
    """Return one step of the indentation that the file has."""
    if root.members:
        start = root.members[0].start
        before = text[text.rfind("\n", 0, start) + 1 : start]
        if before and not before.strip(" \t"):
            return before
    return "  "


def _dumped(text: str, value: Any, unit: str, depth: int) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    return json.dumps(value, ensure_ascii=False, indent=unit).replace("\n", newline + unit * depth)


def _added(text: str, node: _Node, key: str, value: Any, unit: str, depth: int) -> str:
    """Return `text` with a new last member in an object, on a line of its own."""
    newline = "\r\n" if "\r\n" in text else "\n"
    closing = node.end - 1
    last = node.members[-1] if node.members else None
    inside = text[node.start + 1 : closing]
    blank = len(inside) - len(inside.rstrip(" \t\r\n"))
    place = closing - blank
    tail = text[place:closing] if "\n" in text[place:closing] else newline + unit * (depth - 1)
    new = f"{newline}{unit * depth}{json.dumps(key, ensure_ascii=False)}: {_dumped(text, value, unit, depth)}"
    text = text[:place] + new + tail + text[closing:]
    if last is not None and last.comma is None:
        text = text[: last.node.end] + "," + text[last.node.end :]
    return text
