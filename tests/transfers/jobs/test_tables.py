"""The tables of jobs on both kinds of database: whose a job is, and what is forgotten when."""

import math
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import pytest

from persistence.database import Database
from persistence.locks import AdvisoryLocks, FileLocks, LockManager
from persistence.migrations import migrate
from tests.transfers.rows import ROW
from transfers.jobs.rows import (
    CANCELLED,
    ENDED,
    FOLLOWING,
    OPEN,
    QUEUED,
    REPLACED,
    JobOwnershipLost,
    JobRow,
    StoredPart,
)
from transfers.jobs.tables import TABLES, JobTables


@pytest.fixture
def store(database: Database) -> JobTables:
    migrate(database, TABLES)
    return JobTables(database)


@pytest.fixture
def locks(database: Database, tmp_path: Path) -> Iterator[LockManager]:
    kind: LockManager = AdvisoryLocks(database) if database.address.file is None else FileLocks(tmp_path / "locks")
    yield kind
    kind.close()


def at_once(*calls: object) -> list[object]:
    """What calls answer that all begin at the same moment."""
    barrier = threading.Barrier(len(calls))

    def run(call: object) -> object:
        barrier.wait()
        return call()  # type: ignore[operator]  # each is a function

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def test_a_row_comes_back_as_it_was(store: JobTables) -> None:
    row = replace(ROW, fingerprint="f", owner="A", attachment_id="a", posting=True, cancelled=True, bytes_sent=2**40)
    assert store.add(row) == row
    assert store.row("one") == row
    assert store.add(replace(row, id="two")) == row
    assert store.by_attachments(["a", "b"]) == [row]
    assert store.row("two") is None


def test_unfinished_jobs_are_paged_through_once_each_though_some_are_as_old_as_others(store: JobTables) -> None:
    ages = [1_796_097_783.4, 1_796_097_783.4, math.nextafter(1_796_097_783.4, 0), 1_796_097_783.4, 1_796_097_784.0]
    for number, created in enumerate(ages):
        store.add(replace(ROW, id=str(number), asked=str(number), created=created))
    listed: list[JobRow] = []
    while page := store.unfinished(
        ROW.base_url, ROW.person_id, project_ids=[], open_since=0, after=place_of(listed), limit=2
    ):
        listed += page
    assert [row.id for row in listed] == ["4", "0", "1", "3", "2"]


def place_of(listed: list[JobRow]) -> tuple[float, str] | None:
    """Return where a list goes on."""
    return (listed[-1].created, listed[-1].id) if listed else None


def test_of_two_that_ask_in_the_same_words_at_the_same_time_one_adds_and_both_are_given_it(store: JobTables) -> None:
    rows = [replace(ROW, id=str(number)) for number in range(6)]
    added = at_once(*[lambda row=row: store.add(row) for row in rows])
    assert len(set(added)) == 1


def test_an_attempt_at_a_job_is_begun_by_one(store: JobTables) -> None:
    row = store.add(replace(ROW, owner="dead"))
    begun = at_once(*[lambda owner=owner: store.begin(row, owner) for owner in "ABCDEF"])
    [one] = [found for found in begun if found is not None]
    assert one == store.row("one")
    assert one.attempt == row.attempt + 1  # type: ignore[attr-defined]


def test_an_attempt_that_another_one_followed_changes_nothing_any_more(store: JobTables) -> None:
    first = store.begin(store.add(ROW), "A")
    assert first is not None
    store.keep_parts("one", first.attempt, [StoredPart(1, 5, "etag", "sha")])
    second = store.begin(store.row("one"), "B")  # type: ignore[arg-type]
    assert second is not None
    for change in (
        lambda: store.check("one", first.attempt),
        lambda: store.save("one", first.attempt, record="mine"),
        lambda: store.progress("one", first.attempt, 1, 1),
        lambda: store.assign_fingerprint("one", first.attempt, "f"),
        lambda: store.keep_parts("one", first.attempt, [StoredPart(2, 5, "etag", "sha")]),
        lambda: store.forget_parts("one", first.attempt),
    ):
        with pytest.raises(JobOwnershipLost):
            change()
    assert store.row("one") == second
    assert [part.number for part in store.parts("one")] == [1]


def test_a_job_that_was_replaced_while_it_was_followed_stays_so(store: JobTables) -> None:
    followed = store.begin(store.add(ROW), "A", FOLLOWING)
    assert followed is not None
    store.replace("one")
    with pytest.raises(JobOwnershipLost):
        store.save("one", followed.attempt, status=ENDED)
    assert store.row("one").status == REPLACED  # type: ignore[union-attr]


def test_a_fingerprint_belongs_to_one_job(store: JobTables) -> None:
    first, second = replace(ROW, owner="A"), replace(ROW, id="two", asked="otherwise", owner="B")
    store.add(first)
    store.add(second)
    found = at_once(lambda: store.assign_fingerprint("one", 0, "f"), lambda: store.assign_fingerprint("two", 0, "f"))
    assert {row.id for row in found} in ({"one"}, {"two"})  # type: ignore[attr-defined]


def test_an_idle_job_is_cancelled_at_once_and_blocks_no_other(store: JobTables) -> None:
    store.add(replace(ROW, fingerprint="f"))
    assert store.request_cancel("one")
    row = store.row("one")
    assert row is not None
    assert (row.status, row.fingerprint) == (CANCELLED, None)
    assert store.add(replace(ROW, id="two")).id == "two"


def test_the_owner_of_a_job_learns_that_it_is_cancelled(store: JobTables) -> None:
    store.add(replace(ROW, owner="A"))
    assert not store.progress("one", 0, 1, 0)
    assert not store.request_cancel("one")
    assert store.progress("one", 0, 2, 0)


@pytest.mark.parametrize(
    ("status", "then"), [(OPEN, CANCELLED), (QUEUED, CANCELLED), (ENDED, ENDED)], ids=["open", "queued", "ended"]
)
def test_a_job_that_its_owner_lets_go_before_it_learns_of_the_wish_is_cancelled(
    store: JobTables, status: str, then: str
) -> None:
    store.add(replace(ROW, owner="A", fingerprint="f"))
    assert not store.request_cancel("one")
    store.save("one", 0, status=status, owner=None)
    row = store.row("one")
    assert row is not None
    assert row.status == then


def test_other_jobs_of_the_same_name_are_known_with_their_attachments_and_their_doubts(store: JobTables) -> None:
    store.add(ROW)
    store.add(replace(ROW, id="has", asked="2", attachment_id="a", posting=True))
    store.add(replace(ROW, id="doubts", asked="3", posting=True))
    store.add(replace(ROW, id="elsewhere", asked="4", item_id="other", posting=True))
    store.add(replace(ROW, id="named otherwise", asked="5", name="joist.pdf", posting=True))
    assert store.find_competing("one", "item", "beam.pdf") == ({"a"}, 1)


def test_parts_are_kept_replaced_and_forgotten(store: JobTables) -> None:
    parts = [StoredPart(number, 5, f"etag {number}", f"sha {number}") for number in (2, 1, 3)]
    store.add(ROW)
    store.keep_parts("one", 0, parts)
    store.keep_parts("one", 0, [StoredPart(2, 5, "newer", "sha 2")])
    assert [(part.number, part.etag) for part in store.parts("one")] == [(1, "etag 1"), (2, "newer"), (3, "etag 3")]
    store.forget_parts("one", 0, [1, 3])
    assert [part.number for part in store.parts("one")] == [2]
    store.forget_parts("one", 0)
    assert store.parts("one") == []


def test_old_ended_jobs_are_pruned_and_open_ones_are_not(store: JobTables) -> None:
    for status in (OPEN, ENDED, CANCELLED, REPLACED):
        store.add(replace(ROW, id=status, asked=status, status=status))
    store.add(replace(ROW, id="new", asked="new", status=ENDED, updated=100.0))
    store.add(replace(ROW, id="owned", asked="owned", status=ENDED, owner="A"))
    store.keep_parts(ENDED, 0, [StoredPart(1, 5, "etag", "sha")])
    assert store.prune(50.0) == 3
    assert [row.id for row in store.recent(limit=10)] == sorted(["new", OPEN, "owned"])
    assert store.parts(ENDED) == []


def test_recent_jobs_leave_out_those_that_acc_processed_long_ago(store: JobTables) -> None:
    for status in (OPEN, QUEUED, ENDED, CANCELLED, FOLLOWING):
        store.add(replace(ROW, id=status, asked=status, status=status))
    store.add(replace(ROW, id="new", asked="new", status=FOLLOWING, updated=100.0))
    assert [row.id for row in store.recent(limit=10, open_since=50.0)] == sorted(["new", OPEN, QUEUED])


def test_more_old_jobs_are_pruned_than_a_statement_has_room_for(store: JobTables, database: Database) -> None:
    store.add(replace(ROW, status=ENDED))
    with database.writing() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE more AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 70000)"
            " SELECT i FROM n"
        )
        columns = [name for name in vars(ROW) if name != "id"]
        connection.exec_driver_sql(
            f"INSERT INTO jobs (id, {', '.join(columns)}) SELECT 'n' || i, {', '.join(columns)} FROM jobs, more"
        )
        connection.exec_driver_sql("INSERT INTO job_parts SELECT id, 1, 5, 'etag', 'sha' FROM jobs")
    assert store.prune(50.0) == 70_001
    assert store.recent(limit=1) == store.parts("n1") == store.parts("n70000") == []


if sys.platform != "win32":  # there, who looks cannot be told from who holds
    import fcntl

    def test_a_process_that_looks_at_a_file_lock_keeps_no_other_from_taking_it(tmp_path: Path) -> None:
        """The operating system has stopped it there, for longer than the other one would wait for a holder."""
        locks = FileLocks(tmp_path)
        held = locks.try_acquire("name")
        assert held is not None
        [path] = tmp_path.iterdir()
        held.release()
        path.touch()  # as a process that died leaves it
        with path.open("rb") as looking, ThreadPoolExecutor(1) as other:
            fcntl.flock(looking, fcntl.LOCK_SH)
            taken = other.submit(locks.try_acquire, "name")
            wait([taken], timeout=0.5)
            fcntl.flock(looking, fcntl.LOCK_UN)
            lock = taken.result(120)
        assert lock is not None
        lock.release()


def test_a_lock_has_one_holder_and_another_after_its_release(locks: LockManager) -> None:
    held = locks.try_acquire("name")
    assert held is not None
    assert held.held()
    assert locks.try_acquire("name") is None
    assert locks.held_names({"name", "another name"}) == {"name"}
    other = locks.try_acquire("another name")
    assert other is not None
    held.release()
    held.release()
    assert locks.held_names({"name"}) == set()
    again = locks.try_acquire("name")
    assert again is not None
    for lock in (again, other):
        lock.release()
