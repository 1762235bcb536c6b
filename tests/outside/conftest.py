"""What these tests share: our server in a process of its own, and other people's programs to try it with."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

import acc_sandbox

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]
NODE = Path(__file__).parent / "node"

PATIENCE = 300.0
"""Seconds after which a program is killed, so that no test waits for ever. No test comes near it."""

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Run = Callable[..., subprocess.CompletedProcess[str]]


class Served:
    """Our server over HTTP in a process of its own, stopped with SIGTERM when the block ends."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self.url = ""
        self._settled = threading.Event()
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._reader.start()
        self._settled.wait(PATIENCE)
        if not self.url:
            self._end()
            pytest.fail("the server did not say where it listens")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._end() == 0

    def _read(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            # pytest shows it beside the test that fails.
            sys.stderr.write(line)
            if line.startswith("submittal-mcp listens on "):
                self.url = line.split()[-1]
                self._settled.set()
        self._settled.set()

    def _end(self) -> int:
        with self._process:
            self._process.terminate()
            try:
                code = self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                raise
            self._reader.join()
        return code


class Acc:
    """A sandbox in this very process, so that a test can look at what was stored."""

    project = "Riverside Medical Center"
    submittal = "051200-3"

    def __init__(self, box: "acc_sandbox.Sandbox") -> None:
        self._box = box
        self.settings = {"APS_BASE_URL": box.base_url, "APS_ACCESS_TOKEN": box.token()}
        """What makes a server work on this sandbox, for its project manager."""

    def version_urn(self, path: str) -> str:
        """The newest version of a file of the Files tool."""
        return self._box.file(path).version_urn

    def confirmed_bytes(self, attachment_id: str) -> bytes:
        """The bytes behind an attachment of `submittal` that was confirmed."""
        rows = self._box.attachments(self._box.item(self.submittal))
        row = next(row for row in rows if row["id"] == attachment_id)
        assert row["isFileUploaded"]
        return self._box.object_bytes(str(row["uploadUrn"]))


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What every program is started with: nothing of the person who runs the tests, their home folder included."""
    foreign = ("APS_", "SUBMITTAL_MCP_", "MCP_", "NODE_", "NPM_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(foreign) and not name.upper().endswith("_PROXY")
    }
    return {**kept, "HOME": str(tmp_path_factory.mktemp("home")), "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="session")
def serve() -> Callable[..., list[str]]:
    """The command that serves, with the interpreter that runs these tests: `serve("--sandbox")`."""
    return lambda *options: [sys.executable, "-P", "-m", "server", "serve", *options]


@pytest.fixture(scope="session")
def acc() -> Iterator[Acc]:
    """One sandbox for the session: a test attaches under a name that no other uses."""
    with acc_sandbox.running() as box:
        yield Acc(box)


@pytest.fixture(scope="session")
def sandbox_url(serve: Callable[..., list[str]], environment: Mapping[str, str]) -> Iterator[str]:
    """Where `serve --http --sandbox` listens; it lets every caller of this machine in."""
    with Served(serve("--http", "--sandbox", "--port", "0"), environment) as served:
        yield served.url


@pytest.fixture(scope="session")
def secret() -> str:
    """What the callers of `guarded_url` send as their bearer secret."""
    return "a secret that only these tests know".replace(" ", "-")


@pytest.fixture(scope="session")
def guarded_url(
    serve: Callable[..., list[str]], environment: Mapping[str, str], acc: Acc, secret: str
) -> Iterator[str]:
    """Where `serve --http` listens, working on `acc`; it wants `secret` from every caller."""
    settings = {**environment, **acc.settings, "SUBMITTAL_MCP_HTTP_SECRET": secret}
    with Served(serve("--http", "--port", "0"), settings) as served:
        yield served.url


@pytest.fixture
def run(environment: Mapping[str, str], tmp_path: Path) -> Run:
    """Run a program of Debian's in a folder of the test's own: `run("pdfinfo", path)`."""

    def run(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        if shutil.which(program) is None:
            pytest.fail(f"{program} is missing: run tests/outside/install")
        return subprocess.run(
            [program, *arguments],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )

    return run


@pytest.fixture
def node(run: Run) -> Run:
    """Run a program of the `node` folder on the Node.js that is installed there: `node("whole_job.mjs", …)`."""
    installed = NODE / "node_modules/.installed"
    if not installed.exists() or installed.read_bytes() != (NODE / "package-lock.json").read_bytes():
        pytest.fail("the npm packages are missing, or not those of the lock file: run tests/outside/install")
    return lambda program, *arguments: run(str(NODE / "node_modules/.bin/node"), NODE / program, *arguments)


@pytest.fixture
def drawing(tmp_path: Path) -> Path:
    """A file to attach, alone in a folder."""
    path = tmp_path / "files" / "beam.pdf"
    path.parent.mkdir()
    path.write_bytes(bytes(range(256)) * 5000)
    return path


@pytest.fixture(params=["legacy", "modern"])
def era(request: pytest.FixtureRequest) -> str:
    """The protocol that begins with a handshake (up to 2025-11-25), and the one without (2026-07-28)."""
    return str(request.param)


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """Debian's browser, without a screen."""
    from playwright.sync_api import expect, sync_playwright

    # By itself it waits five seconds, which two busy processors can take to draw a page.
    expect.set_options(timeout=PATIENCE * 1000)
    path = shutil.which("chromium")
    assert path is not None, "Debian's chromium is missing: run tests/outside/install"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
