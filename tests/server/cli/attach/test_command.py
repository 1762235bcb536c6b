"""`submittal-mcp attach`: many files from a shell, by people and pipelines who look at the exit code and the results."""

import csv
import hashlib
import io
import json
import os
import pty
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

import acc_sandbox
from acc_sandbox import Fault, LoseAnswer, Refuse, Stall
from persistence.keys import EncryptionKey
from server.cli.attach.manifest import ManifestRow
from server.cli.attach.preflight import ValidatedRow
from server.cli.attach.progress import PlainProgress, RichProgress, view_for
from server.cli.attach.results import RowResult
from tests.support.constants import ROOT
from transfers.files.local_file import FileStamp
from transfers.idempotency import AttachTarget
from transfers.manager import LocalFileInfo

CREATE, PUT, CONFIRM = "attachments.create", "storage.put", "attachments.patch"
PROJECT = "Riverside Medical Center"
STEEL, OTHER = "05 12 00-3", "03 30 00-1"
REFUSED = Refuse(400, "<Error><Code>InvalidRequest</Code></Error>")


class Shell:
    """A person's shell in a folder with a manifest and the files it names."""

    def __init__(self, start: Any, box: acc_sandbox.Sandbox, folder: Path) -> None:
        self.start = start
        self.box = box
        self.folder = folder
        self.files = folder / "files"
        self.files.mkdir()
        self.manifest = folder / "drawings.csv"
        self.item = box.item(STEEL)
        self._seeded = {row["id"] for row in box.attachments(self.item)}
        self.environment = {
            "APS_BASE_URL": box.base_url,
            "APS_ACCESS_TOKEN": box.token("manager"),
            "SUBMITTAL_MCP_FOLDERS": str(self.files),
            "SUBMITTAL_MCP_DATA_DIR": str(folder / "data"),
            "SUBMITTAL_MCP_ENCRYPTION_KEYS": EncryptionKey.new().text,
        }

    def write(self, *names: str, submittal: str = STEEL) -> None:
        """Make files, and a manifest that attaches them all."""
        for name in names:
            (self.files / name).write_bytes(name.encode() * 1000)
        rows = "".join(f"{PROJECT},{submittal},files/{name}\n" for name in names)
        self.manifest.write_text(f"project,submittal,file\n{rows}", encoding="utf-8")

    def begin(self, *arguments: str, **environment: str) -> Any:
        return self.start("-m", "server", "attach", *arguments, **(self.environment | environment))

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        code, out, err = self.begin(*arguments, **environment).rest()
        return code, out, err

    def attach(self, *more: str) -> tuple[int, str, str]:
        return self.run("--manifest", str(self.manifest), *more)

    def results(self) -> list[dict[str, str]]:
        text = self.folder.joinpath("drawings.results.csv").read_text(encoding="utf-8-sig")
        return list(csv.DictReader(io.StringIO(text)))

    def outcomes(self) -> list[tuple[str, str, str]]:
        return [(row["row"], row["outcome"], row["error_code"]) for row in self.results()]

    def attached(self) -> dict[str, Any]:
        """What ACC has that was not there at the start, by name; a name that is there twice fails."""
        rows: list[Any] = [row for row in self.box.attachments(self.item) if row["id"] not in self._seeded]
        found = {row["name"]: row for row in rows}
        assert len(found) == len(rows)
        return found

    def check_attached(self, *names: str, confirmed: bool = True) -> None:
        found = self.attached()
        assert sorted(found) == sorted(names)
        for name, row in found.items():
            assert self.box.object_bytes(row["uploadUrn"]) == (self.files / name).read_bytes()
            assert row["isFileUploaded"] is confirmed


@pytest.fixture
def shell(start: Any, box: acc_sandbox.Sandbox, tmp_path: Path) -> Shell:
    return Shell(start, box, tmp_path)


def test_a_manifest_is_attached_and_confirmed_and_run_again_adds_nothing(shell: Shell) -> None:
    shell.write("beam.pdf", "joist.pdf")
    text = shell.manifest.read_text("utf-8").replace("files/beam.pdf", f"file://{shell.files}/beam.pdf")
    shell.manifest.write_text(text.replace("files/joist.pdf", "\u201cfiles\\joist.pdf\u201d"), "utf-8")
    code, out, err = shell.attach()
    assert (code, out) == (0, f"2 files: 2 attached.\nResults: {shell.folder / 'drawings.results.csv'}\n"), err
    assert err.splitlines()[0] == "Everything is checked: 2 files, 17,000 bytes."
    assert sorted(line.split()[3] for line in err.splitlines()[1:]) == ["beam.pdf:", "joist.pdf:"]
    shell.check_attached("beam.pdf", "joist.pdf")
    first, _ = shell.results()
    assert (first["row"], first["outcome"], first["already_attached"], first["size_bytes"]) == (
        "2",
        "done",
        "false",
        "8000",
    )
    assert first["attachment_id"] == shell.attached()["beam.pdf"]["id"]

    code, out, err = shell.attach()
    assert (code, out.splitlines()[0]) == (0, "2 files: 2 there already."), err
    assert shell.box.requests.count(CREATE) == 2
    assert shell.box.requests.count(PUT) == 2
    assert shell.box.requests.count(CONFIRM) == 2
    shell.check_attached("beam.pdf", "joist.pdf")


@pytest.mark.parametrize("more", [(), ("--wait",)])
def test_rows_that_a_lost_answer_may_have_made_are_named(shell: Shell, more: tuple[str, ...]) -> None:
    shell.write("beam.pdf")
    shell.box.faults.add(Fault(CREATE, LoseAnswer()))
    look = shell.box.faults.add(Fault("attachments.list", Stall(), nth=2))
    command = shell.begin("--manifest", str(shell.manifest), *more)
    assert look.reached.wait(120)
    httpx.post(
        f"{shell.box.base_url}/construction/submittals/v2/projects/{shell.item.project_id}/items/{shell.item.id}/attachments",
        headers={"Authorization": f"Bearer {shell.box.token()}"},
        json={"name": "beam.pdf", "urnTypeId": "2"},
    ).raise_for_status()
    shell.box.faults.release()
    code, out, err = command.rest()
    assert (code, out.splitlines()[0]) == (0, "1 file: 1 attached."), err
    [row] = shell.results()
    made = {str(one["id"]) for one in shell.box.attachments(shell.item) if one["name"] == "beam.pdf"}
    assert set(row["look_alikes"].split("; ")) == made - {row["attachment_id"]}
    assert len(made) == 3
    assert all(one in err for one in row["look_alikes"].split("; "))


@pytest.mark.parametrize("more", [(), ("--wait",)])
def test_files_of_one_submittal_take_two_requests_each_and_a_few_for_all(shell: Shell, more: tuple[str, ...]) -> None:
    names = [f"weld-{number:02}.pdf" for number in range(12)]
    shell.write(*names)
    shell.box.switches.urn_delay = 0
    code, out, err = shell.attach(*more)
    assert (code, out.splitlines()[0]) == (0, "12 files: 12 attached."), err
    sent = [one.operation for one in shell.box.requests.all() if shell.item.id in one.path]
    assert sent.count(CREATE) == sent.count(CONFIRM) == 12
    # The slower the machine, the more lists grow old and looks are taken; one of each for a file would be 24.
    assert len(sent) < 2 * 12 + 12, Counter(sent)


def test_everything_is_checked_before_anything_is_sent_and_every_bad_row_is_named(shell: Shell) -> None:
    shell.write("beam.pdf")
    (shell.files / "empty.pdf").touch()
    (shell.folder / "outside.pdf").write_bytes(b"x")
    with shell.manifest.open("a", encoding="utf-8") as manifest:
        manifest.write(
            f"{PROJECT},{STEEL},files/gone.pdf\n"
            f"{PROJECT},{STEEL},outside.pdf\n"
            f"{PROJECT},{STEEL},files/empty.pdf\n"
            f"{PROJECT},no such number,files/beam.pdf\n"
            "Nowhere,1,files/beam.pdf\n"
            f"{PROJECT},051200-3,files/beam.pdf\n"
            ",,\n"
            f"{PROJECT},,files/beam.pdf\n"
            f"{PROJECT},{STEEL},https://vendor.example/beam.pdf\n"
        )
    code, out, err = shell.attach()
    assert (code, out.splitlines()[0]) == (2, "9 files: 8 refused, 1 not sent.")
    assert shell.outcomes() == [
        ("2", "not_sent", ""),
        ("3", "refused", "file_not_found"),
        ("4", "refused", "file_not_allowed"),
        ("5", "refused", "file_empty"),
        ("6", "refused", "submittal_not_found"),
        ("7", "refused", "project_not_found"),
        ("8", "refused", "invalid_arguments"),
        ("10", "refused", "invalid_arguments"),
        ("11", "refused", "file_not_allowed"),
    ]
    assert f"row 3 ({shell.files / 'gone.pdf'}): file_not_found: There is no such file" in err
    assert "Put a copy of the file beneath an allowed folder." in err
    assert f"--folder {shell.folder}" not in err, "no hint widens what is allowed"
    assert "This is the same file for the same submittal as in row 2. Remove one of them." in err
    assert "This is a web address, and nothing is fetched from the web" in err
    assert "row 10 (files/beam.pdf): invalid_arguments: The cell of submittal is empty. Fill it in." in err
    assert err.endswith("Nothing was sent.\n")
    assert shell.box.requests.count(CREATE) == 0


def test_a_web_address_in_place_of_a_file_is_refused_as_one(shell: Shell) -> None:
    address = "https://example.com/files/beam.pdf?dl=0"
    shell.write("beam.pdf")
    text = shell.manifest.read_text("utf-8").replace("files/beam.pdf", f"<{address}>")
    shell.manifest.write_text(text, "utf-8")
    for arguments in (("--manifest", str(shell.manifest)), (address, "--project", PROJECT, "--submittal", STEEL)):
        code, out, err = shell.run(*arguments)
        assert (code, out.splitlines()[0]) == (2, "1 file: 1 refused.")
        assert "file_not_allowed: This is a web address, and nothing is fetched from the web" in err
        assert "Download it first, and give the path of the file." in err


@pytest.mark.parametrize("cell", ["5.12E+04", "12-May"])
def test_a_number_that_a_spreadsheet_converted_is_refused_with_what_made_it_so(shell: Shell, cell: str) -> None:
    shell.write("beam.pdf", submittal=cell)
    code, out, err = shell.attach()
    assert (code, out.splitlines()[0]) == (2, "1 file: 1 refused.")
    assert "submittal_not_found" in err
    assert "A spreadsheet may have made a number or a day of it: format the column as text." in err
    assert not shell.attached()


def test_ctrl_c_ends_it_in_time_and_the_same_command_finishes_without_repeating_a_row(shell: Shell) -> None:
    shell.write("a.pdf", "b.pdf", "c.pdf")
    stalled = shell.box.faults.add(Fault(PUT, Stall(), nth=2, times=None))
    program = shell.begin("--manifest", str(shell.manifest), "--at-once", "1")
    assert stalled.reached.wait(120)
    program.process.send_signal(signal.SIGINT)
    code, out, err = program.rest()  # by itself: nothing lets the stalled request go
    assert (code, out.splitlines()[0]) == (130, "3 files: 1 attached, 1 interrupted, 1 not sent."), err
    assert shell.outcomes() == [("2", "done", ""), ("3", "interrupted", ""), ("4", "not_sent", "")]
    assert "The same command again goes on where this one stopped" in err

    shell.box.faults.clear()
    code, _, err = shell.attach()
    assert code == 0, err
    shell.check_attached("a.pdf", "b.pdf", "c.pdf")
    assert shell.box.requests.count(CREATE) == 3
    assert shell.box.requests.count(CONFIRM) == 3


def test_killed_outright_it_goes_on_as_well(shell: Shell) -> None:
    shell.write("a.pdf", "b.pdf")
    stalled = shell.box.faults.add(Fault(PUT, Stall(), nth=2, times=None))
    program = shell.begin("--manifest", str(shell.manifest), "--at-once", "1")
    assert stalled.reached.wait(120)
    program.process.kill()
    assert program.rest()[0] == -9
    assert shell.outcomes() == [("2", "not_sent", ""), ("3", "not_sent", "")]  # written before anything was sent

    shell.box.faults.clear()
    code, out, err = shell.attach()
    assert (code, out.splitlines()[0]) == (0, "2 files: 2 there already."), err
    shell.check_attached("a.pdf", "b.pdf")
    assert shell.box.requests.count(CREATE) == 2


def test_a_row_that_fails_keeps_no_other_back_and_its_exit_code_says_so(shell: Shell) -> None:
    shell.write("a.pdf", "b.pdf", "c.pdf")
    shell.box.faults.add(Fault(PUT, REFUSED, nth=2))
    code, out, err = shell.attach("--at-once", "1", "--result", str(shell.folder / "out.json"))
    assert (code, out.splitlines()[0]) == (1, "3 files: 2 attached, 1 failed."), err
    _, second, _ = json.loads((shell.folder / "out.json").read_text(encoding="utf-8"))
    assert (second["outcome"], second["error"]["code"]) == ("failed", "storage_unavailable")
    assert f"row 3 ({shell.files / 'b.pdf'}): storage_unavailable: Storage refused the bytes." in err
    assert " Run the same command again; if it persists, a proxy may change the requests" in err
    assert "Traceback" not in err
    assert shell.attach()[0] == 0
    shell.check_attached("a.pdf", "b.pdf", "c.pdf")


def test_files_of_a_command_line_are_stored_and_confirmed_by_a_later_run(shell: Shell) -> None:
    shell.write("beam.pdf")
    place = ("--project", PROJECT, "--submittal", STEEL, "--category", "submission", "--json")
    code, out, err = shell.run(str(shell.files / "beam.pdf"), "--no-confirm", *place)
    assert code == 0, err
    [row] = json.loads(out)["rows"]
    assert (row["row"], row["outcome"], row["state"], row["category"]) == (1, "done", "uploaded", "submission")
    shell.check_attached("beam.pdf", confirmed=False)
    code, out, err = shell.run(str(shell.files / "beam.pdf"), "--wait", *place)
    assert code == 0, err
    assert json.loads(out)["rows"][0]["state"] == "ready"
    shell.check_attached("beam.pdf")


def test_attaching_loads_nothing_of_mcp(shell: Shell, start_anew: Any) -> None:
    """The SDK takes longer to import than all that a command needs."""
    shell.write("beam.pdf")
    told = "atexit.register(lambda: sys.stderr.write('modules ' + ' '.join(sys.modules)))"
    script = f"import atexit, sys, server.cli.jobs, server.cli.worker; {told}; server.cli.main.main()"
    program = start_anew(
        "-c", f"import server.cli.main; {script}", "attach", "--manifest", str(shell.manifest), **shell.environment
    )
    code, _, err = program.rest()
    assert code == 0, err
    modules = err.partition("modules ")[2].split()
    assert "server.cli.attach.command" in modules
    assert {"mcp", "mcp_types", "server.mcp.app"}.isdisjoint(modules)


def test_a_name_that_the_systems_encoding_lacks_is_refused_by_its_row(shell: Shell) -> None:
    shell.write("beam.pdf")
    shell.manifest.write_text(f"project,submittal,file\n{PROJECT},{STEEL},files/\u56fe.pdf\n", encoding="utf-8")
    old_locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    code, _, err = shell.run("--manifest", str(shell.manifest), **old_locale)
    assert (code, "Traceback" in err, "row 2" in err) == (2, False, True), err


def test_ten_thousand_rows_ask_acc_for_each_submittal_once(shell: Shell) -> None:
    shell.write("beam.pdf")
    rows = "".join(f"{PROJECT},{STEEL},files/beam.pdf,{number}.pdf\n" for number in range(9_999))
    header = "project,submittal,file,name\n"
    shell.manifest.write_text(f"{header}{rows}{PROJECT},{STEEL},files/gone.pdf,\n", encoding="utf-8")
    before = len(shell.box.requests)
    code, out, err = shell.attach()
    assert (code, out.splitlines()[0]) == (2, "10000 files: 1 refused, 9999 not sent."), err
    assert err.startswith(f"row 10001 ({shell.files / 'gone.pdf'}): file_not_found")
    assert len(shell.box.requests) - before < 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--manifest", "gone.csv"), "gone.csv cannot be read: No such file or directory."),
        (("--manifest", "drawing.csv"), "No such file or directory. Did you mean drawings.csv?"),
        (("--manifest", "drawings.csv", "--result", "drawings.csv"), "would be written over drawings.csv"),
        (("--manifest", "drawings.csv", "--result", "nowhere/out.csv"), "cannot be written to nowhere/out.csv"),
        (("--manifest", "drawings.csv", "beam.pdf"), "give either files or --manifest"),
        (("beam.pdf",), "files need --project and --submittal"),
        (
            ("long", "--project", PROJECT, "--submittal", STEEL),
            "This path is longer than the operating system takes",
        ),
        (("a.pdf", "b.pdf", "--project", "P", "--submittal", "1", "--name", "x"), "--name is for a single file"),
    ],
)
def test_contradicting_options_are_refused_before_anything_is_sent(
    shell: Shell, arguments: tuple[str, ...], said: str
) -> None:
    shell.write("beam.pdf")
    long = {"long": str(shell.files / ("x" * 300))}
    absolute = long | {
        "drawings.csv": str(shell.manifest),
        "drawing.csv": str(shell.manifest.with_name("drawing.csv")),
        "nowhere/out.csv": str(shell.folder / "nowhere" / "out.csv"),
    }
    code, _, err = shell.run(*(absolute.get(one, one) for one in arguments))
    assert code == 2
    assert said in " ".join(err.replace("│", " ").split()).replace(f"{shell.folder}/", "")
    assert shell.box.requests.count(CREATE) == 0


def test_a_reading_server_s_settings_and_a_missing_sign_in_refuse_the_whole_command(shell: Shell) -> None:
    shell.write("beam.pdf")
    assert shell.run("--manifest", str(shell.manifest), SUBMITTAL_MCP_READ_ONLY="true")[0] == 1
    app = {"APS_ACCESS_TOKEN": "", "APS_CLIENT_ID": shell.box.client_id}
    code, _, err = shell.run("--manifest", str(shell.manifest), **app)
    assert code == 1
    assert "no one is signed in to Autodesk" in err
    assert shell.box.requests.count(CREATE) == 0


def test_a_web_page_in_place_of_acc_is_said_to_be_of_a_proxy_or_of_the_network(shell: Shell) -> None:
    shell.write("beam.pdf")
    shell.box.faults.add(Fault("hubs.list", Refuse(200, "<html>Sign in to the hotel</html>")))
    code, _, err = shell.attach()
    assert code == 1
    assert "proxy or the network's sign-in page answered" in err
    assert "Open a browser on this machine, sign in to the network if it asks" in err
    assert shell.box.requests.count(CREATE) == 0


class Teletype:
    """A terminal that a program believes in, with a person at it."""

    def __init__(self, shell: Shell, *arguments: str) -> None:
        self._end, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server", "attach", *arguments],
            cwd=ROOT,
            env=os.environ | shell.environment | {"SUBMITTAL_MCP_CONFIRM": "ask", "COLUMNS": "200", "TERM": "xterm"},
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
        os.close(theirs)

    def type(self, text: str) -> None:
        """Type something, whether it was asked for or not."""
        os.write(self._end, text.encode())

    def answer(self, text: str) -> str:
        """Wait for a question, answer it, and return everything that was shown until then."""
        shown = b""
        while b"[y/N]" not in shown:
            shown += os.read(self._end, 4096)
        os.write(self._end, text.encode())
        return shown.decode()

    def end(self) -> tuple[int, str]:
        """Read until the program ends, for it would wait for its reader."""
        with suppress(OSError):
            while os.read(self._end, 4096):
                pass
        out, _ = self.process.communicate(timeout=60)
        os.close(self._end)
        return self.process.returncode, out.decode()


def test_where_a_person_has_to_agree_they_are_asked_at_the_terminal_for_every_file(shell: Shell) -> None:
    shell.write("a.pdf", "b.pdf")
    terminal = Teletype(shell, "--manifest", str(shell.manifest), "--at-once", "1")
    shown = terminal.answer("y\n")
    digest = hashlib.sha256((shell.files / "a.pdf").read_bytes()).hexdigest()
    for line in ("File: a.pdf", "Size: 5,000 bytes", f"SHA-256: {digest}", f"Project: {PROJECT}"):
        assert line in shown
    assert shell.attached()["a.pdf"]["isFileUploaded"] is False
    terminal.answer("\n")
    code, out = terminal.end()
    assert (code, out.splitlines()[0]) == (1, "2 files: 1 attached, 1 failed.")
    assert {name: row["isFileUploaded"] for name, row in shell.attached().items()} == {"a.pdf": True, "b.pdf": False}
    assert shell.outcomes() == [("2", "done", ""), ("3", "failed", "confirmation_declined")]


def test_no_name_of_a_file_reaches_the_terminal_as_it_is(shell: Shell) -> None:
    shell.write("a\x1b[2J\u202e.pdf")
    code, out, err = shell.run("--manifest", str(shell.manifest))
    assert code != 0
    assert not {"\x1b", "\u202e"} & {*out, *err}
    assert "a\\x1b[2J\\u202e.pdf" in err


def test_input_typed_before_the_question_is_no_consent(shell: Shell) -> None:
    shell.write("a.pdf")
    terminal = Teletype(shell, "--manifest", str(shell.manifest))
    terminal.type("y\ny\ny\n")
    terminal.answer("n\n")
    assert terminal.end()[0] == 1
    assert shell.attached()["a.pdf"]["isFileUploaded"] is False


def test_without_a_consent_prompt_nothing_that_needs_consent_is_sent(shell: Shell) -> None:
    shell.write("a.pdf")
    code, _, err = shell.run("--manifest", str(shell.manifest), SUBMITTAL_MCP_CONFIRM="ask")
    assert code == 1
    assert "Run the command in a terminal, or give --no-confirm to store the files only." in err
    assert shell.box.requests.count(CREATE) == 0
    assert shell.run("--manifest", str(shell.manifest), "--no-confirm", SUBMITTAL_MCP_CONFIRM="ask")[0] == 0
    shell.check_attached("a.pdf", confirmed=False)


def checked(number: int, size: int) -> ValidatedRow:
    where = AttachTarget("http://127.0.0.1", "P", "p", "i", 0, "for_review", None, None)
    row, stamp = ManifestRow(number, "/f/[red].pdf", "P", "1"), FileStamp(1, 1, size, 1)
    return ValidatedRow(row, {}, where, LocalFileInfo("[red].pdf", "/f/[red].pdf", stamp, stamp))


def test_on_a_terminal_every_file_under_way_has_a_bar_and_so_have_all_together() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    view, file = RichProgress(console), checked(1, 100)
    with view.showing() as progress:
        view.checked(1, 2)
        view.begins(2, 200)
        view.moved(file, 150, 200, "uploading")
        everything, one = progress.tasks
        assert (one.description, one.completed, one.total) == ("[red].pdf", 150, 200)
        assert (everything.completed, everything.total) == (150, 400)
        view.ended(file, RowResult.of(file.row).model_copy(update={"outcome": "done"}))
        [everything] = progress.tasks
        assert (everything.completed, everything.total) == (200, 400)


def test_without_a_terminal_there_are_plain_lines() -> None:
    out = io.StringIO()
    assert isinstance(view_for(out), PlainProgress)


def test_spreadsheet_formulas_are_escaped_in_the_results(tmp_path: Path) -> None:
    from server.cli.attach.results import ResultFile

    file = ResultFile(tmp_path / "out.csv")
    cells = ["=1+1", "x;=1+1;y", "\uff1d1+1", "a; b;c", "1-1"]
    file.write([RowResult(row=2, project=cell, submittal="1", file="a.pdf") for cell in cells])
    with file.path.open(encoding="utf-8-sig", newline="") as text:
        written = [row["project"] for row in csv.DictReader(text)]
    assert written == ["'=1+1", "x;'=1+1;y", "'\uff1d1+1", "a; b;c", "1-1"]
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
