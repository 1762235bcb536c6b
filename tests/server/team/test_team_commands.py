"""`submittal-mcp team`: an administrator's commands, beside a running server."""

import gzip
import json
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typer.testing import CliRunner

import acc_sandbox
from acc_sandbox import Fault, Refuse
from server.cli.main import app
from server.cli.team.url_check import check_public_url
from server.mcp.http_connections import DrainingServer
from server.team.options import TeamOptions
from tests.conftest import KEYS, NO_TRUST

from .site import REDIRECT, TeamSite, running_team

Spoil = Callable[[Request, httpx.Response], Response | None]


@pytest.fixture
def command(team: TeamSite, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Run a command on the database of a running server."""
    client_id, secret = team.box.confidential_client
    environment = {
        "APS_CLIENT_ID": client_id,
        "APS_CLIENT_SECRET": secret,
        "APS_BASE_URL": team.box.base_url,
        "SUBMITTAL_MCP_DATA_DIR": str(team.folder),
        "SUBMITTAL_MCP_ENCRYPTION_KEYS": KEYS,
    }

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["team", *arguments], env=environment)
        return result.exit_code, result.output

    return run


async def test_grants_and_clients_are_listed_without_secrets(team: TeamSite, command: Any) -> None:
    tokens = await team.tokens("manager", client="My Chat")
    code, text = await anyio.to_thread.run_sync(command, "grants")
    assert code == 0
    assert "My Chat at 127.0.0.1" in text
    assert f"client {team.client_id('My Chat')}," in text  # what `revoke --client` takes
    assert max(map(len, text.splitlines())) <= 80
    assert team.box.person("manager").email in text
    _, found = await anyio.to_thread.run_sync(command, "grants", "--json")
    [row] = json.loads(found.splitlines()[-1])
    assert row["scopes"] == "submittals:read submittals:attach submittals:move"
    assert row["created_at"].endswith("Z")
    _, clients = await anyio.to_thread.run_sync(command, "clients", "--json")
    [client] = json.loads(clients.splitlines()[-1])
    assert (client["name"], client["redirect_uris"]) == ("My Chat", [REDIRECT])
    assert tokens["access_token"] not in text + found + clients
    assert "digest" not in clients


async def test_a_person_who_left_is_out_everywhere_at_once(team: TeamSite, command: Any) -> None:
    mine, theirs = await team.tokens("manager"), await team.tokens("engineer")
    email = team.box.person("manager").email
    code, text = await anyio.to_thread.run_sync(command, "revoke", "--person", email.upper())
    assert (code, text.splitlines()[-2:]) == (
        0,
        ["1 grant has ended.", "Their sign-in has ended at Autodesk and here."],
    )
    verify = team.server.issuer.stores.tokens.verify
    assert verify(mine["access_token"], team.mcp) is None
    assert verify(theirs["access_token"], team.mcp) is not None
    account = team.server.consent_flow.account(team.box.person("manager").autodesk_id)
    assert team.opened.vault.read(account) is None
    assert team.box.requests.count("auth.revoke") == 2
    lines = [json.loads(line) for line in (team.folder / "audit.jsonl").read_text().splitlines()]
    [ended] = [line for line in lines if line["event"] == "grant_revoked"]
    person = team.box.person("manager").autodesk_id
    assert (ended["reason"], ended["person"], ended["client"]) == ("administrator", person, team.client_id())


async def test_a_sign_in_that_autodesk_does_not_revoke_is_kept_until_it_is_forgotten_here_alone(
    team: TeamSite, command: Any
) -> None:
    await team.tokens("manager")
    person = team.box.person("manager")
    account = team.server.consent_flow.account(person.autodesk_id)
    team.box.faults.add(Fault("auth.revoke", Refuse(503, {}), times=None))
    code, text = await anyio.to_thread.run_sync(command, "revoke", "--person", person.email)
    assert (code, "HTTP 503" in text, "with --local" in text) == (1, True, True)
    assert team.opened.vault.read(account) is not None
    code, text = await anyio.to_thread.run_sync(command, "revoke", "--person", person.email, "--local")
    assert (code, "Their sign-in has ended here" in text) == (0, True)
    assert team.opened.vault.read(account) is None


async def test_a_client_or_everything_can_be_ended(team: TeamSite, command: Any) -> None:
    one, other = await team.tokens("manager", client="one"), await team.tokens("manager", client="other")
    await anyio.to_thread.run_sync(command, "revoke", "--client", team.client_id("one"))
    verify = team.server.issuer.stores.tokens.verify
    assert verify(one["access_token"], team.mcp) is None
    assert verify(other["access_token"], team.mcp) is not None
    _, clients = await anyio.to_thread.run_sync(command, "clients")
    assert team.client_id("one") not in clients
    async with team.browser() as browser:
        await browser.consent(team.authorize_url())
        assert "signed in as" in (await browser.visit(f"{team.url}/account")).text
        await anyio.to_thread.run_sync(command, "revoke", "--all")
        assert "signed in as" not in (await browser.visit(f"{team.url}/account")).text
    assert verify(other["access_token"], team.mcp) is None


async def test_an_unknown_user_or_client_is_reported_as_unknown(team: TeamSite, command: Any) -> None:
    code, text = await anyio.to_thread.run_sync(command, "revoke", "--person", "nobody@example.com")
    assert code != 0
    assert "this server knows no user" in text
    code, text = await anyio.to_thread.run_sync(command, "revoke", "--client", "nobody")
    assert (code, "no grant is of a client 'nobody'" in text) == (1, True)
    code, text = await anyio.to_thread.run_sync(command, "revoke")
    assert code == 2


async def test_an_empty_name_of_a_user_ends_nothing(team: TeamSite, command: Any) -> None:
    """As of a variable that is not set."""
    tokens = await team.tokens("manager")
    for empty in ("", " "):
        for arguments in (["revoke", "--person", empty], ["grants", "--person", empty]):
            code, text = await anyio.to_thread.run_sync(command, *arguments)
            assert (code, "this server knows no user" in text) == (1, True)
    assert team.server.issuer.stores.tokens.verify(tokens["access_token"], team.mcp) is not None


async def test_a_right_address_has_no_findings(team: TeamSite) -> None:
    for url in (team.url, f"{team.url}/", f"{team.url}/mcp"):
        findings = await check_public_url(url)
        assert {finding.level for finding in findings} == {"ok"}, findings


class Proxy:
    """A proxy at `url` in front of a server, which spoils some answers."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.behind = ""
        self.spoil: Spoil = lambda _request, _answer: None
        self.drops_authorization = False

    async def answer(self, request: Request) -> Response:
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        if self.drops_authorization:
            headers.pop("authorization", None)
        async with httpx.AsyncClient(base_url=self.behind, verify=NO_TRUST) as http:
            body = await request.body()
            answer = await http.request(request.method, request.url.path, content=body, headers=headers)
        spoilt = self.spoil(request, answer)
        if spoilt is not None:
            return spoilt
        kept = {name: value for name, value in answer.headers.items() if name not in ("content-length", "date")}
        return Response(answer.content, answer.status_code, kept)

    @contextmanager
    def running(self) -> Iterator[None]:
        routes = [Route("/{path:path}", self.answer, methods=["GET", "POST", "OPTIONS"])]
        config = uvicorn.Config(Starlette(routes=routes), log_config=None, ws="none", lifespan="off")
        program = DrainingServer(config)
        thread = threading.Thread(target=program.run, kwargs={"sockets": [self._listener]})
        thread.start()
        try:
            yield
        finally:
            program.should_exit = True
            thread.join()
            self._listener.close()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A team server whose public address is a proxy's."""
    proxy = Proxy()
    folder = tmp_path_factory.mktemp("proxied") / "data"
    options = TeamOptions(authorize_per_minute=1000)
    with acc_sandbox.running() as box, running_team(box, folder, url=proxy.url, options=options) as team:
        proxy.behind = team.url
        with proxy.running():
            yield proxy


SPOILS: list[tuple[str, str, Spoil]] = [
    (
        "/mcp for calls",
        "bot rules",
        lambda request, _: Response("blocked", 403) if "Claude-User" in request.headers["user-agent"] else None,
    ),
    (
        "/mcp for calls",
        "Pass /mcp itself on",
        lambda request, _: Response(status_code=404) if request.url.path == "/mcp" else None,
    ),
    (
        "/mcp for sign-in",
        "drop their token on redirects",
        lambda request, _: (
            Response(status_code=301, headers={"Location": "/mcp/"}) if request.url.path == "/mcp" else None
        ),
    ),
    (
        "resource metadata",
        "Pass /.well-known/ on",
        lambda request, _: Response("[" * 100_000, 200) if "protected-resource" in request.url.path else None,
    ),
    (
        "authorization server metadata",
        "Pass /.well-known/ on",
        lambda request, _: Response(status_code=404) if "openid-configuration" in request.url.path else None,
    ),
    (
        "token endpoint",
        "Pass POST on to /token",
        lambda request, _: Response("<html>", 401) if request.url.path == "/token" else None,
    ),
    (
        "cross-origin calls",
        "Pass OPTIONS on",
        lambda request, _: Response(status_code=405) if request.method == "OPTIONS" else None,
    ),
    (
        "slash at the end",
        "Do not rewrite paths",
        lambda request, _: (
            Response(status_code=307, headers={"Location": "http://x.example/mcp"})
            if request.url.path == "/mcp/"
            else None
        ),
    ),
    (
        "pages",
        "Content-Security-Policy",
        lambda request, answer: Response(answer.content, 200) if request.url.path == "/account" else None,
    ),
    (
        "reachable",
        "Pass every path on",
        lambda request, _: Response(status_code=404) if request.url.path == "/healthz" else None,
    ),
]


async def test_a_proxy_that_spoils_nothing_has_no_findings(proxy: Proxy) -> None:
    assert {finding.level for finding in await check_public_url(proxy.url)} == {"ok"}


@pytest.mark.parametrize(("check", "fix", "spoil"), SPOILS)
async def test_a_proxy_that_spoils_an_answer_is_found_out_with_a_fix(
    proxy: Proxy, check: str, fix: str, spoil: Spoil
) -> None:
    proxy.spoil = spoil
    try:
        findings = {finding.check: finding for finding in await check_public_url(proxy.url)}
    finally:
        proxy.spoil = lambda _request, _answer: None
    assert findings[check].level in ("problem", "warning")
    assert fix in (findings[check].fix or "")


async def test_a_proxy_that_drops_the_authorization_header_is_found_out(proxy: Proxy) -> None:
    proxy.drops_authorization = True
    try:
        findings = {finding.check: finding.level for finding in await check_public_url(proxy.url)}
    finally:
        proxy.drops_authorization = False
    assert findings["Authorization header"] == "problem"


async def test_an_answer_is_bounded_before_it_is_decoded(proxy: Proxy) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    proxy.spoil = lambda _request, _answer: Response(bomb, headers={"Content-Encoding": "gzip"})
    tracemalloc.start()
    try:
        [finding] = await check_public_url(proxy.url)
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024 * 1024
    finally:
        tracemalloc.stop()
        proxy.spoil = lambda _request, _answer: None
    assert (finding.check, finding.level) == ("reachable", "problem")


async def test_a_server_under_another_public_url_is_found_out(team: TeamSite) -> None:
    other = team.url.replace("127.0.0.1", "localhost")
    findings = {finding.check: finding.level for finding in await check_public_url(other)}
    assert findings == {"reachable": "ok", "Host": "problem"}  # what follows from it would lead astray


@pytest.mark.parametrize("url", ["ftp://x.example", "https://x.example/path", "http://x.example", ""])
async def test_a_malformed_public_url_is_a_problem(url: str) -> None:
    assert [finding.level for finding in await check_public_url(url)] == ["problem"]


async def test_a_server_that_is_not_there_is_said_to_be_unreachable(free_port: int) -> None:
    [finding] = await check_public_url(f"http://127.0.0.1:{free_port}")
    assert (finding.check, finding.level) == ("reachable", "problem")
    assert "Autodesk" not in finding.seen
