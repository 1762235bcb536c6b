"""What ACC permits is passed on as its own objects, in each shape that Autodesk prints."""

import json

import pytest

from acc_sandbox import Fault, Refuse
from tests.support.constants import FACTS

pytestmark = pytest.mark.either_era

RIVERSIDE = "Riverside Medical Center"
PLACE = {"project": RIVERSIDE, "submittal": "051200-3"}
PAYLOADS = {
    row["basis"]: row["payload"] for row in json.loads((FACTS / "autodesk_payloads.json").read_text(encoding="utf-8"))
}
PAGE = {"id": "Attachment::update", "fields": {"isFileUploaded": []}, "mandatoryFields": ["isFileUploaded"]}
"""What the reference pages permit with an attachment."""
TUTORIAL = [
    {"id": "Attachment::retrieve"},
    {"id": "Attachment::partial_update", "fields": {"isFileUploaded": [True], "sendEmails": [True, False]}},
    {"id": "Attachment::destroy"},
    {"id": "Attachment::annotate"},
]


def page(*rows):
    return {"pagination": {"limit": 20, "offset": 0, "totalResults": len(rows)}, "results": list(rows)}


@pytest.mark.parametrize(
    ("basis", "actions"),
    [
        ("reference submittals-attachments-POST 201 (= seed)", [{**PAGE, "transitions": [""]}]),
        ("reference submittals-attachments-attachmentId-PATCH 200 (same body)", [{**PAGE, "transitions": [""]}]),
        ("tutorial attach-local-files: POST 201", TUTORIAL),
        ("tutorial attach-local-files: PATCH 200", TUTORIAL),
    ],
)
async def test_an_attachment_of_autodesks_pages_is_shown_with_their_actions(connect, box, basis, actions):
    ready = {**PAYLOADS[basis], "asyncState": "3"}  # what is still processed months later is an error
    box.faults.add(Fault("attachments.list", Refuse(200, page(ready)), times=None))
    async with connect() as assistant:
        place = {**PLACE, "attachment_id": PAYLOADS[basis]["id"]}
        shown = (await assistant.call("get_attachment_status", **place))["attachment"]
    assert (shown["id"], shown["permittedActions"]) == (PAYLOADS[basis]["id"], actions)
    assert "permitted_actions_incomplete" not in shown


async def test_the_list_of_the_reference_page_is_shown_beside_the_submittal(connect, box):
    listed = PAYLOADS["reference submittals-items-itemId-attachments-GET 200"]
    box.faults.add(Fault("attachments.list", Refuse(200, listed)))
    async with connect() as assistant:
        [row] = (await assistant.call("get_submittal", **PLACE))["attachments"]
    assert row["permittedActions"] == [{"id": "Attachment::update"}]
    assert (row["name"], row["state"]) == ("attachment-document.pdf", "ready")


async def test_the_item_of_the_reference_page_is_shown(connect, box):
    item = PAYLOADS["reference items-itemId-GET 200"] | {"id": box.item("051200-3").id}
    box.faults.add(Fault("items.get", Refuse(200, item)))
    async with connect() as assistant:
        shown = (await assistant.call("get_submittal", **PLACE))["submittal"]
    assert (shown["number"], shown["permittedActions"], shown["can_attach"]) == (
        "0001-A-111",
        [{"id": "Item::update"}],
        False,
    )


@pytest.mark.parametrize(
    "basis",
    ['reference steps-stepId-GET (transitions [""])', "tutorial transitions step 5 steps (transitions [])"],
)
async def test_the_steps_of_the_pages_hide_no_submittal(connect, box, basis):
    box.faults.add(Fault("steps.list", Refuse(200, page(PAYLOADS[basis]))))
    async with connect("engineer") as assistant:
        shown = (await assistant.call("get_submittal", project=RIVERSIDE, submittal="053100-1"))["submittal"]
    assert (shown["state"], shown["my_tasks"]) == ("rev", [])


async def test_the_person_of_the_reference_page_sees_submittals(connect, box):
    me = PAYLOADS["reference users-me-GET 200 (nested mandatoryFields)"]
    box.faults.add(Fault("users.me", Refuse(200, me)))
    async with connect() as assistant:
        shown = (await assistant.call("get_submittal", **PLACE))["submittal"]
    assert shown["number"] == "051200-3"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (["", {"id": "Attachment::retrieve", "fields": None}], [{"id": "Attachment::retrieve"}]),
        ([[{"id": "Attachment::retrieve"}]], []),
        ("Attachment::retrieve", []),
    ],
)
async def test_malformed_permitted_actions_are_dropped_and_logged(connect, box, sent, shown):
    attachment = PAYLOADS["tutorial attach-local-files: POST 201"] | {"permittedActions": sent}
    item = PAYLOADS["reference items-itemId-GET 200"] | {"id": box.item("051200-3").id, "permittedActions": sent}
    for operation, answer in (("attachments.list", page(attachment)), ("items.get", item)):
        box.faults.add(Fault(operation, Refuse(200, answer), times=None))
    async with connect() as assistant:
        seen = await assistant.call("get_submittal", **PLACE)
        [whole] = (await assistant.call("get_attachment_status", **PLACE))["attachments"]
    for one in (seen["submittal"], *seen["attachments"], whole):
        assert (one["permittedActions"], one["permitted_actions_incomplete"]) == (shown, True)


async def test_a_confirmed_attachment_is_shown_with_the_actions_of_that_very_answer(connect, box, tmp_path):
    (tmp_path / "beams.pdf").write_bytes(b"beams")
    sent = [*PAYLOADS["reference submittals-attachments-POST 201 (= seed)"]["permittedActions"], ""]
    async with connect(folders=(tmp_path,)) as assistant:
        first = await assistant.call("add_submittal_attachment", **PLACE, file_path="beams.pdf")
        row = box.attachments(box.item("051200-3"))[-1] | {"permittedActions": sent}
        box.faults.add(Fault("attachments.patch", Refuse(200, row)))
        shown = (await assistant.follow(first["next_steps"][0]))["attachment"]
    assert shown["permittedActions"] == [{**PAGE, "transitions": [""]}]
    assert shown["permitted_actions_incomplete"] is True
