"""What is told of a task when its client asks, and what calling it off does."""

from typing import TYPE_CHECKING, Any

from mcp import MCPError
from mcp_types import INTERNAL_ERROR

from server.mcp.tool_adapter import tool_result
from tools import get_attachment_status
from tools.calling import carried_out, refusal
from tools.desk import Call, Desk
from tools.results import AttachmentResult, ErrorResult, Result
from tools.tasks import AttachmentTask, JobTask, NoSuchTask, Task, progress_text, task_payload

if TYPE_CHECKING:
    from transfers.job import Job
    from transfers.job_rows import JobRow

_ATTACH = "add_submittal_attachment"


async def get_task(desk: Desk, task: Task) -> dict[str, Any]:
    """Return a task as it stands now, with the tool's answer once there is one.

    Raises:
        NoSuchTask: There is none of that id, or it is somebody else's.
        MCPError: It cannot be looked at now; the data hold the error as a tool would answer it.
    """
    try:
        return await (_look_at_job(desk, task) if isinstance(task, JobTask) else _look_at_attachment(desk, task))
    except (NoSuchTask, MCPError):
        raise
    except Exception as error:
        raise _not_now(refusal(error, desk, _call(_ATTACH, {}))) from error


async def cancel_task(desk: Desk, task: Task) -> None:
    """Stop the work of a task that began it; a task that only waits has none, and nobody stops what others began.

    Raises:
        NoSuchTask: There is none of that id, or it is somebody else's.
        MCPError: It cannot be found out now.
    """
    if isinstance(task, JobTask):
        try:
            row, _ = await _job(desk, task)
        except NoSuchTask:
            raise
        except Exception as error:
            raise _not_now(refusal(error, desk, _call(_ATTACH, {}))) from error
        if not task.joined:
            await desk.transfers.call_off(row.id)


async def _look_at_job(desk: Desk, task: JobTask) -> dict[str, Any]:
    from transfers.job_rows import CANCELLED

    row, job = await _job(desk, task)
    if row.status == CANCELLED:
        return task_payload(task, "cancelled", "called off", row.updated)
    if not job.running and job.error is None and job.work_left and not desk.policy.read_only:
        await desk.transfers.jobs.start(job)  # its process is gone
    if job.running:
        return task_payload(task, "working", progress_text(job), row.updated)
    answer = await _answer(desk, task, job)
    return task_payload(task, "completed", job.state, row.updated, _result(answer))


async def _answer(desk: Desk, task: JobTask, job: "Job") -> Result:
    from tools.attachment_answers import answer
    from transfers.attaching import Outcome
    from transfers.patience import Patience

    async def nothing(_: "Job") -> None: ...

    call = _call(_ATTACH, arguments_of(job))
    try:
        ended = await desk.transfers.jobs.wait(job, Patience(0, nothing))
        return await answer(desk, call, Outcome(ended, task.joined or ended is not job))
    except Exception as error:
        explained = refusal(error, desk, call)
        if explained is None:
            raise
        return explained


async def _job(desk: Desk, task: JobTask) -> "tuple[JobRow, Job]":
    found = await desk.transfers.by_id(task.job_id)
    if found is None:
        raise NoSuchTask
    row, _ = found
    desk.policy.check_project(row.project_id)
    if (row.base_url, row.person_id) != (desk.acc.hosts.api, (await desk.finder.me(row.project_id)).id):
        raise NoSuchTask
    return found


async def _look_at_attachment(desk: Desk, task: AttachmentTask) -> dict[str, Any]:
    definition = get_attachment_status.DEFINITION
    _, answer = await carried_out(definition, desk, _call(definition.name, task.arguments), task.arguments)
    if isinstance(answer, ErrorResult):
        if answer.error.code in ("not_signed_in", "reauthorization_required"):
            raise _not_now(answer)
        if answer.error.retryable:
            return task_payload(task, "working", answer.error.message)
    elif isinstance(answer, AttachmentResult) and get_attachment_status.goes_on(answer):
        return task_payload(task, "working", answer.attachment.state)
    return task_payload(task, "completed", "", result=_result(answer))


def arguments_of(job: "Job") -> dict[str, Any]:
    """Return the arguments of `add_submittal_attachment` that ask for the same again."""
    from transfers.file_job import FileJob
    from transfers.link_job import LinkJob

    where = job.destination
    source: dict[str, Any] = {"upload_by_caller": True}
    if isinstance(job, FileJob):
        source = {"file_path": job.path}
    elif isinstance(job, LinkJob):
        source = {"file_urn": job.version_urn}
    chosen = {
        "name": job.name,
        "category": where.category if where.category_id else None,
        "task_id": where.task_id,
        "idempotency_key": job.key,
    }
    place = {"project": where.project_id, "submittal": where.item_id}
    return place | source | {name: value for name, value in chosen.items() if value is not None}


def _result(answer: Result) -> dict[str, Any]:
    return tool_result(answer).model_dump(mode="json", by_alias=True, exclude_none=True)


def _not_now(answer: ErrorResult | None) -> MCPError:
    if answer is None:
        return MCPError(INTERNAL_ERROR, "submittal-mcp failed; its log tells why.")
    return MCPError(
        INTERNAL_ERROR, f"{answer.error.message} {answer.error.hint}", {"error": answer.error.model_dump(mode="json")}
    )


def _call(tool: str, arguments: dict[str, Any]) -> Call:
    async def nobody(_done: float, _total: float | None, _message: str) -> None:
        """Whoever asks about a task hears of its progress in the answer."""

    return Call(tool, arguments, nobody)
