"""Signing out, and whose token a server sends."""

from typing import TYPE_CHECKING

import anyio
import pytest

from acc_sandbox import Fault, Refuse, Reset, Stall
from auth.accounts import AccountTokenSources, CurrentUserTokenSource
from auth.errors import NotSignedIn, ReauthorizationRequired, SignInFailed
from auth.login.flow import sign_out
from auth.oauth import AuthServer, OAuthApp, TokenEndpoint
from auth.refresh_lease import RefreshTimings
from auth.token_refresh import RefreshingTokenSource
from auth.vault import Vault

if TYPE_CHECKING:
    from tests.auth.conftest import Site

ALIVE = RefreshTimings(jitter=0, lease=300, poll=0.01, post=120)
"""However busy the machine is, who holds the lease is not taken for dead."""


async def test_signing_out_ends_the_tokens_at_autodesk_and_forgets_them_here(vault: Vault, site: "Site") -> None:
    kept = await site.signed_in(vault)
    assert await sign_out(vault, site.account(), site.endpoint) == kept
    assert vault.read(site.account()) is None
    assert vault.current(site.base_url, site.app.client_id) is None
    assert kept.tokens.refresh_token is not None
    with pytest.raises(SignInFailed):
        await site.endpoint.refresh(kept.tokens.refresh_token.get_secret_value())
    with pytest.raises(SignInFailed):
        await site.endpoint.userinfo(kept.tokens.access_token.get_secret_value())


@pytest.mark.parametrize("effect", [Refuse(503), Reset()], ids=["failing", "cut off"])
async def test_while_autodesk_cannot_be_reached_nothing_is_forgotten_unless_asked_for(
    vault: Vault, site: "Site", effect: Refuse | Reset
) -> None:
    kept = await site.signed_in(vault)
    site.box.faults.add(Fault("auth.revoke", effect))
    with pytest.raises(SignInFailed):
        await sign_out(vault, site.account(), site.endpoint)
    assert vault.read(site.account()) == kept
    await sign_out(vault, site.account(), site.endpoint, revoke=False)
    assert vault.read(site.account()) is None


async def test_signing_out_waits_for_a_renewal_and_revokes_what_it_brought(vault: Vault, site: "Site") -> None:
    await site.signed_in(vault, left=0)
    stall = Fault("auth.token", Stall())
    site.box.faults.add(stall)
    source = RefreshingTokenSource(vault, site.account(), site.endpoint, timings=ALIVE)
    tokens: list[str] = []

    async def renew() -> None:
        tokens.append(await source.access_token())

    async def leave() -> None:
        await sign_out(vault, site.account(), site.endpoint, timings=ALIVE)

    async with anyio.create_task_group() as group:
        group.start_soon(renew)
        await anyio.to_thread.run_sync(stall.reached.wait)
        group.start_soon(leave)
        site.box.faults.release()
    assert vault.read(site.account()) is None
    with pytest.raises(SignInFailed):
        await site.endpoint.userinfo(tokens[0])


async def test_a_login_while_the_same_person_signs_out_is_revoked_too_and_not_left_behind(
    vault: Vault, site: "Site"
) -> None:
    await site.signed_in(vault)
    stall = Fault("auth.revoke", Stall())
    site.box.faults.add(stall)

    async def leave() -> None:
        await sign_out(vault, site.account(), site.endpoint)

    async with anyio.create_task_group() as group:
        group.start_soon(leave)
        await anyio.to_thread.run_sync(stall.reached.wait)
        repeated = await site.signed_in(vault)
        site.box.faults.release()
    assert vault.read(site.account()) is None
    assert await site.honoured(repeated.tokens) == (False, False)


async def test_logout_without_a_login_raises_not_signed_in(vault: Vault, site: "Site") -> None:
    with pytest.raises(NotSignedIn):
        await sign_out(vault, site.account(), site.endpoint)


def token_of(vault: Vault, site: "Site", key: str) -> str:
    found = vault.read(site.account(key))
    assert found is not None
    return found.tokens.access_token.get_secret_value()


async def test_a_server_sends_the_token_of_the_last_login_and_stays_with_it(vault: Vault, site: "Site") -> None:
    await site.signed_in(vault, "steel")
    await site.signed_in(vault, "manager")
    source = CurrentUserTokenSource(AccountTokenSources(lambda: vault, site.endpoint))
    assert await source.access_token() == token_of(vault, site, "manager")
    await site.signed_in(vault, "steel")
    assert await source.access_token() == token_of(vault, site, "manager")
    await sign_out(vault, site.account("manager"), site.endpoint, revoke=False)
    assert await source.access_token() == token_of(vault, site, "steel")


async def test_a_server_started_for_one_person_sends_no_other_persons_token(vault: Vault, site: "Site") -> None:
    await site.signed_in(vault, "steel")
    await site.signed_in(vault, "manager")
    steel = CurrentUserTokenSource(
        AccountTokenSources(lambda: vault, site.endpoint), site.box.person("steel").email.upper()
    )
    assert await steel.access_token() == token_of(vault, site, "steel")
    await sign_out(vault, site.account("steel"), site.endpoint, revoke=False)
    with pytest.raises(NotSignedIn):
        await steel.access_token()


async def test_an_account_that_must_sign_in_again_is_left_for_one_that_did(vault: Vault, site: "Site") -> None:
    kept = await site.signed_in(vault, "manager", left=0)
    source = CurrentUserTokenSource(AccountTokenSources(lambda: vault, site.endpoint))
    assert kept.tokens.refresh_token is not None
    await site.endpoint.refresh(kept.tokens.refresh_token.get_secret_value())
    with pytest.raises(ReauthorizationRequired):
        await source.access_token()
    await site.signed_in(vault, "manager")
    assert await source.access_token() == token_of(vault, site, "manager")


async def test_a_token_goes_only_to_the_app_and_the_autodesk_that_issued_it(vault: Vault, site: "Site") -> None:
    await site.signed_in(vault)
    http, here = site.http, site.endpoint.autodesk
    for other in (
        TokenEndpoint(http, AuthServer("https://developer.api.autodesk.com", here.profile), site.app),
        TokenEndpoint(http, here, OAuthApp("another-client", site.app.callback_url)),
    ):
        with pytest.raises(NotSignedIn):
            await CurrentUserTokenSource(AccountTokenSources(lambda: vault, other)).access_token()
