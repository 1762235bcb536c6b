"""A person signs out: the tokens end at Autodesk, then they are forgotten here."""

import anyio

from auth.errors import NotSignedIn
from auth.pace import RefreshTimings
from auth.refresh_lease import acquire_lease, keep_lease_alive
from auth.threads import in_thread
from auth.token_endpoint import TokenEndpoint
from auth.vault import Account, StoredLogin, Vault


async def sign_out(
    vault: Vault, account: Account, endpoint: TokenEndpoint, *, revoke: bool = True, pace: RefreshTimings | None = None
) -> StoredLogin:
    """Revoke and forget; with `revoke` false forget only, for when Autodesk cannot be reached. Return who it was.

    The record's lease is taken first: a renewal under way would otherwise leave a token that nobody knows to revoke.

    Raises:
        NotSignedIn: The person is not signed in.
        SignInFailed: Autodesk did not revoke the tokens; nothing was forgotten.
    """
    pace = pace or RefreshTimings()
    while True:
        found = await in_thread(lambda: vault.read(account))
        if found is None:
            raise NotSignedIn
        lease = await acquire_lease(vault, found, pace)
        if lease is not None:
            break
    async with keep_lease_alive(vault, lease, pace):
        with anyio.CancelScope(shield=True):
            try:
                if revoke:
                    await _revoke(found, endpoint)
            except BaseException:
                await in_thread(lambda: vault.release(lease))
                raise
            await in_thread(lambda: vault.remove(account))
    return found


async def _revoke(found: StoredLogin, endpoint: TokenEndpoint) -> None:
    if found.tokens.refresh_token is not None:
        await endpoint.revoke(found.tokens.refresh_token.get_secret_value(), refresh=True)
    await endpoint.revoke(found.tokens.access_token.get_secret_value(), refresh=False)
