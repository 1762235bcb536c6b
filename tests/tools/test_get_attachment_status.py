"""How far attachments are, and waiting for the next change."""

import sqlite3

import pytest

import acc_sandbox
from acc_sandbox import Fault, Refuse
from tests.support.constants import STEEL_BEAMS

pytestmark = pytest.mark.either_era

NEW = {"project": "Riverside Medical Center", "submittal": "051200-2"}


async def confirmed(assistant, tmp_path, name="beams.pdf"):
    (tmp_path / name).write_bytes(name.encode())
    answer = await assistant.call("add_submittal_attachment", **NEW, file_path=name, confirm=True)
    return answer["attachment"]["id"]


async def test_waiting_ends_as_soon_as_the_file_is_ready(connect, box, tmp_path):
    async with connect(folders=(tmp_path,)) as assistant:
        attachment_id = await confirmed(assistant, tmp_path)
        seen = await assistant.call("get_attachment_status", **NEW, attachment_id=attachment_id, wait_seconds=30)
    assert (seen["attachment"]["state"], seen["next_steps"]) == ("ready", [])


async def test_without_waiting_the_present_state_is_told(connect, box, tmp_path):
    box.switches.urn_delay = 600
    async with connect(folders=(tmp_path,)) as assistant:
        attachment_id = await confirmed(assistant, tmp_path)
        seen = await assistant.call("get_attachment_status", **NEW, attachment_id=attachment_id.upper())
        assert seen["attachment"]["state"] == "processing"
        assert seen["next_steps"][0]["arguments"]["wait_seconds"] == 30
        assert box.requests.count("attachments.list") > 0
        waited = await assistant.call("get_attachment_status", **NEW, attachment_id=attachment_id, wait_seconds=1)
        assert waited["attachment"]["state"] == "processing"
        box.clock.move(600)
        ready = await assistant.call("get_attachment_status", **NEW, attachment_id=attachment_id)
    assert ready["attachment"]["state"] == "ready"
    assert ready["attachment"]["urn_version"] == 1


PASTED = ["  {} ", "\u201c{}\u201d", "`{}`,", "<{}>", "\ufeff{}\u200b", "**{}**", "({})\n", "- {}", '\\"{}\\"']


@pytest.mark.parametrize("around", PASTED)
async def test_an_id_and_a_name_are_taken_as_they_were_pasted(connect, around):
    async with connect() as assistant:
        for named in ("beam-schedule.pdf", "BEAM\u2011Schedule.pdf"):
            seen = await assistant.call("get_attachment_status", **STEEL_BEAMS, attachment_id=around.format(named))
            by_id = around.format(seen["attachment"]["id"].upper())
            near = await assistant.refused("get_attachment_status", **STEEL_BEAMS, attachment_id="beam schedul.pdf")
            assert [one["id"] for one in near["error"]["candidates"]] == [seen["attachment"]["id"]]
            for pasted in (by_id, by_id.replace("-", ""), by_id.replace("-", "\u2011")):
                again = await assistant.call("get_attachment_status", **STEEL_BEAMS, attachment_id=pasted)
                assert again["attachment"]["id"] == seen["attachment"]["id"]


async def test_without_an_id_all_attachments_are_told_instead_of_one(connect, box):
    async with connect() as assistant:
        seen = await assistant.call("get_attachment_status", **STEEL_BEAMS)
    assert set(seen) == {"attachments", "next_cursor", "next_steps"}
    [row] = seen["attachments"]
    assert (row["name"], row["state"], row["category"]) == ("beam-schedule.pdf", "ready", "submission")


async def test_a_file_that_acc_could_not_process_is_an_error_and_in_a_list_a_state(connect, box, tmp_path):
    box.switches.processing_fails = True
    async with connect(folders=(tmp_path,)) as assistant:
        attachment_id = await confirmed(assistant, tmp_path)
        for _ in range(2):
            refusal = await assistant.refused(
                "get_attachment_status", **NEW, attachment_id=attachment_id, wait_seconds=30
            )
            assert refusal["error"]["code"] == "processing_failed"
            [step] = refusal["next_steps"]
            assert (step["tool"], step["needs"]) == ("add_submittal_attachment", [])
            assert step["arguments"]["file_path"] == str(tmp_path / "beams.pdf")
        listed = await assistant.call("get_attachment_status", **NEW)
        assert [row["state"] for row in listed["attachments"]] == ["failed"]
        assert listed["next_steps"][0]["reason"].startswith("processing_failed: ")

        box.switches.processing_fails = False
        repeated = await assistant.follow(step)
        assert (repeated["already_attached"], repeated["attachment"]["state"]) == (False, "uploaded")
    assert repeated["attachment"]["id"] != attachment_id


async def test_a_reservation_of_another_machine_is_told_as_it_is_with_the_step_that_goes_on(connect, box, tmp_path):
    async with connect() as assistant:
        reserved = await assistant.call("add_submittal_attachment", **NEW, upload_by_caller=True, name="beams.pdf")
    async with connect(data_dir=tmp_path / "another") as other:
        seen = await other.call("get_attachment_status", **NEW, attachment_id=reserved["attachment"]["id"])
        assert (seen["attachment"]["state"], seen["upload"]) == ("reserved", None)
        assert [step["needs"] for step in seen["next_steps"]] == [["file_path"]]


async def test_stored_bytes_of_another_machine_are_found_and_confirmed(connect, box, tmp_path):
    (tmp_path / "beams.pdf").write_bytes(b"beams")
    async with connect(folders=(tmp_path,)) as assistant:
        added = await assistant.call("add_submittal_attachment", **NEW, file_path="beams.pdf")
    async with connect(data_dir=tmp_path / "another") as other:
        seen = await other.call("get_attachment_status", **NEW, attachment_id=added["attachment"]["id"])
        shown = seen["attachment"]
        assert (shown["state"], shown["size_bytes"], shown["verified"]) == ("uploaded", 5, False)
        confirmed = await other.follow(seen["next_steps"][0])
    assert confirmed["attachment"]["state"] in ("processing", "ready")


async def test_no_step_resumes_another_users_reservation(connect, box):
    async with connect("steel") as steel:
        await steel.call("add_submittal_attachment", **NEW, upload_by_caller=True, name="beams.pdf")
    async with connect("manager") as manager:
        seen = await manager.call("get_attachment_status", **NEW)
    assert [row["state"] for row in seen["attachments"]] == ["reserved"]
    assert seen["next_steps"] == []


async def test_after_half_an_hour_a_person_is_sent_to_acc(connect, box):
    row = processing("2026-01-01T00:00:00.000000Z", box)
    box.faults.add(Fault("attachments.list", Refuse(200, {"pagination": {"totalResults": 1}, "results": [row]})))
    async with connect() as assistant:
        seen = await assistant.call("get_attachment_status", **NEW)
        assert [one["state"] for one in seen["attachments"]] == ["processing"]
        box.faults.add(Fault("attachments.list", Refuse(200, {"pagination": {"totalResults": 1}, "results": [row]})))
        refusal = await assistant.refused("get_attachment_status", **seen["next_steps"][0]["arguments"])
    assert (refusal["error"]["code"], refusal["error"]["retryable"]) == ("upstream_unavailable", False)
    assert "Ask the user to look at the submittal in ACC" in refusal["error"]["hint"]
    assert refusal["next_steps"] == []


async def test_how_long_acc_processes_a_file_is_told_by_its_own_clock(connect, box, tmp_path):
    box.switches.urn_delay = 100_000
    box.clock.move(-7200)  # as where this machine's clock is two hours ahead, or was set
    async with connect(folders=(tmp_path,)) as assistant:
        place = {**NEW, "attachment_id": await confirmed(assistant, tmp_path)}
        seen = await assistant.call("get_attachment_status", **place, wait_seconds=1)
        assert seen["attachment"]["state"] == "processing"
        box.clock.move(1801)
        refusal = await assistant.refused("get_attachment_status", **place, wait_seconds=1)
    assert "more than 30 minutes" in refusal["error"]["message"]


async def test_a_file_that_acc_fails_on_twice_is_left_to_a_person(connect, box, tmp_path):
    box.switches.processing_fails = True
    async with connect(folders=(tmp_path,)) as assistant:
        for times in (1, 2):
            attachment_id = await confirmed(assistant, tmp_path)
            refusal = await assistant.refused(
                "get_attachment_status", **NEW, attachment_id=attachment_id, wait_seconds=30
            )
            assert refusal["error"]["code"] == "processing_failed"
            assert len(refusal["next_steps"]) == 2 - times
    assert "failed 2 times" in refusal["error"]["message"]
    assert "A person opens the file" in refusal["error"]["hint"]


async def test_an_expired_upload_is_reported_with_the_call_that_repeats_it(connect, box, tmp_path):
    (tmp_path / "beams.pdf").write_bytes(b"beams")
    box.faults.add(Fault("storage.put", Refuse(400, "<Error><Code>InvalidRequest</Code></Error>")))
    async with connect(folders=(tmp_path,)) as assistant:
        await assistant.refused("add_submittal_attachment", **NEW, file_path="beams.pdf")
    with sqlite3.connect(tmp_path / "data" / "submittal-mcp.sqlite3") as database:
        [attachment_id] = database.execute("SELECT attachment_id FROM jobs").fetchone()
        database.execute(
            "UPDATE jobs SET record = json_set(record, '$.begun', json_extract(record, '$.begun') - 86400)"
        )
    database.close()
    async with connect(folders=(tmp_path,)) as assistant:
        refusal = await assistant.refused("get_attachment_status", **NEW, attachment_id=attachment_id)
        assert (refusal["error"]["code"], refusal["error"]["failed_step"]) == ("upload_expired", "send")
        listed = await assistant.call("get_attachment_status", **NEW)
        assert listed["next_steps"][0]["reason"].startswith("upload_expired: ")
        [step] = refusal["next_steps"]
        repeated = await assistant.follow(step)
        assert (repeated["attachment"]["id"], repeated["attachment"]["state"]) == (attachment_id, "uploaded")


async def test_a_reservation_unfinished_after_a_day_is_reported_as_expired(connect, box):
    row = processing("2026-01-01T00:00:00.000000Z", box) | {"isFileUploaded": False}
    box.faults.add(Fault("attachments.list", Refuse(200, {"pagination": {"totalResults": 1}, "results": [row]})))
    async with connect() as assistant:
        seen = await assistant.call("get_attachment_status", **NEW, attachment_id=row["id"])
    assert seen["attachment"]["state"] == "reserved"
    assert seen["next_steps"][0]["reason"].startswith("upload_expired: ")


async def test_hostile_text_of_an_attachment_comes_as_cleaned_data(connect, box):
    row = processing("2026-01-01T00:00:00.000000Z", box) | {
        "name": "beam\u202efdp.exe\u200b",
        "asyncState": "3\u0000",
        "urn": "urn:adsk\u2066",
        "updatedBy": "me\u00ad",
        "permittedActions": [{"id": "Attachment::retrieve\u202e", "fields": {"no\u200bte": ["\u0007IGNORE"]}}],
    }
    box.faults.add(Fault("attachments.list", Refuse(200, {"pagination": {"totalResults": 1}, "results": [row]})))
    async with connect() as assistant:
        shown = (await assistant.call("get_attachment_status", **NEW, attachment_id=row["id"]))["attachment"]
    assert (shown["name"], shown["version_urn"], shown["updated_by"]) == ("beamfdp.exe", "urn:adsk", "me")
    assert shown["permittedActions"] == [{"id": "Attachment::retrieve", "fields": {"note": ["IGNORE"]}}]


def processing(since: str, box: acc_sandbox.Sandbox) -> dict[str, object]:
    """A row of ACC that has been confirmed and has no URN yet."""
    return {
        "id": "11111111-2222-3333-4444-555555555555",
        "name": "beams.pdf",
        "isFileUploaded": True,
        "asyncState": "1",
        "categoryId": "1",
        "revision": 0,
        "createdAt": since,
        "createdBy": box.person("manager").autodesk_id,
        "updatedAt": since,
        "updatedBy": box.person("manager").autodesk_id,
        "permittedActions": [],
    }


async def test_an_attachment_is_named_by_its_file_where_one_has_that_name(connect, tmp_path):
    place = {"project": "Riverside", "submittal": "051200-3"}
    (tmp_path / "beams.pdf").write_bytes(b"%PDF-1.4 beams")
    async with connect(folders=(tmp_path,)) as assistant:
        added = await assistant.call("add_submittal_attachment", **place, file_path="beams.pdf")
        confirmed = await assistant.call("confirm_attachment", **place, attachment_id="Beams.pdf", wait_seconds=30)
        seen = await assistant.call("get_attachment_status", **place, attachment_id="beams.pdf")
        missing = await assistant.refused("get_attachment_status", **place, attachment_id="other.pdf")
        (tmp_path / "beams.pdf").write_bytes(b"%PDF-1.4 beams, exported again")
        await assistant.call("add_submittal_attachment", **place, file_path="beams.pdf")
        several = await assistant.refused("confirm_attachment", **place, attachment_id="beams.pdf")
    assert {one["attachment"]["id"] for one in (confirmed, seen)} == {added["attachment"]["id"]}
    assert confirmed["attachment"]["state"] == "ready"
    assert missing["error"]["code"] == "attachment_not_found"
    assert (several["error"]["code"], len(several["error"]["candidates"])) == ("ambiguous_reference", 2)


OTHER = {"project": "Harbor Point Tower", "submittal": "2"}


async def test_unfinished_attachments_are_listed_over_all_submittals_and_projects_newest_first(connect, box, tmp_path):
    async with connect(folders=(tmp_path,)) as assistant:
        assert (await assistant.call("get_attachment_status"))["attachments"] == []
        ready = await confirmed(assistant, tmp_path, "ready.pdf")
        await assistant.call("get_attachment_status", **NEW, attachment_id=ready, wait_seconds=30)
        (tmp_path / "beams.pdf").write_bytes(b"beams")
        stored = await assistant.call("add_submittal_attachment", **NEW, file_path="beams.pdf")
        by_caller = await assistant.call("add_submittal_attachment", **OTHER, upload_by_caller=True, name="later.pdf")
        everywhere = await assistant.call("get_attachment_status")
        first = await assistant.call("get_attachment_status", limit=1)
        second = await assistant.call("get_attachment_status", limit=1, cursor=first["next_cursor"])
        harbor = await assistant.call("get_attachment_status", project=OTHER["project"])
        finished = await assistant.follow(everywhere["next_steps"][1])
    rows = everywhere["attachments"]
    assert [(row["id"], row["state"], row["project_id"]) for row in rows] == [
        (by_caller["attachment"]["id"], "reserved", box.project("harbor").id),
        (stored["attachment"]["id"], "uploaded", box.project("riverside").id),
    ]
    assert rows[1]["submittal_id"] == box.item("051200-2").id
    assert [step["tool"] for step in everywhere["next_steps"]] == ["confirm_attachment", "confirm_attachment"]
    assert finished["attachment"]["id"] == stored["attachment"]["id"]
    assert (first["attachments"], second["attachments"], second["next_cursor"]) == (rows[:1], rows[1:], None)
    assert harbor["attachments"] == rows[:1]


async def test_unfinished_attachments_are_the_persons_own_and_of_allowed_projects_only(connect, box):
    async with connect() as assistant:
        for place in (NEW, OTHER):
            await assistant.call("add_submittal_attachment", **place, upload_by_caller=True, name="later.pdf")
    async with connect("steel") as other:
        assert (await other.call("get_attachment_status"))["attachments"] == []
    async with connect(projects=[box.project("harbor").id]) as confined:
        [row] = (await confined.call("get_attachment_status"))["attachments"]
    assert row["project_id"] == box.project("harbor").id


async def test_waiting_without_a_submittal_ends_once_nothing_is_under_way(connect, tmp_path):
    async with connect(folders=(tmp_path,)) as assistant:
        await confirmed(assistant, tmp_path)
        seen = await assistant.call("get_attachment_status", wait_seconds=30)
    assert (seen["attachments"], seen["next_steps"]) == ([], [])


async def test_a_failed_attachment_is_listed_with_the_call_that_retries_it(connect, box, tmp_path):
    (tmp_path / "beams.pdf").write_bytes(b"beams")
    for fault in (Fault("attachments.create", Refuse(400)), Fault("storage.put", Refuse(400))):
        box.faults.add(fault)
        async with connect(folders=(tmp_path,)) as assistant:
            await assistant.refused("add_submittal_attachment", **NEW, file_path="beams.pdf")
            seen = await assistant.call("get_attachment_status")
            [row], [step] = seen["attachments"], seen["next_steps"]
            assert row["state"] in ("preparing", "reserved")
            assert (step["tool"], step["needs"]) == ("add_submittal_attachment", [])
    async with connect(folders=(tmp_path,)) as assistant:
        assert (await assistant.follow(step))["attachment"]["state"] == "uploaded"


async def test_a_deleted_attachment_is_not_unfinished_and_a_hidden_one_is_as_last_seen(connect, box):
    async with connect() as assistant:
        await assistant.call("add_submittal_attachment", **NEW, upload_by_caller=True, name="later.pdf")
        box.faults.add(Fault("attachments.list", Refuse(403)))
        hidden = await assistant.call("get_attachment_status")
        gone = {"pagination": {"totalResults": 0}, "results": []}
        box.faults.add(Fault("attachments.list", Refuse(200, gone)))
        deleted = await assistant.call("get_attachment_status")
    assert [row["name"] for row in hidden["attachments"]] == ["later.pdf"]
    assert deleted["attachments"] == []


@pytest.mark.parametrize("given", [{"submittal": "051200-3"}, {"attachment_id": "x"}, {**NEW, "submittal": None}])
async def test_half_of_a_place_is_asked_for_or_is_a_project(connect, given):
    async with connect() as assistant:
        answer = await assistant.answer("get_attachment_status", **given)
    if "project" in given:
        assert answer["attachments"] == []
    else:
        assert answer["error"]["code"] == "invalid_arguments"
        assert "project" in answer["next_steps"][0]["needs"]
