"""What a client is served: small, explicit, and the same as yesterday unless a change was meant."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import anyio
import pytest
from jsonschema import Draft202012Validator
from mcp import Client

from server.mcp.app import build_server
from server.settings.model import Settings
from tools.core.registry import definitions
from tools.core.results import ErrorResult

HERE = Path(__file__).parent
TOKENS = 3200
"""What all tools together may cost in every conversation, at four characters a token."""


@pytest.fixture(params=["stdio", "http"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tools(transport: Any, clean_environment: None, era: str) -> list[dict[str, Any]]:
    """The tools as a client gets them over the wire."""

    async def ask() -> list[dict[str, Any]]:
        async with Client(build_server(Settings.load(), transport=transport), mode=era) as client:
            listed = await client.list_tools()
        return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed.tools]

    return anyio.run(ask)


def test_nothing_served_changes_unnoticed(tools, transport):
    committed = HERE / f"surface.{transport}.json"
    if os.environ.get("UPDATE_SURFACE") == "1":
        committed.write_text(json.dumps(tools, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    assert committed.is_file(), "write it with UPDATE_SURFACE=1, and look at it"
    assert tools == json.loads(committed.read_text(encoding="utf-8")), "was the change meant? Then UPDATE_SURFACE=1"


def test_the_tools_are_those_of_the_design_in_one_order(tools):
    assert [tool["name"] for tool in tools] == [
        "add_submittal_attachment",
        "attach_files",
        "confirm_attachment",
        "get_attachment_status",
        "find_projects",
        "find_submittals",
        "get_submittal",
        "find_project_files",
        "download_attachments",
        "move_submittal",
        "sign_in",
    ]


def test_the_tool_list_stays_within_its_token_limit(tools):
    seen = [
        tool["name"]
        + tool["title"]
        + tool["description"]
        + json.dumps(tool["inputSchema"], ensure_ascii=False, separators=(",", ":"))
        for tool in tools
    ]
    assert sum(map(len, seen)) / 4 < TOKENS


def test_every_hint_is_given_and_says_what_the_tool_does(tools, transport):
    hints = {
        tool["name"]: {name: value for name, value in tool["annotations"].items() if name.endswith("Hint")}
        for tool in tools
    }
    look = {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": True}
    write = look | {"readOnlyHint": False}
    move = write | {"destructiveHint": True, "idempotentHint": False}
    # It writes to the person's disk.
    saves = {"download_attachments": write} if transport == "stdio" else {}
    writing = saves | dict.fromkeys(("add_submittal_attachment", "attach_files", "confirm_attachment"), write)
    assert hints == {name: ({**writing, "move_submittal": move}).get(name, look) for name in hints}


def test_each_tool_has_words_to_be_searched_by(tools):
    hints = [tool["_meta"]["anthropic/searchHint"] for tool in tools]
    assert all(20 <= len(hint) <= 200 for hint in hints)
    assert len(set(hints)) == len(hints)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_that_sees_no_tool_yet_is_told_what_the_server_is_for(clean_environment, mode):
    async with Client(build_server(Settings.load(), transport="stdio"), mode=mode) as client:
        info, instructions = client.server_info, client.instructions
    assert info is not None
    assert "submittals in Autodesk Construction Cloud" in info.description
    assert "call add_submittal_attachment at once" in instructions
    assert len(instructions) < 1200


def test_icons_are_small_pictures_that_need_no_network(tools):
    for tool in tools:
        [icon] = tool["icons"]
        kind, _, svg = icon["src"].partition(",")
        assert (kind, icon["mimeType"]) == ("data:image/svg+xml", "image/svg+xml")
        picture = ET.fromstring(unquote(svg))
        assert picture.tag == "{http://www.w3.org/2000/svg}svg"
        assert not any(character in svg for character in "<># ")
        assert len(icon["src"]) < 500


KEYWORDS = {
    *("type", "properties", "required", "items", "enum", "description", "default"),
    *("minimum", "maximum", "minLength", "maxLength", "additionalProperties"),
}
"""What hosts, their validators and the converters of model providers all understand (docs/agents.md)."""


def test_input_schemas_use_only_the_keywords_that_every_client_understands(tools):
    def check(schema: dict[str, Any]) -> None:
        assert set(schema) <= KEYWORDS
        assert isinstance(schema["type"], str)
        for below in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
            check(below)

    for tool in tools:
        check(tool["inputSchema"])


def test_input_schemas_are_flat_closed_objects_that_every_host_takes(tools):
    for tool in tools:
        schema = tool["inputSchema"]
        Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
        assert schema["additionalProperties"] is False
        assert not {"anyOf", "oneOf", "allOf", "not", "$defs", "$ref"} & set(schema)
        for argument in schema["properties"].values():
            assert argument["type"] in ("string", "integer", "boolean", "array")
            assert not {"anyOf", "oneOf", "allOf", "title"} & set(argument)


def test_output_schemas_are_plain_objects_that_take_errors_too(tools):
    error = ErrorResult.model_validate(
        {"error": {"code": "rate_limited", "message": "m", "hint": "h"}, "next_steps": []}
    ).model_dump(mode="json")
    for tool in tools:
        schema = tool["outputSchema"]
        Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
        assert not {"anyOf", "oneOf", "allOf", "not", "$ref"} & set(schema)
        Draft202012Validator(schema).validate(error)


def test_output_schemas_name_every_property_of_every_answer(tools):
    served = {tool["name"]: tool["outputSchema"] for tool in tools}
    for one in definitions(local_files=True):
        names = {name for model in (*one.results, ErrorResult) for name in model.model_fields}
        assert set(served[one.name]["properties"]) == names
        assert served[one.name]["required"] == ["next_steps"]


def test_over_http_no_answer_names_a_path_of_the_server(tools, transport):
    served = json.dumps(tools)
    for words in ("file_path", "Local file", "allowed folder"):
        assert (words in served) == (transport == "stdio")


async def test_read_only_hides_what_writes(clean_environment, era):
    async with Client(build_server(Settings.load(read_only=True), transport="stdio"), mode=era) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
    assert names == {one.name for one in definitions(local_files=True) if not one.writes}


def test_names_are_told_once():
    for local_files in (True, False):
        names = [one.name for one in definitions(local_files=local_files)]
        titles = [one.title for one in definitions(local_files=local_files)]
        assert len(set(names)) == len(names)
        assert len(set(titles)) == len(titles)


def test_descriptions_tell_and_do_not_command():
    for one in definitions(local_files=True):
        assert 20 <= len(one.description) <= 500
        assert not {"MUST", "IMPORTANT", "CRITICAL", "ALWAYS", "NEVER"} & set(one.description.split())
