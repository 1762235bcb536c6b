"""Specs, packages, types, responses, templates, metadata and the settings (fact sheet 5)."""

from __future__ import annotations

import pytest

UNKNOWN = "11111111-1111-4111-8111-111111111111"


def rows(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


@pytest.mark.parametrize("path", ["specs", "packages", "item-types", "responses"])
def test_a_row_of_a_list_is_also_found_by_its_id(manager, path):
    for row in rows(manager.submittals("GET", f"/{path}")):
        assert manager.submittals("GET", f"/{path}/{row['id']}").json() == row
    assert manager.submittals("GET", f"/{path}/{UNKNOWN}").status_code == 404
    assert manager.submittals("GET", f"/{path}", params={"colour": "red"}).status_code == 400


def test_specs_are_searched_filtered_and_sorted(manager):
    def found(**query):
        return [row["identifier"] for row in rows(manager.submittals("GET", "/specs", params=query))]

    assert found(search="steel") == ["051200", "052100", "053100"]
    assert found(search="0512") == ["051200"]
    assert found(**{"filter[identifier]": "033100,092900", "sort": "title desc"}) == ["033100", "092900"]


def test_packages_are_found_by_their_spec(manager):
    found = rows(manager.submittals("GET", "/packages", params={"filter[spec.identifier]": "051200"}))
    assert [(row["identifier"], row["title"]) for row in found] == [(1, "Structural steel package")]


def test_a_spec_is_made_once(manager, caller):
    body = {"identifier": "099100", "title": "Painting"}
    made = manager.submittals("POST", "/specs", json=body)
    assert made.status_code == 201
    assert manager.submittals("GET", f"/specs/{made.json()['id']}").json() == made.json()
    for again in (body, {"identifier": "1"}, {**body, "identifier": ""}, {**body, "x": 1}):
        assert manager.submittals("POST", "/specs", json=again).status_code == 400
    assert caller("member").submittals("POST", "/specs", json=body).status_code == 403


def test_responses_say_whether_they_approve(manager):
    approving = {row["value"] for row in rows(manager.submittals("GET", "/responses")) if row["isApproval"]}
    assert approving == {"Approved", "Approved as noted", "For record only"}


def test_an_inactive_response_or_type_is_listed_and_kept_but_not_given(box, caller, manager):
    kept = box.item("033100-1")
    for value in ("Approved", "Sample"):
        box.deactivate(value)
    [approved] = [row for row in rows(manager.submittals("GET", "/responses")) if not row["isActive"]]
    [sample] = [row for row in rows(manager.submittals("GET", "/item-types")) if not row["isActive"]]
    assert (approved["value"], sample["value"]) == ("Approved", "Sample")
    assert manager.submittals("GET", f"/items/{kept.id}").json()["responseId"] == approved["id"]
    closed = {"stateId": "sbc-2", "responseId": approved["id"]}
    beams, deck = box.item("051200-3"), box.item("053100-1")
    open_task = box.tasks(deck)[0]
    task = f"/items/{deck.id}/steps/{open_task.step_id}/tasks/{open_task.id}:close"
    for who, method, path, body in (
        (manager, "POST", f"/items/{beams.id}:transition", closed),
        (caller("engineer"), "POST", task, {"responseId": approved["id"]}),
        (manager, "PATCH", f"/items/{beams.id}", {"typeId": sample["id"]}),
    ):
        answer = who.submittals(method, path, json=body)
        assert (answer.status_code, "is not active" in answer.text) == (400, True)
    assert manager.submittals("POST", f"/items/{kept.id}:transition", json={"stateId": "mgr-2"}).status_code == 200
    with pytest.raises(LookupError, match="no response"):
        box.deactivate("Splendid")


def test_in_use_is_what_items_use(manager):
    used = {row["key"] for row in rows(manager.submittals("GET", "/responses")) if row["isInUse"]}
    assert used == {"approved"}


def test_templates_are_for_administrators(caller):
    assert caller("manager").submittals("GET", "/templates").status_code == 403
    found = rows(caller("admin").submittals("GET", "/templates", params={"limit": "200"}))
    assert {row["name"]: len(row["steps"]) for row in found} == {"Engineer's review": 1, "Two-step review": 2}


def test_metadata_explains_the_ids_of_the_other_answers(manager):
    metadata = manager.submittals("GET", "/metadata").json()
    assert [one["id"] for one in metadata["attachmentCategories"]] == list("12345678")
    assert metadata["itemTypes"] == rows(manager.submittals("GET", "/item-types"))
    assert metadata["responses"] == rows(manager.submittals("GET", "/responses"))
    assert metadata["customIdentifierSequenceType"] == "2"
    assert metadata["isManagerMappingDefined"] is True


def test_mappings_make_managers_and_only_administrators_change_them(box, caller):
    admin, steel = caller("admin"), caller("steel")
    body = {"userType": "2", "autodeskId": "20031002", "submittalsRole": "1"}
    assert caller("manager").submittals("POST", "/settings/mappings", json=body).status_code == 403
    made = admin.submittals("POST", "/settings/mappings", json=body).json()
    assert made["oxygenId"] == made["autodeskId"] == "20031002"
    assert steel.submittals("GET", "/users/me").json()["roles"] == ["1"]
    for wrong in (body, {**body, "submittalsRole": "2"}, {"userType": "1"}, {**body, "userType": "4"}):
        assert admin.submittals("POST", "/settings/mappings", json=wrong).status_code == 400
    query = {"filter[autodeskId]": "20031002"}
    assert rows(admin.submittals("GET", "/settings/mappings", params=query)) == [made]
    path = f"/settings/mappings/{made['id']}"
    assert steel.submittals("DELETE", path).status_code == 403
    assert admin.submittals("DELETE", path).status_code == 204
    assert admin.submittals("DELETE", path).status_code == 404
    assert steel.submittals("GET", "/users/me").json()["roles"] == ["2"]


def test_the_numbering_changes_once_and_by_a_job(box, caller):
    admin, path = caller("admin"), "/settings/custom-identifier:change-sequence-type"
    assert caller("manager").submittals("POST", path, project="harbor", json={"sequenceType": "2"}).status_code == 403
    job = admin.submittals("POST", path, project="harbor", json={"sequenceType": "2"}).json()
    assert (job["asyncState"], job["startedAt"]) == ("1", None)
    box.clock.move(0.11)
    assert admin.submittals("GET", f"/async-jobs/{job['id']}", project="harbor").json()["asyncState"] == "2"
    box.clock.move(1)
    assert admin.submittals("GET", f"/async-jobs/{job['id']}", project="harbor").json()["asyncState"] == "3"
    assert [item.number for item in box.items(project="harbor")] == ["033100-1", "051200-2", "051200-3"]
    for body in ({"sequenceType": "2"}, {"sequenceType": "1"}, {}):
        assert admin.submittals("POST", path, project="harbor", json=body).status_code == 400
    assert admin.submittals("GET", f"/async-jobs/{UNKNOWN}", project="harbor").status_code == 404


def test_limits_above_the_largest_page_differ_by_list(caller):
    admin = caller("admin")
    limits = {
        path: admin.submittals("GET", path, params={"limit": "200"}) for path in ("/templates", "/settings/mappings")
    }
    assert {path: one.json()["pagination"]["limit"] for path, one in limits.items()} == {
        "/templates": 200,
        "/settings/mappings": 100,
    }


@pytest.mark.parametrize(
    ("path", "sorts"),
    [
        ("templates", ["id", "name", "createdAt", "createdBy", "updatedAt", "updatedBy"]),
        ("packages", ["id", "identifier", "title", "description", "spec", "spec.identifier"]),
        ("specs", ["identifier", "title"]),
    ],
)
def test_the_documented_sorts_are_taken_and_others_are_not(caller, path, sorts):
    admin = caller("admin")
    for name in sorts:
        assert admin.submittals("GET", f"/{path}", params={"sort": f"{name} desc"}).status_code == 200, name
    assert admin.submittals("GET", f"/{path}", params={"sort": "colour"}).status_code == 400


def test_packages_are_filtered_and_searched(manager):
    first = rows(manager.submittals("GET", "/packages"))[0]
    for query in (
        {"filter[identifier]": str(first["identifier"])},
        {"filter[title]": first["title"]},
        {"filter[specId]": first["specId"]},
        {"filter[spec.identifier]": first["specIdentifier"]},
        {"search": first["title"][:6]},
    ):
        found = rows(manager.submittals("GET", "/packages", params=query))
        assert first in found, query
        assert len(found) < 3, query


def test_the_five_default_responses_are_there(manager):
    assert {row["value"] for row in rows(manager.submittals("GET", "/responses"))} == {
        *("Approved", "Approved as noted", "For record only", "Rejected", "Revise and resubmit")
    }


def test_without_a_manager_mapping_no_user_can_be_named_manager(box, caller):
    admin, member = caller("admin"), caller("member")
    for row in rows(admin.submittals("GET", "/settings/mappings")):
        assert admin.submittals("DELETE", f"/settings/mappings/{row['id']}").status_code == 204
    assert member.submittals("GET", "/metadata").json()["isManagerMappingDefined"] is False
    body = {"stateId": "mgr-1", "title": "x", "manager": box.person("manager").autodesk_id, "managerType": "1"}
    body |= {"specId": rows(member.submittals("GET", "/specs"))[0]["id"]}
    body |= {"typeId": rows(member.submittals("GET", "/item-types"))[0]["id"]}
    answer = member.submittals("POST", "/items", json=body)
    assert (answer.status_code, '"manager"' in answer.json()["developerMessage"]) == (400, True)
