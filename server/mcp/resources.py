"""Submittals as resources, for clients that let a person put one into the conversation.

    submittal://{project}/{submittal}               what get_submittal answers
    submittal://{project}/{submittal}/attachments   what get_attachment_status answers of all of them

Both parts of the address are ids, as tools answer them, or whatever else the tools take, percent-encoded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from mcp import MCPError
from mcp.server.mcpserver import ResourceSecurity
from mcp.shared.uri_template import UriTemplate
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    InputRequiredResult,
    ReadResourceResult,
    ResourceTemplate,
    TextResourceContents,
)

from server.mcp.client_request import ClientRequest
from server.mcp.icons import LOOK
from server.mcp.tool_adapter import ToolAdapter, compact
from tools.core.results import ErrorResult
from tools.core.text_sanitizer import clean

ReadResource = ReadResourceResult | InputRequiredResult

JSON: Final = "application/json"

_NOT_FOUND: Final = ("project_not_found", "project_not_allowed", "project_not_supported", "submittal_not_found")
_BAD_ADDRESS: Final = (*_NOT_FOUND, "invalid_arguments", "ambiguous_reference")

_OLD_NOT_FOUND: Final = -32002
"""Code of a missing resource up to protocol 2025-11-25; later versions forbid it."""


@dataclass(frozen=True)
class SubmittalResource:
    """A resource template: its URI with two slots, its texts, and the name of the tool whose answer it serves."""

    uri_template: str
    name: str
    title: str
    description: str
    answered_by: str
    arguments: tuple[tuple[str, Any], ...] = ()

    @cached_property
    def template(self) -> UriTemplate:
        """The address, ready to be matched."""
        return UriTemplate.parse(self.uri_template)

    def listed(self) -> ResourceTemplate:
        """Return it as a client is shown it."""
        return ResourceTemplate(
            uri_template=self.uri_template,
            name=self.name,
            title=self.title,
            description=self.description,
            mime_type=JSON,
            icons=LOOK,
        )


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


async def read_resource(tools: Mapping[str, ToolAdapter], request: ClientRequest, uri: str) -> ReadResource:
    """Read a resource: a call of its tool, with the tool's policy, checks and log line.

    Raises:
        MCPError: The address is none of ours, or what it names cannot be shown; its data hold the tool's whole answer.
    """
    for resource in RESOURCES:
        found = resource.template.match(uri)
        if found is not None and ResourceSecurity().validate(found) is None:
            answer = await tools[resource.answered_by].call({**found, **dict(resource.arguments)}, request)
            if isinstance(answer, ErrorResult):
                raise _read_error(answer, request, uri)
            if isinstance(answer, InputRequiredResult):
                return answer
            contents = TextResourceContents(uri=uri, text=compact(answer), mime_type=JSON)
            return ReadResourceResult(contents=[contents])
    known = " and ".join(one.uri_template for one in RESOURCES)
    raise MCPError(_not_found(request), f"No such resource. There are {known}.", {"uri": clean(uri)})


def _read_error(answer: ErrorResult, request: ClientRequest, uri: str) -> MCPError:
    error = answer.error
    if error.code in _NOT_FOUND:
        code = _not_found(request)
    else:
        code = INVALID_PARAMS if error.code in _BAD_ADDRESS else INTERNAL_ERROR
    return MCPError(code, f"{error.message} {error.hint}", {"uri": uri, **answer.model_dump(mode="json")})


def _not_found(request: ClientRequest) -> int:
    return INVALID_PARAMS if request.is_stateless else _OLD_NOT_FOUND
