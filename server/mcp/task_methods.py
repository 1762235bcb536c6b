"""The methods of the tasks extension: `tasks/get`, `tasks/update` and `tasks/cancel` of protocol 2026-07-28.

The SDK carries extensions and leaves this one to whoever wants it. Older protocols cannot carry a task, so there the
methods do not exist.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from mcp import MCPError
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import Extension, MethodBinding, require_client_extension
from mcp_types import INVALID_PARAMS, GetTaskRequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from server.mcp.lazy_desk import LazyDesk
from tools.desk import Desk
from tools.tasks import IDENTIFIER, NoSuchTask, Task, read_task

_VERSIONS: Final = frozenset(MODERN_PROTOCOL_VERSIONS)

Handler = Callable[[Desk, Task], Awaitable[dict[str, Any]]]


class TasksExtension(Extension):
    """Tasks for clients that declare the extension; `tools.tasks` says what they are."""

    identifier = IDENTIFIER

    def methods(self) -> Sequence[MethodBinding]:
        """Return the three methods."""
        handlers = {"tasks/get": _get, "tasks/update": _update, "tasks/cancel": _cancel}
        return [
            MethodBinding(method, GetTaskRequestParams, _handled(handler), protocol_versions=_VERSIONS)
            for method, handler in handlers.items()
        ]


def _handled(handler: Handler) -> Callable[[ServerRequestContext[Any, Any], Any], Awaitable[dict[str, Any]]]:
    async def handle(context: ServerRequestContext[LazyDesk, Any], params: GetTaskRequestParams) -> dict[str, Any]:
        require_client_extension(context, IDENTIFIER)
        try:
            return await handler(await context.lifespan_context.opened(), read_task(params.task_id))
        except NoSuchTask:
            raise MCPError(INVALID_PARAMS, "There is no such task.") from None

    return handle


async def _get(desk: Desk, task: Task) -> dict[str, Any]:
    from server.mcp.task_looks import get_task

    return await get_task(desk, task)


async def _update(desk: Desk, task: Task) -> dict[str, Any]:
    """Acknowledge input: no task of ours asks for any, so there is nothing that it could answer."""
    await _get(desk, task)
    return {}


async def _cancel(desk: Desk, task: Task) -> dict[str, Any]:
    from server.mcp.task_looks import cancel_task

    await cancel_task(desk, task)
    return {}
