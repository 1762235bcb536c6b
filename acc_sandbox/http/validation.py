"""Request validation: query parameters and JSON bodies, and the 400 for what is not allowed."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from acc_sandbox.http.errors import RefusedError, not_allowed
from acc_sandbox.state.clock import is_plain_date, parse_stamp, stamp

LARGEST_NUMBER = 2**31 - 1
"""Numbers in queries stay within 32 bits; a larger one is refused rather than handed to the database."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z", re.ASCII)


@dataclass(frozen=True)
class FieldValidator:
    """What a field may hold: `read` gives the value to keep or raises `RefusedError` (400); `schema` describes it."""

    read: Callable[[str, Any], Any]
    schema: Mapping[str, Any]

    def __call__(self, name: str, value: Any) -> Any:
        """Check a field's value under its name."""
        return self.read(name, value)


@dataclass(frozen=True)
class BodySchema:
    """The JSON object that an operation takes."""

    checks: Mapping[str, FieldValidator]
    required: Collection[str] = ()

    def read(self, content: bytes) -> dict[str, Any]:
        """A body's fields, each checked; missing and unknown ones are refused with 400."""
        return self.validate(read_json(content))

    def validate(self, body: Any, *, ignore_unknown: bool = False, text_booleans: bool = False) -> dict[str, Any]:
        """The same of a JSON value that has been read; unknown fields may be ignored, booleans be text."""
        if not isinstance(body, dict):
            raise RefusedError(400, "The request body must be a JSON object")
        if text_booleans:
            body = {name: _worded(self.checks.get(name), value) for name, value in body.items()}
        for name in body:
            if name not in self.checks and not ignore_unknown:
                raise not_allowed(name)
        for name in self.required:
            if name not in body:
                raise RefusedError(400, f'"{name}" is required')
        return {name: self.checks[name](name, value) for name, value in body.items() if name in self.checks}

    def schema(self) -> dict[str, Any]:
        """The same as JSON Schema."""
        described: dict[str, Any] = {
            "type": "object",
            "properties": {name: dict(check.schema) for name, check in self.checks.items()},
            "additionalProperties": False,
        }
        return described | ({"required": list(self.required)} if self.required else {})


def _worded(check: FieldValidator | None, value: Any) -> Any:
    """A boolean that was sent as text."""
    return value == "true" if check is flag and value in ("true", "false") else value


def read_json(content: bytes) -> Any:
    """The JSON value of a body; `RefusedError` (400) for anything that is none."""
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        raise RefusedError(400, "The request body is not valid JSON") from None


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in its usual 36 characters."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def one_of(*options: str, numbers: bool = False) -> FieldValidator:
    """One of the strings; with `numbers`, a JSON number stands for its digits."""

    def check(name: str, value: Any) -> str:
        as_number = numbers and isinstance(value, int) and not isinstance(value, bool)
        spelled = str(value) if as_number else _text(name, value)
        if spelled not in options:
            raise RefusedError(400, f'"{name}" must be one of [{", ".join(options)}]')
        return spelled

    return FieldValidator(check, {"type": "string", "enum": list(options)})


def nullable(inner: FieldValidator) -> FieldValidator:
    """`null`, or what `inner` takes."""
    return FieldValidator(
        lambda name, value: None if value is None else inner(name, value), {"anyOf": [inner.schema, {"type": "null"}]}
    )


def list_of(inner: FieldValidator) -> FieldValidator:
    """A JSON array, every member of which `inner` takes."""

    def check(name: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise RefusedError(400, f'"{name}" must be an array')
        return [inner(f"{name}[{index}]", member) for index, member in enumerate(value)]

    return FieldValidator(check, {"type": "array", "items": inner.schema})


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise RefusedError(400, f'"{name}" must be a string')
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise RefusedError(400, f'"{name}" is not valid Unicode')
    return value


def _filled_text(name: str, value: Any) -> str:
    if not _text(name, value).strip():
        raise RefusedError(400, f'"{name}" is not allowed to be empty')
    return _text(name, value)


def _identifier(name: str, value: Any) -> str:
    if not is_uuid(_text(name, value)):
        raise RefusedError(400, f'"{name}" must be a valid GUID')
    return _text(name, value).lower()


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise RefusedError(400, f'"{name}" must be a boolean')
    return value


def _number(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_NUMBER:
        raise RefusedError(400, f'"{name}" must be a number')
    return value


def _plain_date(name: str, value: Any) -> str:
    if not is_plain_date(_text(name, value)):
        raise RefusedError(400, f'"{name}" must be a date (YYYY-MM-DD)')
    return _text(name, value)


def _moment(name: str, value: Any) -> str:
    try:
        # What is not of the form is no moment at all.
        return stamp(parse_stamp(value if _MOMENT.fullmatch(_text(name, value)) else ""))
    except (ValueError, OverflowError):
        raise RefusedError(400, f'"{name}" must be YYYY-MM-DDTHH:mm:ss.ffffffZ') from None


def _watcher(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or set(value) != {"id", "userType"}:
        raise RefusedError(400, f'"{name}" must be an object with id and userType')
    return {
        "id": filled_text(f"{name}.id", value["id"]),
        "userType": user_type(f"{name}.userType", value["userType"]),
    }


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        raise ValueError(pairs)
    return body


def _no_constant(constant: str) -> None:
    raise ValueError(constant)


text = FieldValidator(_text, {"type": "string"})
"""Any string that UTF-8 can carry."""
filled_text = FieldValidator(_filled_text, {"type": "string", "minLength": 1})
"""A string with something in it."""
identifier = FieldValidator(_identifier, {"type": "string", "format": "uuid"})
"""A UUID, as every id of items, attachments, steps, tasks, specs, packages and types is."""
flag = FieldValidator(_flag, {"type": "boolean"})
"""A JSON boolean."""
number = FieldValidator(_number, {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER})
"""A whole number that is not negative."""
plain_date = FieldValidator(_plain_date, {"type": "string", "format": "date"})
"""`YYYY-MM-DD`."""
moment = FieldValidator(_moment, {"type": "string", "format": "date-time"})
"""A moment in UTC with up to seven decimals, kept as Submittals writes one (fact sheet 0)."""
user_type = one_of("1", "2", "3")
"""User, company, role (fact sheet 0)."""
watcher = FieldValidator(
    _watcher,
    {
        "type": "object",
        "properties": {"id": filled_text.schema, "userType": user_type.schema},
        "required": ["id", "userType"],
        "additionalProperties": False,
    },
)
"""`{"id", "userType"}` (fact sheet 2.4)."""


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
