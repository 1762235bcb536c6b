"""Processes that are killed at any point of a job, and others that go on: real ones, on both kinds of database."""

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import settings

import sandbox
from auth.sealing import Key
from sandbox import Fault, Stall
from transfers.parts import MIN_PART_BYTES
from transfers.points import POINTS

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).parent / "programs" / "process.py"
KEYS = Key.new().text
CREATE, PATCH, PUT, COMPLETE = "attachments.create", "attachments.patch", "storage.put", "oss.signeds3upload.complete"

THOROUGH = settings.get_current_profile_name() != "quick"
"""Every point on every database, as `.ci/run --full` wants it; else one point a stage."""

ONE_A_STAGE = {
    "sqlite": ("hashed", "posted", "part kept", "completed", "patched", "followed"),
    "postgresql": ("posted", "part kept"),
}


class Process:
    """A process of a person; it ends at the latest with its test."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), json.dumps(orders)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self._watchdog = threading.Timer(80, self.process.kill)
        self._errors: list[str] = []
        self._reader = threading.Thread(target=self._read_errors)

    def __enter__(self) -> Self:
        self._watchdog.start()
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watchdog.cancel()
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()

    @property
    def errors(self) -> str:
        return "".join(self._errors)

    def until(self, fact: str, value: object = None) -> dict[str, Any]:
        """Read what it says up to a line that tells of `fact` (being `value`)."""
        assert self.process.stdout
        for line in self.process.stdout:
            said: dict[str, Any] = json.loads(line)
            if fact in said and value in (None, said[fact]):
                return said
        raise AssertionError(f"it ended and never told of {fact} {value}: {self.errors}")

    def dead(self) -> int:
        """Wait for its end."""
        return self.process.wait()

    def close_stdin(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()

    def _read_errors(self) -> None:
        assert self.process.stderr
        self._errors.extend(self.process.stderr)


class Site:
    """A sandbox, a file, a database, and processes that share them."""

    def __init__(self, box: sandbox.Box, folder: Path, data: Path, database_url: str | None, stack: ExitStack) -> None:
        self.box = box
        self.folder = folder
        self.item = box.item("05 12 00-3")
        self._seeded = {row["id"] for row in box.attachments(self.item)}
        self._stack = stack
        self.content = random.Random(1).randbytes(3 * MIN_PART_BYTES + 1)
        (folder / "beam.pdf").write_bytes(self.content)
        self._orders: dict[str, Any] = {
            "base_url": box.base_url,
            "token": box.token("manager"),
            "folders": [str(folder)],
            "data_dir": str(data),
            "database_url": database_url,
            "keys": KEYS,
            "where": {
                "base_url": box.base_url,
                "person_id": box.person("manager").autodesk_id,
                "project_id": self.item.project_id,
                "item_id": self.item.id,
                "revision": 0,
                "category": "for_review",
                "category_id": None,
                "task_id": None,
            },
        }

    def start(self, **orders: Any) -> Process:
        return self._stack.enter_context(Process(self._orders | orders))

    def rows(self) -> list[Any]:
        return [row for row in self.box.attachments(self.item) if row["id"] not in self._seeded]

    def check_one_attachment(self, *, confirmed: bool) -> None:
        [row] = self.rows()
        assert self.box.object_bytes(row["uploadUrn"]) == self.content
        assert row["isFileUploaded"] is confirmed


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def site(kind: str, request: pytest.FixtureRequest, box: sandbox.Box, tmp_path: Path) -> Iterator[Site]:
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else None
    folder = tmp_path / "allowed"
    folder.mkdir()
    with ExitStack() as stack:
        yield Site(box, folder, tmp_path / "data", url, stack)


def kills() -> list[Any]:
    return [
        pytest.param(kind, point, id=f"{kind}-{point.replace(' ', '_')}")
        for kind, points in ONE_A_STAGE.items()
        for point in (POINTS if THOROUGH else points)
    ]


@pytest.mark.parametrize(("kind", "point"), kills())
def test_promise_1_and_2_whatever_is_killed_ends_as_one_attachment_with_exactly_these_bytes(
    site: Site, point: str
) -> None:
    first = site.start(attach="beam.pdf", confirm=True, die_at=point)
    assert first.dead() == -9
    second = site.start()
    second.until("reached", "processed")
    second.close_stdin()
    second.until("ended")
    site.check_one_attachment(confirmed=True)
    assert site.box.requests.count(CREATE) == 1


def test_promise_7_the_next_process_goes_on_from_the_last_part_that_was_taken(site: Site) -> None:
    site.box.faults.add(Fault(PUT, Stall(), nth=3, times=None))
    first = site.start(attach="beam.pdf")
    first.until("reached", "part kept")
    first.process.kill()
    first.dead()
    before = site.box.requests.count(PUT)
    site.box.faults.clear()
    second = site.start()
    second.until("reached", "stored")
    site.check_one_attachment(confirmed=False)
    kept = 4 - (site.box.requests.count(PUT) - before)
    assert kept >= 1


def test_promise_1_a_live_owner_is_never_robbed_of_its_post(site: Site) -> None:
    stalled = site.box.faults.add(Fault(CREATE, Stall()))
    first = site.start(attach="beam.pdf")
    first.until("reached", "intended")
    assert stalled.reached.wait(20)
    second = site.start(attach="beam.pdf")
    second.until("state", "preparing")
    site.box.faults.release()
    mine, theirs = first.until("attached"), second.until("attached")
    assert mine["attached"] == theirs["attached"]
    assert (mine["existed"], theirs["existed"]) == (False, False)
    assert site.box.requests.count(CREATE) == 1
    site.check_one_attachment(confirmed=False)


def test_promise_7_a_process_leaves_what_it_may_not_take_up_to_one_that_may(site: Site, tmp_path: Path) -> None:
    first = site.start(attach="beam.pdf", confirm=True, die_at="signed")
    first.dead()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    stranger = site.start(token=site.box.token("steel"))
    blind = site.start(folders=[str(elsewhere)])
    for process in (stranger, blind):
        process.until("running")
    second = site.start()
    second.until("reached", "patched")
    site.check_one_attachment(confirmed=True)
