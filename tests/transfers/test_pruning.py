"""What ended long ago is forgotten, so that the database does not grow without end."""

import sqlite3
import time
from pathlib import Path
from typing import Any

import anyio.lowlevel
import anyio.to_thread

from acc_sandbox import Fault, Stall
from transfers.jobs.recovery import KEPT, JobEligibility, OrphanedJobRecovery

TABLES = ("jobs", "job_parts", "file_digests")


def counts(tmp_path: Path) -> dict[str, int]:
    with sqlite3.connect(tmp_path / "data" / "submittal-mcp.sqlite3") as connection:
        found = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
    connection.close()
    return found


async def test_everything_of_jobs_that_ended_long_ago_is_forgotten_and_open_ones_go_on(
    working: Any, tmp_path: Path
) -> None:
    later = time.time() + KEPT.total_seconds() + 3600
    async with working(clock=lambda: later) as site:
        ended = (await site.attach(confirm=True)).job
        stalled = site.box.faults.add(Fault("storage.put", Stall()))
        called_off = (await site.attach("sub/joist.pdf", seconds=0)).job
        await anyio.to_thread.run_sync(stalled.reached.wait)
        await site.transfers.repository.ask(lambda tables: tables.request_cancel(called_off.id))
        while ended.under_way or called_off.under_way:
            await anyio.lowlevel.checkpoint()
        still_open = (await site.attach(name="another.pdf")).job
        assert counts(tmp_path)["jobs"] == 3
        context = site.transfers.context
        eligibility = JobEligibility(context, lambda _: True)
        await OrphanedJobRecovery(site.transfers.runner, context, eligibility).prune()
        assert counts(tmp_path) == {
            "jobs": 1,
            "job_parts": 0,  # a file of one part needs no row of it once it is stored
            "file_digests": 0,
        }
        assert (await site.confirm(still_open.reserved.id)).is_file_uploaded
