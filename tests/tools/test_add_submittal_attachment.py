"""A file's way from an assistant's first call until reviewers can open it, whichever way its bytes go."""

import hashlib
import random
from urllib.parse import parse_qs

import anyio
import httpx
import pytest

import acc_sandbox
from acc_sandbox import Fault, LoseAnswer, Refuse, Stall
from transfers.upload.part_plan import MIN_PART_BYTES

pytestmark = pytest.mark.either_era

PLACE = {"project": "Riverside Medical Center", "submittal": "05 12 00-3"}
CONTENT = b"%PDF-1.4 beam shop drawings"
LINKED = "Project Files/03 Shop Drawings/05 Steel/beam-shop-drawings.pdf"


@pytest.fixture
def drawings(tmp_path):
    (tmp_path / "beams.pdf").write_bytes(CONTENT)
    return tmp_path


def attachments(box: acc_sandbox.Sandbox, number: str = "051200-3") -> list[dict[str, object]]:
    """What ACC has of a submittal beside what it began with."""
    return [row for row in box.attachments(box.item(number)) if row["name"] != "beam-schedule.pdf"]


async def follow_to_the_end(assistant, answer):
    """An agent that takes the first step it is offered, until there is none."""
    tools = []
    while answer["next_steps"]:
        assert len(tools) < 10
        tools.append(answer["next_steps"][0]["tool"])
        answer = await assistant.follow(answer["next_steps"][0])
    return answer, tools


async def test_a_local_file_is_stored_confirmed_and_followed_until_it_is_ready(connect, box, drawings):
    async with connect(folders=(drawings,)) as assistant:
        added = await assistant.call("add_submittal_attachment", **PLACE, file_path="beams.pdf")
        shown = added["attachment"]
        assert (shown["state"], shown["verified"], shown["size_bytes"]) == ("uploaded", True, len(CONTENT))
        assert shown["sha256"] == hashlib.sha256(CONTENT).hexdigest()
        assert (shown["name"], shown["category"], shown["progress"]) == ("beams.pdf", "for_review", None)
        assert (added["already_attached"], added["upload"]) == (False, None)
        [row] = attachments(box)
        assert row["isFileUploaded"] is False, "nothing is visible before it is confirmed"

        ready, tools = await follow_to_the_end(assistant, added)
    assert tools == ["confirm_attachment", "get_attachment_status"]
    assert set(ready) == {"attachment", "already_attached", "upload", "warnings", "next_steps"}
    assert ready["attachment"]["state"] == "ready"
    assert ready["attachment"]["version_urn"]
    [row] = attachments(box)
    assert box.object_bytes(str(row["uploadUrn"])) == CONTENT


async def test_confirm_true_goes_all_the_way_in_one_call(connect, box, drawings):
    async with connect(folders=(drawings,)) as assistant:
        added = await assistant.call(
            "add_submittal_attachment", **PLACE, file_path=str(drawings / "beams.pdf"), confirm=True
        )
        assert added["attachment"]["state"] in ("processing", "ready")
        ready, _ = await follow_to_the_end(assistant, added)
    assert ready["attachment"]["state"] == "ready"
    assert box.requests.count("attachments.patch") == 1


async def test_one_call_that_may_wait_answers_when_reviewers_can_open_the_file(connect, box, drawings):
    box.switches.urn_delay = 0.2
    async with connect(folders=(drawings,)) as assistant:
        call = {**PLACE, "file_path": "beams.pdf", "wait_seconds": 30}
        ready = await assistant.call("add_submittal_attachment", **call, confirm=True)
        again = await assistant.call("add_submittal_attachment", **call, confirm=True)
    assert (ready["attachment"]["state"], ready["already_attached"]) == ("ready", False)
    assert [(step["tool"], step["needs"]) for step in ready["next_steps"]] == [("move_submittal", ["to"])]
    assert (again["attachment"]["id"], again["already_attached"]) == (ready["attachment"]["id"], True)


async def test_without_confirm_time_to_wait_makes_nothing_visible(connect, box, drawings):
    async with connect(folders=(drawings,)) as assistant:
        added = await assistant.call("add_submittal_attachment", **PLACE, file_path="beams.pdf", wait_seconds=30)
        assert added["attachment"]["state"] == "uploaded"
        confirmed = await assistant.follow(added["next_steps"][0])
        ready = await assistant.call("confirm_attachment", **added["next_steps"][0]["arguments"], wait_seconds=30)
    assert confirmed["attachment"]["state"] in ("processing", "ready")
    assert ready["attachment"]["state"] == "ready"
    assert box.requests.count("attachments.patch") == 1


async def test_a_waiting_call_says_that_acc_could_not_process_the_file(connect, box, drawings):
    box.switches.processing_fails = True
    async with connect(folders=(drawings,)) as assistant:
        call = {**PLACE, "file_path": "beams.pdf", "confirm": True, "wait_seconds": 30}
        failed = await assistant.refused("add_submittal_attachment", **call)
    assert failed["error"]["code"] == "processing_failed"


async def test_a_list_is_waited_for_until_nothing_of_it_is_under_way(connect, box, drawings):
    for number in range(3):
        (drawings / f"{number}.pdf").write_bytes(b"%PDF-1.4 " + str(number).encode())
    async with connect(folders=(drawings,)) as assistant:
        for number in range(3):
            await assistant.call("add_submittal_attachment", **PLACE, file_path=f"{number}.pdf", confirm=True)
        listed = await assistant.call("get_attachment_status", **PLACE, wait_seconds=30)
    assert [row["state"] for row in listed["attachments"]] == ["ready"] * 4
    assert listed["next_steps"] == []


async def test_the_same_call_again_attaches_nothing_more(connect, box, drawings):
    async with connect(folders=(drawings,)) as assistant:
        first = await assistant.call("add_submittal_attachment", **PLACE, file_path="beams.pdf")
        again = await assistant.call("add_submittal_attachment", **PLACE, file_path="beams.pdf")
        assert (first["already_attached"], again["already_attached"]) == (False, True)
        assert again["attachment"]["id"] == first["attachment"]["id"]
        confirmed = await assistant.follow(again["next_steps"][0])
        repeated = await assistant.follow(again["next_steps"][0])
    assert {confirmed["attachment"]["state"], repeated["attachment"]["state"]} <= {"processing", "ready"}
    assert len(attachments(box)) == 1


async def test_a_version_of_the_files_tool_is_linked_with_one_post(connect, box):
    urn = box.file(LINKED).version_urn
    async with connect() as assistant:
        added = await assistant.call("add_submittal_attachment", **PLACE, file_urn=urn)
        assert (added["attachment"]["name"], added["attachment"]["verified"]) == ("beam-shop-drawings.pdf", False)
        ready, _ = await follow_to_the_end(assistant, added)
        again = await assistant.call("add_submittal_attachment", **PLACE, file_urn=urn)
    assert ready["attachment"]["state"] == "ready"
    assert again["already_attached"] is True
    assert (box.requests.count("attachments.create"), box.requests.count("attachments.patch")) == (1, 0)


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_a_caller_sends_the_bytes_and_confirms_them(connect, box, transport):
    async with connect(transport=transport) as assistant:
        call = {**PLACE, "upload_by_caller": True, "name": "beams.pdf"}
        added = await assistant.call("add_submittal_attachment", **call)
        upload = added["upload"]
        assert (added["attachment"]["state"], upload["method"], upload["headers"]) == ("reserved", "PUT", {})
        assert upload["max_bytes"] == 5 * 1024**3
        commands = [upload["command"], upload["command_windows"]]
        assert [one.count("FILE") for one in commands if one] == ([1] if transport == "stdio" else [1, 1])

        early = await assistant.refused("confirm_attachment", **added["next_steps"][0]["arguments"])
        assert early["error"]["code"] == "upload_incomplete"
        assert attachments(box)[0]["isFileUploaded"] is False
        assert (early["next_steps"], "upload.command" in early["error"]["hint"]) == ([], True)
        seen = await assistant.call("get_attachment_status", **added["next_steps"][0]["arguments"])
        assert seen["attachment"]["state"] == "reserved"
        assert seen["next_steps"] == added["next_steps"]

        again = await assistant.call("add_submittal_attachment", **call)
        assert (again["attachment"]["id"], again["already_attached"]) == (added["attachment"]["id"], True)
        async with httpx.AsyncClient() as caller:
            sent = await caller.request(upload["method"], upload["url"], headers=upload["headers"], content=CONTENT)
        assert sent.status_code == 200

        ready, tools = await follow_to_the_end(assistant, again)
    assert tools == ["confirm_attachment", "get_attachment_status"]
    shown = ready["attachment"]
    assert (shown["state"], shown["verified"], shown["sha256"]) == ("ready", False, None)
    [row] = attachments(box)
    assert box.object_bytes(str(row["uploadUrn"])) == CONTENT


async def test_a_completed_upload_of_the_callers_is_not_reused_without_a_key(connect, box):
    async with connect() as assistant:
        call = {**PLACE, "upload_by_caller": True, "name": "beams.pdf"}
        ids = []
        for key in ({}, {}, {"idempotency_key": "beams"}, {"idempotency_key": "beams"}):
            added = await assistant.call("add_submittal_attachment", **call, **key)
            ids.append(added["attachment"]["id"])
            if added["upload"] is not None:
                async with httpx.AsyncClient() as caller:
                    await caller.put(added["upload"]["url"], content=CONTENT)
                await follow_to_the_end(assistant, added)
    assert len(set(ids)) == 3
    assert ids[2] == ids[3]


async def test_a_category_that_acc_offers_is_sent_and_its_own_choice_is_left_to_it(connect, box, drawings):
    async with connect(folders=(drawings,)) as assistant:
        chosen = await assistant.call(
            "add_submittal_attachment", **PLACE, file_path="beams.pdf", category="final_response"
        )
        automatic = await assistant.call(
            "add_submittal_attachment", **PLACE, file_path="beams.pdf", category="for_review"
        )
        left_out = await assistant.call("add_submittal_attachment", **PLACE, file_path="beams.pdf")
    assert (chosen["attachment"]["category"], automatic["attachment"]["category"]) == ("final_response", "for_review")
    assert left_out["attachment"]["id"] == automatic["attachment"]["id"]


async def test_in_review_the_only_task_of_mine_is_found_by_itself(connect, box, drawings):
    item = box.item("052100-1")
    async with connect(folders=(drawings,)) as assistant:
        added = await assistant.call(
            "add_submittal_attachment", project=PLACE["project"], submittal="052100-1", file_path="beams.pdf"
        )
    mine = [task.id for task in box.tasks(item) if task.assigned_to == box.person("manager").autodesk_id]
    assert [added["attachment"]["task_id"]] == mine
    assert added["attachment"]["category"] == "review_response"


async def test_a_name_gets_the_extension_that_viewers_need(connect, box, drawings):
    async with connect(folders=(drawings,)) as assistant:
        added = await assistant.call("add_submittal_attachment", **PLACE, file_path="beams.pdf", name="Beams, rev. B")
    assert added["attachment"]["name"] == "Beams, rev. B.pdf"
    assert [row["name"] for row in attachments(box)] == ["Beams, rev. B.pdf"]


async def test_a_transfer_that_outlasts_the_call_goes_on_and_is_followed(connect, box, drawings):
    stalled = box.faults.add(Fault("storage.put", Stall()))
    async with connect(folders=(drawings,), max_wait_seconds=1) as assistant:
        await assistant.call("sign_in")  # which opens what an attach needs
        added = await assistant.call("add_submittal_attachment", **PLACE, file_path="beams.pdf")
        while added["attachment"]["state"] == "preparing":  # a second may not suffice for that
            added = await assistant.follow(added["next_steps"][0])
        await anyio.to_thread.run_sync(stalled.reached.wait)
        assert added["attachment"]["state"] == "uploading"
        assert added["attachment"]["progress"]["bytes_total"] == len(CONTENT)
        too_early = await assistant.refused("confirm_attachment", **PLACE, attachment_id=added["attachment"]["id"])
        assert (too_early["error"]["code"], too_early["error"]["retryable"]) == ("upload_incomplete", True)
        box.faults.release()
        ready, tools = await follow_to_the_end(assistant, added)
    assert ready["attachment"]["state"] == "ready"
    assert tools[0] == "get_attachment_status"


async def test_a_lost_answer_to_the_reservation_makes_no_second_one(connect, box, drawings):
    box.faults.add(Fault("attachments.create", LoseAnswer()))
    async with connect(folders=(drawings,)) as assistant:
        added = await assistant.call("add_submittal_attachment", **PLACE, file_path="beams.pdf")
    assert added["attachment"]["id"] == attachments(box)[0]["id"]
    assert len(attachments(box)) == 1


async def test_a_call_that_is_still_preparing_is_joined_by_the_step_it_gives(connect, box, drawings):
    stalled = box.faults.add(Fault("attachments.create", Stall()))
    async with connect(folders=(drawings,), max_wait_seconds=1) as assistant:
        await assistant.call("sign_in")  # which opens what an attach needs
        added = await assistant.call("add_submittal_attachment", **PLACE, file_path="beams.pdf")
        await anyio.to_thread.run_sync(stalled.reached.wait)
        assert (added["attachment"]["state"], added["attachment"]["id"]) == ("preparing", None)
        box.faults.release()
        ready, tools = await follow_to_the_end(assistant, added)
    assert ready["attachment"]["state"] == "ready"
    assert tools[0] == "add_submittal_attachment"
    assert len(attachments(box)) == 1


async def test_an_upload_that_storage_broke_off_is_gone_on_with_by_the_step_of_its_error(connect, box, drawings):
    box.faults.add(Fault("storage.put", Refuse(400, "<Error><Code>EntityTooSmall</Code></Error>")))
    async with connect(folders=(drawings,)) as assistant:
        refusal = await assistant.refused("add_submittal_attachment", **PLACE, file_path="beams.pdf")
        assert (refusal["error"]["code"], refusal["error"]["failed_step"]) == ("storage_unavailable", "send")
        [row] = attachments(box)
        assert row["id"] in refusal["error"]["message"]

        seen = await assistant.refused("get_attachment_status", **PLACE, attachment_id=row["id"])
        assert (seen["error"]["code"], seen["next_steps"][0]["tool"]) == (
            "storage_unavailable",
            "add_submittal_attachment",
        )
        listed = await assistant.call("get_attachment_status", **PLACE)
        assert listed["next_steps"][0]["reason"].startswith("storage_unavailable: ")

        ready, _ = await follow_to_the_end(assistant, await assistant.follow(refusal["next_steps"][0]))
    assert ready["attachment"]["id"] == row["id"]
    assert len(attachments(box)) == 1


@pytest.mark.parametrize(
    ("size", "parts"),
    [(1, 1), (MIN_PART_BYTES - 1, 1), (MIN_PART_BYTES, 1), (MIN_PART_BYTES + 1, 2), (8 * MIN_PART_BYTES + 1, 7)],
    ids=["1 byte", "5 MiB - 1", "5 MiB", "5 MiB + 1", "parts of 6 MiB"],
)
async def test_the_stored_file_is_the_file_byte_for_byte_at_every_edge_of_the_part_rules(
    connect, box, tmp_path, size, parts
):
    """Promise 3; and promise 4: no request for signed URLs asks for more than 25."""
    content = random.Random(size).randbytes(size)
    (tmp_path / "drawing.pdf").write_bytes(content)
    async with connect(folders=(tmp_path,)) as assistant:
        answer = await assistant.call("add_submittal_attachment", **PLACE, file_path="drawing.pdf")
    attachment = answer["attachment"]
    assert (attachment["state"], attachment["size_bytes"]) == ("uploaded", size)
    assert attachment["sha256"] == hashlib.sha256(content).hexdigest()
    [row] = [row for row in box.attachments(box.item("051200-3")) if row["id"] == attachment["id"]]
    assert hashlib.sha256(box.object_bytes(row["uploadUrn"])).hexdigest() == attachment["sha256"]
    assert box.requests.count("storage.put") == parts
    asked = [int(parse_qs(one.query)["parts"][0]) for one in box.requests.all("oss.signeds3upload.get")]
    assert sum(asked) == parts
    assert max(asked) <= 25
