"""Following what ACC makes of a confirmed file: in the background, across processes, and not for ever."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from acc_sandbox import Fault, Refuse
from transfers.categories_and_states import FOLLOW_SECONDS

LIST = "attachments.list"
LATE = 1000
"""Seconds of ACC's processing that pass only when the sandbox's clock is moved."""


class Looks:
    """The pauses between two looks: each lasts until the test ends it."""

    def __init__(self) -> None:
        self.send, self.receive = anyio.create_memory_object_stream[None]()
        self.begun = anyio.Event()
        self.pauses: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.begun.set()
        await self.receive.receive()

    async def next(self) -> None:
        """End a pause, and wait for the pause after the look."""
        await self.begun.wait()
        self.begun = anyio.Event()
        await self.send.send(None)


@pytest.fixture
def looks() -> Any:
    looks = Looks()
    with looks.send, looks.receive:
        yield looks


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def written(tmp_path: Path) -> tuple[str, str | None, dict[str, Any]]:
    """Status, owner and record of the one job."""
    with sqlite3.connect(tmp_path / "data" / "submittal-mcp.sqlite3") as connection:
        [(status, owner, record)] = connection.execute("SELECT status, owner, record FROM jobs")
    connection.close()
    return status, owner, json.loads(record)


async def ended(job: Any) -> None:
    while job.under_way:
        await anyio.lowlevel.checkpoint()


async def test_a_confirmed_file_is_answered_at_once_and_followed_until_it_is_ready(
    working: Any, looks: Looks, tmp_path: Path
) -> None:
    async with working(between_looks=looks) as site:
        site.box.switches.urn_delay = LATE
        job = (await site.attach(confirm=True)).job
        assert (job.state, job.running, job.under_way) == ("processing", False, True)
        assert written(tmp_path)[0] == "following"
        await looks.next()
        await looks.begun.wait()
        assert job.state == "processing"
        site.box.clock.move(LATE)
        await looks.next()
        await ended(job)
        assert job.state == "ready"
        status, owner, record = written(tmp_path)
        assert (status, owner, record["attachment"]["asyncState"]) == ("ended", None, "3")
        assert looks.pauses == sorted(looks.pauses)


async def test_a_file_that_acc_cannot_process_ends_as_failed(working: Any, looks: Looks, tmp_path: Path) -> None:
    async with working(between_looks=looks) as site:
        site.box.switches.urn_delay = LATE
        site.box.switches.processing_fails = True
        job = (await site.attach(confirm=True)).job
        site.box.clock.move(LATE)
        await looks.next()
        await ended(job)
        assert job.state == "failed"
        status, _, record = written(tmp_path)
        assert (status, record["error"]["kind"]) == ("ended", "processing_failed")


async def test_an_acc_that_is_away_ends_no_following(working: Any, looks: Looks) -> None:
    async with working(between_looks=looks) as site:
        site.box.switches.urn_delay = LATE
        job = (await site.attach(confirm=True)).job
        site.box.faults.add(Fault(LIST, Refuse(503), times=3))
        await looks.next()
        await looks.begun.wait()
        assert job.under_way
        site.box.clock.move(LATE)
        await looks.next()
        await ended(job)
        assert (job.state, job.error) == ("ready", None)


async def test_processing_is_followed_for_half_an_hour_at_most(working: Any, looks: Looks, tmp_path: Path) -> None:
    clock = Clock()
    async with working(between_looks=looks, clock=clock) as site:
        site.box.switches.urn_delay = LATE
        job = (await site.attach(confirm=True)).job
        clock.now += FOLLOW_SECONDS
        await looks.next()
        await ended(job)
        assert (job.state, job.error) == ("processing", None)
        assert written(tmp_path)[:2] == ("ended", None)


async def test_a_file_that_is_deleted_while_it_is_followed_is_attached_again(working: Any, looks: Looks) -> None:
    async with working(between_looks=looks) as site:
        site.box.switches.urn_delay = LATE
        first = await site.attach(confirm=True)
        again = await site.attach(confirm=True)
        assert (again.existed, again.job) == (True, first.job)
        site.edge.hidden.add(first.job.reserved.id)
        second = await site.attach(confirm=True)
        assert not second.existed
        assert len(site.rows()) == 2


async def test_the_next_process_goes_on_following(working: Any, looks: Looks, tmp_path: Path) -> None:
    async with working(between_looks=looks) as site:
        site.box.switches.urn_delay = LATE
        attachment_id = (await site.attach(confirm=True)).job.reserved.id
    status, owner, _ = written(tmp_path)
    assert (status, owner is not None) == ("following", True)
    looks.begun = anyio.Event()
    async with working(between_looks=looks, takes_up=True) as site:
        await looks.begun.wait()
        job = await site.transfers.job(attachment_id)
        assert (job.state, job.running, job.under_way) == ("processing", False, True)
        site.box.clock.move(LATE)
        await looks.next()
        await ended(job)
        assert job.state == "ready"
        assert site.box.requests.count("attachments.patch") == 1
