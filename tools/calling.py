"""Carrying out a tool's call, whoever makes it: an assistant over MCP, or a person's command line.

What a person or an agent can act on becomes an answer; a fault of ours stays an exception.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tools.arguments import read_arguments
from tools.desk import Call, Desk
from tools.results import ErrorResult, Result

if TYPE_CHECKING:
    from tools.definition import Definition


async def carried_out(
    definition: "Definition[Any]", desk: Desk, call: Call, arguments: dict[str, Any]
) -> tuple[Call, Result]:
    """Do what a tool does and return its answer, and the call with the arguments as they were understood.

    Raises:
        Exception: A fault of ours, which nobody who calls can act on.
    """
    try:
        if definition.writes:
            desk.policy.check_writing()
        chosen = read_arguments(definition.arguments, arguments)
        call = replace(call, arguments=chosen.given())
        result: Result = await definition.run(desk, call, chosen)
    except Exception as error:
        answer = refusal(error, desk, call)
        if answer is None:
            raise
        return call, answer
    return call, result


def refusal(error: Exception, desk: Desk, call: Call) -> ErrorResult | None:
    """Return what a failed call answers; None for a fault of ours."""
    from tools.explaining import explain
    from tools.recovery import Failure, after_failure
    from tools.words import CALL_AGAIN

    explained = explain(error)
    if explained is None:
        return None
    body = explained.body
    failure = Failure(body.code, call.tool, call.arguments, explained.again, explained.uploading, explained.standing)
    steps = after_failure(failure, desk.policy.surroundings)
    # What ended while nobody waited is gone on with by its step; looking at it again would move nothing.
    tool = steps[0].tool if explained.standing is not None and steps else call.tool
    hint = body.hint.replace(CALL_AGAIN, f"Call {tool} again")
    return ErrorResult(error=body.model_copy(update={"hint": hint}), next_steps=steps)
