"""Creating and changing items (fact sheet 2.4, 2.5)."""

from __future__ import annotations

import pytest

UNKNOWN = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def minimum(manager):
    return {
        "title": "Anchor bolts",
        "specId": manager.submittals("GET", "/specs").json()["results"][1]["id"],
        "typeId": manager.submittals("GET", "/item-types").json()["results"][0]["id"],
    }


def contractor(box, key="steel"):
    return {
        "subcontractor": box.person(key).autodesk_id,
        "subcontractorType": "1",
        "submitterDueDate": "2030-02-01",
    }


def test_a_manager_asks_a_contractor_and_the_folder_follows_a_second_later(box, manager, minimum):
    answer = manager.submittals("POST", "/items", json={**minimum, **contractor(box), "stateId": "sbc-1"})
    assert answer.status_code == 201
    body = answer.json()
    assert {name: body[name] for name in ("identifier", "statusId", "dueDate", "revision", "folderUrn")} == {
        "identifier": 16,
        "statusId": "1",
        "dueDate": "2030-02-01",
        "revision": 0,
        "folderUrn": None,
    }
    assert body["revisionsFoldersUrns"] is None
    assert body["manager"] == box.person("manager").autodesk_id
    assert body["customIdentifierHumanReadable"] == "051200-Unspecified"
    box.clock.move(1)
    later = manager.submittals("GET", f"/items/{body['id']}").json()
    assert later["revisionsFoldersUrns"]["0"]["folderUrn"] == later["folderUrn"]
    assert later["updatedAt"] > body["updatedAt"]


def test_attachments_made_before_the_folder_get_it_too(box, manager, minimum):
    manager.submittals("POST", "/items", json={**minimum, **contractor(box), "stateId": "sbc-1"})
    item = box.items("sbc-1")[-1]
    made = manager.attach(item).json()
    assert made["revisionFolderUrn"] is None
    box.clock.move(1)
    assert manager.attachment(item, made["id"])["revisionFolderUrn"] is not None


def test_anybody_else_submits_to_a_manager_and_is_the_contractor(box, caller, minimum):
    me = {"manager": box.person("manager").autodesk_id, "managerType": "1"}
    body = caller("member").submittals("POST", "/items", json={**minimum, **me, "stateId": "mgr-1"}).json()
    assert (body["stateId"], body["ballInCourtType"]) == ("mgr-1", "manager")
    assert body["subcontractor"] == body["submittedBy"] == box.person("member").autodesk_id


@pytest.mark.parametrize(
    ("person", "state", "status"),
    [("manager", "mgr-1", 403), ("member", "sbc-1", 403), ("member", "draft", 403), ("manager", "rev", 400)],
)
def test_each_role_creates_in_its_own_states(box, caller, minimum, person, state, status):
    body = {**minimum, **contractor(box), "stateId": state, "manager": box.person("manager").autodesk_id}
    assert caller(person).submittals("POST", "/items", json=body).status_code == status


@pytest.mark.parametrize(
    "change",
    [
        {"title": None},
        {"title": ""},
        {"specId": UNKNOWN},
        {"typeId": "x"},
        {"packageId": UNKNOWN},
        {"templateId": UNKNOWN},
        {"subcontractor": "NOBODY000000"},
        {"subcontractor": None},
        {"submitterDueDate": "tomorrow"},
        {"customIdentifier": "3"},
        {"priority": "urgent"},
        {"leadTime": -1},
        {"leadTime": 10**12},
        {"watchers": ["x"]},
        {"watchers": [{"id": "x", "userType": "9"}]},
        {"watchers": [{"id": "NOBODY000000", "userType": "1"}]},
        {"watchers": [{"id": "99999999", "userType": "2"}]},
        {"colour": "red"},
    ],
)
def test_a_malformed_item_is_not_created(box, manager, minimum, change):
    before = box.items()
    body = {**minimum, **contractor(box), "stateId": "sbc-1", **change}
    assert manager.submittals("POST", "/items", json=body).status_code == 400
    assert box.items() == before


def test_a_field_is_changed_and_everything_else_stays(box, manager):
    item = box.item("051200-4")
    path = f"/items/{item.id}"
    before = manager.submittals("GET", path).json()
    after = manager.submittals("PATCH", path, json={"title": "New title", "leadTime": 14, "packageId": None}).json()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {
        "title",
        "leadTime",
        "packageId",
        "packageIdentifier",
        "packageTitle",
        "packageSpecIdentifier",
        "updatedAt",
    }


def test_a_moment_is_kept_as_submittals_writes_one(box, manager):
    item = box.item("051200-4")
    change = {
        "sentToReview": "2026-03-01T08:00:00.388Z",
        "receivedFromReview": "2026-03-04T08:00:00.1234567Z",
        "publishedDate": "2026-03-04T08:00:00Z",
    }
    after = manager.submittals("PATCH", f"/items/{item.id}", json=change).json()
    assert {name: after[name] for name in change} == {
        "sentToReview": "2026-03-01T08:00:00.388000Z",
        "receivedFromReview": "2026-03-04T08:00:00.123456Z",
        "publishedDate": "2026-03-04T08:00:00.000000Z",
    }
    for other in ("2026-03-01T10:00:00+02:00", "2026-03-04", "2026-03-01T08:00:00", "20260301T080000Z", None):
        path = f"/items/{item.id}"
        assert manager.submittals("PATCH", path, json={"sentToReview": other}).status_code == 400, other
    found = manager.submittals("GET", "/items", params={"filter[sentToReview]": "2026-03-01"}).json()
    assert [row["id"] for row in found["results"]] == [item.id]


def test_null_clears_a_field_where_a_switch_says_so(box, manager):
    path = f"/items/{box.item('051200-4').id}"
    assert manager.submittals("PATCH", path, json={"packageId": None}).status_code == 200
    assert manager.submittals("PATCH", path, json={"leadTime": None}).status_code == 400
    box.switches.null_fields = "accept"
    assert manager.submittals("PATCH", path, json={"leadTime": None}).json()["leadTime"] is None
    assert manager.submittals("PATCH", path, json={"title": None}).status_code == 400


def test_a_new_contractor_gets_the_ball(box, manager):
    item = box.item("051200-4")
    change = contractor(box, "concrete")
    after = manager.submittals("PATCH", f"/items/{item.id}", json=change).json()
    assert (after["ballInCourtUsers"], after["dueDate"]) == ([change["subcontractor"]], "2030-02-01")


@pytest.mark.parametrize(
    "change",
    [
        {"stateId": "rev"},
        {"id": UNKNOWN},
        {"customIdentifier": "3"},
        {"manager": "NOBODY000000"},
        {"responseId": UNKNOWN},
        {"ballInCourtUsers": ["NOBODY000000"]},
        {"ballInCourtCompanies": ["99999999"]},
        {"sentToReview": "soon"},
        {"sentToReview": "0001-01-01T00:00:00+14:00"},
        {"title": 5},
        [],
        "title",
    ],
)
def test_a_malformed_change_is_refused(box, manager, change):
    item = box.item("051200-4")
    before = manager.submittals("GET", f"/items/{item.id}").json()
    assert manager.submittals("PATCH", f"/items/{item.id}", json=change).status_code == 400
    assert manager.submittals("GET", f"/items/{item.id}").json() == before


@pytest.mark.parametrize(("person", "number"), [("manager", "084413-1"), ("steel", "033100-1"), ("steel", "051200-2")])
def test_fields_that_may_not_be_updated_are_refused(box, caller, person, number):
    path = f"/items/{box.item(number).id}"
    assert caller(person).submittals("PATCH", path, json={"title": "x"}).status_code == 403


def test_a_number_can_be_given_later(box, manager):
    draft = box.items("draft")[0]
    body = manager.submittals("PATCH", f"/items/{draft.id}", json={"customIdentifier": "01"}).json()
    assert body["customIdentifierHumanReadable"] == "092900-01"


@pytest.mark.parametrize(
    ("kind", "member", "court"), [("2", "20031003", "ballInCourtCompanies"), ("3", "20032001", "ballInCourtRoles")]
)
def test_a_company_or_role_can_be_the_contractor(box, manager, kind, member, court):
    path, change = f"/items/{box.item('051200-4').id}", {"subcontractor": member, "subcontractorType": kind}
    body = manager.submittals("PATCH", path, json=change).json()
    assert (body[court], body["ballInCourtUsers"]) == ([member], [])
    wrong = {"subcontractor": "1", "subcontractorType": kind}
    assert manager.submittals("PATCH", path, json=wrong).status_code == 400


def test_moments_are_iso_8601(box, manager):
    path = f"/items/{box.item('051200-4').id}"
    good = {"sentToReview": "2026-01-02T03:04:05.000000Z"}
    assert manager.submittals("PATCH", path, json=good).json()["sentToReview"] == good["sentToReview"]
    assert manager.submittals("PATCH", path, json={"sentToReview": "yesterday"}).status_code == 400


def test_a_template_gives_an_item_its_steps_and_tasks(box, caller, minimum):
    admin, manager = caller("admin"), caller("manager")
    for template in admin.submittals("GET", "/templates").json()["results"]:
        body = {**minimum, "stateId": "draft", "templateId": template["id"]}
        made = manager.submittals("POST", "/items", json=body).json()
        steps = manager.submittals("GET", f"/items/{made['id']}/steps").json()["results"]
        names = ("assignedTo", "assignedToType", "isRequired")
        assert [
            (step["stepNumber"], step["daysToRespond"], [[task[name] for name in names] for task in step["tasks"]])
            for step in steps
        ] == [
            (step["stepNumber"], step["daysToRespond"], [[task[name] for name in names] for task in step["tasks"]])
            for step in template["steps"]
        ]
        assert {one["status"] for step in steps for one in (step, *step["tasks"])} == {"not-started"}
