"""One request of a client, in either era of the protocol, as tools, elicitations and tasks need it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import anyio
from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.server.context import CallNext, HandlerResult
from mcp_types import INVALID_PARAMS, ClientCapabilities, InputResponseRequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from tools.core.context import ServicesProvider
from tools.core.ports import ProgressCallback

BEAT_SECONDS: Final = 4.5
"""Heartbeat interval: a little less than half of the ten seconds within which a waiting client hears something."""

_STEP: Final = 1 / 256
"""The protocol wants every number above the last. Less than a byte, and still a step beside the bytes of 5 TiB."""


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
        """The client's declared capabilities."""
        return self.context.session.client_capabilities or ClientCapabilities()

    @property
    def input_responses(self) -> Mapping[str, Any]:
        """The person's answers, by question."""
        return self.params.input_responses or {}


async def read_parameters(ctx: ServerRequestContext[ServicesProvider, Any], call_next: CallNext) -> HandlerResult:
    """Read the parameters of a request as clients write them.

    The `arguments` of a tool call may be the text of one JSON object, or stand in one more object; blank text is none.
    A progress token that is null is none. Middleware, because the SDK validates them before a handler sees them.

    Raises:
        MCPError: The arguments are no object, and no text of one.
    """
    params = dict(ctx.params or {})
    meta = params.get("_meta")
    if isinstance(meta, Mapping) and meta.get("progressToken", "") is None:
        params["_meta"] = {name: value for name, value in meta.items() if name != "progressToken"}
    if ctx.method == "tools/call" and "arguments" in params:
        given = _without_wrapper(_read_text(params["arguments"]))
        if not isinstance(given, Mapping | None):
            raise MCPError(INVALID_PARAMS, _NO_ARGUMENTS)
        params["arguments"] = given
    return await call_next(replace(ctx, params=params) if ctx.params is not None else ctx)


def _read_text(given: Any) -> Any:
    while isinstance(given, str):
        try:
            given = json.loads(given) if given.strip() else {}
        except (ValueError, RecursionError):
            break
    return given


def _without_wrapper(given: Any) -> Any:
    """Return the arguments that stand alone in an object under one of the names that frameworks give them."""
    while isinstance(given, Mapping) and len(given) == 1:
        [(name, inner)] = given.items()
        inner = _read_text(inner)
        if name not in _WRAPPERS or not isinstance(inner, Mapping):
            break
        given = inner
    return given


_WRAPPERS: Final = frozenset({"arguments", "args", "input", "kwargs", "parameters", "params"})
"""Names under which frameworks hand on all arguments; no tool has one that is called so."""

_NO_ARGUMENTS: Final = (
    '\'arguments\' must be one JSON object that has a value for each argument, for example {"project": "Riverside"}.'
)


class ProgressReporter:
    """Reports progress of one call through `send`, in strictly increasing numbers."""

    def __init__(self, send: ProgressCallback, every: float = BEAT_SECONDS) -> None:
        self._send = send
        self._every = every
        self._done = 0.0
        self._total: float | None = None
        self._message = "working"
        self._silent = True

    async def tell(self, done: float, total: float | None, message: str) -> None:
        """Report progress; without a larger value it waits for the next heartbeat, as a new message does."""
        self._total, self._message = total, message
        if done > self._done:
            await self._tell(done)

    @asynccontextmanager
    async def heartbeat(self) -> AsyncIterator[None]:
        """While the block lasts, say again whenever nothing was said for `every` seconds that the call goes on."""
        from transfers.concurrency import background_task

        async with background_task(self._beat):
            yield

    async def _beat(self) -> None:
        while True:
            self._silent = True
            await anyio.sleep(self._every)
            if self._silent:
                await self._tell(self._done + _STEP)

    async def _tell(self, done: float) -> None:
        self._silent, self._done = False, done
        await self._send(done, self._total, self._message)
