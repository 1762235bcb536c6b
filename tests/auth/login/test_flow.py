"""Signing in with a browser over real sockets: the whole way, and everything that tries to slip in between."""

import errno
import itertools
import select
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx
import pytest
from structlog.testing import capture_logs

from acc_sandbox import Fault, Refuse
from auth.errors import AuthError, CallbackPortTaken, SignInFailed, SignInTimedOut
from auth.login.flow import LoginAttempt, LoginFlow, scopes_for
from auth.login.pending_logins import LIFE_SECONDS, PendingLogins
from auth.login.redirect_handler import PROOF_HEADER, RedirectHandler
from auth.login.redirect_server import PortTaken, RedirectServer
from auth.oauth import OAuthApp, PkceAttempt, TokenEndpoint, authorize_url
from auth.vault import StoredLogin, Vault
from persistence.database import Database, DatabaseAddress
from persistence.errors import StorageProblem
from persistence.keys import EncryptionKey, EnvironmentKeys
from tests.conftest import NO_TRUST
from tests.support.ports import end_accepting

if TYPE_CHECKING:
    from tests.auth.conftest import Site

WRITING = scopes_for(read_only=False)


class Window:
    """A process of this program that signs a user in, in place of one of its own."""

    def __init__(
        self, database: Database, key: EncryptionKey, endpoint: TokenEndpoint, scopes: tuple[str, ...] = WRITING
    ) -> None:
        self.moved = 0.0
        self.vault = Vault(database, EnvironmentKeys([key]))
        self.set_ahead = 0.0
        self.attempts = PendingLogins(
            database,
            self.vault,
            now=lambda: time.time() + self.moved + self.set_ahead,
            steady=lambda: time.monotonic() + self.moved,
        )
        self.endpoint = endpoint
        self.signing_in = LoginFlow(self.vault, self.attempts, endpoint, scopes, poll=0.01)
        self.ended: list[StoredLogin | Exception] = []

    @asynccontextmanager
    async def waiting(self, **how: Any) -> AsyncIterator[LoginAttempt]:
        """A try under way; at the end of the block its end is waited for."""
        started = self.signing_in.start()

        async def finish() -> None:
            try:
                self.ended.append(await self.signing_in.finish(started, **how))
            except (AuthError, StorageProblem) as error:
                self.ended.append(error)

        with anyio.fail_after(120):
            async with anyio.create_task_group() as group:
                group.start_soon(finish)
                if how.get("must_listen", True):
                    await until_listening(started)
                yield started


async def until_listening(started: LoginAttempt) -> None:
    """Wait until a process answers for a try."""
    async with httpx.AsyncClient(verify=NO_TRUST) as client:
        while True:
            try:
                if (await client.get(f"{started.link}/known?challenge=x")).status_code == 204:
                    return
            except httpx.TransportError:  # not yet, or a listener that ends just now
                await anyio.sleep(0.01)


@pytest.fixture
def port(free_port: int) -> int:
    return free_port


@pytest.fixture
def endpoint(site: "Site", port: int) -> TokenEndpoint:
    callback_url = f"http://localhost:{port}/callback"
    site.box.register_callback(callback_url)
    app = OAuthApp(site.app.client_id, callback_url)
    return TokenEndpoint(site.http, site.endpoint.autodesk, app)


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Database]:
    with Database.open(DatabaseAddress.sqlite(tmp_path / "data.sqlite3")) as database:
        yield database


@pytest.fixture
def window(shared: Database, key: EncryptionKey, endpoint: TokenEndpoint) -> Window:
    return Window(shared, key, endpoint)


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    """A person's browser: it keeps cookies, and shows where it is sent."""
    async with httpx.AsyncClient(verify=NO_TRUST, timeout=120) as client:
        yield client


async def sent_back(browser: httpx.AsyncClient, started: LoginAttempt, person: str = "manager") -> str:
    """Open the link, choose a person on Autodesk's page, and return the address that the browser is sent to."""
    to_autodesk = await browser.get(started.link)
    assert to_autodesk.status_code == 303
    answer = await browser.get(to_autodesk.headers["location"], params=None)
    assert answer.status_code == 200
    chosen = await browser.get(f"{to_autodesk.headers['location']}&sandbox_person={person}")
    assert chosen.status_code == 302
    return chosen.headers["location"]


async def test_a_person_signs_in_by_the_link(window: Window, site: "Site", browser: httpx.AsyncClient) -> None:
    async with window.waiting() as started:
        page = await browser.get(await sent_back(browser, started))
    assert page.status_code == 200
    assert "You are signed in" in page.text
    assert "Signed in to Autodesk as Project Manager." in page.text
    [found] = window.ended
    assert isinstance(found, StoredLogin)
    assert (found.account, found.name, found.email) == (
        site.account(),
        "Project Manager",
        "project.manager@example.com",
    )
    assert found.tokens.scopes == WRITING
    assert window.vault.read(site.account()) == found
    assert window.vault.current(site.base_url, site.app.client_id) == site.account()


async def test_a_confidential_app_signs_in_too(
    shared: Database, key: EncryptionKey, site: "Site", endpoint: TokenEndpoint, browser: httpx.AsyncClient
) -> None:
    client_id, secret = site.box.confidential_client
    app = OAuthApp(client_id, endpoint.app.callback_url, secret)
    window = Window(shared, key, TokenEndpoint(site.http, site.endpoint.autodesk, app))
    async with window.waiting() as started:
        assert (await browser.get(await sent_back(browser, started))).status_code == 200
    assert isinstance(window.ended[0], StoredLogin)


async def test_only_reading_is_asked_for_where_writing_is_off(
    shared: Database, key: EncryptionKey, endpoint: TokenEndpoint, browser: httpx.AsyncClient
) -> None:
    window = Window(shared, key, endpoint, scopes_for(read_only=True))
    async with window.waiting() as started:
        assert parse_qs(urlsplit(started.url).query)["scope"] == ["data:read account:read user-profile:read"]
        await browser.get(await sent_back(browser, started))
    [found] = window.ended
    assert isinstance(found, StoredLogin)
    assert found.tokens.scopes == ("data:read", "account:read", "user-profile:read")


async def test_the_link_holds_nothing_secret_and_neither_does_the_database(window: Window, shared: Database) -> None:
    started = window.signing_in.start()
    query = parse_qs(urlsplit(started.url).query)
    [state] = query["state"]
    assert len(state) >= 22  # 128 bits in base64
    assert urlsplit(started.link).query == ""
    for secret in (state, *query["code_challenge"]):
        assert secret not in started.link
    assert shared.address.file is not None
    for path in shared.address.file.parent.iterdir():
        assert state.encode() not in path.read_bytes()
    window.moved = LIFE_SECONDS
    with pytest.raises(SignInTimedOut):
        await window.signing_in.finish(started)


async def test_a_page_loads_nothing_and_is_kept_nowhere(window: Window, browser: httpx.AsyncClient) -> None:
    async with window.waiting() as started:
        page = await browser.get(await sent_back(browser, started))
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "http" not in page.text


async def test_cancelling_is_said_on_the_page_and_to_the_caller(window: Window, browser: httpx.AsyncClient) -> None:
    async with window.waiting() as started:
        page = await browser.get(await sent_back(browser, started, "deny"))
    assert (page.status_code, "sign-in was cancelled" in page.text) == (400, True)
    [failure] = window.ended
    assert isinstance(failure, SignInFailed)
    assert failure.error == "access_denied"


async def test_a_refused_code_is_said_on_the_page_and_to_the_caller(
    window: Window, site: "Site", browser: httpx.AsyncClient
) -> None:
    site.box.faults.add(Fault("auth.token", Refuse(400, {"error": "invalid_grant", "error_description": "<script>"})))
    async with window.waiting() as started:
        page = await browser.get(await sent_back(browser, started))
    assert (page.status_code, "did not accept" in page.text, "<script>" in page.text) == (400, True, False)
    [failure] = window.ended
    assert isinstance(failure, SignInFailed)
    assert failure.error == "invalid_grant"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        (lambda url: url.replace("state=", "state=x"), 400),
        (lambda url: url.partition("&state=")[0], 400),
        (lambda url: url.replace("code=", "kode="), 400),
        (lambda url: url.replace("/callback", "/callback/"), 404),
        (lambda url: url.replace("/callback", "//callback"), 403),
    ],
    ids=["wrong state", "no state", "no code", "another path", "a doubled slash"],
)
async def test_an_answer_that_is_not_ours_changes_nothing(
    window: Window, browser: httpx.AsyncClient, changed: Callable[[str], str], status: int
) -> None:
    async with window.waiting() as started:
        address = await sent_back(browser, started)
        assert (await browser.get(changed(address))).status_code == status
        assert (await browser.get(address)).status_code == 200
    assert isinstance(window.ended[0], StoredLogin)


async def test_an_answer_is_taken_once(window: Window, site: "Site", browser: httpx.AsyncClient) -> None:
    async with window.waiting() as started, window.waiting():  # the second try keeps the listener there
        address = await sent_back(browser, started)
        assert (await browser.get(address)).status_code == 200
        again = await browser.get(address)
        assert (again.status_code, "This sign-in is over" in again.text) == (400, True)
        window.moved = LIFE_SECONDS
    assert site.posts() == 1


async def test_an_answer_under_another_host_name_is_refused(
    window: Window, port: int, browser: httpx.AsyncClient
) -> None:
    async with window.waiting() as started:
        address = await sent_back(browser, started)
        for host in ("evil.example", f"evil.example:{port}", "localhost", f"localhost:{port + 1}", f"127.0.0.1:{port}"):
            refused = await browser.get(address, headers={"Host": host})
            assert (refused.status_code, "state" in refused.text) == (421, False)
        assert (await browser.get(address)).status_code == 200


async def test_another_browser_cannot_finish_what_this_one_began(window: Window, browser: httpx.AsyncClient) -> None:
    """CVE-2026-27124, CVE-2025-69196 (FastMCP)."""
    async with window.waiting() as started:
        address = await sent_back(browser, started)
        async with httpx.AsyncClient(verify=NO_TRUST) as other:
            stolen = await other.get(address)
            assert (stolen.status_code, "not the browser" in stolen.text) == (403, True)
        assert (await browser.get(address)).status_code == 200


@pytest.mark.parametrize(
    "theirs",
    [
        "a[b]=1",
        'x={"y": 1, "z": [2]}',
        "caf\u00e9=1",
        "=",
        "a b c",
        "session=\x01",
        "; ".join(["large=" + "x" * 4096] * 90),
    ],
)
async def test_cookies_of_other_programs_on_this_host_are_no_matter(
    window: Window, browser: httpx.AsyncClient, theirs: str
) -> None:
    async with window.waiting() as started:
        address = await sent_back(browser, started)
        ours = "; ".join(f"{one.name}={one.value}" for one in browser.cookies.jar)
        header = (b"cookie", f"{theirs}; {ours}; {theirs}".encode("latin-1"))
        async with httpx.AsyncClient(verify=NO_TRUST) as same:
            assert (await same.get(address, headers=[header, (b"cookie", header[1][:20])])).status_code == 200


@pytest.mark.parametrize("seconds", [-7200.0, 7200.0])
async def test_a_step_of_the_clock_does_not_end_a_sign_in(
    window: Window, browser: httpx.AsyncClient, seconds: float
) -> None:
    async with window.waiting() as started:
        window.set_ahead = seconds
        address = await sent_back(browser, started)
        assert (await browser.get(address)).status_code == 200
    assert isinstance(window.ended[0], StoredLogin)


@pytest.mark.parametrize("seconds", [-7200.0, 7200.0])
async def test_a_step_of_the_clock_does_not_end_a_sign_in_of_another_window(
    window: Window,
    shared: Database,
    key: EncryptionKey,
    endpoint: TokenEndpoint,
    browser: httpx.AsyncClient,
    seconds: float,
) -> None:
    listening = Window(shared, key, endpoint)
    async with listening.waiting() as other, window.waiting() as started:
        listening.set_ahead = seconds
        listening.signing_in.start()  # which removes tries that are long over
        address = await sent_back(browser, started)
        assert (await browser.get(address)).status_code == 200
        assert (await browser.get(await sent_back(browser, other))).status_code == 200
    assert [isinstance(one.ended[0], StoredLogin) for one in (window, listening)] == [True, True]


async def test_a_try_of_another_window_ends_after_five_minutes_all_the_same(
    window: Window, shared: Database, key: EncryptionKey, endpoint: TokenEndpoint, browser: httpx.AsyncClient
) -> None:
    listening = Window(shared, key, endpoint)
    async with listening.waiting(), window.waiting() as started:
        address = await sent_back(browser, started)
        listening.moved = LIFE_SECONDS
        # It blocks, so that the other window cannot end its own try, and give up the port, before it has answered.
        with httpx.Client(verify=NO_TRUST, cookies=browser.cookies) as blocking:
            assert blocking.get(address).status_code == 400  # noqa: ASYNC212
        window.moved = LIFE_SECONDS


async def test_one_browser_may_have_two_links_open(window: Window, browser: httpx.AsyncClient) -> None:
    async with window.waiting() as first, window.waiting() as second:
        addresses = [await sent_back(browser, first, "manager"), await sent_back(browser, second, "steel")]
        for address in addresses:
            assert (await browser.get(address)).status_code == 200
    assert {found.name for found in window.ended if isinstance(found, StoredLogin)} == {
        "Project Manager",
        "Steel Subcontractor",
    }


async def test_a_stolen_code_is_worth_nothing_without_the_verifier(
    window: Window, site: "Site", browser: httpx.AsyncClient
) -> None:
    async with window.waiting() as started:
        address = await sent_back(browser, started)
        [code] = parse_qs(urlsplit(address).query)["code"]
        with pytest.raises(SignInFailed) as caught:
            await window.endpoint.exchange_code(code, PkceAttempt().verifier)
        assert caught.value.error == "invalid_grant"
        await browser.get(address)
    assert isinstance(window.ended[0], StoredLogin)


async def test_an_injected_code_of_another_person_is_refused(
    window: Window, site: "Site", browser: httpx.AsyncClient
) -> None:
    """Otherwise a person would attach files to an attacker's account."""
    elsewhere = PkceAttempt()
    theirs = authorize_url(site.base_url, window.endpoint.app, elsewhere) + "&sandbox_person=outsider"
    code = parse_qs(urlsplit((await browser.get(theirs)).headers["location"]).query)["code"][0]
    async with window.waiting() as started:
        address = await sent_back(browser, started)
        ours = parse_qs(urlsplit(address).query)["code"][0]
        page = await browser.get(address.replace(ours, code))
        assert page.status_code == 400
    assert isinstance(window.ended[0], SignInFailed)
    assert window.vault.accounts(site.base_url, site.app.client_id) == {}


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", "http://evil.example/", "data:text/html,x"]
)
async def test_the_login_link_never_redirects_to_an_unknown_host(
    window: Window, url: str, browser: httpx.AsyncClient
) -> None:
    id_ = window.attempts.start(window.endpoint.app.callback_url, PkceAttempt(), url)
    async with window.waiting() as started:
        answer = await browser.get(started.link.replace(started.id, id_))
        assert (answer.status_code, "location" in answer.headers, url in answer.text) == (400, False, False)
        window.moved = LIFE_SECONDS


async def test_a_try_ends_after_five_minutes(window: Window, browser: httpx.AsyncClient) -> None:
    # Another process listens, so that the page is answered after the try has ended.
    listener = RedirectServer.open(
        RedirectHandler(window.endpoint.app.callback_url, window.attempts, window.attempts.waiting)
    )
    try:
        async with window.waiting() as started:
            address = await sent_back(browser, started)
            window.moved = LIFE_SECONDS
        over = await browser.get(address)
        assert (over.status_code, "This sign-in is over" in over.text) == (400, True)
    finally:
        listener.close()
    assert [type(one) for one in window.ended] == [SignInTimedOut]


async def test_two_windows_share_one_listener_and_the_second_takes_its_place(
    window: Window, shared: Database, key: EncryptionKey, endpoint: TokenEndpoint, browser: httpx.AsyncClient
) -> None:
    second = Window(shared, key, endpoint)
    async with second.waiting() as later:
        # The first one was there before, but ends before.
        async with window.waiting() as started:
            assert (await browser.get(await sent_back(browser, started, "manager"))).status_code == 200
        await until_listening(later)
        page = await browser.get(await sent_back(browser, later, "steel"))
        assert "Steel Subcontractor" in page.text
    assert [found.name for found in (*window.ended, *second.ended) if isinstance(found, StoredLogin)] == [
        "Project Manager",
        "Steel Subcontractor",
    ]


async def test_a_listener_answers_for_a_window_that_is_not_its_own(
    window: Window, shared: Database, key: EncryptionKey, endpoint: TokenEndpoint, browser: httpx.AsyncClient
) -> None:
    second = Window(shared, key, endpoint)
    async with window.waiting():
        async with second.waiting() as later:
            assert (await browser.get(await sent_back(browser, later))).status_code == 200
        window.moved = LIFE_SECONDS
    assert isinstance(second.ended[0], StoredLogin)


async def test_a_port_that_another_program_uses_is_named(window: Window, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)) as foreign:
        refusing = threading.Thread(target=_refuse_all, args=(foreign,), daemon=True)
        refusing.start()
        async with window.waiting(must_listen=False):
            window.moved = LIFE_SECONDS
        started = window.signing_in.start()
        window.moved = 0.0
        started = window.signing_in.start()
        with pytest.raises(CallbackPortTaken, match=str(port)):
            await window.signing_in.finish(started)
        end_accepting(foreign, refusing)


@pytest.mark.parametrize("kind", ["none", "forged", "of another vault", "of another try", "repeated"])
async def test_a_program_that_pretends_to_be_a_window_of_ours_is_told_apart(
    window: Window, endpoint: TokenEndpoint, port: int, tmp_path: Path, kind: str
) -> None:
    url = endpoint.app.callback_url

    def proof(id_: str, challenge: str) -> str | None:
        if kind == "of another vault":
            with Database.open(DatabaseAddress.sqlite(tmp_path / "other.sqlite3")) as other:
                return Vault(other, EnvironmentKeys([EncryptionKey.new()])).seal(
                    challenge.encode(), "listener", id_, url
                )
        if kind == "of another try":
            other_try = window.attempts.start(url, PkceAttempt(), "https://developer.api.autodesk.com/authorize")
            return window.attempts.prove(other_try, url, challenge)
        return {"none": None, "forged": "v1:0:0:0", "repeated": window.attempts.prove(id_, url, "x")}[kind]

    with _pretending(port, proof):
        started = window.signing_in.start()
        assert not started.heard
        with pytest.raises(CallbackPortTaken, match=str(port)):
            await window.signing_in.finish(started)


@pytest.mark.parametrize("said", [b"HTTP/1.1 100 Continue\r\n\r\n", b"x"], ids=["interim answers", "a trickle"])
async def test_an_answer_without_end_at_the_callbacks_port_holds_no_sign_in_up(
    window: Window, port: int, said: bytes
) -> None:
    with _answering_for_ever(port, said), anyio.fail_after(120):
        started = await anyio.to_thread.run_sync(window.signing_in.start, abandon_on_cancel=True)
    assert not started.heard


async def test_a_program_that_has_the_vault_is_a_window_of_ours(window: Window, port: int) -> None:
    """Otherwise the test above would pass with any proof at all."""
    with _pretending(port, lambda id_, asked: window.attempts.prove(id_, f"http://localhost:{port}/callback", asked)):
        assert window.signing_in.start().heard


@contextmanager
def _pretending(port: int, proof: Callable[[str, str], str | None]) -> Iterator[None]:
    """A program at the callback's port that answers 204 to whatever it is asked."""

    class Pretender(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            answer = proof(asked.path.split("/")[2], parse_qs(asked.query)["challenge"][0])
            self.send_response(204)
            if answer is not None:
                self.send_header(PROOF_HEADER, answer)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Pretender) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield
        server.shutdown()
        thread.join()


@contextmanager
def _answering_for_ever(port: int, said: bytes) -> Iterator[None]:
    """A program at the callback's port that says the same again and again to its first caller."""
    ended = threading.Event()

    def answer(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            while not ended.wait(0.05):
                connection.sendall(said)

    with socket.create_server(("127.0.0.1", port)) as listening:
        answering = threading.Thread(target=answer, args=(listening,), daemon=True)
        answering.start()
        yield
        ended.set()
        answering.join()


def _refuse_all(listening: socket.socket) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        connection.close()


def test_a_connection_that_cannot_be_accepted_is_tried_again_after_a_pause_and_logged_once(
    window: Window, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a process without descriptors would do nothing else."""
    accept, failures = socket.socket.accept, []

    def without_descriptors(listening: socket.socket) -> tuple[socket.socket, Any]:
        if len(failures) < 3:
            failures.append(time.monotonic())
            raise OSError(errno.EMFILE, "Too many open files")
        return accept(listening)

    with capture_logs() as lines, _listening(window, port):
        monkeypatch.setattr(socket.socket, "accept", without_descriptors)
        assert _status(port, b"GET /favicon.ico HTTP/1.1\r\n") == b"204"
    assert min(later - earlier for earlier, later in itertools.pairwise(failures)) >= 0.1
    assert [line["event"] for line in lines] == ["connections_not_accepted"]
    assert "ulimit -n" in lines[0]["reason"]


def test_other_programs_take_neither_all_connections_nor_any_time(window: Window, port: int) -> None:
    with _listening(window, port, read_seconds=600), ExitStack() as stack:
        address = ("127.0.0.1", port)
        idle = [stack.enter_context(socket.create_connection(address, timeout=120)) for _ in range(32)]
        with socket.create_connection(address, timeout=120) as one_too_many:
            assert one_too_many.recv(1) == b""
        idle[0].close()
        while _status(port, b"GET /favicon.ico HTTP/1.1\r\n") != b"204":
            """The listener has not noticed yet that there is one less."""
    with _listening(window, port, read_seconds=0.1), socket.create_connection(address, timeout=120) as trickling:
        trickling.sendall(b"GET /callback HTTP/1.1\r\n")
        with suppress(ConnectionError):
            while not select.select([trickling], [], [], 0.02)[0]:
                trickling.sendall(b"x")
            assert trickling.recv(4096) == b""


@contextmanager
def _listening(window: Window, port: int, **how: float) -> Iterator[None]:
    callback = RedirectHandler(f"http://localhost:{port}/callback", window.attempts, window.attempts.waiting)
    listener = RedirectServer.open(callback, **how)
    try:
        yield
    finally:
        listener.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="there is no ::1")
async def test_half_of_localhost_is_not_enough(window: Window, port: int) -> None:
    """A process with the other half would be handed the code."""
    callback = RedirectHandler(f"http://localhost:{port}/callback", window.attempts, window.attempts.waiting)
    with socket.create_server(("::1", port), family=socket.AF_INET6), pytest.raises(PortTaken):
        RedirectServer.open(callback)
    listener = RedirectServer.open(callback)
    listener.close()


async def test_both_halves_of_localhost_answer(window: Window, port: int, browser: httpx.AsyncClient) -> None:
    async with window.waiting():
        for host in ("127.0.0.1", "[::1]"):
            answer = await browser.get(f"http://{host}:{port}/", headers={"Host": f"localhost:{port}"})
            assert answer.status_code == 404
        window.moved = LIFE_SECONDS


async def test_an_answer_may_be_pasted_where_the_browser_is_elsewhere(
    window: Window, browser: httpx.AsyncClient, port: int
) -> None:
    with socket.create_server(("127.0.0.1", port)):  # nothing needs to listen for it
        async with window.waiting(must_listen=False) as started:
            location = (await browser.get(f"{started.url}&sandbox_person=manager")).headers["location"]
            paste = window.signing_in.paste
            for rubbish in ("", "yes", "http://localhost/callback?code=x&state=y", "javascript:alert(1)"):
                assert not await anyio.to_thread.run_sync(paste, rubbish)
            assert await anyio.to_thread.run_sync(paste, f"  {location}\n")
    assert isinstance(window.ended[0], StoredLogin)


async def test_requests_that_no_browser_sends_are_refused(window: Window, port: int) -> None:
    async with window.waiting():
        for request in (b"POST /callback HTTP/1.1\r\n", b"\x16\x03\x01 nonsense\r\n", b"GET " + b"x" * 70000 + b"\r\n"):
            assert await anyio.to_thread.run_sync(_status, port, request) != b"200"
        window.moved = LIFE_SECONDS


def _status(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.sendall(request + f"Host: localhost:{port}\r\n\r\n".encode())
        try:
            return connection.recv(4096).split(b" ")[1][:3]
        except (ConnectionError, IndexError):
            return b""
