"""A person follows docs/signing-in.md with a real browser: Autodesk's page (the sandbox's), consent, the last page.

Screenshots go to the folder named by SCREENSHOTS, for people to look at.
"""

import os
import queue
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

import acc_sandbox

from .conftest import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    """A window that fails a test when a page asks for what its own policy forbids, or goes to another machine."""
    context = chromium.new_context(color_scheme=request.param, viewport=SIZES["desk"])
    context.set_default_timeout(PATIENCE * 1000)
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
def environment(tmp_path: Path, free_port: int) -> Iterator[dict[str, str]]:
    callback_url = f"http://localhost:{free_port}/callback"
    with acc_sandbox.running(callback_url=callback_url) as box:
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
            out, err = self.process.communicate(timeout=PATIENCE)
        finally:
            self.process.kill()
        return self.process.returncode, out, err


SIZES: Final[dict[str, ViewportSize]] = {"desk": {"width": 900, "height": 640}, "phone": {"width": 390, "height": 780}}


def keep(page: Page, name: str, request: Any) -> None:
    folder = Path(os.environ.get("SCREENSHOTS") or request.getfixturevalue("tmp_path"))
    folder.mkdir(parents=True, exist_ok=True)
    scheme = "dark" if "dark" in request.node.name else "light"
    for size, viewport in reversed(SIZES.items()):
        page.set_viewport_size(viewport)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} pixels too wide on a {size}"
        page.screenshot(path=folder / f"sign-in-{name}-{size}-{scheme}.png")


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


def commands_of_the_page() -> list[list[str]]:
    """Every `submittal-mcp` line of docs/signing-in.md that signs in, looks or attaches, in the order of the page."""
    page = (ROOT / "docs" / "signing-in.md").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    found = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("submittal-mcp ")]
    return [command for command in found if command[0] in ("login", "doctor", "attach")]


BROWSER = """
import pathlib, sys
pathlib.Path(sys.argv[1]).write_text(sys.argv[2], encoding="utf-8")
"""
"""What a person's browser is told to open goes through a pipe, from which the real browser takes it."""


def test_a_person_follows_the_page_from_the_sign_in_to_an_attached_file(
    page: Page, environment: dict[str, str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    drawings = tmp_path / "Drawings"
    drawings.mkdir()
    (drawings / "beams.pdf").write_bytes(b"%PDF-1.4 beams")
    script, opened = tmp_path / "browser.py", tmp_path / "opened"
    script.write_text(BROWSER, encoding="utf-8")
    os.mkfifo(opened)
    environment = environment | {"BROWSER": f"{sys.executable} {script} {opened} %s"}

    def run(*command: str) -> subprocess.Popen[str]:
        # A shell would put the home folder, which is `tmp_path` here, for the tilde.
        arguments = [word.replace("~", str(tmp_path), 1) if word.startswith("~/") else word for word in command]
        return subprocess.Popen(
            [sys.executable, "-m", "server", *arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )

    login, doctor, attach, *rest = commands_of_the_page()
    assert ([login, doctor[0], attach[0]], [one[0] for one in rest]) == (
        [["login", "--client-id", "your-client-id"], "doctor", "attach"],
        ["login", "doctor"],
    )
    signing_in = run(*login[:-1], environment["APS_CLIENT_ID"])
    assert signing_in.stdout is not None
    assert any("A browser was opened" in line for line in signing_in.stdout)
    page.goto(opened.read_text(encoding="utf-8"))
    page.get_by_role("button", name="Project Manager").click()
    page.wait_for_url(f"{environment['APS_CALLBACK_URL']}**")
    assert page.inner_text("h1") == "You are signed in"
    out, _ = signing_in.communicate(timeout=PATIENCE)
    assert (signing_in.returncode, "Signed in as Project Manager" in out) == (0, True)

    looking = run(*doctor)
    out, _ = looking.communicate(timeout=PATIENCE)
    assert looking.returncode in (0, 1), out
    assert "the person may attach to 051200-3" in out

    attaching = run(*attach)
    out, _ = attaching.communicate(timeout=PATIENCE)
    assert attaching.returncode == 0, out
    page.goto(environment["APS_BASE_URL"])
    page.get_by_role("link", name="Riverside Medical Center").click()
    page.get_by_role("link", name="051200-3").click()
    page.get_by_text("beams.pdf", exact=True).wait_for()
    keep(page, "attached", request)


def test_a_person_cancels(page: Page, environment: dict[str, str], request: pytest.FixtureRequest) -> None:
    login = Login(environment)
    page.goto(login.url)
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url(f"{environment['APS_CALLBACK_URL']}**")
    assert page.inner_text("h1") == "You are not signed in"
    keep(page, "cancelled", request)
    code, _, err = login.end()
    assert code == 1
    assert "The sign-in was cancelled" in err


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
            await anyio.to_thread.run_sync(done.wait, PATIENCE)
            answer = (await client.call_tool("sign_in", {})).structured_content
            assert answer is not None
            return str(answer["person"]["name"])

    links: queue.SimpleQueue[str] = queue.SimpleQueue()
    done = threading.Event()
    with anyio.from_thread.start_blocking_portal() as portal:
        future = portal.start_task_soon(converse)
        page.goto(links.get(timeout=PATIENCE))
        page.get_by_role("button", name="Steel Subcontractor").click()
        page.wait_for_url(f"{environment['APS_CALLBACK_URL']}**")
        assert page.inner_text("h1") == "You are signed in"
        done.set()
        assert future.result(timeout=PATIENCE) == "Steel Subcontractor"
