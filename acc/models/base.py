"""What every model of an answer has in common: it reads what the services send, not only what they document.

Unknown fields are kept, numbers stand in for strings ("1" or 1), `"true"` for true, null for an empty list or text
where samples do so, and a time that cannot be read is None rather than the end of the whole answer (fact sheet 0).
"""

from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

T = TypeVar("T")


class AccModel(BaseModel):
    """An object in an answer: attributes in snake_case, camelCase on the wire, unknown fields in `model_extra`."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="allow",
        frozen=True,
        coerce_numbers_to_str=True,
        # An answer can hold a signed URL or a person's name; what fails to parse must not be quoted in an error.
        hide_input_in_errors=True,
    )


def _empty_list(value: Any) -> Any:
    return [] if value is None else value


def _empty_text(value: Any) -> Any:
    return "" if value is None else value


def _no(value: Any) -> Any:
    return False if value is None else value


_datetimes = TypeAdapter(datetime)
_dates = TypeAdapter(date)


def _moment(value: Any) -> datetime | None:
    """Any of the three formats the services use, in UTC; a time without a zone is in UTC already (fact sheet 0)."""
    try:
        moment = _datetimes.validate_python(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValidationError, OverflowError):
        return None


def _day(value: Any) -> date | None:
    try:
        return _dates.validate_python(value[:10] if isinstance(value, str) else value)
    except ValidationError:
        return None


Listed = Annotated[list[T], BeforeValidator(_empty_list), Field(default_factory=list)]
"""A list; null or nothing means an empty one."""

Text = Annotated[str, BeforeValidator(_empty_text)]
"""A text; null means an empty one."""

Flag = Annotated[bool, BeforeValidator(_no)]
"""A boolean, as JSON's own, as "true"/"false", or as null for false."""

Moment = Annotated[datetime | None, BeforeValidator(_moment)]
"""A point in time in UTC, or None where there is none or it cannot be read."""

Day = Annotated[date | None, BeforeValidator(_day)]
"""A calendar day, or None where there is none or it cannot be read."""
