"""An upload that the caller was to finish within 24 hours, looked at when they are over and when it was started again."""

import httpx

PLACE = {"project": "Riverside Medical Center", "submittal": "051200-2"}
OWN = {**PLACE, "upload_by_caller": True, "name": "own.pdf"}
DAY_AND_MORE = 25 * 3600
SIGN = "oss.signeds3upload.get"


def send(upload):
    assert httpx.put(upload["url"], content=b"own", trust_env=False).status_code == 200


async def begun_a_day_ago(connect, box):
    async with connect() as assistant:
        begun = await assistant.call("add_submittal_attachment", **OWN)
        send(begun["upload"])
    box.clock.move(DAY_AND_MORE)
    return begun["attachment"]["id"]


async def test_an_expired_upload_that_cannot_be_confirmed_is_answered_with_the_remedy(connect, box):
    attachment_id = await begun_a_day_ago(connect, box)
    async with connect() as assistant:
        told = await assistant.refused("get_attachment_status", **PLACE, attachment_id=attachment_id)
        assert told["error"]["code"] == "upload_expired"
        assert told["error"]["hint"].startswith("Confirming no longer helps.")
        [step] = told["next_steps"]
        assert (step["tool"], step["needs"]) == ("add_submittal_attachment", ["file_path"])
        assert step["reason"] == "upload_expired: Storage has discarded what was sent: attach the file again."
        listed = await assistant.call("get_attachment_status", **PLACE)
        assert [one["tool"] for one in listed["next_steps"]] == ["add_submittal_attachment"]
        refused = await assistant.refused("confirm_attachment", **PLACE, attachment_id=attachment_id)
        assert (refused["error"]["code"], refused["error"]["hint"]) == ("upload_expired", told["error"]["hint"])


async def test_the_step_that_is_offered_makes_a_new_attachment(connect, box, tmp_path):
    attachment_id = await begun_a_day_ago(connect, box)
    (tmp_path / "own.pdf").write_bytes(b"own")
    async with connect(folders=(tmp_path,)) as assistant:
        told = await assistant.refused("get_attachment_status", **PLACE, attachment_id=attachment_id)
        second = await assistant.follow(told["next_steps"][0], file_path="own.pdf")
    assert second["attachment"]["id"] != attachment_id
    assert (second["attachment"]["name"], second["attachment"]["state"]) == ("own.pdf", "uploaded")


async def test_a_renewed_upload_waits_for_its_bytes_whatever_its_reservations_age(connect, box):
    attachment_id = await begun_a_day_ago(connect, box)
    async with connect() as assistant:
        again = await assistant.call("add_submittal_attachment", **OWN)
        assert again["attachment"]["id"] == attachment_id
        seen = await assistant.call("get_attachment_status", **PLACE, attachment_id=attachment_id)
        [step] = seen["next_steps"]
        assert step["tool"] == "confirm_attachment"
        send(again["upload"])
        confirmed = await assistant.follow(step)
    assert confirmed["attachment"]["state"] in ("processing", "ready")


async def test_a_url_that_was_just_signed_is_not_asked_for_again(connect, box):
    async with connect() as assistant:
        await assistant.call("add_submittal_attachment", **OWN)
    assert box.requests.count(SIGN) == 1
