"""Response schemas, field by field: the one source of both the answers and their description.

A `Shape` is a JSON object with a name. Its fields hold JSON Schema, other shapes, or lists and choices of both;
handlers write their answers with `Shape.of`, and `openapi` describes them with `described`, so that neither can drift
from the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, eq=False)
class ObjectSchema:
    """A JSON object. Every field is always there but for the `optional` ones; with `further`, others may come."""

    name: str
    fields: Mapping[str, Any]
    optional: tuple[str, ...] = ()
    further: bool = False

    def of(self, row: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """The object that a row makes, in the order of the fields; `more` adds to the row, or wins over it.

        Raises `KeyError` for a field that neither has, unless it is optional.
        """
        both = {**row, **more}
        return {name: both[name] for name in self.fields if name in both or name not in self.optional}


def described(value: Any, components: dict[str, Any]) -> Any:
    """JSON Schema in which every shape is a reference; what the references mean is put into `components`."""
    if isinstance(value, ObjectSchema):
        if value.name not in components:
            components[value.name] = _object(value, components)
        return {"$ref": f"#/components/schemas/{value.name}"}
    if isinstance(value, Mapping):
        return {name: described(one, components) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [described(one, components) for one in value]
    return value


def _object(shape: ObjectSchema, components: dict[str, Any]) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": described(shape.fields, components),
        "required": [name for name in shape.fields if name not in shape.optional],
    }
    return schema if shape.further else {**schema, "additionalProperties": False}


def maybe(schema: Any) -> dict[str, Any]:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def either(*schemas: Any) -> dict[str, Any]:
    """One of several shapes."""
    return {"anyOf": list(schemas)}


def several(schema: Any) -> dict[str, Any]:
    """A list."""
    return {"type": "array", "items": schema}


def by_name(schema: Any) -> dict[str, Any]:
    """An object whose keys are data."""
    return {"type": "object", "additionalProperties": schema}


def choice(*values: object) -> dict[str, Any]:
    """One of a few values."""
    return {"enum": list(values)}


def text_like(pattern: str) -> dict[str, Any]:
    """A string of a form."""
    return {"type": "string", "pattern": pattern}


HTML: Final = "text/html"
"""Stands where an answer is a page."""
TEXT: Final[Mapping[str, Any]] = {"type": "string"}
FLAG: Final[Mapping[str, Any]] = {"type": "boolean"}
COUNT: Final[Mapping[str, Any]] = {"type": "integer", "minimum": 0}
NOTHING: Final[Mapping[str, Any]] = {"type": "null"}
"""A field that is documented as not relevant, and stays null."""
ANYTHING: Final[Mapping[str, Any]] = {}
UUID: Final[Mapping[str, Any]] = {"type": "string", "format": "uuid"}
URL: Final[Mapping[str, Any]] = text_like("^https?://")
DATE: Final[Mapping[str, Any]] = text_like(r"^\d{4}-\d\d-\d\d$")
STAMP: Final[Mapping[str, Any]] = text_like(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
"""A moment as Submittals writes it (fact sheet 0)."""
FILES_STAMP: Final[Mapping[str, Any]] = text_like(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6,7}Z$")
"""A moment as Data Management writes it: recorded with seven decimals, in documents with six."""
SECOND_STAMP: Final[Mapping[str, Any]] = text_like(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
"""A moment as object storage writes it."""
