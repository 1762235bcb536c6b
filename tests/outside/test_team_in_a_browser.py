"""People meet a team server's pages in a real browser: consent, Autodesk's page, the client; with the keyboard alone.

The pages go out with their own Content-Security-Policy, and a test fails when the browser refuses anything by it.
Screenshots go to the folder named by SCREENSHOTS.
"""

import base64
import hashlib
import os
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page

import acc_sandbox
from tests.conftest import NO_TRUST
from tests.server.team.site import TeamSite, running_team

from .conftest import PATIENCE

SIZES = {"desk": (1100, 800), "phone": (390, 780)}


@dataclass
class Client:
    """An application of the person's computer, which waits for its answer on a port of its own."""

    team: TeamSite
    verifier: str = "v" * 43
    answers: "queue.Queue[dict[str, str]]" = field(default_factory=queue.Queue)
    client_id: str = ""
    redirect_uri: str = ""

    def url(self, **more: str) -> str:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "state": "a-state",
        }
        return f"{self.team.url}/authorize?{urlencode(query | more)}"


@pytest.fixture
def team(clean_environment: None, tmp_path: Path) -> Iterator[TeamSite]:
    with acc_sandbox.running() as box, running_team(box, tmp_path / "data") as site:
        yield site


@pytest.fixture
def client(team: TeamSite) -> Iterator[Client]:
    found = Client(team)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/callback"):
                found.answers.put(dict(parse_qsl(urlsplit(self.path).query)))
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>client</title><h1>The client has its answer</h1>")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    found.redirect_uri = f"http://127.0.0.1:{server.server_port}/callback"
    registered = httpx.post(
        f"{team.url}/register",
        json={"client_name": "A Chat <script>alert(1)</script>" + "W" * 66, "redirect_uris": [found.redirect_uri]},
        verify=NO_TRUST,
    )
    found.client_id = registered.json()["client_id"]
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["light-desk", "dark-phone"])
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    """A window that fails a test when a page asks for what its own policy forbids, or goes to another machine."""
    scheme, size = request.param.split("-")
    width, height = SIZES[size]
    context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda asking: asked.append(urlsplit(asking.url).hostname or ""))
    yield page
    context.close()
    assert [text for text in said if "Content Security Policy" in text or "Refused" in text] == []
    assert set(asked) <= {"127.0.0.1", "localhost"}


def keep(page: Page, name: str, request: pytest.FixtureRequest) -> None:
    """Look at a page as it is: it fits its window, and its picture is kept."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
    folder = Path(os.environ.get("SCREENSHOTS") or request.getfixturevalue("tmp_path"))
    folder.mkdir(parents=True, exist_ok=True)
    kind = "dark-phone" if "dark-phone" in request.node.name else "light-desk"
    page.screenshot(path=folder / f"team-{name}-{kind}.png", full_page=True)


def press_on(page: Page, words: str) -> None:
    """Reach a button or a link by Tab alone, see that the focus shows, and press it."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if words in (page.evaluate("document.activeElement.innerText") or ""):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"it cannot be seen that {words!r} has the focus"
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"{words!r} is not reached with the keyboard")


def test_a_person_consents_signs_in_and_is_brought_to_the_client_with_the_keyboard_alone(
    page: Page, client: Client, request: pytest.FixtureRequest
) -> None:
    page.goto(client.url())
    body = page.inner_text("main")
    assert "A Chat <script>alert(1)</script>" in body
    assert "127.0.0.1" in body
    assert "program on this computer" in body
    keep(page, "consent", request)
    press_on(page, "Allow")
    page.wait_for_url("**/authentication/v2/authorize**")
    press_on(page, "Project Manager")
    page.wait_for_url(f"{client.redirect_uri}**")
    answer = client.answers.get(timeout=PATIENCE)
    assert (answer["state"], answer["iss"]) == ("a-state", client.team.url)
    form = {
        "grant_type": "authorization_code",
        "client_id": client.client_id,
        "code": answer["code"],
        "code_verifier": client.verifier,
    }
    issued = httpx.post(f"{client.team.url}/token", data=form, verify=NO_TRUST)
    assert issued.status_code == 200, issued.text

    # The second time no sign-in is needed, the consent is; one scope is left out by keyboard.
    page.goto(client.url(scope="submittals:read submittals:attach"))
    assert "You are signed in as" in page.inner_text("main")
    keep(page, "consent-again", request)
    boxes = page.locator("input[type=checkbox]")
    assert boxes.count() == 2
    page.keyboard.press("Tab")  # reading cannot be left out, so the focus is on the second
    page.keyboard.press("Space")
    assert not boxes.nth(1).is_checked()
    press_on(page, "Allow")
    page.wait_for_url(f"{client.redirect_uri}**")
    assert "code" in client.answers.get(timeout=PATIENCE)


def test_a_person_disconnects_an_application_and_connects_autodesk_again(
    page: Page, client: Client, request: pytest.FixtureRequest
) -> None:
    test_a_person_consents_signs_in_and_is_brought_to_the_client_with_the_keyboard_alone(page, client, request)
    page.goto(f"{client.team.url}/account")
    assert "A Chat" in page.inner_text("main")
    keep(page, "account", request)
    press_on(page, "Disconnect")
    page.wait_for_function("!document.body.innerText.includes('Disconnect')")
    press_on(page, "Sign in at Autodesk again")
    page.wait_for_url("**/connect")
    keep(page, "connect", request)
    press_on(page, "Sign in at Autodesk")
    page.wait_for_url("**/authentication/v2/authorize**")
    press_on(page, "Project Manager")
    page.wait_for_url("**/callback/autodesk**")
    assert page.inner_text("h1") == "Autodesk is connected"
    keep(page, "connected", request)


def test_a_person_who_declines_or_follows_a_dead_link_is_told_so(
    page: Page, client: Client, request: pytest.FixtureRequest
) -> None:
    page.goto(client.url())
    consent = page.url
    press_on(page, "Cancel")
    page.wait_for_url(f"{client.redirect_uri}**")
    assert client.answers.get(timeout=PATIENCE)["error"] == "access_denied"
    page.goto(consent)
    assert page.inner_text("h1") == "This was answered already"
    keep(page, "dead-link", request)
    page.goto(f"{client.team.url}/authorize?client_id=nobody")
    assert "does not know the application" in page.inner_text("h1")
    keep(page, "unknown-client", request)
