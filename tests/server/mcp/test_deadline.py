"""Every call is answered in time, however slowly ACC answers."""

from functools import partial

import anyio
import pytest

from acc_sandbox import Fault, Stall


@pytest.fixture
def era():
    return "2026-07-28"


@pytest.mark.parametrize(
    ("tool", "operation", "arguments"),
    [
        ("find_projects", "hubs.list", {}),
        ("get_submittal", "items.get", {"project": "Riverside Medical Center", "submittal": "051200-3"}),
    ],
)
async def test_a_call_is_answered_five_seconds_after_the_longest_wait_while_acc_hangs(
    connect, box, tool, operation, arguments
):
    stalled = box.faults.add(Fault(operation, Stall()))
    async with connect(max_wait_seconds=1) as assistant:
        await assistant.answer("sign_in")  # which opens what a call needs
        with anyio.fail_after(120):
            refusal = await assistant.refused(tool, **arguments)
        box.faults.clear()
        assert stalled.reached.is_set()
        assert (refusal["error"]["code"], refusal["error"]["retryable"]) == ("upstream_unavailable", True)
        assert refusal["error"]["message"] == "Autodesk did not answer within 6 seconds."
        [again] = refusal["next_steps"]
        assert (again["tool"], again["arguments"], again["needs"]) == (tool, arguments, [])
        assert "error" not in await assistant.follow(again)


PLACE = {"project": "Riverside Medical Center", "submittal": "051200-3"}


@pytest.mark.parametrize(
    ("operations", "calls"),
    [
        ({"users.me": 1, "items.list": 2}, {"get_submittal": PLACE, "download_attachments": PLACE}),
        (
            {"admin.users.list": 1, "responses.list": 2, "specs.list": 1, "folders.contents": 3},
            {
                "move_submittal": {**PLACE, "to": "review"},
                "find_submittals": {"project": PLACE["project"], "spec": "05 12 00", "response": "approved"},
                "find_project_files": {"project": PLACE["project"], "query": "beam"},
            },
        ),
    ],
    ids=["a submittal and who asks", "people, responses, sections and folders"],
)
async def test_look_ups_that_do_not_depend_on_each_other_run_side_by_side(connect, box, tmp_path, operations, calls):
    for operation in operations:
        box.faults.add(Fault(operation, Stall(), times=None))
    missing = set(operations)
    async with connect(downloads=tmp_path) as assistant, anyio.create_task_group() as group:
        for tool, arguments in calls.items():
            group.start_soon(partial(assistant.ask, tool, **arguments))
        with anyio.move_on_after(40):  # before the calls give up, and with them a look-up that waits for another
            while missing := {name for name, least in operations.items() if box.requests.count(name) < least}:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        box.faults.clear()
    assert missing == set(), "these wait for another look-up"
