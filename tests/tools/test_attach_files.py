"""Many files in two calls: a plan that says where each goes and why, and a run of what the plan showed and no more."""

import json
import mmap
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from mcp_types import ElicitRequestParams, ElicitResult

import acc_sandbox
from acc_sandbox import Fault, LoseAnswer, Refuse, Stall
from tests.support.follower import Others

pytestmark = pytest.mark.either_era

PROJECT = {"project": "Riverside Medical Center"}
LINKED = "Project Files/03 Shop Drawings/05 Steel/beam-shop-drawings.pdf"
NAMES = {
    "051200-3_Beams_RevB.pdf": "051200-3",
    "05 12 00-5 West wing (signed).pdf": "051200-5",
    "Curtain wall shops.pdf": "084413-2",
    "081113 door schedule.pdf": "081113-1",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that may be read; the server's own data lie elsewhere."""
    made = tmp_path / "Submittals"
    made.mkdir()
    return made


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"%PDF-1.4 " + os.fsencode(name))


def by_file(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["file"]: row for row in answer["files"]}


def outcomes(answer: dict[str, Any]) -> dict[str, str]:
    return {row["file"]: row.get("reason") or row["outcome"] for row in answer["files"]}


def names_at(box: acc_sandbox.Sandbox, number: str) -> list[object]:
    return sorted(str(row["name"]) for row in box.attachments(box.item(number)) if row["isFileUploaded"])


async def test_files_of_a_folder_go_to_the_submittals_that_their_names_single_out(connect, box, folder):
    write(folder, *NAMES, "Roof hatch.pdf", "051200.pdf", "033100-1 mix.pdf", "IMG_0512.jpg", "~$beams.docx", ".hidden")
    before = box.requests.all()
    async with connect(folders=(folder,)) as assistant:
        checked = await assistant.call("attach_files", **PROJECT, folder=".")
        rows = by_file(checked)
        assert {name: rows[name]["number"] for name in NAMES} == NAMES
        assert [rows[name]["matched_by"] for name in NAMES] == ["number", "number", "title", "spec_section"]
        assert rows["051200-3_Beams_RevB.pdf"]["title"] == "Structural steel beam shop drawings"
        assert (rows["033100-1 mix.pdf"]["number"], rows["033100-1 mix.pdf"]["reason"]) == ("033100-1", "closed")
        assert rows["Roof hatch.pdf"] == {"file": "Roof hatch.pdf", "outcome": "left_out", "reason": "none"}
        assert rows["051200.pdf"]["reason"].startswith("several: 051200-")
        assert checked["counts"] == {"planned": 4, "left_out": 4, "ignored": 2}
        sent = [one.operation for one in box.requests.all()[len(before) :]]
        assert not {"attachments.create", "storage.put"} & set(sent), "a check changes nothing"

        [run, unnamed] = checked["next_steps"]
        assert unnamed["needs"] == ["submittal", "files"]
        done = await assistant.follow(run)
    assert {name: by_file(done)[name]["state"] for name in NAMES} == dict.fromkeys(NAMES, "ready")
    assert {row["outcome"] for row in done["files"]} == {"attached", "left_out"}
    [onward] = done["next_steps"]
    assert (onward["tool"], onward["needs"]) == ("move_submittal", ["submittal", "to"])
    assert onward["reason"].startswith("Submittals can go on, if the person wants that: to=")
    assert all(name in names_at(box, number) for name, number in NAMES.items())


@pytest.mark.skipif(sys.platform != "linux", reason="only there it is known that a file is open for writing")
async def test_a_file_rewritten_by_way_of_memory_is_not_taken_for_the_one_that_is_attached(connect, folder):
    write(folder, "051200-3_Beams.pdf")
    file = folder / "051200-3_Beams.pdf"
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as memory:
        memory[-1:] = b"1"
        async with connect(folders=(folder,)) as assistant:
            checked = await assistant.call("attach_files", **PROJECT, folder=".")
            done = await assistant.follow(checked["next_steps"][0])
            assert outcomes(done) == {file.name: "attached"}
            same = await assistant.call("attach_files", **PROJECT, folder=".")
            memory[-1:] = b"2"  # the file system takes no note: this page is to be written back already
            other = await assistant.call("attach_files", **PROJECT, folder=".")
    assert (outcomes(same), outcomes(other)) == ({file.name: "already_attached"}, {file.name: "name_taken"})


async def test_fourteen_files_take_two_calls_and_few_tokens(connect, box, folder):
    names = [f"beam-shop-drawings-E{number}.pdf" for number in range(401, 415)]
    write(folder, *names)
    async with connect(folders=(folder,)) as assistant:
        place = {**PROJECT, "submittal": "05 12 00-3", "folder": "."}
        checked = await assistant.call("attach_files", **place)
        done = await assistant.follow(checked["next_steps"][0])
        again = await assistant.follow(checked["next_steps"][0])
        [onward] = done["next_steps"]
        shown = await assistant.follow(onward, to="review")
    read = sum(len(json.dumps(answer, ensure_ascii=False, separators=(",", ":"))) for answer in (checked, done))
    assert [row["state"] for row in done["files"]] == ["ready"] * 14
    assert (onward["tool"], onward["needs"]) == ("move_submittal", ["to"])
    assert (shown["transition"]["to_state"], shown["missing"]) == ("rev", [])
    assert again["next_steps"] == [], "this call attached nothing"
    assert read / 4 < 1500
    assert set(names) <= set(names_at(box, "051200-3"))


async def test_files_of_one_submittal_are_listed_once_for_all(connect, box, folder):
    write(folder, *(f"weld-map-{number:03}.pdf" for number in range(40)))
    async with connect(folders=(folder,)) as assistant:
        before = len(box.requests.all())
        await assistant.call("attach_files", **PROJECT, submittal="051200-3", folder=".")
        sent = [one.operation for one in box.requests.all()[before:]]
    assert sent.count("attachments.list") == 1
    assert len(sent) < 12


async def test_run_of_many_files_takes_two_requests_each_and_a_few_for_all(connect, box, folder):
    write(folder, *(f"weld-map-{number:03}.pdf" for number in range(12)))
    box.switches.urn_delay = 0
    async with connect(folders=(folder,)) as assistant:
        checked = await assistant.call("attach_files", **PROJECT, submittal="051200-3", folder=".")
        before = len(box.requests.all())
        done = await assistant.follow(checked["next_steps"][0])
        sent = [
            one.operation for one in box.requests.all()[before:] if not one.operation.startswith(("oss.", "storage."))
        ]
    assert {row["state"] for row in done["files"]} == {"ready"}
    assert sent.count("attachments.create") == sent.count("attachments.patch") == 12
    assert len(sent) < 3 * 12, Counter(sent)  # a list for each would be as many


async def test_the_same_plan_again_attaches_nothing_twice(connect, box, folder):
    write(folder, "051200-3 beams.pdf")
    async with connect(folders=(folder,)) as assistant:
        checked = await assistant.call("attach_files", **PROJECT, folder=".")
        first = await assistant.follow(checked["next_steps"][0])
        again = await assistant.follow(checked["next_steps"][0])
        looked = await assistant.call("attach_files", **PROJECT, folder=".")
    assert [one["files"][0]["outcome"] for one in (first, again, looked)] == [
        "attached",
        "already_attached",
        "already_attached",
    ]
    assert again["files"][0]["attachment_id"] == first["files"][0]["attachment_id"]
    assert ("plan" in looked, looked["next_steps"]) == (False, [])
    assert names_at(box, "051200-3").count("051200-3 beams.pdf") == 1


async def test_two_runs_of_a_plan_at_once_join_the_same_jobs(connect, box, folder):
    write(folder, *NAMES)
    async with connect(folders=(folder,)) as assistant:
        checked = await assistant.call("attach_files", **PROJECT, folder=".")
        done: list[dict[str, Any]] = []

        async def run() -> None:
            done.append(await assistant.follow(checked["next_steps"][0]))

        async with anyio.create_task_group() as group:
            group.start_soon(run)
            group.start_soon(run)
    ids = [[row["attachment_id"] for row in answer["files"]] for answer in done]
    assert ids[0] == ids[1]
    assert all(names_at(box, number).count(name) == 1 for name, number in NAMES.items())


async def test_run_without_waiting_goes_on_and_the_same_call_waits_for_it(connect, box, folder):
    write(folder, "051200-3 beams.pdf")
    async with connect(folders=(folder,)) as assistant:
        checked = await assistant.call("attach_files", **PROJECT, folder=".")
        arguments = {**checked["next_steps"][0]["arguments"], "wait_seconds": 0}
        begun = await assistant.call("attach_files", **arguments)
        [step] = begun["next_steps"] or [{"arguments": {**arguments, "wait_seconds": 30}}]
        ended = await assistant.call("attach_files", **step["arguments"])
    assert ended["files"][0]["state"] == "ready"
    assert names_at(box, "051200-3").count("051200-3 beams.pdf") == 1


async def test_run_goes_on_after_its_call_was_answered_and_a_repeated_call_joins_it(connect, box, folder):
    write(folder, "051200-3 beams.pdf", "051200-5 columns.pdf")
    stalled = box.faults.add(Fault("storage.put", Stall()))
    async with connect(folders=(folder,)) as assistant:
        checked = await assistant.call("attach_files", **PROJECT, folder=".")
        run = checked["next_steps"][0]["arguments"] | {"wait_seconds": 0}
        begun = await assistant.call("attach_files", **run)
        await anyio.to_thread.run_sync(stalled.reached.wait)
        assert begun["counts"] == {"planned": 2}
        assert begun["next_steps"][0]["arguments"]["plan"] == checked["plan"]
        box.faults.release()
        ended = await assistant.follow(begun["next_steps"][0])
    assert [(row["outcome"], row["state"]) for row in ended["files"]] == [("attached", "ready")] * 2
    assert box.requests.count("attachments.create") == 2


async def test_a_row_that_changed_since_the_check_does_not_run(connect, box, folder):
    write(folder, "051200-3 same.pdf", "051200-3 changes.pdf", "051200-5 closes.pdf", "051200-3 goes.pdf")
    async with connect(folders=(folder,)) as assistant:
        checked = await assistant.call("attach_files", **PROJECT, folder=".")
        write(folder, "051200-3 comes.pdf")
        (folder / "051200-3 changes.pdf").write_bytes(b"%PDF-1.4 another drawing")
        (folder / "051200-3 goes.pdf").unlink()
        Others(box, box.item("051200-5")).move("sbc-2")
        done = await assistant.follow(checked["next_steps"][0])
    assert outcomes(done) == {
        "051200-3 changes.pdf": "since the check",
        "051200-3 comes.pdf": "not in the plan",
        "051200-3 same.pdf": "attached",
        "051200-5 closes.pdf": "closed",
    }
    assert done["counts"] == {"changed": 3, "attached": 1, "gone": 1}
    assert done["next_steps"][0]["arguments"] == {**PROJECT, "folder": "."}
    assert [name for name in names_at(box, "051200-3") if str(name).startswith("0512")] == ["051200-3 same.pdf"]


async def test_plan_of_another_person_or_of_other_arguments_is_refused(connect, box, folder):
    write(folder, "051200-2 erection.pdf", "051200-4 east.pdf")
    async with connect(folders=(folder,)) as manager, connect("steel", folders=(folder,)) as steel:
        plan = (await manager.call("attach_files", **PROJECT, folder="."))["plan"]
        run = {**PROJECT, "folder": ".", "plan": plan, "check_only": False}
        for assistant, arguments in (
            (steel, run),
            (manager, {**run, "folder": "*.pdf"}),
            (manager, {**run, "category": "submission"}),
            (manager, {**run, "plan": plan[:-4] + "AAAA"}),
            (manager, {**run, "plan": "no plan at all"}),
        ):
            refusal = await assistant.refused("attach_files", **arguments)
            assert refusal["error"]["code"] == "invalid_arguments"
            assert "'plan' does not belong to this call" in refusal["error"]["message"]
            step = refusal["next_steps"][0]
            assert not {"plan", "check_only"} & set(step["arguments"])
    assert "051200-2 erection.pdf" not in names_at(box, "051200-2")


async def test_plan_holds_for_a_server_that_was_started_again(connect, box, folder):
    write(folder, "051200-3 beams.pdf")
    async with connect(folders=(folder,)) as assistant:
        checked = await assistant.call("attach_files", **PROJECT, folder=".")
    async with connect(folders=(folder,)) as assistant:
        done = await assistant.follow(checked["next_steps"][0])
    assert (done["files"][0]["outcome"], done["files"][0]["state"]) == ("attached", "ready")


async def test_names_are_followed_only_as_a_check_has_shown(connect, folder):
    write(folder, "051200-3 beams.pdf")
    async with connect(folders=(folder,)) as assistant:
        refusal = await assistant.refused("attach_files", **PROJECT, folder=".", check_only=False)
        assert "'plan' is missing" in refusal["error"]["message"]
        checked = await assistant.follow(refusal["next_steps"][0])
        assert checked["counts"] == {"planned": 1}
        done = await assistant.call(
            "attach_files", **PROJECT, folder=".", submittal="051200-3", check_only=False, wait_seconds=30
        )
    assert done["files"][0]["state"] == "ready"


async def test_name_that_another_file_has_in_acc_is_left_out(connect, box, folder):
    write(folder, "beam-schedule.pdf")
    async with connect(folders=(folder,)) as assistant:
        checked = await assistant.call("attach_files", **PROJECT, submittal="051200-3", folder=".")
        [step] = checked["next_steps"]
        assert step["needs"] == ["file_path", "name"]
        given = step["arguments"] | {"file_path": "beam-schedule.pdf", "name": "beam-schedule rev B.pdf"}
        attached = await assistant.call(step["tool"], **given)
    assert outcomes(checked) == {"beam-schedule.pdf": "name_taken"}
    assert "plan" not in checked
    assert attached["attachment"]["name"] == "beam-schedule rev B.pdf"


async def test_folders_below_are_read_when_asked_and_two_files_of_one_name_are_left_out(connect, folder):
    for below in ("East", "West", ".git"):
        (folder / below).mkdir()
        write(folder / below, "051200-3 beams.pdf")
    write(folder / "East", "051200-5 columns.pdf", "notes.txt")
    write(folder, "051200-2 erection.pdf")
    async with connect(folders=(folder,)) as assistant:
        direct = await assistant.call("attach_files", **PROJECT, folder=str(folder))
        below = await assistant.call("attach_files", **PROJECT, folder="**")
        east = await assistant.call("attach_files", **PROJECT, folder="East/*.pdf")
    assert outcomes(direct) == {"051200-2 erection.pdf": "planned"}
    assert outcomes(below) == {
        "051200-2 erection.pdf": "planned",
        "East/051200-3 beams.pdf": "same_name",
        "East/051200-5 columns.pdf": "planned",
        "East/notes.txt": "none",
        "West/051200-3 beams.pdf": "same_name",
    }
    assert outcomes(east) == {"East/051200-3 beams.pdf": "planned", "East/051200-5 columns.pdf": "planned"}


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
async def test_links_and_odd_names_have_their_reason_and_stop_no_other_file(connect, box, folder, tmp_path):
    (tmp_path / "secret.pdf").write_bytes(b"secret")
    (folder / "051200-3 link.pdf").symlink_to(tmp_path / "secret.pdf")
    (folder / "out").symlink_to(tmp_path)
    os.mkfifo(folder / "051200-3 pipe.pdf")
    write(folder, "051200-3 a|b.pdf", "051200-3 good.pdf")
    (folder / "051200-3 empty.pdf").write_bytes(b"")
    if sys.platform == "linux":
        write(folder, os.fsdecode(b"051200-3 \xff.pdf"))
    async with connect(folders=(folder,)) as assistant:
        checked = await assistant.call("attach_files", **PROJECT, folder="**")
        done = await assistant.follow(checked["next_steps"][0])
    found = outcomes(done)
    assert found.pop("051200-3 good.pdf") == "attached"
    assert found.pop("051200-3 link.pdf") == "file_not_allowed"
    assert found.pop("051200-3 pipe.pdf") == "file_not_allowed"
    assert found.pop("out") == "file_not_allowed"
    assert found.pop("051200-3 a|b.pdf") == "invalid_name"
    assert found.pop("051200-3 empty.pdf") == "file_empty"
    assert list(found.values()) == ["invalid_name"] * (sys.platform == "linux")


async def test_folder_of_thousands_takes_five_hundred_a_call_and_tells_the_rest(connect, folder):
    for number in range(5000):
        (folder / f"{number:04}.txt").touch()
    async with connect(folders=(folder,)) as assistant:
        checked = await assistant.call("attach_files", **PROJECT, submittal="051200-3", folder=".")
    assert (len(checked["files"]), checked["counts"]) == (500, {"left_out": 500, "more": 4500})
    assert checked["next_steps"][-1]["needs"] == ["folder"]


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("nowhere", "file_not_found"),
        ("x" * 5000, "file_not_allowed"),
        ("../", "file_not_allowed"),
        ("/etc", "file_not_allowed"),
        (".git", "file_not_allowed"),
    ],
)
async def test_folder_that_cannot_be_read_is_told_with_those_that_can(connect, folder, named, code):
    (folder / ".git").mkdir()
    async with connect(folders=(folder,)) as assistant:
        refusal = await assistant.refused("attach_files", **PROJECT, folder=named)
    assert refusal["error"]["code"] == code
    assert str(folder) in refusal["error"]["hint"] or len(named) > 1000
    assert str(folder.parent) not in refusal["error"]["hint"].replace(str(folder), ""), (
        "no hint names a folder's parent"
    )
    assert refusal["next_steps"][0]["needs"] == ["folder"]


async def test_folder_that_looks_like_its_name_is_taken_and_one_that_does_not_is_told_with_those_that_do(
    connect, folder
):
    (folder / "Steel\u00a0\u2013 A").mkdir()
    write(folder / "Steel\u00a0\u2013 A", "a.pdf")
    write(folder, "b.pdf")
    async with connect(folders=(folder,)) as assistant:
        for named in ("Steel - A", "\u201csteel \u2014 a\u201d", f"file://{folder}/Steel%20-%20A"):
            checked = await assistant.call("attach_files", **PROJECT, submittal="051200-3", folder=named)
            assert list(outcomes(checked)) == ["Steel\u00a0\u2013 A/a.pdf"]
        near = await assistant.refused("attach_files", **PROJECT, folder="Steal - A")
        taken = await assistant.call("attach_files", **PROJECT, folder=near["error"]["candidates"][0]["id"])
        file = await assistant.refused("attach_files", **PROJECT, folder="b.pdf")
    assert [row["file"] for row in taken["files"]] == [row["file"] for row in checked["files"]]
    assert file["error"]["message"] == "This is a file, not a folder: 'b.pdf'."
    assert file["next_steps"][0]["needs"] == ["files"]


async def test_exactly_one_source_is_taken(connect, folder):
    async with connect(folders=(folder,)) as assistant:
        none = await assistant.refused("attach_files", **PROJECT)
        both = await assistant.refused("attach_files", **PROJECT, folder=".", files=["a.pdf"])
    for refusal in (none, both):
        assert refusal["error"]["message"].startswith("Exactly one of folder, files, file_urns must be given")
        assert refusal["next_steps"][0]["needs"] == ["folder"]


async def test_paths_are_taken_as_a_list_and_each_once(connect, folder):
    write(folder, "a.pdf", "b.pdf")
    write(folder, "Beam one.pdf")
    (folder / "Steel").mkdir()
    write(folder / "Steel", "c.pdf")
    files = ["a.pdf", str(folder / "a.pdf"), "b.pdf", "missing.pdf", "Bem one.pdf", "steel"]
    async with connect(folders=(folder,)) as assistant:
        checked = await assistant.call("attach_files", **PROJECT, submittal="051200-3", files=files)
    assert outcomes(checked) == {
        "a.pdf": "planned",
        "b.pdf": "planned",
        "missing.pdf": "file_not_found",
        "Bem one.pdf": "file_not_found: Beam one.pdf",
        "steel": "file_not_allowed: c.pdf",
    }


async def test_over_http_versions_of_docs_are_linked_and_no_path_is_taken(connect, box):
    urns = [box.file(LINKED).version_urn, "urn:adsk.wipprod:fs.file:vf.bm93aGVyZQ?version=1"]
    async with connect(transport="http") as assistant:
        place = {**PROJECT, "submittal": "051200-3", "file_urns": urns}
        checked = await assistant.call("attach_files", **place)
        assert [row["outcome"] for row in checked["files"]] == ["planned", "left_out"]
        assert checked["files"][1]["reason"] == "file_not_found"
        done = await assistant.follow(checked["next_steps"][0])
        again = await assistant.follow(checked["next_steps"][0])
        none = await assistant.refused("attach_files", **PROJECT)
        path = await assistant.refused("attach_files", **PROJECT, folder=".")
    assert (done["files"][0]["outcome"], done["files"][0]["state"]) == ("attached", "ready")
    assert again["files"][0]["outcome"] == "already_attached"
    assert "takes no files from a chat" in none["error"]["hint"]
    assert "unknown argument 'folder'" in path["error"]["message"]


async def test_file_that_storage_refuses_fails_alone_and_the_same_plan_goes_on(connect, box, folder):
    write(folder, "051200-3 first.pdf", "051200-5 second.pdf")
    box.faults.add(Fault("storage.put", Refuse(400, "<Error><Code>InvalidRequest</Code></Error>")))
    async with connect(folders=(folder,)) as assistant:
        checked = await assistant.call("attach_files", **PROJECT, folder=".")
        done = await assistant.follow(checked["next_steps"][0])
        assert done["counts"] == {"failed": 1, "attached": 1}
        [failed] = [row for row in done["files"] if row["outcome"] == "failed"]
        assert failed["reason"] == "storage_unavailable"
        again = await assistant.follow(done["next_steps"][0])
    assert sorted(row["outcome"] for row in again["files"]) == ["already_attached", "attached"]


@pytest.mark.parametrize("tool", ["attach_files", "add_submittal_attachment"])
async def test_rows_that_a_lost_answer_may_have_made_are_among_the_next_steps(connect, box, folder, tmp_path, tool):
    write(folder, "beams.pdf")
    place = {**PROJECT, "submittal": "051200-3"}
    other_machine = connect(transport="http", data_dir=tmp_path / "other")
    async with connect(folders=(folder,)) as assistant, other_machine as elsewhere:
        ways = {
            "attach_files": {"files": ["beams.pdf"], "check_only": False, "wait_seconds": 30},
            "add_submittal_attachment": {"file_path": "beams.pdf", "confirm": True, "wait_seconds": 30},
        }
        box.faults.add(Fault("attachments.create", LoseAnswer()))
        look = box.faults.add(Fault("attachments.list", Stall(), nth=2 + (tool == "attach_files")))
        done: list[dict[str, Any]] = []

        async def run() -> None:
            done.append(await assistant.call(tool, **place, **ways[tool]))

        async with anyio.create_task_group() as group:
            group.start_soon(run)
            await anyio.to_thread.run_sync(look.reached.wait)
            await elsewhere.call("add_submittal_attachment", **place, upload_by_caller=True, name="beams.pdf")
            box.faults.release()
    made = (done[0].get("attachment") or {}).get("id") or done[0]["files"][0]["attachment_id"]
    rows = {str(row["id"]) for row in box.attachments(box.item("051200-3")) if row["name"] == "beams.pdf"}
    steps = [step["arguments"] for step in done[0]["next_steps"] if step["tool"] == "get_attachment_status"]
    assert {step["attachment_id"] for step in steps} == rows - {made}
    assert len(rows) == 3


async def test_files_that_are_only_uploaded_become_visible_by_the_next_step(connect, box, folder):
    write(folder, "051200-3 beams.pdf")
    async with connect(folders=(folder,)) as assistant:
        checked = await assistant.call("attach_files", **PROJECT, folder=".", confirm=False)
        stored = await assistant.follow(checked["next_steps"][0])
        assert (stored["files"][0]["outcome"], stored["files"][0]["state"]) == ("attached", "uploaded")
        assert "051200-3 beams.pdf" not in names_at(box, "051200-3")
        shown = await assistant.follow(stored["next_steps"][0])
    assert shown["files"][0]["state"] == "ready"


@pytest.mark.parametrize("action", ["accept", "decline"])
async def test_person_is_asked_once_about_all_files_before_one_becomes_visible(connect, box, folder, action):
    write(folder, "051200-3 beams.pdf", "051200-5 columns.pdf")
    asked: list[str] = []

    async def person(_: Any, question: ElicitRequestParams) -> ElicitResult:
        asked.append(question.message)
        return ElicitResult(action=action, content={} if action == "accept" else None)

    async with connect(folders=(folder,), answering=person, confirm="ask") as assistant:
        checked = await assistant.call("attach_files", **PROJECT, folder=".")
        assert asked == []
        run = checked["next_steps"][0]["arguments"]
        answer = await assistant.ask("attach_files", **run)
    [question] = asked
    assert question == (
        "Make these 2 files visible in Autodesk Construction Cloud?\n"
        "Project: Riverside Medical Center\n"
        "- 051200-3 beams.pdf to 051200-3 Structural steel beam shop drawings\n"
        "- 051200-5 columns.pdf to 051200-5 Structural steel column shop drawings, west wing"
    )
    if action == "accept":
        assert [row["state"] for row in answer["files"]] == ["ready", "ready"]
    else:
        assert answer["error"]["code"] == "confirmation_declined"
        assert "051200-3 beams.pdf" not in names_at(box, "051200-3")


async def test_read_only_and_other_projects_are_refused(connect, box, folder):
    write(folder, "051200-3 beams.pdf")
    async with connect(folders=(folder,), read_only=True) as assistant:
        refusal = await assistant.refused("attach_files", **PROJECT, folder=".")
        assert refusal["error"]["code"] == "read_only"
    async with connect(folders=(folder,), projects=(box.project("harbor").id,)) as assistant:
        refusal = await assistant.refused("attach_files", **PROJECT, folder=".")
        assert refusal["error"]["code"] == "project_not_allowed"


async def test_file_rules_and_review_tasks_hold_for_each_file(connect, box, folder):
    write(folder, "051200-3 beams.pdf", "051200-3 beams.exe", "053100-1 deck.pdf", "052100-1 joists.pdf")
    async with connect(folders=(folder,), file_types=("pdf",)) as assistant:
        checked = await assistant.call("attach_files", **PROJECT, folder=".")
    assert outcomes(checked) == {
        "051200-3 beams.exe": "file_type_not_allowed",
        "051200-3 beams.pdf": "planned",
        "052100-1 joists.pdf": "planned",
        "053100-1 deck.pdf": "planned",
    }
    async with connect("steel", folders=(folder,)) as assistant:
        checked = await assistant.call("attach_files", **PROJECT, folder="*.pdf")
    assert set(outcomes(checked).values()) == {"not_permitted"}
