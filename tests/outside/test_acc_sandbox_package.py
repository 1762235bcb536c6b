"""The distribution acc-sandbox in an environment of its own, beside a project with packages of the same common names."""

import json
import os
import subprocess
import venv
from pathlib import Path

import pytest

from .conftest import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
MOST_PACKAGES = 25
MOST_MEGABYTES = 60
SUITE = """
import urllib.request
import auth, sandbox, server, tools

def test_a_request_reaches_the_fixture(acc_sandbox):
    assert {auth.MINE, sandbox.MINE, server.MINE, tools.MINE} == {True}
    assert urllib.request.urlopen(f"{acc_sandbox.base_url}/sandbox/health").status == 200
    assert acc_sandbox.item("05 12 00-3").state == "mgr-1"
"""
CLIENT = """
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const sandbox = spawn(process.argv[2], ["--port", "0", "--storage-port", "0", "--json"]);
const [first] = await new Promise((done) => createInterface(sandbox.stdout).once("line", (line) => done([line])));
const base = JSON.parse(first).APS_BASE_URL;
const headers = { "Content-Type": "application/json" };
const body = JSON.stringify({ person: "manager" });
const { access_token } = await (await fetch(`${base}/sandbox/token`, { method: "POST", headers, body })).json();
const hubs = await (await fetch(`${base}/project/v1/hubs`, { headers: { Authorization: `Bearer ${access_token}` } })).json();
console.log(hubs.data[0].attributes.name);
sandbox.kill("SIGTERM");
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with acc-sandbox and pytest; the folder of its programs."""
    place = tmp_path_factory.mktemp("acc-sandbox")
    venv.create(place, with_pip=True)
    programs = place / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run([programs / "python", "-m", "pip", "install", "-q", ROOT / "acc_sandbox"], check=True)
    return programs


def packages_in(programs: Path) -> list[str]:
    words = [programs / "python", "-m", "pip", "list", "--format", "json"]
    listed = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    return [one["name"] for one in listed if one["name"] not in ("pip", "setuptools")]


def test_it_brings_few_packages(environment):
    names = packages_in(environment)
    folders = [path for path in environment.parent.rglob("site-packages") if path.is_dir()]
    files = [path for path in folders[0].rglob("*") if path.is_file() and not {"pip", "setuptools"} & set(path.parts)]
    assert len(names) < MOST_PACKAGES, names
    assert sum(path.stat().st_size for path in files) < MOST_MEGABYTES * 1_000_000


def test_a_project_with_packages_of_common_names_keeps_them(environment, tmp_path):
    subprocess.run([environment / "python", "-m", "pip", "install", "-q", "pytest"], check=True)
    for name in ("auth", "sandbox", "server", "tools"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("MINE = True\n")
    (tmp_path / "test_mine.py").write_text(SUITE)
    words = [environment / "python", "-m", "pytest", "-q", "-W", "error"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_node_script_starts_the_command_and_reads_one_line(environment, tmp_path):
    (tmp_path / "client.mjs").write_text(CLIENT)
    words = ["node", str(tmp_path / "client.mjs"), str(environment / "acc-sandbox")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.stdout == "Sandbox Construction\n", done.stderr


def test_the_command_says_which_version_it_is(environment):
    words = [environment / "acc-sandbox", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("acc-sandbox ")
    assert done.stderr == ""


def test_both_distributions_in_one_environment_are_noticed(environment):
    """The product is installed without what it needs: only its metadata and this package count here."""
    pip = [environment / "python", "-m", "pip"]
    subprocess.run([*pip, "install", "-q", "--no-deps", ROOT], check=True)
    done = subprocess.run([environment / "acc-sandbox", "--version"], capture_output=True, text=True, check=True)
    assert "acc-sandbox and submittal-mcp are both installed" in done.stderr
    subprocess.run([*pip, "uninstall", "-q", "-y", "submittal-mcp", "acc-sandbox"], check=True)
    subprocess.run([*pip, "install", "-q", ROOT / "acc_sandbox"], check=True)
