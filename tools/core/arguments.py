"""Arguments of the tools: flat, strict, and refused in sentences a model can act on."""

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools.core.coercion import coerce_arguments
from tools.errors.exceptions import InvalidArguments, RetryHint

A = TypeVar("A", bound="ToolArguments")


class ToolArguments(BaseModel):
    """Base of tool arguments: unknown ones are refused, null means omitted."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, hide_input_in_errors=True, str_strip_whitespace=True
    )

    def given(self) -> dict[str, Any]:
        """Return the arguments that the caller chose, without null, blank and default values."""
        return self.model_dump(mode="json", exclude_defaults=True)


OptionalText = str | None
Project = Annotated[str, Field(min_length=1, description="Name as people say it, UUID (also b.…) or pasted ACC URL")]
Submittal = Annotated[str, Field(min_length=1, description="Number as people see it (033100-01), title, UUID or URL")]
WaitSeconds = Annotated[int, Field(ge=0, le=600, description="Wait up to this long for the next state")]
Limit = Annotated[int, Field(ge=1, le=50)]
Cursor = Annotated[OptionalText, Field(description="next_cursor of the last answer")]


def read_arguments(model: type[A], given: Mapping[str, Any]) -> A:
    """Return the arguments a tool was called with, each value read as `tools.core.coercion` says.

    Raises:
        InvalidArguments: Says of each thing that is wrong what it is, and which names are valid.
    """
    values = coerce_arguments(model, given)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        names = list(model.model_fields)
        problems = _problems(error)
        wrong = dict.fromkeys(str(one["loc"][0]) for one in problems)
        again = _retry(model, given, values, wrong)
        raise InvalidArguments(
            f"{'; '.join(_sentence(one, names) for one in problems)}.",
            f"Valid arguments: {', '.join(names)}." if names else "It takes no arguments.",
            "Correct the value.",
            again=again,
        ) from None


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
    "upload_by_caller": True,
    "name": "Beam shop drawings.pdf",
    "category": "final_response",
    "task_id": "0f5f9c1e-6f0e-5a3c-9d0a-2f3b7c1d8e4f",
    "attachment_id": "0f5f9c1e-6f0e-5a3c-9d0a-2f3b7c1d8e4f",
    "confirm": True,
    "idempotency_key": "beams-rev-b",
}
"""A value that each argument takes; a cursor has none, for it comes from an answer."""

_KINDS: Final = {"string": "a text", "int": "a whole number", "bool": "true or false", "list": "a list of texts"}


def _near(name: str, names: Sequence[str]) -> str | None:
    """Return the argument most similar to an unknown name."""
    if name in names:
        return None
    return next(iter(difflib.get_close_matches(name, names, n=1)), None)


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
