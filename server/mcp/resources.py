"""Submittals as resources, for clients that let a person put one into the conversation.

    submittal://{project}/{submittal}               what get_submittal answers
    submittal://{project}/{submittal}/attachments   what get_attachment_status answers of all of them

Both parts of the address are ids, as tools answer them, or whatever else the tools take, percent-encoded.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from mcp import MCPError
from mcp.server.mcpserver import Context
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, InputRequiredResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from server.mcp.tool_adapter import ToolAdapter, compact
from tools.results import ErrorResult

JSON: Final = "application/json"

Read = Callable[[str, str, Context[Any, Any]], Awaitable[str | InputRequiredResult]]

_NOT_FOUND: Final = ("project_not_found", "project_not_allowed", "project_not_supported", "submittal_not_found")
_BAD_ADDRESS: Final = (*_NOT_FOUND, "invalid_arguments", "ambiguous_reference")

_OLD_NOT_FOUND: Final = -32002
"""What the protocol up to 2025-11-25 says of a resource that is not there; later versions forbid it."""


@dataclass(frozen=True)
class SubmittalResource:
    """A kind of resource: its address with two slots, how it is known, and the tool (by name) whose answer it is."""

    uri_template: str
    name: str
    title: str
    description: str
    answered_by: str
    arguments: tuple[tuple[str, Any], ...] = ()


RESOURCES: Final = (
    SubmittalResource(
        "submittal://{project}/{submittal}",
        "submittal",
        "Submittal",
        "One submittal: state, permitted actions, categories, this person's review tasks, newest attachments.",
        "get_submittal",
    ),
    SubmittalResource(
        "submittal://{project}/{submittal}/attachments",
        "submittal_attachments",
        "Attachments of a submittal",
        "The attachments of a submittal, newest first, with upload progress and processing state.",
        "get_attachment_status",
        (("limit", 50),),
    ),
)


def reader(resource: SubmittalResource, tool: ToolAdapter) -> Read:
    """Return what reads resources of this kind: a call of the tool, with its policy, its checks and its log line."""

    async def read(project: str, submittal: str, context: Context[Any, Any]) -> str | InputRequiredResult:
        arguments = {"project": project, "submittal": submittal, **dict(resource.arguments)}
        answer = await tool.answer(arguments, context)
        if isinstance(answer, ErrorResult):
            raise refusal(answer, context)
        return answer if isinstance(answer, InputRequiredResult) else compact(answer)

    return read


def refusal(answer: ErrorResult, context: Context[Any, Any]) -> MCPError:
    """Return a failed answer as the protocol error that a resource fails with; its data hold the whole answer."""
    error = answer.error
    if error.code in _NOT_FOUND:
        code = not_found(context.protocol_version)
    else:
        code = INVALID_PARAMS if error.code in _BAD_ADDRESS else INTERNAL_ERROR
    asked = context.request_context.params or {}
    return MCPError(code, f"{error.message} {error.hint}", {"uri": asked.get("uri"), **answer.model_dump(mode="json")})


def not_found(protocol_version: str | None) -> int:
    """Return the error code of a resource that is not there."""
    return INVALID_PARAMS if protocol_version in MODERN_PROTOCOL_VERSIONS else _OLD_NOT_FOUND
