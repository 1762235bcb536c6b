"""The HTTP server among strangers and crowds: what others learned the hard way, over real sockets."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

import acc_sandbox
from server.mcp.session_limit import MAX_SESSIONS

SECRET = "QZJ-a-secret-of-callers"
HANDSHAKE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "find_projects", "arguments": {}}}
ACCEPT = {"Accept": "application/json, text/event-stream"}


def address(program: Any) -> str:
    match = re.search(r"http://\S+/mcp", program.stderr_line("listens on"))
    assert match
    return match[0]


@asynccontextmanager
async def connected(url: str, mode: str, bearer: str = SECRET) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {bearer}"}, trust_env=False, verify=False, timeout=60
        ) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


async def test_no_stranger_uses_the_sign_in_of_the_servers_owner(
    start: Callable[..., Any], box: acc_sandbox.Sandbox, tmp_path: Any
) -> None:
    """Not even one who sends Autodesk's own token, which is none that was issued for this server.

    CVE-2026-77244.
    """
    token = box.token("manager")
    program = start(
        *("-m", "server", "serve", "--http", "--port", "0"),
        APS_BASE_URL=box.base_url,
        APS_ACCESS_TOKEN=token,
        SUBMITTAL_MCP_HTTP_SECRET=SECRET,
        SUBMITTAL_MCP_DATA_DIR=str(tmp_path / "data"),
    )
    url = address(program)
    bogus = [
        None,
        "x",
        "null",
        "undefined",
        "*",
        token,
        SECRET + "x",
        SECRET[:-1],
        SECRET[::-1],
        "eyJhbGciOiJub25lIn0.e30.",
    ]
    with anyio.fail_after(240):
        async with httpx2.AsyncClient(trust_env=False, verify=False) as http:
            for bearer in bogus:
                headers = ACCEPT | ({} if bearer is None else {"Authorization": f"Bearer {bearer}"})
                for message in (HANDSHAKE, CALL):
                    assert (await http.post(url, json=message, headers=headers)).status_code == 401
        assert box.requests.all() == []
        async with connected(url, "2026-07-28") as client:
            assert (await client.call_tool("find_projects", {})).structured_content["projects"]
        assert box.requests.all() != []


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_fifty_clients_with_the_same_ids_never_get_each_others_answers(
    one_tool: Callable[..., Any], mode: str
) -> None:
    """All fifty are in the middle of the call with the same id before the first of them is answered.

    CVE-2026-25536, CVE-2026-111770 (TypeScript SDK).
    """
    url = address(one_tool("http", SECRET))
    answers: dict[int, str] = {}

    async def ask(number: int) -> None:
        async with connected(url, mode) as client:
            result = await client.call_tool("meet", {"word": f"canary-{number}", "company": 50})
            answers[number] = result.content[0].text

    with anyio.fail_after(240):
        async with anyio.create_task_group() as group:
            for number in range(50):
                group.start_soon(ask, number)
    assert answers == {number: f"canary-{number}" for number in range(50)}


def memory(pid: int) -> int:
    """What a process holds of the machine's memory, in KiB."""
    return int(subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=True).stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no ps")
async def test_a_flood_of_clients_that_begin_and_never_end_leaves_the_memory_flat(one_tool: Callable[..., Any]) -> None:
    """Sessions of the older protocol are the one thing that a client can pile up; the idlest gives way to a new one.

    CVE-2026-59951, CVE-2026-109527, CVE-2025-53365, -53366 (Python SDK).
    """
    flood = 10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 500
    program = one_tool("http", SECRET)
    url = address(program)
    # Its log would fill the pipe, and it would wait.
    threading.Thread(target=program.process.stderr.read, daemon=True).start()
    headers = ACCEPT | {"Authorization": f"Bearer {SECRET}"}
    statuses: list[int] = []
    with anyio.fail_after(300):
        async with httpx2.AsyncClient(headers=headers, trust_env=False, verify=False, timeout=60) as http:
            for number in range(flood):
                statuses.append((await http.post(url, json=HANDSHAKE)).status_code)
                if number == MAX_SESSIONS:
                    before = memory(program.process.pid)
            after = memory(program.process.pid)
    assert statuses == [200] * flood
    assert after - before < 8 * 1024
    # A client that does not pile up sessions is served all the same.
    with anyio.fail_after(240):
        async with connected(url, "2026-07-28") as client:
            assert (await client.call_tool("chat", {})).content[0].text == "said"
