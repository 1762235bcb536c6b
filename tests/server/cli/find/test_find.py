"""`submittal-mcp find` at a shell: the register as a table, CSV and JSON, and a manifest that `attach` takes."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

import acc_sandbox
from acc_sandbox import Fault, Refuse
from acc_sandbox.seed.default import DEFAULT
from acc_sandbox.seed.model import SeedData, SeedItem, SeedProject
from persistence.keys import EncryptionKey

HOSTILE = "=cmd|' /C calc'!A1\u202e\u001b[31m"
FORMULA = "=HYPERLINK(0)"


@pytest.fixture
def box() -> Any:
    """A sandbox with one more project, in which a title is a formula and two numbers are the same."""
    items = (
        SeedItem("051200", "1", HOSTILE, "sbc-1", "steel"),
        SeedItem("051200", "2", "Beams", "mgr-1", "steel", attachments=("beams.pdf",)),
    )
    project = SeedProject(
        "bridge", FORMULA, "hub", managers=("manager",), members=("manager", "steel"), specs={"051200": "Steel"},
        items=items,
    )  # fmt: skip
    plan = SeedData(DEFAULT.people, DEFAULT.companies, DEFAULT.roles, DEFAULT.hubs, (project, *DEFAULT.projects))
    with acc_sandbox.running(seed=plan) as box:
        yield box


class Shell:
    """A person's shell at a sandbox."""

    def __init__(self, start: Any, box: acc_sandbox.Sandbox, place: Path) -> None:
        self._start = start
        self._environment = {
            "APS_BASE_URL": box.base_url,
            "APS_ACCESS_TOKEN": box.token("manager"),
            "SUBMITTAL_MCP_DATA_DIR": str(place / "data"),
            "SUBMITTAL_MCP_FOLDERS": str(place),
            "SUBMITTAL_MCP_ENCRYPTION_KEYS": EncryptionKey.new().text,
        }

    def run(self, *arguments: str, **settings: str) -> tuple[int, str, str]:
        code, out, err = self._start("-m", "server", *arguments, **(self._environment | settings)).rest()
        return code, out, err

    def found(self, *arguments: str) -> list[dict[str, Any]]:
        code, out, err = self.run("find", *arguments, "--format", "json")
        assert code == 0, err
        rows: list[dict[str, Any]] = json.loads(out)
        return rows


@pytest.fixture
def shell(start: Any, box: acc_sandbox.Sandbox, tmp_path: Path) -> Shell:
    return Shell(start, box, tmp_path)


def test_projects_are_listed_as_the_settings_allow(shell: Shell, box: acc_sandbox.Sandbox) -> None:
    assert {row["name"] for row in shell.found("projects")} == {FORMULA, *(one.name for one in DEFAULT.projects[:3])}
    harbor = box.project("harbor").id
    code, out, _ = shell.run("find", "projects", SUBMITTAL_MCP_PROJECTS=harbor)
    assert (code, harbor in out, out.splitlines()[-1]) == (0, True, "1 found.")


def test_the_register_has_every_field_what_is_missing_and_what_is_overdue(
    shell: Shell, box: acc_sandbox.Sandbox
) -> None:
    rows = {row["number"]: row for row in shell.found("submittals", "--project", "Riverside")}
    assert set(rows) == {item.number for item in box.items() if item.state != "void"}
    beams, welding, closed = rows["051200-3"], rows["051200-6"], rows["033100-1"]
    assert (beams["type"], beams["package"], beams["contractor"], beams["with_whom"]) == (
        "Shop Drawing",
        "1 Structural steel package",
        "Steel Subcontractor",
        "Project Manager",
    )
    assert (beams["files"], welding["files"], welding["missing"]) == (1, 0, ["file"])
    assert welding["contractor"] == "company 20031002"
    assert (closed["response"], closed["days_overdue"], closed["missing"]) == ("Approved", None, [])
    overdue = {number for number, row in rows.items() if row["days_overdue"]}
    assert overdue
    assert {row["number"] for row in shell.found("submittals", "--project", "Riverside", "--overdue")} == overdue


def test_options_choose_submittals_and_without_a_project_all_are_looked_through(
    shell: Shell, box: acc_sandbox.Sandbox
) -> None:
    framing = shell.found("submittals", "--spec", "Framing", "--state", "sbc-1", "--project", "Riverside", "--no-files")
    assert {row["number"] for row in framing} == {"051200-2", "051200-4", "051200-6"}
    assert {row["files"] for row in framing} == {None}
    box.faults.add(Fault("items.list", Refuse(403)))
    code, out, err = shell.run("find", "submittals", "beam shop", "--no-files", "--format", "json")
    assert (code, {row["project"] for row in json.loads(out)}) == (
        0, {"Harbor Point Tower", "Riverside Medical Center"},
    )  # fmt: skip
    assert "is left out: " in err


def test_csv_is_safe_for_a_spreadsheet_and_a_table_for_a_terminal(shell: Shell, box: acc_sandbox.Sandbox) -> None:
    project = box.project("bridge").id
    code, out, err = shell.run("find", "submittals", "--project", project, "--format", "csv")
    assert code == 0, err
    assert out.startswith("\ufeffproject,")
    rows = list(csv.DictReader(io.StringIO(out.removeprefix("\ufeff"), newline="")))
    assert {row["title"] for row in rows} == {"'=cmd|' /C calc'!A1[31m", "Beams"}
    assert {row["project"] for row in rows} == {f"'{FORMULA}"}
    code, out, err = shell.run("find", "submittals", "--project", project)
    assert (code, "\u001b" in out, "\u202e" in out) == (0, False, False), err
    assert out.splitlines()[-1] == "2 found."


def test_attachments_of_one_or_of_all_submittals_are_listed(shell: Shell) -> None:
    of_one = shell.found("attachments", "--project", "Riverside", "--submittal", "051200-3")
    assert [(row["number"], row["name"], row["created_by"]) for row in of_one] == [
        ("051200-3", "beam-schedule.pdf", "Steel Subcontractor")
    ]
    everywhere = shell.found("attachments")
    assert {row["name"] for row in everywhere} == {
        "mix-design.pdf", "rebar.pdf", "beam-schedule.pdf", "deck-layout.pdf", "beams.pdf",
    }  # fmt: skip


def test_a_manifest_is_written_that_attach_takes_once_it_is_filled_in(
    shell: Shell, box: acc_sandbox.Sandbox, tmp_path: Path
) -> None:
    manifest = tmp_path / "to attach.csv"
    (tmp_path / "new.pdf").write_bytes(b"%PDF-1.4 new")
    code, _, err = shell.run("find", "submittals", "--write-manifest", str(manifest), "--no-files")
    assert code == 0, err
    assert f"`submittal-mcp attach --manifest '{manifest}'`" in err
    refused = shell.run("find", "submittals", "--write-manifest", str(manifest))
    assert (refused[0], "nothing is overwritten" in refused[2]) == (1, True)
    rows = list(csv.DictReader(io.StringIO(manifest.read_text("utf-8-sig"), newline="")))
    ids = {item.id: item for project in ("bridge", "harbor", "riverside") for item in box.items(project=project)}
    assert len(rows) == sum(item.state not in ("sbc-2", "void") for item in ids.values())
    assert not any(row["project"].startswith("=") or row["submittal"].startswith("=") for row in rows)
    chosen = [row | {"file": "new.pdf"} for row in rows if row["project"] != "Harbor Point Tower"]
    with manifest.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row for row in chosen if "joint" not in row["submittal"].lower())
    code, out, err = shell.run("attach", "--manifest", str(manifest))
    assert code == 0, err
    assert " attached" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("submittals", "--project", "Nowhere"), "No project of that id or name"),
        (("submittals", "--project", "Riverside", "--spec", "Structural Stel"), "Candidates: 051200 Structural Steel"),
        (("submittals", "--state", "lost"), "'state' must be"),
        (("submittals", "--due-before", "soon"), "'due_before' must be a day"),
        (("attachments", "--project", "Riverside", "--submittal", "steel"), "of 6 submittals that fit"),
    ],
)
def test_an_invalid_option_value_is_refused_with_the_remedy(
    shell: Shell, arguments: tuple[str, ...], says: str
) -> None:
    code, out, err = shell.run("find", *arguments)
    assert (code, out, says in err) == (1, "", True), err


def test_a_submittal_needs_its_project(shell: Shell) -> None:
    code, _, err = shell.run("find", "attachments", "--submittal", "051200-3")
    assert (code, "--submittal needs --project" in err) == (2, True)
