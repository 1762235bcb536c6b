"""The JSON schemas that clients are served: of a tool's arguments, and of everything that it may answer."""

from functools import cache
from typing import Any

from pydantic import BaseModel

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
    schemas = [_cached_output_schema(model) for model in answers]
    properties: dict[str, Any] = {}
    shared: dict[str, Any] = {}
    for one in schemas:
        properties |= one["properties"]
        shared |= one.get("$defs", {})
    required = [name for name in schemas[0]["required"] if all(name in one["required"] for one in schemas)]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
        "$defs": shared,
    }


# Generating a schema takes milliseconds, most tools share answers, and all can fail: each model's is made once.
@cache
def _cached_input_schema(arguments: type[BaseModel]) -> dict[str, Any]:
    return arguments.model_json_schema()


@cache
def _cached_output_schema(model: type[ToolResult]) -> dict[str, Any]:
    schema: dict[str, Any] = _strip_titles(model.model_json_schema(mode="serialization"))
    return schema


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
