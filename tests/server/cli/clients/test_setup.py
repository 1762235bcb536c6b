"""`setup`: from nothing to a configured chat client, in one go or in several, with questions or with flags."""

import json
import os
import socket
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

from acc_sandbox import Sandbox

BROWSER = """
import sys
from urllib.request import build_opener
build_opener().open(sys.argv[1] + "&sandbox_person=manager", timeout=120).read()
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the home folder has another variable there")


@pytest.fixture
def site(box: Sandbox, tmp_path: Path, free_port: int) -> dict[str, str]:
    callback_url = f"http://localhost:{free_port}/callback"
    box.register_callback(callback_url)
    browser = tmp_path / "browser.py"
    browser.write_text(BROWSER, encoding="utf-8")
    (tmp_path / "Drawings").mkdir()
    return {
        "APS_BASE_URL": box.base_url,
        "APS_CALLBACK_URL": callback_url,
        "SUBMITTAL_MCP_DATA_DIR": str(tmp_path / "data"),
        "HOME": str(tmp_path),
        "BROWSER": f"{sys.executable} {browser} %s",
    }


@pytest.fixture
def run(start, site):
    """Run `setup` with these lines on its standard input: exit code, stdout, stderr."""

    def run(*arguments: str, answers: tuple[str, ...] = ()) -> tuple[int, str, str]:
        program = start("-m", "server", "setup", *arguments, **site)
        for answer in answers:
            program.process.stdin.write(answer + "\n")
        program.process.stdin.flush()
        return program.rest()

    return run


def entry(tmp_path: Path) -> dict[str, object]:
    found = json.loads((tmp_path / ".cursor/mcp.json").read_text(encoding="utf-8"))
    return found["mcpServers"]["submittals"]


def test_flags_answer_everything_and_the_chat_client_can_attach_then(run, start, box, tmp_path):
    flags = ("--client-id", box.client_id, "--folder", str(tmp_path / "Drawings"), "--client", "cursor")
    code, out, err = run(*flags)
    assert (code <= 1, err) == (True, ""), out + err
    for said in (f"APS app: {box.client_id}", "Signed in as Project Manager", "Restart Cursor", "Ready."):
        assert said in out
    found = entry(tmp_path)
    assert found["args"] == ["serve", str(tmp_path / "Drawings")]
    (tmp_path / "Drawings/beams.pdf").write_bytes(b"%PDF-1.4 beams")
    server = start("-m", "server", *found["args"], **found["env"])
    server.shake_hands()
    arguments = {"project": "Riverside", "submittal": "051200-3", "file_path": "beams.pdf"}
    answer = server.ask("tools/call", {"name": "add_submittal_attachment", "arguments": arguments})
    assert answer["result"]["structuredContent"]["attachment"]["name"] == "beams.pdf"


def test_questions_are_asked_again_until_the_answer_can_be_used(run, box, tmp_path):
    answers = (
        "not an id",
        box.client_id,
        "/",
        "~",
        str(tmp_path / "none"),
        str(tmp_path / "Drawings"),
        "emacs",
        "cursor",
    )
    code, out, err = run(answers=answers)
    assert code <= 1, out + err
    for said in (
        "a Client ID is one word",
        "is the whole disk",
        "holds the whole home folder",
        "there is no folder",
        "write one of claude-desktop",
    ):
        assert said in out + err
    assert entry(tmp_path)["args"] == ["serve", str(tmp_path / "Drawings")]


def test_answers_of_setup_are_kept_for_the_next_run(run, start, site, box, tmp_path):
    code, _, err = run(answers=(box.client_id,))
    assert (code, "what was answered is kept, or give --folder" in err) == (1, True)
    program = start("-m", "server", "setup", "--no-browser", "--client", "none", **site)
    program.process.stdin.write(f"{tmp_path / 'Drawings'}\n")
    program.process.stdin.flush()
    shown = list(takewhile(lambda line: line != "Sign-in\n", program.process.stdout))
    program.process.kill()
    assert "Client ID" not in "".join(shown).partition("Folder")[0]
    code, out, err = run(answers=("cursor",))
    assert code <= 1, out + err
    assert "Signed in as Project Manager" in out
    code, out, _ = run(answers=("",))
    assert code <= 1
    assert "Cursor has it already" in out, "the client that was chosen last is the usual answer"
    assert "Sign in to Autodesk at this address" not in out
    _, out, _ = start("-m", "server", "doctor", **site).rest()
    assert f"the entry that setup wrote for a chat client allows {tmp_path / 'Drawings'}\n" in out


def test_input_typed_before_a_question_lets_no_folder_go(site, box, tmp_path):
    import pty

    ours, theirs = pty.openpty()
    os.write(ours, f"{tmp_path / 'Drawings'}\n".encode())
    (tmp_path / "Letters").mkdir()
    command = [sys.executable, "-m", "server", "setup", "--client-id", box.client_id]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, env=os.environ | site) as process:
        os.close(theirs)
        shown = b""
        while not shown.endswith(b"\nFolder: "):
            read = os.read(process.stdout.fileno(), 1)
            assert read, shown.decode()
            shown += read
        os.write(ours, f"{tmp_path / 'Letters'}\n".encode())
        allowed = next(line for line in process.stdout if b"Folders: " in line)
        process.kill()
    os.close(ours)
    assert str(tmp_path / "Letters").encode() in allowed
    assert b"Drawings" not in allowed


def test_a_first_run_opens_the_page_of_apps(start, site, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        (tmp_path / "browser.py").write_text(
            "import socket, sys\n"
            f"with socket.create_connection(('127.0.0.1', {listener.getsockname()[1]})) as one: one.sendall(sys.argv[1].encode())",
            encoding="utf-8",
        )
        program = start("-m", "server", "setup", **site)
        connection, _ = listener.accept()
        with connection:
            assert connection.makefile().read() == "https://aps.autodesk.com/myapps"
    code, out, _ = program.rest()
    assert code == 1
    assert site["APS_CALLBACK_URL"] in out
