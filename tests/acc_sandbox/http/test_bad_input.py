"""Nonsense of every kind: the documented status in the service's own shape, and nothing changes."""

from __future__ import annotations

import json
import string

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import acc_sandbox
from acc_sandbox.http.app import OPERATIONS

UNKNOWN = "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize(
    ("path", "member"),
    [
        ("/construction/submittals/v2/projects/{project}/comments", "developerMessage"),
        ("/construction/submittals/v2/projects/{project}/items/{item}:close", "developerMessage"),
        ("/construction/submittals/v1/x", "developerMessage"),
        ("/oss/v2/nothing", "reason"),
        ("/data/v1/nothing", "errors"),
        ("/project/v1/nothing", "errors"),
        ("/authentication/v2/nothing", "error"),
        ("/nothing", "developerMessage"),
    ],
)
def test_an_unknown_path_is_404_in_its_services_shape(box, manager, path, member):
    answer = manager("GET", path.format(project=box.project().id, item=box.item("051200-3").id))
    assert answer.status_code == 404
    assert member in answer.json()


def test_a_known_path_with_another_method_says_which_ones_it_has(box, manager):
    answer = manager.submittals("PUT", "/items")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert manager.submittals("HEAD", "/items").status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"name": NaN}',
        b"[" * 100_000,
        b'{"name":"\\ud800","urnTypeId":"2"}',
    ],
)
def test_a_body_that_is_no_json_object_is_400(box, manager, content):
    item = box.item("051200-3")
    before = box.attachments(item)
    headers = {"Content-Type": "application/json"}
    for method, path in (
        ("POST", f"/items/{item.id}/attachments"),
        ("POST", "/items"),
        ("PATCH", f"/items/{item.id}"),
        ("POST", f"/items/{item.id}:transition"),
        ("POST", "/specs"),
    ):
        assert manager.submittals(method, path, content=content, headers=headers).status_code == 400
    assert box.attachments(item) == before


def test_a_huge_body_is_refused(box, manager):
    assert manager.submittals("POST", "/specs", content=b" " * 5_000_000).status_code == 413


@pytest.fixture(scope="module")
def fuzzed():
    with acc_sandbox.running() as box, httpx.Client(base_url=box.base_url, verify=False) as client:
        client.headers["Authorization"] = f"Bearer {box.token()}"
        yield box, client


ids = st.sampled_from(["known", UNKNOWN, "x", "%00", "b.", "..", "%F0%9F", "a%2Fb", "é", "'; --"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
field_names = st.sampled_from(
    [
        *("name", "urnTypeId", "categoryId", "taskId", "urn", "isFileUploaded", "stateId", "title", "specId", "typeId"),
        *("watchers", "manager", "responseId", "uploadKey", "size", "eTags", "requests", "customIdentifier"),
        *("identifier", "userType", "autodeskId", "submittalsRole", "duplicateAttachments", "leadTime", "sequenceType"),
    ]
)
bodies = st.dictionaries(field_names, json_values, max_size=5) | json_values
queries = st.dictionaries(
    st.sampled_from(
        [
            "limit",
            "offset",
            "sort",
            "search",
            "filter[stateId]",
            "filter[createdAt]",
            "filter[identifier]",
            "specId",
            "parts",
            "firstPart",
            "uploadKey",
            "page[number]",
            "page[limit]",
            "filter[displayName]-lt",
            "client_id",
            "scope",
            "person",
            "code",
        ]
    ),
    st.text(max_size=12) | st.integers().map(str),
    max_size=3,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operation=st.sampled_from(OPERATIONS), name=ids, body=bodies, query=queries)
def test_no_request_whatever_gets_a_5xx(fuzzed, operation, name, body, query):
    box, client = fuzzed
    item = box.item("051200-3")
    known = {
        "projectId": f"b.{box.project().id}" if operation.service == "dm" else box.project().id,
        "itemId": item.id,
        "bucketKey": "wip.dm.prod",
        "objectKey": str(box.attachments(item)[0]["uploadUrn"]).rpartition("/")[2],
    }
    path = operation.template
    for field in string.Formatter().parse(path):
        if field[1]:
            value = known.get(field[1], name) if name == "known" or field[1] == "projectId" else name
            path = path.replace("{" + field[1] + "}", value)
    content = None if operation.method in ("GET", "DELETE") else json.dumps(body)
    answer = client.request(
        operation.method, path, params=query, content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code < 500, (operation.name, path, body, query)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.text(alphabet="/abX%2F.:?#-éI", max_size=20), token=st.text(alphabet="ab.é=-", max_size=12))
def test_no_path_or_token_whatever_gets_a_5xx(fuzzed, path, token):
    box, client = fuzzed
    for origin in (box.base_url, box.storage_url):
        for prefix in ("/", "/construction/submittals/v2/projects/", "/oss/v2/buckets/", "/signed-url-downloads/"):
            try:
                url = httpx.URL(f"{origin}{prefix}{path}")
            except httpx.InvalidURL:
                continue
            headers = {"Authorization": f"Bearer x{token}".encode()}
            assert client.get(url, headers=headers).status_code < 500
