"""Coercion of argument values: every spelling with exactly one meaning is accepted.

Models and the programs around them write `"20"`, `20.0`, `"true"` or one text for a list of one, and fill in `""` or
`0` where they have nothing to say. All arguments of all tools are read alike, by what their type says.
"""

import json
import math
import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge
from pydantic import BaseModel
from pydantic.fields import FieldInfo

IGNORED: Final = frozenset({"toolCallId", "sessionId", "action", "chatInput", "tool"})
"""Arguments that n8n adds to every call it makes; they are for n8n itself."""

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}(?:\.0*)?", re.ASCII)
_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})
_NOTHING: Final = frozenset({"", "null", "none", "undefined"})
_QUOTES: Final = "\"'`\u201c\u201d\u2018\u2019"
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
    if kind is bool:
        return _boolean(value)
    if kind is int:
        return _integer(value)
    if kind is list:
        return _list(value)
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
        return list, ()
    return (annotation if annotation in (bool, int) else str), ()


def _is_left_out(field: FieldInfo, kind: type, value: Any) -> bool:
    if isinstance(value, str):
        bare = value.strip().strip(_QUOTES).strip()
        # A text may be any word; elsewhere these words can mean nothing but that there is no value.
        return not bare if kind is str and not _type_of(field.annotation)[1] else bare.casefold() in _NOTHING
    if isinstance(value, list | dict):
        return not value
    if value is False:
        return kind is not bool
    if isinstance(value, int | float) and not isinstance(value, bool) and value == 0:
        least = max((one.ge for one in field.metadata if isinstance(one, Ge) and isinstance(one.ge, int)), default=0)
        return kind in (str, list) or (kind is int and least > 0)
    return False


def _boolean(value: Any) -> Any:
    if isinstance(value, str):
        word = value.strip().strip(_QUOTES).casefold()
        return True if word in _TRUE else False if word in _FALSE else value
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else value


def _integer(value: Any) -> Any:
    if isinstance(value, str):
        digits = value.strip().strip(_QUOTES).strip()
        return int(digits.partition(".")[0]) if _WHOLE.fullmatch(digits) else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, int):
        # Python refuses to write numbers of some thousand digits.
        return str(value) if value.bit_length() <= 256 else value
    return (str(int(value)) if value.is_integer() else repr(value)) if math.isfinite(value) else value


def _choice(value: Any, choices: tuple[str, ...]) -> Any:
    if not choices or not isinstance(value, str):
        return value
    wanted = _key(value.strip().strip(_QUOTES))
    return next((one for one in choices if _key(one) == wanted), value)


def _key(word: str) -> str:
    return _BETWEEN_WORDS.sub("-", word.strip()).casefold()


def _list(value: Any) -> Any:
    """Read a list, JSON of one, texts on lines or between commas, or a single text."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("["):
            try:
                found = json.loads(text)
            except ValueError:
                found = None
            if isinstance(found, list):
                return [_text(one) for one in found]
        separator = "\n" if "\n" in text else ","
        return [one for part in text.split(separator) if (one := part.strip())]
    return [_text(one) for one in value] if isinstance(value, list) else [_text(value)]
