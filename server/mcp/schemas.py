"""The JSON schemas that clients are served: of a tool's arguments, and of everything that it may answer."""

from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tools.core.results import ErrorResult, ToolResult


def input_schema(arguments: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a tool's arguments as small as it can be: no titles, no null alternatives.

    Some hosts refuse a whole list of tools for one top-level anyOf, and every byte is paid for in every conversation.
    """
    schema = _cached_input_schema(arguments)
    properties = {name: _without_null(one) for name, one in schema.get("properties", {}).items()}
    small: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if schema.get("required"):
        small["required"] = schema["required"]
    return small


def output_schema(*results: type[ToolResult]) -> dict[str, Any]:
    """Return one object schema for all `results` of a tool, errors included.

    Clients of the TypeScript SDK hold failed answers against it too and drop those that do not match, so it names the
    properties of every answer and requires those that all have in common; that avoids top-level combinators.
    """
    answers: tuple[type[ToolResult], ...] = (*results, ErrorResult)
    models = _result_schemas()
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


# Generating a schema takes milliseconds, and a server starts with all of them: each model's is made once.
@cache
def _cached_input_schema(arguments: type[BaseModel]) -> dict[str, Any]:
    return arguments.model_json_schema()


@cache
def _result_schemas() -> dict[str, Any]:
    results = ToolResult.__subclasses__()
    _, schema = models_json_schema([(model, "serialization") for model in results])
    models: dict[str, Any] = _strip_titles(schema["$defs"])
    return models


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


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    small = {name: value for name, value in schema.items() if name not in ("title", "anyOf")}
    if small.get("default", ...) is None:
        del small["default"]
    for one in schema.get("anyOf", ()):
        if one.get("type") != "null":
            small = {**_without_null(one), **small}
    return small


def _strip_titles(schema: Any) -> Any:
    """Drop what pydantic says beside the shape: titles, and the docstrings of models."""
    if isinstance(schema, dict):
        return {
            name: _strip_titles(one)
            for name, one in schema.items()
            if not (name in ("title", "description") and isinstance(one, str))
        }
    return [_strip_titles(one) for one in schema] if isinstance(schema, list) else schema
