"""permittedActions: as the samples have them, and true to what happens (fact sheet 2.2, 3.5)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES = {
    one["name"]: one
    for one in json.loads(Path(__file__).parents[2].joinpath("facts/acc_examples.json").read_text("utf-8"))["examples"]
}
PEOPLE = ("manager", "steel", "concrete", "engineer", "architect", "member", "admin")
READING = ["Item::retrieve", "Attachment::list", "AttachmentDraft::list", "Comment::list", "Step::list"]


def sample(name):
    return {one["id"]: one for one in EXAMPLES[name]["response"]["body"]["permittedActions"]}


def test_a_manager_sees_in_sbc_1_exactly_what_the_sample_shows(box, manager):
    item = box.item("051200-4")
    shown = manager.submittals("GET", f"/items/{item.id}").json()["permittedActions"]
    assert shown == EXAMPLES["submittals.items.get"]["response"]["body"]["permittedActions"]


@pytest.mark.parametrize(
    ("example", "number"),
    [
        ("submittals.items.get.mgr1_permittedActions", "051200-3"),
        ("submittals.items.get.rev_permittedActions", "052100-1"),
        ("submittals.items.get.closed", "033100-1"),
    ],
)
def test_the_excerpts_of_other_states_agree(box, manager, example, number):
    """The samples are excerpts, so they are a part of what is shown; mandatory fields compare as sets."""
    shown = manager.actions(box.item(number))
    for action_id, expected in sample(example).items():
        assert shown[action_id] == expected


def test_closed_and_void_items_offer_no_attachment(box, manager):
    for state in ("sbc-2", "void"):
        assert "Attachment::create" not in manager.actions(box.items(state)[0])


def test_members_and_administrators_read(box, caller):
    for person in ("member", "admin"):
        for item in box.items():
            if item.state != "draft":
                assert list(caller(person).actions(item)) == READING


def test_the_responsible_contractor_submits_and_attaches_while_the_ball_is_theirs(box, caller):
    actions = caller("steel").actions(box.item("051200-2"))
    assert list(actions) == [*READING, "Item::wf_transition", "Attachment::create"]
    assert [one["id"] for one in actions["Item::wf_transition"]["transitions"]] == ["sbc-1::mgr-1"]
    assert "categoryId" not in actions["Attachment::create"]["fields"]
    assert list(caller("steel").actions(box.item("051200-3"))) == READING


def test_a_company_stands_for_its_people(box, caller):
    assert "Attachment::create" in caller("steel").actions(box.item("051200-6"))
    assert "Attachment::create" not in caller("concrete").actions(box.item("051200-6"))


def test_a_contractor_who_created_an_item_in_mgr_1_adds_the_submission(box, caller):
    item = box.item("084413-2")
    actions = caller("concrete").actions(item)
    assert actions["Attachment::create"]["fields"]["categoryId"] == ["1"]
    assert caller("concrete").attach(item, categoryId="1").status_code == 201
    assert "Attachment::create" not in caller("steel").actions(item)


def test_a_reviewer_attaches_and_answers_only_while_their_task_is_open(box, caller):
    item = box.item("053100-1")
    step = caller("engineer").submittals("GET", f"/items/{item.id}/steps").json()["results"][0]
    assert [one["id"] for one in step["tasks"][0]["permittedActions"]] == [
        "Task::retrieve",
        "Task::partial_update",
        "Task::close",
    ]
    assert "Attachment::create" in caller("engineer").actions(item)
    assert "Attachment::create" not in caller("architect").actions(item)
    other = caller("architect").submittals("GET", f"/items/{item.id}/steps").json()["results"][0]
    assert [one["id"] for one in other["tasks"][0]["permittedActions"]] == ["Task::retrieve"]


def test_drafts_are_hidden_from_everybody_but_managers(box, caller):
    draft = box.items("draft")[0]
    for person in PEOPLE[1:]:
        assert caller(person).submittals("GET", f"/items/{draft.id}").status_code == 404


def test_a_stranger_is_refused_everywhere(box, caller):
    stranger = caller("outsider")
    for path in ("/items", "/users/me", "/metadata", f"/items/{box.item('051200-3').id}"):
        assert stranger.submittals("GET", path).status_code == 403


def test_project_level_actions_depend_on_the_role(box, caller):
    def me(person):
        answer = caller(person).submittals("GET", "/users/me").json()
        ways = {
            way["id"]: way["mandatoryFields"]
            for action in answer["permittedActions"]
            if action["id"] == "Item::create"
            for way in action["transitions"]
        }
        return answer["id"], answer["roles"], ways

    contractor = ["subcontractor", "subcontractorType", "submitterDueDate"]
    assert me("manager") == (
        box.person("manager").autodesk_id,
        ["1"],
        {"create::sbc-1": contractor, "create::draft": None},
    )
    assert me("member")[1:] == (["2"], {"create::mgr-1": ["manager", "managerType"]})
    assert me("admin")[1] == ["2", "4"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    person=st.sampled_from(PEOPLE),
    place=st.integers(0, 14),
    category=st.sampled_from([None, "1", "2", "3", "4"]),
    with_task=st.booleans(),
)
def test_permitted_actions_succeed_and_all_others_fail(box, caller, person, place, category, with_task):
    """Attaching as the item's own list says is never refused; attaching without or against it always is."""
    item = box.items()[place]
    who = caller(person)
    read = who.submittals("GET", f"/items/{item.id}")
    listed = {one["id"]: one for one in read.json().get("permittedActions", [])}
    permitted = listed.get("Attachment::create")
    steps = who.submittals("GET", f"/items/{item.id}/steps").json().get("results", [])
    mine = [
        task["id"]
        for step in steps
        for task in step["tasks"]
        if "Task::close" in [one["id"] for one in task["permittedActions"]]
        or (person == "manager" and task["status"] == "in-progress")
    ]
    task = mine[0] if with_task and mine else None
    answer = who.attach(item, categoryId=category, taskId=task)
    if permitted is None:
        assert answer.status_code in (403, 404)
        return
    default = {"draft": "1", "sbc-1": "1", "mgr-1": "2", "rev": "3", "mgr-2": "4"}[item.state]
    good_category = category in (None, default, *permitted["fields"].get("categoryId", []))
    good_task = (task is not None) == (item.state == "rev")
    assert (answer.status_code == 201) == (good_category and good_task), answer.text


def test_the_fields_that_may_be_updated_depend_on_the_state(box, manager):
    def fields(number):
        return set(manager.actions(box.item(number))["Item::partial_update"]["fields"])

    court = {"ballInCourtUsers", "ballInCourtRoles", "ballInCourtCompanies"}
    before = fields("051200-4")
    assert fields("052100-1") == before - court
    assert fields("081113-1") == before | {"responseId", "responseComment"}


def test_categories_to_choose_from_depend_on_the_state(box, manager):
    numbers = {"051200-4": ["4"], "051200-3": ["1", "4"], "052100-1": ["4"], "081113-1": ["4"]}
    for number, categories in numbers.items():
        create = manager.actions(box.item(number))["Attachment::create"]
        assert create["fields"]["categoryId"] == categories, number
        later = number in ("052100-1", "081113-1")
        assert set(create["mandatoryFields"]) == {"urnTypeId", "name", *(["itemId"] if later else [])}
        assert ("taskId" in create["fields"]) == (number == "052100-1")


def test_steps_come_from_a_template_before_a_review_and_are_overwritten_until_its_end(box, manager):
    for number, listed in (("051200-4", True), ("051200-3", True), ("052100-1", False), ("081113-1", False)):
        actions = manager.actions(box.item(number))
        assert ("Step::create_from_template" in actions) == listed
        assert ("Step::overwrite" in actions) == (listed or number == "052100-1")


def test_a_closed_item_keeps_its_update(box, manager):
    assert "Item::partial_update" in manager.actions(box.item("033100-1"))


def test_creating_a_draft_has_a_name_of_its_own_and_eleven_fields(manager):
    me = manager.submittals("GET", "/users/me").json()
    [create] = [one for one in me["permittedActions"] if one["id"] == "Item::create"]
    [draft] = [one for one in create["transitions"] if one["id"] == "create::draft"]
    assert (draft["name"], len(draft["transitionFields"]), draft["mandatoryFields"]) == ("Create draft", 11, None)


def test_an_attachment_says_what_may_be_done_with_it(box, caller, manager):
    item = box.item("051200-2")
    made = caller("steel").attach(item).json()
    full = ["Attachment::retrieve", "Attachment::partial_update", "Attachment::destroy", "Attachment::annotate"]
    for person, expected in (("steel", full), ("manager", full), ("member", full[:1])):
        row = caller(person).attachment(item, made["id"])
        assert [one["id"] for one in row["permittedActions"]] == expected
    update = manager.attachment(item, made["id"])["permittedActions"][1]
    assert update["fields"] == {"isFileUploaded": [True], "sendEmails": [True, False]}
