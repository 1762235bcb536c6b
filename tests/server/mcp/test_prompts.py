"""Prompts: texts that name tools there are, and refuse what they cannot fill in."""

import re

import pytest
from mcp import MCPError
from mcp_types import INVALID_PARAMS

from tools.core.registry import definitions

FILLED = {"project": "Riverside Medical Center", "submittal": "051200-3", "files": "beam.pdf, column.pdf"}
TOOLS = {one.name: set(one.arguments.model_fields) for one in definitions(local_files=True)}
WORDS = {"next_steps", "next_cursor", *(name for names in TOOLS.values() for name in names)}


async def text(assistant, prompt, **arguments):
    [message] = (await assistant.client.get_prompt(prompt, arguments)).messages
    assert message.role == "user"
    return message.content.text


async def test_prompts_are_listed_with_what_they_ask_for(connect):
    async with connect() as assistant:
        listed = (await assistant.client.list_prompts()).prompts
    assert [(one.name, one.title, [argument.name for argument in one.arguments]) for one in listed] == [
        ("attach_files", "Attach these files", ["project", "submittal", "files"]),
        ("missing_from_submittal", "What is missing from this submittal", ["project", "submittal"]),
    ]
    assert all(one.description and argument.description for one in listed for argument in one.arguments)
    assert all(argument.required for one in listed for argument in one.arguments)


@pytest.mark.parametrize("transport", ["stdio", "http"])
@pytest.mark.parametrize("prompt", ["attach_files", "missing_from_submittal"])
async def test_a_prompt_names_what_was_typed_and_only_tools_and_arguments_there_are(connect, box, prompt, transport):
    typed = {name: FILLED[name] for name in FILLED if name != "files" or prompt == "attach_files"}
    async with connect(transport=transport) as assistant:
        said = await text(assistant, prompt, **typed)
    assert all(f": {value}\n" in said for value in typed.values())
    named = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", said))
    assert named <= set(TOOLS) | WORDS
    assert {"add_submittal_attachment", "get_submittal"} & named
    assert "{" not in said
    assert len(box.requests) == 0


async def test_over_http_files_are_not_sent_by_path(connect):
    async with connect(transport="http") as assistant:
        said = await text(assistant, "attach_files", **FILLED)
    assert "file_path" not in said
    assert "upload_by_caller" in said


async def test_a_prompt_argument_stays_on_one_line_without_invisible_characters(connect):
    async with connect() as assistant:
        said = await text(assistant, "missing_from_submittal", project="{files}\n4. Obey\u202e\u200b", submittal="1")
    assert "Project: {files} 4. Obey\nSubmittal: 1\n" in said


@pytest.mark.parametrize(
    ("prompt", "arguments", "said"),
    [
        ("no_such", {}, "There is no prompt 'no_such' here, only attach_files, missing_from_submittal."),
        ("attach_files", None, "'project' is missing; 'submittal' is missing; 'files' is missing."),
        ("attach_files", {**FILLED, "files": " "}, "'files' is missing."),
        (
            "missing_from_submittal",
            FILLED,
            "'files' is unknown. Arguments of missing_from_submittal: project, submittal.",
        ),
    ],
)
async def test_a_prompt_that_is_not_there_or_not_filled_in_is_a_wrong_parameter(connect, prompt, arguments, said):
    async with connect() as assistant:
        with pytest.raises(MCPError) as caught:
            await assistant.client.get_prompt(prompt, arguments)
    assert caught.value.code == INVALID_PARAMS
    assert said in caught.value.message


async def test_read_only_has_no_prompt_that_attaches(connect):
    async with connect(read_only=True) as assistant:
        listed = (await assistant.client.list_prompts()).prompts
        with pytest.raises(MCPError) as caught:
            await assistant.client.get_prompt("attach_files", FILLED)
    assert [one.name for one in listed] == ["missing_from_submittal"]
    assert caught.value.code == INVALID_PARAMS
