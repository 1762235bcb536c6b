"""The course of a review: steps from a template, starting and resetting them, closing tasks (fact sheet 4, 6)."""

from __future__ import annotations

import uuid

from acc_sandbox.http.body_schema import Fields, flag, identifier, list_of, text
from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import Answer, Call, Operation
from acc_sandbox.http.router import SUBMITTALS
from acc_sandbox.http.validation import read_body
from acc_sandbox.state.clock import days_after
from acc_sandbox.state.sandbox_state import World
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.access import Membership, submittals_member, visible_item
from acc_sandbox.submittals.court import court
from acc_sandbox.submittals.items import stored_item
from acc_sandbox.submittals.permitted_actions import need
from acc_sandbox.submittals.processing import duplicate
from acc_sandbox.submittals.schemas import TASK
from acc_sandbox.submittals.states import STATUS_OF_STATE
from acc_sandbox.submittals.steps import find_step, find_task, task_json

_UNANSWERED = {
    **dict.fromkeys(("responseId", "responseComment", "respondedAt", "respondedBy"), None),
    **dict.fromkeys(("startedAt", "completedAt", "completedBy", "stepDueDate"), None),
}

_CLOSING = Fields(
    {
        "responseId": identifier,
        "responseComment": text,
        "duplicateAttachments": list_of(identifier),
        "saveAttachmentDrafts": flag,
    },
    ("responseId",),
)


def steps_from_template(call: Call, member: Membership, item_id: str, template_id: str) -> None:
    """Give an item the steps and tasks of a review template; `RefusedError` (400) for an unknown one."""
    template = call.world.store.row(
        "SELECT * FROM templates WHERE id = ? AND projectId = ?", template_id, member.project_id
    )
    if template is None:
        raise RefusedError(400, '"templateId" does not exist in this project')
    who = member.person.autodesk_id
    shared = {
        "itemId": item_id,
        "status": "not-started",
        "createdAt": call.moment,
        "createdBy": who,
        "updatedAt": call.moment,
        "updatedBy": who,
    }
    for step in template["steps"]:
        step_id = str(uuid.uuid4())
        plan = {name: step[name] for name in ("stepNumber", "daysToRespond")}
        call.world.store.insert("steps", {"id": step_id, **plan, **shared})
        for position, task in enumerate(step["tasks"], start=1):
            assigned = {name: task[name] for name in ("assignedTo", "assignedToType", "isRequired")}
            row = {"id": str(uuid.uuid4()), "stepId": step_id, "position": position, **assigned, **shared}
            call.world.store.insert("tasks", row)


def start_step(call: Call, step: Row, due: str | None = None) -> str:
    """Begin a step and its tasks; its due date, which is `daysToRespond` from now unless given."""
    due = due or days_after(call.now, step["daysToRespond"])
    who = call.person.autodesk_id
    started = {"status": "in-progress", "startedAt": call.moment, "completedAt": None}
    stamps = {"updatedAt": call.moment, "updatedBy": who}
    store = call.world.store
    store.update("steps", step["id"], {**started, "dueDate": due, **stamps})
    for task in store.rows("SELECT id FROM tasks WHERE stepId = ?", step["id"]):
        store.update("tasks", task["id"], {**_UNANSWERED, **started, "stepDueDate": due, **stamps})
    return due


def next_step(world: World, item: Row) -> Row:
    """The first step that is still to be answered. Raises `RefusedError` (400) for an item without steps."""
    steps = _steps(world, item)
    return next((step for step in steps if step["status"] != "completed"), steps[0])


def returned_step(world: World, item: Row) -> Row:
    """The step to which a finished review returns. Raises `RefusedError` (400) for an item without steps."""
    return _steps(world, item)[-1 if world.switches.return_for_review == "last_step" else 0]


def reset_open_steps(world: World, item: Row) -> None:
    """Take back what is in progress: the item leaves its review before the end."""
    for table in ("steps", "tasks"):
        for row in world.store.rows(
            f"SELECT id FROM {table} WHERE itemId = ? AND status = 'in-progress'",  # noqa: S608  # two fixed names
            item["id"],
        ):
            world.store.update(table, row["id"], {"status": "not-started", "startedAt": None})


def take_back(world: World, item: Row) -> None:
    """The item returns to its manager out of a review: everything is to be answered anew, or only what is open."""
    if world.switches.return_to_manager == "reset":
        reset_steps(world, item)
    else:
        reset_open_steps(world, item)


def reset_steps(world: World, item: Row) -> None:
    """Begin anew: every step and task as if nobody had answered."""
    blank = {"status": "not-started", "startedAt": None, "completedAt": None}
    for step in world.store.rows("SELECT id FROM steps WHERE itemId = ?", item["id"]):
        world.store.update("steps", step["id"], {**blank, "dueDate": None})
    for task in world.store.rows("SELECT id FROM tasks WHERE itemId = ?", item["id"]):
        world.store.update("tasks", task["id"], {**blank, **_UNANSWERED})


def open_tasks(world: World, item: Row) -> list[Row]:
    """Tasks in progress."""
    return world.store.rows("SELECT * FROM tasks WHERE itemId = ? AND status = 'in-progress'", item["id"])


def close_task(call: Call) -> Answer:
    """POST tasks/:taskId:close: answer a task; the last required one moves the review on."""
    member = submittals_member(call)
    item = visible_item(call, member)
    step = find_step(call, item)
    task = find_task(call, step)
    need(task_json(call.world, member, task)["permittedActions"], "Task::close")
    body = read_body(call, _CLOSING)
    store, who = call.world.store, member.person.autodesk_id
    if not store.value("SELECT 1 FROM responses WHERE id = ? AND projectId = ?", body["responseId"], member.project_id):
        raise RefusedError(400, '"responseId" does not exist in this project')
    store.update(
        "tasks",
        task["id"],
        {
            "status": "completed",
            "completedAt": call.moment,
            "completedBy": who,
            "responseId": body["responseId"],
            "responseComment": body.get("responseComment", ""),
            "respondedAt": call.moment,
            "respondedBy": who,
            "updatedAt": call.moment,
            "updatedBy": who,
        },
    )
    target = _move_on(call, item, step, who)
    copies = body.get("duplicateAttachments", [])
    duplicate(call.world, item, copies, target=target, who=who, moment=call.moment)
    return Answer(task_json(call.world, member, find_task(call, step)))


def _move_on(call: Call, item: Row, step: Row, who: str) -> str:
    """End the step, the review, or neither; the state that the item is in afterwards."""
    store = call.world.store
    changes: Row = {"updatedAt": call.moment, "updatedBy": who}
    state = "rev"
    if _is_answered(call.world, step):
        done = {"status": "completed", "completedAt": call.moment}
        store.update("steps", step["id"], {**done, **changes})
        for task in store.rows("SELECT id FROM tasks WHERE stepId = ? AND status != 'completed'", step["id"]):
            store.update("tasks", task["id"], {**done, **changes})
        following = store.row(
            "SELECT * FROM steps WHERE itemId = ? AND stepNumber > ? ORDER BY stepNumber",
            item["id"],
            step["stepNumber"],
        )
        if following is not None:
            changes["dueDate"] = start_step(call, following)
        else:
            state = "mgr-2"
            changes |= {"stateId": state, "statusId": STATUS_OF_STATE[state], "receivedFromReview": call.moment}
            changes["dueDate"] = item["managerDueDate"]
    changes |= court(state, item, open_tasks(call.world, item), call.world.people)
    store.update("items", item["id"], changes)
    return str(stored_item(call.world, item["id"])["stateId"])


def _is_answered(world: World, step: Row) -> bool:
    """Whether every required task (every task, where none is required) has been closed."""
    tasks = world.store.rows("SELECT status, isRequired FROM tasks WHERE stepId = ?", step["id"])
    needed = [task for task in tasks if task["isRequired"]] or tasks
    return all(task["status"] == "completed" for task in needed)


def _steps(world: World, item: Row) -> list[Row]:
    steps = world.store.rows("SELECT * FROM steps WHERE itemId = ? ORDER BY stepNumber", item["id"])
    if not steps:
        raise RefusedError(400, "The item has no review steps")
    return steps


OPERATIONS = (
    Operation(
        "tasks.close",
        "POST",
        f"{SUBMITTALS}/items/{{itemId}}/steps/{{stepId}}/tasks/{{taskId}}:close",
        close_task,
        "submittals",
        ("data:write",),
        fields=_CLOSING,
        answers={200: TASK},
    ),
)
