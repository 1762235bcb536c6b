"""The state machine: transitions, their conditions and effects; tasks and the course of a review (fact sheet 4, 6)."""

from __future__ import annotations

from datetime import timedelta

import pytest

UNKNOWN = "11111111-1111-4111-8111-111111111111"


def go(who, item, target, **body):
    return who.submittals("POST", f"/items/{item.id}:transition", json={"stateId": target, **body})


def read(who, item):
    return who.submittals("GET", f"/items/{item.id}").json()


def response(who, key="approved"):
    rows = who.submittals("GET", "/responses").json()["results"]
    return next(row["id"] for row in rows if row["key"] == key)


def close(who, item, task, **body):
    path = f"/items/{item.id}/steps/{task.step_id}/tasks/{task.id}:close"
    return who.submittals("POST", path, json={"responseId": response(who), **body})


def test_submitting_hands_the_ball_to_the_manager(box, caller):
    item, steel = box.item("051200-2"), caller("steel")
    answer = go(steel, item, "mgr-1", manager=box.person("manager").autodesk_id, mailNote="please")
    assert answer.status_code == 200
    body = answer.json()
    assert body["receivedFromSubmitter"] == body["updatedAt"]
    assert {name: body[name] for name in ("stateId", "statusId", "ballInCourtType", "dueDate", "submittedBy")} == {
        "stateId": "mgr-1",
        "statusId": "2",
        "ballInCourtType": "manager",
        "dueDate": None,
        "submittedBy": box.person("steel").autodesk_id,
    }
    assert body["ballInCourtUsers"] == [box.person("manager").autodesk_id]
    assert body["managerType"] == "1"


def test_a_whole_review_goes_step_by_step_to_the_manager_and_is_closed_and_reopened(box, caller, manager):
    item = box.item("051200-3")
    reviewing = go(manager, item, "rev").json()
    first, second = box.tasks(item)
    assert (reviewing["ballInCourtType"], reviewing["ballInCourtUsers"]) == ("reviewer", [first.assigned_to])
    assert (first.status, second.status) == ("in-progress", "not-started")
    steps = manager.submittals("GET", f"/items/{item.id}/steps").json()["results"]
    assert steps[0]["dueDate"] == reviewing["dueDate"]
    closed = close(manager, item, first, responseComment="fine").json()
    assert (closed["status"], closed["responseComment"], closed["completedBy"]) == (
        "completed",
        "fine",
        first.assigned_to,
    )
    assert read(manager, item)["ballInCourtUsers"] == [second.assigned_to]
    assert close(caller("engineer"), item, second).status_code == 200
    reviewed = read(manager, item)
    assert (reviewed["stateId"], reviewed["ballInCourtType"]) == ("mgr-2", "manager")
    assert reviewed["receivedFromReview"] is not None
    done = go(manager, item, "sbc-2", responseId=response(manager), responseComment="ok").json()
    assert {name: done[name] for name in ("stateId", "statusId", "ballInCourtType", "responseComment")} == {
        "stateId": "sbc-2",
        "statusId": "3",
        "ballInCourtType": "subcontractor",
        "responseComment": "ok",
    }
    assert done["publishedDate"] == done["respondedAt"] == done["updatedAt"]
    again = go(manager, item, "mgr-2").json()
    assert (again["stateId"], again["statusId"], again["publishedDate"]) == ("mgr-2", "2", None)
    due = "2031-01-01"
    back = go(manager, item, "rev", stepDueDate=due).json()
    assert (back["stateId"], back["dueDate"], back["ballInCourtUsers"]) == ("rev", due, [second.assigned_to])


def test_returning_to_the_manager_takes_the_review_back(box, manager):
    item = box.item("052100-1")
    me = box.person("manager").autodesk_id
    assert go(manager, item, "mgr-1", manager=me, managerType="1").json()["stateId"] == "mgr-1"
    assert {task.status for task in box.tasks(item)} == {"not-started"}


def test_closing_from_a_review_ends_its_open_tasks(box, caller, manager):
    item = box.item("053100-1")
    assert go(manager, item, "sbc-2", responseId=response(manager)).status_code == 200
    task = box.tasks(item)[0]
    assert close(caller("engineer"), item, task).status_code == 403


@pytest.mark.parametrize(
    ("number", "target", "body", "status"),
    [
        ("051200-4", "sbc-2", {}, 400),
        ("051200-4", "sbc-2", {"responseId": UNKNOWN}, 400),
        ("051200-4", "rev", {}, 403),
        ("051200-4", "draft", {}, 403),
        ("051200-4", "elsewhere", {}, 400),
        ("051200-4", "mgr-1", {"manager": "NOBODY000000"}, 400),
        ("051200-4", "mgr-1", {"responseId": UNKNOWN}, 400),
        ("051200-4", "mgr-1", {"colour": "red"}, 400),
        ("051200-4", "mgr-1", {"duplicateAttachments": [UNKNOWN]}, 400),
        ("084413-2", "rev", {}, 403),
        ("051200-3", "rev", {"stepDueDate": "soon"}, 400),
        ("033100-2", "rev", {}, 400),
        ("033100-1", "sbc-1", {}, 403),
        ("084413-1", "sbc-1", {}, 403),
        ("092900-Unspecified", "sbc-1", {"submitterDueDate": None}, 400),
    ],
)
def test_a_transition_that_is_not_possible_changes_nothing(box, manager, number, target, body, status):
    item = box.item(number)
    before = read(manager, item)
    answer = go(manager, item, target, **body)
    assert (answer.status_code, read(manager, item)) == (status, before), answer.text


def test_only_the_ways_of_ones_own_role_are_open(box, caller):
    for person, number, target in (
        ("steel", "051200-2", "void"),
        ("steel", "051200-3", "rev"),
        ("concrete", "051200-2", "mgr-1"),
        ("member", "051200-2", "mgr-1"),
    ):
        assert go(caller(person), box.item(number), target).status_code == 403


def test_a_draft_is_assigned_with_a_date(box, manager):
    item = box.items("draft")[0]
    body = go(manager, item, "sbc-1", submitterDueDate="2030-05-01").json()
    assert (body["stateId"], body["dueDate"], body["ballInCourtType"]) == ("sbc-1", "2030-05-01", "subcontractor")
    assert body["sentToSubmitter"] == body["updatedAt"]


def test_void_is_final(box, manager):
    item = box.item("051200-3")
    body = go(manager, item, "void").json()
    assert (body["statusId"], body["ballInCourtUsers"], body["ballInCourtType"]) == ("4", [], None)
    assert "Item::wf_transition" not in manager.actions(item)


def test_duplicates_carry_their_source_and_the_new_stages_category(box, manager):
    item = box.item("051200-3")
    source = box.attachments(item)[0]
    go(manager, item, "sbc-2", responseId=response(manager), duplicateAttachments=[source["id"]])
    box.clock.move(1)
    rows = manager.submittals("GET", f"/items/{item.id}/attachments").json()["results"]
    copy = next(row for row in rows if row["duplicatedFrom"] == source["id"])
    assert (copy["categoryId"], copy["asyncState"], copy["isFileUploaded"]) == ("4", "3", True)
    assert copy["uploadUrn"] != source["uploadUrn"]
    assert box.object_bytes(copy["uploadUrn"]) == box.object_bytes(source["uploadUrn"])


def test_a_task_is_closed_once_by_its_assignee_with_a_response(box, caller, manager):
    item = box.item("053100-1")
    task, engineer = box.tasks(item)[0], caller("engineer")
    path = f"/items/{item.id}/steps/{task.step_id}/tasks/{task.id}:close"
    assert close(manager, item, task).status_code == 403
    for body in ({}, {"responseId": UNKNOWN}, {"responseId": 5}, {"responseId": response(manager), "x": 1}):
        assert engineer.submittals("POST", path, json=body).status_code == 400
    assert box.tasks(item) == [task]
    assert close(engineer, item, task).status_code == 200
    assert close(engineer, item, task).status_code == 403


def test_a_task_of_a_step_that_has_not_begun_cannot_be_closed(box, caller):
    item = box.item("052100-1")
    assert close(caller("engineer"), item, box.tasks(item)[1]).status_code == 403


def test_an_optional_task_does_not_hold_the_review_up(box, caller, manager):
    admin = caller("admin")
    template = next(
        one for one in admin.submittals("GET", "/templates").json()["results"] if one["name"] == "Two-step review"
    )
    lookups = {
        "specId": manager.submittals("GET", "/specs").json()["results"][0]["id"],
        "typeId": manager.submittals("GET", "/item-types").json()["results"][0]["id"],
        "templateId": template["id"],
        "title": "Stair stringers",
        "customIdentifier": "40",
        "subcontractor": box.person("steel").autodesk_id,
        "subcontractorType": "1",
        "submitterDueDate": "2030-01-01",
    }
    manager.submittals("POST", "/items", json={"stateId": "sbc-1", **lookups})
    item = next(one for one in box.items() if one.title == "Stair stringers")
    go(manager, item, "mgr-1")
    body = go(manager, item, "rev").json()
    assert (body["ballInCourtUsers"], body["ballInCourtCompanies"]) == (
        [box.person("manager").autodesk_id],
        ["20031005"],
    )
    close(manager, item, box.tasks(item)[0])
    assert [task.status for task in box.tasks(item)] == ["completed", "completed", "in-progress"]


def test_a_manager_returns_an_item_to_the_contractor(box, manager):
    item = box.item("051200-3")
    body = go(manager, item, "sbc-1", submitterDueDate="2030-06-01").json()
    assert {name: body[name] for name in ("stateId", "statusId", "ballInCourtType", "dueDate")} == {
        "stateId": "sbc-1",
        "statusId": "1",
        "ballInCourtType": "subcontractor",
        "dueDate": "2030-06-01",
    }


CLOSE = (
    *("subcontractor", "subcontractorType", "watchers", "responseId", "responseComment", "saveAttachmentDrafts"),
    *("duplicateAttachments", "customIdentifier"),
)
CONTRACTOR = ("subcontractor", "subcontractorType", "submitterDueDate")
TABLE = {
    "draft::sbc-1": ("Assign to Responsible Contractor", CONTRACTOR, None),
    "sbc-1::mgr-1": ("Submit to Manager", ("manager",), ("mailNote", "manager", "managerType", "saveAttachmentDrafts")),
    **{f"{state}::void": ("Send to Void", None, None) for state in ("sbc-1", "mgr-1", "rev", "mgr-2")},
    "sbc-1::sbc-2": ("Close and distribute", ("responseId", "customIdentifier"), CLOSE),
    "mgr-1::sbc-1": ("Return to Responsible Contractor", CONTRACTOR, None),
    "mgr-1::rev": (
        "Submit to Review",
        ("customIdentifier",),
        ("watchers", "stepDueDate", "mailNote", "saveAttachmentDrafts", "duplicateAttachments"),
    ),
    "mgr-1::sbc-2": ("Close and distribute", ("responseId", "customIdentifier"), CLOSE),
    "rev::mgr-1": ("Return to Manager", ("manager", "managerType"), ("manager", "managerType", "mailNote")),
    "rev::sbc-2": ("Close and distribute", ("responseId", "customIdentifier"), None),
    "mgr-2::sbc-2": ("Close and distribute", ("responseId", "customIdentifier"), None),
    "mgr-2::rev": ("Return for Review", ("stepDueDate",), ("watchers", "stepDueDate", "mailNote")),
    "mgr-2::void": ("Send to Void", None, None),
    "sbc-2::mgr-2": ("Reopen to Manager", None, None),
}
"""Name, mandatory and transition fields of the fact sheet's table; None for fields that no sample shows."""


def test_the_transitions_are_those_of_the_table(box, manager):
    """The actions of an item with review steps, in each state."""
    found = {}
    for number in ("051200-4", "051200-3", "052100-1", "081113-1", "033100-1", "084413-1"):
        found |= ways(manager.actions(box.item(number)))
    found |= ways(manager.actions(box.items("draft")[0]))
    assert found.keys() == TABLE.keys()
    for name, (title, mandatory, fields) in TABLE.items():
        way = found[name]
        assert (way["name"], as_set(way["mandatoryFields"])) == (title, as_set(mandatory)), name
        if fields is not None or title == "Send to Void":
            assert as_set(way["transitionFields"]) == as_set(fields), name
        source, target = name.split("::")
        assert (way["stateFrom"]["id"], way["stateTo"]["id"]) == (source, target)
        assert way["actionId"] == f"ITEM_TRANSITION_{source}_{target}".replace("-", "").upper()


def ways(actions):
    return {way["id"]: way for way in actions.get("Item::wf_transition", {"transitions": []})["transitions"]}


def as_set(fields):
    return None if fields is None else set(fields)


def test_every_state_has_its_status(box, manager):
    states = "draft,sbc-1,mgr-1,rev,mgr-2,sbc-2,void"
    rows = manager.submittals("GET", "/items", params={"filter[stateId]": states}).json()["results"]
    assert {row["stateId"]: row["statusId"] for row in rows} == dict(zip(states.split(","), "6122234", strict=True))
    assert {row["stateId"]: row["ballInCourtType"] for row in rows} == {
        "draft": None,
        "sbc-1": "subcontractor",
        "mgr-1": "manager",
        "rev": "reviewer",
        "mgr-2": "manager",
        "sbc-2": "subcontractor",
        "void": None,
    }


def test_without_review_steps_there_is_no_way_into_a_review(box, manager):
    item = box.item("084413-2")
    assert box.tasks(item) == []
    assert "mgr-1::rev" not in ways(manager.actions(item))
    assert "mgr-1::rev" in ways(manager.actions(box.item("051200-3")))


def test_a_response_and_a_step_date_go_with_their_own_transitions_only(box, manager):
    item = box.item("051200-3")
    for target, body in (
        ("sbc-1", {"stepDueDate": "2030-01-01", "submitterDueDate": "2030-01-01"}),
        ("rev", {"responseId": response(manager)}),
        ("rev", {"responseComment": "x"}),
    ):
        assert go(manager, item, target, **body).status_code == 400
    due = "2030-02-02"
    assert go(manager, item, "rev", stepDueDate=due, mailNote="x", sendEmails=False).json()["dueDate"] == due


def test_a_number_counts_as_sent_when_the_item_has_one(box, manager):
    assert go(manager, box.item("051200-3"), "rev").status_code == 200
    unnumbered = box.items("draft")[0]
    assert go(manager, unnumbered, "sbc-1", submitterDueDate="2030-05-01").status_code == 200
    refused = go(manager, unnumbered, "sbc-2", responseId=response(manager))
    assert (refused.status_code, refused.json()["developerMessage"]) == (400, '"customIdentifier" is required')


def test_a_review_is_due_after_the_days_of_its_step(box, manager):
    item = box.item("051200-3")
    reviewing = go(manager, item, "rev").json()
    step = manager.submittals("GET", f"/items/{item.id}/steps").json()["results"][0]
    due = (box.clock.now() + timedelta(days=step["daysToRespond"])).date().isoformat()
    assert (reviewing["dueDate"], step["dueDate"], step["status"]) == (due, due, "in-progress")
    assert (reviewing["sentToReview"], reviewing["sentToReviewBy"]) == (
        reviewing["updatedAt"],
        box.person("manager").autodesk_id,
    )
