"""Arguments of the tools: coerced where a value has exactly one meaning, else refused in sentences a model can act on.

Models and the programs around them write `"20"`, `20.0`, `"true"` or one text for a list of one, and fill in `""` or
`0` where they have nothing to say. All arguments of all tools are read alike, by what their type says.
"""

import ast
import csv
import difflib
import json
import math
import re
import shlex
import types
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

from annotated_types import Ge
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from tools.errors.exceptions import InvalidArguments, RetryHint
from transfers.files.pasted_text import LONGEST, unwrap

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


A = TypeVar("A", bound="ToolArguments")


class ToolArguments(BaseModel):
    """Base of tool arguments: unknown ones are refused, null means omitted."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        str_strip_whitespace=True,
        str_max_length=LONGEST,
        defer_build=True,
    )

    def check(self) -> None:
        """Refuse what a flat schema cannot rule out: arguments that do not go together, or lack another.

        Raises:
            InvalidArguments: Says which.
        """

    def given(self) -> dict[str, Any]:
        """Return the arguments that the caller chose, without null, blank and default values."""
        return self.model_dump(mode="json", exclude_defaults=True)


OptionalText = str | None
Project = Annotated[str, Field(min_length=1, description="Name as people say it, UUID (also b.…) or pasted ACC URL")]
Submittal = Annotated[str, Field(min_length=1, description="Number as people see it (033100-01), title, UUID or URL")]
LONGEST_WAIT_SECONDS: Final = 600
WaitSeconds = Annotated[
    int, Field(ge=0, le=LONGEST_WAIT_SECONDS, description="Wait up to this long for the next state")
]
Limit = Annotated[int, Field(ge=1, le=50)]
Cursor = Annotated[OptionalText, Field(description="next_cursor of the last answer")]


def read_arguments(model: type[A], given: Mapping[str, Any]) -> A:
    """Return the arguments a tool was called with, each value read as `tools.core.arguments` says.

    Raises:
        InvalidArguments: Says of each thing that is wrong what it is, and which names are valid.
    """
    values = coerce_arguments(model, given)
    try:
        arguments = model.model_validate(values)
    except ValidationError as error:
        names = list(model.model_fields)
        problems = _problems(error)
        wrong = dict.fromkeys(str(one["loc"][0]) for one in problems)
        again = _retry(model, given, values, wrong)
        raise InvalidArguments(
            f"{'; '.join(_sentence(one, names) for one in problems)}.",
            _hint(names, wrong, values),
            "Correct the value.",
            again=again,
        ) from None
    arguments.check()
    return arguments


def callable_arguments(
    model: type[ToolArguments], values: Mapping[str, Any], needs: Iterable[str]
) -> tuple[dict[str, Any], list[str]]:
    """Return arguments that `model` takes once their `needs` are supplied, and those needs.

    What does not go with the others is left out, and what they lack is asked for.
    """
    kept, asked = coerce_arguments(model, values), list(needs)
    for _ in model.model_fields:  # each turn leaves one out, or asks for one more
        try:
            read_arguments(model, {**kept, **{name: EXAMPLES.get(name, "…") for name in asked}})
        except InvalidArguments as problem:
            again = problem.again or RetryHint()
            dropped = set(again.without) - set(again.arguments)
            asked = list(dict.fromkeys([*(name for name in asked if name not in dropped), *again.needs]))
            kept = {name: value for name, value in kept.items() if name not in dropped and name not in asked}
        else:
            break
    return kept, asked


def _hint(names: Sequence[str], wrong: Iterable[str], values: Mapping[str, Any]) -> str:
    valid = f"Valid arguments: {', '.join(names)}." if names else "It takes no arguments."
    if any(isinstance(values.get(name), list) and name.startswith("file") for name in wrong):
        return f"{MANY_FILES} {valid}"
    meant = {word for name in wrong if name not in names for word in name.lower().split("_")}
    return f"{valid} {ONLY_IN_ACC}" if meant & _ONLY_IN_ACC else valid


def _retry(
    model: type[ToolArguments], given: Mapping[str, Any], values: Mapping[str, Any], wrong: Iterable[str]
) -> RetryHint:
    """Return how to retry the call: misspelt names corrected, refused arguments dropped."""
    names = list(model.model_fields)
    kept = {name: value for name, value in values.items() if name not in wrong}
    meant = {near: values[name] for name in wrong if (near := _near(name, names)) and near not in values}
    meant = coerce_arguments(model, meant)
    refused = _refused(model, kept | meant)
    offered = {name: value for name, value in (kept | meant).items() if name not in refused}
    needs = [name for name in (*wrong, *meant) if name in names and name not in offered]
    return RetryHint(offered, without=list(given), needs=list(dict.fromkeys(needs)))


def _refused(model: type[ToolArguments], values: Mapping[str, Any]) -> set[str]:
    try:
        model.model_validate(values)
    except ValidationError as error:
        return {str(one["loc"][0]) for one in _problems(error)}
    return set()


def _problems(error: ValidationError) -> list[dict[str, Any]]:
    return [{**one} for one in error.errors(include_url=False, include_input=False)]


EXAMPLES: Final[dict[str, Any]] = {
    "project": "Riverside Medical Center",
    "submittal": "05 12 00-3",
    "query": "beam drawings",
    "folder": "Project Files/03 Shop Drawings",
    "state": ["rev"],
    "due_before": "2026-12-31",
    "spec": "05 12 00",
    "contractor": "Steel Works",
    "response": "revise and resubmit",
    "without_attachments": True,
    "in_my_court": True,
    "attachable": True,
    "limit": 20,
    "wait_seconds": 30,
    "file_path": "beam-shop-drawings.pdf",
    "file_urn": "urn:adsk.wipprod:fs.file:vf.dGhpcyBpcyBvbmU?version=1",
    "files": ["beams.pdf", "columns.pdf"],
    "file_urns": ["urn:adsk.wipprod:fs.file:vf.dGhpcyBpcyBvbmU?version=1"],
    "upload_by_caller": True,
    "name": "Beam shop drawings.pdf",
    "category": "final_response",
    "task_id": "0f5f9c1e-6f0e-5a3c-9d0a-2f3b7c1d8e4f",
    "attachment_id": "0f5f9c1e-6f0e-5a3c-9d0a-2f3b7c1d8e4f",
    "attachment_ids": ["beam-schedule.pdf"],
    "to": "review",
    "comment": "See the marks on sheet 2.",
    "due_date": "2026-12-31",
    "to_person": "Project Manager",
    "copy_attachments": ["all"],
    "check_only": True,
    "confirm": True,
    "idempotency_key": "beams-rev-b",
}
"""A value that each argument takes; a cursor has none, for it comes from an answer."""

ONLY_IN_ACC: Final = (
    "Through ACC's public API nothing attached can be deleted, replaced or renamed, and no revision be made: a person "
    "does that on the submittal's page (web_url). The right file can be attached beside the wrong one."
)
"""What a person does (fact sheet 1: what is not documented)."""

MANY_FILES: Final = "This takes one file a call; attach_files takes many."
"""What a list of files is answered, where one is asked for."""

_ONLY_IN_ACC: Final = frozenset(
    {"delete", "remove", "replace", "replaces", "overwrite", "rename", "revision", "revise", "supersede", "supersedes"}
)
"""Words in the names of arguments that ask for that."""

_KINDS: Final = {"string": "a text", "int": "a whole number", "bool": "true or false", "list": "a list of texts"}


def _near(name: str, names: Sequence[str]) -> str | None:
    """Return the argument most similar to an unknown name, in whichever case that is written."""
    if name in names:
        return None
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|[\s-]+", "_", name.strip()).casefold()
    return next(iter(difflib.get_close_matches(plain, names, n=1)), None)


def _sentence(error: dict[str, Any], names: Sequence[str]) -> str:
    """Describe a pydantic error in our words, with an example of a valid value."""
    name = str(error["loc"][0])
    example = f", for example {json.dumps(EXAMPLES[name])}" if name in names and name in EXAMPLES else ""
    return f"{_problem(error, name, names)}{example}"


def _problem(error: dict[str, Any], name: str, names: Sequence[str]) -> str:
    """`error["type"]` is pydantic's name for it, of which arguments meet these few."""
    limits = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            near = _near(name, names)
            return f"unknown argument {name[:60]!r}" + (f" (did you mean {near!r}?)" if near else "")
        case "missing":
            return f"{name!r} is missing"
        case "literal_error":
            return f"{name!r} must be {limits['expected']}"
        case "greater_than_equal":
            return f"{name!r} must be at least {limits['ge']}"
        case "less_than_equal":
            return f"{name!r} must be at most {limits['le']}"
        case "string_too_short":
            return f"{name!r} must not be empty"
        case "string_too_long":
            return f"{name!r} may have {limits['max_length']} characters at most"
        case "string_unicode":
            return f"{name!r} has characters that are no text"
        case kind:
            return f"{name!r} must be {_KINDS[kind.partition('_')[0]]}"
