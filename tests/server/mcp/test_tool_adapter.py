"""A tool at its border: what it says to whom, and what it costs before anybody calls it."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
import structlog
from mcp import Client, MCPError
from mcp.server import Server
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, CallToolResult, Request
from structlog.testing import capture_logs

from server.mcp.app import McpHandlers
from server.mcp.client_request import ProgressReporter
from server.mcp.tool_adapter import ToolAdapter
from tests.support.constants import ROOT
from tools.attachments.status import progress_reporter
from tools.core.context import Services, ToolCall, ToolDefinition
from tools.core.policy import ToolPolicy
from tools.core.results import Person, SignInResult
from tools.find_project_files import FilesArguments
from tools.sign_in import SignInArguments
from transfers.files.local_file import FileStamp
from transfers.idempotency import AttachTarget
from transfers.jobs.local_file import LocalFileJob

SECRET = "a token, a path, a customer"


async def crash(_services: Services, _call: ToolCall, _arguments: SignInArguments) -> SignInResult:
    raise RuntimeError(SECRET)


async def signed_in(_services: Services, _call: ToolCall, _arguments: SignInArguments) -> SignInResult:
    return SignInResult(person=Person(id="me", name="me", email=None), autodesk="here", next_steps=[])


def serving(run: Any, **options: Any) -> Server[Any]:
    """A server with one tool and no services but a policy; `options` are the adapter's."""
    policy = ToolPolicy(local_files=True)

    @asynccontextmanager
    async def services() -> AsyncIterator[Any]:
        yield SimpleNamespace(policy=policy, sign_in_page=None, quota=None)

    tool = ToolDefinition(
        "sign_in", "Tool", "A tool.", "tool", SignInArguments, (SignInResult,), writes=False, idempotent=True, run=run
    )
    return McpHandlers(policy, [ToolAdapter(tool, policy, **options)]).server(services)


def asked_with(arguments: Any) -> Request[Any, Any]:
    """A call whose `arguments` are what the SDK's client would not send."""
    return Request[dict[str, Any], str](method="tools/call", params={"name": "sign_in", "arguments": arguments})


@pytest.mark.parametrize(
    "written",
    [
        *(" {} ", '"{}"', "", " \n", "null", '{"sessionId": "s"}'),
        *({"arguments": {}}, {"input": '{"kwargs": {"sessionId": "s"}}'}, '{"params": {}}', {"args": "{}"}),
    ],
)
async def test_arguments_that_are_the_text_of_an_object_are_read(era, written):
    async with Client(serving(signed_in), mode=era) as client:
        answer = await client.session.send_request(asked_with(written), CallToolResult)
    assert not answer.is_error, answer


@pytest.mark.parametrize("written", ["project: Riverside", "{", "[]", [], [{}], 7, True, "7", '"x"', "[" * 10**5])
async def test_arguments_that_are_no_object_are_refused_with_what_they_should_be(era, written):
    async with Client(serving(signed_in), mode=era) as client:
        with pytest.raises(MCPError, match="'arguments' must be one JSON object") as caught:
            await client.session.send_request(asked_with(written), CallToolResult)
    assert caught.value.error.code == INVALID_PARAMS


@pytest.mark.parametrize("written", [{"input": "harbor"}, {"input": {}, "limit": 1}, {"value": {}}, {"args": [1]}])
async def test_an_object_around_the_arguments_is_one_only_where_it_holds_nothing_else(era, written):
    async with Client(serving(signed_in), mode=era) as client:
        answer = await client.session.send_request(asked_with(written), CallToolResult)
    assert answer.structured_content["error"]["message"].startswith("unknown argument")


async def test_a_progress_token_that_is_null_is_none(era):
    request = Request[dict[str, Any], str](
        method="tools/call", params={"name": "sign_in", "arguments": {}, "_meta": {"progressToken": None}}
    )
    async with Client(serving(signed_in), mode=era) as client:
        answer = await client.session.send_request(request, CallToolResult)
    assert not answer.is_error, answer


@pytest.mark.parametrize(
    "name", ["sign-in", "signIn", "Sign_In", " sign_in ", "mcp__submittals__sign_in", "submittals.signin", "sign in"]
)
async def test_a_tool_of_nearly_that_name_is_named(era, name):
    async with Client(serving(signed_in), mode=era) as client:
        answer = await client.call_tool(name, {})
        other = await client.call_tool("delete" * 100, {})
    assert answer.is_error
    assert f"Unknown tool: {name!r}. Did you mean sign_in? The tools are sign_in." == answer.content[0].text
    assert other.content[0].text == f"Unknown tool: {('delete' * 10)!r}. The tools are sign_in."


async def test_a_fault_of_ours_is_a_protocol_error_that_names_its_log_line_and_nothing_else(era):
    async with Client(serving(crash), mode=era) as client:
        with capture_logs() as logs, pytest.raises(MCPError) as caught:
            await client.call_tool("sign_in", {})
    [line] = [line for line in logs if line["event"] == "tool_crashed"]
    assert caught.value.code == INTERNAL_ERROR
    assert SECRET not in str(caught.value)
    assert line["exc_info"] is True
    assert caught.value.message.startswith("submittal-mcp failed; its log tells why under call_id ")


async def test_every_line_of_a_call_names_it_also_from_a_worker_thread(era):
    """Calls that run at the same time are told apart; a line outside of any call names none."""
    log = structlog.get_logger()
    arrived = 0
    both = anyio.Event()

    async def work(_services: Services, _call: ToolCall, _arguments: SignInArguments) -> SignInResult:
        nonlocal arrived
        arrived += 1
        if arrived == 2:
            both.set()
        await both.wait()
        log.info("began")
        await anyio.to_thread.run_sync(log.info, "sent")
        return SignInResult(person=Person(id="me", name="me", email=None), autodesk="here", next_steps=[])

    async with Client(serving(work), mode=era) as client:
        with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs, anyio.fail_after(120):
            async with anyio.create_task_group() as group:
                for _ in range(2):
                    group.start_soon(client.call_tool, "sign_in", {})
            log.info("outside")
    ids = {line["call_id"] for line in logs if "call_id" in line}
    assert len(ids) == 2
    for one in ids:
        mine = [(line["event"], line["tool"]) for line in logs if line.get("call_id") == one]
        assert mine == [("began", "sign_in"), ("sent", "sign_in"), ("tool_answered", "sign_in")]
    assert [line["event"] for line in logs if "call_id" not in line] == ["outside"]


async def test_a_protocol_error_of_a_tool_passes_as_it_is(era):
    async def ask(_services: Services, _call: ToolCall, _arguments: SignInArguments) -> SignInResult:
        raise MCPError(-32042, "a person must visit a page")

    async with Client(serving(ask), mode=era) as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("sign_in", {})
    assert (caught.value.code, caught.value.message) == (-32042, "a person must visit a page")


async def test_a_refusal_is_logged_by_its_code_and_without_a_word_of_the_arguments(connect):
    async with connect() as assistant:
        with capture_logs() as logs:
            await assistant.refused("get_submittal", project="No such project", submittal="No such submittal")
    [line] = [line for line in logs if line["event"] == "tool_refused"]
    assert (line["error_code"], line["step"]) == ("project_not_found", None)
    assert "No such" not in str(logs)


def test_naming_the_tools_loads_nothing_that_only_a_call_needs():
    script = """
import sys
import mcp.server
before = set(sys.modules)
from server.mcp.tool_adapter import build_tools
from tools.core.policy import ToolPolicy
build_tools(ToolPolicy(local_files=True))
print(*sorted(set(sys.modules) - before))
"""
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True)
    loaded_modules = loaded.stdout.split()
    assert "server.mcp.tool_adapter" in loaded_modules
    ours = [name for name in loaded_modules if name.startswith(("acc", "auth", "persistence", "transfers"))]
    assert {name.partition(".")[0] for name in {*loaded_modules} - {*ours}} <= {
        "difflib",
        "pydantic",
        "server",
        "tools",
    }
    assert ours == [
        "auth",
        "auth.errors",
        "persistence",
        "persistence.errors",
        "transfers",
        "transfers.categories_and_states",
        "transfers.concurrency",
        "transfers.files",
        "transfers.files.pasted_text",  # pure reading, of which the schemas of references are made
    ]


async def test_progress_is_told_when_there_is_more_of_it_and_only_then():
    told: list[tuple[float, float | None, str]] = []

    async def report(done: float, total: float | None, message: str) -> None:
        told.append((done, total, message))

    where = AttachTarget("https://acc", "me", "project", "item", 0, "for_review", None, None)
    job = LocalFileJob(where, "a.pdf", path="/a.pdf", identity=FileStamp(1, 1, 100, 0))
    tell = progress_reporter(ToolCall("add_submittal_attachment", {}, ProgressReporter(report).tell))
    for hashed, sent in ((0, 0), (60, 0), (0, 0), (40, 0), (0, 70), (0, -70), (0, 71)):
        job.hashed.add(hashed)
        job.progress.add(sent)
        await tell(job)
    assert told == [(done, 201, "preparing") for done in (60, 100, 170, 171)]


async def test_heartbeat_progress_is_strictly_increasing(era):
    told: list[tuple[float, float | None, str | None]] = []
    enough = anyio.Event()

    async def hear(done: float, total: float | None, message: str | None) -> None:
        told.append((done, total, message))
        if len(told) == 5:
            enough.set()

    async def wait(_services: Services, call: ToolCall, _arguments: SignInArguments) -> SignInResult:
        while len(told) < 2:
            await anyio.lowlevel.checkpoint()
        await call.report(5 * 1024**4, 10 * 1024**4 + 1, "uploading")
        await enough.wait()
        return SignInResult(person=Person(id="me", name="Manager", email=None), autodesk="https://acc", next_steps=[])

    async with Client(serving(wait, beat_seconds=0.001), mode=era) as client:
        with anyio.fail_after(120):
            await client.call_tool("sign_in", {}, progress_callback=hear)
    done = [one[0] for one in told]
    assert done == sorted(set(done))
    assert told[0] == (1 / 256, None, "working")
    assert told[-1][1:] == (10 * 1024**4 + 1, "uploading")


async def test_a_background_failure_does_not_end_the_server(era):
    policy = ToolPolicy(local_files=True)
    fails, failed = anyio.Event(), anyio.Event()
    opened = 0

    async def fail() -> None:
        await fails.wait()
        failed.set()
        raise OSError(24, "Too many open files")

    @asynccontextmanager
    async def services() -> AsyncIterator[Any]:
        nonlocal opened
        opened += 1
        async with anyio.create_task_group() as group:
            if opened == 1:
                group.start_soon(fail)
            yield SimpleNamespace(policy=policy, sign_in_page=None, quota=None)
            group.cancel_scope.cancel()

    async def run(_services: Services, _call: ToolCall, _arguments: SignInArguments) -> SignInResult:
        return SignInResult(person=Person(id="me", name="Me", email=None), autodesk="here", next_steps=[])

    tool = ToolDefinition(
        "sign_in", "Tool", "A tool.", "tool", SignInArguments, (SignInResult,), writes=False, idempotent=True, run=run
    )
    server = McpHandlers(policy, [ToolAdapter(tool, policy)]).server(services)
    with anyio.fail_after(120), capture_logs() as logs:
        async with Client(server, mode=era) as client:
            assert not (await client.call_tool("sign_in", {})).is_error
            fails.set()
            await failed.wait()
            while not any(line["event"] == "services_ended" for line in logs):
                await anyio.lowlevel.checkpoint()
            assert not (await client.call_tool("sign_in", {})).is_error
    assert opened == 2


async def test_services_that_cannot_be_opened_for_unfinished_jobs_leave_the_server_there(era):
    policy = ToolPolicy(local_files=True)
    tried = anyio.Event()

    @asynccontextmanager
    async def services() -> AsyncIterator[Any]:
        tried.set()
        raise OSError(28, "No space left on device")
        yield

    server = McpHandlers(policy, []).server(services, lambda: True)
    with anyio.fail_after(120), capture_logs():
        async with Client(server, mode=era) as client:
            await client.list_tools()
            await tried.wait()
            assert (await client.list_tools()).tools == []


async def test_a_call_is_answered_in_time_though_database_and_keys_never_open(era):
    policy = ToolPolicy(local_files=True, max_wait_seconds=0)

    @asynccontextmanager
    async def services() -> AsyncIterator[Any]:
        await anyio.sleep_forever()
        yield

    tool = ToolDefinition(
        "find_project_files",
        "Tool",
        "A tool.",
        "tool",
        FilesArguments,
        (SignInResult,),
        writes=False,
        idempotent=True,
        run=crash,
    )
    server = McpHandlers(policy, [ToolAdapter(tool, policy)]).server(services)
    answers: dict[str, Any] = {}

    async def ask(client: Client, word: str, **arguments: Any) -> None:
        answers[word] = (await client.call_tool("find_project_files", arguments)).structured_content

    with anyio.fail_after(120):
        async with Client(server, mode=era) as client, anyio.create_task_group() as group:
            group.start_soon(partial(ask, client, "right", project="P", query="q"))
            group.start_soon(partial(ask, client, "wrong", projct="P", query="q"))
    assert answers["right"]["error"]["code"] == "storage_unavailable"
    assert "database and keys did not open within 5 seconds" in answers["right"]["error"]["hint"]
    assert answers["right"]["next_steps"] == []
    assert answers["wrong"]["error"]["code"] == "invalid_arguments"
    assert answers["wrong"]["next_steps"][0]["arguments"] == {"project": "P", "query": "q"}
