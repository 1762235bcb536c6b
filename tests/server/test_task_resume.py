"""A task whose server dies: its id is as good at the next server, which goes on with the work."""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sandbox
from auth.sealing import Key
from sandbox import Fault, Stall
from transfers.parts import MIN_PART_BYTES

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
}


@pytest.fixture
def box() -> Iterator[sandbox.Box]:
    with sandbox.running() as running:
        yield running


def ask(server: Any, method: str, **params: Any) -> Any:
    answer = server.ask(method, {**params, "_meta": META})
    assert "result" in answer, answer
    return answer["result"]


def test_a_task_outlives_the_server_that_began_it(start: Any, box: sandbox.Box, tmp_path: Path) -> None:
    content = random.Random(7).randbytes(2 * MIN_PART_BYTES)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "beam.pdf").write_bytes(content)
    environment = {
        "APS_BASE_URL": box.base_url,
        "APS_ACCESS_TOKEN": box.token("manager"),
        "SUBMITTAL_MCP_FOLDERS": str(tmp_path / "files"),
        "SUBMITTAL_MCP_DATA_DIR": str(tmp_path / "data"),
        "SUBMITTAL_MCP_ENCRYPTION_KEYS": Key.new().text,
    }
    item = box.item("05 12 00-3")
    stalled = box.faults.add(Fault("storage.put", Stall(), times=None))
    first = start("-m", "server", "serve", **environment)
    arguments = {"project": item.project_id, "submittal": item.id, "file_path": "beam.pdf", "confirm": True}
    created = ask(first, "tools/call", name="add_submittal_attachment", arguments=arguments)
    assert created["resultType"] == "task"
    assert stalled.reached.wait(30)
    first.process.kill()
    first.process.wait()

    box.faults.clear()
    second = start("-m", "server", "serve", **environment)
    told = ask(second, "tasks/get", taskId=created["taskId"])
    while told["status"] == "working":
        time.sleep(told["pollIntervalMs"] / 1000)  # as the task asks
        told = ask(second, "tasks/get", taskId=created["taskId"])
    assert told["status"] == "completed"
    assert told["createdAt"] == created["createdAt"]
    shown = told["result"]["structuredContent"]["attachment"]
    assert shown["state"] in ("processing", "ready")
    [row] = [row for row in box.attachments(item) if row["id"] == shown["id"]]
    assert (row["isFileUploaded"], box.object_bytes(str(row["uploadUrn"]))) == (True, content)
    assert box.requests.count("attachments.create") == 1
