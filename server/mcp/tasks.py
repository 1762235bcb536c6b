"""The tasks extension of protocol 2026-07-28, `io.modelcontextprotocol/tasks`: `tasks/get`, `update` and `cancel`.

The SDK carries extensions and leaves this one to its users. Older protocols cannot carry a task, so there the methods
do not exist. What a task is, `tools.attachments.tasks` says.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from mcp.server.mcpserver import require_client_extension
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, SERVER_INFO_META_KEY, GetTaskRequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from server.mcp.client_request import ClientRequest
from server.mcp.tool_adapter import tool_result
from tools import get_attachment_status
from tools.attachments.tasks import AttachmentTask, DeferredResult, JobTask, NoSuchTask, Task, progress_text, read_task
from tools.core.context import Services, ServicesProvider, ToolCall
from tools.core.dispatch import dispatch, error_result
from tools.core.policy import CallDeadline, ToolPolicy
from tools.core.results import AttachmentResult, ErrorResult, ToolResult

if TYPE_CHECKING:
    from transfers.jobs.base import Job
    from transfers.jobs.rows import JobRow

IDENTIFIER: Final = "io.modelcontextprotocol/tasks"

Status = Literal["working", "completed", "cancelled"]

_ATTACH = "add_submittal_attachment"


def add_tasks(server: Server[Any], policy: ToolPolicy) -> None:
    """Let `server` advertise the extension and answer its three methods."""
    server.extensions[IDENTIFIER] = {}
    for method, handler in {"tasks/get": get_task, "tasks/update": _update_task, "tasks/cancel": _cancel}.items():
        server.add_request_handler(method, GetTaskRequestParams, _handled(server, policy, handler))


def client_supports_tasks(request: ClientRequest) -> bool:
    """Whether the client says with this very call that it understands tasks; earlier protocols cannot carry them."""
    return request.is_stateless and IDENTIFIER in (request.capabilities.extensions or {})


def created_task(answer: DeferredResult) -> dict[str, Any]:
    """Return the `CreateTaskResult` of the extension."""
    return {"resultType": "task", **_payload(read_task(answer.task_id), "working", answer.message)}


def _handled(
    server: Server[Any],
    policy: ToolPolicy,
    handler: Callable[[Services, Task], Awaitable[dict[str, Any]]],
) -> Callable[[ServerRequestContext[ServicesProvider, Any], GetTaskRequestParams], Awaitable[dict[str, Any]]]:
    async def handle(
        context: ServerRequestContext[ServicesProvider, Any], params: GetTaskRequestParams
    ) -> dict[str, Any]:
        if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            raise MCPError(METHOD_NOT_FOUND, "Method not found", context.method)
        require_client_extension(context, IDENTIFIER)
        deadline = CallDeadline(policy.max_wait_seconds)
        answer: dict[str, Any] = {}
        with deadline.scope:
            try:
                answer = await handler(await context.lifespan_context.services(), read_task(params.task_id))
            except NoSuchTask:
                raise MCPError(INVALID_PARAMS, "There is no such task.") from None
        if deadline.scope.cancelled_caught:
            raise _not_now(error_result(deadline.error(), policy, _call(_ATTACH, {})))
        if "result" in answer:  # the SDK says who answers in every result, but knows nothing of this one
            answer["result"]["_meta"] = {SERVER_INFO_META_KEY: server.server_info_stamp}
        return answer

    return handle


async def _update_task(services: Services, task: Task) -> dict[str, Any]:
    """Acknowledge input: no task of ours asks for any, so there is nothing that it could answer."""
    await get_task(services, task)
    return {}


async def _cancel(services: Services, task: Task) -> dict[str, Any]:
    await cancel_task(services, task)
    return {}


async def get_task(services: Services, task: Task) -> dict[str, Any]:
    """Return a task as it stands now, with the tool's answer once there is one.

    Raises:
        NoSuchTask: No task has that id, or it is another user's.
        MCPError: It cannot be looked at now; the data hold the error as a tool would answer it.
    """
    try:
        return await (
            _look_at_job(services, task) if isinstance(task, JobTask) else _look_at_attachment(services, task, task)
        )
    except (NoSuchTask, MCPError):
        raise
    except Exception as error:
        raise _not_now(error_result(error, services.policy, _call(_ATTACH, {}))) from error


async def cancel_task(services: Services, task: Task) -> None:
    """Cancel the job of the task that began it. A task that only waits cannot cancel it.

    Raises:
        NoSuchTask: No task has that id, or it is another user's.
        MCPError: It cannot be found out now.
    """
    if isinstance(task, JobTask):
        try:
            row, _ = await _job(services, task)
        except NoSuchTask:
            raise
        except Exception as error:
            raise _not_now(error_result(error, services.policy, _call(_ATTACH, {}))) from error
        if not task.joined:
            await services.transfers.cancel(row.id)


async def _look_at_job(services: Services, task: JobTask) -> dict[str, Any]:
    from transfers.jobs.rows import CANCELLED

    row, job = await _job(services, task)
    if row.status == CANCELLED:
        return _payload(task, "cancelled", "cancelled", row.updated)
    if not job.running and job.error is None and job.has_pending_work and not services.policy.read_only:
        await services.transfers.runner.start(job)  # its process is gone
    if job.running:
        return _payload(task, "working", progress_text(job), row.updated)
    answer = await _answer(services, task, job)
    if task.waits and isinstance(answer, AttachmentResult) and answer.attachment.state == "processing":
        target = job.destination
        return await _look_at_attachment(
            services, task, AttachmentTask(task.began, target.project_id, target.item_id, job.reserved.id)
        )
    return _payload(task, "completed", job.state, row.updated, _result(answer))


async def _answer(services: Services, task: JobTask, job: "Job") -> ToolResult:
    from tools.attachments.status import attachment_result
    from transfers.jobs.runner import WaitOptions
    from transfers.manager import AttachResult

    async def nothing(_: "Job") -> None: ...

    call = _call(_ATTACH, arguments_of(job))
    try:
        ended = await services.transfers.runner.wait(job, WaitOptions(0, nothing))
        return await attachment_result(services, call, AttachResult(ended, task.joined or ended is not job))
    except Exception as error:
        explained = error_result(error, services.policy, call)
        if explained is None:
            raise
        return explained


async def _job(services: Services, task: JobTask) -> "tuple[JobRow, Job]":
    from acc.errors import Forbidden, MissingScope, NotFound

    found = await services.transfers.by_id(task.job_id)
    if found is None or found[0].base_url != services.acc.hosts.api:
        raise NoSuchTask
    row, _ = found
    try:
        person = await services.resolver.me(row.project_id)
    except MissingScope:
        raise
    except (Forbidden, NotFound):  # in a project that this person is not in, the job is another one's
        raise NoSuchTask from None
    if row.person_id != person.id:
        raise NoSuchTask
    services.policy.check_project(row.project_id)
    return found


async def _look_at_attachment(services: Services, task: Task, looked_at: AttachmentTask) -> dict[str, Any]:
    """Look how far ACC is with an attachment, for the `task` that waits for it."""
    from tools.attachments.following import is_in_progress

    definition = get_attachment_status.DEFINITION
    _, answer = await dispatch(definition, services, _call(definition.name, looked_at.arguments), looked_at.arguments)
    if isinstance(answer, ErrorResult):
        if answer.error.code in ("not_signed_in", "reauthorization_required"):
            raise _not_now(answer)
        if answer.error.retryable:
            return _payload(task, "working", answer.error.message)
    elif isinstance(answer, AttachmentResult) and is_in_progress(answer):
        return _payload(task, "working", answer.attachment.state)
    return _payload(task, "completed", "", result=_result(answer))


def arguments_of(job: "Job") -> dict[str, Any]:
    """Return the arguments of `add_submittal_attachment` that ask for the same again."""
    from transfers.jobs.linked_file import LinkedFileJob
    from transfers.jobs.local_file import LocalFileJob

    target = job.destination
    source: dict[str, Any] = {"upload_by_caller": True}
    if isinstance(job, LocalFileJob):
        source = {"file_path": job.path}
    elif isinstance(job, LinkedFileJob):
        source = {"file_urn": job.version_urn}
    chosen = {
        "name": job.name,
        "category": target.category if target.category_id else None,
        "task_id": target.task_id,
        "idempotency_key": job.key,
    }
    place = {"project": target.project_id, "submittal": target.item_id}
    return place | source | {name: value for name, value in chosen.items() if value is not None}


def _result(answer: ToolResult) -> dict[str, Any]:
    return tool_result(answer).model_dump(mode="json", by_alias=True, exclude_none=True)


def _not_now(answer: ErrorResult | None) -> MCPError:
    if answer is None:
        return MCPError(INTERNAL_ERROR, "submittal-mcp failed; its log tells why.")
    return MCPError(
        INTERNAL_ERROR, f"{answer.error.message} {answer.error.hint}", {"error": answer.error.model_dump(mode="json")}
    )


def _call(tool: str, arguments: dict[str, Any]) -> ToolCall:
    async def no_progress(_done: float, _total: float | None, _message: str) -> None:
        """Discard progress: `tasks/get` reports it."""

    return ToolCall(tool, arguments, no_progress)


def _payload(
    task: Task, status: Status, message: str, updated: float | None = None, result: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a task as the extension describes one; no time is set at which it would be thrown away."""
    return {
        "taskId": task.id,
        "status": status,
        "statusMessage": message,
        "createdAt": _stamp(task.began),
        "lastUpdatedAt": _stamp(max(task.began, updated or 0)),
        "ttlMs": None,
        "pollIntervalMs": task.poll_ms,
        **({"result": result} if result is not None else {}),
    }


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
