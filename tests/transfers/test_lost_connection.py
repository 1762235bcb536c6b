"""PostgreSQL that ends every connection in the middle of a job, or stays away: nothing is lost, nothing made twice."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import psycopg
import pytest

from acc_sandbox import Fault, Stall
from persistence.errors import DatabaseUnreachable
from tests.support.lost_database import end_every_connection, let_in
from transfers.concurrency import background_task
from transfers.errors import JobStopped
from transfers.jobs.runner import AWAY_SECONDS

LIST, CREATE, PATCH = "attachments.list", "attachments.create", "attachments.patch"
SIGN, PUT, COMPLETE = "oss.signeds3upload.get", "storage.put", "oss.signeds3upload.complete"


@asynccontextmanager
async def going_away(site: Any, url: str, held: str) -> AsyncIterator[None]:
    """Let the database go away as soon as a request of the block is on its way, and only then answer that."""
    stalled = site.box.faults.add(Fault(held, Stall()))

    async def go() -> None:
        await anyio.to_thread.run_sync(stalled.reached.wait)
        await anyio.to_thread.run_sync(partial(let_in, url, no_one=True))
        site.box.faults.release()

    async with background_task(go):
        yield


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

        async with background_task(cut):
            first = await site.attach(confirm=True)
        again = await site.attach(confirm=True)
        await site.attach("joist.pdf", confirm=True)
        assert (first.job.uploaded, again.existed, again.job.reserved.id) == (True, True, first.job.reserved.id)
        assert site.box.requests.count(CREATE) == 2
        sent = {row["name"]: site.box.object_bytes(row["uploadUrn"]) for row in site.rows()}
    assert sent == {"beam.pdf": b"beam", "joist.pdf": b"joist"}


@pytest.mark.parametrize("held", [LIST, CREATE, SIGN, PUT, COMPLETE, PATCH])
async def test_a_job_waits_for_a_database_that_is_away_for_a_moment(
    working: Any, folder: Path, postgres_url: str, held: str
) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        if seconds not in AWAY_SECONDS:
            return  # a part that was cut off is tried again
        pauses.append(seconds)
        if len(pauses) == 2:
            await anyio.to_thread.run_sync(let_in, postgres_url)

    async with working(database_url=postgres_url, sleep=pause) as site:
        async with going_away(site, postgres_url, held):
            outcome = await site.attach(confirm=True)
        [row] = site.rows()
        assert site.box.object_bytes(row["uploadUrn"]) == b"beam"
    assert (outcome.job.uploaded, outcome.existed, pauses) == (True, False, list(AWAY_SECONDS[:2]))


@pytest.mark.parametrize("held", [CREATE, PUT])
async def test_a_job_whose_end_could_not_be_written_down_is_gone_on_with_in_the_same_process(
    working: Any, folder: Path, postgres_url: str, held: str
) -> None:
    async with working(database_url=postgres_url) as site:
        async with going_away(site, postgres_url, held):
            with pytest.raises(JobStopped) as stopped:
                await site.attach(confirm=True)
        await anyio.to_thread.run_sync(let_in, postgres_url)
        again = await site.attach(confirm=True)
        [row] = site.rows()
        assert site.box.object_bytes(row["uploadUrn"]) == b"beam"
        assert site.box.requests.count(CREATE) == 1
    assert isinstance(stopped.value.cause, DatabaseUnreachable)
    assert (again.job.uploaded, again.job.running) == (True, False)


async def test_a_job_waits_until_postgresql_gives_up_the_session_that_it_lost(
    working: Any, folder: Path, postgres_url: str
) -> None:
    """A machine that fell off the net, and is back before PostgreSQL has noticed."""
    pauses: list[float] = []
    lost = psycopg.connect(postgres_url, autocommit=True)

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            await anyio.to_thread.run_sync(end_lost)

    def end_lost() -> None:
        own = lost.info.backend_pid
        lost.close()
        with psycopg.connect(postgres_url, autocommit=True) as watch:
            while watch.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [own]).fetchone() is not None:
                """PostgreSQL takes a moment to end the session, and its lock."""

    def lose(number: int) -> None:
        # In one go: the lock is waited for while its session still has it.
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        lost.execute(f"{others} AND datname = current_database(); SELECT pg_advisory_lock({number})")

    async with working(database_url=postgres_url, sleep=pause) as site:
        stalled = site.box.faults.add(Fault(CREATE, Stall()))

        async def cut() -> None:
            await anyio.to_thread.run_sync(stalled.reached.wait)
            [row] = await site.transfers.repository.ask(lambda tables: tables.recent(limit=1))
            digest = hashlib.sha256(f"job {row.id}".encode()).digest()
            await anyio.to_thread.run_sync(lose, int.from_bytes(digest[:8], "big", signed=True))
            site.box.faults.release()

        async with background_task(cut):
            outcome = await site.attach(confirm=True)
        assert (len(site.rows()), site.box.requests.count(CREATE)) == (1, 1)
    assert (outcome.job.uploaded, pauses) == (True, list(AWAY_SECONDS[:2]))


async def test_a_job_whose_end_could_not_be_written_down_is_gone_on_with_by_another_process(
    working: Any, folder: Path, postgres_url: str
) -> None:
    async with working(database_url=postgres_url) as site:
        async with going_away(site, postgres_url, PUT):
            with pytest.raises(JobStopped):
                await site.attach(confirm=True)
        await anyio.to_thread.run_sync(let_in, postgres_url)
        async with working(database_url=postgres_url, takes_up=True) as other:
            while not (rows := site.rows()) or not rows[0]["isFileUploaded"]:
                await anyio.lowlevel.checkpoint()
        assert other.box.requests.count(CREATE) == 1
        assert site.box.object_bytes(rows[0]["uploadUrn"]) == b"beam"
