"""A job whose row cannot be read: it stops no other job, is named, and is set aside by a person."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio.lowlevel
import pytest

from acc_sandbox import Fault, Refuse
from transfers.errors import JobStopped
from transfers.jobs.recovery import JobEligibility, OrphanedJobRecovery
from transfers.jobs.report import job_line
from transfers.jobs.rows import JobRow
from transfers.jobs.serialization import FORMAT, UnreadableJob

Record = dict[str, Any]

DAMAGED: dict[str, Callable[[Record], object]] = {
    "no JSON": lambda _: "\x00 not JSON",
    "JSON of something else": lambda _: [1, 2],
    "without a kind": lambda record: {name: value for name, value in record.items() if name != "kind"},
    "without a path": lambda record: {name: value for name, value in record.items() if name != "path"},
    "an attachment that is none": lambda record: record | {"attachment": {"id": []}},
    "a destination that is none": lambda record: record | {"destination": {"planet": "Mars"}},
}
NEWER: dict[str, Callable[[Record], object]] = {
    "a kind that this version does not know": lambda record: record | {"kind": "from_a_scanner"},
    "a later format": lambda record: {"format": FORMAT + 1},
}


async def stopped(site: Any, name: str) -> JobRow:
    site.box.faults.add(Fault("storage.put", Refuse(400, "<Error><Code>InvalidRequest</Code></Error>")))
    with pytest.raises(JobStopped):
        await site.attach(name)
    found: list[JobRow] = await site.transfers.repository.ask(lambda tables: tables.recent(limit=1))
    return found[0]


def rewrite(tmp_path: Path, row: JobRow, change: Callable[[Record], object]) -> None:
    content = change(json.loads(row.record))
    written = content if isinstance(content, str) else json.dumps(content)
    with closing(sqlite3.connect(tmp_path / "data" / "submittal-mcp.sqlite3")) as connection, connection:
        connection.execute("UPDATE jobs SET record = ?, owner = 'a dead process' WHERE id = ?", (written, row.id))


@pytest.mark.parametrize("change", (DAMAGED | NEWER).values(), ids=DAMAGED | NEWER)
async def test_a_job_that_cannot_be_read_stops_no_other_and_is_set_aside_by_a_person(
    working: Any, tmp_path: Path, change: Callable[[Record], object]
) -> None:
    async with working() as site:
        damaged, other = await stopped(site, "beam.pdf"), await stopped(site, "sub/joist.pdf")
    rewrite(tmp_path, damaged, change)
    rewrite(tmp_path, other, lambda record: record)
    async with working() as site:
        repository, context = site.transfers.repository, site.transfers.context
        # No list ends, and what died beside it is taken up.
        assert set(await repository.find([damaged.attachment_id, other.attachment_id])) == {other.attachment_id}
        await OrphanedJobRecovery(
            site.transfers.runner, context, JobEligibility(context, lambda _: True)
        ).recover_once()
        while (await repository.ask(lambda tables: tables.row(other.id))).owner is not None:
            await anyio.lowlevel.checkpoint()
        assert (await repository.ask(lambda tables: tables.row(damaged.id))).owner == "a dead process"
        row = await repository.ask(lambda tables: tables.row(damaged.id))
        line = job_line(row, alive=False, now=row.updated)
        assert (line.standing, damaged.id in line.advice or "newer version" in line.advice) == ("unreadable", True)
        assert line.waits_for
        # The same file is not attached a second time in silence.
        with pytest.raises(UnreadableJob, match="newer version" if change in NEWER.values() else "jobs cancel"):
            await site.attach("beam.pdf")
        assert await repository.request_cancel(damaged.id)
        assert (await site.attach("beam.pdf", confirm=True)).job.uploaded


async def test_an_unreadable_error_leaves_the_rest_of_its_job_readable(working: Any, tmp_path: Path) -> None:
    async with working() as site:
        row = await stopped(site, "beam.pdf")
    rewrite(tmp_path, row, lambda record: record | {"error": {"kind": "rate_limited", "moon": 1}})
    async with working() as site:
        assert (await site.attach("beam.pdf", confirm=True)).job.uploaded
        assert site.box.requests.count("attachments.create") == 1
