"""Sandboxes and servers that the evaluations share: one of each for all requests of an agent that can do with it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

import acc_sandbox
from server.mcp.app import build_server
from server.settings.model import Settings
from tests.conftest import KEYS, Assistant, every_tool
from tools.core.request_quota import CallQuota

from .request import Request
from .world import PLAN

UNLIMITED = CallQuota(calls=1_000_000, writes=1_000_000)
"""One person makes the calls of a hundred requests in a minute here."""


class Stand:
    """One sandbox with the servers on it; each person has a folder of files and a server of their own."""

    def __init__(self, box: acc_sandbox.Sandbox, folder: Path, data: Path, mode: str, stack: AsyncExitStack) -> None:
        self.box = box
        self.folder = folder
        self._data = data
        self._mode = mode
        self._stack = stack
        self._assistants: dict[str, Assistant] = {}

    async def assistant(self, request: Request, settings: dict[str, Any], person: str) -> Assistant:
        """Return an assistant of `person` at a server with the request's settings."""
        transport = "http" if request.http else "stdio"
        key = json.dumps([person, transport, request.no_folder, settings])
        if key not in self._assistants:
            downloads = self.folder.parent / "downloads"
            downloads.mkdir(exist_ok=True)
            loaded = Settings.load(
                base_url=self.box.base_url,
                access_token=None if person == "no-user" else self.box.token(person),
                folders=() if request.no_folder or request.http else (self.folder,),
                downloads=None if request.http else downloads,
                data_dir=self._data,
                encryption_keys=KEYS,
                **settings,
            )
            client = Client(build_server(loaded, transport=transport, quota=UNLIMITED), mode=self._mode)
            opened = await self._stack.enter_async_context(client)
            self._assistants[key] = Assistant(opened, every_tool(transport))
        return self._assistants[key]


@pytest.fixture
def no_thread_stays() -> None:
    """An agent's sandbox stays for the tests after the one that started it."""


@pytest.fixture(scope="module")
async def stands(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Callable[[str, str], Awaitable[Stand]]]:
    """`await stands(agent, mode)`: the sandbox of an agent, whose clients speak one way of the protocol."""
    made: dict[str, Stand] = {}
    # One for all servers: a process keeps its jobs in one database.
    data = tmp_path_factory.mktemp("data")
    with ExitStack() as boxes:
        async with AsyncExitStack() as stack:

            async def stand(agent: str, mode: str) -> Stand:
                if agent not in made:
                    box = boxes.enter_context(acc_sandbox.running(seed=PLAN, urn_delay=0.0))
                    folder = tmp_path_factory.mktemp("agent") / "files"
                    folder.mkdir()
                    made[agent] = Stand(box, folder, data, mode, stack)
                return made[agent]

            yield stand
