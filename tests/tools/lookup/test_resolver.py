"""Looking up what people refer to: few requests, none of them with a path that the caller chose."""

from collections import Counter

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

RIVERSIDE = "Riverside Medical Center"
BEAMS = "Project Files/03 Shop Drawings/05 Steel/beam-shop-drawings.pdf"
ALWAYS = {"users.me": 1, "attachments.list": 1}
PROJECTS = {"hubs.list": 1, "projects.list": 1}


@pytest.fixture
def era():
    """One of them is enough here: both look up alike."""
    return "2026-07-28"


@pytest.mark.parametrize(
    ("submittal", "searches"),
    [
        ("{item}", 0),
        ("https://acc.autodesk.com/build/submittals/projects/{project}/items/{item}", 0),
        ("051200-3", 1),
        ("05 12 00\u20133", 1),
        ("051200-03", 1),
        ("Structural steel beam shop drawings", 1),
        ("beam shop", 2),
    ],
)
async def test_a_submittal_is_found_in_as_few_requests_as_acc_allows(connect, box, submittal, searches):
    item, project = box.item("051200-3"), box.project()
    place = {"project": project.id, "submittal": submittal.format(item=item.id, project=project.id)}
    async with connect() as assistant:
        before = len(box.requests.all())
        answer = await assistant.call("get_attachment_status", **place)
        first = Counter(one.operation for one in box.requests.all()[before:])
        before = len(box.requests.all())
        again = await assistant.call("get_attachment_status", **place)
        second = Counter(one.operation for one in box.requests.all()[before:])
    assert {row["id"] for row in answer["attachments"]} == {row["id"] for row in box.attachments(item)}
    assert again == answer
    found = {"items.list": searches} if searches else {}
    assert first == {**ALWAYS, **PROJECTS, "items.get": 1, **found}
    exact = submittal not in ("051200-03", "beam shop")
    assert second == {"attachments.list": 1, "items.get": 1, **({} if exact else found)}


async def test_a_number_that_was_reassigned_is_looked_up_again(connect, box):
    place = {"project": RIVERSIDE, "submittal": "051200-3"}
    async with connect() as assistant:
        before = await assistant.call("get_submittal", **place)
        for number, new in (("051200-3", "9"), ("051200-4", "3")):
            renumber(box, number, new)
        after = await assistant.call("get_submittal", **place)
    assert after["submittal"]["id"] != before["submittal"]["id"]
    assert after["submittal"]["title"] == "Structural steel column shop drawings, east wing"


def renumber(box, number, new):
    item = box.item(number)
    path = f"/construction/submittals/v2/projects/{item.project_id}/items/{item.id}"
    headers = {"Authorization": f"Bearer {box.token()}"}
    httpx.patch(box.base_url + path, json={"customIdentifier": new}, headers=headers).raise_for_status()


async def test_a_pasted_address_of_a_file_links_its_newest_version(connect, box):
    file = box.file(BEAMS)
    url = f"https://acc.autodesk.com/docs/files/projects/{box.project().id}?entityId={file.item_urn}"
    async with connect() as assistant:
        added = await assistant.call("add_submittal_attachment", project=RIVERSIDE, submittal="051200-2", file_urn=url)
    assert (added["attachment"]["name"], added["attachment"]["version_urn"]) == (file.name, file.version_urn)


async def test_a_pasted_address_of_a_folder_is_searched_and_another_is_refused_with_the_way_on(connect, box):
    project = box.project()
    other = f"https://acc.autodesk.com/docs/files/projects/{project.id}"
    async with connect() as assistant:
        refusal = await assistant.refused("find_project_files", project=RIVERSIDE, query="beam", folder=other)
        assert "folder" not in refusal["next_steps"][0]["arguments"]
        [row] = (await assistant.follow(refusal["next_steps"][0]))["files"]
    assert row["path"] == BEAMS


PASTED_ID = "0f5f9c1e-6f0e-5a3c-9d0a-2f3b7c1d8e4f"
PIECES = (
    *("/", "..", "../", "?", "#", "%2f", "%2e%2e", "\\", ":", ";", "@", "&", "=", "-", "--", " ", "x", "urn:", "b."),
    *(PASTED_ID, "urn:adsk.wipprod:fs.file:vf.X?version=1", "/attachments"),
)
HOSTILE = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)
PLACES = [
    ("get_submittal", "project"),
    ("get_submittal", "submittal"),
    ("get_attachment_status", "attachment_id"),
    ("confirm_attachment", "attachment_id"),
    ("add_submittal_attachment", "file_urn"),
    ("add_submittal_attachment", "task_id"),
    ("find_project_files", "folder"),
    ("find_submittals", "query"),
]


@given(st.sampled_from(PLACES), HOSTILE)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_id_changes_the_path_of_a_request(hostile_calls, place, text):
    """CVE-2026-32871: path-segment injection. What stands in an id stays one segment, or is never sent."""
    await hostile_calls(*place, text)


@pytest.fixture
async def hostile_calls(connect, box):
    project, item = box.project().id, box.item("051200-3").id
    projects = (
        "/data/v1/projects/b.{}/",
        "/construction/submittals/v2/projects/{}/",
        "/construction/admin/v1/projects/{}/",
    )
    known = ("/userinfo", "/project/v1/hubs", *(one.format(project) for one in projects))

    async with connect() as assistant:

        async def call(tool, argument, text):
            usual = {"project": project, "submittal": item}
            if tool.startswith("find"):
                usual = {"project": project, "query": "beam"} if tool == "find_project_files" else {"project": project}
            named = [one.format(PASTED_ID) for one in projects if argument == "project" and PASTED_ID in text]
            seen = len(box.requests.all())
            await assistant.answer(tool, **{**usual, argument: text})
            for request in box.requests.all()[seen:]:
                own = [one for one in (*known, *named) if request.path.startswith(one)]
                assert request.operation != "unknown", request
                assert own, request
                assert ".." not in request.path.split("/"), request
                assert request.method == "GET", request

        yield call


@pytest.mark.parametrize(
    ("project", "submittal"),
    [
        ("the Riverside project", "#051200-3"),
        ('"Riverside"', '"05 12 00-3"'),
        ("medical center riverside", "submittal 05.12.00 - 3"),
        ("job Riverside", "beams shop drawing"),
        ("Riverside", "051200-3 Structural steel beam shop drawings"),
        ("Riverside", "Structural steel beam shop drawings (051200-3)"),
    ],
)
async def test_names_are_taken_as_people_type_them(connect, box, project, submittal):
    async with connect() as assistant:
        answer = await assistant.call("get_submittal", project=project, submittal=submittal)
    assert answer["submittal"]["id"] == box.item("051200-3").id


async def test_of_many_that_fit_the_first_five_are_named_and_those_that_take_a_file_come_first(connect):
    async with connect() as assistant:
        refusal = await assistant.refused("get_submittal", project="Riverside", submittal="steel")
        listed = await assistant.follow(refusal["next_steps"][1])
    error = refusal["error"]
    assert (error["code"], error["message"]) == (
        "ambiguous_reference",
        "The first 5 of 6 submittals that fit these words.",
    )
    may_attach = {row["number"]: row["can_attach"] for row in listed["submittals"]}
    named = [may_attach[one["number"]] for one in error["candidates"]]
    assert named == sorted(named, reverse=True)
    assert len(named) == 5


async def test_where_nothing_fits_the_closest_are_candidates(connect):
    async with connect() as assistant:
        near = await assistant.refused("get_submittal", project="Riverside", submittal="hollow metl dor schedule")
        other = await assistant.refused("get_submittal", project="Riverside", submittal="051200-33")
        project = await assistant.refused("get_submittal", project="Rivreside", submittal="051200-3")
        nothing = await assistant.refused("get_submittal", project="Riverside", submittal="zzz qqq")
    assert (near["error"]["code"], near["error"]["candidates"][0]["number"]) == ("submittal_not_found", "081113-1")
    assert "051200-3" in [one["number"] for one in other["error"]["candidates"]]
    assert [one["name"] for one in project["error"]["candidates"]] == ["Riverside Medical Center"]
    assert nothing["error"]["candidates"] == []


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("05 12 00", [f"051200-{number}" for number in (6, 5, 4, 3, 2, 1)]),
        ("drawings beam", ["051200-3"]),
        ("column drawings", ["051200-5", "051200-4"]),
        ("05 12 00-3", ["051200-3"]),
    ],
)
async def test_a_search_finds_sections_however_written_their_titles_and_words_in_any_order(connect, query, numbers):
    async with connect() as assistant:
        found = await assistant.call("find_submittals", project="Riverside", query=query)
    assert [row["number"] for row in found["submittals"]] == numbers
