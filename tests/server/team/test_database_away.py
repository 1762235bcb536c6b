"""A database that goes away and comes back in each step of the flow: nothing is half done, no token is thrown away."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

import acc_sandbox
from auth.issuer.metadata import CALLBACK_PATH
from server.cli.team.url_check import check_public_url
from tests.headless import onward_of
from tests.support.lost_database import away

from .site import REDIRECT, TeamSite, running_team
from .test_team_server import ACCEPT, HANDSHAKE, bearer

VERIFIER = "v" * 43


@pytest.fixture
def shared_team(box: acc_sandbox.Sandbox, postgres_url: str, tmp_path: Path) -> Iterator[TeamSite]:
    with running_team(box, tmp_path / "data", database_url=postgres_url) as team:
        yield team


def events(team: TeamSite) -> Counter[str]:
    lines = (team.folder / "audit.jsonl").read_text().splitlines()
    return Counter(json.loads(line)["event"] for line in lines)


async def test_each_step_of_the_flow_says_that_the_database_is_away_and_succeeds_when_repeated(
    shared_team: TeamSite, postgres_url: str
) -> None:
    team = shared_team

    async def step(ask: Callable[[], Awaitable[httpx.Response]], status: int = 200) -> httpx.Response:
        with away(postgres_url):
            refused = await ask()
        assert refused.status_code == 503, refused.request.url
        assert int(refused.headers["retry-after"]) > 0
        assert "database" in refused.text
        assert "postgres" not in refused.text
        repeated = await ask()
        assert repeated.status_code == status, (repeated.request.url, repeated.text)
        return repeated

    async with team.browser("manager") as browser, team.http() as http:

        async def signed_in(page: httpx.Response, status: int) -> httpx.Response:
            """Send a page's form, choose the person at Autodesk, and come back."""
            gone = await step(partial(browser.send, page, decision="allow"))
            back = onward_of(await browser.once(onward_of(gone) or ""))
            assert (back or "").startswith(f"{team.url}{CALLBACK_PATH}?code=")
            return await step(partial(browser.once, back or ""), status)

        async def call() -> httpx.Response:
            return await http.post("/mcp", json=HANDSHAKE, headers=ACCEPT | bearer(tokens))

        metadata = {"redirect_uris": [REDIRECT], "client_name": "client"}
        registered = await step(partial(http.post, "/register", json=metadata), 201)
        client = {"client_id": registered.json()["client_id"]}
        begun = await step(partial(browser.once, team.authorize_url(VERIFIER, client["client_id"])), 303)
        answer = await signed_in(await step(partial(browser.once, f"{team.url}{onward_of(begun)}")), 303)
        code = dict(parse_qsl(urlsplit(onward_of(answer) or "").query))["code"]
        exchange = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
        tokens = (await step(partial(http.post, "/token", data=client | exchange))).json()
        await step(call)
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        tokens = (await step(partial(http.post, "/token", data=client | refresh))).json()
        await step(call)
        connected = await signed_in(await step(partial(browser.once, f"{team.url}/connect")), 200)
        assert "Autodesk is connected" in connected.text
        account = await step(partial(browser.once, f"{team.url}/account"))
        await step(partial(browser.send, account, sign_out="yes"), 303)
        await step(partial(http.post, "/revoke", data=client | {"token": tokens["refresh_token"]}))
        await step(partial(http.get, "/readyz"))
        assert (await call()).status_code == 401
        with away(postgres_url):
            assert (await http.get("/healthz")).status_code == 200
    done = {"client_registered": 1, "signed_in": 2, "consented": 1, "tokens_issued": 2, "grant_revoked": 1}
    assert events(team) == done  # each once: what was refused had not happened


async def test_a_check_of_the_address_meanwhile_names_the_database_and_no_proxy(
    shared_team: TeamSite, postgres_url: str
) -> None:
    with away(postgres_url):
        findings = await check_public_url(shared_team.url)
    assert {finding.check: finding.level for finding in findings} == {"reachable": "ok", "database": "problem"}
