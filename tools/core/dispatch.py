"""Dispatch of a tool call, from MCP or from a command: runs the tool, and turns errors into results.

What a person or an agent can act on becomes an answer; a fault of ours stays an exception.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

from tools.core.arguments import read_arguments
from tools.core.context import Services, ToolCall
from tools.core.policy import ToolPolicy
from tools.core.results import ErrorResult, ToolResult
from tools.errors.exceptions import ToolError

if TYPE_CHECKING:
    from tools.core.context import ToolDefinition


async def dispatch(
    definition: "ToolDefinition[Any]", services: Services, call: ToolCall, arguments: dict[str, Any]
) -> tuple[ToolCall, ToolResult]:
    """Run a tool, and return its result and the call with parsed arguments.

    Raises:
        Exception: A bug of ours, which no caller can act on.
    """
    try:
        # One server, one person. A call that cannot be carried out counts too, and its own error comes first.
        too_many = services.quota.take("", writes=definition.writes) if services.quota is not None else None
        if definition.writes:
            services.policy.check_writing()
        chosen = read_arguments(definition.arguments, arguments)
        call = replace(call, arguments=chosen.given())
        if too_many is not None:
            raise too_many  # noqa: TRY301  # answered below, as every other
        result: ToolResult = await definition.run(services, call, chosen)
    except Exception as error:
        answer = error_result(error, services.policy, call)
        if answer is None:
            raise
        return call, answer
    return call, result


@overload
def error_result(error: ToolError, policy: ToolPolicy, call: ToolCall) -> ErrorResult: ...


@overload
def error_result(error: Exception, policy: ToolPolicy, call: ToolCall) -> ErrorResult | None: ...


def error_result(error: Exception, policy: ToolPolicy, call: ToolCall) -> ErrorResult | None:
    """Return the result of a failed call; None for a bug of ours."""
    from tools.errors.description import describe_error
    from tools.next_steps.after_error import FailedCall, after_failure

    found = describe_error(error)
    if found is None:
        return None
    failure = FailedCall(found.code, call.tool, call.arguments, found.row.again, found.uploading, found.status)
    steps = after_failure(failure, policy.step_context)
    # A background failure is resumed by its next step; another look would change nothing.
    tool = steps[0].tool if found.status is not None and steps else call.tool
    return ErrorResult(error=found.body(tool), next_steps=steps)
