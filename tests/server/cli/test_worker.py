"""`submittal-mcp worker`: processes that share a queue, one of which may be killed at any moment."""

import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import acc_sandbox
from acc_sandbox import Fault, Stall
from persistence.database import Database, DatabaseAddress
from persistence.keys import EncryptionKey
from server.cli.doctor.mounts import FolderSnapshot, RemoteSnapshot, compare
from transfers.upload.part_plan import MIN_PART_BYTES

CREATE, PUT, CONFIRM = "attachments.create", "storage.put", "attachments.patch"
STEEL = "05 12 00-3"


class Site:
    """Machines that share a database and a mount with drawings."""

    def __init__(self, start: Any, box: acc_sandbox.Sandbox, place: Path, database_url: str) -> None:
        self._start = start
        self.box = box
        self.drawings = place / "drawings"
        self.drawings.mkdir()
        self.item = box.item(STEEL)
        self._seeded = {row["id"] for row in box.attachments(self.item)}
        self.manifest = place / "drawings.csv"
        self._environment = {
            "APS_BASE_URL": box.base_url,
            "APS_ACCESS_TOKEN": box.token("manager"),
            "SUBMITTAL_MCP_FOLDERS": str(self.drawings),
            "SUBMITTAL_MCP_PARALLEL_PARTS": "1",  # a part arrives when the ones before it are stored
            "SUBMITTAL_MCP_DATA_DIR": str(place / "data"),
            "SUBMITTAL_MCP_DATABASE_URL": database_url,
            "SUBMITTAL_MCP_ENCRYPTION_KEYS": EncryptionKey.new().text,
        }

    def write(self, *names: str, size: int = 5000) -> None:
        for number, name in enumerate(names):
            (self.drawings / name).write_bytes(random.Random(number).randbytes(size))
        rows = "".join(f"Riverside Medical Center,{STEEL},drawings/{name}\n" for name in names)
        self.manifest.write_text(f"project,submittal,file\n{rows}", encoding="utf-8")

    def hand_over(self, *more: str, **environment: str) -> Any:
        arguments = ("-m", "server", "attach", "--manifest", str(self.manifest), "--queue", *more)
        return self._start(*arguments, **(self._environment | environment))

    def worker(self, *more: str, **environment: str) -> Any:
        worker = self._start("-m", "server", "worker", *more, **(self._environment | environment))
        worker.stderr_line("worker_ready")
        return worker

    def jobs(self, *arguments: str) -> tuple[int, str, str]:
        code, out, err = self._start("-m", "server", "jobs", *arguments, **self._environment).rest()
        return code, out, err

    def check_attached(self, *names: str) -> None:
        rows: list[Any] = [row for row in self.box.attachments(self.item) if row["id"] not in self._seeded]
        assert sorted(row["name"] for row in rows) == sorted(names)
        for row in rows:
            assert self.box.object_bytes(row["uploadUrn"]) == (self.drawings / row["name"]).read_bytes()
            assert row["isFileUploaded"] is True

    def other_machine_sees(self, folder: Path) -> list[RemoteSnapshot]:
        """What is written down at a worker's start, by another machine with `folder` at the path of the drawings."""
        with Database.open(DatabaseAddress.of(self._environment["SUBMITTAL_MCP_DATABASE_URL"])) as database:
            return compare(database, self.drawings, FolderSnapshot.of(folder), "worker-2")


@pytest.fixture
def site(start: Any, box: acc_sandbox.Sandbox, tmp_path: Path, postgres_url: str) -> Site:
    return Site(start, box, tmp_path, postgres_url)


def test_queued_files_are_attached_by_workers_and_the_command_reports_results(
    site: Site,
) -> None:
    names = [f"{number}.pdf" for number in range(12)]
    site.write(*names)
    site.box.switches.urn_delay = 0
    workers = [site.worker(), site.worker()]
    code, out, err = site.hand_over().rest()
    assert (code, out.splitlines()[0]) == (0, "12 files: 12 attached."), err
    site.check_attached(*names)
    # Two for each, to reserve and to confirm; what looks there are serves all that a process has under way.
    sent = [one.operation for one in site.box.requests.all() if site.item.id in one.path]
    assert sent.count(CREATE) == sent.count(CONFIRM) == 12
    assert len(sent) < 2 * 12 + 2 * 12, Counter(sent)  # a list before and a look after each would be as many again
    for worker in workers:
        worker.process.send_signal(signal.SIGTERM)
        code, _, err = worker.rest()
        assert (code, "worker_ends" in err) == (0, True), err


def test_a_worker_that_is_killed_is_followed_by_another_that_goes_on_and_repeats_nothing(site: Site) -> None:
    site.write("beam.pdf", size=3 * MIN_PART_BYTES)
    stalled = site.box.faults.add(Fault(PUT, Stall(), nth=3, times=None))
    first = site.worker()
    command = site.hand_over()
    assert stalled.reached.wait(120)
    command.process.send_signal(signal.SIGINT)  # a command that stops waiting stops no worker
    code, out, err = command.rest()
    assert (code, out.splitlines()[0]) == (130, "1 file: 1 interrupted."), err
    assert "stays in the queue" in err
    first.process.kill()
    assert first.rest()[0] == -9
    site.box.faults.clear()
    sent = site.box.requests.count(PUT)

    second = site.worker()
    second.stderr_line("job_taken_up")
    code, out, err = site.hand_over().rest()
    assert code == 0, err
    site.check_attached("beam.pdf")
    assert site.box.requests.count(CREATE) == 1
    assert site.box.requests.count(PUT) - sent < 3


def test_a_worker_ends_in_time_while_storage_stalls_and_leaves_its_job_to_another(site: Site) -> None:
    site.write("beam.pdf")
    stalled = site.box.faults.add(Fault(PUT, Stall(), times=None))
    first = site.worker()
    command = site.hand_over()
    assert stalled.reached.wait(120)
    first.process.send_signal(signal.SIGTERM)
    assert first.rest()[0] == 0  # by itself: nothing lets the stalled request go
    site.box.faults.clear()
    site.worker()
    code, _, err = command.rest()
    assert code == 0, err
    site.check_attached("beam.pdf")
    assert site.box.requests.count(CREATE) == 1


def test_a_worker_leaves_what_it_may_not_do_and_another_does_it(site: Site, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    site.write("beam.pdf")
    other_folder = site.worker("--folder", str(tmp_path / "elsewhere"))
    other_person = site.worker(APS_ACCESS_TOKEN=site.box.token("steel"))
    command = site.hand_over()
    other_folder.stderr_line("job_left_alone")
    assert '"standing": "queued"' in site.jobs("list", "--json")[1]
    assert site.box.requests.count(CREATE) == 0
    able = site.worker()
    assert command.rest()[0] == 0
    site.check_attached("beam.pdf")
    able.process.terminate()
    other_person.process.terminate()
    assert "job_taken_up" not in other_person.rest()[2]


def test_a_queued_job_is_cancelled_by_a_person(site: Site) -> None:
    site.write("beam.pdf")
    command = site.hand_over()
    command.stderr_line("Everything is checked")
    listed = ""
    while '"standing": "queued"' not in listed:
        listed = site.jobs("list", "--json")[1]
    job = listed.partition('"id": "')[2].partition('"')[0]
    assert site.jobs("cancel", job)[0] == 0
    code, out, _ = command.rest()
    assert (code, out.splitlines()[0]) == (1, "1 file: 1 failed.")
    assert site.box.requests.count(CREATE) == 0


@pytest.mark.parametrize(
    ("command", "environment", "said"),
    [
        ("worker", {"SUBMITTAL_MCP_DATABASE_URL": ""}, "Workers share the queue of a PostgreSQL database"),
        ("worker", {"SUBMITTAL_MCP_FOLDERS": ""}, "No folder is allowed"),
        ("worker", {"SUBMITTAL_MCP_READ_ONLY": "true"}, "settings forbid every change"),
        ("attach", {"SUBMITTAL_MCP_DATABASE_URL": ""}, "set SUBMITTAL_MCP_DATABASE_URL for --queue"),
        ("attach", {"SUBMITTAL_MCP_CONFIRM": "ask"}, "so it may make nothing visible"),
    ],
)
def test_settings_without_a_usable_queue_are_refused_with_the_remedy(
    start: Any, tmp_path: Path, command: str, environment: dict[str, str], said: str
) -> None:
    ours = {
        "APS_ACCESS_TOKEN": "no.real.token",
        "SUBMITTAL_MCP_FOLDERS": str(tmp_path),
        "SUBMITTAL_MCP_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        "SUBMITTAL_MCP_ENCRYPTION_KEYS": EncryptionKey.new().text,
    }
    more = ["--queue", "--project", "P", "--submittal", "1", "x.pdf"] if command == "attach" else []
    code, _, err = start("-m", "server", command, *more, **(ours | environment)).rest()
    assert (code, said in err) == (1, True), err


def test_a_worker_says_so_where_another_machine_has_another_folder_at_the_same_path(site: Site, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    assert site.other_machine_sees(own) == []
    worker = site._start("-m", "server", "worker", **site._environment)
    assert "worker-2" in worker.stderr_line("folder_differs")
    worker.stderr_line("worker_ready")
    [written] = site.other_machine_sees(site.drawings)
    assert written.sighting == FolderSnapshot.of(site.drawings)
