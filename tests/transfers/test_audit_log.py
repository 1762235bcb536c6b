"""Every file that leaves has its line in the audit log first, and none leaves without (security notes, B.6)."""

import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from acc_sandbox import Fault, LoseAnswer, Refuse, Stall
from persistence import private_files
from persistence.errors import StorageProblem
from persistence.locks import FileLocks
from tests.conftest import NO_TRUST
from transfers.audit_log import AuditEntry, AuditLog
from transfers.errors import JobStopped

LINKED = "Project Files/03 Shop Drawings/05 Steel/beam-shop-drawings.pdf"
SENDS = ("attachments.create", "attachments.patch", "oss.signeds3upload.get", "storage.put")

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs what POSIX file systems have")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the log of a process of `working` is."""
    return tmp_path / "data" / "audit.jsonl"


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_bytes().splitlines()]


def entry(**changes: Any) -> AuditEntry:
    known = {"autodesk": "a", "person_id": "p", "project_id": "q", "submittal_id": "s", "attachment_id": "t"}
    return AuditEntry(**{**known, "name": "beam.pdf", **changes})


async def test_a_file_has_a_line_before_it_leaves_and_one_after(working: Any, folder: Path, log: Path) -> None:
    async with working() as site:
        outcome = await site.attach(confirm=True)
    told = lines(log)
    [pair, confirmation] = dict.fromkeys(line["id"] for line in told)
    what = {
        "autodesk": httpx.URL(site.box.base_url).netloc.decode(),
        "person_id": site.where.person_id,
        "project_id": site.where.project_id,
        "submittal_id": site.where.item_id,
        "attachment_id": outcome.job.reserved.id,
        "name": "beam.pdf",
        "path": str(folder / "beam.pdf"),
        "size_bytes": 4,
        "sha256": hashlib.sha256(b"beam").hexdigest(),
    }
    assert [{name: value for name, value in line.items() if name != "time"} for line in told] == [
        {"id": pair, "event": "sending", **what, "bytes_sent": 0},
        {"id": pair, "event": "sent", **what, "bytes_sent": 4},
        {"id": confirmation, "event": "confirming", **what, "bytes_sent": 4},
        {"id": confirmation, "event": "confirmed", **what, "bytes_sent": 4},
    ]
    assert all(line["time"].endswith("Z") for line in told)


async def test_the_line_is_there_when_storage_gets_the_first_byte(working: Any, log: Path) -> None:
    async with working() as site:
        stalled = site.box.faults.add(Fault("storage.put", Stall()))
        async with anyio.create_task_group() as group:
            group.start_soon(site.attach)
            await anyio.to_thread.run_sync(stalled.reached.wait)
            assert [line["event"] for line in lines(log)] == ["sending"]
            site.box.faults.release()
    assert [line["event"] for line in lines(log)] == ["sending", "sent"]


async def test_a_link_has_its_line_before_it_is_made(working: Any, log: Path) -> None:
    async with working() as site:
        urn = site.box.file(LINKED).version_urn
        outcome = await site.link(urn)
    before, after = lines(log)
    assert (before["event"], after["event"]) == ("linking", "linked")
    assert before["version_urn"] == after["version_urn"] == urn
    assert ("attachment_id" in before, after["attachment_id"]) == (False, outcome.job.reserved.id)
    assert "sha256" not in after


async def test_a_caller_upload_is_logged_when_it_is_confirmed(working: Any, log: Path) -> None:
    async with working() as site:
        job, upload = await site.reserve_for_caller()
        async with httpx.AsyncClient(verify=NO_TRUST) as caller:
            await caller.put(upload.url, content=b"from elsewhere")
        assert not await anyio.Path(log).exists(), "nothing of ours has left"
        await site.confirm(job.reserved.id)
    before, after = lines(log)
    assert (before["event"], before["size_bytes"]) == ("confirming", 14)
    assert (after["event"], after["attachment_id"]) == ("confirmed", job.reserved.id)
    assert not {"sha256", "path"} & set(after)


async def test_confirming_what_another_program_uploaded_has_its_line(working: Any, log: Path) -> None:
    async with working() as site:
        outcome = await site.attach()
        await anyio.Path(log).unlink()
        await site.transfers.runner.forget(outcome.job)
        await site.confirm(outcome.job.reserved.id)
    assert [(line["event"], line["size_bytes"]) for line in lines(log)] == [("confirming", 4), ("confirmed", 4)]


async def test_the_audit_log_names_a_failure_by_its_class_alone(working: Any, log: Path) -> None:
    async with working() as site:
        site.box.faults.add(Fault("storage.put", Refuse(400, "<Error><Code>EntityTooSmall</Code></Error>")))
        with pytest.raises(JobStopped):
            await site.attach()
        await site.attach()
    told = [(line["event"], line.get("problem")) for line in lines(log)]
    assert told == [("sending", None), ("stopped", "StorageRefused"), ("sending", None), ("sent", None)]


async def test_no_token_and_no_address_is_in_it(working: Any, log: Path) -> None:
    async with working() as site:
        site.box.faults.add(Fault("attachments.patch", LoseAnswer()))
        await site.attach(confirm=True)
        token = site.box.token("manager")
    text = await anyio.Path(log).read_text(encoding="ascii")
    assert "://" not in text
    assert "X-Amz" not in text
    assert token not in text


@posix_only
async def test_a_process_that_dies_while_sending_leaves_the_first_line(working: Any, log: Path, tmp_path: Path) -> None:
    script = (
        "import anyio, os, signal\n"
        "from pathlib import Path\n"
        "from transfers.audit_log import AuditEntry, AuditLog\n"
        "entry = AuditEntry(autodesk='a', person_id='p', project_id='q', submittal_id='s', attachment_id=None, name='n')\n"
        "async def main():\n"
        f"    async with AuditLog(Path({str(tmp_path / 'data')!r})).record('sending', lambda: entry):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "anyio.run(main)\n"
    )
    ended = await anyio.run_process([sys.executable, "-c", script], check=False)
    assert ended.returncode
    [line] = lines(log)
    assert line["event"] == "sending"


def put_a_folder_in_place_of(log: Path) -> None:
    log.unlink()
    log.mkdir()


def a_folder(path: Path) -> None:
    path.mkdir()


def a_link(path: Path) -> None:
    path.symlink_to(path.with_name("elsewhere"))


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


@posix_only
@pytest.mark.parametrize("put", [a_folder, a_link, a_pipe])
async def test_without_a_log_that_can_be_written_nothing_leaves_and_nothing_is_reserved(
    working: Any, log: Path, put: Any
) -> None:
    log.parent.mkdir(mode=0o700)
    put(log)
    async with working() as site:
        before = len(site.rows())
        with pytest.raises(JobStopped) as stopped:
            await site.attach()
        with pytest.raises(JobStopped):
            await site.link(site.box.file(LINKED).version_urn)
        assert isinstance(stopped.value.cause, StorageProblem)
        assert str(log) in str(stopped.value.cause)
        assert len(site.rows()) == before
        assert [site.box.requests.count(operation) for operation in SENDS] == [0, 0, 0, 0]
    assert {path.name for path in log.parent.iterdir()} & {"elsewhere"} == set()


@posix_only
async def test_a_log_that_fails_later_stops_the_first_byte_and_the_confirmation(working: Any, log: Path) -> None:
    """The disk fills up, say, between the look at the log and the line."""
    async with working() as site:
        stalled = site.box.faults.add(Fault("attachments.create", Stall()))

        async def spoil() -> None:
            await anyio.to_thread.run_sync(stalled.reached.wait)
            put_a_folder_in_place_of(log)
            site.box.faults.release()

        async with anyio.create_task_group() as group:
            group.start_soon(spoil)
            with pytest.raises(JobStopped) as stopped:
                await site.attach()
        assert isinstance(stopped.value.cause, StorageProblem)
        assert site.box.requests.count("storage.put") == 0
        await anyio.Path(log).rmdir()
        outcome = await site.attach()
        put_a_folder_in_place_of(log)
        with pytest.raises(JobStopped):
            await site.confirm(outcome.job.reserved.id)
        assert site.box.requests.count("attachments.patch") == 0


@posix_only
async def test_an_outcome_that_cannot_be_written_does_not_undo_what_happened(tmp_path: Path) -> None:
    log = tmp_path / "data" / "audit.jsonl"
    async with AuditLog(log.parent).record("sending", entry):
        kept = log.read_bytes()
        put_a_folder_in_place_of(log)
    assert json.loads(kept)["event"] == "sending"


@posix_only
def test_it_is_private_under_any_umask_and_is_closed_when_it_was_not(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    mask = os.umask(0)
    try:
        private_files.append(log, b"1\n")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    log.chmod(0o644)
    private_files.append(log, b"2\n")
    assert (stat.S_IMODE(log.stat().st_mode), log.read_bytes()) == (0o600, b"1\n2\n")


def test_half_a_line_that_a_crash_left_is_closed_off(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    log.write_bytes(b'{"event": "sen')
    private_files.append(log, b"{}\n")
    assert log.read_bytes() == b'{"event": "sen\n{}\n'


@posix_only
def test_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    """The limit on the size of files stands in for the end of the disk: a write is cut short in the same way."""
    log = tmp_path / "audit.jsonl"
    log.write_bytes(b"{}\n")
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from persistence import private_files\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))\n"
        "try:\n"
        "    private_files.append(Path(sys.argv[1]), b'x' * 50 + b'\\n')\n"
        "except OSError as refused:\n"
        "    print(refused.strerror)\n"
    )
    # -B: the bytecode of what is imported under the limit would be cut too.
    ended = subprocess.run([sys.executable, "-B", "-c", script, str(log)], capture_output=True, text=True, check=True)
    assert ended.stdout.strip()
    assert log.read_bytes() == b"{}\n"


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Four processes that each wait for a word, then write fifty pairs of lines."""
    script = (
        "import sys, anyio\n"
        "from pathlib import Path\n"
        "from transfers.audit_log import AuditEntry, AuditLog\n"
        "async def main():\n"
        "    log = AuditLog(Path(sys.argv[1]))\n"
        "    await log.check()\n"
        "    print(flush=True)\n"
        "    sys.stdin.read()\n"
        "    entry = AuditEntry(autodesk='a', person_id=sys.argv[2], project_id='q', submittal_id='s', attachment_id=None,"
        " name='n' * 6000)\n"
        "    for _ in range(50):\n"
        "        async with log.record('sending', lambda: entry):\n"
        "            pass\n"
        "anyio.run(main)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "data")]
    started = [
        subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for number in range(4)
    ]
    yield started
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def test_processes_that_write_at_once_never_mix_their_lines(
    writers: list["subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    for process in writers:
        assert process.stdout is not None
        process.stdout.readline()
    for process in writers:
        assert process.stdin is not None
        process.stdin.close()
    assert [process.wait() for process in writers] == [0, 0, 0, 0]
    told = lines(tmp_path / "data" / "audit.jsonl")
    assert len(told) == 400
    for number in range(4):
        mine = [line for line in told if line["person_id"] == str(number)]
        assert [line["event"] for line in mine] == ["sending", "sent"] * 50


async def test_an_audit_log_that_stays_locked_is_given_up(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "data", lock_seconds=0)
    await log.check()
    held = FileLocks(tmp_path / "data" / "locks").try_acquire("audit")
    assert held is not None
    with pytest.raises(StorageProblem, match="has held it for too long"):
        await log.check()
    held.release()
    await log.check()


async def test_a_name_can_neither_end_its_line_nor_hide_in_it(tmp_path: Path) -> None:
    name = "beam\n\u2028\u202e\ud800\x1b[2J.pdf"
    async with AuditLog(tmp_path / "data").record("confirming", lambda: entry(name=name)):
        pass
    text = (tmp_path / "data" / "audit.jsonl").read_text(encoding="ascii")
    assert text.isprintable() is False
    assert [line for line in text.splitlines() if not line.isprintable()] == []
    assert [json.loads(line)["name"] for line in text.splitlines()] == [name, name]


async def test_threads_of_one_process_take_turns(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "data")

    async def write() -> None:
        async with log.record("sending", entry):
            pass

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(write)
    told = lines(tmp_path / "data" / "audit.jsonl")
    assert sorted(line["event"] for line in told) == ["sending"] * 8 + ["sent"] * 8
