"""Every open question has a switch, and every switch does what it says (fact sheet 13)."""

from __future__ import annotations

from dataclasses import fields

import httpx
import pytest

import acc_sandbox
from acc_sandbox import Switches
from acc_sandbox.state.people import known_id
from acc_sandbox.state.switches import describe
from tests.acc_sandbox.conftest import object_path

BEAMS = "Project Files/03 Shop Drawings/05 Steel/beam-shop-drawings.pdf"


def test_every_switch_is_described_with_its_section():
    described = describe(Switches())
    assert [one.name for one in described] == [one.name for one in fields(Switches)]
    assert all(one.section and one.meaning for one in described)


@pytest.mark.parametrize(
    ("shape", "content"),
    [
        ("developerMessage", b'{"developerMessage":"The submittal item was not found"}'),
        ("detail", b'{"detail":"The submittal item was not found"}'),
        ("message", b'{"message":"The submittal item was not found"}'),
        ("html", b"<!doctype html><title>Error 404</title><h1>The submittal item was not found</h1>"),
        ("empty", b""),
    ],
)
def test_the_error_body_of_submittals(box, manager, shape, content):
    box.switches.submittals_error_body = shape
    assert manager.submittals("GET", "/items/none").content == content


def test_queries_and_prefixes(box, manager):
    path = f"/construction/submittals/v2/projects/b.{box.project().id}/items"
    assert manager("GET", path).status_code == 404
    box.switches.b_prefix = "accept"
    assert manager("GET", path).status_code == 200
    box.switches.unknown_query = "ignore"
    assert manager.submittals("GET", "/items", params={"colour": "red"}).status_code == 200


def test_pages(box, manager):
    box.switches.last_page_next_url = "null"
    assert manager.submittals("GET", "/items").json()["pagination"]["nextUrl"] is None
    box.switches.limit_too_large = "refuse"
    assert manager.submittals("GET", "/items", params={"limit": 51}).status_code == 400
    box.switches.limit_too_large = "honour"
    assert manager.submittals("GET", "/items", params={"limit": 200}).json()["pagination"]["limit"] == 200


def test_an_encoded_colon(box, manager):
    item = box.item("051200-4")
    path = f"/items/{item.id}%3Atransition"
    assert manager.submittals("POST", path, json={"stateId": "mgr-1"}).status_code == 405
    box.switches.encoded_colon = "accept"
    assert manager.submittals("POST", path, json={"stateId": "mgr-1"}).status_code == 200


def test_switches_decide_which_roles_attach_in_which_state(box, caller, manager):
    draft, void, sbc = box.items("draft")[0], box.items("void")[0], box.item("051200-2")
    box.switches.attach_in_draft = False
    box.switches.attach_in_void = True
    box.switches.non_managers_attach = False
    assert manager.attach(draft).status_code == 403
    assert manager.attach(void).status_code == 201
    assert caller("steel").attach(sbc).status_code == 403
    assert caller("admin").attach(sbc).status_code == 403
    box.switches.admins_act_as_managers = True
    assert caller("admin").attach(sbc).status_code == 201
    review = box.item("053100-1")
    box.switches.managers_attach_in_review = False
    assert manager.attach(review, taskId=box.tasks(review)[0].id).status_code == 403
    box.switches.managers_close_any_task = True
    assert manager.attach(review, taskId=box.tasks(review)[0].id).status_code == 201


def test_confirming_early_or_twice(box, manager):
    item = box.item("051200-3")
    made = manager.attach(item).json()
    box.switches.patch_before_upload = "refuse"
    assert manager.confirm(item, made["id"]).status_code == 400
    manager.upload(made["uploadUrn"], b"x")
    box.switches.patch_twice = "refuse"
    assert [manager.confirm(item, made["id"]).status_code for _ in range(2)] == [200, 400]


def test_processing_that_fails(box, manager):
    item = box.item("051200-3")
    made = manager.attach(item).json()
    manager.upload(made["uploadUrn"], b"x")
    box.switches.processing_fails = True
    manager.confirm(item, made["id"])
    box.clock.move(1)
    assert manager.attachment(item, made["id"])["asyncState"] == "4"


def test_linked_files(box, manager):
    item, file = box.item("051200-3"), box.file(BEAMS)
    box.switches.linked_async_state = "3"
    box.switches.linked_urn_rewritten = True
    made = manager.attach(item, urn=file.version_urn, isFileUploaded=True).json()
    assert (made["asyncState"], made["urn"]) == ("3", file.version_urn)
    box.clock.move(1)
    assert manager.attachment(item, made["id"])["urn"] not in (None, file.version_urn)


def test_duplicates_may_keep_their_category(box, manager):
    item = box.item("051200-3")
    source = box.attachments(item)[0]
    box.switches.duplicate_category = "keep"
    body = {"stateId": "rev", "duplicateAttachments": [source["id"]]}
    assert manager.submittals("POST", f"/items/{item.id}:transition", json=body).status_code == 200
    assert [row["categoryId"] for row in box.attachments(item)] == [source["categoryId"]] * 2


def test_permitted_actions_may_have_the_shapes_of_the_reference_pages(box, manager):
    box.switches.permitted_actions = "reference"
    item = box.item("052100-1")
    attachment = manager.attach(box.item("051200-3")).json()
    [step, *_] = manager.submittals("GET", f"/items/{item.id}/steps").json()["results"]
    for one in (attachment, step, *step["tasks"]):
        assert [action["transitions"] for action in one["permittedActions"]] == [[""]] * len(one["permittedActions"])
    me = manager.submittals("GET", "/users/me").json()["permittedActions"]
    ways = {way["id"]: way for one in me for way in one["transitions"] if way}
    assert ways["create::sbc-1"]["mandatoryFields"] == [["subcontractor", "subcontractorType", "submitterDueDate"]]
    assert manager.actions(item)["Item::retrieve"]["transitions"] == []


def test_the_longest_name_is_a_switch(box, manager):
    item = box.item("051200-3")
    box.switches.longest_name = 10
    assert manager.attach(item, name="elevenchars").status_code == 400
    assert manager.attach(item, name="ten.pdf").status_code == 201


def test_completion_statuses(box, manager):
    urn = manager.attach(box.item("051200-3")).json()["uploadUrn"]
    signed = manager.signed_urls(urn).json()
    box.switches.invalid_parts_status = 200
    assert manager.complete(urn, uploadKey=signed["uploadKey"]).status_code == 200
    assert manager.complete(urn, uploadKey=signed["uploadKey"]).json()["status"] == "error"
    manager.put(signed["urls"][0], b"x")
    box.switches.complete_twice = "repeat"
    first, second = (manager.complete(urn, uploadKey=signed["uploadKey"]) for _ in range(2))
    assert (first.status_code, second.json()) == (200, first.json())


def test_quoted_etags(box, manager):
    urn = manager.attach(box.item("051200-3")).json()["uploadUrn"]
    signed = manager.signed_urls(urn).json()
    quoted = manager.put(signed["urls"][0], b"x").headers["etag"]
    assert quoted.startswith('"')
    assert manager.complete(urn, uploadKey=signed["uploadKey"], eTags=[quoted]).status_code == 400
    box.switches.quoted_etags = "accept"
    assert manager.complete(urn, uploadKey=signed["uploadKey"], eTags=[quoted]).status_code == 200


def test_settings_statuses(box, caller):
    admin = caller("admin")
    box.switches.delete_mapping_status = 200
    box.switches.change_sequence_status = 202
    mapping = admin.submittals("GET", "/settings/mappings").json()["results"][0]["id"]
    assert admin.submittals("DELETE", f"/settings/mappings/{mapping}").status_code == 200
    path = "/settings/custom-identifier:change-sequence-type"
    assert admin.submittals("POST", path, project="harbor", json={"sequenceType": "2"}).status_code == 202


def test_how_much_later_urls_claim_to_expire(box, manager):
    from datetime import datetime

    urn = manager.attach(box.item("051200-3")).json()["uploadUrn"]

    def claimed():
        return datetime.fromisoformat(manager.signed_urls(urn).json()["urlExpiration"])

    before = box.clock.now()
    box.switches.url_expiration_overstated = 600.0
    assert (claimed() - before).total_seconds() >= 719


def test_repeated_names_are_a_switch(box, manager):
    item = box.item("051200-3")
    assert [manager.attach(item, name="twice.pdf").status_code for _ in range(2)] == [201, 201]
    box.switches.duplicate_names = "refuse"
    assert manager.attach(item, name="twice.pdf").status_code == 400
    assert manager.attach(box.item("051200-4"), name="twice.pdf").status_code == 201


def test_the_category_of_a_draft(box, manager):
    box.switches.draft_category = "2"
    assert manager.attach(box.items("draft")[0]).json()["categoryId"] == "2"


def test_a_reservation_may_lapse(box, manager):
    urn = manager.attach(box.item("051200-3")).json()["uploadUrn"]
    box.clock.move(7200)
    fresh = {"Authorization": f"Bearer {box.token()}"}
    assert manager.client.get(object_path(urn), headers=fresh).status_code == 200
    box.switches.reservation_hours = 1.0
    assert manager.client.get(object_path(urn), headers=fresh).status_code == 404


def test_storage_may_be_lenient(box, manager):
    urn = manager.attach(box.item("051200-3")).json()["uploadUrn"]
    url = manager.signed_urls(urn).json()["urls"][0]
    assert manager.put(url, b"x", Authorization="Bearer x").status_code == 400
    assert manager.put(url, iter([b"x"])).status_code == 411
    box.switches.bearer_at_storage = box.switches.chunked_at_storage = "accept"
    assert manager.put(url, b"x", Authorization="Bearer x").status_code == 200
    assert manager.put(url, iter([b"x", b"y"])).status_code == 200


def test_token_errors_may_have_the_platforms_shape(box, anonymous):
    box.switches.auth_error_body = "platform"
    box.switches.more_info = "moreInfo"
    body = anonymous.post("/authentication/v2/token", data={"grant_type": "none"}).json()
    assert sorted(body) == ["developerMessage", "errorCode", "moreInfo"]


def test_response_categories_are_a_switch(box, manager):
    def rejected():
        rows = manager.submittals("GET", "/responses").json()["results"]
        category = next(row["categoryId"] for row in rows if row["value"] == "Rejected")
        named = {one["id"]: one["value"] for one in manager.submittals("GET", "/metadata").json()["responseCategories"]}
        return category, named[category]

    assert rejected() == ("3", "Rejected")
    box.switches.response_categories = "tutorial"
    assert rejected() == ("2", "Rejected")


def test_a_loopback_port_may_be_any(box, anonymous):
    query = {
        "response_type": "code",
        "client_id": box.client_id,
        "redirect_uri": "http://localhost:50123/callback",
        "scope": "data:read",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
        "sandbox_person": "manager",
    }
    assert anonymous.get("/authentication/v2/authorize", params=query).status_code == 400
    box.switches.loopback_port = "any"
    assert anonymous.get("/authentication/v2/authorize", params=query).status_code == 302
    other = query | {"redirect_uri": "http://localhost:50123/other"}
    assert anonymous.get("/authentication/v2/authorize", params=other).status_code == 400


@pytest.mark.parametrize(("choice", "bucket"), [("own", "wip.dm.gbr"), ("us", "wip.dm.prod")])
def test_buckets_of_other_regions(choice, bucket):
    project = {"key": "p", "name": "P", "managers": ["manager"], "files": {"a.txt": 1}}
    plan = acc_sandbox.parse_seed({"hubs": [{"key": "h", "name": "H", "region": "GBR"}], "projects": [project]})
    with acc_sandbox.running(seed=plan, switches=Switches(other_region_names=choice)) as box:
        version = box.file("a.txt", "p").version_urn
        assert box.object_bytes(f"{bucket}/{known_id('p/a.txt/1')}.txt") == b"a.txt, version 1\n"
        assert version.startswith(f"urn:adsk.{'wipgbr' if choice == 'own' else 'wipprod'}:")


def test_undocumented_statuses_become_errors_by_their_class(box, caller, manager):
    member, admin = caller("member"), caller("admin")
    item, draft = box.item("051200-4"), box.items("draft")[0]
    spec = manager.submittals("GET", "/specs").json()["results"][0]
    mapping = admin.submittals("GET", "/settings/mappings").json()["results"][0]
    again = {name: mapping[name] for name in ("userType", "autodeskId", "submittalsRole")}
    foreign = {"urn": "urn:adsk.wipprod:fs.file:vf.unknown?version=1", "isFileUploaded": True}

    def statuses():
        return (
            manager.submittals("PUT", "/items").status_code,
            manager.submittals("GET", "/items", project="mill").status_code,
            member.submittals("GET", f"/items/{draft.id}").status_code,
            manager.submittals("POST", f"/items/{item.id}:transition", json={"stateId": "rev"}).status_code,
            manager.submittals("PATCH", f"/items/{item.id}", json={"customIdentifier": "3"}).status_code,
            manager.submittals("POST", "/specs", json={**SPEC, "identifier": spec["identifier"]}).status_code,
            admin.submittals("POST", "/settings/mappings", json=again).status_code,
            manager.attach(item, **foreign).status_code,
        )

    assert statuses() == (405, 403, 404, 403, 400, 400, 400, 404)
    box.switches.wrong_method_status = 404
    box.switches.bim_360_status = 404
    box.switches.hidden_draft_status = 403
    box.switches.refused_transition_status = 400
    box.switches.conflict_status = 409
    box.switches.foreign_urn_status = 400
    assert statuses() == (404, 404, 403, 400, 409, 409, 409, 400)


SPEC = {"title": "Paint"}


def reviewed(box, caller, manager):
    """An item that has gone through both steps of its review."""
    item = box.item("051200-3")
    response = manager.submittals("GET", "/responses").json()["results"][0]["id"]
    go(manager, item, "rev")
    for person, task in zip(("manager", "engineer"), box.tasks(item), strict=True):
        path = f"/items/{item.id}/steps/{task.step_id}/tasks/{task.id}:close"
        assert caller(person).submittals("POST", path, json={"responseId": response}).status_code == 200
    return item


def go(who, item, state, **more):
    answer = who.submittals("POST", f"/items/{item.id}:transition", json={"stateId": state, **more})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(("choice", "open_step"), [("last_step", 1), ("first_step", 0)])
def test_which_step_a_return_for_review_opens(box, caller, manager, choice, open_step):
    box.switches.return_for_review = choice
    item = reviewed(box, caller, manager)
    go(manager, item, "rev", stepDueDate="2030-01-01")
    assert [task.status for task in box.tasks(item)].index("in-progress") == open_step


@pytest.mark.parametrize(("choice", "answered"), [("reset", "not-started"), ("keep", "completed")])
def test_whether_a_return_to_the_manager_keeps_answers(box, caller, manager, choice, answered):
    box.switches.return_to_manager = choice
    item = reviewed(box, caller, manager)
    go(manager, item, "rev", stepDueDate="2030-01-01")
    go(manager, item, "mgr-1", manager=box.person("manager").autodesk_id, managerType="1")
    assert [task.status for task in box.tasks(item)] == [answered, "not-started"]
    go(manager, item, "rev")
    assert [task.status for task in box.tasks(item)].index("in-progress") == (choice == "keep")


def test_a_public_application_may_do_without_pkce(box, anonymous):
    query = {"response_type": "code", "client_id": box.client_id, "redirect_uri": box.callback_url}
    query |= {"scope": "data:read", "sandbox_person": "manager"}
    assert "code_challenge" in anonymous.get("/authentication/v2/authorize", params=query).headers["location"]
    box.switches.public_needs_pkce = False
    back = anonymous.get("/authentication/v2/authorize", params=query).headers["location"]
    form = {"grant_type": "authorization_code", "code": httpx.URL(back).params["code"], "client_id": box.client_id}
    form["redirect_uri"] = box.callback_url
    assert anonymous.post("/authentication/v2/token", data=form).status_code == 200
