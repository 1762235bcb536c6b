"""A call that its client gives up ends at once, whichever tool it is, and the server goes on with the next one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

import acc_sandbox
from acc_sandbox import Fault, Stall
from persistence.keys import EncryptionKey
from tests.support.constants import NOWHERE, STEEL_BEAMS

SECRET = "QZJ-a-secret-of-callers"
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "find_projects": ("hubs.list", {}),
    "sign_in": ("auth.userinfo", {}),
    "find_submittals": ("items.list", {"project": STEEL_BEAMS["project"]}),
    "get_submittal": ("attachments.list", STEEL_BEAMS),
    "find_project_files": ("folders.contents", {"project": STEEL_BEAMS["project"], "query": "beam"}),
    "get_attachment_status": ("attachments.list", STEEL_BEAMS),
    "confirm_attachment": ("attachments.list", {**STEEL_BEAMS, "attachment_id": NOWHERE}),
    "add_submittal_attachment": ("attachments.create", {**STEEL_BEAMS, "upload_by_caller": True, "name": "beams.pdf"}),
}
"""For each tool what of ACC stalls while it is called."""

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


@pytest.fixture
def box() -> Iterator[acc_sandbox.Sandbox]:
    with acc_sandbox.running() as running:
        yield running


@pytest.fixture
def serve(start: Any, box: acc_sandbox.Sandbox, tmp_path: Path) -> Any:
    """`serve("--http")`: the real command on `box`, with its log as JSON on stderr."""
    environment = {
        "APS_BASE_URL": box.base_url,
        "APS_ACCESS_TOKEN": box.token("manager"),
        "SUBMITTAL_MCP_DATA_DIR": str(tmp_path / "data"),
        "SUBMITTAL_MCP_ENCRYPTION_KEYS": EncryptionKey.new().text,
        "SUBMITTAL_MCP_HTTP_SECRET": SECRET,
        "SUBMITTAL_MCP_LOG_FORMAT": "json",
        "SUBMITTAL_MCP_LOG_LEVEL": "info",
    }
    return lambda *options: start("-m", "server", "serve", *options, **environment)


def cancelled(server: Any) -> str:
    """The tool whose call the server says was cancelled."""
    return str(json.loads(server.stderr_line("tool_cancelled"))["tool"])


@pytest.mark.parametrize("meta", [None, META], ids=["legacy", "2026-07-28"])
def test_over_stdio_a_cancelled_call_ends_whatever_it_waits_for(
    serve: Any, box: acc_sandbox.Sandbox, meta: Any
) -> None:
    server = serve()
    more = {"_meta": meta} if meta else {}
    if meta is None:
        server.shake_hands()
    for tool, (operation, arguments) in CALLS.items():
        stalled = box.faults.add(Fault(operation, Stall()))
        params = {"name": tool, "arguments": arguments, **more}
        server.send({"id": f"call of {tool}", "method": "tools/call", "params": params})
        assert stalled.reached.wait(120)
        server.send({"method": "notifications/cancelled", "params": {"requestId": f"call of {tool}", **more}})
        assert cancelled(server) == tool
        box.faults.clear()
    answer = server.ask("tools/call", {"name": "find_projects", "arguments": {}, **more})
    assert answer["result"]["structuredContent"]["projects"]
    assert server.rest()[0] == 0


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_over_http_a_cancelled_call_ends_whatever_it_waits_for(
    serve: Any, box: acc_sandbox.Sandbox, mode: str
) -> None:
    server = serve("--http", "--port", "0")
    url = server.stderr_line("listens on").split()[-1]
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {SECRET}"}, trust_env=False, verify=False)
    async with http, Client(streamable_http_client(url, http_client=http), mode=mode) as client:
        for tool, (operation, arguments) in CALLS.items():
            stalled = box.faults.add(Fault(operation, Stall()))
            async with anyio.create_task_group() as group:
                group.start_soon(client.call_tool, tool, arguments)
                assert await anyio.to_thread.run_sync(stalled.reached.wait, 120)
                group.cancel_scope.cancel()
            assert await anyio.to_thread.run_sync(cancelled, server) == tool
            box.faults.clear()
        answer = await client.call_tool("find_projects", {})
        assert answer.structured_content is not None
        assert answer.structured_content["projects"]
