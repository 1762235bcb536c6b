"""`doctor`: which link is broken, how to fix it, and nothing in it that must not be pasted into a ticket."""

import json
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from rich.text import Text

import acc_sandbox
from acc_sandbox import Fault, Refuse
from auth.vault import TokenSet, UserAccount, Vault
from persistence.data_folder import DataFolder
from persistence.database import Database, DatabaseAddress
from persistence.keys import EncryptionKey, EnvironmentKeys
from server.cli.doctor import command as doctor
from server.cli.doctor.autodesk import DoctorTarget
from server.cli.doctor.command import hanging_lines
from server.cli.doctor.mounts import FolderSnapshot, compare
from server.cli.doctor.report import DoctorReport, ok, problem, skipped, warning
from server.mcp.app import build_server
from server.settings.model import Settings

NETWORK_PAGE = Refuse(200, "<!DOCTYPE html><title>Sign in to the hotel</title>", {"Content-Type": "text/html"})
TOKEN = "canary-token-that-must-not-show"


@pytest.fixture
def environment(box: acc_sandbox.Sandbox, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "drawings").mkdir()
    return {
        "APS_BASE_URL": box.base_url,
        "APS_CLIENT_ID": box.client_id,
        "APS_CALLBACK_URL": box.callback_url,
        "APS_ACCESS_TOKEN": box.token("manager"),
        "SUBMITTAL_MCP_DATA_DIR": str(tmp_path / "data"),
        "SUBMITTAL_MCP_FOLDERS": str(tmp_path / "drawings"),
    }


Examine = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def examine(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Examine:
    """Run `doctor --json`: its exit code, and the finding of each check (the worst where there are several)."""
    order = ["ok", "skipped", "warning", "problem"]

    def run(
        project: str | None = None, submittal: str | None = None, record: Path | None = None, **more: str
    ) -> tuple[int, dict[str, Any]]:
        for name, value in (environment | more).items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        code = doctor.run(Settings.load, None, DoctorTarget(project, submittal), as_json=True, record=record)
        out, err = capsys.readouterr()
        for secret in (TOKEN, *(value for name, value in (environment | more).items() if name == "APS_ACCESS_TOKEN")):
            assert not secret or secret not in out + err
        report = json.loads(out)
        assert report["exit_code"] == code
        found: dict[str, Any] = {}
        for finding in report["findings"]:
            before = found.get(finding["check"])
            if before is None or order.index(finding["level"]) > order.index(before["level"]):
                found[finding["check"]] = finding
        return code, found

    return run


def levels(found: dict[str, Any]) -> dict[str, str]:
    return {check: finding["level"] for check, finding in found.items()}


def test_a_chain_that_holds_from_the_machine_to_the_submittal(examine: Examine, box: acc_sandbox.Sandbox) -> None:
    code, found = examine("Riverside", "051200-3")
    assert levels(found) == {
        "settings": "ok",
        "app": "warning",  # a ready token
        "data folder": "ok",
        "audit log": "ok",
        "database": "ok",
        "vault key": "ok",
        "folders": "ok",
        "transfers": "ok",
        "file mounts": "skipped",
        "network": "ok",
        "clock": "ok",
        "app at Autodesk": "skipped",
        "sign-in": "ok",
        "scopes": "ok",
        "account": "ok",
        "upload host": "ok",
        "project": "ok",
        "submittals role": "ok",
        "attaching": "ok",
        "attachments left behind": "ok",
    }
    assert code == 1
    assert "Project Manager" in found["sign-in"]["seen"]
    assert found["submittals role"]["seen"] == "manager"


def test_it_says_where_each_value_comes_from_and_of_a_secret_only_that_it_is_set(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f'file_types = ["pdf", "dwg"]\nfolders = ["{tmp_path}/gone"]', encoding="utf-8")
    for name, value in (environment | {"SUBMITTAL_MCP_SETTINGS_FILE": str(file)}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SUBMITTAL_MCP_FOLDERS", raising=False)
    doctor.run(partial(Settings.load, read_only=True), None, DoctorTarget(None, None), as_json=True)
    findings = json.loads(capsys.readouterr().out)["findings"]
    seen = [one["seen"] for one in findings if one["check"] == "settings"]
    [fix] = [one["fix"] for one in findings if one["check"] == "folders"]
    assert fix.endswith(f"or take it out of {file}")
    assert f"SUBMITTAL_MCP_FILE_TYPES is pdf, dwg, from {file}" in seen
    assert "SUBMITTAL_MCP_READ_ONLY is true, from a flag" in seen
    assert "APS_ACCESS_TOKEN is set, from the environment" in seen


@pytest.mark.parametrize(
    ("region", "hosts", "level", "says"),
    [
        ("US", "", "ok", "region US: com-autodesk-oss-direct-upload.s3-accelerate.amazonaws.com"),
        ("EMEA", "", "ok", "region EMEA: com-autodesk-oss-prodemea-direct-upload.s3-accelerate.amazonaws.com"),
        ("AUS", "", "warning", "region AUS: not known; what is admitted is inferred from the hosts of US and EMEA"),
        ("AUS", "uploads.example.org", "ok", "region AUS: not known; SUBMITTAL_MCP_STORAGE_HOSTS admits uploads.exam"),
        (None, "", "warning", "region unnamed: not known"),
    ],
)
def test_it_says_for_each_region_whether_its_upload_host_is_known(
    examine: Examine, box: acc_sandbox.Sandbox, region: str | None, hosts: str, level: str, says: str
) -> None:
    hub = {"type": "hubs", "id": "b.1", "attributes": {"name": "Home", "region": region}}
    box.faults.add(Fault("hubs.list", Refuse(200, {"data": [hub]}), times=None))
    _, found = examine(SUBMITTAL_MCP_STORAGE_HOSTS=hosts)
    assert (found["upload host"]["level"], says in found["upload host"]["seen"]) == (level, True)


def test_an_audit_log_that_cannot_be_written_is_found_before_a_file_is_held_back_by_it(
    examine: Examine, tmp_path: Path
) -> None:
    DataFolder.open(tmp_path / "data").audit_log.mkdir()
    code, found = examine()
    assert (code, found["audit log"]["level"]) == (2, "problem")
    assert str(tmp_path / "data" / "audit.jsonl") in found["audit log"]["seen"]


def test_without_a_sign_in_the_doctor_reports_one_problem_and_stops(examine: Examine) -> None:
    code, found = examine("Riverside", APS_ACCESS_TOKEN="")
    assert (code, found["sign-in"]["level"]) == (2, "problem")
    assert found["sign-in"]["fix"] == "run `submittal-mcp login`"
    assert found["app at Autodesk"]["level"] == "ok"
    assert found["callback URL"]["level"] == "ok"
    assert "project" not in found


@pytest.mark.parametrize(
    ("variable", "value", "check", "says"),
    [
        ("APS_CALLBACK_URL", "http://localhost:8765/other", "callback URL", "to the letter"),
        ("APS_CLIENT_ID", "unknown-app", "app at Autodesk", "APS_CLIENT_ID"),
        ("APS_CLIENT_SECRET", "canary-secret-of-a-public-app", "app at Autodesk", "unset it"),
        ("APS_BASE_URL", "http://127.0.0.1:9", "network", "submittal-mcp sandbox"),
        ("APS_CLIENT_ID", "", "app", "aps.autodesk.com/myapps"),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_click(
    examine: Examine, variable: str, value: str, check: str, says: str
) -> None:
    code, found = examine(**{"APS_ACCESS_TOKEN": "", variable: value})
    assert (code, found[check]["level"]) == (2, "problem")
    assert says in found[check]["fix"]


def test_a_confidential_app_without_its_secret(examine: Examine, box: acc_sandbox.Sandbox) -> None:
    code, found = examine(APS_ACCESS_TOKEN="", APS_CLIENT_ID=box.confidential_client[0])
    assert (code, found["app at Autodesk"]["level"]) == (2, "problem")
    assert "set APS_CLIENT_SECRET to its Client Secret" in found["app at Autodesk"]["fix"]


def test_settings_that_cannot_be_read_are_findings_too(examine: Examine) -> None:
    code, found = examine(SUBMITTAL_MCP_ENCRYPTION_KEYS=TOKEN)
    assert (code, list(found)) == (2, ["settings"])
    assert "openssl" in found["settings"]["seen"]


@pytest.fixture
def unattended(box: acc_sandbox.Sandbox, tmp_path: Path) -> dict[str, str]:
    """The settings of a service account: with them nothing is left to look at."""
    account = box.service_account()
    key = tmp_path / "key.pem"
    key.touch(0o600)
    key.write_text(account.private_key, encoding="ascii")
    client_id, secret = box.server_client
    return {
        "APS_ACCESS_TOKEN": "",
        "APS_CLIENT_ID": client_id,
        "APS_CLIENT_SECRET": secret,
        "APS_SERVICE_ACCOUNT_ID": account.id,
        "APS_SERVICE_ACCOUNT_KEY_ID": account.key_id,
        "APS_SERVICE_ACCOUNT_KEY_FILE": str(key),
    }


@pytest.mark.parametrize(
    ("regions", "says"), [(0, "Sandbox Construction"), (7, "no account of this app in 7 other regions")]
)
def test_regions_in_which_the_app_has_no_account_are_no_trouble(
    examine: Examine, box: acc_sandbox.Sandbox, unattended: dict[str, str], regions: int, says: str
) -> None:
    box.switches.region_warnings = regions
    code, found = examine(**unattended)
    assert (code, found["account"]["level"], found["account"]["fix"]) == (0, "ok", None)
    assert says in found["account"]["seen"]


def test_accounts_that_could_not_be_listed_are_looked_at_later(examine: Examine, box: acc_sandbox.Sandbox) -> None:
    hub = {"type": "hubs", "id": "b.hub", "attributes": {"name": "Hub"}}
    warnings = [{"HttpStatusCode": "500"}, {"HttpStatusCode": "403"}]
    box.faults.add(Fault("hubs.list", Refuse(200, {"data": [hub], "meta": {"warnings": warnings}})))
    _, found = examine()
    assert (found["account"]["level"], found["account"]["seen"]) == ("warning", "Hub; 1 more would not answer")


@pytest.mark.parametrize(
    ("given", "project", "check"),
    [("construction_cloud", None, "account"), ("none", None, "account"), ("data_management", "Riverside", "project")],
)
def test_an_app_without_an_api_is_fixed_at_the_app_first(
    examine: Examine, box: acc_sandbox.Sandbox, given: str, project: str | None, check: str
) -> None:
    box.switches.app_apis = given  # type: ignore[assignment]  # one of its words
    code, found = examine(project)
    assert (code, found[check]["level"]) == (2, "problem")
    assert 0 < found[check]["fix"].index("API Access") < found[check]["fix"].index("Custom Integrations")


@pytest.mark.parametrize("proxy", ["http://me:canary@127.0.0.1:1", "me:canary@127.0.0.1:1"])
def test_the_proxy_that_is_set_is_named_without_its_password(
    examine: Examine, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    code, found = examine(APS_BASE_URL="", https_proxy=proxy)
    assert (code, found["network"]["level"]) == (2, "problem")
    assert "(the proxy that is set is 127.0.0.1:1)" in found["network"]["fix"]
    assert "canary" not in str(found)


@pytest.mark.parametrize(
    ("operation", "check"),
    [("auth.openid-configuration", "network"), ("auth.userinfo", "sign-in"), ("hubs.list", "account")],
)
def test_a_web_page_in_place_of_an_answer_is_of_a_proxy_or_of_the_network(
    examine: Examine, box: acc_sandbox.Sandbox, operation: str, check: str
) -> None:
    box.faults.add(Fault(operation, NETWORK_PAGE, times=None))
    code, found = examine()
    assert (code, found[check]["level"]) == (2, "problem")
    assert "proxy or the network's sign-in page answered" in found[check]["seen"]
    assert "browser" in found[check]["fix"]
    assert "HTTPS_PROXY" in found[check]["fix"]


def test_an_app_that_no_account_has_admitted(examine: Examine, box: acc_sandbox.Sandbox) -> None:
    box.switches.provisioned = False
    code, found = examine()
    assert (code, found["account"]["level"]) == (2, "problem")
    assert "not provisioned" in found["account"]["seen"]
    assert "Custom Integrations" in found["account"]["fix"]


@pytest.mark.parametrize(
    ("person", "project", "check", "says"),
    [
        ("manager", "Mill", "project", "BIM 360"),
        ("manager", "No Such Project", "project", "Check its name"),
        ("outsider", "00000000-0000-4000-8000-000000000000", "project", "project"),
    ],
)
def test_a_project_that_cannot_be_worked_with(
    examine: Examine, box: acc_sandbox.Sandbox, person: str, project: str, check: str, says: str
) -> None:
    code, found = examine(project, APS_ACCESS_TOKEN=box.token(person))
    assert (code, found[check]["level"]) == (2, "problem")
    assert says in found[check]["seen"] + found[check]["fix"]


def test_a_person_without_a_permission_level_in_submittals(examine: Examine, box: acc_sandbox.Sandbox) -> None:
    box.faults.add(Fault("users.me", Refuse(403, {"developerMessage": "Forbidden"}), times=None))
    code, found = examine("Riverside")
    assert (code, found["submittals role"]["level"]) == (2, "problem")
    assert "Submittals permission level" in found["submittals role"]["fix"]


def test_a_person_who_may_not_attach(examine: Examine, box: acc_sandbox.Sandbox) -> None:
    code, found = examine("Riverside", "051200-3", APS_ACCESS_TOKEN=box.token("member"))
    assert (code, found["attaching"]["level"]) == (2, "problem")


def test_a_token_without_the_scope_to_write(examine: Examine, box: acc_sandbox.Sandbox) -> None:
    _, found = examine(APS_ACCESS_TOKEN=box.token("manager", scopes="data:read user-profile:read"))
    assert found["scopes"]["level"] == "warning"
    assert "data:write" in found["scopes"]["seen"]


def test_a_token_that_has_ended(examine: Examine, box: acc_sandbox.Sandbox) -> None:
    code, found = examine(APS_ACCESS_TOKEN=box.token("manager", expires_in=-10))
    assert (code, found["sign-in"]["level"]) == (2, "problem")


@pytest.mark.parametrize(
    ("ahead", "level", "says"),
    [
        (timedelta(seconds=-100), "warning", "seconds wrong"),
        (timedelta(minutes=20), "problem", "20 minutes wrong"),
        (timedelta(minutes=-20), "problem", "20 minutes wrong"),
    ],
)
def test_a_clock_that_is_wrong(
    examine: Examine, box: acc_sandbox.Sandbox, ahead: timedelta, level: str, says: str
) -> None:
    """Autodesk's answers tell the time; here it is theirs that is moved."""
    box.clock.move(ahead.total_seconds())
    _, found = examine(APS_ACCESS_TOKEN="")
    assert (found["clock"]["level"], says in found["clock"]["seen"]) == (level, True)


def test_a_file_in_place_of_the_data_folder_is_said_to_be_none(examine: Examine, tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    code, found = examine(SUBMITTAL_MCP_DATA_DIR=str(tmp_path / "data"))
    assert code == 2
    assert (found["data folder"]["level"], "Not a directory" in found["data folder"]["seen"]) == ("problem", True)


def test_folders_and_database_that_are_not_as_they_should_be(examine: Examine, tmp_path: Path) -> None:
    data = tmp_path / "Application Support"
    data.mkdir(0o700)
    (data / "submittal-mcp.sqlite3").write_text("this is no database " * 100, encoding="ascii")
    (data / "copy").touch(0o600)
    (data / "copy").chmod(0o644)
    code, found = examine(SUBMITTAL_MCP_FOLDERS=str(tmp_path / "not-mounted"), SUBMITTAL_MCP_DATA_DIR=str(data))
    assert code == 2
    assert (found["folders"]["level"], "not-mounted" in found["folders"]["seen"]) == ("problem", True)
    assert (found["database"]["level"], "damaged" in found["database"]["seen"]) == ("problem", True)
    assert found["transfers"]["level"] == "skipped"  # told once
    assert (found["data folder"]["level"], "copy" in found["data folder"]["seen"]) == ("warning", True)
    assert found["data folder"]["fix"] == f"run chmod -R go= '{data}'"  # as it can be pasted


def test_a_service_account_is_examined_like_a_person(examine: Examine, unattended: dict[str, str]) -> None:
    code, found = examine(**unattended)
    assert (code, found["service account key"]["level"], found["sign-in"]["level"]) == (0, "ok", "ok")
    code, found = examine(**unattended | {"APS_SERVICE_ACCOUNT_ID": "UNKNOWN"})
    assert (code, found["sign-in"]["level"]) == (2, "problem")
    assert "Server-to-Server" in found["sign-in"]["fix"]


def test_people_read_it_as_lines(start: Any, environment: dict[str, str]) -> None:
    code, out, err = start("-m", "server", "doctor", "--project", "Riverside", **environment).rest()
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[0].split(maxsplit=2) == ["ok", "settings", "all are valid"]
    assert any(line.split()[:2] == ["warn", "app"] for line in lines)
    assert lines[-1] == "It works, with 1 warning."
    assert "\x1b" not in out


def test_the_exit_code_is_that_of_the_worst_finding() -> None:
    report = DoctorReport()
    assert report.exit_code == 0
    for finding, code in (
        (ok("a", "b"), 0),
        (skipped("a", "b"), 0),
        (warning("a", "b", "c"), 1),
        (problem("a", "b", "c"), 2),
    ):
        report.add(finding)
        assert report.exit_code == code
    report.add(ok("a", "b"))
    assert report.exit_code == 2


def test_a_secret_that_slipped_into_a_sentence_is_masked() -> None:
    report = DoctorReport(["canary-secret"])
    shown = report.add(problem("check", "it said canary-secret", "try token=abc and Bearer eyJhbGciOiJSUzI1NiJ9.a.b"))
    assert "canary" not in shown.seen
    assert "abc" not in str(shown.fix)
    assert "eyJ" not in str(shown.fix)


def test_a_transfer_that_was_left_behind_is_named_with_what_finishes_it(
    examine: Examine, box: acc_sandbox.Sandbox, environment: dict[str, str], tmp_path: Path
) -> None:
    """A server reserves an attachment, storage refuses its bytes, and then the file goes away."""
    drawing = tmp_path / "drawings" / "beams.pdf"
    drawing.write_bytes(b"%PDF-1.4 beams")
    box.faults.add(Fault("storage.put", Refuse(400), times=None))
    settings = Settings.load(
        base_url=box.base_url,
        access_token=environment["APS_ACCESS_TOKEN"],
        data_dir=tmp_path / "data",
        folders=(drawing.parent,),
    )

    async def attach() -> None:
        async with Client(build_server(settings, transport="stdio")) as client:
            place = {"project": "Riverside Medical Center", "submittal": "051200-3"}
            answer = await client.call_tool("add_submittal_attachment", {**place, "file_path": "beams.pdf"})
            assert answer.is_error

    anyio.run(attach)
    drawing.unlink()
    code, found = examine()
    assert (code, found["transfers"]["level"]) == (1, "warning")
    assert "beams.pdf" in found["transfers"]["seen"]
    assert f"waits for the file at {drawing}" in found["transfers"]["seen"]
    assert "no longer at" in found["transfers"]["fix"]
    with closing(sqlite3.connect(tmp_path / "data" / "submittal-mcp.sqlite3")) as connection, connection:
        connection.execute("DROP TABLE job_parts")
    code, found = examine()
    assert (code, found["transfers"]["level"]) == (2, "problem")
    assert "no such table: job_parts" in found["transfers"]["seen"]


def test_a_port_that_is_free_is_not_needed_by_doctor(examine: Examine, box: acc_sandbox.Sandbox) -> None:
    """It asks about the callback and never listens: a server may be doing that."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://localhost:{taken.getsockname()[1]}/callback"
        box.register_callback(url)
        _, found = examine(APS_ACCESS_TOKEN="", APS_CALLBACK_URL=url)
    assert found["callback URL"]["level"] == "ok"


@pytest.mark.parametrize(
    ("passed", "says", "fix"),
    [
        (timedelta(hours=1), "are not confirmed", "within 24 hours"),
        (timedelta(hours=25), "more than 24 hours ago", "sends all of it"),
    ],
)
def test_attachments_that_were_reserved_and_never_finished(
    examine: Examine,
    box: acc_sandbox.Sandbox,
    environment: dict[str, str],
    tmp_path: Path,
    passed: timedelta,
    says: str,
    fix: str,
) -> None:
    """A browser was to send the bytes, and did not; some hours later the doctor looks."""
    settings = Settings.load(
        base_url=box.base_url, access_token=environment["APS_ACCESS_TOKEN"], data_dir=tmp_path / "data"
    )
    box.clock.move(-passed.total_seconds())

    async def reserve() -> None:
        async with Client(build_server(settings, transport="stdio")) as client:
            place = {"project": "Riverside Medical Center", "submittal": "051200-3"}
            answer = await client.call_tool(
                "add_submittal_attachment", {**place, "name": "beams.pdf", "upload_by_caller": True}
            )
            assert not answer.is_error

    anyio.run(reserve)
    box.clock.move(passed.total_seconds())
    code, found = examine("Riverside", "051200-3")
    finding = found["attachments left behind"]
    assert (code, finding["level"]) == (1, "warning")
    assert "beams.pdf" in finding["seen"]
    assert (says in finding["seen"], fix in finding["fix"]) == (True, True)


def test_a_sign_in_whose_key_is_not_at_hand(examine: Examine, box: acc_sandbox.Sandbox, tmp_path: Path) -> None:
    lost, other = EncryptionKey.new(), EncryptionKey.new()
    signed_in(box, tmp_path / "data", lost)
    code, found = examine(APS_ACCESS_TOKEN="", SUBMITTAL_MCP_ENCRYPTION_KEYS=other.text)
    assert (code, found["vault key"]["level"]) == (2, "problem")
    assert lost.id in found["vault key"]["seen"]
    code, found = examine(APS_ACCESS_TOKEN="", SUBMITTAL_MCP_ENCRYPTION_KEYS=lost.text)
    assert (found["vault key"]["level"], found["sign-in"]["level"]) == ("ok", "ok")


def test_a_stored_sign_in_that_was_tampered_with(examine: Examine, box: acc_sandbox.Sandbox, tmp_path: Path) -> None:
    key = EncryptionKey.new()
    signed_in(box, tmp_path / "data", key)
    with sqlite3.connect(tmp_path / "data" / "submittal-mcp.sqlite3") as database:
        database.execute("UPDATE sign_ins SET generation = generation + 1")
    database.close()
    code, found = examine(APS_ACCESS_TOKEN="", SUBMITTAL_MCP_ENCRYPTION_KEYS=key.text)
    assert (code, found["vault key"]["level"], found["sign-in"]["level"]) == (2, "problem", "problem")
    assert found["vault key"]["fix"] == "run `submittal-mcp login`"


@pytest.mark.parametrize("operation", ["users.me", "topFolders.list"])
def test_a_sign_in_that_ends_while_the_doctor_looks_is_a_finding(
    examine: Examine, box: acc_sandbox.Sandbox, tmp_path: Path, operation: str
) -> None:
    """Autodesk refuses the token in the midst of it, and what should renew it has been used."""
    key = EncryptionKey.new()
    signed_in(box, tmp_path / "data", key, minutes_ago=30)
    box.faults.add(Fault(operation, Refuse(401), times=None))
    code, found = examine(
        "Riverside", APS_ACCESS_TOKEN="", SUBMITTAL_MCP_ENCRYPTION_KEYS=key.text, record=tmp_path / "shapes.json"
    )
    assert (code, found["sign-in"]["level"]) == (2, "problem")
    assert found["sign-in"]["fix"] == "run `submittal-mcp login` again"
    assert "users.me" in (tmp_path / "shapes.json").read_text("ascii")


def signed_in(box: acc_sandbox.Sandbox, data: Path, key: EncryptionKey, *, minutes_ago: float = 0) -> None:
    """Keep a sign-in of the Project Manager."""
    tokens = TokenSet.model_validate(
        {
            "access_token": box.token("manager"),
            "issued_at": time.time() - minutes_ago * 60,
            "expires_at": time.time() + 3599,
            "refresh_token": TOKEN,
            "refresh_expires_at": time.time() + 15 * 24 * 3600,
            "scopes": ("data:read", "data:write", "data:create"),
        }
    )
    with Database.open(DatabaseAddress.sqlite(DataFolder.open(data).database)) as database:
        account = UserAccount(box.base_url, box.client_id, box.person("manager").autodesk_id)
        Vault(database, EnvironmentKeys([key])).save_login(account, "Project Manager", None, tokens)


def test_workers_with_different_files_at_the_same_path_are_noticed(
    examine: Examine, postgres_url: str, tmp_path: Path
) -> None:
    """Another machine shares the database; what it saw is written down as its own doctor does it."""
    shared, own = tmp_path / "drawings", tmp_path / "own"
    own.mkdir()
    (shared / "beams.pdf").touch()
    keys = {"SUBMITTAL_MCP_DATABASE_URL": postgres_url, "SUBMITTAL_MCP_ENCRYPTION_KEYS": EncryptionKey.new().text}
    _, found = examine(**keys)
    assert (found["file mounts"]["level"], "yet" in found["file mounts"]["seen"]) == ("ok", True)
    with Database.open(DatabaseAddress.of(postgres_url)) as database:
        compare(database, shared, FolderSnapshot.of(shared), "worker-2")
        # A file that came since is no reason to think of another folder.
        (shared / "columns.pdf").touch()
        _, found = examine(**keys)
        assert (found["file mounts"]["level"], "worker-2" in found["file mounts"]["seen"]) == ("ok", True)
        compare(database, shared, FolderSnapshot.of(own), "worker-2")
    code, found = examine(**keys)
    assert (code, found["file mounts"]["level"]) == (2, "problem")
    assert "a different folder on worker-2" in found["file mounts"]["seen"]


def test_two_volumes_whose_roots_have_one_inode_are_told_apart_by_what_is_in_them() -> None:
    here = FolderSnapshot(inode=2, entries={"beams.pdf": 12, "new.pdf": 13})
    assert here.is_same_folder(FolderSnapshot(inode=2, entries={"beams.pdf": 12, "old.pdf": 11}))
    assert not here.is_same_folder(FolderSnapshot(inode=2, entries={"beams.pdf": 14}))
    assert not here.is_same_folder(FolderSnapshot(inode=3, entries={"beams.pdf": 12}))


def test_two_distributions_that_hold_the_sandbox_are_noticed(
    examine: Examine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("acc-sandbox", "submittal-mcp"):
        information = tmp_path / "installed" / f"{name.replace('-', '_')}-9.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9\n")
        (information / "top_level.txt").write_text("acc_sandbox\n")
    monkeypatch.syspath_prepend(str(tmp_path / "installed"))
    _, found = examine()
    assert found["sandbox"]["level"] == "warning"
    assert "acc-sandbox and submittal-mcp are both installed" in json.dumps(found["sandbox"])


@pytest.mark.parametrize("width", [20, 40, 80, 120, 200])
def test_on_a_terminal_lines_wrap_beneath_their_own_text(width):
    said = "the data folder /srv/submittals/" + "x" * 60 + " cannot be written to; give this user the right to"
    line = Text(f"{'FIX':>5}  {'data folder':<25}{said}")
    parts = [part.plain for part in hanging_lines(line, 32, width)]
    indent = 32 if width >= 64 else min(4, width // 4)
    assert all(part.startswith(" " * indent) and part[indent] != " " for part in parts[1:])
    assert [*" ".join(parts).split()] == line.plain.split()
    assert all(len(part) <= width or " " not in part.strip() or "xxx" in part for part in parts)
    assert hanging_lines(line, 32, None) == [line]
