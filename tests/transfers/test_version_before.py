"""Databases of the version before, with jobs at every point, and its processes beside ours.

The two databases were written by the last version that ran jobs by DBOS: a process of its was killed at each point of a
job, and other jobs stopped, rest, wait for their caller or for a worker. What ACC had of them is made again here.
"""

import fcntl
import gzip
import hashlib
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import psycopg
import pytest

import acc_sandbox
from acc.ids import ObjectLocation
from tests.transfers.points import POINTS
from transfers.idempotency import AttachTarget
from transfers.jobs.recovery import JobEligibility, OrphanedJobRecovery
from transfers.jobs.rows import JobRow

if sys.platform == "win32":
    pytest.skip("its locks there are of another kind", allow_module_level=True)

FOLDER = Path(__file__).parent / "databases"
BASE_URL, DRAWINGS = "http://127.0.0.1:8788", "/srv/drawings"
RESTING = {"stopped.pdf", "uploaded.pdf", "ended.pdf", "by-caller.pdf", "queued.pdf"}
CREATE = "attachments.create"

Rows = dict[str, dict[str, Any]]


class Old:
    """The database of the version before, as plain rows, at its place for ours to find."""

    def __init__(self, data: Path, url: str | None) -> None:
        self.url = url
        self.locks = data / "locks"
        if url is None:
            self.locks.mkdir(mode=0o700, parents=True)
            self._file = data / "submittal-mcp.sqlite3"
            self._file.write_bytes(gzip.decompress((FOLDER / "version-1.sqlite3.gz").read_bytes()))
        else:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(gzip.decompress((FOLDER / "version-1.sql.gz").read_bytes()))

    @contextmanager
    def connected(self) -> Iterator[Any]:
        if self.url is not None:
            with psycopg.connect(self.url) as connection:
                yield connection
        else:
            with closing(sqlite3.connect(self._file)) as connection, connection:
                yield connection

    def rows(self) -> Rows:
        names = ("name", "id", "fingerprint", "status", "owner", "attachment_id", "record")
        with self.connected() as connection:
            found = connection.execute(f"SELECT {', '.join(names)} FROM jobs").fetchall()
        return {row[0]: {**dict(zip(names, row, strict=True)), "record": json.loads(row[-1])} for row in found}

    def change(self, name: str, **values: Any) -> None:
        mark = "?" if self.url is None else "%s"
        columns = ", ".join(f"{column} = {mark}" for column in values)
        with self.connected() as connection:
            connection.execute(f"UPDATE jobs SET {columns} WHERE name = {mark}", (*values.values(), name))

    @contextmanager
    def living(self, executor: str) -> Iterator[None]:
        """A process of the version before lives: it holds the lock of its name, the way that version took it."""
        digest = hashlib.sha256(f"executor {executor}".encode())
        with ExitStack() as stack:
            if self.url is None:
                descriptor = os.open(self.locks / f"{digest.hexdigest()[:32]}.lock", os.O_RDWR | os.O_CREAT, 0o600)
                stack.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                connection = stack.enter_context(psycopg.connect(self.url, autocommit=True))
                number = int.from_bytes(digest.digest()[:8], "big", signed=True)
                assert connection.execute("SELECT pg_try_advisory_lock(%s)", (number,)).fetchone() == (True,)
            yield

    def finds_dead(self, owner: str) -> bool:
        """Whether a process of the version before would take an owner for dead, and take its jobs."""
        try:
            with self.living(owner):
                return True
        except (BlockingIOError, AssertionError):
            return False


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Old:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    return Old(tmp_path / "data", url)


async def bring_here(old: Old, site: Any, folder: Path) -> None:
    """Let the rows speak of this sandbox, and let it have what they say is at ACC."""
    at_acc = {"posted.pdf"}  # what the version before did not live to write down
    for name, row in old.rows().items():
        record = json.loads(json.dumps(row["record"]).replace(BASE_URL, site.box.base_url))
        if record.get("path"):
            record["path"] = str(folder / name)
            (folder / name).write_bytes(name.encode())
            found = (folder / name).stat()
            if not record.get("sha256"):  # nothing but this tells that it is the same file
                record["identity"] = [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns]
        changed: dict[str, Any] = {"base_url": site.box.base_url}
        if row["attachment_id"] or name in at_acc:
            made = await site.acc.submittals.create_attachment(site.where.project_id, site.item.id, name=name)
            if record.get("stored"):
                await send(site, made.upload_urn, name.encode())
            if record.get("attachment", {}).get("isFileUploaded"):
                await site.acc.submittals.confirm_attachment(site.where.project_id, site.item.id, made.id)
            if row["attachment_id"]:
                record["attachment"] |= {"id": made.id, "uploadUrn": made.upload_urn}
                changed["attachment_id"] = made.id
        if row["fingerprint"]:
            content = f"sha256:{record['sha256']}" if record.get("sha256") else "caller"
            changed["fingerprint"] = AttachTarget(**record["destination"]).request(name, content).fingerprint()
        old.change(name, record=json.dumps(record), **changed)


async def send(site: Any, urn: str, content: bytes) -> None:
    place = ObjectLocation.parse(urn)
    signed = await site.acc.storage.upload_urls(place, first_part=1, parts=1, minutes=2)
    async with httpx.AsyncClient() as client:
        await client.put(signed.urls[0].value, content=content)
    await site.acc.storage.complete(place, upload_key=signed.upload_key)


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await anyio.lowlevel.checkpoint()


async def test_unfinished_jobs_of_the_version_before_end_with_one_attachment_each(
    old: Old, working: Any, folder: Path
) -> None:
    dying = {f"{point}.pdf" for point in POINTS}
    assert set(old.rows()) == dying | RESTING
    async with working(database_url=old.url) as before:
        await bring_here(old, before, folder)
        made = before.box.requests.count(CREATE)
        async with working(database_url=old.url, takes_up=True, files_at_once=1) as site:
            await until(lambda: not any(row["owner"] for row in old.rows().values()))
            await until(lambda: old.rows()["queued.pdf"]["status"] == "ended")
            rows = {row["name"]: row for row in before.rows()}
            assert all(rows[name]["isFileUploaded"] for name in dying | {"queued.pdf"})
            new = {"asked.pdf", "hashed.pdf", "intended.pdf", "queued.pdf"}
            assert site.box.requests.count(CREATE) - made == len(new)
            assert len(before.rows()) == len(rows)
            for name in dying:
                assert site.box.object_bytes(rows[name]["uploadUrn"]) == name.encode()
            for name in ("stopped.pdf", "uploaded.pdf"):  # what rested is answered as itself
                outcome = await site.attach(name, confirm=True)
                assert (outcome.existed, outcome.job.uploaded) == (True, True)
            assert len(before.rows()) == len(rows)
    assert {row["status"] for name, row in old.rows().items() if name != "by-caller.pdf"} <= {
        "ended",
        "following",
        "replaced",
    }


async def test_a_living_process_of_the_version_before_keeps_its_jobs_and_leaves_us_ours(
    old: Old, working: Any, folder: Path
) -> None:
    async with working(database_url=old.url) as site:
        await bring_here(old, site, folder)
        theirs = old.rows()["signed.pdf"]
        repository = site.transfers.repository
        allowed = JobEligibility(site.transfers.context, lambda _: True)
        recovery = OrphanedJobRecovery(site.transfers.runner, site.transfers.context, allowed)
        with old.living(theirs["owner"]):
            await recovery.recover_once()
            assert old.rows()["signed.pdf"] == theirs
            row: JobRow = await repository.ask(lambda tables: tables.row(theirs["id"]))
            job = await repository.load(row)
            assert (job.elsewhere, await repository.begin(row)) == (True, None)
            # What we took up meanwhile is ours.
            ours = await repository.ask(lambda tables: tables.owned(site.box.base_url))
            assert all(not old.finds_dead(one.owner) for one in ours if one.owner == repository.owner)
            assert not old.finds_dead(repository.owner)
        await until(lambda: {one["owner"] for one in old.rows().values()} == {None, theirs["owner"]})
        await recovery.recover_once()
        await until(lambda: old.rows()["signed.pdf"]["status"] == "ended")
    assert old.finds_dead(repository.owner)


async def test_rows_are_read_by_their_kinds_and_by_the_class_names_of_old(old: Old, working: Any, folder: Path) -> None:
    async with working(database_url=old.url) as site:
        await bring_here(old, site, folder)
        assert {row["record"]["kind"] for row in old.rows().values()} == {"FileJob", "CallerJob"}
        assert old.rows()["stopped.pdf"]["record"]["error"]["kind"] == "StorageRefused"
        await site.attach("stopped.pdf", confirm=True)
    assert old.rows()["stopped.pdf"]["record"]["kind"] == "local_file"
    with old.connected() as connection:
        [version] = connection.execute("SELECT version FROM schema_versions WHERE component = 'transfers'").fetchone()
    assert version == 2


def test_the_sandbox_is_the_one_that_the_rows_speak_of(box: acc_sandbox.Sandbox, old: Old) -> None:
    where = old.rows()["signed.pdf"]["record"]["destination"]
    assert where["item_id"] == box.item("05 12 00-3").id
    assert where["person_id"] == box.person("manager").autodesk_id
