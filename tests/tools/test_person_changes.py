"""One person signs out while the server runs, and another one signs in: nothing of the first is used for the second."""

from functools import partial

import anyio
import anyio.to_thread
import pytest

from acc_sandbox import Fault, Stall

pytestmark = pytest.mark.either_era

PLACE = {"project": "Riverside Medical Center", "submittal": "051200-2"}


class Desk:
    """Whose token a server sends: the one of who sits there now."""

    def __init__(self, box, person):
        self.box = box
        self.sit_down(person)

    def sit_down(self, person):
        self.token = self.box.token(person)

    async def access_token(self):
        return self.token

    async def renewed(self, rejected):
        return None


async def test_each_cache_is_of_one_person(connect, box):
    desk = Desk(box, "manager")
    async with connect(tokens=desk) as assistant:
        mine = await assistant.call("find_projects")
        await assistant.call("get_submittal", **PLACE)
        seen = box.requests.count("users.me")
        await assistant.call("get_submittal", **PLACE)
        assert box.requests.count("users.me") == seen
        desk.sit_down("steel")
        listed = box.requests.count("hubs.list")
        await assistant.call("find_projects")
        assert box.requests.count("hubs.list") > listed
        await assistant.call("get_submittal", **PLACE)
        assert box.requests.count("users.me") == seen + 1
        desk.sit_down("manager")
        assert await assistant.call("find_projects") == mine


@pytest.mark.parametrize(
    ("stalls", "tool", "arguments"),
    [("hubs.list", "find_projects", {}), ("items.list", "get_submittal", PLACE)],
)
async def test_each_cache_keeps_no_answer_that_came_while_another_person_signed_in(
    connect, box, stalls, tool, arguments
):
    desk = Desk(box, "manager")
    async with connect(tokens=desk) as assistant:
        mine = await assistant.call(tool, **arguments)
    stalled = box.faults.add(Fault(stalls, Stall()))
    async with connect(tokens=desk) as assistant:
        with anyio.fail_after(240):
            async with anyio.create_task_group() as group:
                group.start_soon(partial(assistant.ask, tool, **arguments))
                await anyio.to_thread.run_sync(partial(stalled.reached.wait, 120))
                desk.sit_down("steel")
                box.faults.release()
        theirs = await assistant.ask(tool, **arguments)
        desk.sit_down("manager")
        asked = box.requests.count(stalls)
        assert await assistant.call(tool, **arguments) == mine
        assert box.requests.count(stalls) > asked
    desk.sit_down("steel")
    async with connect(tokens=desk) as assistant:
        assert await assistant.ask(tool, **arguments) == theirs


async def test_a_job_goes_on_as_no_other_person(connect, box, tmp_path):
    desk = Desk(box, "manager")
    (tmp_path / "beams.pdf").write_bytes(b"beams")
    sending = box.faults.add(Fault("storage.put", Stall()))
    answers = []

    async def attach(assistant):
        answers.append(
            await assistant.refused("add_submittal_attachment", **PLACE, file_path="beams.pdf", confirm=True)
        )

    async with connect(tokens=desk, folders=(tmp_path,)) as assistant:
        with anyio.fail_after(240):
            async with anyio.create_task_group() as group:
                group.start_soon(attach, assistant)
                await anyio.to_thread.run_sync(partial(sending.reached.wait, 120))
                desk.sit_down("steel")
                box.faults.release()
        [told] = answers
        assert told["error"]["code"] == "permission_denied"
        assert "Another person is signed in now" in told["error"]["message"]
        assert (box.requests.count("oss.signeds3upload.complete"), box.requests.count("attachments.patch")) == (0, 0)
        desk.sit_down("manager")
        again = await assistant.call("add_submittal_attachment", **PLACE, file_path="beams.pdf", confirm=True)
    me = box.person("manager").autodesk_id
    assert (again["attachment"]["created_by"], again["attachment"]["updated_by"]) == (me, me)
    audit = (tmp_path / "data" / "audit.jsonl").read_text()
    assert box.person("steel").autodesk_id not in audit
