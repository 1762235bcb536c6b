"""Base of the models of answers: they read what the services send, not only what they document.

Unknown fields are kept, numbers stand in for strings ("1" or 1), `"true"` for true, null for an empty list or text
where samples do so (fact sheet 0). A member with a default is one we can do without: where it has an unknown form it
takes its default, and the rest of the answer is read. Only a member without a default can make an answer unreadable.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Generic, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from acc.ids import path_segment

T = TypeVar("T")

LARGEST_INTEGER: Final = 2**53 - 1
"""The largest integer that every reader of JSON keeps exactly (RFC 8259, section 6), and every database stores."""


class AccModel(BaseModel):
    """An object in an answer: attributes in snake_case, camelCase on the wire, unknown fields in `model_extra`."""

    model_config = ConfigDict(
        defer_build=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="allow",
        frozen=True,
        coerce_numbers_to_str=True,
        # An answer can hold a signed URL or a person's name; what fails to parse must not be quoted in an error.
        hide_input_in_errors=True,
    )

    @model_validator(mode="wrap")
    @classmethod
    def _without_unreadable_members(cls, value: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return read(value)
        except ValidationError as error:
            if not isinstance(value, dict):
                raise
            problems = error.errors(include_url=False, include_context=False, include_input=False)
            unreadable = {problem["loc"][0] for problem in problems if problem["loc"]} - cls._needed_members()
            if unreadable.isdisjoint(value):
                raise
            return read({name: member for name, member in value.items() if name not in unreadable})

    @classmethod
    def _needed_members(cls) -> set[int | str | None]:
        needed = {name: field.alias for name, field in cls.model_fields.items() if field.is_required()}
        return {*needed.keys(), *needed.values()}


def _empty_list(value: Any) -> Any:
    return [] if value is None else value


def _empty_text(value: Any) -> Any:
    return "" if value is None else value


def _no(value: Any) -> Any:
    return False if value is None else value


def _readable_elements(value: Any, read: ValidatorFunctionWrapHandler) -> list[Any]:
    try:
        return list(read(_empty_list(value)))
    except ValidationError:
        return [one for element in value for one in _read_alone(element, read)] if isinstance(value, list) else []


def _read_alone(element: Any, read: ValidatorFunctionWrapHandler) -> list[Any]:
    try:
        return list(read([element]))
    except ValidationError:
        return []


def _leaves(value: Any) -> Any:
    return list(_walk(value)) if isinstance(value, list) else value


def _walk(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for element in value:
            yield from _walk(element)
    elif value not in ("", None):
        yield value


def _segment(value: str) -> str:
    if not value.isprintable():
        raise ValueError("not an id")
    path_segment(value)
    return value


def _moment(value: Any) -> datetime | None:
    """Any of the formats the services use, in UTC; a time without a zone is in UTC already (fact sheet 0)."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else _moment(value)
    except ValueError:
        return None


Rows = Annotated[list[T], FailFast(), BeforeValidator(_empty_list)]
"""The rows that were asked for: they have to be there, each readable; null means none."""

Listed = Annotated[list[T], WrapValidator(_readable_elements), Field(default_factory=list)]
"""A list beside what was asked for: null or nothing means an empty one, an unreadable element is left out."""

Flattened = Annotated[Listed[T], BeforeValidator(_leaves)]
"""The same where documented shapes differ: a list in a list is one list, an empty text no element (fact sheet 2.2)."""

Identifier = Annotated[str, AfterValidator(_segment)]
"""An id that a later request can name: never empty, nor what a path cannot hold."""

SafeInteger = Annotated[int, Field(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)]
SafeNumber = SafeInteger | Annotated[float, Field(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)]

TextField = Annotated[str, BeforeValidator(_empty_text)]
"""A text; null means an empty one."""

BoolField = Annotated[bool, BeforeValidator(_no)]
"""A boolean, as JSON's own, as "true"/"false", or as null for false."""

Timestamp = Annotated[datetime | None, BeforeValidator(_moment)]
"""A point in time in UTC, or None where there is none or it cannot be read."""

Day = Annotated[date | None, BeforeValidator(_day)]
"""A calendar day, or None where there is none or it cannot be read."""


Row = TypeVar("Row")


class Pagination(AccModel):
    """Position of a page in the whole list, as the service counts it.

    `next_url` is absent on the last page in some samples and null in others. `limit` is what the service applied,
    which need not be what was asked.
    """

    limit: SafeInteger | None = None
    offset: SafeInteger | None = None
    total_results: SafeInteger | None = None
    next_url: str | None = None
    previous_url: str | None = None


class ResultPage(AccModel, Generic[Row]):
    """Some rows of a list."""

    pagination: Pagination = Pagination()
    results: Rows[Row]
