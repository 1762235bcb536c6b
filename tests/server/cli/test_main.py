"""The command line, as the process that a person or a chat client starts."""

import json
import os
import re
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from server import __version__
from server.cli.main import command_line
from tests.conftest import NO_TRUST
from tests.support.constants import ROOT
from tests.support.ports import reserved_ports

TOKEN = "QZJ-an-autodesk-token"
SECRET = "QZJ-a-secret-of-callers"

README = Path(__file__).resolve().parents[3] / "README.md"


def test_the_version_is_printed(start_anew):
    code, out, _ = start_anew("-m", "server", "--version").rest()
    assert (code, out) == (0, f"submittal-mcp {__version__}\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a file that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [("--version",), ("config", "json", "--sandbox"), ("jobs", "list", "--json")])
def test_output_that_cannot_be_written_is_said_so_without_a_traceback(unbuffered, arguments, tmp_path):
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered, "SUBMITTAL_MCP_DATA_DIR": str(tmp_path)}
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "server", *arguments],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=ROOT,
        )
    told = ended.stderr.decode()
    assert ended.returncode == 1, told
    assert told.endswith(
        "submittal-mcp: the output cannot be written: No space left on device. What was carried out stays so.\n"
    )
    assert "Traceback" not in told


def every_command(command, name="submittal-mcp"):
    """Yield each command with its whole name; `sandbox` hands all that follows to a parser of its own."""
    if name != "submittal-mcp sandbox":
        yield name, command
    for below, found in getattr(command, "commands", {}).items():
        yield from every_command(found, f"{name} {below}")


def test_every_command_explains_itself_in_whole_words_in_a_narrow_window(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    for name, command in every_command(command_line()):
        assert command.main(["--help"], prog_name=name, standalone_mode=False) == 0
        out = capsys.readouterr().out
        assert name in out
        assert re.findall(r"<[^>]*>|\blist\[|\{\w+\}|\w\.\.\.|…", out) == [], name
        for parameter in command.params:
            whole = [*parameter.opts, *re.findall(r"Env: (\w+)", getattr(parameter, "help", None) or "")]
            assert [word for word in whole if word.startswith("--") or word.isupper() if word not in out] == [], name


WITHOUT_THE_SANDBOX = """
import sys
sys.modules["acc_sandbox"] = None
from server.cli.main import app
app()
"""


@pytest.mark.parametrize(
    "command",
    [
        ("demo",),
        ("sandbox",),
        ("sandbox", "--port", "0"),
        ("serve", "--sandbox"),
        ("serve", "--team", "--sandbox", "--port", "0"),
    ],
)
def test_without_the_sandbox_package_one_sentence_says_how_to_install_it(start_anew, command):
    code, out, err = start_anew("-c", WITHOUT_THE_SANDBOX, *command).rest()
    assert (code, out) == (2, "")
    assert err == "submittal-mcp: the sandbox is not installed here; install it with: pip install acc-sandbox\n"


def test_settings_that_cannot_be_used_end_the_program_with_sentences_and_no_traceback(start):
    program = start(
        "-m",
        "server",
        "serve",
        SUBMITTAL_MCP_READONLY="1",
        APS_ACCESS_TOKEN=f"Bearer {TOKEN}",
        SUBMITTAL_MCP_HTTP_PORT="x",
    )
    code, out, err = program.rest()
    assert (code, out) == (2, "")
    assert [line.split(": ")[1] for line in err.splitlines()] == [
        "SUBMITTAL_MCP_READONLY",
        "APS_ACCESS_TOKEN",
        "SUBMITTAL_MCP_HTTP_PORT",
    ]
    assert TOKEN not in err


@pytest.mark.skipif(sys.platform == "win32", reason="the root folder of Windows is named after its drive")
@pytest.mark.parametrize(("folder", "what"), [("/", "is the whole disk"), ("~", "holds the whole home folder")])
def test_a_folder_from_the_flag_is_held_to_the_same_rules(start, folder, what):
    code, _, err = start("-m", "server", "serve", "--folder", folder).rest()
    assert code == 2
    assert err.startswith(f"submittal-mcp: SUBMITTAL_MCP_FOLDERS: '{Path(folder).expanduser()}' {what}")
    assert "--allow-wide-folder" in err
    assert "result" in start("-m", "server", "serve", "--folder", folder, "--allow-wide-folder").shake_hands()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("serve", ""), "it is empty"),
        (("worker", "--folder", " "), "it is empty"),
        (("setup", "--folder", "${FOLDER}"), "it is a placeholder"),
        (("serve", "--folder", '"drawings"'), "it is in quotes"),
        (("config", "cursor", "--folder", "draw\u202eings"), "it holds an invisible character"),
        (("attach", "", "--project", "P", "--yes"), "it is empty"),
        (("serve", "--sandbox", "--as", ""), "--as is for people who have signed in"),
    ],
    ids=lambda one: " ".join(one[:2]) if isinstance(one, tuple) else "",
)
def test_a_path_that_shows_to_be_a_templates_is_refused_in_place_of_the_working_folder(start, arguments, problem):
    code, out, err = start("-m", "server", *arguments, COLUMNS="200").rest()
    assert (code, out) == (2, "")
    assert problem in err


@pytest.mark.skipif(sys.platform == "win32", reason="a worker runs on Linux and macOS")
def test_a_worker_takes_the_flag_that_its_refusal_names(start):
    _, _, err = start("-m", "server", "worker", "--folder", "/").rest()
    assert "--allow-wide-folder" in err
    _, _, err = start("-m", "server", "worker", "--folder", "/", "--allow-wide-folder").rest()
    assert err.startswith("submittal-mcp: Workers share the queue of a PostgreSQL database")


def test_a_foreign_base_url_needs_its_flag(start):
    code, _, err = start("-m", "server", "serve", APS_BASE_URL="https://gateway.example.com").rest()
    assert code == 2
    assert "--allow-base-url" in err
    allowed = start("-m", "server", "serve", "--allow-base-url", APS_BASE_URL="https://gateway.example.com")
    assert "result" in allowed.shake_hands()


def test_where_http_listens_cannot_be_given_for_stdio(start):
    code, _, err = start("-m", "server", "serve", "--port", "9000").rest()
    assert code == 2
    assert "are for --http" in err


@pytest.mark.parametrize("sandbox", [[], ["--sandbox"]])
def test_serving_beyond_this_machine_is_refused_with_a_sentence(start, sandbox):
    secret = {"SUBMITTAL_MCP_HTTP_SECRET": SECRET}
    code, out, err = start("-m", "server", "serve", "--http", "--host", "0.0.0.0", *sandbox, **secret).rest()
    assert (code, out) == (2, "")
    assert "serves one person on this machine" in err
    assert "Traceback" not in err


def test_stdio_serves_the_tools_before_anything_of_autodesk_is_reached(start_anew):
    """The base URL is a port on which nothing listens."""
    program = start_anew("-m", "server", "serve", APS_BASE_URL="http://127.0.0.1:9", APS_ACCESS_TOKEN=TOKEN)
    handshake = program.shake_hands()
    assert handshake["result"]["serverInfo"]["version"] == __version__
    assert {tool["name"] for tool in program.ask("tools/list")["result"]["tools"]} >= {"add_submittal_attachment"}
    code, out, err = program.rest()
    assert (code, out) == (0, "")
    assert TOKEN not in err


def test_read_only_from_the_flag_hides_what_changes_something(start):
    program = start("-m", "server", "serve", "--read-only")
    program.shake_hands()
    names = {tool["name"] for tool in program.ask("tools/list")["result"]["tools"]}
    assert "find_submittals" in names
    assert "add_submittal_attachment" not in names


@pytest.mark.parametrize(
    ("name", "problem"),
    [("not-mounted", "there is no folder"), ("a.pdf", "is a file, not a folder"), ("x" * 300, "cannot be looked at")],
)
def test_a_folder_that_is_not_there_is_told_and_does_not_stop_the_server(start_anew, tmp_path, name, problem):
    (tmp_path / "a.pdf").touch()
    program = start_anew("-m", "server", "serve", "--folder", str(tmp_path / name))
    warning = json.loads(program.stderr_line("folder_missing"))
    assert (warning["level"], warning["folder"]) == ("warning", str(tmp_path / name))
    assert problem in warning["problem"]
    assert "result" in program.shake_hands()


@contextmanager
def at_a_terminal(*arguments):
    """A command whose stdin and stderr are a terminal; yields the process and the lines that the terminal shows."""
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-P", "-m", "server", *arguments]
    process = subprocess.Popen(command, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, env=dict(os.environ))
    os.close(theirs)
    with process, os.fdopen(ours, encoding="utf-8", errors="replace") as terminal:
        yield process, terminal
        process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pty")
def test_http_without_a_secret_makes_one_and_tells_it_once_on_a_terminal():
    with at_a_terminal("serve", "--http", "--port", "0") as (_, terminal):
        told = next(line for line in terminal if "Callers send this header: Authorization: Bearer " in line)
        assert len(told.split()[-1]) >= 40


def test_a_secret_is_never_made_where_there_is_no_terminal_to_show_it_on(start):
    code, out, err = start("-m", "server", "serve", "--http", "--port", "0").rest()
    assert (code, out) == (2, "")
    assert "SUBMITTAL_MCP_HTTP_SECRET is not set" in err
    assert "listens" not in err
    assert "Bearer" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pty")
def test_serving_over_stdio_on_a_terminal_says_that_a_chat_client_starts_it():
    with at_a_terminal("serve") as (_, terminal):
        assert "submittal-mcp serves MCP over stdin and stdout" in terminal.readline()
        assert "Ctrl-C ends it" in terminal.readline()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process can handle")
def test_a_given_secret_is_never_printed(start):
    program = start("-m", "server", "serve", "--http", "--port", "0", SUBMITTAL_MCP_HTTP_SECRET=SECRET)
    program.stderr_line("listens on http://127.0.0.1:")
    program.process.terminate()
    code, out, err = program.rest()
    assert (code, out) == (0, "")
    assert SECRET not in err
    assert "Callers send" not in err


def test_the_sandbox_hands_on_its_exit_code(start_anew):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, out, _ = start_anew("-m", "server", "sandbox", "--port", str(taken.getsockname()[1])).rest()
    assert (code, out) == (1, "")


def test_a_server_on_a_sandbox_says_where_its_page_is_over_stdio_too(start, tmp_path):
    program = start("-m", "server", "serve", "--sandbox", "--data", str(tmp_path / "box"))
    page = program.stderr_line("works on a sandbox").split()[-1]
    assert "Riverside Medical Center" in httpx.get(page, verify=NO_TRUST).text


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process can handle")
def test_a_signal_puts_the_inner_sandbox_and_its_sample_folder_away(start):
    program = start("-m", "server", "serve", "--http", "--port", "0", "--sandbox")
    sample = Path(json.loads(program.stderr_line("sandbox_started"))["sample"])
    program.stderr_line("listens on http://127.0.0.1:")
    assert sample.is_file()
    program.process.terminate()
    code, _, err = program.rest()
    assert code == 0
    assert "Callers send" not in err
    assert not sample.parent.exists()


def test_a_failure_of_ours_is_one_redacted_log_line(start_anew):
    """`server.cli.demo.command` stands for whatever breaks: here its file cannot be imported."""
    program = start_anew(
        "-c",
        "import sys; sys.modules['server.cli.demo.command'] = None; from server.cli.main import main; main()",
        "demo",
    )
    code, out, err = program.rest()
    assert (code, out) == (1, "")
    assert json.loads(err)["event"] == "failed"


def test_the_command_line_costs_a_chat_client_little(start_anew):
    heavy = ["mcp", "httpx", "rich", "uvicorn", "pydantic", "structlog", "acc_sandbox", "acc", "tools", "transfers"]
    program = start_anew("-c", "import server.cli.main, sys, json; print(json.dumps(sorted(sys.modules)))")
    _, out, _ = program.rest()
    assert [name for name in heavy if name in json.loads(out)] == []


def test_serving_over_stdio_imports_nothing_that_only_other_commands_need(start_anew):
    heavy = [
        "keyring",
        "acc_sandbox",
        "server.mcp.http",
        "server.cli.embedded_sandbox",
        "server.cli.demo.command",
    ]
    program = start_anew(
        "-c",
        "import sys, atexit, server.cli.main;"
        "atexit.register(lambda: sys.stderr.write('modules ' + ' '.join(sys.modules)));"
        "server.cli.main.main()",
        "serve",
    )
    program.shake_hands()
    program.ask("tools/list")
    _, _, err = program.rest()
    modules = err.partition("modules ")[2].split()
    assert "server.mcp.stdio" in modules
    assert [name for name in heavy if name in modules] == []


@pytest.mark.parametrize("command", [(), ("jobs", "list"), ("sandbox",)])
def test_help_has_a_short_form(start, command):
    long, short = (start("-m", "server", *command, option).rest() for option in ("--help", "-h"))
    assert short == long
    code, out, _ = short
    assert code == 0
    assert f"{' '.join(('submittal-mcp', *command))}" in out


def test_the_version_has_a_short_form(start):
    assert start("-m", "server", "-V").rest() == start("-m", "server", "--version").rest()


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use cannot be removed there")
def test_a_working_folder_that_is_gone_is_said_so(start_anew, tmp_path):
    code = (
        f"import os, sys, server.cli.main\nos.mkdir({str(tmp_path / 'gone')!r})\nos.chdir({str(tmp_path / 'gone')!r})\n"
        f"os.rmdir({str(tmp_path / 'gone')!r})\nsys.argv = ['submittal-mcp', *sys.argv[1:]]\nserver.cli.main.main()"
    )
    assert start_anew("-c", code, "jobs", "list").rest() == (
        2,
        "",
        "submittal-mcp: the working folder no longer exists; change to another one.\n",
    )
    assert start_anew("-c", code, "serve", "--sandbox").shake_hands()["result"]["serverInfo"]["name"] == "submittal-mcp"
    for relative in (["serve", "."], ["serve", "--folder", "drawings"], ["serve", "--sandbox", "--data", "box"]):
        exit_code, out, err = start_anew("-c", code, *relative).rest()
        assert (exit_code, out) == (2, "")
        assert "the working folder is gone; write the folders as whole paths" in err, err
    refused = "import os, errno\ndef refused(): raise PermissionError(errno.EPERM, 'Operation not permitted')\nos.getcwd = refused\n"
    assert start_anew("-c", refused + code, "jobs", "list").rest() == (
        2,
        "",
        "submittal-mcp: the working folder cannot be used (Operation not permitted); change to another one.\n",
    )


def test_the_readmes_demo_line_installs_what_the_demo_needs_and_the_tests_line_what_tests_need():
    lines = README.read_text(encoding="utf-8").splitlines()
    [demo] = [line for line in lines if line.startswith("python3 -m venv") and line.endswith("submittal-mcp demo")]
    [tests] = [line for line in lines if line.startswith("python3 -m venv") and line.endswith("/pytest")]
    assert "-r requirements.txt" in demo
    assert "-r requirements-dev.txt" in tests
    assert " -q" not in demo + tests, "a minute of silence"


@pytest.fixture
def two_free_ports():
    """A port that is free with the next one."""
    with reserved_ports(2) as port:
        yield str(port)


def test_a_sandbox_with_a_data_folder_and_a_port_remembers_between_processes(start, tmp_path, two_free_ports):
    serve = ("-m", "server", "serve", "--sandbox", "--data", str(tmp_path / "box"), "--sandbox-port", two_free_ports)
    place = {"project": "Riverside Medical Center", "submittal": "051200-3"}
    first = start(*serve)
    first.shake_hands()
    arguments = {**place, "file_path": "beam-shop-drawings.pdf"}
    added = first.ask("tools/call", {"name": "add_submittal_attachment", "arguments": arguments})
    attachment = added["result"]["structuredContent"]["attachment"]
    second = start(*serve)  # as a client that starts a process a call starts several at once
    assert first.rest()[0] == 0
    second.shake_hands()
    again = second.ask("tools/call", {"name": "add_submittal_attachment", "arguments": arguments})
    assert again["result"]["structuredContent"]["attachment"]["id"] == attachment["id"]
    assert again["result"]["structuredContent"]["already_attached"] is True


def test_a_sandbox_whose_port_is_taken_says_so(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, _, err = start("-m", "server", "serve", "--sandbox", "--sandbox-port", port).rest()
    assert (code, "Choose another --sandbox-port" in err) == (1, True)
    assert start("-m", "server", "serve", "--sandbox-port", "1").rest()[0] == 2
    code, _, err = start("-m", "server", "serve", "--sandbox", "--as", "a@b.c").rest()
    assert (code, "serves its own project manager" in " ".join(err.replace("│", " ").split())) == (2, True)


def test_folders_are_taken_as_arguments_and_from_the_flag(start_anew, tmp_path):
    folders = [tmp_path / name for name in ("one", "two", "three")]
    program = start_anew(
        "-m",
        "server",
        "serve",
        str(folders[0]),
        "~/two",
        "--folder=~/three",
        HOME=str(tmp_path),
        USERPROFILE=str(tmp_path),
        SUBMITTAL_MCP_LOG_FORMAT="json",
    )
    missing = [json.loads(program.stderr_line("folder_missing"))["folder"] for _ in folders]
    assert missing == [str(folder) for folder in folders]
    assert "result" in program.shake_hands()
