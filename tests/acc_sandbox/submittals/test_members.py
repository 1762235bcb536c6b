"""The members of a project with their names (fact sheet 9b)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

EXAMPLE = next(
    one
    for one in json.loads(Path(__file__).parents[2].joinpath("facts/wire_examples.json").read_text("utf-8"))["examples"]
    if one["name"] == "admin.users.list"
)


def members(box, who, project="riverside", **query):
    return who("GET", f"/construction/admin/v1/projects/{box.project(project).id}/users", params=query)


def names(answer):
    assert answer.status_code == 200, answer.text
    return [row["name"] for row in answer.json()["results"]]


def test_members_are_listed_by_name_with_the_id_that_submittals_uses(box, manager):
    rows = members(box, manager).json()["results"]
    assert names(members(box, manager)) == sorted(row["name"] for row in rows)
    engineer = next(row for row in rows if row["name"] == "Structural Engineer")
    assert engineer["autodeskId"] == box.person("engineer").autodesk_id
    assert (engineer["firstName"], engineer["lastName"]) == ("Structural", "Engineer")
    assert engineer["companyName"] == "Structural Engineers"
    architect = next(row for row in rows if row["name"] == "Design Architect")
    assert [role["name"] for role in architect["roles"]] == ["Design Reviewers"]
    assert [row["name"] for row in rows if row["accessLevels"]["projectAdmin"]] == ["Project Administrator"]


def test_a_member_has_the_documented_members_and_no_others(box, manager):
    answer = members(box, manager).json()
    example = EXAMPLE["response"]["body"]
    assert (set(answer), set(answer["results"][0])) == (set(example), set(example["results"][0]))


def test_members_come_in_pages_and_can_be_filtered(box, manager):
    whole = names(members(box, manager))
    paged = [
        name for offset in range(0, len(whole), 3) for name in names(members(box, manager, limit=3, offset=offset))
    ]
    assert paged == whole
    assert names(members(box, manager, **{"filter[name]": "subcontractor"})) == [
        "Concrete Subcontractor",
        "Steel Subcontractor",
    ]
    assert names(members(box, manager, **{"filter[email]": "steel."})) == ["Steel Subcontractor"]
    assert members(box, manager, limit=500).json()["pagination"]["limit"] == 200
    assert members(box, manager, colour="red").status_code == 400


def test_a_bim_360_project_lists_its_members_too(box, manager):
    assert "Project Manager" in names(members(box, manager, "mill"))


def test_whether_a_plain_member_may_list_members_is_a_switch(box, caller, manager):
    box.switches.members_list_members = False
    assert members(box, manager).status_code == 403
    assert members(box, caller("admin")).status_code == 200


@pytest.mark.parametrize(("scopes", "status"), [("account:read", 200), ("data:read data:write", 403)])
def test_listing_members_needs_account_read_alone(box, caller, scopes, status):
    assert members(box, caller("manager", scopes=scopes)).status_code == status


def test_strangers_and_projects_that_do_not_exist_are_refused(box, caller, manager):
    assert members(box, caller("outsider")).status_code == 403
    nowhere = "/construction/admin/v1/projects/11111111-1111-4111-8111-111111111111/users"
    assert manager("GET", nowhere).status_code == 404
    box.switches.provisioned = False
    assert members(box, manager).status_code == 403


def test_an_application_alone_may_list_members(box, anonymous):
    form = {"grant_type": "client_credentials", "scope": "account:read"}
    token = anonymous.post("/authentication/v2/token", data=form, auth=box.confidential_client).json()["access_token"]
    path = f"/construction/admin/v1/projects/{box.project().id}/users"
    assert len(names(anonymous.get(path, headers={"Authorization": f"Bearer {token}"}))) == 7
