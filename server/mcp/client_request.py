"""One request of a client, in either era of the protocol, as tools, elicitations and tasks need it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp.server import ServerRequestContext
from mcp_types import ClientCapabilities, InputResponseRequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from tools.core.context import ServicesProvider


@dataclass(frozen=True)
class ClientRequest:
    """The SDK's context of a request, and what the client answered where it repeats one."""

    context: ServerRequestContext[ServicesProvider, Any]
    params: InputResponseRequestParams

    @property
    def is_stateless(self) -> bool:
        """Whether it came by a protocol on which the server cannot ask: a call is answered with the question."""
        return self.context.protocol_version in MODERN_PROTOCOL_VERSIONS

    @property
    def capabilities(self) -> ClientCapabilities:
        """What the client declared; nothing where it declared nothing."""
        return self.context.session.client_capabilities or ClientCapabilities()

    @property
    def input_responses(self) -> Mapping[str, Any]:
        """The person's answers, by question."""
        return self.params.input_responses or {}
