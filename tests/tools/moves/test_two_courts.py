"""A person who has the ball twice: in person and through their company."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

import acc_sandbox
from acc_sandbox.seed.default import DEFAULT
from acc_sandbox.seed.model import SeedItem

pytestmark = pytest.mark.either_era

STUDS = {"project": "Riverside Medical Center", "submittal": "053100-2"}


@pytest.fixture
def box() -> Iterator[acc_sandbox.Sandbox]:
    """An ACC with a review step in which the engineer and the engineer's company answer side by side."""
    riverside = DEFAULT.projects[0]
    both = SeedItem("053100", "2", "Shear stud layout", "rev", "steel", review=(("engineer", "Structural Engineers"),))
    seed = replace(DEFAULT, projects=(replace(riverside, items=(*riverside.items, both)), *DEFAULT.projects[1:]))
    with acc_sandbox.running(seed=seed) as box:
        yield box


async def test_files_for_a_person_with_two_open_tasks_wait_for_the_task_to_be_said(connect, box, tmp_path):
    (tmp_path / "studs.pdf").write_bytes(b"studs")
    first, _ = box.tasks(box.item("053100-2"))
    async with connect("engineer", folders=(tmp_path,)) as assistant:
        checked = await assistant.call("attach_files", **STUDS, files=["studs.pdf"])
        assert [(row["outcome"], row["reason"]) for row in checked["files"]] == [("left_out", "task_required")]
        [step] = checked["next_steps"]
        added = await assistant.follow(step, file_path="studs.pdf", task_id=first.id)
    assert added["attachment"]["task_id"] == first.id


async def test_a_person_with_two_open_tasks_says_which_and_keeps_the_ball_with_the_other(connect, box):
    tasks = box.tasks(box.item("053100-2"))
    async with connect("engineer") as assistant:
        refusal = await assistant.refused("move_submittal", **STUDS, response="approved")
        assert refusal["error"]["code"] == "task_required"
        assert {one["id"] for one in refusal["error"]["candidates"]} == {task.id for task in tasks}
        [step] = refusal["next_steps"]
        shown = await assistant.follow(step, task_id=tasks[0].id)
        assert [one["type"] for one in shown["with_whom"]] == ["company"]
        moved = await assistant.follow(shown["next_steps"][0])
        assert [one["id"] for one in moved["with_whom"]] == [one["id"] for one in shown["with_whom"]]
        shown = await assistant.call("move_submittal", **STUDS, response="approved", to=None)
        assert shown["transition"]["task_id"] == tasks[1].id
        moved = await assistant.follow(shown["next_steps"][0])
    assert moved["submittal"]["state"] == "mgr-2"
