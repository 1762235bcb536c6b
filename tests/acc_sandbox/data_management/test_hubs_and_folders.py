"""Hubs, projects, folders, files and versions (fact sheet 9)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest

import acc_sandbox

RECORDED = {
    one["shape"]: one["payload"]
    for one in json.loads(Path(__file__).parents[2].joinpath("facts/autodesk_payloads.json").read_text("utf-8"))
    if one["basis"].startswith("recorded")
}
"""What public recordings show, by the shape that our models call it."""
BEAMS = "Project Files/03 Shop Drawings/05 Steel/beam-shop-drawings.pdf"


@pytest.fixture
def hub(manager):
    return manager("GET", "/project/v1/hubs").json()["data"][0]["id"]


@pytest.fixture
def folders(box, manager, hub):
    """Folder ids by path, found by walking down from the top."""
    base = f"/data/v1/projects/{box.project().dm_id}/folders"
    top = manager("GET", f"/project/v1/hubs/{hub}/projects/{box.project().dm_id}/topFolders").json()["data"]
    found, waiting = {}, [(row["attributes"]["name"], row["id"]) for row in top if folder_type(row) == "normal"]
    while waiting:
        path, folder_id = waiting.pop()
        found[path] = folder_id
        below = manager("GET", f"{base}/{folder_id}/contents", params={"filter[type]": "folders"}).json()["data"]
        waiting.extend((f"{path}/{row['attributes']['name']}", row["id"]) for row in below)
    return found


def folder_type(row):
    return row["attributes"]["extension"]["data"]["folderType"]


def contents(who, folder_id, action="contents", **query):
    return who("GET", f"/data/v1/projects/{who.box.project().dm_id}/folders/{folder_id}/{action}", params=query)


def names(answer):
    assert answer.status_code == 200, answer.text
    return [row["attributes"]["displayName"] for row in answer.json()["data"]]


def test_projects_say_whether_they_are_acc_or_bim_360(box, manager, hub):
    rows = manager("GET", f"/project/v1/hubs/{hub}/projects").json()["data"]
    kinds = {row["attributes"]["name"]: row["attributes"]["extension"]["data"]["projectType"] for row in rows}
    assert kinds == {"Riverside Medical Center": "ACC", "Harbor Point Tower": "ACC", "Old Mill Library": "BIM360"}
    riverside = next(row for row in rows if row["id"] == box.project().dm_id)
    assert riverside["relationships"]["submittals"]["data"] == {"type": "submittalContainerId", "id": box.project().id}
    assert manager("GET", f"/project/v1/hubs/{hub}/projects/{box.project().dm_id}").json()["data"] == riverside


def test_people_see_their_own_projects(caller, hub):
    counts = {
        key: len(caller(key)("GET", f"/project/v1/hubs/{hub}/projects").json()["data"])
        for key in ("manager", "concrete", "outsider")
    }
    assert counts == {"manager": 3, "concrete": 2, "outsider": 0}


def test_projects_come_on_pages(manager, hub):
    url, seen = f"/project/v1/hubs/{hub}/projects?page[number]=0&page[limit]=2", []
    while url:
        page = manager("GET", url).json()
        seen.append(len(page["data"]))
        url = page["links"].get("next", {}).get("href")
    assert seen == [2, 1]


def test_hubs_and_projects_can_be_filtered(box, manager, hub):
    for query, count in (
        ({"filter[extension.type]": "hubs:autodesk.bim360:Account"}, 1),
        ({"filter[extension.type]": "hubs:autodesk.core:Hub"}, 0),
        ({"filter[id]": hub}, 1),
        ({"filter[name]": "Other"}, 0),
    ):
        assert len(manager("GET", "/project/v1/hubs", params=query).json()["data"]) == count
    query = {"filter[id]": box.project("harbor").dm_id}
    assert names_of(manager("GET", f"/project/v1/hubs/{hub}/projects", params=query)) == ["Harbor Point Tower"]
    query = {"filter[name]": "Riverside Medical Center"}
    assert names_of(manager("GET", f"/project/v1/hubs/{hub}/projects", params=query)) == ["Riverside Medical Center"]


def names_of(answer):
    return [row["attributes"]["name"] for row in answer.json()["data"]]


def test_an_app_that_no_account_added_gets_a_warning_and_then_403(box, manager, hub):
    box.switches.provisioned = False
    answer = manager("GET", "/project/v1/hubs").json()
    assert (answer["data"], answer["meta"]["warnings"][0]["ErrorCode"]) == ([], "BIM360DM_ERROR")
    for path in (f"/project/v1/hubs/{hub}/projects", f"/data/v1/projects/{box.project().dm_id}/items/x"):
        answer = manager("GET", path)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "BIM360DM_ERROR")
    assert manager.submittals("GET", "/items").status_code == 403


@pytest.mark.parametrize(
    ("given", "refused"),
    [("data_management", {"submittals"}), ("construction_cloud", {"dm", "oss"}), ("none", {"submittals", "dm", "oss"})],
)
def test_an_app_without_an_api_is_refused_by_the_gateway_for_every_user(box, manager, given, refused):
    box.switches.app_apis = given
    answers = {
        "submittals": manager.submittals("GET", "/items"),
        "dm": manager("GET", "/project/v1/hubs"),
        "oss": manager("GET", "/oss/v2/buckets/wip.dm.prod/objects/x.pdf/signeds3download"),
        "auth": manager("GET", "/userinfo"),
    }
    assert {name for name, one in answers.items() if one.json().get("errorCode") == "AUTH-001"} == refused
    assert {one.status_code for name, one in answers.items() if name in refused} == {403}


@pytest.mark.parametrize("count", [0, 1, 7, 100])
def test_beside_hubs_a_403_tells_of_regions_without_one(box, manager, hub, count):
    box.switches.region_warnings = count
    answer = manager("GET", "/project/v1/hubs").json()
    warnings = answer.get("meta", {"warnings": []})["warnings"]
    assert ([row["id"] for row in answer["data"]], len(warnings)) == ([hub], min(count, 7))
    if count:
        assert warnings[0] == RECORDED["Listing"]["meta"]["warnings"][0]
    elsewhere = manager("GET", "/project/v1/hubs", params={"filter[id]": "b.other"}).json()
    assert (elsewhere["data"], "meta" in elsewhere) == ([], False)


def test_top_folders_are_those_of_a_recorded_project(box, manager, hub):
    url = f"/project/v1/hubs/{hub}/projects/{box.project().dm_id}/topFolders"
    found = manager("GET", url).json()["data"]
    for row, recorded in zip(found, RECORDED["top folders"], strict=True):
        # Ids stand for themselves in what was recorded.
        name = re.escape(recorded["name"]).replace("<uuid>", "<id>").replace("<id>", "[0-9a-f-]{36}")
        assert re.fullmatch(name, row["attributes"]["name"])
        assert folder_type(row) == recorded["folderType"]
        assert row["attributes"]["hidden"] == recorded.get("hidden", False)
        assert row["attributes"]["extension"]["data"]["isRoot"] == recorded.get("isRoot", False)


def test_top_folders_leave_those_of_other_tools_out_when_only_files_are_asked_for(box, manager, hub):
    url = f"/project/v1/hubs/{hub}/projects/{box.project().dm_id}/topFolders"
    assert names(manager("GET", url, params={"projectFilesOnly": "true"})) == ["Project Files"]
    assert manager("GET", url, params={"projectFilesOnly": "x"}).status_code == 400


def test_a_folder_lists_folders_then_items_with_their_tips(box, manager, folders):
    answer = contents(manager, folders["Project Files/03 Shop Drawings/05 Steel"])
    assert names(answer) == ["beam-shop-drawings.pdf", "column-shop-drawings.pdf", "joist-layout.dwg"]
    tips = {row["id"]: row["attributes"] for row in answer.json()["included"]}
    assert tips[box.file(BEAMS).version_urn]["versionNumber"] == 2
    assert names(contents(manager, folders["Project Files"]))[0] == "01 Drawings"


def test_contents_come_on_pages_and_by_type(manager, folders):
    steel, top = folders["Project Files/03 Shop Drawings/05 Steel"], folders["Project Files"]
    first = contents(manager, steel, **{"page[limit]": 2}).json()
    assert len(first["data"]) == 2
    second = manager("GET", first["links"]["next"]["href"]).json()
    assert len(second["data"]) == 1
    assert "next" not in second["links"]
    assert set(second["links"]) == {"self", "first", "prev"}
    assert names(contents(manager, top, **{"filter[type]": "items"})) == []
    assert len(names(contents(manager, top, **{"filter[type]": "folders"}))) == 4
    for query in ({"page[limit]": "0"}, {"page[limit]": "201"}, {"page[number]": "x"}):
        assert contents(manager, top, **query).status_code == 400


def test_attachments_lie_in_a_folder_an_item_below_that_of_the_submittals(box, manager, hub):
    top = manager("GET", f"/project/v1/hubs/{hub}/projects/{box.project().dm_id}/topFolders").json()["data"]
    [above] = [row["id"] for row in top if row["attributes"]["name"] == "submittals-attachments"]
    assert len(names(contents(manager, above))) == 15
    item = box.item("051200-3")
    folder = manager.submittals("GET", f"/items/{item.id}").json()["folderUrn"]
    assert names(contents(manager, folder)) == ["beam-schedule.pdf"]


def test_hidden_folders_come_with_include_hidden_alone(box, manager, hub):
    top = manager("GET", f"/project/v1/hubs/{hub}/projects/{box.project().dm_id}/topFolders").json()["data"]
    [above] = [row["id"] for row in top if row["attributes"]["name"] == "submittals-attachments"]
    box.switches.attachment_folders_hidden = True
    box.revise(box.item("051200-3"))
    box.clock.move(10)
    assert len(names(contents(manager, above))) == 15
    assert len(names(contents(manager, above, includeHidden="true"))) == 16


@pytest.fixture(scope="module")
def guarded():
    """A project in which the contractor sees two folders of the Files tool."""
    project = {
        "key": "riverside",
        "name": "Riverside",
        "managers": ["manager"],
        "files": {
            f"Project Files/{path}": 1 for path in ("A/Facade/plan.pdf", "A/Facade/1/a.pdf", "B/b.pdf", "C/c.pdf")
        },
        "folder_access": {"steel": ["Project Files/A/Facade", "Project Files/B"]},
        "specs": {"084413": "Curtain Walls"},
        "items": [
            {"spec": "084413", "number": "1", "title": "Windows", "contractor": "steel", "attachments": ["windows.pdf"]}
        ],
    }
    with acc_sandbox.running(seed=acc_sandbox.parse_seed({"projects": [project]})) as box:
        yield box


class TestFoldersOfSomePeople:
    @pytest.fixture
    def box(self, guarded):
        return guarded

    def test_a_person_sees_the_highest_folders_that_are_theirs_with_the_parents_of_each(self, box, caller):
        project = box.project()
        url = f"/project/v1/hubs/{caller()('GET', '/project/v1/hubs').json()['data'][0]['id']}"
        seen = caller("steel")("GET", f"{url}/projects/{project.dm_id}/topFolders").json()["data"]
        parents = {row["attributes"]["name"]: row["attributes"]["extension"]["data"]["folderParents"] for row in seen}
        assert {name: [one["title"] for one in above] for name, above in parents.items()} == {
            "Facade": ["Project Files", "A"],
            "B": ["Project Files"],
        }
        root, below = parents["Facade"]
        assert (root["isRoot"], below["isRoot"], below["parentUrn"]) == (True, False, root["urn"])
        everything = caller()("GET", f"{url}/projects/{project.dm_id}/topFolders").json()["data"]
        assert len(everything) == 16
        assert not any("folderParents" in row["attributes"]["extension"]["data"] for row in everything)

    def test_a_person_reads_below_their_folders_and_nowhere_else(self, box, caller):
        steel = caller("steel")
        base = f"/data/v1/projects/{box.project().dm_id}"

        def statuses(path):
            file = box.file(f"Project Files/{path}")
            version = quote(file.version_urn, safe="")
            parent = caller()("GET", f"{base}/items/{file.item_urn}").json()["data"]["relationships"]["parent"]
            folder = parent["data"]["id"]
            paths = (f"items/{file.item_urn}", f"versions/{version}", f"folders/{folder}", f"folders/{folder}/contents")
            return {steel("GET", f"{base}/{path}").status_code for path in paths}

        assert statuses("A/Facade/1/a.pdf") == statuses("B/b.pdf") == {200}
        assert statuses("C/c.pdf") == {403}
        [attachment] = box.attachments(box.item("084413-1"))
        assert steel("GET", f"{base}/versions/{quote(str(attachment['urn']), safe='')}").status_code == 200


def test_a_folder_that_does_not_exist_cannot_be_given_to_a_person():
    project = {"key": "p", "name": "P", "managers": ["manager"], "folder_access": {"steel": ["Nowhere"]}}
    plan = acc_sandbox.parse_seed({"projects": [project]})
    with pytest.raises(LookupError, match="folder_access names Nowhere"), acc_sandbox.running(seed=plan):
        pass


def test_a_folders_display_name_is_reserved(box, manager, hub):
    box.switches.folder_display_name = "other"
    top = manager("GET", f"/project/v1/hubs/{hub}/projects/{box.project().dm_id}/topFolders").json()["data"]
    assert {row["attributes"]["displayName"] for row in top}.isdisjoint(row["attributes"]["name"] for row in top)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"filter[fileType]": "dwg"}, ["joist-layout.dwg"]),
        (
            {"filter[displayName]-contains": "SHOP"},
            ["beam-shop-drawings.pdf", "column-shop-drawings.pdf", "rebar-shop-drawings.pdf"],
        ),
        ({"filter[displayName]-starts": "a-101"}, ["A-101 First Floor Plan.pdf"]),
        (
            {"filter[displayName]": "mill-certificates.csv,joist-layout.dwg"},
            ["joist-layout.dwg", "mill-certificates.csv"],
        ),
        (
            {"filter[versionNumber]-ge": "2", "filter[fileType]": "pdf"},
            ["A-101 First Floor Plan.pdf", "S-201 Level 2 Framing Plan.pdf", "beam-shop-drawings.pdf"],
        ),
        ({"filter[displayName]-ends": ".xyz"}, []),
    ],
)
def test_search_goes_through_the_whole_tree(manager, folders, query, expected):
    answer = contents(manager, folders["Project Files"], "search", **query)
    assert names(answer) == expected
    assert all(row["type"] == "versions" for row in answer.json()["data"])


def test_search_stays_below_its_folder_and_refuses_unknown_filters(manager, folders):
    product_data = folders["Project Files/04 Product Data"]
    assert names(contents(manager, product_data, "search")) == ["joint-sealant-data-sheet.pdf", "mill-certificates.csv"]
    assert contents(manager, product_data, "search", **{"filter[colour]": "red"}).status_code == 400


def test_a_file_its_tip_and_its_versions(box, manager):
    file, base = box.file(BEAMS), f"/data/v1/projects/{box.project().dm_id}"
    item = manager("GET", f"{base}/items/{file.item_urn}").json()
    tip = manager("GET", f"{base}/items/{file.item_urn}/tip").json()["data"]
    versions = manager("GET", f"{base}/items/{file.item_urn}/versions").json()["data"]
    assert item["data"]["relationships"]["tip"]["data"]["id"] == tip["id"] == versions[0]["id"] == file.version_urn
    assert [row["attributes"]["versionNumber"] for row in versions] == [2, 1]
    first = manager("GET", f"{base}/items/{file.item_urn}/versions", params={"filter[versionNumber]": "1"}).json()[
        "data"
    ]
    assert first == versions[1:]
    assert manager("GET", f"{base}/versions/{quote(file.version_urn, safe='')}").json()["data"] == tip
    storage = tip["relationships"]["storage"]["data"]["id"]
    assert len(box.object_bytes(storage)) == tip["attributes"]["storageSize"]


def test_a_hub_parents_and_the_file_of_a_version_are_found_from_below(box, manager):
    project, file = box.project(), box.file(BEAMS)
    hub = manager("GET", "/project/v1/hubs").json()["data"][0]
    above = manager("GET", f"/project/v1/hubs/{hub['id']}/projects/{project.dm_id}/hub").json()["data"]
    assert above == hub
    base = f"/data/v1/projects/{project.dm_id}"
    steel = manager("GET", f"{base}/items/{file.item_urn}/parent").json()["data"]
    drawings = manager("GET", f"{base}/folders/{steel['id']}/parent").json()["data"]
    assert [steel["attributes"]["name"], drawings["attributes"]["name"]] == ["05 Steel", "03 Shop Drawings"]
    assert steel == manager("GET", f"{base}/folders/{steel['id']}").json()["data"]
    item = manager("GET", f"{base}/versions/{quote(file.version_urn, safe='')}/item").json()
    assert item["data"] == manager("GET", f"{base}/items/{file.item_urn}").json()["data"]
    assert item["data"]["id"] == file.item_urn
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", item["data"]["attributes"]["createTime"])
    top = manager("GET", f"{base}/folders/{drawings['relationships']['parent']['data']['id']}/parent")
    assert top.status_code == 404


def test_searching_needs_a_scope_of_its_own(box, manager, caller):
    hub = manager("GET", "/project/v1/hubs").json()["data"][0]["id"]
    top = manager("GET", f"/project/v1/hubs/{hub}/projects/{box.project().dm_id}/topFolders").json()["data"][0]["id"]
    path = f"/data/v1/projects/{box.project().dm_id}/folders/{top}/search"
    answer = caller("manager", scopes="data:read")("GET", path)
    assert (answer.status_code, answer.json()["errorCode"]) == (403, "AUTH-010")
    assert caller("manager", scopes="data:read data:search")("GET", path).status_code == 200


def test_a_version_urn_must_be_encoded_whole(box, manager):
    base = f"/data/v1/projects/{box.project().dm_id}/versions"
    assert manager("GET", f"{base}/{box.file(BEAMS).version_urn}").status_code == 400


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/data/v1/projects/{bare}/items/x", 400, "BAD_INPUT"),
        ("/data/v1/projects/b.11111111-1111-4111-8111-111111111111/items/x", 404, "NOT_FOUND"),
        ("/data/v1/projects/b.{bare}/items/x", 404, "NOT_FOUND"),
        ("/data/v1/projects/b.{bare}/folders/x/contents", 404, "NOT_FOUND"),
        ("/data/v1/projects/b.{bare}/nothing", 404, "NOT_FOUND"),
        ("/project/v1/hubs/b.unknown/projects", 404, "NOT_FOUND"),
        ("/project/v1/hubs/b.unknown", 404, "NOT_FOUND"),
        ("/project/v1/nothing", 404, "NOT_FOUND"),
    ],
)
def test_errors_are_json_api(box, manager, path, status, code):
    answer = manager("GET", path.format(bare=box.project().id))
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["status"], error["code"]) == (status, str(status), code)
    assert {"id", "title", "detail"} <= error.keys()


def test_a_stranger_sees_no_file(caller, box):
    answer = caller("outsider")("GET", f"/data/v1/projects/{box.project().dm_id}/items/{box.file(BEAMS).item_urn}")
    assert answer.status_code == 403


def test_contents_can_be_asked_for_by_their_last_change(manager, folders):
    everything = names(contents(manager, folders["Project Files"]))
    rows = contents(manager, folders["Project Files"]).json()["data"]
    newest = max(row["attributes"]["lastModifiedTimeRollup"] for row in rows)
    assert (
        names(contents(manager, folders["Project Files"], **{"filter[lastModifiedTimeRollup]-le": newest}))
        == everything
    )
    assert names(contents(manager, folders["Project Files"], **{"filter[lastModifiedTimeRollup]-gt": newest})) == []
    wrong = contents(manager, folders["Project Files"], **{"filter[lastModifiedTimeRollup]-near": newest})
    assert wrong.status_code == 400


def test_ids_have_the_forms_of_the_samples(box, manager, hub, folders):
    file = box.file(BEAMS)
    tip = manager("GET", f"/data/v1/projects/{box.project().dm_id}/items/{file.item_urn}/tip").json()["data"]
    assert re.fullmatch(r"b\.[0-9a-f-]{36}", hub)
    assert re.fullmatch(r"urn:adsk\.wipprod:fs\.folder:co\.[\w-]{22}", folders["Project Files"])
    assert re.fullmatch(r"urn:adsk\.wipprod:dm\.lineage:[\w-]{22}", file.item_urn)
    assert tip["id"] == file.item_urn.replace("dm.lineage:", "fs.file:vf.") + "?version=2"
    storage = tip["relationships"]["storage"]["data"]["id"]
    assert re.fullmatch(r"urn:adsk\.objects:os\.object:wip\.dm\.prod/[0-9a-f-]{36}\.pdf", storage)


def test_headers_that_nothing_documents_change_nothing(box, manager, hub):
    headers = {"x-ads-region": "EMEA", "region": "AUS", "x-user-id": "NOBODY", "x-request-id": "1"}
    for path in ("/project/v1/hubs", f"/construction/submittals/v2/projects/{box.project().id}/items"):
        assert manager("GET", path, headers=headers).json() == manager("GET", path).json()
