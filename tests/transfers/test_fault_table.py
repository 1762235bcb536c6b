"""What becomes of an attachment under each fault: the table in docs/reliability.md, held against what happens.

The same call is repeated until it succeeds, three times at most, as an assistant would. Under the full hypothesis
profile (`.ci/run --full`) every fault is tried. `python -m scripts.fault_table` writes the table from the rows that the
tests record.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
import sqlalchemy
from hypothesis import settings

from acc_sandbox import Fault, LoseAnswer, Refuse, Reset, ResetAfter, Stall
from persistence.database import Database, DatabaseAddress
from persistence.errors import StorageProblem
from scripts.fault_table import PAGE, table_in
from transfers.errors import JobStopped
from transfers.jobs.rows import JobRow
from transfers.jobs.tables import JobTables
from transfers.upload.part_plan import MIN_PART_BYTES

EVERY_FAULT = settings.get_current_profile_name() != "quick"

CREATE, LIST, PATCH = "attachments.create", "attachments.list", "attachments.patch"
SIGN, COMPLETE, PUT, LOOK = (
    "oss.signeds3upload.get",
    "oss.signeds3upload.complete",
    "storage.put",
    "oss.signeds3download",
)
CALLS = {CREATE: "reserve", LIST: "list", SIGN: "sign", PUT: "part", COMPLETE: "complete", PATCH: "confirm"}
EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
LACKING = {"reason": "MissingOrInvalidParts", "status": "error", "parts": [{"part": 2, "status": "Pending"}]}
PARTS = 3


ALIKE = ("connection cut", "429", "500", *(f"stall at {word}" for word in CALLS.values() if word != "part"))
"""Faults at every call, of which the quick profile tries one kind: 503; and a stall where it is likely."""

STALL_SECONDS = 3.0
"""What stands in for the time-outs where something stalls: long beside what a good answer takes."""


@dataclass(frozen=True)
class Trouble:
    """A fault as the table names it, and how a test makes it: in the sandbox, or around the calls."""

    name: str
    faults: tuple[Fault, ...] = ()
    switches: tuple[tuple[str, object], ...] = ()
    around: Callable[[Any], AbstractContextManager[None]] = lambda _: nullcontext()


@contextmanager
def locked(site: Any) -> Iterator[None]:
    """Another program holds the database for a second."""
    other = sqlite3.connect(site.data / "submittal-mcp.sqlite3", check_same_thread=False, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(1, lambda: other.execute("ROLLBACK"))
    release.start()
    yield
    release.join()
    other.close()


@contextmanager
def full(site: Any) -> Iterator[None]:
    """The database may not grow, as on a disk that is full, until the call has ended; its pages are full already."""
    filler = JobRow(
        "filler", "filler", None, 0, "ended", None, "", "", "", "", None, "", False, "x" * 3800, 0, 0, False, 0, 0
    )
    database = Database.open(DatabaseAddress.sqlite(site.data / "submittal-mcp.sqlite3"))
    JobTables(database).add(filler)
    database.close()
    limited: list[sqlite3.Connection] = []

    def limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")
        limited.append(connection)

    sqlalchemy.event.listen(sqlalchemy.Pool, "checkout", limit)
    yield
    sqlalchemy.event.remove(sqlalchemy.Pool, "checkout", limit)
    for connection in limited:
        connection.execute(f"PRAGMA max_page_count = {2**32 - 2}")


def on_each(name: str, effect: Any, operations: dict[str, str]) -> list[Trouble]:
    return [Trouble(f"{name} at {word}", (Fault(operation, effect),)) for operation, word in operations.items()]


TROUBLES = [
    Trouble("none"),
    *on_each("connection cut", Reset(), CALLS),
    *on_each("429 with Retry-After", Refuse(429, headers={"Retry-After": "1"}), CALLS),
    *on_each("500", Refuse(500), CALLS),
    *on_each("503", Refuse(503), CALLS),
    *on_each("stall", Stall(), CALLS),
    *on_each("answer lost after commit", LoseAnswer(), {CREATE: "reserve", COMPLETE: "complete", PATCH: "confirm"}),
    Trouble("reset after 1 MiB of a part", (Fault(PUT, ResetAfter(1024**2)),)),
    Trouble("expired URL", (Fault(PUT, Refuse(403, EXPIRED)),)),
    Trouble("MissingOrInvalidParts under 200", (Fault(COMPLETE, Refuse(200, LACKING)),)),
    Trouble("MissingOrInvalidParts under 400", (Fault(COMPLETE, Refuse(400, LACKING)),)),
    Trouble("asyncState 4", switches=(("processing_fails", True),)),
    Trouble("database locked for a second", around=locked),
    Trouble("disk full in the data folder", around=full),
]


async def row_of(site: Any, trouble: Trouble) -> str:
    """The table's row of a fault, as it happens now."""
    for fault in trouble.faults:
        site.box.faults.add(Fault(fault.operation, fault.effect, fault.nth, fault.times))
    for name, value in trouble.switches:
        setattr(site.box.switches, name, value)
    ends = []
    for _ in range(3):
        with trouble.around(site) if not ends else nullcontext():
            try:
                outcome = await site.attach(confirm=True)
            except JobStopped as stopped:
                ends.append(f"{type(stopped.cause).__name__} at {stopped.step}")
            except StorageProblem as problem:
                ends.append(type(problem).__name__)
            else:
                ends.append(outcome.job.state)
                break
    rows = site.rows()
    confirmed = sum(1 for row in rows if row["isFileUploaded"])
    if ends[-1] == "processing":
        assert all(site.box.object_bytes(row["uploadUrn"]) == site.content for row in rows if row["isFileUploaded"])
        assert confirmed == 1
    sent_again = site.box.requests.count(PUT) - PARTS
    ends[-1] = await _final_state(site) if ends[-1] == "processing" else ends[-1]
    return f"| {trouble.name} | {', then '.join(ends)} | {len(rows)} | {confirmed} | {sent_again} |"


async def _final_state(site: Any) -> str:
    """What ACC makes of the file; it says so only when asked again."""
    while True:
        [row] = [row for row in site.rows() if row["isFileUploaded"]]
        if row["asyncState"] in ("3", "4"):
            return {"3": "ready", "4": "failed"}[row["asyncState"]]
        await anyio.sleep(0.02)


@pytest.fixture
async def site(working: Any, folder: Path, tmp_path: Path, trouble: Trouble) -> Any:
    async with working(stall_seconds=STALL_SECONDS if trouble.name.startswith("stall") else None) as site:
        site.data = tmp_path / "data"
        # Each part is longer than what a fault lets arrive, whichever of them comes first.
        site.content = bytes(range(256)) * ((2 * MIN_PART_BYTES + 2 * 1024 * 1024) // 256) + b"end"
        (folder / "beam.pdf").write_bytes(site.content)
        await site.transfers.repository.open()
        yield site


@pytest.mark.parametrize(
    "trouble",
    [one for one in TROUBLES if EVERY_FAULT or not one.name.startswith(ALIKE)],
    ids=lambda trouble: trouble.name.replace(" ", "_"),
)
async def test_an_attach_under_a_fault_ends_as_the_table_says(
    site: Any, trouble: Trouble, record_property: Callable[[str, object], None]
) -> None:
    row = await row_of(site, trouble)
    record_property("number", TROUBLES.index(trouble))
    record_property("row", row)
    assert row in table_in(PAGE.read_text(encoding="utf-8")).splitlines()
