"""Explains why ACC rejected a write that it had permitted: re-reads the submittal and names what changed.

Between reading a submittal and writing to it anybody may move its state, close a task or take a permission away (fact
sheet 12), and ACC's own answer tells none of these apart.
"""

from typing import Final

from acc import operations
from acc.errors import AccError, Forbidden, RequestRejected
from acc.models.submittals import Item
from tools.attachments.preconditions import attach_target, closed, doubtful_choice
from tools.core.context import Services
from tools.errors.exceptions import NotPermitted, RetryHint, ToolError, UpstreamRejected
from tools.lookup.projects import ProjectSummary
from transfers.categories_and_states import GivenCategory
from transfers.errors import JobStopped

_FORBIDDEN: Final = 403
_REFUSED: Final = (Forbidden, RequestRejected)
_CREATE: Final = operations.ATTACHMENTS_CREATE.name
_CONFIRM: Final = operations.ATTACHMENTS_CONFIRM.name

_STATES: Final = {
    "draft": "draft",
    "sbc-1": "submit (sbc-1)",
    "mgr-1": "prepare for review (mgr-1)",
    "rev": "review (rev)",
    "mgr-2": "close and distribute (mgr-2)",
    "sbc-2": "closed (sbc-2)",
    "void": "void",
}

_IN_ACC: Final = "A person does this step in ACC itself, or asks a submittals manager; get_submittal shows the state."
_IN_ACC_SHELL: Final = "Do this step in ACC itself, or ask a submittals manager."


async def explain_rejection(
    services: Services,
    project: ProjectSummary,
    before: Item,
    error: Exception,
    *,
    category: GivenCategory | None = None,
    task_id: str | None = None,
) -> Exception:
    """After ACC rejects a write that it had permitted, re-read the item and return the error that explains why.

    `category` and `task_id` are what the caller asked for. Any other error is returned as it is.
    """
    cause = error.cause if isinstance(error, JobStopped) else error
    # The kinds of a refusal that say more than "no" need no second look.
    if type(cause) not in _REFUSED or not isinstance(cause, AccError) or cause.operation not in (_CREATE, _CONFIRM):
        return error
    try:
        now = await services.resolver.submittal(project, before.id)
        if cause.operation == _CONFIRM:
            problem: ToolError = _unconfirmed(before, now, cause.http_status)
        else:
            problem = await _unattached(services, project, before, now, cause.http_status, category, task_id)
    except AccError:
        return error  # nothing more is to be learnt now
    except ToolError as gone:
        problem = gone
    return JobStopped(problem, error.step, error.attachment_id) if isinstance(error, JobStopped) else problem


async def _unattached(
    services: Services,
    project: ProjectSummary,
    before: Item,
    now: Item,
    status: int | None,
    category: GivenCategory | None,
    task_id: str | None,
) -> ToolError:
    happened = _happened(before, now)
    try:
        target = await attach_target(services, project, now, category=category, task_id=task_id)
    except ToolError as problem:
        return problem.after(happened or "Meanwhile this person's permission or task is gone.", status)
    kind = _kind(status)
    if happened:
        return kind(
            f"{happened} ACC would take the attachment now.",
            "The same call attaches it under the rules of the new state, if that is still wanted.",
            "The same command attaches it under the rules of the new state, if that is still wanted.",
            again=RetryHint(),
            http_status=status,
        )
    doubtful = await doubtful_choice(services, project, now, target, category)
    if doubtful is not None:
        return doubtful.after("ACC refused the attachment.", status)
    message = "ACC refused the attachment, although the submittal has not changed and still permits it."
    return kind(message, _IN_ACC, _IN_ACC_SHELL, http_status=status)


def _unconfirmed(before: Item, now: Item, status: int | None) -> ToolError:
    ended = closed(now)
    if ended is not None:
        ended.hint += " Once it is open again, confirm_attachment finishes the attachment."
        ended.shell_hint += " Once it is open again, the same command finishes the attachment."
        return ended.after(_happened(before, now) or "ACC refused the confirmation.", status)
    message = f"ACC does not let this person confirm the attachment. {_happened(before, now)}"
    return _kind(status)(message.strip(), _IN_ACC, _IN_ACC_SHELL, http_status=status)


def _kind(status: int | None) -> type[NotPermitted | UpstreamRejected]:
    return NotPermitted if status == _FORBIDDEN else UpstreamRejected


def _happened(before: Item, now: Item) -> str:
    if before.state_id == now.state_id:
        return ""
    states = [_STATES.get(item.state_id or "", "another state") for item in (before, now)]
    return f"Meanwhile the submittal moved from {states[0]} to {states[1]}."
