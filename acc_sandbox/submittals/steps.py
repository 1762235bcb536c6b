"""Review steps and tasks as they are read (fact sheet 4)."""

from __future__ import annotations

from typing import Any

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, Handler, RequestContext, Response
from acc_sandbox.http.pagination import HUNDRED, ListDefinition, SqlCondition, find_page, page_answer
from acc_sandbox.http.router import SUBMITTALS
from acc_sandbox.http.schemas import ObjectSchema
from acc_sandbox.state.sandbox_state import SandboxState
from acc_sandbox.state.store import Row
from acc_sandbox.submittals.access import Membership, may_close, submittals_member, visible_item
from acc_sandbox.submittals.permitted_actions import step_actions, task_actions
from acc_sandbox.submittals.schemas import REVISION_STEP, REVISION_TASK, STEP, TASK, page_shape

_STEPS = ListDefinition(
    "steps", HUNDRED, {"stepNumber": "stepNumber", "id": "id"}, default_sort="stepNumber asc", filters={}
)
_TASKS = ListDefinition("tasks", HUNDRED, {"position": "position"}, default_sort="position asc", filters={})


def step_json(sandbox: SandboxState, member: Membership, step: Row) -> dict[str, Any]:
    """A step with its tasks."""
    tasks = sandbox.store.rows("SELECT * FROM tasks WHERE stepId = ? ORDER BY position", step["id"])
    return STEP.of(
        step,
        tasks=[task_json(sandbox, member, task) for task in tasks],
        permittedActions=step_actions(manages=member.manages),
    )


def task_json(sandbox: SandboxState, member: Membership, task: Row) -> dict[str, Any]:
    """A task; `Task::close` is listed while it is open, for those who may answer it."""
    closable = task["status"] == "in-progress" and may_close(sandbox, member, task)
    return TASK.of(task, permittedActions=task_actions(may_close=closable, manages=member.manages))


def find_step(call: RequestContext, item: Row) -> Row:
    """The step of the path. Raises `RefusedError` (404)."""
    step = call.sandbox.store.row(
        "SELECT * FROM steps WHERE id = ? AND itemId = ?", call.path["stepId"].lower(), item["id"]
    )
    if step is None:
        raise RefusedError(404, "The review step was not found")
    return step


def find_task(call: RequestContext, step: Row) -> Row:
    """The task of the path. Raises `RefusedError` (404)."""
    task = call.sandbox.store.row(
        "SELECT * FROM tasks WHERE id = ? AND stepId = ?", call.path["taskId"].lower(), step["id"]
    )
    if task is None:
        raise RefusedError(404, "The review task was not found")
    return task


def revision_steps(sandbox: SandboxState, item: Row) -> list[dict[str, Any]]:
    """Steps and tasks as the history shows them, with `stepId` and `taskId` for ids (fact sheet 2.8)."""
    shown = []
    for step in sandbox.store.rows("SELECT * FROM steps WHERE itemId = ? ORDER BY stepNumber", item["id"]):
        tasks = sandbox.store.rows("SELECT * FROM tasks WHERE stepId = ? ORDER BY position", step["id"])
        answers = [REVISION_TASK.of(task, taskId=task["id"], revision=item["revision"]) for task in tasks]
        shown.append(REVISION_STEP.of(step, stepId=step["id"], revision=item["revision"], tasks=answers))
    return shown


def list_steps(call: RequestContext) -> Response:
    """GET /items/:itemId/steps."""
    member = submittals_member(call)
    item = visible_item(call, member)
    page = find_page(call, _STEPS, [SqlCondition("itemId = ?", (item["id"],))])
    return page_answer(call, page, [step_json(call.sandbox, member, row) for row in page.rows])


def get_step(call: RequestContext) -> Response:
    """GET /items/:itemId/steps/:stepId."""
    member = submittals_member(call)
    return Response(step_json(call.sandbox, member, find_step(call, visible_item(call, member))))


def list_tasks(call: RequestContext) -> Response:
    """GET /items/:itemId/steps/:stepId/tasks."""
    member = submittals_member(call)
    step = find_step(call, visible_item(call, member))
    page = find_page(call, _TASKS, [SqlCondition("stepId = ?", (step["id"],))])
    return page_answer(call, page, [task_json(call.sandbox, member, row) for row in page.rows])


def get_task(call: RequestContext) -> Response:
    """GET /items/:itemId/steps/:stepId/tasks/:taskId."""
    member = submittals_member(call)
    task = find_task(call, find_step(call, visible_item(call, member)))
    return Response(task_json(call.sandbox, member, task))


_STEPS_PATH = f"{SUBMITTALS}/items/{{itemId}}/steps"
_TASKS_PATH = f"{_STEPS_PATH}/{{stepId}}/tasks"


def _read(
    name: str, path: str, handler: Handler, answer: ObjectSchema, listing: ListDefinition | None = None
) -> ApiOperation:
    query = () if listing is None else listing.parameters()
    return ApiOperation(name, "GET", path, handler, "submittals", ("data:read",), query=query, answers={200: answer})


OPERATIONS = (
    _read("steps.list", _STEPS_PATH, list_steps, page_shape(STEP), _STEPS),
    _read("steps.get", f"{_STEPS_PATH}/{{stepId}}", get_step, STEP),
    _read("tasks.list", _TASKS_PATH, list_tasks, page_shape(TASK), _TASKS),
    _read("tasks.get", f"{_TASKS_PATH}/{{taskId}}", get_task, TASK),
)
