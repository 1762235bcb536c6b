"""`doctor --record`: shapes of what Autodesk answers, in a private new file, with no value of anybody's in it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

import acc_sandbox
from acc.client import AccClient
from acc.hosts import AutodeskHosts
from acc.operations import ApiOperation
from acc.responses import HttpResponse
from acc_sandbox import Fault, Refuse
from auth.oauth import StaticTokenSource
from persistence import private_files
from server.cli.doctor import command as doctor
from server.cli.doctor.autodesk import DoctorTarget
from server.cli.doctor.record import ask_everything
from server.cli.doctor.recorded_shapes import is_plain_name
from server.settings.model import Settings

PLACE = DoctorTarget("Riverside", "051200-3")

SHOWN_ALWAYS = {"= hubs:autodesk.bim360:Account", "= projects:autodesk.bim360:Project", "= US", "= ACC"}
"""Values that may leave, and do from every account of the seed."""

KIND = re.compile(r"(uuid|date|timestamp|digits|text) of \d+( to \d+)?|null|boolean|integer|number|nothing")


@pytest.fixture
def environment(
    box: acc_sandbox.Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clean_environment: None
) -> None:
    for name, value in {
        "APS_BASE_URL": box.base_url,
        "APS_ACCESS_TOKEN": box.token("manager"),
        "SUBMITTAL_MCP_DATA_DIR": str(tmp_path / "data"),
        "SUBMITTAL_MCP_FOLDERS": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)


Record = Callable[..., dict[str, Any]]


@pytest.fixture
def record(environment: None, capsys: pytest.CaptureFixture[str]) -> Record:
    """Run `doctor --json --record FILE`, and return what it says of the recording."""

    def run(path: Path, asked: DoctorTarget = PLACE) -> dict[str, Any]:
        capsys.readouterr()
        doctor.run(Settings.load, None, asked, as_json=True, record=path)
        findings: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["findings"]
        [finding] = [one for one in findings if one["check"] == "record"]
        return finding

    return run


def recorded(path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    return {(one["operation"], one["status"]): one for one in json.loads(path.read_text("ascii"))["answers"]}


def values_in(value: Any) -> set[str]:
    """Every text and number, and every name that is no word of ours."""
    if isinstance(value, dict):
        names = {name for name in value if not is_plain_name(name)}
        return names.union(*map(values_in, value.values()))
    if isinstance(value, list):
        return set().union(*map(values_in, value))
    return set() if value is None or isinstance(value, bool) else {str(value)}


def leaves_in(value: Any) -> set[str]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return {value} if inner is None else set().union(*map(leaves_in, inner))


def reviewed_item(box: acc_sandbox.Sandbox) -> acc_sandbox.Item:
    """An item in review that has attachments, tasks and people."""
    return next(item for item in box.items("rev") if box.attachments(item) and box.tasks(item))


def test_every_read_is_recorded_and_no_text_or_number_of_its_answers_is_in_the_file(
    record: Record, box: acc_sandbox.Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "shapes.json"
    asked = DoctorTarget("Riverside", reviewed_item(box).id)
    assert record(path, asked)["level"] == "ok"
    found = recorded(path)
    assert set(found) == {
        (operation, 200)
        for operation in (
            "admin.users.list",
            "auth.userinfo",
            "dm.hubs",
            "dm.projects",
            "dm.topFolders",
            "dm.folder",
            "dm.folderContents",
            "dm.item",
            "dm.version",
            "oss.signeds3download",
            "submittals.users.me",
            "submittals.items.list",
            "submittals.items.get",
            "submittals.attachments.list",
            "submittals.steps.list",
            "submittals.tasks.list",
        )
    }

    seen: set[str] = set()

    async def read_again() -> None:
        def take(operation: ApiOperation[Any], answer: HttpResponse) -> None:
            seen.update(values_in(json.loads(answer.body)))

        async with AccClient(
            AutodeskHosts.at(box.base_url), StaticTokenSource(box.token("manager")), on_answer=take
        ) as acc:
            await acc.userinfo()
            await ask_everything(acc, Settings.load(), asked)

    anyio.run(read_again)
    bodies = [one["body"] for one in found.values()]
    shown = {leaf for leaf in leaves_in(bodies) if leaf.startswith("= ")}
    assert shown >= SHOWN_ALWAYS | {"= rev", "= Attachment::create"}
    text = path.read_text("ascii")
    # Shorter ones are lengths as well; plain words are names of members as well.
    secret = {one for one in seen if len(one) > 3 and not is_plain_name(one) and f"= {one}" not in shown}
    assert {"Riverside Medical Center", "project.manager@example.com", reviewed_item(box).id} <= secret
    assert len(secret) > 200
    assert [one for one in secret if one in text] == []
    assert [leaf for leaf in leaves_in(bodies) - shown if not KIND.fullmatch(leaf)] == []


def test_the_file_is_for_this_person_alone_and_says_what_it_is(record: Record, tmp_path: Path) -> None:
    path = tmp_path / "shapes.json"
    finding = record(path)
    assert (finding["level"], str(path) in finding["seen"]) == ("ok", True)
    assert not private_files.HAS_MODES or private_files.mode_of(path) == private_files.FILE_MODE
    written = json.loads(path.read_text("ascii"))
    assert "No value is in it" in written["about"]
    assert written["service"] == "another host, named by APS_BASE_URL"
    item = recorded(path)["submittals.items.get", 200]
    assert item["request"] == "GET /construction/submittals/v2/projects/{project_id}/items/{item_id}"
    assert "content-type" in item["headers"]
    assert (item["body"]["id"], item["body"]["stateId"]) == ("uuid of 36", "= mgr-1")


def test_a_refusal_is_recorded_by_its_shape_too(record: Record, box: acc_sandbox.Sandbox, tmp_path: Path) -> None:
    body = {"developerMessage": "Riverside says no", "errorCode": "AUTH-010", "Riverside tower": 815}
    box.faults.add(Fault("attachments.list", Refuse(403, body), times=None))
    box.faults.add(Fault("steps.list", Refuse(404, "<html>Riverside</html>"), times=None))
    path = tmp_path / "shapes.json"
    record(path)
    found = recorded(path)
    assert found["submittals.attachments.list", 403]["body"] == {
        "developerMessage": "text of 17",
        "errorCode": "= AUTH-010",
        "other names: 1, of 15 characters": "integer",
    }
    assert ("submittals.steps.list", 404) in found
    assert "Riverside" not in path.read_text("ascii")


def test_without_a_project_the_account_is_recorded_and_the_rest_is_named(record: Record, tmp_path: Path) -> None:
    path = tmp_path / "shapes.json"
    finding = record(path, DoctorTarget())
    assert finding["level"] == "warning"
    assert "--project NAME and --submittal NUMBER" in finding["fix"]
    assert {operation for operation, _ in recorded(path)} == {"auth.userinfo", "dm.hubs", "dm.projects"}


def test_a_file_that_is_there_is_not_overwritten(record: Record, tmp_path: Path) -> None:
    path = tmp_path / "shapes.json"
    path.write_text("of another user", encoding="ascii")
    finding = record(path)
    assert (finding["level"], "is not overwritten" in finding["seen"]) == ("problem", True)
    assert path.read_text("ascii") == "of another user"


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("not-there/shapes.json", "there is no folder"),
        (f"{'n' * 300}.json", "cannot be written"),
    ],
)
def test_a_file_that_cannot_be_made_is_said_with_what_helps(
    record: Record, tmp_path: Path, place: str, says: str
) -> None:
    finding = record(tmp_path / place)
    assert (finding["level"], says in finding["seen"]) == ("problem", True)
    assert "--record shapes.json" in finding["fix"]


def test_a_link_that_leads_nowhere_is_not_followed(record: Record, tmp_path: Path) -> None:
    path = tmp_path / "shapes.json"
    path.symlink_to(tmp_path / "elsewhere.json")
    assert record(path)["level"] == "problem"
    assert not (tmp_path / "elsewhere.json").exists()


def test_where_nothing_was_answered_no_file_is_made(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APS_ACCESS_TOKEN", "")
    path = tmp_path / "shapes.json"
    finding = record(path)
    assert (finding["level"], "no response came" in finding["seen"]) == ("problem", True)
    assert not path.exists()


def test_a_private_file_that_could_not_be_written_whole_is_gone(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        private_files.create(tmp_path / "half", "no bytes")  # type: ignore[arg-type]
    private_files.create(tmp_path / "whole", b"bytes")
    with pytest.raises(FileExistsError):
        private_files.create(tmp_path / "whole", b"others")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("whole", b"bytes")]


def test_the_command_takes_the_file(start: Any, environment: None, tmp_path: Path) -> None:
    path = tmp_path / "shapes.json"
    code, out, err = start("-m", "server", "doctor", "--record", str(path)).rest()
    assert (code, err) == (1, "")
    assert any(line.split()[:2] == ["warn", "record"] for line in out.splitlines())
    assert path.exists()
