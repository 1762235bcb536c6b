"""The course of a review: steps from a template, starting and resetting them, closing tasks (fact sheet 4, 6)."""

from __future__ import annotations

import uuid

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, RequestContext, Response
from acc_sandbox.http.router import SUBMITTALS
from acc_sandbox.http.validation import BodySchema, flag, identifier, list_of, text
from acc_sandbox.state.clock import days_after
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.access import Membership, submittals_member, visible_item
from acc_sandbox.submittals.item_fields import check_choice
from acc_sandbox.submittals.items import stored_item
from acc_sandbox.submittals.permitted_actions import require_action
from acc_sandbox.submittals.processing import duplicate
from acc_sandbox.submittals.schemas import TASK
from acc_sandbox.submittals.states import STATUS_OF_STATE, court
from acc_sandbox.submittals.steps import find_step, find_task, task_json

_UNANSWERED = {
    **dict.fromkeys(("responseId", "responseComment", "respondedAt", "respondedBy"), None),
    **dict.fromkeys(("startedAt", "completedAt", "completedBy", "stepDueDate"), None),
}

_CLOSING = BodySchema(
    {
        "responseId": identifier,
        "responseComment": text,
        "duplicateAttachments": list_of(identifier),
        "saveAttachmentDrafts": flag,
    },
    ("responseId",),
)


def steps_from_template(call: RequestContext, member: Membership, item_id: str, template_id: str) -> None:
    """Give an item the steps and tasks of a review template; `RefusedError` (400) for an unknown one."""
    template = call.sandbox.store.row(
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
        call.sandbox.store.insert("steps", {"id": step_id, **plan, **shared})
        for position, task in enumerate(step["tasks"], start=1):
            assigned = {name: task[name] for name in ("assignedTo", "assignedToType", "isRequired")}
            row = {"id": str(uuid.uuid4()), "stepId": step_id, "position": position, **assigned, **shared}
            call.sandbox.store.insert("tasks", row)


def start_step(call: RequestContext, step: Row, due: str | None = None) -> str:
    """Begin a step and its tasks; its due date, which is `daysToRespond` from now unless given."""
    due = due or days_after(call.now, step["daysToRespond"])
    who = call.person.autodesk_id
    started = {"status": "in-progress", "startedAt": call.moment, "completedAt": None}
    stamps = {"updatedAt": call.moment, "updatedBy": who}
    store = call.sandbox.store
    store.update("steps", step["id"], {**started, "dueDate": due, **stamps})
    for task in store.rows("SELECT id FROM tasks WHERE stepId = ?", step["id"]):
        store.update("tasks", task["id"], {**_UNANSWERED, **started, "stepDueDate": due, **stamps})
    return due


def next_step(sandbox: SandboxState, item: Row) -> Row:
    """The first step that is still to be answered. Raises `RefusedError` (400) for an item without steps."""
    steps = _steps(sandbox, item)
    return next((step for step in steps if step["status"] != "completed"), steps[0])


def returned_step(sandbox: SandboxState, item: Row) -> Row:
    """The step to which a finished review returns. Raises `RefusedError` (400) for an item without steps."""
    return _steps(sandbox, item)[-1 if sandbox.switches.return_for_review == "last_step" else 0]


def reset_open_steps(sandbox: SandboxState, item: Row) -> None:
    """Take back what is in progress: the item leaves its review before the end."""
    for table in ("steps", "tasks"):
        for row in sandbox.store.rows(
            f"SELECT id FROM {table} WHERE itemId = ? AND status = 'in-progress'",  # noqa: S608  # two fixed names
            item["id"],
        ):
            sandbox.store.update(table, row["id"], {"status": "not-started", "startedAt": None})


def take_back(sandbox: SandboxState, item: Row) -> None:
    """The item returns to its manager out of a review: all tasks are reset, or only the open ones."""
    if sandbox.switches.return_to_manager == "reset":
        reset_steps(sandbox, item)
    else:
        reset_open_steps(sandbox, item)


def reset_steps(sandbox: SandboxState, item: Row) -> None:
    """Reset every step and task to unanswered."""
    blank = {"status": "not-started", "startedAt": None, "completedAt": None}
    for step in sandbox.store.rows("SELECT id FROM steps WHERE itemId = ?", item["id"]):
        sandbox.store.update("steps", step["id"], {**blank, "dueDate": None})
    for task in sandbox.store.rows("SELECT id FROM tasks WHERE itemId = ?", item["id"]):
        sandbox.store.update("tasks", task["id"], {**blank, **_UNANSWERED})


def open_tasks(sandbox: SandboxState, item: Row) -> list[Row]:
    """Tasks in progress."""
    return sandbox.store.rows("SELECT * FROM tasks WHERE itemId = ? AND status = 'in-progress'", item["id"])


def close_task(call: RequestContext) -> Response:
    """POST tasks/:taskId:close: answer a task; the last required one moves the review on."""
    member = submittals_member(call)
    item = visible_item(call, member)
    step = find_step(call, item)
    task = find_task(call, step)
    require_action(task_json(call.sandbox, member, task)["permittedActions"], "Task::close")
    body = call.read_body(_CLOSING)
    store, who = call.sandbox.store, member.person.autodesk_id
    check_choice(call.sandbox, member, "responseId", "responses", body["responseId"])
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
    duplicate(call.sandbox, item, copies, target=target, who=who, moment=call.moment)
    return Response(task_json(call.sandbox, member, find_task(call, step)))


def _move_on(call: RequestContext, item: Row, step: Row, who: str) -> str:
    """End the step, the review, or neither; the state that the item is in afterwards."""
    store = call.sandbox.store
    changes: Row = {"updatedAt": call.moment, "updatedBy": who}
    state = "rev"
    if _is_answered(call.sandbox, step):
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
    changes |= court(state, item, open_tasks(call.sandbox, item), call.sandbox.people)
    store.update("items", item["id"], changes)
    return str(stored_item(call.sandbox, item["id"])["stateId"])


def _is_answered(sandbox: SandboxState, step: Row) -> bool:
    """Whether every required task (every task, where none is required) has been closed."""
    tasks = sandbox.store.rows("SELECT status, isRequired FROM tasks WHERE stepId = ?", step["id"])
    needed = [task for task in tasks if task["isRequired"]] or tasks
    return all(task["status"] == "completed" for task in needed)


def _steps(sandbox: SandboxState, item: Row) -> list[Row]:
    steps = sandbox.store.rows("SELECT * FROM steps WHERE itemId = ? ORDER BY stepNumber", item["id"])
    if not steps:
        raise RefusedError(400, "The item has no review steps")
    return steps


OPERATIONS = (
    ApiOperation(
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
