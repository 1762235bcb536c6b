"""The JSON schemas that clients are served, made of the models of tools.

`python -m scripts.tool_schemas` writes `server/mcp/schemas.json`; with `--check` it says whether the file is current.
"""

import json
import sys
from typing import Any

from pydantic.json_schema import models_json_schema

from server.mcp.schemas import SCHEMAS
from tools.core.arguments import ToolArguments
from tools.core.registry import definitions
from tools.core.results import ToolResult
from transfers.files.pasted_text import LONGEST


def schemas() -> dict[str, dict[str, Any]]:
    """Return the schemas of all arguments and results by the names of their classes.

    Raises:
        ValueError: Two models of arguments have one name.
    """
    models = {tool.arguments for local_files in (True, False) for tool in definitions(local_files=local_files)}
    arguments = {model.__name__: argument_schema(model) for model in models}
    if len(arguments) < len(models):
        raise ValueError(sorted(model.__name__ for model in models))
    _, results = models_json_schema([(model, "serialization") for model in ToolResult.__subclasses__()])
    return {"arguments": dict(sorted(arguments.items())), "results": _strip_titles(results["$defs"])}


def argument_schema(arguments: type[ToolArguments]) -> dict[str, Any]:
    """Return the schema of a tool's arguments as small as it can be: no titles, no null alternatives.

    Some hosts refuse a whole list of tools for one top-level anyOf, and every byte is paid for in every conversation.
    """
    schema = arguments.model_json_schema()
    properties = {name: _without_null(one) for name, one in schema.get("properties", {}).items()}
    small: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if schema.get("required"):
        small["required"] = schema["required"]
    return small


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    small = {name: value for name, value in schema.items() if name not in ("title", "anyOf")}
    if small.get("default", ...) is None:
        del small["default"]
    if small.get("maxLength") == LONGEST:
        del small["maxLength"]  # every text has this limit, and no one comes near it
    if "items" in small:
        small["items"] = _without_null(small["items"])
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


def main(arguments: list[str]) -> int:
    """Write the file, or with `--check` return 1 where it is not current."""
    text = json.dumps(schemas(), ensure_ascii=False, indent=1) + "\n"
    if "--check" not in arguments:
        SCHEMAS.write_text(text, encoding="utf-8")
        return 0
    if SCHEMAS.read_text(encoding="utf-8") == text:
        return 0
    print("server/mcp/schemas.json is not what the models say; write it with: python -m scripts.tool_schemas")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
