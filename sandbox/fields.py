"""Reading JSON bodies: which fields there are, what each may hold, and the 400 when it does not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any

from sandbox.clock import is_plain_date, is_timestamp
from sandbox.query import LARGEST_NUMBER
from sandbox.refusals import RefusedError, not_allowed

Check = Callable[[str, Any], Any]
"""Takes a field's name and value; gives the value to keep, or raises `RefusedError` (400)."""


def read_json(content: bytes) -> Any:
    """The JSON value of a body; `RefusedError` (400) for anything that is none."""
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RefusedError(400, "The request body is not valid JSON") from None


def read_fields(content: bytes, checks: Mapping[str, Check], *, required: Collection[str] = ()) -> dict[str, Any]:
    """The fields of a JSON object, each checked; unknown and missing ones are refused with 400."""
    body = read_json(content)
    if not isinstance(body, dict):
        raise RefusedError(400, "The request body must be a JSON object")
    for name in body:
        if name not in checks:
            raise not_allowed(name)
    for name in required:
        if name not in body:
            raise RefusedError(400, f'"{name}" is required')
    return {name: checks[name](name, value) for name, value in body.items()}


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in its usual 36 characters."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def text(name: str, value: Any) -> str:
    """Any string that UTF-8 can carry."""
    if not isinstance(value, str):
        raise RefusedError(400, f'"{name}" must be a string')
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise RefusedError(400, f'"{name}" is not valid Unicode')
    return value


def filled_text(name: str, value: Any) -> str:
    """A string with something in it."""
    if not text(name, value).strip():
        raise RefusedError(400, f'"{name}" is not allowed to be empty')
    return text(name, value)


def identifier(name: str, value: Any) -> str:
    """A UUID, as every id of items, attachments, steps, tasks, specs, packages and types is."""
    if not is_uuid(text(name, value)):
        raise RefusedError(400, f'"{name}" must be a valid GUID')
    return text(name, value).lower()


def flag(name: str, value: Any) -> bool:
    """A JSON boolean, or the string that the reference's examples show (fact sheet 0)."""
    if value is True or value == "true":
        return True
    if value is False or value == "false":
        return False
    raise RefusedError(400, f'"{name}" must be a boolean')


def number(name: str, value: Any) -> int:
    """A whole number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_NUMBER:
        raise RefusedError(400, f'"{name}" must be a number')
    return value


def plain_date(name: str, value: Any) -> str:
    """`YYYY-MM-DD`."""
    if not is_plain_date(text(name, value)):
        raise RefusedError(400, f'"{name}" must be a date (YYYY-MM-DD)')
    return text(name, value)


def moment(name: str, value: Any) -> str:
    """An ISO 8601 date or moment."""
    if not is_timestamp(text(name, value)):
        raise RefusedError(400, f'"{name}" must be an ISO 8601 date')
    return text(name, value)


def one_of(*options: str) -> Check:
    """One of the strings; a JSON number stands for its digits (Postman sends categoryId so, fact sheet 3.3)."""

    def check(name: str, value: Any) -> str:
        spelled = str(value) if isinstance(value, int) and not isinstance(value, bool) else text(name, value)
        if spelled not in options:
            raise RefusedError(400, f'"{name}" must be one of [{", ".join(options)}]')
        return spelled

    return check


def nullable(inner: Check) -> Check:
    """`null`, or what `inner` takes."""
    return lambda name, value: None if value is None else inner(name, value)


def list_of(inner: Check) -> Check:
    """A JSON array, every member of which `inner` takes."""

    def check(name: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise RefusedError(400, f'"{name}" must be an array')
        return [inner(f"{name}[{index}]", member) for index, member in enumerate(value)]

    return check


def watcher(name: str, value: Any) -> dict[str, str]:
    """`{"id", "userType"}` (fact sheet 2.4)."""
    if not isinstance(value, dict) or set(value) != {"id", "userType"}:
        raise RefusedError(400, f'"{name}" must be an object with id and userType')
    return {
        "id": filled_text(f"{name}.id", value["id"]),
        "userType": one_of("1", "2", "3")(f"{name}.userType", value["userType"]),
    }


def _no_constant(constant: str) -> None:
    raise ValueError(constant)
