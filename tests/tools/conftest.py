"""What the tests of the tools share: every tool as it is served, and the check of a next step."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from server.mcp.schemas import input_schema
from tools.core.registry import definitions
from tools.core.results import NextStep

FILLED: dict[str, Any] = {"string": "something", "integer": 1, "boolean": True, "array": ["rev"]}
"""A value of each kind, for what a caller would supply."""


class Served:
    """The input schemas of the tools, as stdio or HTTP serves them."""

    def __init__(self, *, local_files: bool) -> None:
        self.schemas = {one.name: input_schema(one.arguments) for one in definitions(local_files=local_files)}
        self.writing = {one.name for one in definitions(local_files=local_files) if one.writes}

    def check(self, step: NextStep) -> None:
        """Fail unless a step is a call of a tool that its own schema takes once the caller supplied what it needs."""
        schema = self.schemas[step.tool]
        assert not set(step.needs) & set(step.arguments)
        supplied = {name: _value(schema["properties"][name]) for name in step.needs}
        Draft202012Validator(schema).validate({**step.arguments, **supplied})
        assert step.reason


def _value(schema: dict[str, Any]) -> Any:
    return schema["enum"][0] if "enum" in schema else FILLED[schema["type"]]


@pytest.fixture(scope="session")
def served() -> dict[bool, Served]:
    """The tools by whether the server can read the person's files."""
    return {local_files: Served(local_files=local_files) for local_files in (True, False)}
