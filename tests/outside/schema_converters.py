"""What two model providers' SDKs make of tools, as they get them from an MCP server.

    python schema_converters.py FILE

FILE is the JSON of a `tools/list` result. Prints {"<tool>": {"openai": …, "google": …}}, each the parameters that the
model's API would be sent, or {"error": …}.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents.mcp import MCPServerStdio
from agents.mcp.util import MCPUtil
from google.genai import types
from mcp.types import Tool

SERVER = MCPServerStdio(params={"command": "never-started"})


def openai(tool: Tool) -> dict[str, Any]:
    """As openai-agents does it when it is told to make schemas strict."""
    made = MCPUtil.to_function_tool(tool, SERVER, convert_schemas_to_strict=True)
    return {"strict": made.strict_json_schema, "parameters": made.params_json_schema}


def google(tool: Tool) -> dict[str, Any]:
    """As google-genai makes Gemini's schema of JSON Schema, refusing keywords that it does not know.

    Its `mcp_to_gemini_tool` around this fails in 2.34 to 3.6.1 on `additionalProperties: false` of any server; programs
    that call Gemini with these tools declare them by their JSON Schema (docs/agents.md).
    """
    declared = types.FunctionDeclaration(name=tool.name, parameters_json_schema=tool.input_schema)
    if declared.parameters_json_schema != tool.input_schema:
        raise ValueError("the declaration changed the schema")
    schema = types.JSONSchema.model_validate(tool.input_schema)
    return types.Schema.from_json_schema(json_schema=schema).model_dump(mode="json", exclude_none=True)


def tried(convert: Callable[[Tool], dict[str, Any]], tool: Tool) -> dict[str, Any]:
    try:
        return convert(tool)
    except Exception as error:  # noqa: BLE001 - what it is, the test says
        return {"error": f"{type(error).__name__}: {error}"}


tools = [Tool.model_validate(one) for one in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))]
sys.stdout.write(json.dumps({one.name: {"openai": tried(openai, one), "google": tried(google, one)} for one in tools}))
