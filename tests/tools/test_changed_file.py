"""A file that changed on its way: what is said of what it left in ACC, and where the step that is offered leads."""

from functools import partial

import anyio
import anyio.to_thread

from acc_sandbox import Fault, Stall

PLACE = {"project": "Riverside Medical Center", "submittal": "051200-2"}


async def test_it_becomes_another_attachment_and_nothing_else_is_claimed(connect, box, tmp_path):
    (tmp_path / "beams.pdf").write_bytes(b"beams")
    sending = box.faults.add(Fault("storage.put", Stall()))
    answers = []

    async def attach(assistant):
        answers.append(await assistant.refused("add_submittal_attachment", **PLACE, file_path="beams.pdf"))

    async with connect(folders=(tmp_path,)) as assistant:
        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                group.start_soon(attach, assistant)
                await anyio.to_thread.run_sync(partial(sending.reached.wait, 60))
                (tmp_path / "beams.pdf").write_bytes(b"beams and more")
                box.faults.release()
        [told] = answers
        assert told["error"]["code"] == "file_changed"
        assert told["error"]["message"].endswith(
            "stays reserved in ACC without its bytes; a file that is another now becomes a new attachment."
        )
        [left] = (await assistant.call("get_attachment_status", **PLACE))["attachments"]
        looked = await assistant.refused("get_attachment_status", **PLACE, attachment_id=left["id"])
        assert looked["error"]["hint"].startswith("Call add_submittal_attachment again once whatever writes")
        [step] = looked["next_steps"]
        assert step["reason"].startswith("file_changed: Attach the file as it is now")
        anew = await assistant.follow(step)
    assert (anew["attachment"]["id"] != left["id"], anew["attachment"]["size_bytes"]) == (True, 14)
