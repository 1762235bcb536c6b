"""Every example of the fact sheet: the request equals what we build, the answer parses into what we promise.

Requests of typed methods are caught on their way out, so that the method, not the table of operations, is what is
compared. Signing in belongs to another package; `auth.userinfo` is ours.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from pydantic import TypeAdapter

from acc import operations as op
from acc.answers import Answer, error_from_response, parse_answer
from acc.client import Acc
from acc.errors import (
    AccError,
    AppNotProvisioned,
    MissingScope,
    NotFound,
    PartsRejected,
    RateLimited,
    Rejected,
    StorageExpired,
    Unauthorized,
)
from acc.hosts import Hosts
from acc.ids import ObjectLocation
from acc.models import SignedUrl
from acc.operations import Operation
from acc.parts import PartStored, part_answer, part_request
from acc.requests import Request, build, filter_parameters, parameters

PROJECT = "2570d4e5-9aef-4b41-8e45-a454f2f3fd65"
HUB = "b.622cb5d1-581b-4a46-a6d9-4ebc68ea4051"
ITEM = "938eb16d-5603-4df9-adcd-00f75d48e145"
ATTACHMENT = "c14eabff-d79c-4429-9fa4-504a7aff7a37"
STEP = "6f0c3b52-0c3c-4b6c-9d51-0c1a4a2d7f11"
TASK = "1ab2ae43-fb33-4868-be85-03f4873915fc"
SPEC = "65bf7408-93f3-462e-84ab-17e5710c7536"
TYPE = "3379aa42-1650-4375-a5df-94b33a51020e"
RESPONSE = "8d5a3a43-3f6b-4b05-9c3d-0f3f3f0d3c11"
PACKAGE = "0f2f2b1e-2c1e-4b2f-8e1f-6a3c0b7d9a01"
PERSON = "MFEGJ9W5GGQL"
FOLDER = "urn:adsk.wipprod:fs.folder:co.lw7b0sXUQ-6hWRgf34hBuw"
LINEAGE = "urn:adsk.wipprod:dm.lineage:TQW6YsrTTFGrJVJKAaK_ew"
VERSION = "urn:adsk.wipprod:fs.file:vf.TQW6YsrTTFGrJVJKAaK_ew?version=1"
OBJECT = ObjectLocation("wip.dm.prod", "a9d330bc-411f-4aaf-874a-9844cc002d00.pdf")
UPLOAD_KEY = "AQICAHgdUabB…quo="

AT_PROJECT = {"project_id": PROJECT}
AT_ITEM = {"project_id": PROJECT, "item_id": ITEM}
AT_STEP = {**AT_ITEM, "step_id": STEP}
AT_TASK = {**AT_STEP, "task_id": TASK}


@dataclass(frozen=True)
class Typed:
    """An example of a request that one of our methods sends."""

    operation: Operation[Any]
    call: Callable[[Acc], Awaitable[object]]


def plain(operation: Operation[Any], ids: dict[str, str], **rest: Any) -> Request[Any]:
    """An example of a request that has no method of its own: no tool needs it."""
    return build(operation, ids, **rest)


TYPED: dict[str, Typed] = {
    "submittals.items.list": Typed(
        op.ITEMS_LIST,
        lambda acc: acc.submittals.items(
            PROJECT, limit=20, offset=0, filters={"statusId": "2"}, sort="identifier desc"
        ),
    ),
    "submittals.items.get": Typed(op.ITEMS_GET, lambda acc: acc.submittals.item(PROJECT, ITEM)),
    "submittals.items.get.mgr1_permittedActions": Typed(
        op.ITEMS_GET, lambda acc: acc.submittals.item(f"b.{PROJECT}", ITEM)
    ),
    "submittals.items.get.rev_permittedActions": Typed(op.ITEMS_GET, lambda acc: acc.submittals.item(PROJECT, ITEM)),
    "submittals.items.get.closed": Typed(op.ITEMS_GET, lambda acc: acc.submittals.item(PROJECT, ITEM)),
    "submittals.attachments.list": Typed(
        op.ATTACHMENTS_LIST,
        lambda acc: acc.submittals.attachments(
            PROJECT,
            ITEM,
            limit=20,
            offset=0,
            is_file_uploaded=True,
            category_ids=["1", "2"],
            revision=0,
            sort="createdAt desc",
        ),
    ),
    "submittals.attachments.create.local": Typed(
        op.ATTACHMENTS_CREATE, lambda acc: acc.submittals.create_attachment(PROJECT, ITEM, name="sbc1-file1.pdf")
    ),
    "submittals.attachments.create.local_review_task": Typed(
        op.ATTACHMENTS_CREATE,
        lambda acc: acc.submittals.create_attachment(PROJECT, ITEM, name="markup.pdf", task_id=TASK),
    ),
    "submittals.attachments.create.local_override_category": Typed(
        op.ATTACHMENTS_CREATE,
        lambda acc: acc.submittals.create_attachment(PROJECT, ITEM, name="final.pdf", category_id="4"),
    ),
    "submittals.attachments.create.files_tool": Typed(
        op.ATTACHMENTS_CREATE,
        lambda acc: acc.submittals.create_attachment(PROJECT, ITEM, name="attachment-document.pdf", urn=VERSION),
    ),
    "submittals.attachments.patch": Typed(
        op.ATTACHMENTS_CONFIRM, lambda acc: acc.submittals.confirm_attachment(PROJECT, ITEM, ATTACHMENT)
    ),
    "submittals.attachments.poll.success": Typed(
        op.ATTACHMENTS_LIST, lambda acc: acc.submittals.attachments(PROJECT, ITEM)
    ),
    "submittals.attachments.poll.failure": Typed(
        op.ATTACHMENTS_LIST, lambda acc: acc.submittals.attachments(PROJECT, ITEM)
    ),
    "submittals.steps.list": Typed(op.STEPS_LIST, lambda acc: acc.submittals.steps(PROJECT, ITEM)),
    "submittals.tasks.list": Typed(op.TASKS_LIST, lambda acc: acc.submittals.tasks(PROJECT, ITEM, STEP)),
    "submittals.metadata": Typed(op.METADATA, lambda acc: acc.submittals.metadata(PROJECT)),
    "submittals.users.me": Typed(op.USERS_ME, lambda acc: acc.submittals.me(PROJECT)),
    "oss.signeds3upload.get": Typed(
        op.UPLOAD_URLS, lambda acc: acc.storage.upload_urls(OBJECT, first_part=1, parts=2, minutes=10)
    ),
    "oss.signeds3upload.get.refresh": Typed(
        op.UPLOAD_URLS,
        lambda acc: acc.storage.upload_urls(OBJECT, first_part=2, parts=1, upload_key="<urlencoded uploadKey>"),
    ),
    "oss.signeds3upload.complete": Typed(
        op.UPLOAD_COMPLETE,
        lambda acc: acc.storage.complete(
            OBJECT, upload_key=UPLOAD_KEY, size=4729968, etags=["c4ca4238a0b923820dcc509a6f75849b"]
        ),
    ),
    "oss.signeds3upload.complete.bad_parts": Typed(
        op.UPLOAD_COMPLETE, lambda acc: acc.storage.complete(OBJECT, upload_key=UPLOAD_KEY, size=10485760)
    ),
    "oss.signeds3download": Typed(op.DOWNLOAD_LINK, lambda acc: acc.storage.download_link(OBJECT, minutes=10)),
    "dm.hubs": Typed(op.HUBS, lambda acc: acc.projects.hubs()),
    "dm.topFolders": Typed(op.TOP_FOLDERS, lambda acc: acc.files.top_folders(HUB, PROJECT)),
    "dm.folderContents": Typed(op.FOLDER_CONTENTS, lambda acc: acc.files.contents(PROJECT, FOLDER)),
    "dm.folderSearch": Typed(
        op.FOLDER_SEARCH, lambda acc: acc.files.search(PROJECT, "urn:adsk.wipprod:fs.folder:co.x", {"fileType": "pdf"})
    ),
    "dm.item.tip": Typed(op.FILE_TIP, lambda acc: acc.files.tip(PROJECT, LINEAGE)),
    "dm.item.versions": Typed(op.FILE_VERSIONS, lambda acc: acc.files.versions(PROJECT, LINEAGE)),
    "dm.error": Typed(op.FILE_ITEM, lambda acc: acc.files.item(PROJECT, "unknown")),
    "auth.userinfo": Typed(op.USERINFO, lambda acc: acc.who()),
}

PLAIN: dict[str, Request[Any]] = {
    "submittals.items.create.manager_sbc1": plain(
        op.ITEMS_CREATE,
        AT_PROJECT,
        json={
            "stateId": "sbc-1",
            "specId": SPEC,
            "title": "Item-1",
            "typeId": TYPE,
            "subcontractor": PERSON,
            "subcontractorType": "1",
            "submitterDueDate": "2024-11-23",
            "customIdentifier": "12",
            "description": "…",
            "packageId": None,
            "templateId": "c4a6f0ea-7f8c-4a9e-9d4e-3f7ed7a8e2b3",
            "watchers": [{"id": PERSON, "userType": "1"}],
        },
    ),
    "submittals.items.create.user_mgr1": plain(
        op.ITEMS_CREATE,
        AT_PROJECT,
        json={
            "stateId": "mgr-1",
            "specId": SPEC,
            "title": "Item-2",
            "typeId": TYPE,
            "manager": PERSON,
            "managerType": "1",
        },
    ),
    "submittals.items.patch": plain(op.ITEMS_PATCH, AT_ITEM, json={"title": "New title", "packageId": PACKAGE}),
    "submittals.items.transition.mgr1": plain(
        op.ITEMS_TRANSITION,
        AT_ITEM,
        json={
            "stateId": "mgr-1",
            "manager": PERSON,
            "managerType": "1",
            "mailNote": "please review",
            "duplicateAttachments": [ATTACHMENT],
        },
    ),
    "submittals.items.transition.rev": plain(op.ITEMS_TRANSITION, AT_ITEM, json={"stateId": "rev"}),
    "submittals.items.transition.close": plain(
        op.ITEMS_TRANSITION,
        AT_ITEM,
        json={"stateId": "sbc-2", "responseId": RESPONSE, "responseComment": "final response"},
    ),
    "submittals.items.revisions": plain(op.ITEMS_REVISIONS, AT_ITEM),
    "submittals.items.next-custom-identifier": plain(
        op.ITEMS_NEXT_IDENTIFIER, AT_PROJECT, query=parameters(specId=SPEC)
    ),
    "submittals.items.validate-custom-identifier": plain(
        op.ITEMS_VALIDATE_IDENTIFIER, AT_PROJECT, json={"customIdentifier": "13"}
    ),
    "submittals.steps.get": plain(op.STEPS_GET, AT_STEP),
    "submittals.tasks.get": plain(op.TASKS_GET, AT_TASK),
    "submittals.tasks.close": plain(
        op.TASKS_CLOSE,
        AT_TASK,
        json={
            "responseId": RESPONSE,
            "responseComment": "reviewed and approved",
            "duplicateAttachments": [ATTACHMENT],
        },
    ),
    "submittals.templates": plain(op.TEMPLATES_LIST, AT_PROJECT, query=parameters(sort="createdAt desc")),
    "submittals.item-types": plain(op.ITEM_TYPES_LIST, AT_PROJECT),
    "submittals.item-types.get": plain(op.ITEM_TYPES_GET, {**AT_PROJECT, "type_id": TYPE}),
    "submittals.responses": plain(op.RESPONSES_LIST, AT_PROJECT),
    "submittals.responses.get": plain(op.RESPONSES_GET, {**AT_PROJECT, "response_id": RESPONSE}),
    "submittals.specs": plain(op.SPECS_LIST, AT_PROJECT, query=filter_parameters({"identifier": "033100"})),
    "submittals.specs.get": plain(op.SPECS_GET, {**AT_PROJECT, "spec_id": SPEC}),
    "submittals.specs.create": plain(
        op.SPECS_CREATE, AT_PROJECT, json={"identifier": "033100", "title": "Structural Concrete"}
    ),
    "submittals.packages": plain(op.PACKAGES_LIST, AT_PROJECT),
    "submittals.packages.get": plain(op.PACKAGES_GET, {**AT_PROJECT, "package_id": PACKAGE}),
    "submittals.mappings.list": plain(op.MAPPINGS_LIST, AT_PROJECT, query=filter_parameters({"autodeskId": PERSON})),
    "submittals.mappings.create": plain(
        op.MAPPINGS_CREATE, AT_PROJECT, json={"userType": "1", "autodeskId": PERSON, "submittalsRole": "1"}
    ),
    "submittals.mappings.delete": plain(
        op.MAPPINGS_DELETE, {**AT_PROJECT, "mapping_id": "7b9d2c54-1c1d-4f9c-9a55-2b7d3d1f4a10"}
    ),
    "submittals.change-sequence-type": plain(op.CHANGE_SEQUENCE_TYPE, AT_PROJECT, json={"sequenceType": "2"}),
    "submittals.async-jobs.get": plain(
        op.ASYNC_JOBS_GET, {**AT_PROJECT, "job_id": "5d5c7f2a-1111-4222-8333-444455556666"}
    ),
    "oss.error": plain(
        op.UPLOAD_URLS,
        {"bucket_key": OBJECT.bucket_key, "object_key": OBJECT.object_key},
        query=parameters(parts=26),
    ),
    "oss.batchsigneds3upload": plain(
        op.UPLOAD_URLS_BATCH,
        {"bucket_key": "wip.dm.prod"},
        query=parameters(minutesExpiration=10),
        json={
            "requests": [
                {"objectKey": "a.pdf", "firstPart": 1, "parts": 1},
                {"objectKey": "b.pdf", "uploadKey": "<expired>"},
            ]
        },
    ),
    "oss.batchcompleteupload": plain(
        op.UPLOAD_COMPLETE_BATCH,
        {"bucket_key": "wip.dm.prod"},
        json={
            "requests": [
                {
                    "objectKey": "a.pdf",
                    "uploadKey": UPLOAD_KEY,
                    "size": 100,
                    "eTags": ["9aec28c3d07e2978e6502f6427c515da"],
                }
            ]
        },
    ),
    # The sample asks for hubs of every kind; `Projects.hubs` asks for accounts only.
    "dm.hubs.not_provisioned": plain(op.HUBS, {}),
    # The sample asks by page; `Projects.projects` does too, and goes on to the next one: see test_projects.
    "dm.projects": plain(op.PROJECTS, {"hub_id": HUB}, query=[("page[number]", "0"), ("page[limit]", "200")]),
}

FAILURES: dict[str, type[AccError]] = {
    "oss.signeds3upload.complete.bad_parts": PartsRejected,
    "oss.error": Rejected,
    "dm.error": NotFound,
}

GATEWAY: dict[str, type[AccError]] = {
    "gateway.401": Unauthorized,
    "gateway.403.scope": MissingScope,
    "gateway.403.app": AppNotProvisioned,
    "gateway.429": RateLimited,
}

PARTS = {"s3.put", "s3.put.expired"}


def answer_of(example: dict[str, Any], examples: dict[str, dict[str, Any]]) -> Answer:
    """The example's answer. One that its note calls an excerpt is laid over the whole sample of the same operation."""
    response = example["response"]
    content = response.get("body")
    if str(example.get("note", "")).startswith("excerpt"):
        content = {**examples["submittals.items.get"]["response"]["body"], **content}
    raw = b"" if content is None else json.dumps(content).encode()
    return Answer(response["status"], response.get("headers") or {}, raw)


def parts_of(method: str, url: str, body: Any) -> tuple[object, ...]:
    address = urlsplit(url)
    return method, address.scheme, address.netloc, address.path, parse_qsl(address.query, keep_blank_values=True), body


def operation_of(name: str) -> Operation[Any]:
    return TYPED[name].operation if name in TYPED else PLAIN[name].operation


def test_no_example_is_forgotten(examples: dict[str, dict[str, Any]]) -> None:
    ours = {name for name in examples if not name.startswith("auth.")} | {"auth.userinfo"}

    assert sorted([*TYPED, *PLAIN, *GATEWAY, *PARTS]) == sorted(ours)


@pytest.mark.parametrize("name", TYPED)
async def test_a_method_sends_what_the_example_shows(
    name: str, examples: dict[str, dict[str, Any]], network: Any, acc_over: Any
) -> None:
    answer = answer_of(examples[name], examples)
    sink = network(httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body))

    if name in FAILURES:
        with pytest.raises(FAILURES[name]):
            await TYPED[name].call(acc_over(sink))
    else:
        await TYPED[name].call(acc_over(sink))

    (sent,) = sink.requests
    shown = examples[name]["request"]
    content = json.loads(sent.content) if sent.content else None
    assert parts_of(sent.method, str(sent.url), content) == parts_of(shown["method"], shown["url"], shown.get("body"))
    assert sent.headers["Authorization"] == "Bearer token-1"
    assert sent.headers.get("Content-Type") == shown["headers"].get("Content-Type")


@pytest.mark.parametrize("name", PLAIN)
def test_a_request_without_a_method_of_its_own_is_built_as_the_example_shows(
    name: str, examples: dict[str, dict[str, Any]]
) -> None:
    built = PLAIN[name]
    shown = examples[name]["request"]

    assert parts_of(built.method, built.url(Hosts.autodesk()), built.json) == parts_of(
        shown["method"], shown["url"], shown.get("body")
    )
    assert built.headers == {key: value for key, value in shown["headers"].items() if key != "Authorization"}


@pytest.mark.parametrize("name", sorted({*TYPED, *PLAIN} - {*FAILURES}))
def test_an_answer_parses_and_loses_nothing(name: str, examples: dict[str, dict[str, Any]]) -> None:
    answer = answer_of(examples[name], examples)

    parsed = parse_answer(operation_of(name), answer)

    dumped = TypeAdapter(Any).dump_python(parsed, by_alias=True, mode="json")
    assert lost(json.loads(answer.body) if answer.body else None, dumped) == []


@pytest.mark.parametrize("name", sorted(FAILURES))
def test_an_answer_of_failure_is_the_error_it_means(name: str, examples: dict[str, dict[str, Any]]) -> None:
    answer = answer_of(examples[name], examples)

    with pytest.raises(FAILURES[name]) as caught:
        parse_answer(operation_of(name), answer)

    assert type(caught.value) is FAILURES[name]
    assert caught.value.http_status == answer.status
    assert caught.value.upstream_message


@pytest.mark.parametrize("name", GATEWAY)
def test_an_answer_of_the_gateway_is_the_error_it_means(name: str, examples: dict[str, dict[str, Any]]) -> None:
    answer = answer_of(examples[name], examples)
    body = examples[name]["response"]["body"]

    error = error_from_response("submittals.items.get", answer.status, answer.headers, answer.body)

    assert type(error) is GATEWAY[name]
    assert error.upstream_message == body["developerMessage"]
    assert error.upstream_code == body.get("errorCode")
    assert error.retry_after_seconds == (30.0 if name == "gateway.429" else None)


def test_a_part_is_put_as_the_example_shows(examples: dict[str, dict[str, Any]]) -> None:
    shown = examples["s3.put"]["request"]

    part = part_request(SignedUrl(shown["url"]), 4729968)

    assert (part.method, part.url.value, part.headers) == (shown["method"], shown["url"], shown["headers"])
    # The ETag stands in the example's note: header ETag: "<md5>".
    assert part_answer(examples["s3.put"]["response"]["status"], {"ETag": '"<md5>"'}, b"") == PartStored("<md5>")


def test_an_expired_part_url_is_told_from_the_example(examples: dict[str, dict[str, Any]]) -> None:
    response = examples["s3.put.expired"]["response"]

    error = part_answer(response["status"], {}, response["body"].encode())

    assert type(error) is StorageExpired
    assert (error.upstream_code, error.upstream_message) == ("AccessDenied", "Request has expired")


def test_the_table_holds_the_33_operations_of_submittals_with_their_scopes() -> None:
    operations = [value for value in vars(op).values() if isinstance(value, Operation)]
    submittals = [operation for operation in operations if operation.name.startswith("submittals.")]

    assert len(submittals) == 33
    assert len({operation.name for operation in operations}) == len(operations)
    for operation in submittals:
        reads = operation.method == "GET" or operation is op.ITEMS_VALIDATE_IDENTIFIER
        assert operation.scope == ("data:read" if reads else "data:write"), operation.name


def test_the_only_posts_that_are_repeated_after_a_doubt_create_nothing() -> None:
    operations = [value for value in vars(op).values() if isinstance(value, Operation)]

    repeated = {operation.name for operation in operations if operation.method == "POST" and operation.idempotent}

    assert repeated == {"submittals.items.validate-custom-identifier", "oss.signeds3upload.complete"}


RENAMED = {"stepId": "id", "taskId": "id"}
"""An item's history names ids differently from everything else; we read both into `id`."""


def lost(shown: Any, kept: Any, place: str = "") -> list[str]:
    """Where the model lacks a field or value of the answer. A time may be written otherwise, a null be empty.

    Signed URLs are dumped without their query; that the models keep it is tested in test_models.
    """
    if isinstance(shown, dict) and isinstance(kept, dict):
        found: list[str] = []
        for key, value in shown.items():
            name = key if key in kept or "id" in shown else RENAMED.get(key, key)
            found += lost(value, kept[name], f"{place}.{key}") if name in kept else [f"{place}.{key}"]
        return found
    if isinstance(shown, list) and isinstance(kept, list) and len(shown) == len(kept):
        return [line for index, value in enumerate(shown) for line in lost(value, kept[index], f"{place}[{index}]")]
    same = shown == kept or (shown is None and not kept)
    same = same or (isinstance(shown, str) and (is_same_time(shown, kept) or kept == str(SignedUrl(shown))))
    return [] if same else [f"{place}: {shown!r} became {kept!r}"]


def is_same_time(shown: str, kept: Any) -> bool:
    digits = shown.replace(" ", "T").removesuffix("+00:00").removesuffix("Z")
    return len(digits) >= 10 and digits[:4].isdigit() and isinstance(kept, str) and kept.removesuffix("Z") == digits
