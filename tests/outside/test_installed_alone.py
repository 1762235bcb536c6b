"""The program as people install it: from a wheel, in an environment that has nothing else."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", place, ROOT], check=True)
    [found] = place.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("alone")
    venv.create(place, with_pip=True)
    scripts = place / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run([scripts / "python", "-m", "pip", "install", "-q", wheel], check=True)
    return scripts / "submittal-mcp"


@pytest.fixture
def run(program: Path, tmp_path: Path):
    """Run a command with a fresh home folder and no PATH to the program: stdout."""

    def run(*words: str | Path) -> str:
        environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)}
        done = subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    return run


def commands(help_text: str) -> list[str]:
    table = help_text.partition("Commands")[2]
    return [
        words[1]
        for line in table.splitlines()
        if len(words := line.split()) > 2 and line.startswith("│ ") and line[2] != " "
    ]


def test_every_command_explains_itself_with_nothing_but_what_the_wheel_names(program, run):
    found = commands(run(program, "--help"))
    assert {"serve", "demo", "setup", "config", "doctor", "attach", "sandbox"} <= set(found)
    for command in found:
        assert run(program, command, "--help")


def test_the_demo_attaches_and_hints_name_the_whole_path(program, run):
    out = run(program, "demo")
    assert "Done: the 2,483 bytes in storage are the file's own." in out
    assert f"{program} config CLIENT --install --sandbox" in out


def test_the_entry_of_a_client_starts_the_server(program, run, tmp_path):
    run(program, "config", "codex", "--install", "--sandbox")
    run(program, "config", "zed", "--install", "--sandbox")
    entry = json.loads((tmp_path / ".config/zed/settings.json").read_text(encoding="utf-8"))["context_servers"][
        "submittals"
    ]
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
    }
    done = subprocess.run(
        [entry["command"], *entry["args"]],
        input=json.dumps(hello) + "\n",
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[0])["result"]["serverInfo"]["name"] == "submittal-mcp"


def test_from_uvx_hints_and_entries_name_uvx_with_the_wheel(wheel, tmp_path, tmp_path_factory):
    place = tmp_path_factory.mktemp("uv")
    venv.create(place, with_pip=True)
    subprocess.run([place / "bin/python", "-m", "pip", "install", "-q", "uv"], check=True)
    # With this environment's settings of uv, such as an index of the company's.
    environment = os.environ | {"HOME": str(tmp_path), "PATH": f"{place / 'bin'}:/usr/bin:/bin"}

    def run(*words: str) -> str:
        whole = [place / "bin/uvx", "--from", wheel, "submittal-mcp", *words]
        return subprocess.run(whole, env=environment, capture_output=True, text=True, check=True).stdout

    entry = json.loads(run("config", "json", "--sandbox"))["mcpServers"]["submittals"]
    assert entry["command"] == str(place / "bin/uvx")
    assert entry["args"] == ["--from", str(wheel), "submittal-mcp", "serve", "--sandbox"]
    assert f"uvx --from {wheel} submittal-mcp config CLIENT" in run("demo")
