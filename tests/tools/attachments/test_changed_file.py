"""A file that changed on its way: what is said of what it left in ACC, and where the step that is offered leads."""

import hashlib
import os
from functools import partial

import anyio
import anyio.to_thread
import pytest

from acc_sandbox import Fault, Stall

PLACE = {"project": "Riverside Medical Center", "submittal": "051200-2"}


async def test_it_becomes_another_attachment_and_nothing_else_is_claimed(connect, box, tmp_path):
    (tmp_path / "beams.pdf").write_bytes(b"beams")
    sending = box.faults.add(Fault("storage.put", Stall()))
    answers = []

    async def attach(assistant):
        answers.append(await assistant.refused("add_submittal_attachment", **PLACE, file_path="beams.pdf"))

    async with connect(folders=(tmp_path,)) as assistant:
        with anyio.fail_after(240):
            async with anyio.create_task_group() as group:
                group.start_soon(attach, assistant)
                await anyio.to_thread.run_sync(partial(sending.reached.wait, 120))
                (tmp_path / "beams.pdf").write_bytes(b"beams and more")
                box.faults.release()
        [told] = answers
        assert told["error"]["code"] == "file_changed"
        assert told["error"]["message"].endswith(
            "stays reserved in ACC without its bytes; a file that is another now becomes a new attachment."
        )
        [left] = (await assistant.call("get_attachment_status", **PLACE))["attachments"]
        looked = await assistant.refused("get_attachment_status", **PLACE, attachment_id=left["id"])
        assert looked["error"]["hint"].startswith("Call add_submittal_attachment again once the program that writes")
        [step] = looked["next_steps"]
        assert step["reason"].startswith("file_changed: Attach the file as it is now")
        repeated = await assistant.follow(step)
    assert (repeated["attachment"]["id"] != left["id"], repeated["attachment"]["size_bytes"]) == (True, 14)


async def test_a_file_rewritten_with_the_same_size_and_time_is_never_answered_as_attached(connect, tmp_path):
    file = tmp_path / "beams.pdf"
    file.write_bytes(b"beams")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    async with connect(folders=(tmp_path,)) as assistant:
        first = await assistant.call("add_submittal_attachment", **PLACE, file_path="beams.pdf")
        file.write_bytes(b"BEAMS")
        os.utime(file, (1_700_000_000, 1_700_000_000))
        second = await assistant.call("add_submittal_attachment", **PLACE, file_path="beams.pdf")
        again = await assistant.call("add_submittal_attachment", **PLACE, file_path="beams.pdf")
    assert (first["already_attached"], second["already_attached"], again["already_attached"]) == (False, False, True)
    assert second["attachment"]["sha256"] == again["attachment"]["sha256"] == hashlib.sha256(b"BEAMS").hexdigest()


def touch(file):
    os.utime(file, (1_700_000_000, 1_700_000_000))


def replace_by_the_same_bytes(file):
    other = file.with_name("other")
    other.write_bytes(file.read_bytes())
    other.replace(file)


def change_its_mode(file):
    file.chmod(0o600)


@pytest.mark.parametrize("change", [touch, replace_by_the_same_bytes, change_its_mode])
async def test_touching_a_file_in_mid_upload_without_changing_its_bytes_stops_nothing(connect, box, tmp_path, change):
    (tmp_path / "beams.pdf").write_bytes(b"beams")
    sending = box.faults.add(Fault("storage.put", Stall()))
    answers = []

    async def attach(assistant):
        answers.append(await assistant.call("add_submittal_attachment", **PLACE, file_path="beams.pdf"))

    async with connect(folders=(tmp_path,)) as assistant:
        with anyio.fail_after(240):
            async with anyio.create_task_group() as group:
                group.start_soon(attach, assistant)
                await anyio.to_thread.run_sync(partial(sending.reached.wait, 120))
                change(tmp_path / "beams.pdf")
                box.faults.release()
    assert [(told["attachment"]["state"], told["attachment"]["verified"]) for told in answers] == [("uploaded", True)]
