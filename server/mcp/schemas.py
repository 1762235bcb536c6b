"""The JSON schemas that clients are served: of a tool's arguments, and of everything that it may answer.

`python -m scripts.tool_schemas` makes them of the models. A server reads them, since making them took a twentieth of
its start; `scripts/check` holds both together.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from tools.core.arguments import ToolArguments
from tools.core.results import ErrorResult, ToolResult

SCHEMAS: Final = Path(__file__).with_name("schemas.json")
"""Schemas by the class name of their models: of `arguments`, and of `results` and what they consist of."""


def input_schema(arguments: type[ToolArguments]) -> dict[str, Any]:
    """Return the schema of a tool's arguments."""
    schema: dict[str, Any] = _schemas()["arguments"][arguments.__name__]
    return schema


def output_schema(*results: type[ToolResult]) -> dict[str, Any]:
    """Return one object schema for all `results` of a tool, errors included.

    Clients of the TypeScript SDK hold failed answers against it too and drop those that do not match, so it names the
    properties of every answer and requires those that all have in common; that avoids top-level combinators.
    """
    answers: tuple[type[ToolResult], ...] = (*results, ErrorResult)
    models = _schemas()["results"]
    schemas = [models[model.__name__] for model in answers]
    properties: dict[str, Any] = {}
    for one in schemas:
        properties |= one["properties"]
    required = [name for name in schemas[0]["required"] if all(name in one["required"] for one in schemas)]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
        "$defs": {name: models[name] for name in sorted(_names_in(properties, models))},
    }


@cache
def _schemas() -> dict[str, dict[str, Any]]:
    schemas: dict[str, dict[str, Any]] = json.loads(SCHEMAS.read_bytes())
    return schemas


def _names_in(schema: Any, models: dict[str, Any]) -> set[str]:
    """Return the names of all models that `schema` refers to, by way of others too."""
    if isinstance(schema, list):
        return set().union(*(_names_in(one, models) for one in schema))
    if not isinstance(schema, dict):
        return set()
    if isinstance(reference := schema.get("$ref"), str):
        name = reference.removeprefix("#/$defs/")
        return {name, *_names_in(models[name], models)}
    return set().union(*(_names_in(one, models) for one in schema.values()))
