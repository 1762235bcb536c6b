"""What the command may be told besides where to listen."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

import acc_sandbox
from acc_sandbox import Switches
from acc_sandbox import cli as command
from acc_sandbox.cli import CommandOptions
from acc_sandbox.seed.seed_file import read_seed
from acc_sandbox.state.switches import describe

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
from acc_sandbox import cli as command
from acc_sandbox.cli import CommandOptions
from acc_sandbox.seed.seed_file import read_seed
sys.exit(command.run(host={host!r}, port=0, storage_port=0, as_json=True, options={options!r}))
"""


@contextmanager
def started(options, host="127.0.0.1"):
    program = PROGRAM.format(host=host, options=options).replace("PosixPath(", "Path(").replace("WindowsPath(", "Path(")
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_every_switch_is_listed_with_its_default_choices_and_meaning(capsys):
    assert command.list_switches() == 0
    text = capsys.readouterr().out
    for one in describe(Switches()):
        assert f"{one.name}=" in text
        assert one.meaning in text
    assert "b_prefix=refuse    (refuse | accept)" in text


def test_faults_switches_seed_and_items_come_from_the_command_line(tmp_path):
    plan, seed = tmp_path / "faults.yaml", tmp_path / "seed.json"
    plan.write_text("faults: [{operation: specs.list, effect: refuse, status: 418}]\nswitches: {longest_name: 9}\n")
    seed.write_text(
        json.dumps({"projects": [{"key": "own", "name": "Own", "managers": ["manager"], "specs": {"1": "x"}}]})
    )
    with started(CommandOptions(seed=seed, items=30, faults=plan, switches=("b_prefix=accept",))) as process:
        base_url = json.loads(process.stdout.readline())["APS_BASE_URL"]
        with httpx.Client(base_url=base_url, verify=False) as client:
            state = client.get("/sandbox/state").json()
            assert [one["key"] for one in state["projects"]] == ["own"]
            assert (state["switches"]["b_prefix"], state["switches"]["longest_name"]) == ("accept", 9)
            assert [one["status"] for one in state["faults"]] == [418]
            token = client.post("/sandbox/token", json={"person": "manager"}).json()["access_token"]
            path = f"/construction/submittals/v2/projects/b.{state['projects'][0]['id']}/items"
            found = client.get(path, headers={"Authorization": f"Bearer {token}"}).json()
        assert found["pagination"]["totalResults"] == 30
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("token", [None, "secret"])
def test_beyond_loopback_it_warns(token):
    with started(CommandOptions(control_token=token), host="0.0.0.0") as process:
        base_url = json.loads(process.stdout.readline())["APS_BASE_URL"]
        assert base_url.startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
    assert errors.startswith("Warning: listening on 0.0.0.0")
    assert ("Its controls are off." in errors) == (token is None)
    assert "secret" not in errors


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (
            CommandOptions(switches=("colour=red",)),
            "there is no switch colour; try --list-switches, which names all",
        ),
        (CommandOptions(switches=("b_prefix",)), "NAME=VALUE"),
        (CommandOptions(seed=Path("nowhere.yaml")), "nowhere.yaml cannot be read: No such file or directory\n"),
        (CommandOptions(faults=Path("nowhere.json")), "nowhere.json"),
    ],
)
def test_an_option_that_is_wrong_is_said_and_nothing_starts(capsys, options, named):
    assert command.run(port=0, storage_port=0, options=options) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith("acc-sandbox: ")
    assert named in errors


@pytest.mark.parametrize("flag", ["--data", "--host", "--control-token", "--seed"])
def test_an_option_that_is_empty_is_refused_in_place_of_the_working_folder_and_of_no_token(capsys, flag):
    with pytest.raises(SystemExit):
        command.main([flag, "", "--list-switches"])
    assert f"argument {flag}: it is empty" in capsys.readouterr().err


@pytest.mark.parametrize("flag", [(), ("--seed",), ("--faults",), ("--switch",)])
def test_no_name_of_a_file_moves_the_cursor_or_adds_a_line(capsys, flag):
    with suppress(SystemExit):
        assert command.main(["--port", "0", *flag, "\x1b[2J\u202eevil\nline"]) == 2
    said = capsys.readouterr().err
    assert "\\x1b[2J\\u202eevil\\nline" in said
    assert not {"\x1b", "\u202e"} & set(said)


def test_a_seed_that_leads_nowhere_is_said(capsys, tmp_path):
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"projects": [{"key": "own", "name": "Own", "managers": ["nobody"]}]}))
    assert command.run(port=0, storage_port=0, options=CommandOptions(seed=seed)) == 2
    assert "nobody" in capsys.readouterr().err


def test_the_fixture_for_other_projects_gives_a_running_sandbox(tmp_path):
    # Without our own conftest and settings, as in another project.
    (tmp_path / "test_theirs.py").write_text(
        "import urllib.request\n"
        "def test_it(acc_sandbox):\n"
        "    assert urllib.request.urlopen(acc_sandbox.base_url + '/').status == 200\n"
        "    assert acc_sandbox.item('05 12 00-3').state == 'mgr-1'\n"
    )
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "acc_sandbox.pytest_plugin"]
    done = subprocess.run(
        [*words, "--rootdir", str(tmp_path), "-c", os.devnull, str(tmp_path)],
        cwd=tmp_path,  # plugins of ours look through all that is below
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_start_with_the_default_seed_waits_for_no_validation_and_no_template():
    code = (
        "import sys, acc_sandbox\n"
        "with acc_sandbox.running(items=10) as box:\n"
        "    box.token()\n"
        "print([n for n in ('pydantic', 'pydantic_core', 'yaml', 'jinja2') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_plugin_is_light():
    program = (
        "import sys, acc_sandbox.pytest_plugin;"
        "print([n for n in ('starlette','uvicorn','jwt','yaml','pydantic','acc_sandbox.http.app') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_people_of_a_seed_are_listed_without_a_role_that_they_have_not(tmp_path):
    seed = tmp_path / "seed.json"
    project = {"key": "own", "name": "Own", "managers": ["boss"]}
    seed.write_text(json.dumps({"people": [{"key": "boss", "name": "Site Manager"}], "projects": [project]}))
    plan = read_seed(seed)
    with acc_sandbox.running(seed=plan) as box:
        assert "# Site Manager <boss@example.com>\n" in command.as_lines(box)


@pytest.mark.parametrize(
    ("system", "line"),
    [("posix", 'export APS_CLIENT_ID="{}"'), ("nt", '$env:APS_CLIENT_ID = "{}"')],
)
def test_on_a_terminal_the_settings_are_lines_for_its_shell(system, line):
    with acc_sandbox.running() as box:
        plain = command.as_lines(box, terminal=False, system=system).splitlines()
        assert plain[:3] == [
            f"APS_BASE_URL={box.base_url}",
            f"APS_CLIENT_ID={box.client_id}",
            f"APS_CALLBACK_URL={box.callback_url}",
        ]
        shown = command.as_lines(box, terminal=True, system=system).splitlines()
        assert shown[1] == line.format(box.client_id)
        # zsh takes no comment at its prompt.
        notes = [f": {shlex.quote(one.removeprefix('# '))}" for one in plain[3:]] if system == "posix" else plain[3:]
        assert shown[3:] == notes


def test_the_version_is_said(capsys):
    assert command.main(["--version"]) == 0
    assert capsys.readouterr().out == f"acc-sandbox {acc_sandbox.__version__}\n"


@pytest.mark.parametrize("words", [["--port", "65536"], ["--items", "-1"], ["--colour"]])
def test_an_argument_that_is_wrong_is_said_with_the_name_of_the_program(capsys, words):
    with pytest.raises(SystemExit) as ended:
        command.main(words, "submittal-mcp sandbox")
    assert ended.value.code == 2
    assert "submittal-mcp sandbox: error: " in capsys.readouterr().err
