"""PostgreSQL that ends every connection in the middle of a job, as at its restart: nothing is lost, nothing made twice."""

from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from auth.database import Database, DatabaseAddress
from sandbox import Fault, Stall
from transfers.task_groups import alongside

CREATE, PUT = "attachments.create", "storage.put"


def end_every_connection(url: str) -> int:
    """End what is connected to a database, and return how many connections that were."""
    with Database.open(DatabaseAddress.of(url)) as database, database.writing() as connection:
        ended = connection.exec_driver_sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(ended.scalar_one())


@pytest.mark.parametrize("held", [CREATE, PUT])
async def test_a_job_whose_connections_are_ended_has_one_attachment_with_exactly_these_bytes(
    working: Any, folder: Path, postgres_url: str, held: str
) -> None:
    (folder / "joist.pdf").write_bytes(b"joist")
    async with working(database_url=postgres_url) as site:
        stalled = site.box.faults.add(Fault(held, Stall()))

        async def cut() -> None:
            await anyio.to_thread.run_sync(stalled.reached.wait)
            assert await anyio.to_thread.run_sync(end_every_connection, postgres_url)
            site.box.faults.release()

        async with alongside(cut):
            first = await site.attach(confirm=True)
        again = await site.attach(confirm=True)
        await site.attach("joist.pdf", confirm=True)
        assert (first.job.uploaded, again.existed, again.job.reserved.id) == (True, True, first.job.reserved.id)
        assert site.box.requests.count(CREATE) == 2
        sent = {row["name"]: site.box.object_bytes(row["uploadUrn"]) for row in site.rows()}
    assert sent == {"beam.pdf": b"beam", "joist.pdf": b"joist"}
