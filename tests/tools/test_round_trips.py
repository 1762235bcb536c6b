"""How many requests of a call follow one another: what needs no answer of another is asked at the same time."""

import anyio
import anyio.to_thread
import pytest

from acc_sandbox import Fault, Stall

PLACE = {"project": "Riverside Medical Center", "submittal": "051200-3"}
ITEM, LIST, PATCH = "items.get", "attachments.list", "attachments.patch"
ADDED = [LIST, "attachments.create", "oss.signeds3upload.get", "storage.put", "oss.signeds3upload.complete"]


def asked_since(box, before):
    """What was asked since there were so many requests, but for the looks after a confirmation."""
    asked = [request.operation for request in box.requests.all()[before:]]
    while len(asked) > 1 and asked[-1] == LIST and PATCH in asked:
        asked.pop()
    return asked


async def call_holding_both(box, assistant, tool, **arguments):
    """Make a call whose submittal and whose attachments are answered only once both are asked for."""
    held = [box.faults.add(Fault(operation, Stall())) for operation in (ITEM, LIST)]

    async def release():
        for fault in held:
            assert await anyio.to_thread.run_sync(fault.reached.wait, 120)
        box.faults.release()

    async with anyio.create_task_group() as group:
        group.start_soon(release)
        return await assistant.call(tool, **arguments)


@pytest.mark.parametrize("tool", ["get_submittal", "get_attachment_status"])
@pytest.mark.parametrize("by_id", [True, False])
async def test_a_submittal_and_its_attachments_are_one_round_trip(connect, box, tool, by_id):
    place = PLACE | ({"submittal": box.item("051200-3").id} if by_id else {})
    async with connect() as assistant:
        await assistant.call("get_submittal", **place)
        before = box.requests.count()
        await call_holding_both(box, assistant, tool, **place)
    assert sorted(asked_since(box, before)) == [LIST, ITEM]


async def test_a_confirmation_is_two_round_trips_and_an_attachment_with_it_six_beside_its_bytes(connect, box, tmp_path):
    for name in ("beams.pdf", "bolts.pdf"):
        (tmp_path / name).write_bytes(name.encode())
    async with connect(folders=(tmp_path,)) as assistant:
        await assistant.call("get_submittal", **PLACE)
        before = box.requests.count()
        added = await assistant.call("add_submittal_attachment", **PLACE, file_path="beams.pdf")
        assert asked_since(box, before) == [ITEM, *ADDED]
        attachment_id, before = added["attachment"]["id"], box.requests.count()
        await call_holding_both(box, assistant, "confirm_attachment", **PLACE, attachment_id=attachment_id)
        asked = asked_since(box, before)
        assert (sorted(asked[:2]), asked[2:]) == ([LIST, ITEM], [PATCH])
        before = box.requests.count()
        await assistant.call("add_submittal_attachment", **PLACE, file_path="bolts.pdf", confirm=True)
        # What the submittal has was listed for the file before, unless that took long.
        asked = [one for one in asked_since(box, before) if one not in ("storage.put", LIST)]
        assert asked == [ITEM, *ADDED[1:3], ADDED[4], PATCH]
