"""How often a job writes to the database, and that nothing is lost by writing less often."""

import struct
import time
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from sqlalchemy import Engine, event

from acc_sandbox import Fault, Refuse, Stall
from transfers.errors import JobStopped
from transfers.jobs.runner import LOOK_SECONDS

PUT, COMPLETE, PATCH = "storage.put", "oss.signeds3upload.complete", "attachments.patch"


def commits(data: Path) -> int:
    """Count the transactions in SQLite's write-ahead log, each of which cost one fdatasync (sqlite.org/fileformat2)."""
    log = data / "submittal-mcp.sqlite3-wal"
    content = log.read_bytes() if log.exists() else b""
    if not content:
        return 0
    page, salt = struct.unpack_from(">8xI4x8s", content)
    frames = range(32, len(content) - page - 23, 24 + page)
    found = [struct.unpack_from(">4xI8s", content, frame) for frame in frames]
    return sum(1 for size, frame_salt in found if frame_salt == salt and size)


@pytest.mark.parametrize(("confirm", "most"), [(False, 5), (True, 6)])
async def test_a_small_attach_commits_at_most_six_transactions(
    working: Any, tmp_path: Path, confirm: bool, most: int
) -> None:
    async with working() as site:
        await site.transfers.repository.open()
        before, began = commits(tmp_path / "data"), time.monotonic()
        outcome = await site.attach(confirm=confirm)
        while outcome.job.under_way:
            await anyio.lowlevel.checkpoint()
        looks = int((time.monotonic() - began) / LOOK_SECONDS)  # on a busy machine; each may write how far it is
        assert 0 < commits(tmp_path / "data") - before <= most + looks


async def test_a_small_attach_runs_at_most_17_statements_on_postgresql(
    working: Any, folder: Path, postgres_url: str
) -> None:
    """Beside what goes by time: heartbeats, how far the job is, and whether it is to be cancelled."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement != "SELECT 1" and not statement.startswith(("SELECT jobs.cancelled", "UPDATE jobs SET bytes_")):
            asked.append(statement)

    async with working(database_url=postgres_url) as site:
        await site.attach(confirm=True)
        event.listen(Engine, "before_cursor_execute", note)
        try:
            (folder / "joist.pdf").write_bytes(b"joist")
            outcome = await site.attach("joist.pdf", confirm=True)
            while outcome.job.under_way:
                await anyio.lowlevel.checkpoint()
        finally:
            event.remove(Engine, "before_cursor_execute", note)
    assert len(asked) <= 17, asked


@pytest.mark.parametrize("operation", [COMPLETE, PATCH])
async def test_a_small_file_is_sent_once_though_the_step_after_it_fails(working: Any, operation: str) -> None:
    async with working() as site:
        site.box.faults.add(Fault(operation, Refuse(403)))
        with pytest.raises(JobStopped):
            await site.attach(confirm=True)
    async with working() as site:
        outcome = await site.attach(confirm=True)
        assert outcome.job.uploaded
        assert site.box.requests.count(PUT) == 1


@pytest.mark.parametrize("operation", [COMPLETE, PATCH])
async def test_a_small_file_is_sent_once_though_its_process_ends_in_the_step_after_it(
    working: Any, operation: str
) -> None:
    async with working() as site:
        stalled = site.box.faults.add(Fault(operation, Stall()))
        await site.attach(confirm=True, seconds=0)
        await anyio.to_thread.run_sync(stalled.reached.wait, 120)
    site.box.faults.clear()
    async with working(takes_up=True) as site:
        outcome = await site.attach(confirm=True)
        assert outcome.job.uploaded
        assert site.box.requests.count(PUT) == 1
