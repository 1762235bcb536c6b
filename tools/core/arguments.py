"""Arguments of the tools: their base class and common types, and the sentences that refuse what is not valid."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools.core.coercion import coerce_arguments
from tools.errors.exceptions import InvalidArguments, RetryHint
from transfers.files.pasted_text import LONGEST

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
    """Return the arguments a tool was called with, each value read as `tools.core.coercion` says.

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
    """Return the argument most similar to an unknown name."""
    return None if name in names else closest_name(name, names)


def closest_name(name: str, names: Sequence[str]) -> str | None:
    """Return the name most similar to one that is written in whichever case, or None where none is near."""
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
