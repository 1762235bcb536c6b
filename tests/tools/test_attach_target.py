"""What is sent to ACC for a category: nothing where ACC would choose it by itself, its number where it would not."""

from types import SimpleNamespace
from typing import Any

import pytest

from acc.models import Item
from tools.attach_target import attach_target
from tools.project_list import KnownProject
from transfers.job import Destination

PROJECT = KnownProject("project", "Project", "hub", "Hub", "ACC")
CREATE = {"id": "Attachment::create", "fields": {"categoryId": ["1", "4"]}}


def desk() -> Any:
    async def me(_project_id: str) -> Any:
        return SimpleNamespace(id="me")

    return SimpleNamespace(finder=SimpleNamespace(me=me), acc=SimpleNamespace(hosts=SimpleNamespace(api="https://acc")))


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
    assert await attach_target(desk(), PROJECT, item, category=asked, task_id=None) == Destination(
        base_url="https://acc",
        person_id="me",
        project_id="project",
        item_id="item",
        revision=2,
        category=category,
        category_id=sent,
        task_id=None,
    )
