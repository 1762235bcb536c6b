"""A server that goes away in the middle of an upload, and the next one that goes on, whether it is asked to or not."""

import random
import time
from pathlib import Path
from typing import Any

import pytest

import acc_sandbox
from acc_sandbox import Fault, Refuse, Stall
from persistence.keys import EncryptionKey
from transfers.upload.part_plan import MIN_PART_BYTES

PUT, CREATE, COMPLETE = "storage.put", "attachments.create", "oss.signeds3upload.complete"
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
}


class Desk:
    """A person's machine, on which servers come and go, and a file that is to be attached."""

    def __init__(self, start: Any, box: acc_sandbox.Sandbox, place: Path) -> None:
        self._start = start
        self._box = box
        self.content = random.Random(7).randbytes(2 * MIN_PART_BYTES)
        files = place / "files"
        files.mkdir()
        (files / "beam.pdf").write_bytes(self.content)
        item = box.item("05 12 00-3")
        self._item, self._seeded = item, {row["id"] for row in box.attachments(item)}
        self.submittal = {"project": item.project_id, "submittal": item.id}
        self._environment = {
            "APS_BASE_URL": box.base_url,
            "APS_ACCESS_TOKEN": box.token("manager"),
            "SUBMITTAL_MCP_LOG_LEVEL": "info",
            "SUBMITTAL_MCP_FOLDERS": str(files),
            "SUBMITTAL_MCP_DATA_DIR": str(place / "data"),
            "SUBMITTAL_MCP_ENCRYPTION_KEYS": EncryptionKey.new().text,
        }

    def serve(self, **settings: str) -> Any:
        return self._start("-m", "server", "serve", **self._environment, **settings)

    def attached(self) -> Any:
        """The one attachment that ACC has and did not have at the start."""
        [row] = [row for row in self._box.attachments(self._item) if row["id"] not in self._seeded]
        return row


@pytest.fixture
def desk(start: Any, box: acc_sandbox.Sandbox, tmp_path: Path) -> Desk:
    return Desk(start, box, tmp_path)


def test_promise_7_a_server_whose_stdin_closes_ends_while_storage_stalls_and_the_next_one_goes_on(
    desk: Desk, box: acc_sandbox.Sandbox
) -> None:
    def called(server: Any, tool: str, **arguments: Any) -> Any:
        answer = server.ask("tools/call", {"name": tool, "arguments": {**desk.submittal, **arguments}})
        return answer["result"]["structuredContent"]["attachment"]

    stalled = box.faults.add(Fault(PUT, Stall(), times=None))
    first = desk.serve(SUBMITTAL_MCP_MAX_WAIT_SECONDS="1")
    first.shake_hands()
    first.ask("tools/call", {"name": "sign_in", "arguments": {}})  # which opens what an attach needs
    begun = called(first, "add_submittal_attachment", file_path="beam.pdf")
    assert begun["state"] in ("preparing", "uploading")
    assert stalled.reached.wait(120)
    assert first.rest()[0] == 0  # by itself: nothing lets the stalled requests go

    box.faults.clear()
    completion = box.faults.add(Fault(COMPLETE, Refuse(503)))
    second = desk.serve()
    second.shake_hands()
    assert second.ask("tools/list")["result"]["tools"]
    assert completion.reached.wait(120)
    second.stderr_line("job_taken_up")
    row = desk.attached()
    seen = {"state": "uploading"}
    while seen["state"] in ("reserved", "uploading"):
        seen = called(second, "get_attachment_status", attachment_id=row["id"], wait_seconds=20)
    assert seen["sha256"]
    assert box.object_bytes(row["uploadUrn"]) == desk.content
    assert box.requests.count(CREATE) == 1


def test_a_task_outlives_the_server_that_began_it(desk: Desk, box: acc_sandbox.Sandbox) -> None:
    def asked(server: Any, method: str, **params: Any) -> Any:
        answer = server.ask(method, {**params, "_meta": META})
        assert "result" in answer, answer
        return answer["result"]

    stalled = box.faults.add(Fault(PUT, Stall(), times=None))
    first = desk.serve()
    arguments = {**desk.submittal, "file_path": "beam.pdf", "confirm": True}
    created = asked(first, "tools/call", name="add_submittal_attachment", arguments=arguments)
    assert created["resultType"] == "task"
    assert stalled.reached.wait(120)
    first.process.kill()
    first.process.wait()

    box.faults.clear()
    second = desk.serve()
    told = asked(second, "tasks/get", taskId=created["taskId"])
    while told["status"] == "working":
        time.sleep(told["pollIntervalMs"] / 1000)  # as the task asks
        told = asked(second, "tasks/get", taskId=created["taskId"])
    assert told["status"] == "completed"
    assert told["createdAt"] == created["createdAt"]
    shown, row = told["result"]["structuredContent"]["attachment"], desk.attached()
    assert shown["state"] in ("processing", "ready")
    assert (row["id"], row["isFileUploaded"]) == (shown["id"], True)
    assert box.object_bytes(row["uploadUrn"]) == desk.content
    assert box.requests.count(CREATE) == 1
