"""Every call is answered in time, however slowly ACC answers."""

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
        with anyio.fail_after(20):
            refusal = await assistant.refused(tool, **arguments)
        box.faults.clear()
        assert stalled.reached.is_set()
        assert (refusal["error"]["code"], refusal["error"]["retryable"]) == ("upstream_unavailable", True)
        assert refusal["error"]["message"] == "Autodesk did not answer within 6 seconds."
        [again] = refusal["next_steps"]
        assert (again["tool"], again["arguments"], again["needs"]) == (tool, arguments, [])
        assert "error" not in await assistant.follow(again)


async def test_look_ups_that_do_not_depend_on_each_other_run_side_by_side(connect, box):
    who = box.faults.add(Fault("users.me", Stall()))
    item = box.faults.add(Fault("items.list", Stall()))
    async with connect(max_wait_seconds=1) as assistant:
        await assistant.refused("get_submittal", project="Riverside Medical Center", submittal="051200-3")
        box.faults.clear()
    assert who.reached.is_set()
    assert item.reached.is_set()
