"""The whole code flow without a browser, at the sandbox; and what an answer must be to be believed."""

from collections.abc import Callable
from urllib.parse import urlencode

import anyio
import httpx
import pytest

import acc_sandbox
from auth.errors import SignInFailed
from auth.oauth import AuthServer, OAuthApp, PkceAttempt, TokenEndpoint
from server.cli.embedded_sandbox import SandboxTokenSource, read_redirect, sign_in
from tests.conftest import NO_TRUST

APP = OAuthApp("CID", "http://localhost:8765/callback")
ATTEMPT = PkceAttempt(verifier="v" * 43, state="s" * 43)


class Browser:
    """Plain requests over real sockets, as many as are made."""

    def __init__(self) -> None:
        self.posts = 0

    async def get(self, url: str) -> tuple[int, dict[str, str], bytes]:
        async with httpx.AsyncClient(verify=NO_TRUST, trust_env=False) as client:
            return self._answer(await client.get(url))

    async def post(self, url: str, headers: dict[str, str], body: str) -> tuple[int, dict[str, str], bytes]:
        self.posts += 1
        async with httpx.AsyncClient(verify=NO_TRUST, trust_env=False) as client:
            return self._answer(await client.post(url, headers=headers, content=body))

    def _answer(self, response: httpx.Response) -> tuple[int, dict[str, str], bytes]:
        return response.status_code, dict(response.headers), response.content


@pytest.fixture
def browser() -> Browser:
    return Browser()


Apps = Callable[[acc_sandbox.Sandbox], OAuthApp]
APPS: dict[str, Apps] = {
    "public": lambda box: OAuthApp(box.client_id, box.callback_url),
    "confidential": lambda box: OAuthApp(box.confidential_client[0], box.callback_url, box.confidential_client[1]),
}


@pytest.mark.parametrize("app", APPS.values(), ids=APPS)
async def test_the_approved_user_of_the_sandbox_stays_signed_in(
    box: acc_sandbox.Sandbox, browser: Browser, app: Apps
) -> None:
    box.auto_approve = True
    endpoint = TokenEndpoint(browser, AuthServer(box.base_url, box.base_url), app(box))
    first = await sign_in(browser, endpoint)
    assert first.refresh_token is not None
    second = await endpoint.refresh(first.refresh_token.get_secret_value())
    assert second.refresh_token is not None
    assert second.refresh_token != first.refresh_token
    for granted in (first, second):
        headers = {"Authorization": f"Bearer {granted.access_token.get_secret_value()}"}
        async with httpx.AsyncClient(verify=NO_TRUST, trust_env=False) as client:
            who = (await client.get(f"{box.base_url}/userinfo", headers=headers)).json()
        assert who["sub"] == box.people[0].autodesk_id
    with pytest.raises(SignInFailed) as failed:
        await endpoint.refresh(first.refresh_token.get_secret_value())
    assert (failed.value.error, failed.value.status) == ("invalid_grant", 400)


async def test_a_server_that_asks_a_person_first_is_not_talked_round(
    box: acc_sandbox.Sandbox, browser: Browser
) -> None:
    endpoint = TokenEndpoint(browser, AuthServer(box.base_url, box.base_url), OAuthApp(box.client_id, box.callback_url))
    with pytest.raises(SignInFailed) as failed:
        await sign_in(browser, endpoint)
    assert failed.value.error == "approval_needed"
    assert browser.posts == 0


async def test_a_server_signs_in_once_however_many_requests_need_a_token(
    box: acc_sandbox.Sandbox, browser: Browser
) -> None:
    box.auto_approve = True
    source = SandboxTokenSource(browser, box.base_url, OAuthApp(box.client_id, box.callback_url))
    tokens: list[str | None] = []

    async def ask() -> None:
        tokens.append(await source.access_token())

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(ask)
    assert len(set(tokens)) == 1
    assert browser.posts == 1
    assert await source.renewed(str(tokens[0])) not in tokens
    assert browser.posts == 2


async def test_a_sign_in_that_failed_is_tried_again_by_the_next_request(
    box: acc_sandbox.Sandbox, browser: Browser
) -> None:
    source = SandboxTokenSource(browser, box.base_url, OAuthApp(box.client_id, box.callback_url))
    with pytest.raises(SignInFailed):
        await source.access_token()
    box.auto_approve = True
    assert await source.access_token()


def location(**query: str) -> str:
    return f"{APP.callback_url}?{urlencode(query)}"


def test_the_code_of_ones_own_attempt_is_taken() -> None:
    assert read_redirect(302, location(code="CODE", state=ATTEMPT.state), APP, ATTEMPT) == "CODE"


@pytest.mark.parametrize(
    "state", [{}, {"state": ""}, {"state": "t" * 43}, {"state": "é"}, {"state": ATTEMPT.state + "x"}]
)
def test_an_answer_to_another_attempt_is_refused(state: dict[str, str]) -> None:
    with pytest.raises(SignInFailed) as failed:
        read_redirect(302, location(code="canary", **state), APP, ATTEMPT)
    assert failed.value.error == "state_mismatch"
    assert "canary" not in f"{failed.value!r} {failed.value}"


@pytest.mark.parametrize(
    ("status", "target"),
    [
        (200, location(code="CODE", state=ATTEMPT.state)),
        (302, ""),
        (302, f"https://evil.example/callback?code=CODE&state={ATTEMPT.state}"),
        (302, f"{APP.callback_url}/?code=CODE&state={ATTEMPT.state}"),
        (500, ""),
    ],
)
def test_an_answer_that_leads_elsewhere_needs_a_person(status: int, target: str) -> None:
    with pytest.raises(SignInFailed) as failed:
        read_redirect(status, target, APP, ATTEMPT)
    assert failed.value.error == "approval_needed"


@pytest.mark.parametrize(
    ("answer", "error"),
    [({"error": "access_denied"}, "access_denied"), ({"error": "Do this!"}, "unknown_error"), ({}, "unknown_error")],
)
def test_a_refusal_is_told_by_its_code(answer: dict[str, str], error: str) -> None:
    with pytest.raises(SignInFailed) as failed:
        read_redirect(303, location(state=ATTEMPT.state, **answer), APP, ATTEMPT)
    assert failed.value.error == error
