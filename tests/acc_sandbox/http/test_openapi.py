"""The description at /openapi.json: it is complete, the documented examples fit it, and so does every answer.

That every live answer fits is checked wherever one is asked for: see `description` in conftest.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from acc_sandbox import Switches
from acc_sandbox.http.app import OPERATIONS
from acc_sandbox.http.openapi import describe_api

EXAMPLES = {
    one["name"]: one
    for one in json.loads(Path(__file__).parents[2].joinpath("facts/acc_examples.json").read_text("utf-8"))["examples"]
}
PLACEHOLDER = re.compile("[…<]")
"""What stands in an example for something that its author left out; no form can be asked of it."""
OPERATION = {
    "submittals.items.get.mgr1_permittedActions": "items.get",
    "submittals.items.get.rev_permittedActions": "items.get",
    "submittals.items.get.closed": "items.get",
    "submittals.attachments.poll.success": "attachments.list",
    "submittals.attachments.poll.failure": "attachments.list",
    "submittals.templates": "templates.list",
    "submittals.item-types": "item-types.list",
    "submittals.responses": "responses.list",
    "submittals.specs": "specs.list",
    "submittals.packages": "packages.list",
    "submittals.metadata": "metadata.get",
    "oss.signeds3upload.complete.bad_parts": "oss.signeds3upload.complete",
    "oss.error": "oss.signeds3upload.get",
    "dm.hubs": "hubs.list",
    "dm.hubs.not_provisioned": "hubs.list",
    "dm.projects": "projects.list",
    "dm.topFolders": "topFolders.list",
    "dm.folderContents": "folders.contents",
    "dm.folderSearch": "folders.search",
    "dm.item.tip": "dm-items.tip",
    "dm.item.versions": "dm-items.versions",
    "dm.error": "dm-items.get",
    "gateway.401": "items.get",
    "gateway.403.scope": "items.get",
    "gateway.403.app": "items.get",
    "gateway.429": "items.get",
}
"""Whose answer an example is, where its own name does not begin with the operation's."""
WITHOUT_JSON = {name for name, one in EXAMPLES.items() if not isinstance(one["response"].get("body"), dict)}


def operation_of(name):
    if name in OPERATION:
        return OPERATION[name]
    named = name.removeprefix("submittals.")
    return max((one.name for one in OPERATIONS if named.startswith(one.name)), key=len)


def test_the_description_covers_every_operation_and_its_answers(anonymous):
    described = anonymous.get("/openapi.json").json()
    operations = {one["operationId"]: one for path in described["paths"].values() for one in path.values()}
    assert operations.keys() == {one.name for one in OPERATIONS if one.service != "page"}
    for operation in operations.values():
        assert any(status < "400" for status in operation["responses"]), operation["operationId"]
        assert {"400", "403", "404", "413"} <= operation["responses"].keys(), operation["operationId"]
    items = described["paths"]["/construction/submittals/v2/projects/{projectId}/items"]
    assert items["post"]["requestBody"]["content"]["application/json"]["schema"]["required"] == [
        "stateId",
        "specId",
        "title",
        "typeId",
    ]
    assert items["get"]["security"] == [{"bearer": ["data:read"]}]
    assert items["post"]["responses"]["201"]["content"] == {
        "application/json": {"schema": {"$ref": "#/components/schemas/Item"}}
    }


def test_the_served_openapi_document_is_the_one_that_answers_are_validated_against(box, anonymous):
    box.switches.more_info = "moreInfo"
    served = anonymous.get("/openapi.json").json()
    assert served == json.loads(json.dumps(describe_api(OPERATIONS, box.base_url, box.switches)))
    assert "moreInfo" in served["components"]["schemas"]["GatewayError"]["properties"]


def test_one_name_means_one_shape():
    """A second shape of the same name would be described as the first."""
    whole = describe_api(OPERATIONS, "http://x", Switches())["components"]["schemas"]
    for operation in OPERATIONS:
        alone = describe_api([operation], "http://x", Switches())["components"]["schemas"]
        assert alone == {name: whole[name] for name in alone}, operation.name


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - WITHOUT_JSON))
def test_a_documented_example_fits_the_description(name, description):
    """Outside Submittals the examples are abridged, and so are excerpts: there a field may be missing."""
    example = EXAMPLES[name]
    whole = name.startswith("submittals.") and "excerpt" not in example.get("note", "")
    schema = description.schema(operation_of(name), example["response"]["status"])
    problems = [
        error.message
        for error in description.leaves(schema, example["response"]["body"])
        if not (isinstance(error.instance, str) and PLACEHOLDER.search(error.instance))
        and not (error.validator == "required" and not whole)
    ]
    assert problems == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda row: row.pop("urn"),
        lambda row: row.update(surplus=1),
        lambda row: row.update(asyncState=1),
        lambda row: row.update(createdAt="2026-01-01T00:00:00Z"),
        lambda row: row.update(id="not-a-uuid"),
        lambda row: row["permittedActions"].append({"id": "Attachment::create"}),
    ],
)
def test_an_answer_that_strays_is_found(box, manager, description, spoil):
    row = manager.attach(box.item("051200-3")).json()
    schema = description.schema("attachments.create", 201)
    assert description.errors(schema, row) == []
    spoil(row)
    assert description.errors(schema, row) != []


def test_a_status_or_body_that_is_not_described_is_found(box, description):
    request = httpx.Request("GET", f"{box.base_url}/userinfo")
    for response in (
        httpx.Response(418, request=request),
        httpx.Response(200, request=request, html="<p>"),
        httpx.Response(200, request=request, json={}),
        httpx.Response(401, request=request, json={"reason": "x"}),
    ):
        with pytest.raises(AssertionError):
            description.check(response)
    description.check(
        httpx.Response(401, request=request, json={"developerMessage": "", "errorCode": "", "more info": ""})
    )
