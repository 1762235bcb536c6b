"""What is sent to ACC for a category and a review task, and what is left to ACC to decide."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from acc.models.submittals import Item, Step, Task
from tools.attachments.preconditions import attach_target
from tools.core.presenters import ReviewTask, review_task
from tools.errors.exceptions import NotPermitted, RetryHint, TaskRequired
from tools.lookup.projects import ProjectSummary
from transfers.idempotency import AttachTarget

PROJECT = ProjectSummary("project", "Project", "hub", "Hub", "ACC")
CREATE = {"id": "Attachment::create", "fields": {"categoryId": ["1", "4"]}}


IN_REVIEW = Item.model_validate({"id": "item", "stateId": "rev", "permittedActions": [CREATE]})


def services(tasks: Sequence[ReviewTask] = ()) -> Any:
    async def me(_project_id: str) -> Any:
        return SimpleNamespace(id="me")

    async def review_tasks(_project_id: str, _item: Item) -> Sequence[ReviewTask]:
        return tasks

    async def of_project(_project_id: str, _person_id: str) -> dict[str, str]:
        return {"THEIRS": "Ada Reviewer"}

    names = SimpleNamespace(of_project=of_project)
    return SimpleNamespace(
        resolver=SimpleNamespace(me=me, review_tasks=review_tasks, member_names=names),
        acc=SimpleNamespace(hosts=SimpleNamespace(api="https://acc")),
    )


@pytest.mark.parametrize(
    ("asked", "category", "sent"),
    [
        (None, "for_review", None),
        ("for_review", "for_review", None),
        ("submission", "submission", "1"),
        ("final_response", "final_response", "4"),
    ],
)
async def test_only_a_category_other_than_acc_s_own_choice_is_sent(asked, category, sent):
    item = Item.model_validate({"id": "item", "stateId": "mgr-1", "revision": 2, "permittedActions": [CREATE]})
    assert await attach_target(services(), PROJECT, item, category=asked, task_id=None) == AttachTarget(
        base_url="https://acc",
        person_id="me",
        project_id="project",
        item_id="item",
        revision=2,
        category=category,
        category_id=sent,
        task_id=None,
    )


def review(*tasks: tuple[str, bool, str]) -> list[ReviewTask]:
    """Review tasks as (id, whether it is this person's, status)."""
    return [
        review_task(
            Task.model_validate(
                {
                    "id": id_,
                    "status": status,
                    "assignedTo": id_.upper(),
                    "assignedToType": "1",
                    "permittedActions": [{"id": "Task::close"}] if mine else [],
                }
            ),
            Step.model_validate({"id": "step", "status": "in-progress", "stepNumber": 1}),
        )
        for id_, mine, status in tasks
    ]


MINE, OTHERS = ("mine", True, "in-progress"), ("theirs", False, "in-progress")
DONE, LATER = ("done", False, "completed"), ("later", False, "not-started")


@pytest.mark.parametrize(
    ("tasks", "given", "sent"),
    [
        ([MINE, OTHERS, DONE], None, "mine"),
        ([OTHERS, DONE, LATER], None, "theirs"),
        ([DONE, LATER], None, None),
        ([], None, None),
        ([MINE, OTHERS], "theirs", "theirs"),
        ([MINE, DONE], "done", "done"),
        ([MINE, OTHERS], " \u201cTheirs\u201d\u200b", "theirs"),
    ],
)
async def test_in_review_the_task_is_mine_else_the_only_one_in_progress_and_a_given_one_is_left_to_acc(
    tasks, given, sent
):
    where = await attach_target(services(review(*tasks)), PROJECT, IN_REVIEW, category=None, task_id=given)
    assert where.task_id == sent


@pytest.mark.parametrize(
    ("tasks", "given", "candidates"),
    [
        (
            [OTHERS, DONE, ("other", False, "in-progress")],
            None,
            {
                "theirs": "review step 1, optional, task of Ada Reviewer",
                "other": "review step 1, optional, task of another reviewer",
            },
        ),
        (
            [MINE, OTHERS, ("mine too", True, "in-progress")],
            None,
            {"mine": "review step 1, optional", "mine too": "review step 1, optional"},
        ),
        ([OTHERS], "of another submittal", {"theirs": "review step 1, optional, task of Ada Reviewer"}),
        ([DONE], "of another submittal", {}),
    ],
)
async def test_in_review_a_task_is_asked_for_where_it_cannot_be_found(tasks, given, candidates):
    with pytest.raises(TaskRequired) as caught:
        await attach_target(services(review(*tasks)), PROJECT, IN_REVIEW, category=None, task_id=given)
    assert {one.id: one.name for one in caught.value.candidates} == candidates
    assert caught.value.again == (RetryHint(needs=["task_id"]) if candidates else RetryHint(without=["task_id"]))


@pytest.mark.parametrize("tasks", [[MINE], [OTHERS], []])
async def test_in_review_a_task_opens_nothing_to_a_person_without_the_permission(tasks):
    item = Item.model_validate({"id": "item", "stateId": "rev"})
    with pytest.raises(NotPermitted):
        await attach_target(services(review(*tasks)), PROJECT, item, category=None, task_id=None)


@pytest.mark.parametrize("state", ["draft", "sbc-1", "mgr-1", "rev"])
async def test_a_final_response_is_left_to_acc_from_every_state_though_its_list_lacks_it(state):
    create = {"id": "Attachment::create", "fields": {"categoryId": []} if state == "draft" else {}}
    item = Item.model_validate({"id": "item", "stateId": state, "permittedActions": [create]})
    where = await attach_target(services(review(MINE)), PROJECT, item, category="final_response", task_id=None)
    assert (where.category, where.category_id) == ("final_response", "4")
