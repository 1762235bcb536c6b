"""Argument coercion: reads each value in the type that the tool's model has for it, where it has exactly one meaning.

Models and the programs around them write `"20"`, `20.0`, `"true"` or one text for a list of one, and fill in `""` or
`0` where they have nothing to say. All arguments of all tools are read alike, by what their type says.
"""

import ast
import csv
import json
import math
import re
import shlex
import types
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tools.errors.exceptions import InvalidArguments, RetryHint
from transfers.files.pasted_text import unwrap

IGNORED: Final = frozenset({"toolCallId", "sessionId", "action", "chatInput", "tool"})
"""Arguments that n8n adds to every call it makes; they are for n8n itself."""

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}(?:\.0*)?", re.ASCII)
_TRUE: Final = frozenset({"true", "yes", "on", "1", "t", "y"})
_FALSE: Final = frozenset({"false", "no", "off", "0", "f", "n"})
_QUOTES: Final = "\"'`\u201c\u201d\u2018\u2019"
_SIDE_BY_SIDE: Final = re.compile(r"\"[^\"\\]*\"(?:\s+\"[^\"\\]*\")+|'[^']*'(?:\s+'[^']*')+")
"""Texts in quotes, as a terminal has them into which several files were dropped."""

_NOTHING: Final = frozenset({"", "null", "none", "undefined"})
_NO_TEXT: Final = frozenset({"", "null", "NULL", "None", "undefined"})
"""What programs write for a text that they do not have; a person's word for it may be a name."""

_DAYS: Final = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y")
"""Ways to write a day of which no one reads another."""

_BESIDE_A_DAY: Final = re.compile(
    r"(?<=\d)[T ]\d\d:.*\Z|\A(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b"
    r"|(?<=\d)(?:st|nd|rd|th)\b",
    re.IGNORECASE,
)
_FIRST_YEAR: Final = 1970
_BETWEEN_WORDS: Final = re.compile(r"[\s_-]+")


def coerce_arguments(model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call with each value in the type that `model` has for it, as far as it has one meaning.

    What was left out, in whichever way, is not there. Values that cannot be read stay as they are, for the model to
    refuse; so do unknown names.
    """
    read = {}
    for name, value in given.items():
        if value is None or (name in IGNORED and name not in model.model_fields):
            continue
        field = model.model_fields.get(name)
        if field is None:
            read[name] = value
            continue
        coerced = coerce_value(field, value)
        if coerced is not None:
            read[name] = coerced
    return read


def coerce_value(field: FieldInfo, value: Any) -> Any:
    """Return a value as `field` has it; None for one that only says that it was left out."""
    kind, choices = _type_of(field.annotation)
    if not field.is_required() and _is_left_out(field, kind, value):
        return None
    if kind is not list:
        value = _only(value)
    if kind is bool:
        return _boolean(value)
    if kind is int:
        return _integer(value)
    if kind is list:
        given = _list(value)
        if choices:  # no choice has a comma
            given = [one for some in given for one in (_list(some) if isinstance(some, str) else [some])]
        given = [_choice(one, choices) for one in given if not _is_left_out(field, str, one)]
        return given if given or field.is_required() else None
    return _choice(_text(value), choices)


def _type_of(annotation: Any) -> tuple[type, tuple[str, ...]]:
    """Return `str`, `int`, `bool` or `list` for an argument's annotation, and the texts that a choice has."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_of(inner[0])
    if origin in (Union, types.UnionType):
        return _type_of(next(one for one in inner if one is not type(None)))
    if origin is Literal:
        return str, inner
    if origin is list or annotation is list:
        return list, _type_of(inner[0])[1] if inner else ()
    return (annotation if annotation in (bool, int) else str), ()


def _is_left_out(field: FieldInfo, kind: type, value: Any) -> bool:
    if isinstance(value, str):
        bare = value.strip().strip(_QUOTES).strip()
        # A text may be any word; elsewhere these words can mean nothing but that there is no value.
        return bare in _NO_TEXT if kind is str and not _type_of(field.annotation)[1] else bare.casefold() in _NOTHING
    if isinstance(value, list):
        return all(isinstance(one, str | None) and _is_left_out(field, str, one) for one in value)
    if value is None or isinstance(value, dict):
        return not value
    if value is False:
        return kind is not bool
    if isinstance(value, int | float) and not isinstance(value, bool) and value == 0:
        least = max((one.ge for one in field.metadata if isinstance(one, Ge) and isinstance(one.ge, int)), default=0)
        return kind in (str, list) or (kind is int and least > 0)
    return False


def _boolean(value: Any) -> Any:
    if isinstance(value, str):
        word = unwrap(value).casefold()
        return True if word in _TRUE else False if word in _FALSE else value
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else value


def _integer(value: Any) -> Any:
    if isinstance(value, str):
        digits = unwrap(value)
        return int(digits.partition(".")[0]) if _WHOLE.fullmatch(digits) else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _only(value: Any) -> Any:
    """Return the one value of a list that has no other."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _text(value: Any) -> Any:
    value = _only(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, int):
        # Python refuses to write numbers of some thousand digits.
        return str(value) if value.bit_length() <= 256 else value
    return (str(int(value)) if value.is_integer() else repr(value)) if math.isfinite(value) else value


def _choice(value: Any, choices: tuple[str, ...]) -> Any:
    if not choices or not isinstance(value, str):
        return value
    wanted = _key(unwrap(value))
    return next((one for one in choices if _key(one) == wanted), value)


def _key(word: str) -> str:
    return _BETWEEN_WORDS.sub("-", word.strip()).casefold()


def _list(value: Any) -> list[Any]:
    """Read a list, JSON or Python of one, texts on lines, between commas or each in quotes, or a single text."""
    if not isinstance(value, str):
        return [_text(one) for one in value] if isinstance(value, list) else [_text(value)]
    text = value.strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text.strip("`"):
        text = "\n".join(text.splitlines()[1:-1])  # of the first line the rest names a language
    for read in (json.loads, ast.literal_eval) if text.startswith(("[", "(")) else ():
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            found = read(text)
            if isinstance(found, list | tuple):
                return [_text(one) for one in found]
    parts: Sequence[str] = text.splitlines()
    if _SIDE_BY_SIDE.fullmatch(text):
        parts = shlex.split(text)
    elif len(parts) == 1:
        try:
            parts = next(csv.reader(parts, skipinitialspace=True))  # a name between quotes may hold a comma
        except csv.Error:
            parts = text.split(",")
    return [one for part in parts if (one := part.strip())]


def day_of(argument: str, text: str | None) -> date | None:
    """Return the day that an argument names, of which no one reads another; None for no text.

    Raises:
        InvalidArguments: It is no day.
    """
    if text is None:
        return None
    plain = re.sub("[\u2010-\u2015\u2212]", "-", unwrap(text)).replace(",", " ")
    plain = " ".join(_BESIDE_A_DAY.sub("", plain).split())
    for form in _DAYS:
        with suppress(ValueError):
            day = datetime.strptime(plain, form).date()  # noqa: DTZ007  # a day has no time zone
            if day.year >= _FIRST_YEAR:
                return day
    raise InvalidArguments(
        f"'{argument}' must be a day such as 2026-12-31.",
        "Call {tool} again with the day as year, month and day.",
        "Write the day as year, month and day.",
        again=RetryHint(needs=[argument]),
    )
