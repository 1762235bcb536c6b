"""Reading items: search, filters, sort, pages, visibility, numbers (fact sheet 0, 2)."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import acc_sandbox

SUBMITTALS = "/construction/submittals/v2/projects"


def numbers(answer):
    assert answer.status_code == 200, answer.text
    return [row["customIdentifierHumanReadable"] for row in answer.json()["results"]]


def test_the_default_order_is_newest_first_twenty_a_page(manager):
    answer = manager.submittals("GET", "/items").json()
    assert answer["pagination"] == {"limit": 20, "offset": 0, "totalResults": 14}
    assert [row["identifier"] for row in answer["results"]] == [15, 14, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("column shop drawings", ["051200-5", "051200-4"]),
        ("0533", []),
        ("05310", ["053100-1"]),
        ("COLUMN", ["051200-5", "051200-4"]),
        ("Structural Engineer", ["053100-1"]),
        ("%", []),
        ("_", []),
    ],
)
def test_search_looks_into_number_title_spec_and_court(manager, words, expected):
    assert numbers(manager.submittals("GET", "/items", params={"search": words})) == expected


def test_two_items_have_nearly_the_same_title(box):
    east, west = box.item("051200-4"), box.item("051200-5")
    assert east.title.replace("east", "west") == west.title


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"filter[stateId]": "rev"}, ["079200-1", "053100-1", "052100-1"]),
        ({"filter[stateId]": "draft,mgr-2"}, ["092900-Unspecified", "081113-1", "033100-2"]),
        ({"filter[statusId]": "3"}, ["051200-1", "033100-1"]),
        ({"filter[stateId]": "void"}, ["084413-1"]),
        ({"filter[statusId]": "4"}, ["084413-1"]),
        ({"filter[identifier]": "3,4"}, ["051200-2", "051200-1"]),
        ({"filter[title]": "Concrete mix design"}, ["033100-1"]),
        ({"filter[packageId]": "noPackage", "filter[stateId]": "sbc-2"}, ["033100-1"]),
        ({"filter[subcontractorType]": "2"}, ["051200-6"]),
        ({"filter[ballInCourtCompanies]": "20031004,20031005"}, ["079200-1"]),
        ({"filter[revision]": "1"}, []),
        ({"filter[watchers]": "NOBODY"}, []),
        ({"filter[createdAt]": "1999-01-01..1999-12-31"}, []),
        ({"filter[createdAt]": "1999-01-01..2999-12-31", "filter[stateId]": "draft"}, ["092900-Unspecified"]),
        ({"filter[stateId]": "sbc-2", "sort": "title desc"}, ["051200-1", "033100-1"]),
        ({"filter[stateId]": "sbc-2", "sort": "spec.identifier asc,identifier desc"}, ["033100-1", "051200-1"]),
        ({"filter[stateId]": "sbc-2", "sort": "type.value"}, ["051200-1", "033100-1"]),
    ],
)
def test_filters_and_sorts(manager, query, expected):
    assert numbers(manager.submittals("GET", "/items", params=query)) == expected


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "-1"},
        {"limit": "ten"},
        {"limit": "99999999999999999999"},
        {"offset": "-1"},
        {"sort": "size"},
        {"sort": "title sideways"},
        {"sort": "title; DROP TABLE items"},
        {"filter[colour]": "red"},
        {"colour": "red"},
        {"filter[stateId]": ""},
        {"filter[dueDate]": "yesterday"},
        {"filter[dueDate]": "2026-02-30"},
        {"filter[dueDate]": "2026-01-01..x"},
    ],
)
def test_a_query_that_makes_no_sense_is_refused(manager, query):
    assert manager.submittals("GET", "/items", params=query).status_code == 400


def test_a_limit_above_fifty_is_cut_to_fifty(manager):
    assert manager.submittals("GET", "/items", params={"limit": "200"}).json()["pagination"]["limit"] == 50


@pytest.mark.parametrize(("person", "hidden"), [("member", 1), ("steel", 1), ("manager", 0)])
def test_drafts_are_listed_for_managers_only(caller, person, hidden):
    total = caller(person).submittals("GET", "/items").json()["pagination"]["totalResults"]
    assert total == 14 - hidden


def test_links_repeat_the_query_and_lead_through_every_row(manager):
    seen, url = [], f"{SUBMITTALS}/{manager.box.project().id}/items?limit=4&filter[statusId]=1,2&sort=title asc"
    while url:
        page = manager("GET", url).json()
        seen += [row["id"] for row in page["results"]]
        assert ("previousUrl" in page["pagination"]) == (page["pagination"]["offset"] > 0)
        url = page["pagination"].get("nextUrl")
        assert url is None or urlsplit(url).netloc == urlsplit(manager.box.base_url).netloc
    everything = manager.submittals("GET", "/items", params={"filter[statusId]": "1,2", "sort": "title asc"}).json()
    assert seen == [row["id"] for row in everything["results"]]
    assert len(seen) == 11


@pytest.fixture(scope="module")
def still_box():
    with acc_sandbox.running() as box:
        yield box


@pytest.fixture(scope="module")
def still_client(still_box):
    headers = {"Authorization": f"Bearer {still_box.token()}"}
    with httpx.Client(base_url=still_box.base_url, headers=headers, verify=False) as client:
        yield client


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(1, 60),
    sort=st.sampled_from(["", "title asc", "stateId desc", "priority", "statusId asc,specId desc", "watchers desc"]),
    states=st.sets(st.sampled_from(["draft", "sbc-1", "mgr-1", "rev", "mgr-2", "sbc-2", "void"])),
)
def test_pages_of_any_size_hold_every_row_exactly_once(still_box, still_client, limit, sort, states):
    query = {"limit": str(limit)}
    if sort:
        query["sort"] = sort
    if states:
        query["filter[stateId]"] = ",".join(sorted(states))
    url = f"{SUBMITTALS}/{still_box.project().id}/items"
    answer, seen = still_client.get(url, params=query).json(), []
    while True:
        seen += [row["id"] for row in answer["results"]]
        following = answer["pagination"].get("nextUrl")
        if following is None:
            break
        answer = still_client.get(following).json()
    wanted = {item.id for item in still_box.items() if item.state in (states or {*OPEN_BY_DEFAULT})}
    assert sorted(seen) == sorted(wanted)
    assert answer["pagination"]["totalResults"] == len(wanted)


def test_rows_that_sort_alike_keep_one_order(manager):
    rows = manager.submittals("GET", "/items", params={"sort": "priority desc"}).json()["results"]
    assert {row["priority"] for row in rows} == {"Normal"}
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)


OPEN_BY_DEFAULT = ("draft", "sbc-1", "mgr-1", "rev", "mgr-2", "sbc-2")


def test_an_unknown_or_foreign_item_is_not_found(box, manager):
    foreign = box.items(project="harbor")[0]
    for item_id in ("nonsense", "11111111-1111-4111-8111-111111111111", foreign.id):
        assert manager.submittals("GET", f"/items/{item_id}").status_code == 404
    assert manager.submittals("GET", f"/items/{foreign.id}", project="harbor").status_code == 200


@pytest.mark.parametrize("prefix", ["b.", "x", ""])
def test_a_project_is_named_by_its_bare_uuid(box, manager, prefix):
    project = f"{prefix}{box.project().id}"
    assert manager("GET", f"{SUBMITTALS}/{project}/users/me").status_code == (404 if prefix else 200)


def test_a_bim_360_project_is_refused(manager):
    assert manager.submittals("GET", "/items", project="mill").status_code == 403


def test_numbers_people_read_follow_the_projects_sequence(box, manager):
    assert box.item("05 12 00-3").title == "Structural steel beam shop drawings"
    assert box.items("draft")[0].number == "092900-Unspecified"
    assert [item.number for item in box.items(project="harbor")] == ["1", "2", "3"]


def test_the_next_number_is_one_more_in_its_sequence(box, manager):
    spec = manager.submittals("GET", "/specs", params={"filter[identifier]": "051200"}).json()["results"][0]["id"]
    path = "/items:next-custom-identifier"
    assert manager.submittals("GET", path, params={"specId": spec}).json() == {
        "previousCustomIdentifier": "6",
        "nextCustomIdentifier": "7",
    }
    assert manager.submittals("GET", path).status_code == 400
    assert manager.submittals("GET", path, params={"specId": "11111111-1111-4111-8111-111111111111"}).status_code == 404
    assert manager.submittals("GET", path, project="harbor").json()["nextCustomIdentifier"] == "4"


def test_a_taken_number_is_a_conflict(box, manager):
    specs = manager.submittals("GET", "/specs").json()["results"]
    path = "/items:validate-custom-identifier"

    def validate(spec, number):
        query = {"specId": next(one["id"] for one in specs if one["identifier"] == spec)}
        return manager.submittals("POST", path, params=query, json={"customIdentifier": number})

    free = validate("051200", "7")
    assert (free.status_code, free.content, free.headers["content-type"]) == (204, b"", "application/json")
    assert validate("051200", "3").status_code == 409
    assert validate("053100", "3").status_code == 204
    assert manager.submittals("POST", path, project="harbor", json={"customIdentifier": "3"}).status_code == 409
    assert manager.submittals("POST", path, project="harbor", json={}).status_code == 400


def test_a_still_clock_makes_whole_timestamps_comparable(box, manager):
    item = manager.submittals("GET", f"/items/{box.item('051200-3').id}").json()
    assert (item["createdAt"], item["updatedAt"]) == ("2026-01-21T08:00:00.000000Z", "2026-01-21T08:00:01.000000Z")
    assert item["revisionsFoldersUrns"]["0"]["folderUrnCreatedAt"] == "2026-01-21 08:00:01.000000+00:00"


VALUE_FILTERS = (
    *("id", "title", "identifier", "revision", "statusId", "stateId", "specId", "typeId", "packageId", "responseId"),
    *("reviewResponseId", "leadTime", "manager", "managerType", "subcontractor", "subcontractorType", "createdBy"),
    *("watchers", "ballInCourtUsers", "ballInCourtCompanies", "ballInCourtRoles"),
)
DATE_FILTERS = (
    *("dueDate", "submitterDueDate", "managerDueDate", "createdAt", "updatedAt", "sentToSubmitter"),
    *("receivedFromSubmitter", "sentToReview", "receivedFromReview", "publishedDate", "requiredDate"),
    *("requiredApprovalDate", "requiredOnJobDate"),
)
SORTS = [
    "ballInCourtUsers",
    "ballInCourtCompanies",
    "ballInCourtRoles",
    "ballInCourtType",
    "customIdentifier",
    "customIdentifierHumanReadable",
    "createdAt",
    "createdBy",
    "description",
    "dueDate",
    "id",
    "identifier",
    "leadTime",
    "manager",
    "managerType",
    "managerDueDate",
    "package.identifier",
    "package.spec.identifier",
    "packageId",
    "packageIdentifier",
    "packageSpecIdentifier",
    "packageTitle",
    "priority",
    "publishedBy",
    "publishedDate",
    "receivedFromReview",
    "receivedFromSubmitter",
    "requiredApprovalDate",
    "requiredDate",
    "requiredOnJobDate",
    "respondedAt",
    "respondedBy",
    "response.value",
    "responseComment",
    "responseId",
    "revision",
    "sentToReview",
    "sentToReviewBy",
    "sentToSubmitter",
    "spec.identifier",
    "specId",
    "specIdentifier",
    "specTitle",
    "stateId",
    "statusId",
    "subcontractor",
    "subcontractorType",
    "submittedBy",
    "submitterDueDate",
    "subsection",
    "title",
    "type.value",
    "typeId",
    "updatedAt",
    "updatedBy",
    "watchers",
]


def test_every_documented_filter_finds_what_items_hold(manager):
    everything = {"filter[stateId]": "draft,sbc-1,mgr-1,rev,mgr-2,sbc-2,void"}
    rows = manager.submittals("GET", "/items", params=everything).json()["results"]
    for name in VALUE_FILTERS:
        row = next((row for row in rows if row.get(name) not in (None, [], "")), None)
        unknown = "11111111-1111-4111-8111-111111111111" if name.endswith("Id") else "0"
        value = unknown if row is None else row[name]
        value = value[0] if isinstance(value, list) else value
        wanted = [one["id"] for one in rows if value in (held(one, name) or [])]
        found = manager.submittals("GET", "/items", params={**everything, f"filter[{name}]": str(value)})
        assert [one["id"] for one in found.json()["results"]] == wanted, name
    for name in DATE_FILTERS:
        row = next((row for row in rows if row[name]), None)
        day = "2026-01-01" if row is None else row[name][:10]
        wanted = [one["id"] for one in rows if (one[name] or "")[:10] == day]
        for asked in (day, f"{day}..{day}"):
            found = manager.submittals("GET", "/items", params={**everything, f"filter[{name}]": asked})
            assert [one["id"] for one in found.json()["results"]] == wanted, name


def held(row, name):
    value = row.get(name)
    return value if isinstance(value, list) else [value]


def test_every_documented_sort_orders_either_way(manager):
    for name in SORTS:
        for direction in ("asc", "desc"):
            answer = manager.submittals("GET", "/items", params={"sort": f"{name} {direction}", "limit": 50})
            assert answer.status_code == 200, name
            values = [row[name] for row in answer.json()["results"] if isinstance(row.get(name), (str, int))]
            assert values == sorted(values, reverse=direction == "desc"), name
        assert (
            "sort="
            in manager.submittals("GET", "/items", params={"sort": name, "limit": 1}).json()["pagination"]["nextUrl"]
        )


def test_an_item_begins_as_revision_0_and_its_package_number_is_a_string(box, manager):
    item = manager.submittals("GET", f"/items/{box.item('051200-4').id}").json()
    package = manager.submittals("GET", f"/packages/{item['packageId']}").json()
    assert (item["revision"], item["packageIdentifier"], package["identifier"]) == (0, "1", 1)


def test_the_spec_of_a_number_is_ignored_where_the_whole_project_counts(manager):
    answer = manager.submittals("GET", "/items:next-custom-identifier", project="harbor", params={"specId": "anything"})
    assert answer.json()["nextCustomIdentifier"] == "4"
    misspelt = manager.submittals("GET", "/items:next-custom-identifier", params={"sepcId": "x"})
    assert (misspelt.status_code, misspelt.json()["developerMessage"]) == (400, '"sepcId" is not allowed')
