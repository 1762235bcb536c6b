"""Every write of Submittals with everything that can be wrong with it: documented status and shape, nothing changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

import acc_sandbox
from acc_sandbox import Clock
from acc_sandbox.http.app import OPERATIONS

UNKNOWN = "11111111-1111-4111-8111-111111111111"
JSON = {"Content-Type": "application/json"}


@dataclass
class Write:
    """A request that is carried out as it stands."""

    operation: str
    method: str
    path: str
    body: dict[str, Any]
    person: str = "manager"
    project: str = "riverside"
    query: dict[str, str] = field(default_factory=dict)

    def send(self, caller, **more):
        given = {"params": self.query, "project": self.project, "json": self.body} | more
        if "content" in given:
            del given["json"]
        return caller(self.person).submittals(self.method, self.path, **given)


WRITES = {
    "items.create": lambda box, ids: Write(
        "items.create",
        "POST",
        "/items",
        {"stateId": "draft", "specId": ids["spec"], "typeId": ids["type"], "title": "New"},
    ),
    "items.patch": lambda box, ids: Write("items.patch", "PATCH", f"/items/{ids['item']}", {"title": "Other"}),
    "items.transition": lambda box, ids: Write(
        "items.transition", "POST", f"/items/{ids['item']}:transition", {"stateId": "mgr-1"}
    ),
    "items.validate-custom-identifier": lambda box, ids: Write(
        "items.validate-custom-identifier",
        "POST",
        "/items:validate-custom-identifier",
        {"customIdentifier": "77"},
        query={"specId": ids["spec"]},
    ),
    "attachments.create": lambda box, ids: Write(
        "attachments.create", "POST", f"/items/{ids['item']}/attachments", {"name": "a.pdf", "urnTypeId": "2"}
    ),
    "attachments.patch": lambda box, ids: Write(
        "attachments.patch",
        "PATCH",
        f"/items/{ids['item']}/attachments/{ids['attachment']}",
        {"isFileUploaded": True},
    ),
    "tasks.close": lambda box, ids: Write(
        "tasks.close",
        "POST",
        f"/items/{ids['review']}/steps/{ids['step']}/tasks/{ids['task']}:close",
        {"responseId": ids["response"]},
    ),
    "specs.create": lambda box, ids: Write(
        "specs.create", "POST", "/specs", {"identifier": "099100", "title": "Paint"}
    ),
    "mappings.create": lambda box, ids: Write(
        "mappings.create",
        "POST",
        "/settings/mappings",
        {"userType": "1", "autodeskId": box.person("steel").autodesk_id, "submittalsRole": "1"},
        "admin",
    ),
    "change-sequence-type": lambda box, ids: Write(
        "change-sequence-type",
        "POST",
        "/settings/custom-identifier:change-sequence-type",
        {"sequenceType": "2"},
        "admin",
        "harbor",
    ),
}
NO_OBJECTS = (b"", b"{", b"[]", b"null", b"5", b'"x"', b"\xff\xfe", b'{"a": NaN}', b"[" * 50_000, b'{"a":1}x')
WRONG_TYPES = ({"a": 1}, 1.5, [[]])
"""No field takes any of them."""


@pytest.fixture
def ids(box, caller):
    manager = caller("manager")

    def first(path):
        return manager.submittals("GET", path).json()["results"][0]["id"]

    item, review = box.item("051200-4"), box.item("052100-1")
    task = box.tasks(review)[0]
    return {
        "item": item.id,
        "attachment": manager.attach(item).json()["id"],
        "review": review.id,
        "step": task.step_id,
        "task": task.id,
        "spec": first("/specs"),
        "type": first("/item-types"),
        "response": first("/responses"),
    }


@pytest.fixture
def write(request, box, ids):
    return WRITES[request.param](box, ids)


@pytest.fixture
def box(tmp_path):
    """A sandbox with its database in a file, which the tests read."""
    with acc_sandbox.running(data=tmp_path, clock=Clock(datetime(2026, 3, 2, 8, 30, tzinfo=UTC))) as running:
        yield running


@pytest.fixture
def everything(box, tmp_path):
    """Reads all that the sandbox has stored."""
    with closing(sqlite3.connect(tmp_path / "sandbox.sqlite3")) as database:

        def read():
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            assert tables
            return {table: database.execute(f"SELECT * FROM {table}").fetchall() for table in tables}

        yield read


def refused(answer, status=400):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert "Traceback" not in answer.text
    body = answer.json()
    assert next(iter(body)) == "developerMessage"
    return body["developerMessage"]


every_write = pytest.mark.parametrize("write", WRITES, indirect=True)


def test_the_table_has_every_write_with_a_body():
    assert set(WRITES) == {
        one.name for one in OPERATIONS if one.service == "submittals" and one.method in ("POST", "PATCH")
    }


@every_write
def test_it_is_carried_out_as_it_stands(caller, write):
    assert write.send(caller).status_code in (200, 201, 204)


@every_write
def test_a_body_that_is_no_json_object_is_400(caller, everything, write):
    before = everything()
    for content in NO_OBJECTS:
        refused(write.send(caller, content=content, headers=JSON))
    assert everything() == before


@every_write
def test_an_unknown_field_is_400_and_named_or_ignored_by_a_switch(box, caller, everything, write):
    before = everything()
    body = {**write.body, "colour": "red"}
    assert refused(write.send(caller, json=body)) == '"colour" is not allowed'
    assert everything() == before
    box.switches.unknown_fields = "ignore"
    assert write.send(caller, json=body).status_code in (200, 201, 204)


@every_write
def test_an_unknown_query_parameter_is_400_and_named(caller, everything, write):
    before = everything()
    assert refused(write.send(caller, params={**write.query, "colour": "red"})) == '"colour" is not allowed'
    assert everything() == before


@every_write
def test_a_missing_or_other_content_type_is_400_or_ignored_by_a_switch(box, caller, everything, write):
    before = everything()
    content = caller(write.person).client.build_request("POST", "/", json=write.body).content
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp"):
        assert "Content-Type" in refused(write.send(caller, content=content, headers={"Content-Type": kind}))
    assert "Content-Type" in refused(write.send(caller, content=content))
    assert everything() == before
    box.switches.content_type = "ignore"
    assert write.send(caller, content=content).status_code in (200, 201, 204)


@every_write
def test_a_content_type_may_have_parameters(caller, write):
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    content = caller(write.person).client.build_request("POST", "/", json=write.body).content
    assert write.send(caller, content=content, headers=headers).status_code in (200, 201, 204)


@every_write
def test_a_missing_token_is_401_and_a_missing_scope_403(box, caller, everything, write):
    before = everything()
    assert write.send(caller, headers={"Authorization": ""}).json()["errorCode"] == "AUTH-006"
    other = caller(write.person, scopes="data:create")
    answer = other.submittals(write.method, write.path, json=write.body, project=write.project)
    assert (answer.status_code, answer.json()["errorCode"]) == (403, "AUTH-010")
    assert everything() == before


@every_write
def test_a_missing_field_is_400_and_named(caller, everything, write):
    before = everything()
    operation = next(one for one in OPERATIONS if one.name == write.operation)
    for name in operation.fields.required:
        body = {key: value for key, value in write.body.items() if key != name}
        assert refused(write.send(caller, json=body)) == f'"{name}" is required'
    assert everything() == before


@every_write
def test_a_field_of_a_wrong_type_is_400_and_named(caller, everything, write):
    before = everything()
    operation = next(one for one in OPERATIONS if one.name == write.operation)
    for name in operation.fields.checks:
        for value in WRONG_TYPES:
            assert f'"{name}' in refused(write.send(caller, json={**write.body, name: value}))
    assert everything() == before


@every_write
def test_another_project_is_refused(box, caller, everything, write):
    before = everything()
    for project, status in ((UNKNOWN, 404), ("not-a-uuid", 404), (box.project("mill").id, 403)):
        path = f"/construction/submittals/v2/projects/{project}{write.path}"
        refused(caller(write.person)(write.method, path, params=write.query, json=write.body), status)
    stranger = caller("outsider").submittals(write.method, write.path, params=write.query, json=write.body)
    refused(stranger, 403)
    assert everything() == before


@every_write
def test_writes_to_things_of_others_are_refused(caller, everything, write):
    """Site observers read and create submissions of their own; all the rest is other people's."""
    before = everything()
    answer = caller("member").submittals(
        write.method, write.path, params=write.query, json=write.body, project=write.project
    )
    if write.operation == "items.validate-custom-identifier":
        assert answer.status_code == 204
    else:
        refused(answer, 403)
    assert everything() == before


def test_ids_of_another_project_or_item_are_refused(box, caller, everything, ids):
    manager, admin = caller("manager"), caller("admin")
    other = box.items(project="harbor")[0].id
    elsewhere = {
        name: manager.submittals("GET", path, project="harbor").json()["results"][0]["id"]
        for name, path in {"specId": "/specs", "typeId": "/item-types", "responseId": "/responses"}.items()
    }
    template = admin.submittals("GET", "/templates", project="harbor").json()["results"]
    mapping = admin.submittals("GET", "/settings/mappings", project="harbor").json()["results"][0]["id"]
    item, review, step, task = f"/items/{ids['item']}", f"/items/{ids['review']}", ids["step"], ids["task"]
    new = {"stateId": "draft", "specId": ids["spec"], "typeId": ids["type"], "title": "x"}
    before = everything()
    for method, path, body, status in (
        ("PATCH", f"/items/{other}", {"title": "x"}, 404),
        ("POST", f"/items/{other}:transition", {"stateId": "mgr-1"}, 404),
        ("POST", f"/items/{other}/attachments", {"name": "x", "urnTypeId": "2"}, 404),
        ("PATCH", f"{review}/attachments/{ids['attachment']}", {"isFileUploaded": True}, 404),
        ("POST", f"{item}/steps/{step}/tasks/{task}:close", {"responseId": ids["response"]}, 404),
        ("POST", f"{review}/steps/{step}/tasks/{UNKNOWN}:close", {"responseId": ids["response"]}, 404),
        ("POST", f"{review}/steps/{step}/tasks/{task}:close", {"responseId": elsewhere["responseId"]}, 400),
        ("POST", f"{item}/attachments", {"name": "x", "urnTypeId": "2", "taskId": task}, 400),
        ("POST", f"{item}:transition", {"stateId": "sbc-2", "responseId": elsewhere["responseId"]}, 400),
        ("POST", f"{item}:transition", {"stateId": "mgr-1", "duplicateAttachments": [UNKNOWN]}, 400),
        ("PATCH", item, {"specId": elsewhere["specId"]}, 400),
        ("PATCH", item, {"typeId": elsewhere["typeId"]}, 400),
        ("POST", "/items", {**new, "specId": elsewhere["specId"]}, 400),
        ("POST", "/items", {**new, "templateId": template[0]["id"] if template else UNKNOWN}, 400),
    ):
        refused(manager.submittals(method, path, json=body), status)
    refused(admin.submittals("DELETE", f"/settings/mappings/{mapping}"), 404)
    assert everything() == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/items/{item}/attachments/{attachment}"),
        ("DELETE", "/items/{item}/attachments/{attachment}"),
        ("DELETE", "/items/{item}"),
        ("POST", "/items/{item}/revisions"),
        ("POST", "/items/{item}:create-revision"),
        ("GET", "/items/{item}/comments"),
        ("POST", "/items/{item}/comments"),
        ("GET", "/items/{item}/activities"),
        ("GET", "/items/{item}/watchers"),
        ("POST", "/items/{item}/steps"),
        ("PATCH", "/items/{item}/steps/{step}"),
        ("POST", "/items/{item}/steps/{step}/tasks"),
        ("PATCH", "/items/{item}/steps/{step}/tasks/{task}"),
        ("POST", "/items:batch"),
        ("POST", "/items:import"),
        *(
            (method, f"/{name}")
            for name in ("packages", "item-types", "responses", "templates")
            for method in ("POST",)
        ),
        *(
            (method, f"/{name}/{UNKNOWN}")
            for name in ("packages", "item-types", "responses", "templates", "specs")
            for method in ("PATCH", "DELETE")
        ),
        ("PATCH", f"/settings/mappings/{UNKNOWN}"),
    ],
)
def test_undocumented_methods_and_paths_do_not_exist(caller, everything, ids, method, path):
    before = everything()
    answer = caller("manager").submittals(method, path.format(**ids), json={})
    assert answer.status_code in (404, 405)
    assert everything() == before
