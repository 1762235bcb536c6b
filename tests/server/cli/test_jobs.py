"""`submittal-mcp jobs` against jobs that were left by processes: listed, stopped, gone on with."""

import json
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

import acc_sandbox
from acc_sandbox import Fault, Refuse, Stall
from auth.vault import TokenSet, UserAccount, Vault
from persistence.data_folder import DATABASE_NAME, DataFolder
from persistence.database import Database, DatabaseAddress
from persistence.keys import EncryptionKey, EnvironmentKeys

PUT = "storage.put"


class Shell:
    """A person's shell: servers and commands that share one data folder."""

    def __init__(self, start: Any, box: acc_sandbox.Sandbox, place: Path) -> None:
        self._start = start
        self.box = box
        self.item = box.item("05 12 00-3")
        self.file = place / "files" / "beam.pdf"
        self.file.parent.mkdir()
        self.file.write_bytes(b"beam")
        self._environment = {
            "APS_BASE_URL": box.base_url,
            "APS_ACCESS_TOKEN": box.token("manager"),
            "SUBMITTAL_MCP_FOLDERS": str(self.file.parent),
            "SUBMITTAL_MCP_DATA_DIR": str(place / "data"),
            "SUBMITTAL_MCP_ENCRYPTION_KEYS": EncryptionKey.new().text,
        }

    def run(self, *arguments: str, **settings: str) -> tuple[int, str, str]:
        code, out, err = self._start("-m", "server", "jobs", *arguments, **(self._environment | settings)).rest()
        return code, out, err

    def listed(self, *arguments: str) -> list[dict[str, Any]]:
        code, out, err = self.run("list", "--json", *arguments)
        assert code == 0, err
        rows: list[dict[str, Any]] = json.loads(out)
        return rows

    def keep_sign_in(self, person: str) -> None:
        """Keep a person's sign-in, as `login` does."""
        found = self.box.person(person)
        tokens = TokenSet(
            access_token=self.box.token(person),
            issued_at=time.time(),
            expires_at=time.time() + 3599,
            refresh_token="refresh",
            refresh_expires_at=time.time() + 3599,
            scopes=("data:read",),
        )
        keys = EnvironmentKeys([EncryptionKey.parse(self._environment["SUBMITTAL_MCP_ENCRYPTION_KEYS"])])
        data = DataFolder.open(Path(self._environment["SUBMITTAL_MCP_DATA_DIR"]))
        with Database.open(DatabaseAddress.sqlite(data.database)) as database:
            account = UserAccount(self.box.base_url, self.box.client_id, found.autodesk_id)
            Vault(database, keys).save_login(account, found.name, found.email, tokens)

    def attach(self, patience: int = 25, person: str | None = None, **more: Any) -> Any:
        """A server that was told to attach the file, and waited as long as it is patient."""
        server = self.serve(patience, **({"APS_ACCESS_TOKEN": self.box.token(person)} if person else {}))
        server.ask("tools/call", {"name": "sign_in", "arguments": {}})  # which opens what an attach needs
        arguments = {"project": self.item.project_id, "submittal": self.item.id, "file_path": "beam.pdf"} | more
        server.ask("tools/call", {"name": "add_submittal_attachment", "arguments": arguments})
        return server

    def serve(self, patience: int = 25, **settings: str) -> Any:
        """A server that has shaken hands."""
        environment = (
            self._environment
            | settings
            | {
                "SUBMITTAL_MCP_MAX_WAIT_SECONDS": str(patience),
                "SUBMITTAL_MCP_LOG_LEVEL": "info",
            }
        )
        server = self._start("-m", "server", "serve", **environment)
        server.shake_hands()
        return server


@pytest.fixture
def shell(start: Any, box: acc_sandbox.Sandbox, tmp_path: Path) -> Shell:
    return Shell(start, box, tmp_path)


def test_without_jobs_it_says_so(shell: Shell) -> None:
    assert shell.run("list") == (0, "No unfinished jobs.\n", "")
    assert shell.run("list", "--all") == (0, "No jobs.\n", "")


def test_a_job_that_stopped_is_listed_with_what_finishes_it_and_is_resumed(shell: Shell) -> None:
    shell.box.faults.add(Fault(PUT, Refuse(400, "<Error><Code>InvalidRequest</Code></Error>")))
    shell.attach().rest()
    [job] = shell.listed()
    assert (job["standing"], job["failure"], job["step"]) == ("stopped", "storage_refused", "send")
    assert job["advice"] == f"`submittal-mcp jobs resume {job['id']}` goes on from the step that failed."
    assert job["waits_for"] == "a person who resumes it"
    read_only = "This would change ACC, and SUBMITTAL_MCP_READ_ONLY is set; unset it to resume the job."
    left_out = f"Job {job['id']} belongs to a project that SUBMITTAL_MCP_PROJECTS leaves out."
    for settings, why in (
        ({"SUBMITTAL_MCP_READ_ONLY": "true"}, read_only),
        ({"SUBMITTAL_MCP_PROJECTS": shell.box.project("harbor").id}, left_out),
    ):
        assert shell.run("resume", job["id"], **settings) == (1, "", f"submittal-mcp: {why}\n")
    for blank in ("", " ", "''"):
        assert "No job has an id that begins with" in shell.run("cancel", blank)[2], "not the only job there is"
    elsewhere = shell.file.with_name("elsewhere")
    elsewhere.mkdir()
    flags = ("--folder", str(shell.file.parent))
    code, out, err = shell.run(
        "resume", f"`{job['id'][:8].upper()}\u2026`", *flags, SUBMITTAL_MCP_FOLDERS=str(elsewhere)
    )
    assert (code, out) == (0, f"Job {job['id']} is uploaded.\n"), err
    [job] = shell.listed()
    assert (job["standing"], job["bytes_sent"], job["bytes_total"]) == ("uploaded", 4, 4)
    assert "waits for a confirmation\n" in shell.run("list")[1]


def test_resuming_asks_what_taking_up_asks(shell: Shell, tmp_path: Path) -> None:
    shell.box.faults.add(Fault(PUT, Refuse(400, "<Error><Code>InvalidRequest</Code></Error>")))
    shell.attach().rest()
    [job] = shell.listed()
    other_place = tmp_path / "other"
    other_place.mkdir()
    for settings, why in (
        ({"APS_ACCESS_TOKEN": shell.box.token("steel")}, "Another person is signed in now"),
        ({"APS_BASE_URL": "http://127.0.0.1:9"}, f"is of {shell.box.base_url}; set APS_BASE_URL"),
        ({"SUBMITTAL_MCP_FOLDERS": str(other_place)}, "This file may not be read"),
    ):
        code, out, err = shell.run("resume", job["id"], **settings)
        assert (code, out) == (1, "")
        assert why in err
    shell.file.write_bytes(b"BEAM")
    code, out, err = shell.run("resume", job["id"])
    assert (code, out) == (1, "")
    assert "changed" in err
    assert shell.listed() == [job]
    assert shell.box.requests.count("oss.signeds3upload.complete") == 0


def test_resuming_as_a_person_who_is_not_signed_in_is_refused(shell: Shell) -> None:
    shell.box.faults.add(Fault(PUT, Refuse(400, "<Error><Code>InvalidRequest</Code></Error>")))
    shell.attach().rest()
    [job] = shell.listed()
    app = {"APS_ACCESS_TOKEN": "", "APS_CLIENT_ID": shell.box.client_id}
    code, _, err = shell.run("resume", job["id"], "--as", "nobody@example.com", **app)
    assert code == 1
    assert "no one is signed in as nobody@example.com; no one is signed in" in err


def test_as_lists_and_cancels_the_jobs_of_one_person_alone(shell: Shell) -> None:
    shell.box.faults.add(Fault(PUT, Refuse(400, "<Error><Code>InvalidRequest</Code></Error>"), times=None))
    shell.attach().rest()
    [managers] = shell.listed()
    shell.attach(person="steel", submittal=shell.box.item("05 12 00-2").id).rest()
    [theirs] = [job for job in shell.listed() if job["id"] != managers["id"]]
    for person in ("manager", "steel", "engineer"):
        shell.keep_sign_in(person)
    app = {"APS_ACCESS_TOKEN": "", "APS_CLIENT_ID": shell.box.client_id}

    def of(person: str, *command: str) -> tuple[int, str, str]:
        return shell.run(*command, "--as", person, **app)

    manager, steel, engineer = (shell.box.person(key).email for key in ("manager", "steel", "engineer"))
    for command in (("list", "--json"), ("--json",)):
        assert [json.loads(of(email, *command)[1]) for email in (manager, steel)] == [[managers], [theirs]]
    assert of(engineer, "list", "--all") == (0, "No jobs.\n", "")
    code, _, err = of(manager, "cancel", theirs["id"])
    assert (code, "No job of this person has an id that begins with" in err) == (1, True), err
    assert of(steel, "cancel", theirs["id"])[0] == 0
    assert shell.listed() == [managers]
    for more in (app, {}):
        code, _, err = shell.run("list", "--as", "nobody@example.com", **more)
        assert (code, "no one is signed in as nobody@example.com; signed in: " in err) == (1, True), err


def test_a_job_under_way_in_another_process_is_stopped(shell: Shell) -> None:
    stalled = shell.box.faults.add(Fault(PUT, Stall()))
    server = shell.attach(patience=1)
    assert stalled.reached.wait(120)
    [job] = shell.listed()
    assert job["standing"] == "running"
    assert job["waits_for"].startswith(f"process {server.process.pid} on ")
    code, out, _ = shell.run("cancel", job["id"])
    assert (code, "What it reserved stays in ACC" in out) == (0, True), out
    server.stderr_line("job_called_off")
    place = {"project": shell.item.project_id, "submittal": shell.item.id, "attachment_id": job["attachment_id"]}
    asked = {"name": "get_attachment_status", "arguments": place | {"wait_seconds": 1}}
    while server.ask("tools/call", asked)["result"]["structuredContent"]["attachment"]["state"] == "uploading":
        pass
    server.rest()
    assert shell.listed() == []
    [job] = shell.listed("--all")
    assert (job["standing"], job["advice"]) == (
        "cancelled",
        "What it reserved stays in ACC, whose API deletes no reservation.",
    )


def test_a_job_whose_file_is_gone_says_so(shell: Shell) -> None:
    shell.box.faults.add(Fault(PUT, Refuse(400, "<Error><Code>InvalidRequest</Code></Error>")))
    shell.attach().rest()
    shell.file.unlink()
    [job] = shell.listed()
    assert job["advice"].startswith(f"The file is no longer at {shell.file}.")


def test_a_job_names_its_submittal_as_people_do(shell: Shell) -> None:
    shell.attach().rest()
    _, out, _ = shell.run("list")
    assert "    submittal 051200-3 Structural steel beam shop drawings\n" in out
    assert shell.item.id not in out
    assert shell.listed()[0]["item_id"] == shell.item.id


def test_a_list_that_is_cut_says_so(shell: Shell, tmp_path: Path) -> None:
    shell.attach().rest()
    with sqlite3.connect(tmp_path / "data" / DATABASE_NAME) as connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute("SELECT * FROM jobs").fetchone()) | {"fingerprint": None}
        rows = ([value if name != "id" else f"{number:032x}" for name, value in row.items()] for number in range(200))
        connection.executemany(f"INSERT INTO jobs VALUES ({', '.join('?' * len(row))})", rows)
    connection.close()
    code, out, err = shell.run("list", "--json")
    assert (code, len(json.loads(out))) == (0, 200)
    assert err == "There are more than 200 jobs: these are the newest.\n"


@pytest.mark.parametrize("dies", [False, True], ids=["the process that follows it", "another process"])
def test_a_file_that_was_answered_as_ready_is_no_longer_listed(shell: Shell, dies: bool) -> None:
    shell.box.switches.urn_delay = 600.0
    server = shell.attach(confirm=True)
    [job] = shell.listed()
    assert job["standing"] == "processing"
    if dies:
        server.process.kill()
        server = shell.serve()
    shell.box.clock.move(601)
    place = {"project": shell.item.project_id, "submittal": shell.item.id, "attachment_id": job["attachment_id"]}
    answer = server.ask("tools/call", {"name": "get_attachment_status", "arguments": place})
    assert answer["result"]["structuredContent"]["attachment"]["state"] == "ready"
    assert shell.run("list") == (0, "No unfinished jobs.\n", "")
    [ended] = shell.listed("--all")
    assert ended["standing"] == "ended"
    server.rest()


def test_a_job_whose_drive_project_or_person_is_gone_is_left_with_a_sentence_and_goes_on_once_it_is_back(
    shell: Shell,
) -> None:
    shell.box.faults.add(Fault(PUT, Refuse(400, "<Error><Code>InvalidRequest</Code></Error>")))
    shell.attach().rest()
    [job] = shell.listed()
    away = shell.file.parent.rename(shell.file.parents[1] / "unplugged")
    code, out, err = shell.run("resume", job["id"])
    assert (code, out, "Traceback" in err) == (1, "", False)
    assert "left as it is" in err
    assert str(shell.file.parent) in err
    [listed] = shell.listed()
    assert listed["advice"].startswith(f"The file is no longer at {shell.file}.")
    away.rename(shell.file.parent)
    for status in (403, 404):
        gone = Refuse(status, {"title": "gone"})
        for operation in ("users.me", "items.get", "oss.signeds3upload.get", "attachments.list"):
            shell.box.faults.add(Fault(operation, gone, times=None))
        code, out, err = shell.run("resume", job["id"])
        assert (code, out, "Traceback" in err) == (1, "", False)
        assert "submittal-mcp:" in err
        shell.box.faults.clear()
    signed_out = {"APS_ACCESS_TOKEN": "", "APS_CLIENT_ID": shell.box.client_id}
    revoked = {"APS_ACCESS_TOKEN": "of-a-person-who-left"}
    for settings, why in ((signed_out, "no one is signed in"), (revoked, "submittal-mcp login")):
        code, out, err = shell.run("resume", job["id"], **settings)
        assert (code, out, "Traceback" in err) == (1, "", False)
        assert why in err
        [listed] = shell.listed()
        assert (listed["id"], listed["standing"]) == (job["id"], "stopped")
    code, out, err = shell.run("resume", job["id"])
    assert (code, out) == (0, f"Job {job['id']} is uploaded.\n"), err


@pytest.mark.parametrize("command", ["cancel", "resume"])
def test_an_unknown_id_is_refused_with_what_shows_the_known_ones(shell: Shell, command: str) -> None:
    why = "No job has an id that begins with 'nothing'; `submittal-mcp jobs list --all` shows them."
    assert shell.run(command, "nothing") == (1, "", f"submittal-mcp: {why}\n")


@pytest.mark.parametrize("command", [("list",), ("cancel", "x"), ("resume", "x")], ids=lambda words: words[0])
def test_a_damaged_database_is_named_in_one_line_and_left_as_it_is(shell: Shell, command: tuple[str, ...]) -> None:
    database = shell.file.parents[1] / "data" / DATABASE_NAME
    database.parent.mkdir(mode=0o700)
    database.write_bytes(b"no database at all " * 500)
    code, out, err = shell.run(*command)
    why = f"the database {database} is damaged; move it away and sign in again, or restore a copy of it"
    assert (code, out, err.splitlines()[-1]) == (1, "", f"submittal-mcp: {why}")
    assert "Traceback" not in err
    assert database.read_bytes() == b"no database at all " * 500


def test_a_data_folder_that_goes_away_under_a_server_is_a_sentence_and_the_same_call_goes_on_once_it_is_back(
    shell: Shell,
) -> None:
    """Nothing is attached meanwhile: what is not written down would be attached again by the next call."""
    server = shell.serve()
    arguments = {"project": shell.item.project_id, "submittal": shell.item.id, "file_path": "beam.pdf"}

    def attach() -> dict[str, Any]:
        answer = server.ask("tools/call", {"name": "add_submittal_attachment", "arguments": arguments})
        content: dict[str, Any] = answer["result"]["structuredContent"]
        return content

    first = attach()["attachment"]["id"]
    data = shell.file.parents[1] / "data"
    away = data.rename(data.with_name("unplugged"))
    shell.file.write_bytes(b"another")
    for _ in range(2):
        error = attach()["error"]
        assert error["code"] == "storage_unavailable"
        assert f"{data / DATABASE_NAME} was removed or replaced" in error["hint"]
    unfinished = server.ask("tools/call", {"name": "get_attachment_status", "arguments": {}})["result"]
    assert unfinished["structuredContent"]["error"]["code"] == "storage_unavailable"
    shutil.rmtree(data, ignore_errors=True)
    away.rename(data)
    second = attach()["attachment"]["id"]
    shell.file.write_bytes(b"another")
    assert first != second == attach()["attachment"]["id"]
    assert shell.box.requests.count("attachments.create") == 2
    server.rest()
