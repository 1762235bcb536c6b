"""Putting the MCP server together, the same over stdio and HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

from server.desk import open_desk, policy_of
from server.mcp.submittal_server import SubmittalServer
from server.settings import Settings
from tools.desk import Desk

if TYPE_CHECKING:
    from acc.connection import TokenSource

Transport = Literal["stdio", "http"]


def build_server(
    settings: Settings, *, transport: Transport, tokens: "TokenSource | None" = None, person: str | None = None
) -> SubmittalServer:
    """Return the server for `settings`; nothing is opened or contacted before the first call needs it.

    `tokens` replaces what the settings say about signing in; `person` is the e-mail address of the one to serve as.
    """
    policy = policy_of(settings, local_files=transport == "stdio")

    @asynccontextmanager
    async def desk() -> AsyncIterator[Desk]:
        async with open_desk(settings, policy, tokens, person) as opened:
            yield opened

    def unfinished() -> bool:
        from server.identity import place_of

        return not settings.read_only and place_of(settings).exists()

    return SubmittalServer(policy, desk, unfinished)
