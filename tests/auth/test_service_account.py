"""Unattended runs with a service account, against the sandbox's token endpoint."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import jwt
import pytest

from acc.ids import unverified_claims
from acc_sandbox import Fault, Refuse
from auth.errors import PrivateKeyUnusable, ServiceAccountRefused, SignInFailed
from auth.login.flow import scopes_for
from auth.oauth import OAuthApp, TokenEndpoint, TokenGrant
from auth.service_account import ServiceAccount, ServiceAccountTokens
from auth.token_refresh import Point, RefreshingTokenSource
from auth.vault import UserAccount, Vault
from persistence.database import Database, DatabaseAddress
from persistence.keys import EncryptionKey, EnvironmentKeys
from tests.auth.programs.renew import Orders
from tests.auth.test_token_refresh import given, where
from tests.auth.test_vault import lease_of

if TYPE_CHECKING:
    from tests.auth.conftest import Site

SCOPES = scopes_for(read_only=False)


@pytest.fixture
def endpoint(site: "Site") -> TokenEndpoint:
    client_id, secret = site.box.server_client
    return TokenEndpoint(site.http, site.endpoint.autodesk, OAuthApp(client_id, "", secret))


@pytest.fixture
def account(site: "Site", tmp_path: Path) -> ServiceAccount:
    known = site.box.service_account()
    (tmp_path / "key.pem").write_text(known.private_key, encoding="ascii")
    return ServiceAccount(known.id, known.key_id, tmp_path / "key.pem")


def tokens_of(
    account: ServiceAccount, endpoint: TokenEndpoint, vault: Vault, scopes: tuple[str, ...] = SCOPES, **more: Any
) -> ServiceAccountTokens:
    return ServiceAccountTokens(account, endpoint, scopes, lambda: vault, **more)


async def test_a_token_is_minted_once_and_used_until_it_nears_its_end(
    account: ServiceAccount, endpoint: TokenEndpoint, site: "Site", vault: Vault
) -> None:
    moved = 0.0
    tokens = tokens_of(account, endpoint, vault, now=lambda: time.time() + moved)
    given: set[str] = set()

    async def ask() -> None:
        given.add(await tokens.access_token())

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(ask)
    [first] = given
    assert site.posts() == 1
    assert (await endpoint.userinfo(first)).sub == account.id
    site.box.clock.move(3400)
    try:
        moved = 3400
        assert await tokens.access_token() != first
        assert site.posts() == 2
    finally:
        site.box.clock.move(-3400)


async def test_a_refused_token_is_minted_again_once(
    account: ServiceAccount, endpoint: TokenEndpoint, site: "Site", vault: Vault
) -> None:
    moved = 0.0
    tokens = tokens_of(account, endpoint, vault, now=lambda: time.time() + moved)
    first = await tokens.access_token()
    assert await tokens.renewed(first) is None
    moved = 100
    second = await tokens.renewed(first)
    assert second not in (None, first)
    assert await tokens.renewed(first) == second
    assert site.posts() == 2


async def test_eight_processes_of_a_new_service_account_exchange_one_assertion(
    account: ServiceAccount,
    endpoint: TokenEndpoint,
    site: "Site",
    vault: Vault,
    address: DatabaseAddress,
    key: EncryptionKey,
) -> None:
    """Autodesk takes ten a minute of an app (fact sheet 10)."""
    orders = Orders(
        database=where(address),
        keys=[key.text],
        account=UserAccount(site.base_url, endpoint.app.client_id, ""),
        secret=endpoint.app.secret,
        service_account=account,
        calls=3,
    )
    digests = {one for process in await given(*[orders] * 8) for one in process}
    assert (digests, site.posts()) == ({min(digests)}, 1)
    assert "ServiceAccountRefused" not in digests


@pytest.mark.parametrize("at", ["before_lease", "after_lease", "after_post"])
async def test_a_record_that_another_process_emptied_meanwhile_is_no_token(
    endpoint: TokenEndpoint, vault: Vault, database: Database, key: EncryptionKey, at: Point
) -> None:
    """A process without the older key makes a record of its own while another one mints a token."""
    newer = EncryptionKey.new()
    record = UserAccount(endpoint.autodesk.api, endpoint.app.client_id, "SERVICE")
    vault.create_placeholder(record, "name")

    def empty() -> None:
        Vault(database, EnvironmentKeys([newer])).create_placeholder(record, "name")

    def reached(point: Point) -> None:
        if point == at and not emptied:
            emptied.append(point)
            empty()

    async def mint() -> TokenGrant:
        return TokenGrant.model_validate({"access_token": "minted", "expires_in": 3600})

    emptied: list[Point] = []
    both = Vault(database, EnvironmentKeys([newer, key]))
    source = RefreshingTokenSource(both, record, endpoint, reached=reached, mint=mint)
    assert await source.access_token() == "minted"
    both.remove(lease_of(both, record))
    empty()
    assert await source.renewed("refused") == "minted"


async def test_a_server_that_only_reads_is_not_given_the_token_of_one_that_writes(
    account: ServiceAccount, endpoint: TokenEndpoint, vault: Vault
) -> None:
    scopes = [
        unverified_claims(await tokens_of(account, endpoint, vault, asked).access_token())["scope"]
        for asked in (SCOPES, ("data:read",))
    ]
    assert scopes == [list(SCOPES), ["data:read"]]


async def test_a_service_account_is_not_the_current_sign_in_and_its_token_is_sealed(
    account: ServiceAccount, endpoint: TokenEndpoint, site: "Site", vault: Vault, database: Database
) -> None:
    token = await tokens_of(account, endpoint, vault).access_token()
    assert vault.current(site.base_url, endpoint.app.client_id) is None
    with database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM sign_ins").all()
    assert len(rows) == 1
    assert token not in str(rows)


async def test_a_service_account_goes_on_where_the_key_of_the_vault_was_lost(
    account: ServiceAccount, endpoint: TokenEndpoint, vault: Vault, database: Database
) -> None:
    await tokens_of(account, endpoint, vault).access_token()
    assert await tokens_of(account, endpoint, Vault(database, EnvironmentKeys([EncryptionKey.new()]))).access_token()


@pytest.mark.parametrize("spelling", ["{}", '"{}"', "\n {} \n"])
async def test_a_key_is_read_as_autodesk_shows_it_in_json(
    account: ServiceAccount, endpoint: TokenEndpoint, vault: Vault, spelling: str
) -> None:
    pem = account.key_file.read_text(encoding="ascii")
    account.key_file.write_text(spelling.format(pem.replace("\n", "\\n")), encoding="ascii")
    assert await tokens_of(account, endpoint, vault).access_token()


@pytest.mark.parametrize(
    ("status", "cause"), [(400, "key id"), (401, "APS_CLIENT_SECRET"), (403, "Server-to-Server.*ten times a minute")]
)
async def test_a_refusal_names_what_to_look_at_and_ends_with_its_cause(
    account: ServiceAccount, endpoint: TokenEndpoint, site: "Site", vault: Vault, status: int, cause: str
) -> None:
    site.box.faults.add(Fault("auth.token", Refuse(status)))
    tokens = tokens_of(account, endpoint, vault)
    with pytest.raises(ServiceAccountRefused, match=cause):
        await tokens.access_token()
    lease = vault.lease(UserAccount(site.base_url, endpoint.app.client_id, " ".join((account.id, *SCOPES))))
    assert lease is not None
    assert lease.holder is None, "others would wait for a process that asks no more"
    assert await tokens.access_token()


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
    account: ServiceAccount, endpoint: TokenEndpoint, vault: Vault, minutes: int
) -> None:
    skewed = tokens_of(account, endpoint, vault, now=lambda: time.time() + 60 * minutes)
    await skewed.access_token()


async def test_an_account_that_is_not_known_is_said_to_be_refused(
    account: ServiceAccount, endpoint: TokenEndpoint, vault: Vault
) -> None:
    wrong = ServiceAccount("NOBODY", account.key_id, account.key_file)
    with pytest.raises(ServiceAccountRefused, match="clock"):
        await tokens_of(wrong, endpoint, vault).access_token()


@pytest.mark.parametrize("status", [200, 429, 503])
async def test_a_service_that_fails_is_not_taken_for_a_refusal(
    account: ServiceAccount, endpoint: TokenEndpoint, site: "Site", vault: Vault, status: int
) -> None:
    site.box.faults.add(Fault("auth.token", Refuse(status)))
    tokens = tokens_of(account, endpoint, vault)
    with pytest.raises(SignInFailed):
        await tokens.access_token()
    assert await tokens.access_token()


@pytest.mark.parametrize("content", ["", "canary-of-a-key-file", "-----BEGIN PRIVATE KEY-----\ncanary\n", None])
async def test_a_key_file_that_is_none_is_named_and_not_quoted(
    account: ServiceAccount, endpoint: TokenEndpoint, vault: Vault, content: str | None
) -> None:
    if content is None:
        account.key_file.unlink()
    else:
        account.key_file.write_text(content, encoding="ascii")
    with pytest.raises(PrivateKeyUnusable, match=r"key\.pem") as caught:
        await tokens_of(account, endpoint, vault).access_token()
    assert "canary" not in f"{caught.value}{caught.value.__cause__}"
