"""Autodesk's own payloads and recordings, each told by its basis: our client reads them, and sends what they show.

`tests/facts/autodesk_payloads.json` holds samples of tutorials and of reference pages whose shapes differ, and answers
of real accounts that others recorded.
"""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from acc.client import AccClient
from acc.errors import PartsRejected, UntrustedStorageHost
from acc.ids import ObjectLocation
from acc.models.files import UploadUrls
from acc.models.submittals import Attachment, Item, PermittedAction, PermittedObject, Step, SubmittalsUser

PROJECT = "2570d4e5-9aef-4b41-8e45-a454f2f3fd65"
OBJECT = ObjectLocation("wip.dm.prod", "a.pdf")
ROWS = json.loads((Path(__file__).parent.parent / "facts" / "autodesk_payloads.json").read_text(encoding="utf-8"))


def passes_on(holder: PermittedObject, payload: dict[str, Any]) -> None:
    """What Autodesk sent as permitted actions comes out as it went in."""
    assert holder.raw_permitted_actions == payload["permittedActions"]
    assert holder.permitted_actions_incomplete is False
    assert [action.id for action in actions_of(holder)] == [one["id"] for one in payload["permittedActions"]]


def actions_of(holder: PermittedObject) -> list[PermittedAction]:
    return [PermittedAction.model_validate(action) for action in holder.raw_permitted_actions]


async def of_tutorial_post(acc: AccClient, payload: dict[str, Any]) -> None:
    attachment = await acc.submittals.create_attachment(PROJECT, "i", name="sbc1-file1.pdf")
    passes_on(attachment, payload)
    assert (attachment.is_file_uploaded, attachment.async_state, attachment.urn) == (False, "1", None)
    assert ObjectLocation.parse(attachment.upload_urn or "").bucket_key == "wip.dm.prod"
    update = attachment.permitted("Attachment::partial_update")
    assert update is not None
    assert update.allowed_values("isFileUploaded") == [True]


async def of_tutorial_patch(acc: AccClient, payload: dict[str, Any]) -> None:
    attachment = await acc.submittals.confirm_attachment(PROJECT, "i", "a")
    passes_on(attachment, payload)
    assert (attachment.is_file_uploaded, attachment.async_state, attachment.urn) == (True, "1", None)


def is_the_page_s(attachment: Attachment, payload: dict[str, Any]) -> None:
    """It is the attachment of the reference pages, whose booleans are texts and whose transitions are `[""]`."""
    passes_on(attachment, payload)
    assert (attachment.is_file_uploaded, attachment.urn_version, attachment.category_id) == (True, 1, "1")
    [update] = actions_of(attachment)
    assert (update.id, update.mandatory_fields, update.transitions) == ("Attachment::update", ["isFileUploaded"], [])
    assert attachment.created_at == datetime(2018, 2, 1, 12, 9, 24, 198466, tzinfo=UTC)


async def of_reference_post(acc: AccClient, payload: dict[str, Any]) -> None:
    is_the_page_s(await acc.submittals.create_attachment(PROJECT, "i", name="attachment-document.pdf"), payload)


async def of_reference_patch(acc: AccClient, payload: dict[str, Any]) -> None:
    is_the_page_s(await acc.submittals.confirm_attachment(PROJECT, "i", "a"), payload)


async def of_reference_list(acc: AccClient, payload: dict[str, Any]) -> None:
    page = await acc.submittals.attachments(PROJECT, "i")
    [attachment] = page.results
    is_the_page_s(attachment, payload["results"][0])
    assert (page.pagination.total_results, page.pagination.next_url) == (25, None)


def is_the_step(step: Step, payload: dict[str, Any]) -> None:
    passes_on(step, payload)
    [task], [told] = step.tasks, payload["tasks"]
    passes_on(task, told)
    assert (step.step_number, step.days_to_respond, step.due_date) == (1, 10, date(2024, 2, 15))
    [update] = actions_of(task)
    assert (update.mandatory_fields, update.transitions) == (["responseId"], [])
    assert task.completed_at == datetime(2024, 3, 24, 23, 4, 49, 406634, tzinfo=UTC)


async def of_steps(acc: AccClient, payload: dict[str, Any]) -> None:
    [step] = await acc.submittals.steps(PROJECT, "i")
    is_the_step(step, payload)


async def of_item(acc: AccClient, payload: dict[str, Any]) -> None:
    item: Item = await acc.submittals.item(PROJECT, "i")
    passes_on(item, payload)
    assert (item.custom_identifier_human_readable, item.lead_time, item.state_id) == ("0001-A-111", 100, "mgr-1")
    assert item.revisions_folders_urns is not None
    assert item.revisions_folders_urns["0"].folder_urn_created_at == datetime(
        2018, 1, 28, 9, 26, 36, 371607, tzinfo=UTC
    )
    [update] = actions_of(item)
    assert update.mandatory_fields == [], "an empty text names no field"
    [way] = update.transitions
    assert (way.id, way.transition_fields, way.mandatory_fields) == ("rev::void", ["subcontractor"], ["responseId"])
    assert way.state_to is not None
    assert way.state_to.id == "void"


async def of_me(acc: AccClient, payload: dict[str, Any]) -> None:
    me: SubmittalsUser = await acc.submittals.me(PROJECT)
    passes_on(me, payload)
    assert (me.id, me.roles) == ("GJDGNLSX7B8T", ["1", "2", "4"])
    [create] = actions_of(me)
    [way] = create.transitions
    assert way.mandatory_fields == ["manager", "managerType", "stateId", "title"], "a list in a list is one list"


async def of_hubs(acc: AccClient, payload: dict[str, Any]) -> None:
    listing = await acc.projects.hubs()
    [hub] = listing.hubs
    assert (hub.id, hub.attributes.region, listing.app_not_provisioned) == (payload["data"][0]["id"], "US", False)
    [warning] = listing.warnings
    assert (warning.http_status_code, warning.error_code) == ("403", "BIM360DM_ERROR")


async def of_upload_urls(acc: AccClient, payload: dict[str, Any]) -> None:
    with pytest.raises(UntrustedStorageHost, match="opsstaging"):
        await acc.storage.upload_urls(OBJECT, first_part=1, parts=1)  # the tutorial was made on a staging system
    [url] = UploadUrls.model_validate(payload).urls
    assert url.expires_at == datetime(2024, 11, 9, 19, 46, 37, tzinfo=UTC), "of its own query, not of urlExpiration"


async def of_recorded_upload_url(acc: AccClient, payload: str) -> None:
    [url] = UploadUrls.model_validate({"uploadKey": "k", "urls": [payload]}).urls
    assert (url.value, url.expires_at) == (payload, None)
    assert url.host == "com-autodesk-oss-prodemea-direct-upload.s3-accelerate.amazonaws.com"


async def of_completion(acc: AccClient, payload: dict[str, Any]) -> None:
    done = await acc.storage.complete(OBJECT, upload_key="AQIC", size=4729968, etags=["a"])
    assert (done.size, done.object_key, done.bucket_key) == (4729968, OBJECT.object_key, OBJECT.bucket_key)


async def of_rejected_completion(acc: AccClient, payload: dict[str, Any]) -> None:
    with pytest.raises(PartsRejected) as caught:
        await acc.storage.complete(OBJECT, upload_key="AQIC", size=1, etags=["a", "b"])
    report = caught.value.report
    assert [(part.part, part.status, part.e_tag) for part in report.parts] == [
        (1, "Unexpected", "9aec28c3d07e2978e6502f6427c515da"),
        (2, "Ok", "68ed4d53c0c933b7bf7debbd640386b1"),
    ]
    assert report.size is not None
    assert (report.size.expected, report.size.detected) == (1, 12582912)


async def of_download_link(acc: AccClient, payload: dict[str, Any]) -> None:
    link = await acc.storage.download_link(OBJECT)
    assert link is not None
    assert (link.status, link.size, link.sha1) == ("complete", 472424, payload["sha1"])


async def of_userinfo(acc: AccClient, payload: dict[str, Any]) -> None:
    person = await acc.userinfo()
    assert (person.sub, person.name, person.email) == ("ABCDEFGH", "First Last", "test@test.com")


async def of_top_folders(acc: AccClient, payload: list[dict[str, Any]]) -> None:
    folders = await acc.files.top_folders("b.hub", PROJECT)
    assert [(one.name, one.extension_data["folderType"], one.attributes.hidden) for one in folders] == [
        (one["name"], one["folderType"], one.get("hidden", False)) for one in payload
    ]


READERS: dict[str, Callable[[AccClient, Any], Awaitable[None]]] = {
    "tutorial attach-local-files: POST 201": of_tutorial_post,
    "tutorial attach-local-files: PATCH 200": of_tutorial_patch,
    "reference submittals-attachments-POST 201 (= seed)": of_reference_post,
    "reference submittals-attachments-attachmentId-PATCH 200 (same body)": of_reference_patch,
    "reference submittals-items-itemId-attachments-GET 200": of_reference_list,
    'reference steps-stepId-GET (transitions [""])': of_steps,
    "tutorial transitions step 5 steps (transitions [])": of_steps,
    "reference items-itemId-GET 200": of_item,
    "reference users-me-GET 200 (nested mandatoryFields)": of_me,
    "recorded hubs with warnings (3 public recordings)": of_hubs,
    "tutorial signeds3upload": of_upload_urls,
    "tutorial complete": of_completion,
    "reference signeds3upload-POST example 2": of_rejected_completion,
    "reference signeds3download": of_download_link,
    "spec userinfo example": of_userinfo,
    "recorded upload URL of an EMEA account, July 2024 (host and path; query shortened)": of_recorded_upload_url,
    "recorded topFolders of an ACC project, April 2024: names with ids replaced, folderType, hidden": of_top_folders,
}
REQUEST = "reference signeds3upload-POST example 2, request: bare eTags"
"""The one row that is a request."""


def answered(row: dict[str, Any]) -> Any:
    """The body of an answer that holds a row's payload."""
    payload = row["payload"]
    if row["shape"] == "Step":
        return {"pagination": {"limit": 100, "offset": 0, "totalResults": 1}, "results": [payload]}
    if row["shape"] == "top folders":
        return {"data": [folder(number, one) for number, one in enumerate(payload)]}
    return payload


def folder(number: int, one: dict[str, Any]) -> dict[str, Any]:
    data = {name: one[name] for name in ("folderType", "isRoot") if name in one}
    hidden = {"hidden": one["hidden"]} if "hidden" in one else {}
    attributes = {"name": one["name"], **hidden, "extension": {"type": "folders:autodesk.bim360:Folder", "data": data}}
    return {"type": "folders", "id": f"urn:adsk.wipprod:fs.folder:co.{number}", "attributes": attributes}


def test_every_row_has_its_test() -> None:
    assert {row["basis"] for row in ROWS} == {*READERS, REQUEST}


@pytest.mark.parametrize("row", [pytest.param(row, id=row["basis"]) for row in ROWS if row["basis"] in READERS])
async def test_an_answer_of_autodesk_is_read(row: dict[str, Any], network: Any, acc_over: Any) -> None:
    sink = network(httpx.Response(200, json=answered(row)))
    await READERS[row["basis"]](acc_over(sink), row["payload"])


async def test_a_completion_is_sent_as_the_reference_shows_it(network: Any, acc_over: Any) -> None:
    [shown] = [row["payload"] for row in ROWS if row["basis"] == REQUEST]
    sink = network(httpx.Response(200, json={}))

    await acc_over(sink).storage.complete(
        OBJECT, upload_key=shown["uploadKey"], size=shown["size"], etags=shown["eTags"]
    )

    [sent] = sink.requests
    assert json.loads(sent.content) == shown
