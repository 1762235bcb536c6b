"""Processes that are frozen at any point of a job and wake, after another one went on or before it could."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from hypothesis import settings

import acc_sandbox
from persistence.database import Database, DatabaseAddress
from tests.support.lost_database import end_every_connection
from tests.transfers.points import POINTS
from tests.transfers.test_crashes import COMPLETE, CREATE, PATCH, Site
from transfers.jobs.base import Point

if sys.platform != "linux":
    pytest.skip("whether a process has stopped is read from /proc", allow_module_level=True)

THOROUGH = settings.get_current_profile_name() != "quick"
AT_ITS_TURN: tuple[Point, ...] = ("intended", "posted")
"""Points at which no other process may reserve on the same item: such a process is frozen as the last one."""

OTHERS: tuple[Point, ...] = tuple(set(POINTS) - set(AT_ITS_TURN)) if THOROUGH else ("sent", "stored")
CHANGES = (CREATE, COMPLETE, PATCH)


def rows(url: str) -> list[Any]:
    with Database.open(DatabaseAddress.of(url)) as database, database.reading() as connection:
        jobs = connection.execute(sqlalchemy.text("SELECT * FROM jobs ORDER BY id")).all()
        return [*jobs, *connection.execute(sqlalchemy.text("SELECT * FROM job_parts ORDER BY job_id, number"))]


@pytest.mark.parametrize("last", AT_ITS_TURN)
def test_a_frozen_and_replaced_process_changes_no_row_and_sends_no_write(
    box: acc_sandbox.Sandbox, tmp_path: Path, postgres_url: str, last: Point
) -> None:
    """PostgreSQL ends the sessions of processes it hears nothing of; here that is done for it."""
    (tmp_path / "allowed").mkdir()
    with ExitStack() as stack:
        site = Site(box, tmp_path / "allowed", tmp_path / "data", postgres_url, stack)
        frozen = {}
        for points in (OTHERS, (last,)):
            for point in points:
                name = f"{point}.pdf"
                site.write(name, 2)
                frozen[name] = site.start(attach=name, confirm=True, freeze_at=point, takes_up=False)
            for point in points:
                frozen[f"{point}.pdf"].until("reached", point)
                frozen[f"{point}.pdf"].frozen()
        end_every_connection(postgres_url)
        heir = site.start()
        for _ in frozen:
            heir.until("reached", "processed")
        heir.let_go()
        heir.until("ended")
        site.check_one_attachment_each(*frozen, confirmed=True)
        sent, written = [site.box.requests.count(change) for change in CHANGES], rows(postgres_url)
        for process in frozen.values():
            process.go_on()
        for process in frozen.values():
            attached = process.until("attached")
            assert attached["state"] in ("processing", "ready")
            process.let_go()
            process.until("ended")
        assert [site.box.requests.count(change) for change in CHANGES] == sent
        assert rows(postgres_url) == written
        site.check_one_attachment_each(*frozen, confirmed=True)
        assert site.box.requests.count(CREATE) == len(frozen)


@pytest.mark.parametrize("point", POINTS if THOROUGH else ["intended"])
def test_a_frozen_process_beside_sqlite_keeps_its_job_and_ends_it(
    box: acc_sandbox.Sandbox, tmp_path: Path, point: str
) -> None:
    """The kernel keeps a lock for a process that is frozen, so no other process takes its job however long that lasts."""
    (tmp_path / "allowed").mkdir()
    with ExitStack() as stack:
        site = Site(box, tmp_path / "allowed", tmp_path / "data", None, stack)
        first = site.start(attach="beam.pdf", confirm=True, freeze_at=point)
        first.until("reached", point)
        first.frozen()
        second = site.start(attach="beam.pdf", confirm=True)
        if point in ("followed", "processed"):  # no call has to wait for that
            second.until("attached")
        else:
            second.until("state")
        first.go_on()
        first.until("attached")
        assert site.box.requests.count(CREATE) == 1
        site.check_one_attachment(confirmed=True)
