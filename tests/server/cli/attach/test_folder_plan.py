"""`submittal-mcp attach DIR`: a folder is planned first, told as a table, and sent as the plan says once it is agreed to."""

import csv
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import acc_sandbox
from persistence.keys import EncryptionKey
from tests.support.constants import ROOT

NAMES = (
    "051200-3_Beams_RevB.pdf",
    "05 12 00-5 West wing.pdf",
    "Curtain wall shops.pdf",
    "051200.pdf",
    "033100-1 mix.pdf",
)
PROJECT = ("--project", "Riverside")


class Drawings:
    """A folder of files as an office names them, and a shell beside it."""

    def __init__(self, start: Any, box: acc_sandbox.Sandbox, folder: Path) -> None:
        self.start = start
        self.box = box
        self.files = folder / "March"
        self.files.mkdir()
        for name in NAMES:
            (self.files / name).write_bytes(b"%PDF-1.4 " + name.encode())
        (self.files / "~$notes.docx").write_bytes(b"locked")
        self.manifest = folder / "plan.csv"
        self.environment = {
            "APS_BASE_URL": box.base_url,
            "APS_ACCESS_TOKEN": box.token("manager"),
            "SUBMITTAL_MCP_FOLDERS": str(self.files),
            "SUBMITTAL_MCP_DATA_DIR": str(folder / "data"),
            "SUBMITTAL_MCP_ENCRYPTION_KEYS": EncryptionKey.new().text,
        }

    def run(self, *arguments: object, **environment: str) -> tuple[int, str, str]:
        program = self.start("-m", "server", "attach", *map(str, arguments), **(self.environment | environment))
        code, out, err = program.rest()
        return code, out, err

    def created(self) -> int:
        return self.box.requests.count("attachments.create")

    def names_at(self, number: str) -> list[object]:
        return [row["name"] for row in self.box.attachments(self.box.item(number)) if row["isFileUploaded"]]


@pytest.fixture
def drawings(start: Any, box: acc_sandbox.Sandbox, tmp_path: Path) -> Drawings:
    return Drawings(start, box, tmp_path)


def test_check_prints_where_each_file_would_go_and_sends_nothing(drawings: Drawings) -> None:
    code, out, err = drawings.run(drawings.files, *PROJECT, "--check")
    assert code == 0, err
    rows = {line.split("  ")[0].strip(): " ".join(line.split()) for line in out.splitlines() if ".pdf" in line}
    assert rows["051200-3_Beams_RevB.pdf"].endswith("051200-3 Structural steel beam shop drawings number attach")
    assert rows["Curtain wall shops.pdf"].endswith("084413-2 Curtain wall shop drawings title attach")
    assert rows["033100-1 mix.pdf"].endswith("number left out: the submittal is closed")
    assert "left out: several submittals fit its name" in rows["051200.pdf"]
    assert out.splitlines()[-1] == "5 files: 3 to attach, 2 left out, 1 hidden or temporary."
    assert drawings.created() == 0


def test_check_as_json_is_what_the_tool_answers(drawings: Drawings) -> None:
    code, out, err = drawings.run(
        f"{drawings.files}/Curtain*", *PROJECT, "--check", "--json", SUBMITTAL_MCP_READ_ONLY="1"
    )
    assert code == 0, err
    plan = json.loads(out)
    [row] = plan["files"]
    assert (row["number"], row["matched_by"], row["outcome"]) == ("084413-2", "title", "planned")
    assert plan["counts"] == {"planned": 1, "ignored": 1}


def test_folder_is_sent_as_planned_where_yes_was_given(drawings: Drawings) -> None:
    code, out, err = drawings.run(drawings.files, *PROJECT, "--yes", "--wait")
    assert (code, out) == (0, "3 files: 3 attached.\n"), err
    assert "3 to attach, 2 left out" in err
    assert "051200-3_Beams_RevB.pdf" in drawings.names_at("051200-3")
    assert "Curtain wall shops.pdf" in drawings.names_at("084413-2")
    assert drawings.created() == 3

    code, out, err = drawings.run(drawings.files, *PROJECT, "--yes")
    assert (code, out) == (0, ""), err
    assert "3 there already, 2 left out" in err
    assert drawings.created() == 3


def test_all_files_of_a_folder_go_to_a_submittal_that_is_named(drawings: Drawings) -> None:
    code, out, err = drawings.run(drawings.files, *PROJECT, "--submittal", "05 12 00-5", "--yes", "--wait")
    assert (code, out) == (0, "5 files: 5 attached.\n"), err
    assert set(NAMES) <= set(drawings.names_at("051200-5"))


def test_without_a_terminal_a_folder_is_not_sent_unasked(drawings: Drawings) -> None:
    code, _, err = drawings.run(drawings.files, *PROJECT)
    assert code == 1
    assert "There is no terminal to ask in" in err
    assert drawings.created() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of POSIX")
@pytest.mark.parametrize(("typed", "created"), [("y\n", 3), ("\n", 0)])
def test_at_a_terminal_the_user_is_asked_below_the_table(drawings: Drawings, typed: str, created: int) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "server", "attach", str(drawings.files), *PROJECT]
    environment = {**os.environ, **drawings.environment, "TERM": "dumb", "COLUMNS": "160"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE
    ) as one:
        os.close(theirs)
        shown = b""
        while b"[y/N]" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, typed.encode())
        while True:
            try:
                read = os.read(ours, 4096)
            except OSError:  # Linux answers so once the other end is closed
                break
            if not read:
                break
        code = one.wait()
    os.close(ours)
    assert b"Attach 3 files? [y/N]" in shown
    assert shown.index(b"Curtain wall shops.pdf") < shown.index(b"[y/N]")
    assert (code == 0, drawings.created()) == (created > 0, created)


def test_written_manifest_is_one_that_attach_takes(drawings: Drawings) -> None:
    odd = drawings.files / "=051200-3 odd.pdf"
    odd.write_bytes(b"%PDF-1.4 odd")
    code, _, err = drawings.run(drawings.files, *PROJECT, "--write-manifest", drawings.manifest)
    assert code == 0, err
    with drawings.manifest.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["file"]: row["submittal"] for row in rows} == {
        "March/=051200-3 odd.pdf": "051200-3",
        "March/051200-3_Beams_RevB.pdf": "051200-3",
        "March/05 12 00-5 West wing.pdf": "051200-5",
        "March/Curtain wall shops.pdf": "084413-2 Curtain wall shop drawings",
    }
    assert drawings.created() == 0
    again, _, err = drawings.run(drawings.files, *PROJECT, "--write-manifest", drawings.manifest)
    assert again == 1, err
    assert "nothing is overwritten" in err

    code, out, err = drawings.run("--manifest", drawings.manifest, "--wait")
    assert (code, out.splitlines()[0]) == (0, "4 files: 4 attached."), err


def test_manifest_beside_its_files_keeps_names_that_look_like_formulas(drawings: Drawings) -> None:
    (drawings.files / "-051200-3 odd.pdf").write_bytes(b"%PDF-1.4 odd")
    manifest = drawings.files / "plan.csv"
    code, _, err = drawings.run(f"{drawings.files}/-*", *PROJECT, "--write-manifest", manifest)
    assert code == 0, err
    code, out, err = drawings.run("--manifest", manifest, "--wait")
    assert (code, out.splitlines()[0]) == (0, "1 file: 1 attached."), err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("one", "two", *PROJECT, "--check"), "are for one folder"),
        ((".", "--check"), "a folder needs --project"),
        ((".", *PROJECT, "--check", "--name", "a.pdf"), "--name is for a single file"),
        ((".", *PROJECT, "--check", "--task", "a"), "--task is for files of one submittal"),
    ],
)
def test_options_that_do_not_go_with_a_folder_are_refused(
    drawings: Drawings, arguments: tuple[str, ...], sentence: str
) -> None:
    code, _, err = drawings.run(*arguments)
    assert code == 2
    assert sentence in " ".join(err.replace("│", " ").split())


def test_folder_that_is_not_allowed_is_told(drawings: Drawings, tmp_path: Path) -> None:
    code, _, err = drawings.run(tmp_path, *PROJECT, "--check")
    assert code == 1
    assert "This folder may not be read" in err
    (drawings.files / "Steel \u2013 A").mkdir()
    for named, said in (
        ("Steal - A", "There is no such folder: "),
        ("Steal - A", f"Candidates: {drawings.files}/Steel \u2013 A"),
        ("033100-1 mix.pdf", "This is a file, not a folder"),
    ):
        code, _, err = drawings.run(drawings.files / named, *PROJECT, "--check")
        assert (code, said in err) == (1, True), err
    assert drawings.run(drawings.files / "steel - a", *PROJECT, "--check")[0] == 0
