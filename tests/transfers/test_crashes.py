"""Processes that are killed at any point of a job, and others that go on: real ones, on both kinds of database."""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import acc_sandbox
from acc_sandbox import Fault, Stall
from persistence.keys import EncryptionKey
from tests.support.processes import Process
from tests.transfers.points import AHEAD_POINTS, POINTS
from tests.transfers.programs.process import Orders, main
from transfers.upload.part_plan import MIN_PART_BYTES

KEYS = EncryptionKey.new().text
CREATE, PATCH, PUT, COMPLETE = "attachments.create", "attachments.patch", "storage.put", "oss.signeds3upload.complete"

THOROUGH = settings.get_current_profile_name() != "quick"
"""Every point on every database, as `.ci/run --full` wants it; else one point a stage."""

ONE_A_STAGE = {
    "sqlite": ("hashed", "posted", "part kept", "completed", "patched", "followed"),
    "postgresql": ("posted", "part kept"),
}


class Person(Process):
    """A process of a person; it ends at the latest with its test."""

    def until(self, fact: str, value: object = None) -> dict[str, Any]:
        """Hear what it says up to what tells of `fact` (being `value`)."""
        while True:
            try:
                said: dict[str, Any] = self.says()
            except EOFError:
                raise AssertionError(f"it ended and never told of {fact} {value}") from None
            if fact in said and value in (None, said[fact]):
                return said


class Site:
    """A sandbox, a file, a database, and processes that share them."""

    def __init__(
        self, box: acc_sandbox.Sandbox, folder: Path, data: Path, database_url: str | None, stack: ExitStack
    ) -> None:
        self.box = box
        self.folder = folder
        self.item = box.item("05 12 00-3")
        self._seeded = {row["id"] for row in box.attachments(self.item)}
        self._stack = stack
        self.contents: dict[str, bytes] = {}
        self.write("beam.pdf", 4)
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

    def write(self, name: str, parts: int) -> None:
        """Put a file of so many parts there, the last of them a byte."""
        self.contents[name] = random.Random(name).randbytes((parts - 1) * MIN_PART_BYTES + 1)
        (self.folder / name).write_bytes(self.contents[name])

    def start(self, **orders: Any) -> Person:
        return self._stack.enter_context(Person(main, Orders(**self._orders | orders)))

    def rows(self) -> list[Any]:
        return [row for row in self.box.attachments(self.item) if row["id"] not in self._seeded]

    def check_one_attachment(self, *, confirmed: bool) -> None:
        self.check_one_attachment_each("beam.pdf", confirmed=confirmed)

    def check_one_attachment_each(self, *names: str, confirmed: bool) -> None:
        rows = self.rows()
        assert sorted(row["name"] for row in rows) == sorted(names)
        for row in rows:
            assert self.box.object_bytes(row["uploadUrn"]) == self.contents[row["name"]]
            assert row["isFileUploaded"] is confirmed


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def site(kind: str, request: pytest.FixtureRequest, box: acc_sandbox.Sandbox, tmp_path: Path) -> Iterator[Site]:
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else None
    folder = tmp_path / "allowed"
    folder.mkdir()
    with ExitStack() as stack:
        yield Site(box, folder, tmp_path / "data", url, stack)


def test_promise_1_and_2_whatever_is_killed_ends_as_one_attachment_with_exactly_these_bytes(
    site: Site, kind: str
) -> None:
    """At each point a process of its own, with a file of its own; one goes on with what they leave, or two at once."""
    dying = {}
    for point in POINTS if THOROUGH else ONE_A_STAGE[kind]:
        name = f"{point}.pdf"
        site.write(name, 2)
        dying[name] = site.start(attach=name, confirm=True, die_at=point, takes_up=False)
    for point in ("sent", "completed", "patched") if kind == "sqlite" else ():  # of one part less is written down
        name = f"{point} in one part.pdf"
        site.write(name, 1)
        dying[name] = site.start(attach=name, confirm=True, die_at=point, takes_up=False)
    end_as_one_attachment_each(site, kind, dying)


def test_promise_1_and_2_hold_of_files_that_are_sent_while_they_are_read(site: Site, kind: str) -> None:
    """Read, reserved and sent at the same time, and gone on with by processes that do the same."""
    dying = {}
    for point in (*AHEAD_POINTS, *POINTS) if THOROUGH else (*AHEAD_POINTS, "posted"):
        if point != "hashed":  # they are identified instead
            name = f"{point}.pdf"
            site.write(name, 4)
            dying[name] = site.start(attach=name, confirm=True, die_at=point, takes_up=False, ahead=True)
    end_as_one_attachment_each(site, kind, dying, ahead=True)


def end_as_one_attachment_each(site: Site, kind: str, dying: dict[str, Person], *, ahead: bool = False) -> None:
    """Let processes die, and others end what they began."""
    assert {name: process.exit_code() for name, process in dying.items()} == dict.fromkeys(dying, -9)
    heir, *others = [site.start(ahead=ahead) for _ in range(2 if kind == "postgresql" else 1)]
    left = len(dying)
    while left:
        left -= heir.has_said(others).says().get("reached") == "processed"
    for one in (heir, *others):
        one.let_go()
        one.until("ended")
    site.check_one_attachment_each(*dying, confirmed=True)
    assert site.box.requests.count(CREATE) == len(dying)


def test_promise_7_the_next_process_goes_on_from_the_last_part_that_was_taken(site: Site) -> None:
    site.box.faults.add(Fault(PUT, Stall(), nth=3, times=None))
    first = site.start(attach="beam.pdf")
    first.until("reached", "part kept")
    first.kill()
    first.exit_code()
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
    assert stalled.reached.wait(120)
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
    assert first.exit_code() == -9
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    stranger = site.start(token=site.box.token("steel"))
    blind = site.start(folders=[str(elsewhere)])
    for process in (stranger, blind):
        process.until("running")
    second = site.start()
    second.until("reached", "patched")
    site.check_one_attachment(confirmed=True)
