"""A person follows docs/signing-in.md with a real browser: Autodesk's page (the sandbox's), consent, the last page.

Screenshots go to the folder named by SCREENSHOTS, for people to look at.
"""

import os
import queue
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import sandbox

ROOT = Path(__file__).resolve().parents[2]
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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    assert path is not None, "Debian's chromium is missing: run tests/outside/install"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    """A window that fails a test when a page asks for what its own policy forbids, or goes to another machine."""
    context = chromium.new_context(color_scheme=request.param, viewport={"width": 900, "height": 640})
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(urlsplit(request.url).hostname or ""))
    yield page
    context.close()
    assert [text for text in said if "Content Security Policy" in text or "Refused" in text] == []
    assert set(asked) <= {"127.0.0.1", "localhost"}


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        callback_url = f"http://localhost:{found.getsockname()[1]}/callback"
    with sandbox.running(callback_url=callback_url) as box:
        yield {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT),
            "APS_BASE_URL": box.base_url,
            "APS_CLIENT_ID": box.client_id,
            "APS_CALLBACK_URL": callback_url,
            "SUBMITTAL_MCP_DATA_DIR": str(tmp_path / "data"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }


class Login:
    """`submittal-mcp login --no-browser` as a process, and the address that it prints."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server", "login", "--no-browser"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = next(line.strip() for line in self.process.stdout if line.startswith("http"))

    def end(self) -> tuple[int, str, str]:
        try:
            out, err = self.process.communicate(timeout=30)
        finally:
            self.process.kill()
        return self.process.returncode, out, err


def keep(page: Page, name: str, request: Any) -> None:
    folder = Path(os.environ.get("SCREENSHOTS") or request.getfixturevalue("tmp_path"))
    folder.mkdir(parents=True, exist_ok=True)
    scheme = "dark" if "dark" in request.node.name else "light"
    page.screenshot(path=folder / f"sign-in-{name}-{scheme}.png")


def test_a_person_signs_in(page: Page, environment: dict[str, str], request: pytest.FixtureRequest) -> None:
    login = Login(environment)
    page.goto(login.url)
    assert "data:write" in page.inner_text("body")
    keep(page, "authorize", request)
    page.get_by_role("button", name="Project Manager").click()
    page.wait_for_url(f"{environment['APS_CALLBACK_URL']}**")
    assert page.inner_text("h1") == "You are signed in"
    assert "Signed in to Autodesk as Project Manager." in page.inner_text("main")
    keep(page, "signed-in", request)
    code, out, err = login.end()
    assert (code, err) == (0, "")
    assert "Signed in as Project Manager" in out


def test_a_person_cancels(page: Page, environment: dict[str, str], request: pytest.FixtureRequest) -> None:
    login = Login(environment)
    page.goto(login.url)
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url(f"{environment['APS_CALLBACK_URL']}**")
    assert page.inner_text("h1") == "You are not signed in"
    keep(page, "cancelled", request)
    code, _, err = login.end()
    assert code == 1
    assert "access_denied" in err


def test_a_person_signs_in_from_the_chat(
    page: Page, environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    """The link of the tool `sign_in`, over stdio as a chat client speaks it."""
    import anyio
    from mcp import Client
    from mcp.client.stdio import StdioServerParameters

    server = StdioServerParameters(command=sys.executable, args=["-m", "server", "serve"], env=environment, cwd=ROOT)

    async def converse() -> str:
        async with Client(server) as client:
            refused = (await client.call_tool("sign_in", {})).structured_content
            assert refused is not None
            [link] = [word for word in refused["error"]["hint"].split() if word.startswith("http")]
            links.put(link)
            await anyio.to_thread.run_sync(done.wait, 60)
            answer = (await client.call_tool("sign_in", {})).structured_content
            assert answer is not None
            return str(answer["person"]["name"])

    links: queue.SimpleQueue[str] = queue.SimpleQueue()
    done = threading.Event()
    with anyio.from_thread.start_blocking_portal() as portal:
        future = portal.start_task_soon(converse)
        page.goto(links.get(timeout=60))
        page.get_by_role("button", name="Steel Subcontractor").click()
        page.wait_for_url(f"{environment['APS_CALLBACK_URL']}**")
        assert page.inner_text("h1") == "You are signed in"
        done.set()
        assert future.result(timeout=60) == "Steel Subcontractor"
