"""The program as people install it, by the lines of the documents: in environments and homes that have nothing else."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import acc_sandbox
from tests.support.documents import run_by

from .conftest import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).parent / ".venv-bundles" / "bin"
BLOCKS = {
    page: [block.text for block in run_by(Path(__file__)) if block.page == page]
    for page in ("README.md", "docs/administrators.md", "docs/signing-in.md", "docs/team-server.md")
}
README = (ROOT / "README.md").read_text(encoding="utf-8")
TABLE = README.partition("| with | try it |")[2].partition("\n\n")[0]
LINES = re.findall(r"`((?:uvx|uv|pipx|pip) [^`]+)`", TABLE)

BROWSER = """
import sys
from urllib.request import build_opener
build_opener().open(sys.argv[1] + "&sandbox_person=manager", timeout=120).read()
"""

DONE = "Done: the 2,483 bytes in storage are the file's own."

Run = Callable[..., str]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone of the repository would hold: its files, as they are here."""
    place = tmp_path_factory.mktemp("clone")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in names.split("\0")[:-1]:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, place / name)
    return place


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", place, ROOT], check=True)
    [found] = place.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders of pipx and uv, one for all tests: what the one installs the other needs not load again."""
    place = tmp_path_factory.mktemp("places")
    names = ("PIPX_HOME", "PIPX_BIN_DIR", "PIPX_MAN_DIR", "UV_CACHE_DIR", "UV_TOOL_DIR", "UV_TOOL_BIN_DIR")
    return {name: str(place / name.lower()) for name in names}


@pytest.fixture(scope="module")
def installing(places: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A person's environment with pip's and uv's settings of this one, such as an index of the company's."""
    if not (PROGRAMS / "pipx").exists():
        pytest.fail("pipx is missing: run tests/outside/install")
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_", "HTTP"))}
    path = f"{PROGRAMS}:{Path(sys.executable).resolve().parent}:/usr/local/bin:/usr/bin:/bin"
    return {**kept, **places, "HOME": str(tmp_path_factory.mktemp("home")), "PATH": path}


@pytest.fixture(scope="module")
def program(wheel: Path, installing: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command where administrators put it, by the lines of their page."""
    place = tmp_path_factory.mktemp("opt")
    line = BLOCKS["docs/administrators.md"][0].replace("/opt/submittal-mcp", str(place))
    shutil.copy(ROOT / "requirements.txt", wheel.parent)
    subprocess.run(["bash", "-euc", line], cwd=wheel.parent, env=installing, check=True, capture_output=True)
    return place / "bin" / "submittal-mcp"


@pytest.fixture
def run(program: Path, tmp_path: Path) -> Run:
    """Run a command with a fresh home folder and no PATH to the program: stdout."""

    def run(*words: str | Path) -> str:
        environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)}
        done = subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    return run


def commands(help_text: str) -> list[str]:
    return re.findall(r"^  (\w+)  ", help_text.partition("Commands:\n")[2], re.MULTILINE)


def test_every_command_explains_itself_with_nothing_but_what_the_wheel_names(program, run):
    found = commands(run(program, "--help"))
    assert {"serve", "demo", "setup", "config", "doctor", "attach", "sandbox"} <= set(found)
    for command in found:
        assert run(program, command, "--help")


def test_the_demo_attaches_and_hints_name_the_whole_path(program, run):
    out = run(program, "demo")
    assert DONE in out
    assert f"{program} config CLIENT --install --sandbox" in out


def test_bash_knows_the_program_once_completion_is_installed(program, tmp_path):
    env = {"HOME": str(tmp_path), "PATH": f"{program.parent}:/usr/bin:/bin", "SHELL": "/bin/bash"}
    line = "submittal-mcp --install-completion bash && . ~/.bashrc && complete -p submittal-mcp"
    installed = subprocess.run(["bash", "-c", line], env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "submittal" in installed.stdout.splitlines()[-1]


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


def test_from_uvx_hints_and_entries_name_uvx_with_the_wheel(wheel, installing):
    def run(*words: str) -> str:
        whole = ["uvx", "--from", wheel, "submittal-mcp", *words]
        return subprocess.run(whole, env=installing, capture_output=True, text=True, check=True).stdout

    entry = json.loads(run("config", "json", "--sandbox"))["mcpServers"]["submittals"]
    assert entry["command"] == str(PROGRAMS / "uvx")
    assert entry["args"] == ["--from", str(wheel), "submittal-mcp", "serve", "--sandbox"]
    assert f"uvx --from {wheel} submittal-mcp config CLIENT" in run("demo")
    assert f"uv tool install {wheel}" in run("config", "zed", "--install", "--sandbox")


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_the_readme_installs_the_program_or_runs_its_demo_from_a_clone(
    line, clone, installing, places, tmp_path
):
    words, virtual = shlex.split(line), tmp_path / "venv"
    if words[0] == "pip":
        venv.create(virtual, with_pip=True)
    environment = installing | {"PATH": f"{virtual / 'bin'}:{installing['PATH']}"}
    done = subprocess.run(words, cwd=clone, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if words[-1] == "demo":
        assert DONE in done.stdout
        [hint] = [one for one in done.stdout.splitlines() if "config CLIENT" in one]
        assert not re.search(r"archive-v|/\.cache/", hint), "an environment that is cleared away some day"
    else:
        folders = {"uv": places["UV_TOOL_BIN_DIR"], "pipx": places["PIPX_BIN_DIR"], "pip": virtual / "bin"}
        version = [Path(folders[words[0]]) / "submittal-mcp", "--version"]
        assert subprocess.run(version, capture_output=True, check=True).stdout.startswith(b"submittal-mcp ")


def test_the_readme_has_a_line_for_each_way():
    assert [line.split()[0] for line in LINES] == ["uvx", "uv", "pipx", "pipx", "pip"]


def test_the_readmes_line_with_pinned_versions_runs_the_demo(clone, installing):
    [line] = BLOCKS["README.md"]
    done = subprocess.run(
        ["bash", "-euc", line], cwd=clone, env=installing, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert DONE in done.stdout


@pytest.fixture
def person(program: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a person with the program on the PATH and a browser in which they choose themselves."""
    script = tmp_path / "browser.py"
    script.write_text(BROWSER, encoding="utf-8")
    path = f"{program.parent}:/usr/bin:/bin"
    keyring = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    return {"HOME": str(tmp_path), "PATH": path, "BROWSER": f"{sys.executable} {script} %s", **keyring}


def test_administrators_install_the_entry_of_a_client_and_remove_all_of_it(program, person, tmp_path, free_port):
    _, entry, removal = BLOCKS["docs/administrators.md"]
    opt, etc = tmp_path / "opt", tmp_path / "etc"
    shutil.copytree(program.parents[1], opt, symlinks=True)
    etc.mkdir()
    config = tmp_path / ".config/Claude/claude_desktop_config.json"
    callback_url = f"http://localhost:{free_port}/callback"
    with acc_sandbox.running() as box:
        box.register_callback(callback_url)
        settings = {"APS_BASE_URL": box.base_url, "APS_CLIENT_ID": box.client_id, "APS_CALLBACK_URL": callback_url}

        def run(text: str) -> None:
            here = text.replace("/opt/submittal-mcp", str(opt)).replace("/etc/submittal-mcp", str(etc))
            words = ["bash", "-euc", here]
            done = subprocess.run(words, env=person | settings, capture_output=True, text=True, check=False)
            assert done.returncode == 0, (here, done.stderr)

        run(entry)
        assert json.loads(config.read_text(encoding="utf-8"))["mcpServers"]["submittals"]["args"] == ["serve"]
        run("submittal-mcp login")
        run(removal)
    assert "submittals" not in config.read_text(encoding="utf-8")
    assert not opt.exists()
    assert not etc.exists()


@pytest.fixture
def terminal(person: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start lines in a shell of their own, which is interrupted as Ctrl-C does it when the test ends."""
    started: list[subprocess.Popen[str]] = []

    def start(lines: str, **more: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["bash", "-euc", lines],
            env=person | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        os.killpg(process.pid, signal.SIGINT)
        with process:
            process.communicate(timeout=PATIENCE)


def said(process: subprocess.Popen[str], words: str) -> list[str]:
    """Read lines up to one that holds `words`."""
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if words in line:
            return lines
    raise AssertionError(lines)


def test_the_two_terminals_of_signing_in_find_each_other(terminal, person):
    [text] = BLOCKS["docs/signing-in.md"]
    first, *second = text.splitlines()
    printed = said(terminal(first), "Look at it:")
    settings = " ".join(line for line in printed if line.startswith("APS_"))
    assert [line.split()[0] for line in second].count("export") == 1
    lines = [f"export {settings}" if line.startswith("export ") else line for line in second]
    done = subprocess.run(["bash", "-uc", "\n".join(lines)], env=person, capture_output=True, text=True, check=False)
    assert done.returncode <= 1, done.stderr  # 1: the key is in a file, since there is no keyring
    assert "Signed in as Project Manager" in done.stdout
    assert "051200-3" in done.stdout


def test_the_lines_of_a_team_server_start_it(terminal):
    [text] = BLOCKS["docs/team-server.md"]
    assert text.count("=…") == 2
    said(terminal(text.replace("=…", "=A1b2C3d4E5f6G7h8"), SUBMITTAL_MCP_HTTP_PORT="0"), "serves a team at")
