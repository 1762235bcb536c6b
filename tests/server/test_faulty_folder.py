"""Whatever is wrong with the state folder is a sentence with path and remedy: for a call, jobs, doctor and start alike."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import acc_sandbox
from persistence.data_folder import AUDIT_LOG_NAME, DATABASE_NAME, KEY_FILE_NAME

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")

PROGRAM = str(Path(__file__).parent / "programs" / "faulty_folder.py")
ANOTHER_USER = 12345


def made(path: Path, mode: int = 0o700) -> Path:
    path.mkdir(parents=True)
    path.chmod(mode)
    return path


def of_another_user(path: Path) -> Path:
    made(path, 0o700 if os.geteuid() == 0 else 0)
    if os.geteuid() == 0:
        os.chown(path, ANOTHER_USER, ANOTHER_USER)
    return path


def closed_file(path: Path, content: bytes = b"") -> Path:
    path.write_bytes(content)
    path.chmod(0)
    return path


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def link(path: Path, target: Path) -> Path:
    path.symlink_to(target)
    return path


FAULTS: dict[str, Callable[[Path], Path]] = {
    "read-only folder": lambda data: made(data, 0o500),
    "folder of another user": of_another_user,
    "a file in its place": lambda data: (data.write_bytes(b"") and data) or data,
    "a dangling link in its place": lambda data: link(data, data.with_name("nowhere")),
    "database of another user": lambda data: closed_file(made(data) / DATABASE_NAME),
    "a folder for database": lambda data: made(made(data) / DATABASE_NAME),
    "a dangling link for database": lambda data: link(made(data) / DATABASE_NAME, data.with_name("nowhere")),
    "a file for locks": lambda data: closed_file(made(data) / "locks"),
    "locks of another user": lambda data: made(made(data) / "locks", 0),
    "audit log of another user": lambda data: closed_file(made(data) / AUDIT_LOG_NAME),
    "a dangling link for audit log": lambda data: link(made(data) / AUDIT_LOG_NAME, data.with_name("nowhere")),
    "a folder for key": lambda data: made(made(data) / KEY_FILE_NAME),
    "a pipe for key": lambda data: pipe(made(data) / KEY_FILE_NAME),
    "a pipe for audit log": lambda data: pipe(made(data) / AUDIT_LOG_NAME),
    "key of another user": lambda data: closed_file(made(data) / KEY_FILE_NAME, b"x"),
    "no locks": lambda data: data / "locks",
}
"""What is made wrong, and the path that is to be named."""


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    for folder, _, _ in os.walk(tmp_path):
        Path(folder).chmod(0o700)


class Machine:
    """Programs on a machine with one fault."""

    def __init__(self, start: Any, box: acc_sandbox.Sandbox, place: Path, fault: str, **more: str) -> None:
        self._start, self._fault = start, fault
        files = made(place / "files")
        (files / "beam.pdf").write_bytes(b"beam")
        item = box.item("05 12 00-3")
        self._place = {"project": item.project_id, "submittal": item.id, "file_path": "beam.pdf"}
        self._environment = {
            "APS_BASE_URL": box.base_url,
            "APS_ACCESS_TOKEN": box.token("manager"),
            "SUBMITTAL_MCP_FOLDERS": str(files),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            **more,
        }

    def run(self, *command: str) -> tuple[int, str]:
        code, out, err = self._start(PROGRAM, self._fault, *command, **self._environment).rest()
        assert "Traceback" not in out + err, err
        return code, out + err

    def call(self, tool: str = "add_submittal_attachment") -> dict[str, Any]:
        """What a call of a running server is answered; afterwards it still answers."""
        server = self._start(PROGRAM, self._fault, "serve", **self._environment)
        server.shake_hands()
        place = {key: value for key, value in self._place.items() if key != "file_path" or tool.startswith("add")}
        asked = {"name": tool, "arguments": place}
        said = server.ask("tools/call", asked)
        assert "result" in said, (said, server.rest())
        answer: dict[str, Any] = said["result"]["structuredContent"]
        assert server.ask("tools/list")["result"]["tools"]
        code, _, err = server.rest()
        assert code == 0
        assert "Traceback" not in err
        return answer


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_state_folder_is_a_sentence_with_path_and_remedy_at_every_door(
    start: Any, box: acc_sandbox.Sandbox, tmp_path: Path, data: Path, fault: str
) -> None:
    named = str(FAULTS[fault](data))
    machine = Machine(start, box, tmp_path, fault, SUBMITTAL_MCP_DATA_DIR=str(data))
    error = machine.call()["error"]
    assert error["code"] == "storage_unavailable"
    assert named in error["hint"], error
    code, said = machine.run("doctor", "--json")
    problems = [one["seen"] for one in json.loads(said)["findings"] if one["level"] == "problem"]
    assert (code, any(named in one for one in problems)) == (2, True), said
    code, said = machine.run("jobs", "list")
    assert code == 0 or named in said  # a list needs neither locks nor keys


@pytest.mark.parametrize(("fault", "home"), [("no home", None), ("read-only home", 0o555), ("missing home", None)])
def test_without_a_home_that_can_be_written_to_the_setting_is_named(
    start: Any, box: acc_sandbox.Sandbox, tmp_path: Path, data: Path, fault: str, home: int | None
) -> None:
    place = made(data, home) if home is not None else Path("/proc/nowhere" if fault == "missing home" else "")
    machine = Machine(start, box, tmp_path, fault, HOME=str(place) if fault != "no home" else "", XDG_DATA_HOME="")
    error = machine.call()["error"]
    assert (error["code"], "SUBMITTAL_MCP_DATA_DIR" in error["hint"]) == ("storage_unavailable", True)
    code, said = machine.run("doctor", "--json")
    assert (code, "SUBMITTAL_MCP_DATA_DIR" in said) == (2, True)
    code, said = machine.run("jobs", "list")
    assert "SUBMITTAL_MCP_DATA_DIR" in said or (code, said) == (0, "No unfinished jobs.\n")
    code, said = machine.run("config", "cursor", "--install")  # which keeps its file in the home folder
    assert (code, (str(place) if home or fault == "missing home" else "set HOME to its whole path") in said) == (
        1,
        True,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted in /dev/fd")
@pytest.mark.parametrize("left", [8, 11])
def test_a_server_without_descriptors_says_so_and_stays(
    start: Any, box: acc_sandbox.Sandbox, tmp_path: Path, data: Path, left: int
) -> None:
    machine = Machine(start, box, tmp_path, f"descriptors {left}", SUBMITTAL_MCP_DATA_DIR=str(data))
    error = machine.call()["error"]
    assert (error["code"], "ulimit -n" in error["hint"]) == ("storage_unavailable", True), error


def test_a_process_without_descriptors_for_sockets_says_so_at_every_door(
    start: Any, box: acc_sandbox.Sandbox, tmp_path: Path, data: Path
) -> None:
    own = {
        "SUBMITTAL_MCP_DATA_DIR": str(data),
        "SUBMITTAL_MCP_DOWNLOADS": str(made(tmp_path / "downloads")),
        "SUBMITTAL_MCP_HTTP_SECRET": "c" * 40,
    }
    storage = Machine(start, box, tmp_path / "1", "no sockets for storage", **own)
    said = storage.call()
    assert ("ulimit -n" in said["error"]["hint"], said["error"]["failed_step"]) == (True, "send"), said
    said = storage.call("download_attachments")
    assert "ulimit -n" in said["error"]["hint"], said
    machine = Machine(start, box, tmp_path / "2", "no sockets", **own)
    said = machine.call("get_submittal")
    assert (said["error"]["code"], "ulimit -n" in said["error"]["hint"]) == ("storage_unavailable", True), said
    (job,) = json.loads(machine.run("jobs", "list", "--json")[1])
    item = box.item("05 12 00-3")
    for command in (
        ["doctor", "--json"],
        ["jobs", "resume", job["id"]],
        ["download", "--project", item.project_id, "--submittal", item.id],
        ["serve", "--http"],
    ):
        code, printed = machine.run(*command)
        assert (code > 0, "ulimit -n" in printed) == (True, True), (command, code, printed)
    asks = Machine(start, box, tmp_path / "3", "no sockets", APS_CLIENT_ID=box.client_id, APS_ACCESS_TOKEN="", **own)
    code, printed = asks.run("login", "--no-browser")
    assert (code, "ulimit -n" in printed, "another program" in printed) == (1, True, False), printed


@pytest.mark.skipif(sys.platform != "linux", reason="only there the limit of another process can be set")
def test_a_server_that_runs_out_of_descriptors_before_its_first_call_stays(start_anew: Any, data: Path) -> None:
    import resource

    server = start_anew("-m", "server", "serve", SUBMITTAL_MCP_DATA_DIR=str(data), APS_ACCESS_TOKEN="abcd1234efgh5678")
    server.shake_hands()
    of_this_process = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (3, of_this_process[1]))
    assert server.ask("tools/list")["result"]["tools"]
    server.stderr_line("Too many open files")  # what the first call needs was to be imported meanwhile
    assert server.ask("ping")["result"] == {}


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted in /dev/fd")
@pytest.mark.parametrize(("left", "database"), [(0, ""), (4, ""), (4, "postgresql://127.0.0.1:1/none")])
def test_a_command_that_cannot_even_begin_without_descriptors_says_so(
    start: Any, box: acc_sandbox.Sandbox, tmp_path: Path, data: Path, left: int, database: str
) -> None:
    more = {"SUBMITTAL_MCP_DATABASE_URL": database, "SUBMITTAL_MCP_ENCRYPTION_KEYS": "A" * 43 + "="} if database else {}
    machine = Machine(start, box, tmp_path, f"descriptors {left}", SUBMITTAL_MCP_DATA_DIR=str(data), **more)
    for command in (["jobs", "list", "--all"], ["serve"]):
        data.mkdir(exist_ok=True)
        (data / DATABASE_NAME).touch()
        code, said = machine.run(*command)
        assert (code, "ulimit -n" in said) == (1, True), said


@pytest.mark.parametrize("umask", [0o777, 0o277, 0o000])
def test_under_an_odd_umask_everything_works_and_is_private(
    start: Any, box: acc_sandbox.Sandbox, tmp_path: Path, data: Path, umask: int
) -> None:
    machine = Machine(start, box, tmp_path, f"umask {umask:o}", SUBMITTAL_MCP_DATA_DIR=str(data))
    assert machine.call()["attachment"]["state"] == "uploaded"
    code, said = machine.run("jobs", "list")
    assert (code, "waits for a confirmation" in said) == (0, True)
    assert [path for path in (data, *data.rglob("*")) if path.stat().st_mode & 0o077] == []
