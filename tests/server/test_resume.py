"""A server that goes away in the middle of an upload, and the next one that goes on without being asked."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sandbox
from auth.sealing import Key
from sandbox import Fault, Refuse, Stall
from transfers.parts import MIN_PART_BYTES

PUT, CREATE, COMPLETE = "storage.put", "attachments.create", "oss.signeds3upload.complete"


@pytest.fixture
def box() -> Iterator[sandbox.Box]:
    with sandbox.running() as running:
        yield running


def test_promise_7_a_server_whose_stdin_closes_ends_while_storage_stalls_and_the_next_one_goes_on(
    start: Any, box: sandbox.Box, tmp_path: Path
) -> None:
    content = random.Random(7).randbytes(2 * MIN_PART_BYTES)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "beam.pdf").write_bytes(content)
    environment = {
        "APS_BASE_URL": box.base_url,
        "APS_ACCESS_TOKEN": box.token("manager"),
        "SUBMITTAL_MCP_FOLDERS": str(tmp_path / "files"),
        "SUBMITTAL_MCP_DATA_DIR": str(tmp_path / "data"),
        "SUBMITTAL_MCP_ENCRYPTION_KEYS": Key.new().text,
        "SUBMITTAL_MCP_MAX_WAIT_SECONDS": "1",
    }
    item = box.item("05 12 00-3")
    seeded = {row["id"] for row in box.attachments(item)}
    stalled = box.faults.add(Fault(PUT, Stall(), times=None))
    first = start("-m", "server", "serve", **environment)
    first.shake_hands()
    arguments = {"project": item.project_id, "submittal": item.id, "file_path": "beam.pdf"}
    answer = first.ask("tools/call", {"name": "add_submittal_attachment", "arguments": arguments})
    assert answer["result"]["structuredContent"]["attachment"]["state"] in ("preparing", "uploading")
    assert stalled.reached.wait(30)
    assert first.rest()[0] == 0  # by itself: nothing lets the stalled requests go

    box.faults.clear()
    completion = box.faults.add(Fault(COMPLETE, Refuse(503)))
    second = start("-m", "server", "serve", **environment)
    second.shake_hands()
    assert second.ask("tools/list")["result"]["tools"]
    assert completion.reached.wait(30)
    second.stderr_line("job_taken_up")
    status = {"project": item.project_id, "submittal": item.id, "wait_seconds": 20}
    [row] = [row for row in box.attachments(item) if row["id"] not in seeded]
    answer = second.ask(
        "tools/call", {"name": "get_attachment_status", "arguments": {**status, "attachment_id": row["id"]}}
    )
    assert answer["result"]["structuredContent"]["attachment"]["sha256"]
    assert box.object_bytes(row["uploadUrn"]) == content
    assert box.requests.count(CREATE) == 1
