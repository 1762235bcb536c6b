"""Completing project and submittal from live data: what may be meant, in few requests, and never an error."""

import anyio
import pytest
from mcp import MCPError
from mcp_types import INVALID_PARAMS, PromptReference, ResourceTemplateReference

import acc_sandbox
from acc_sandbox import Fault, Refuse, Stall
from server.mcp.completions import _unshared

RIVERSIDE = "Riverside Medical Center"
PROMPT = PromptReference(name="attach_files")
RESOURCE = ResourceTemplateReference(uri="submittal://{project}/{submittal}")
PLACES = [PROMPT, RESOURCE, ResourceTemplateReference(uri="submittal://{project}/{submittal}/attachments")]


@pytest.fixture
def box(request):
    """An ACC of its own for each test; `parametrize` says with how many submittals more."""
    with acc_sandbox.running(items=getattr(request, "param", 0)) as box:
        yield box


async def suggested(assistant, argument, typed, ref=PROMPT, **settled):
    answer = await assistant.client.complete(ref, {"name": argument, "value": typed}, context_arguments=settled or None)
    assert answer.completion.has_more is False
    assert answer.completion.total == len(answer.completion.values)
    return answer.completion.values


async def test_projects_are_suggested_by_any_part_of_their_name_wherever_one_is_typed(connect):
    async with connect() as assistant:
        for ref in PLACES:
            assert await suggested(assistant, "project", "medical", ref) == [RIVERSIDE]
            assert await suggested(assistant, "project", "", ref) == ["Harbor Point Tower", RIVERSIDE]  # no BIM 360
            assert await suggested(assistant, "project", "zzz", ref) == []


async def test_submittals_are_suggested_by_number_and_by_title_wherever_one_is_typed(connect):
    async with connect() as assistant:
        for ref in PLACES:
            assert await suggested(assistant, "submittal", "05 12 00-3", ref, project=RIVERSIDE) == ["051200-3"]
            assert await suggested(assistant, "submittal", "BEAM", ref, project=RIVERSIDE) == [
                "Structural steel beam shop drawings"
            ]
            everything = await suggested(assistant, "submittal", "", ref, project=RIVERSIDE)
            assert len(everything) == 14
            assert "051200-3" in everything


async def test_a_completion_can_be_passed_to_a_tool_as_it_is(connect, box):
    async with connect() as assistant:
        [project] = await suggested(assistant, "project", "river")
        [title] = await suggested(assistant, "submittal", "beam", project=project)
        shown = await assistant.call("get_submittal", project=project, submittal=title)
    assert shown["submittal"]["id"] == box.item("051200-3").id


async def test_pasted_text_is_completed_as_the_tools_read_it(connect, box):
    item = box.item("051200-3")
    address = f"[the beams](https://acc.autodesk.com/build/submittals/projects/{item.project_id}/items/{item.id})"
    async with connect() as assistant:
        for typed in (
            "\u201eriver",
            "\u2039medical center\u203a\u200b",
            "<RIVERSIDE>",
            "b." + item.project_id,
            address,
        ):
            assert await suggested(assistant, "project", typed) == [RIVERSIDE]
        for typed in (
            "'05 12 00 \u2013 3'",
            "\u00ab051200-3\u00bb",
            "(051200\u20113)\ufeff",
            "No. 051200-3: beams",
            item.id.upper(),
            address,
        ):
            assert await suggested(assistant, "submittal", typed, project=f"`{RIVERSIDE}`") == ["051200-3"]
        assert await suggested(assistant, "project", "https://evil.example/projects/x") == []
        assert "051200-3" in await suggested(assistant, "submittal", '"0512', project=RIVERSIDE)


async def test_typing_in_a_small_project_costs_one_request_a_minute(connect, box):
    async with connect() as assistant:
        for typed in ("", "0", "05", "051", "beam", "zzz"):
            await suggested(assistant, "submittal", typed, project=RIVERSIDE)
            await suggested(assistant, "project", typed)
    counts = {operation: box.requests.count(operation) for operation in ("hubs.list", "items.list")}
    assert counts == {"hubs.list": 1, "items.list": 1}


@pytest.mark.parametrize("box", [60], indirect=True)
async def test_a_large_project_is_searched_once_for_each_new_text(connect, box):
    async with connect() as assistant:
        for typed in ("steel beam", "STEEL BEAM ", "steel beam"):
            found = await suggested(assistant, "submittal", typed, project=RIVERSIDE)
            assert "Structural steel beam shop drawings" in found
    assert box.requests.count("items.list") == 2


async def test_the_project_list_narrows_what_is_suggested(connect, box):
    async with connect(projects=(box.project("harbor").id,)) as assistant:
        assert await suggested(assistant, "project", "") == ["Harbor Point Tower"]
        assert await suggested(assistant, "submittal", "", project=RIVERSIDE) == []


async def test_without_a_project_or_with_half_a_name_no_submittal_is_suggested(connect, box):
    async with connect() as assistant:
        assert await suggested(assistant, "submittal", "05") == []
        assert await suggested(assistant, "submittal", "05", project=" ") == []
        assert await suggested(assistant, "submittal", "05", project="e") == []  # several
        assert await suggested(assistant, "submittal", "05", project="Nowhere") == []
    assert box.requests.count("items.list") == 0


async def test_files_are_not_suggested(connect, box):
    async with connect() as assistant:
        assert await suggested(assistant, "files", "beam") == []
    assert len(box.requests) == 0


async def test_completion_never_shows_an_error(connect, box):
    box.faults.add(Fault("items.list", Refuse(403, {}), times=None))
    async with connect() as assistant:
        assert await suggested(assistant, "submittal", "05", project=RIVERSIDE) == []
    async with connect(person=None) as assistant:
        assert await suggested(assistant, "project", "") == []


@pytest.mark.parametrize(("operation", "argument"), [("hubs.list", "project"), ("items.list", "submittal")])
async def test_completion_is_answered_within_seconds_while_acc_hangs(connect, box, operation, argument):
    stalled = box.faults.add(Fault(operation, Stall(), times=None))
    async with connect(completion_seconds=None) as assistant:
        await assistant.call("sign_in")  # which opens what a suggestion needs
        with anyio.fail_after(120):
            assert await suggested(assistant, argument, "05", project=RIVERSIDE) == []
    assert stalled.reached.is_set()
    box.faults.clear()
    async with connect() as assistant:
        assert await suggested(assistant, "submittal", "05", project=RIVERSIDE)


@pytest.mark.parametrize(
    ("ref", "argument"),
    [
        (PromptReference(name="no_such"), "project"),
        (ResourceTemplateReference(uri="submittal://{other}"), "project"),
        (PROMPT, "colour"),
        (RESOURCE, "files"),
    ],
)
async def test_completing_what_is_not_there_is_a_wrong_parameter(connect, ref, argument):
    async with connect() as assistant:
        with pytest.raises(MCPError) as caught:
            await assistant.client.complete(ref, {"name": argument, "value": ""})
    assert caught.value.code == INVALID_PARAMS


def test_two_projects_of_one_name_are_told_apart_by_their_ids():
    assert _unshared([("1", "Tower"), ("2", "tower"), ("3", "Bridge\u202e")]) == {"1": "1", "2": "2", "3": "Bridge"}
