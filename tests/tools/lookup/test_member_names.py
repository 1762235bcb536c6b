"""Names of a project's people: read once in ten minutes, and missed without harm."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import acc_sandbox
from acc.client import AccClient
from acc.hosts import AutodeskHosts
from acc.retry import RetryPolicy
from acc_sandbox import Fault, Refuse
from acc_sandbox.seed.default import DEFAULT
from acc_sandbox.seed.model import SeedData, SeedItem, SeedProject
from auth.oauth import StaticTokenSource
from tools.lookup.projects import MEMBERS_SECONDS, MemberNames

LIST = "admin.users.list"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def box() -> Iterator[acc_sandbox.Sandbox]:
    """A sandbox with one more project: its submittal is reviewed by two others, of whom one is a company."""
    item = SeedItem("051200", "1", "Beams", "rev", "steel", review=(("engineer", "Architects"),))
    project = SeedProject(
        "bridge", "Bridge House", "hub", managers=("manager",), specs={"051200": "Steel"}, items=(item,)
    )
    plan = SeedData(DEFAULT.people, DEFAULT.companies, DEFAULT.roles, DEFAULT.hubs, (project, *DEFAULT.projects))
    with acc_sandbox.running(seed=plan) as box:
        yield box


@asynccontextmanager
async def names_over(box: acc_sandbox.Sandbox, clock: Clock, **token: Any) -> AsyncIterator[MemberNames]:
    policy = RetryPolicy(attempts=1)
    async with AccClient(AutodeskHosts.at(box.base_url), StaticTokenSource(box.token(**token)), policy=policy) as acc:
        yield MemberNames(acc, clock)


async def test_names_are_kept_for_ten_minutes_by_person_and_project(box: acc_sandbox.Sandbox) -> None:
    clock, project, engineer = Clock(), box.project().id, box.person("engineer")
    async with names_over(box, clock) as names:
        for _ in range(2):
            assert (await names.of_project(project, "me"))[engineer.autodesk_id] == engineer.name
        assert box.requests.count(LIST) == 1
        await names.of_project(project, "another user")
        await names.of_project(box.project("harbor").id, "me")
        assert box.requests.count(LIST) == 3
        clock.now += MEMBERS_SECONDS
        await names.of_project(project, "me")
        assert box.requests.count(LIST) == 4


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_a_refusal_gives_no_names_and_is_not_asked_for_again_soon(box: acc_sandbox.Sandbox, status: int) -> None:
    box.faults.add(Fault(LIST, Refuse(status)))
    async with names_over(box, Clock()) as names:
        assert [await names.of_project(box.project().id, "me") for _ in range(2)] == [{}, {}]
    assert box.requests.count(LIST) == 1


async def test_a_sign_in_without_the_scope_gives_no_names(box: acc_sandbox.Sandbox) -> None:
    async with names_over(box, Clock(), scopes="data:read data:write data:create") as names:
        assert await names.of_project(box.project().id, "me") == {}


async def test_a_service_that_fails_gives_no_names_now_and_is_asked_again(box: acc_sandbox.Sandbox) -> None:
    box.faults.add(Fault(LIST, Refuse(503)))
    async with names_over(box, Clock()) as names:
        assert await names.of_project(box.project().id, "me") == {}
        assert await names.of_project(box.project().id, "me")


@pytest.mark.parametrize(("listed", "engineer"), [(True, "Structural Engineer"), (False, "another reviewer")])
async def test_a_task_to_choose_is_named_by_its_reviewer_where_acc_gives_the_name(
    box, connect, tmp_path, listed, engineer
):
    box.switches.members_list_members = listed
    (tmp_path / "beams.pdf").write_bytes(b"%PDF-1.4 beams")
    place = {"project": "Bridge House", "submittal": "051200-1"}
    async with connect(folders=(tmp_path,)) as assistant:
        seen = await assistant.call("get_submittal", **place)
        assert seen["next_steps"][0]["needs"] == ["task_id", "file_path"]
        refusal = await assistant.refused("add_submittal_attachment", **place, file_path="beams.pdf")
        candidates = refusal["error"]["candidates"]
        assert refusal["error"]["code"] == "task_required"
        assert [one["name"].rpartition(", task of ")[2] for one in candidates] == [engineer, "another reviewer"]
        added = await assistant.follow(refusal["next_steps"][0], task_id=candidates[0]["id"])
    assert added["attachment"]["task_id"] == candidates[0]["id"]
