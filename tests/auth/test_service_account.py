"""Unattended runs with a service account, against the sandbox's token endpoint."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import jwt
import pytest

from auth.errors import PrivateKeyUnusable, ServiceAccountRefused, SignInFailed
from auth.pkce import App
from auth.service_account import ServiceAccount, ServiceAccountTokens
from auth.signing_in import scopes_for
from auth.token_endpoint import TokenEndpoint
from sandbox import Fault, Refuse

if TYPE_CHECKING:
    from tests.auth.conftest import Site

SCOPES = scopes_for(read_only=False)


@pytest.fixture
def endpoint(site: "Site") -> TokenEndpoint:
    client_id, secret = site.box.confidential_client
    return TokenEndpoint(site.endpoint._http, site.endpoint.autodesk, App(client_id, "", secret))


@pytest.fixture
def account(site: "Site", tmp_path: Path) -> ServiceAccount:
    known = site.box.service_account()
    (tmp_path / "key.pem").write_text(known.private_key, encoding="ascii")
    return ServiceAccount(known.id, known.key_id, tmp_path / "key.pem")


async def test_a_token_is_minted_once_and_used_until_it_nears_its_end(
    account: ServiceAccount, endpoint: TokenEndpoint, site: "Site"
) -> None:
    moved = 0.0
    tokens = ServiceAccountTokens(account, endpoint, SCOPES, now=lambda: time.time() + moved)
    given: set[str] = set()

    async def ask() -> None:
        given.add(await tokens.access_token())

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(ask)
    [first] = given
    assert site.posts() == 1
    assert (await endpoint.person(first)).sub == account.id
    site.box.clock.move(3400)
    try:
        moved = 3400
        assert await tokens.access_token() != first
        assert site.posts() == 2
    finally:
        site.box.clock.move(-3400)


async def test_a_refused_token_is_minted_anew_once(
    account: ServiceAccount, endpoint: TokenEndpoint, site: "Site"
) -> None:
    moved = 0.0
    tokens = ServiceAccountTokens(account, endpoint, SCOPES, now=lambda: time.time() + moved)
    first = await tokens.access_token()
    assert await tokens.renewed(first) is None
    moved = 100
    second = await tokens.renewed(first)
    assert second not in (None, first)
    assert await tokens.renewed(first) == second
    assert site.posts() == 2


def test_an_assertion_has_the_documented_claims_and_a_short_life(account: ServiceAccount) -> None:
    assertion = account.assertion("client", SCOPES, 1_000_000.0)
    assert jwt.get_unverified_header(assertion) == {"alg": "RS256", "typ": "JWT", "kid": account.key_id}
    assert jwt.decode(assertion, options={"verify_signature": False}) == {
        "iss": "client",
        "sub": account.id,
        "aud": "https://developer.api.autodesk.com/authentication/v2/token",
        "exp": 1_000_150,
        "scope": list(SCOPES),
    }


@pytest.mark.parametrize("minutes", [-2, 2])
async def test_a_clock_that_is_minutes_wrong_does_no_harm(
    account: ServiceAccount, endpoint: TokenEndpoint, minutes: int
) -> None:
    skewed = ServiceAccountTokens(account, endpoint, SCOPES, now=lambda: time.time() + 60 * minutes)
    await skewed.access_token()


async def test_an_account_that_is_not_known_is_said_to_be_refused(
    account: ServiceAccount, endpoint: TokenEndpoint
) -> None:
    wrong = ServiceAccount("NOBODY", account.key_id, account.key_file)
    with pytest.raises(ServiceAccountRefused, match="clock"):
        await ServiceAccountTokens(wrong, endpoint, SCOPES).access_token()


async def test_a_service_that_fails_is_not_taken_for_a_refusal(
    account: ServiceAccount, endpoint: TokenEndpoint, site: "Site"
) -> None:
    site.box.faults.add(Fault("auth.token", Refuse(503)))
    tokens = ServiceAccountTokens(account, endpoint, SCOPES)
    with pytest.raises(SignInFailed):
        await tokens.access_token()
    assert await tokens.access_token()


@pytest.mark.parametrize("content", ["", "canary-of-a-key-file", "-----BEGIN PRIVATE KEY-----\ncanary\n", None])
async def test_a_key_file_that_is_none_is_named_and_not_quoted(
    account: ServiceAccount, endpoint: TokenEndpoint, content: str | None
) -> None:
    if content is None:
        account.key_file.unlink()
    else:
        account.key_file.write_text(content, encoding="ascii")
    with pytest.raises(PrivateKeyUnusable, match=r"key\.pem") as caught:
        await ServiceAccountTokens(account, endpoint, SCOPES).access_token()
    assert "canary" not in f"{caught.value}{caught.value.__cause__}"
