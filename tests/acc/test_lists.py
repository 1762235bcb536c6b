"""Services walk through their lists to the end, with the same question for every page."""

from typing import Any

import httpx
import pytest

from acc.client import AccClient

PROJECT = "2570d4e5-9aef-4b41-8e45-a454f2f3fd65"
ELSEWHERE = "https://evil.example/construction/submittals/v2/projects/p/items?limit=2&offset={}&sort=identifier+desc"


def pages_of(ids: list[str], size: int) -> Any:
    """A service that lists these rows, and points to a next page on another host without the filter."""

    def answer(request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params.get("offset", 0))
        pagination = {"limit": size, "offset": offset, "totalResults": len(ids)}
        if offset + size < len(ids):
            pagination["nextUrl"] = ELSEWHERE.format(offset + size)
        rows = [{"id": each} for each in ids[offset : offset + size]]
        return httpx.Response(200, json={"pagination": pagination, "results": rows})

    return answer


def queries(net: Any) -> list[list[tuple[str, str]]]:
    return [request.url.params.multi_items() for request in net.requests]


async def test_attachments_are_listed_to_the_end_and_the_token_stays_with_autodesk(network, acc_over) -> None:
    net = network(pages_of(["a", "b", "c", "d", "e"], 2))

    acc: AccClient = acc_over(net)
    found = [
        attachment.id
        async for attachment in acc.submittals.all_attachments(
            PROJECT, "i", category_ids=["1", "2"], revision=0, is_file_uploaded=False, sort="createdAt desc"
        )
    ]

    assert found == ["a", "b", "c", "d", "e"]
    assert {request.url.host for request in net.requests} == {"developer.api.autodesk.com"}
    assert queries(net) == [
        [
            ("limit", "50"),
            ("offset", str(offset)),
            ("filter[isFileUploaded]", "false"),
            ("filter[categoryId]", "1,2"),
            ("filter[revision]", "0"),
            ("sort", "createdAt desc"),
        ]
        for offset in (0, 2, 4)
    ]


async def test_members_are_listed_to_the_end_of_pages_that_the_service_makes_smaller(network, acc_over) -> None:
    net = network(pages_of(["a", "b", "c"], 2))

    acc: AccClient = acc_over(net)
    assert [member.id for member in await acc.projects.members(PROJECT)] == ["a", "b", "c"]
    assert queries(net) == [[("limit", "200"), ("offset", str(offset))] for offset in (0, 2)]


async def test_items_are_listed_to_the_end_with_search_and_filters(network, acc_over) -> None:
    net = network(pages_of(["a", "b", "c"], 2))

    found = acc_over(net).submittals.all_items(
        PROJECT, search="beam", filters={"stateId": ["sbc-1", "rev"], "specId": None}, sort="title asc"
    )

    assert [item.id async for item in found] == ["a", "b", "c"]
    assert queries(net) == [
        [
            ("search", "beam"),
            ("limit", "50"),
            ("offset", str(offset)),
            ("filter[stateId]", "sbc-1,rev"),
            ("sort", "title asc"),
        ]
        for offset in (0, 2)
    ]


async def test_steps_and_tasks_are_listed_to_the_end(network, acc_over) -> None:
    net = network(pages_of(["a", "b", "c"], 2))
    acc: AccClient = acc_over(net)

    assert [step.id for step in await acc.submittals.steps(PROJECT, "i")] == ["a", "b", "c"]
    assert [task.id for task in await acc.submittals.tasks(PROJECT, "i", "s")] == ["a", "b", "c"]
    assert queries(net) == [[], [("offset", "2")], [], [("offset", "2")]]


def json_api(kind: str, pages: list[list[str]]) -> Any:
    """A service that lists rows of a type on numbered pages, with a link to the next."""

    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page[number]", 0))
        links = (
            {"next": {"href": f"https://evil.example/x?page[number]={number + 1}"}} if number + 1 < len(pages) else {}
        )
        rows = [{"type": kind, "id": each} for each in pages[number]]
        return httpx.Response(200, json={"links": links, "data": rows})

    return answer


async def test_projects_are_listed_to_the_end_each_once(network, acc_over) -> None:
    net = network(json_api("projects", [["b.1", "b.2"], [], ["b.2", "b.3"]]))

    found = await acc_over(net).projects.projects("b.hub")

    assert [project.id for project in found] == ["b.1", "b.2", "b.3"]
    assert queries(net) == [[("page[number]", str(number)), ("page[limit]", "200")] for number in range(3)]
    assert {request.url.host for request in net.requests} == {"developer.api.autodesk.com"}


async def test_a_folder_is_listed_to_the_end(network, acc_over) -> None:
    folder = network(json_api("items", [["urn:1"], [], ["urn:2"]]))

    found = [item.id async for page in acc_over(folder).files.all_contents(PROJECT, "f") for item in page.items]

    assert found == ["urn:1", "urn:2"]
    assert queries(folder) == [[("page[number]", str(number)), ("page[limit]", "200")] for number in range(3)]


@pytest.mark.parametrize("given_id", [PROJECT, f"b.{PROJECT}"])
async def test_each_service_gets_the_project_id_in_its_own_form(network, acc_over, given_id: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        data = {"type": "versions", "id": "v"}
        return httpx.Response(200, json={"id": "x", "data": data, "results": []})

    net = network(answer)
    acc: AccClient = acc_over(net)
    version = "urn:adsk.wipprod:fs.file:vf.X?version=1"

    await acc.submittals.item(given_id, "i")
    await acc.submittals.me(given_id)
    await acc.projects.members(given_id)
    await acc.files.folder(given_id, "urn:f")
    await acc.files.version(given_id, version)

    assert [request.url.raw_path.decode() for request in net.requests] == [
        f"/construction/submittals/v2/projects/{PROJECT}/items/i",
        f"/construction/submittals/v2/projects/{PROJECT}/users/me",
        f"/construction/admin/v1/projects/{PROJECT}/users?limit=200&offset=0",
        f"/data/v1/projects/b.{PROJECT}/folders/urn:f",
        f"/data/v1/projects/b.{PROJECT}/versions/urn%3Aadsk.wipprod%3Afs.file%3Avf.X%3Fversion%3D1",
    ]
