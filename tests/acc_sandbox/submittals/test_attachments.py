"""Attachments: who may reserve one, with what, and what becomes of it (fact sheet 3)."""

from __future__ import annotations

import pytest

OPEN = {"draft": "1", "sbc-1": "1", "mgr-1": "2", "mgr-2": "4"}
BEAMS = "Project Files/03 Shop Drawings/05 Steel/beam-shop-drawings.pdf"


@pytest.mark.parametrize(("state", "category"), OPEN.items())
def test_a_manager_attaches_in_every_open_state_and_gets_the_states_category(box, manager, state, category):
    answer = manager.attach(box.items(state)[0])
    assert (answer.status_code, answer.json()["categoryId"]) == (201, category)


def test_a_reserved_attachment_has_the_documented_fields_and_nothing_uploaded(box, manager):
    item = box.item("05 12 00-3")
    body = manager.attach(item, name="sbc1 file1.pdf").json()
    assert {name: body[name] for name in ("isFileUploaded", "asyncState", "urn", "urnVersion", "taskId")} == {
        "isFileUploaded": False,
        "asyncState": "1",
        "urn": None,
        "urnVersion": None,
        "taskId": None,
    }
    assert body["uploadUrn"].startswith("urn:adsk.objects:os.object:wip.dm.prod/")
    assert body["uploadUrn"].endswith(".pdf")
    assert (body["itemId"], body["createdBy"]) == (item.id, box.person("manager").autodesk_id)


def test_a_name_without_extension_makes_a_bare_object_key(box, manager):
    urn = manager.attach(box.item("051200-3"), name="drawings").json()["uploadUrn"]
    assert len(urn.rpartition("/")[2]) == 36


@pytest.mark.parametrize("state", ["sbc-2", "void"])
def test_a_closed_or_void_item_takes_no_attachment(box, manager, state):
    item = box.items(state)[0]
    assert manager.attach(item).status_code == 403
    assert "Attachment::create" not in manager.actions(item)


def test_in_review_a_manager_attaches_with_an_open_task_of_their_own(box, manager):
    item = box.item("052100-1")
    task = box.tasks(item)[0]
    answer = manager.attach(item, taskId=task.id)
    assert answer.status_code == 201
    assert (answer.json()["taskId"], answer.json()["categoryId"]) == (task.id, "3")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"taskId": "not-a-guid"}, 400),
        ({"taskId": "11111111-1111-4111-8111-111111111111"}, 400),
        ({"taskId": "second"}, 403),
    ],
)
def test_in_review_the_task_must_be_given_and_in_progress(box, manager, body, status):
    item = box.item("052100-1")
    if body.get("taskId") == "second":
        body = {"taskId": box.tasks(item)[1].id}
    assert manager.attach(item, **body).status_code == status


@pytest.mark.parametrize("number", ["053100-1", "079200-1"])
def test_in_review_a_manager_attaches_to_anothers_task_unless_a_switch_forbids_it(box, manager, number):
    item = box.item(number)
    assert manager.attach(item, taskId=box.tasks(item)[0].id).status_code == 201
    box.switches.managers_attach_in_review = False
    assert "Attachment::create" not in manager.actions(item)
    assert manager.attach(item, taskId=box.tasks(item)[0].id).status_code == 403


def test_in_review_only_managers_attach_to_anothers_task(box, caller):
    item = box.item("052100-1")
    assert caller("engineer").attach(item, taskId=box.tasks(item)[0].id).status_code == 403


def test_a_reviewer_and_a_member_of_the_assigned_company_attach_to_their_task(box, caller):
    for person, number in (("engineer", "053100-1"), ("architect", "079200-1")):
        item = box.item(number)
        assert caller(person).attach(item, taskId=box.tasks(item)[0].id).status_code == 201


def test_a_task_is_refused_outside_a_review(box, manager):
    task = box.tasks(box.item("051200-3"))[0]
    assert manager.attach(box.item("051200-3"), taskId=task.id).status_code == 400


@pytest.mark.parametrize(
    ("state", "category", "status"),
    [
        ("sbc-1", "1", 201),
        ("sbc-1", "4", 201),
        ("sbc-1", 4, 201),
        ("sbc-1", "2", 400),
        ("mgr-1", 1, 201),
        ("mgr-1", "2", 201),
        ("mgr-1", "3", 400),
        ("mgr-2", "4", 201),
        ("mgr-2", "5", 400),
        ("mgr-2", 8, 400),
        ("mgr-2", 4.0, 400),
        ("mgr-2", True, 400),
    ],
)
def test_a_category_is_the_states_own_or_a_permitted_override(box, manager, state, category, status):
    answer = manager.attach(box.items(state)[0], categoryId=category)
    assert answer.status_code == status
    if status == 201:
        assert answer.json()["categoryId"] == str(category)


@pytest.mark.parametrize("character", list("/\n\r\t\0\f?*\\<>|:"))
def test_forbidden_characters_in_names_are_refused(box, manager, character):
    assert manager.attach(box.item("051200-3"), name=f"a{character}b.pdf").status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"name": None},
        {"urnTypeId": None},
        {"name": ""},
        {"name": "  "},
        {"name": 5},
        {"name": "n" * 256},
        {"urnTypeId": "1"},
        {"isFileUploaded": False},
        {"isFileUploaded": True},
        {"isFileUploaded": "yes", "urn": "x"},
        {"urn": "urn:adsk.wipprod:fs.file:vf.abc?version=1"},
        {"urn": "nonsense", "isFileUploaded": True},
        {"colour": "red"},
        {"itemId": "11111111-1111-4111-8111-111111111111"},
    ],
)
def test_a_malformed_attachment_is_refused_and_nothing_is_kept(box, manager, body):
    item = box.item("051200-3")
    before = box.attachments(item)
    assert manager.attach(item, **body).status_code == 400
    assert box.attachments(item) == before


def test_names_may_have_spaces_repeat_and_be_up_to_255_long(box, manager):
    item = box.item("051200-3")
    for name in ("two words.pdf", "two words.pdf", "n" * 251 + ".pdf", "Ünïcödé Träger 鋼.pdf"):
        assert manager.attach(item, name=name).json()["name"] == name


def test_linking_a_version_needs_no_patch_and_keeps_its_urn(box, manager):
    item, file = box.item("051200-3"), box.file(BEAMS)
    answer = manager.attach(item, name=file.name, urn=file.version_urn, isFileUploaded=True)
    assert answer.status_code == 201
    body = answer.json()
    assert (body["isFileUploaded"], body["urn"], body["urnVersion"], body["asyncState"]) == (
        True,
        file.version_urn,
        2,
        "1",
    )
    box.clock.move(1)
    after = manager.attachment(item, body["id"])
    assert (after["asyncState"], after["urn"]) == ("3", file.version_urn)
    assert box.object_bytes(after["uploadUrn"]).startswith(b"%PDF")


def test_a_version_of_another_project_is_not_found(box, manager):
    other = box.file("Project Files/03 Shop Drawings/pile-cap-drawings.pdf", "harbor")
    answer = manager.attach(box.item("051200-3"), urn=other.version_urn, isFileUploaded=True)
    assert answer.status_code == 404


def test_confirming_a_completed_upload_leads_to_a_version_urn(box, manager):
    item = box.item("051200-3")
    made = manager.attach(item).json()
    manager.upload(made["uploadUrn"], b"steel")
    patched = manager.confirm(item, made["id"]).json()
    assert (patched["isFileUploaded"], patched["asyncState"], patched["urn"]) == (True, "1", None)
    box.clock.move(0.11)
    assert manager.attachment(item, made["id"])["asyncState"] == "2"
    box.clock.move(0.2)
    ready = manager.attachment(item, made["id"])
    assert (ready["asyncState"], ready["urnVersion"]) == ("3", 1)
    version = manager("GET", f"/data/v1/projects/{box.project().dm_id}/versions/{ready['urn'].replace('?', '%3F')}")
    assert version.json()["data"]["relationships"]["storage"]["data"]["id"] == made["uploadUrn"]


def test_confirming_without_bytes_fails_later(box, manager):
    item = box.item("051200-3")
    made = manager.attach(item).json()
    assert manager.confirm(item, made["id"]).status_code == 200
    box.clock.move(1)
    failed = manager.attachment(item, made["id"])
    assert (failed["asyncState"], failed["urn"]) == ("4", None)


def test_confirming_twice_gives_the_same_answer_and_one_version(box, manager):
    item = box.item("051200-3")
    made = manager.attach(item).json()
    manager.upload(made["uploadUrn"], b"steel")
    first = manager.confirm(item, made["id"]).json()
    assert manager.confirm(item, made["id"]).json() == first
    box.clock.move(1)
    urn = manager.attachment(item, made["id"])["urn"]
    manager.confirm(item, made["id"])
    box.clock.move(1)
    assert manager.attachment(item, made["id"])["urn"] == urn


@pytest.mark.parametrize("body", [{}, {"isFileUploaded": False}, {"isFileUploaded": True, "name": "x"}, [], None, 1])
def test_a_malformed_confirmation_is_refused(box, manager, body):
    item = box.item("051200-3")
    made = manager.attach(item).json()
    answer = manager.submittals("PATCH", f"/items/{item.id}/attachments/{made['id']}", json=body)
    assert answer.status_code == 400
    assert manager.attachment(item, made["id"])["isFileUploaded"] is False


def test_only_the_creator_and_managers_confirm(box, caller):
    item = box.item("051200-2")
    made = caller("steel").attach(item).json()
    assert caller("member").confirm(item, made["id"]).status_code == 403
    assert caller("steel").confirm(item, made["id"]).status_code == 200


def test_an_attachment_is_not_found_under_another_item(box, manager):
    made = manager.attach(box.item("051200-3")).json()
    assert manager.confirm(box.item("051200-2"), made["id"]).status_code == 404


def test_the_list_filters_by_category_revision_and_upload(box, manager):
    item = box.item("051200-3")
    made = manager.attach(item, categoryId="4").json()
    path = f"/items/{item.id}/attachments"

    def ids(**query):
        answer = manager.submittals("GET", path, params={f"filter[{name}]": value for name, value in query.items()})
        return [row["id"] for row in answer.json()["results"]]

    seeded = [row["id"] for row in box.attachments(item) if row["id"] != made["id"]]
    assert ids(isFileUploaded="false") == [made["id"]]
    assert ids(isFileUploaded="true") == seeded
    assert ids(categoryId="4") == [made["id"]]
    assert sorted(ids(categoryId="1,4", revision="0")) == sorted([made["id"], *seeded])
    assert ids(revision="7") == []
    for query in ({"filter[name]": "x"}, {"filter[isFileUploaded]": "maybe"}, {"sort": "size"}, {"limit": "0"}):
        assert manager.submittals("GET", path, params=query).status_code == 400


def test_there_is_no_way_to_get_or_delete_one_attachment(box, manager):
    item = box.item("051200-3")
    made = manager.attach(item).json()
    for method in ("GET", "DELETE"):
        assert manager.submittals(method, f"/items/{item.id}/attachments/{made['id']}").status_code == 405


def test_mails_may_be_asked_for_and_the_paths_own_item_be_named(box, manager):
    item, file = box.item("051200-3"), box.file(BEAMS)
    linked = manager.attach(item, urn=file.version_urn, isFileUploaded=True, sendEmails=False, itemId=item.id)
    assert (linked.status_code, linked.json()["isFileUploaded"]) == (201, True)
    made = manager.attach(item).json()
    path = f"/items/{item.id}/attachments/{made['id']}"
    answer = manager.submittals("PATCH", path, json={"isFileUploaded": True, "sendEmails": True})
    assert (answer.status_code, answer.json()["isFileUploaded"]) == (200, True)


def test_a_boolean_is_no_text_unless_a_switch_says_so(box, manager):
    item, file = box.item("051200-3"), box.file(BEAMS)
    assert manager.attach(item, urn=file.version_urn, isFileUploaded="true").status_code == 400
    path = f"/items/{item.id}/attachments/{manager.attach(item).json()['id']}"
    assert manager.submittals("PATCH", path, json={"isFileUploaded": "true"}).status_code == 400
    box.switches.text_booleans = "accept"
    assert manager.attach(item, urn=file.version_urn, isFileUploaded="true").status_code == 201
    assert manager.submittals("PATCH", path, json={"isFileUploaded": "true"}).status_code == 200
    assert manager.submittals("PATCH", path, json={"isFileUploaded": "yes"}).status_code == 400


def test_a_linked_file_is_copied_into_an_object_of_its_own(box, manager):
    file = box.file(BEAMS)
    made = manager.attach(box.item("051200-3"), urn=file.version_urn, isFileUploaded=True).json()
    path = f"/data/v1/projects/{box.project().dm_id}/items/{file.item_urn}/tip"
    own = manager("GET", path).json()["data"]["relationships"]["storage"]["data"]["id"]
    assert made["uploadUrn"] != own
    assert box.object_bytes(made["uploadUrn"]) == box.object_bytes(own)


def test_the_list_is_sorted_by_every_documented_field(box, manager):
    path = f"/items/{box.item('051200-3').id}/attachments"
    for name in (
        *(
            "id",
            "isFileUploaded",
            "asyncState",
            "createdBy",
            "createdAt",
            "updatedBy",
            "updatedAt",
            "name",
            "uploadUrn",
        ),
        *("urn", "urnPage", "resourceUrns", "urnTypeId", "urnVersion", "revision", "categoryId", "isReview"),
        "isResponse",
    ):
        assert manager.submittals("GET", path, params={"sort": f"{name} desc"}).status_code == 200, name
