"""Submittals as resources: the tools' own answers under an address, with the tools' own policy."""

import json
from urllib.parse import quote

import pytest
from mcp import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

RIVERSIDE = "Riverside Medical Center"
NOT_FOUND = {"legacy": -32002, "2026-07-28": INVALID_PARAMS}


async def read(assistant, address):
    [content] = (await assistant.client.read_resource(address)).contents
    assert (content.uri, content.mime_type) == (address, "application/json")
    shown = json.loads(content.text)
    assert content.text == json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    return shown


async def refused(assistant, address):
    with pytest.raises(MCPError) as caught:
        await assistant.client.read_resource(address)
    return caught.value.error


async def test_the_addresses_are_told_and_nothing_is_listed_that_would_have_to_be_asked_for(connect, box):
    async with connect() as assistant:
        templates = (await assistant.client.list_resource_templates()).resource_templates
        listed = (await assistant.client.list_resources()).resources
    assert [(one.uri_template, one.name, one.mime_type) for one in templates] == [
        ("submittal://{project}/{submittal}", "submittal", "application/json"),
        ("submittal://{project}/{submittal}/attachments", "submittal_attachments", "application/json"),
    ]
    assert all(one.title and one.description for one in templates)
    assert listed == []
    assert len(box.requests) == 0


async def test_a_submittal_is_what_get_submittal_answers(connect, box):
    item = box.item("051200-3")
    async with connect() as assistant:
        shown = await read(assistant, f"submittal://{item.project_id}/{item.id}")
        answered = await assistant.call("get_submittal", project=item.project_id, submittal=item.id)
    assert shown == answered


async def test_its_attachments_are_what_get_attachment_status_answers(connect, box):
    item = box.item("051200-3")
    async with connect() as assistant:
        shown = await read(assistant, f"submittal://{item.project_id}/{item.id}/attachments")
        answered = await assistant.call("get_attachment_status", project=item.project_id, submittal=item.id, limit=50)
    assert shown == answered


async def test_an_address_may_hold_what_the_tools_take(connect, box):
    async with connect() as assistant:
        by_words = await read(assistant, f"submittal://{quote(RIVERSIDE)}/{quote('05 12 00-3')}")
    assert by_words["submittal"]["id"] == box.item("051200-3").id


async def test_a_missing_resource_is_answered_with_the_code_of_the_era_and_the_tools_own_error(connect, box, era):
    riverside, mill = box.project().id, box.project("mill").id
    async with connect() as assistant:
        for address, code in (
            (f"submittal://{riverside}/999999-9", "submittal_not_found"),
            (f"submittal://{riverside}/00000000-0000-4000-8000-000000000000", "submittal_not_found"),
            ("submittal://Nowhere/051200-3", "project_not_found"),
            (f"submittal://{mill}/1", "project_not_supported"),
        ):
            error = await refused(assistant, address)
            assert (error.code, error.data["uri"], error.data["error"]["code"]) == (NOT_FOUND[era], address, code)
            assert error.message == f"{error.data['error']['message']} {error.data['error']['hint']}"
            assert error.data["next_steps"]


async def test_an_address_of_another_form_is_said_to_be_none_with_those_there_are(connect, box, era):
    async with connect() as assistant:
        for address in (
            *("submittal://", "submittal://one", "submittal://a/b/c", "submittal://a/..%2Fb"),
            *("http://a/b", "file:///etc/passwd"),
        ):
            error = await refused(assistant, address)
            assert (error.code, error.data) == (NOT_FOUND[era], {"uri": address})
            assert "submittal://{project}/{submittal}" in error.message
    assert len(box.requests) == 0


async def test_words_that_fit_several_are_a_wrong_argument_with_the_candidates(connect, box):
    async with connect() as assistant:
        error = await refused(assistant, f"submittal://{box.project().id}/steel")
    assert (error.code, error.data["error"]["code"]) == (INVALID_PARAMS, "ambiguous_reference")
    assert len(error.data["error"]["candidates"]) > 1


async def test_the_project_list_holds_for_resources_too(connect, box, era):
    item = box.item("051200-3")
    async with connect(projects=(box.project("harbor").id,)) as assistant:
        error = await refused(assistant, f"submittal://{item.project_id}/{item.id}")
    assert (error.code, error.data["error"]["code"]) == (NOT_FOUND[era], "project_not_allowed")


async def test_read_only_shows_resources_without_a_step_that_writes(connect, box):
    item = box.item("051200-3")
    async with connect(read_only=True) as assistant:
        shown = await read(assistant, f"submittal://{item.project_id}/{item.id}")
    assert shown["submittal"]["can_attach"] is True
    assert shown["next_steps"] == []


async def test_without_a_sign_in_the_error_says_so_and_how(connect):
    async with connect(person=None) as assistant:
        error = await refused(assistant, "submittal://a/b")
    assert (error.code, error.data["error"]["code"]) == (INTERNAL_ERROR, "not_signed_in")
    assert "APS_CLIENT_ID" in error.message
