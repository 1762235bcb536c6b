"""Token sources per account: the current user's, or that of the person a server was started for.

A server stays with a person once it has used their token: a transfer that began as one person must not go on as another
because another one signed in meanwhile. It moves on only when that person has signed out or has to sign in again.
"""

from collections.abc import Callable

import anyio
from anyio import to_thread

from auth.errors import NotSignedIn, ReauthorizationRequired, UserNotSignedIn
from auth.oauth import TokenEndpoint
from auth.token_refresh import RefreshingTokenSource
from auth.vault import UserAccount, Vault


class AccountTokenSources:
    """The people signed in to one app at one Autodesk. `opened` gives the vault; it is opened when first needed."""

    def __init__(self, opened: Callable[[], Vault], endpoint: TokenEndpoint) -> None:
        self._opened = opened
        self._endpoint = endpoint
        self._vault: Vault | None = None
        self._opening = anyio.Lock()
        self._tokens: dict[UserAccount, RefreshingTokenSource] = {}

    async def vault(self) -> Vault:
        """Return the vault.

        Raises:
            StorageProblem: It cannot be opened.
        """
        async with self._opening:
            if self._vault is None:
                self._vault = await to_thread.run_sync(self._opened)
            return self._vault

    async def source_for(self, account: UserAccount) -> RefreshingTokenSource:
        """Return the token source of one account, for work that belongs to it and not to the current user."""
        vault = await self.vault()
        if account not in self._tokens:
            self._tokens[account] = RefreshingTokenSource(vault, account, self._endpoint)
        return self._tokens[account]

    async def account(self, email: str | None) -> UserAccount:
        """Return the person with an e-mail address, or without one the current person.

        Raises:
            NotSignedIn: See `signed_in_account`.
        """
        vault = await self.vault()
        return await to_thread.run_sync(signed_in_account, vault, self._endpoint, email)


def signed_in_account(vault: Vault, endpoint: TokenEndpoint, email: str | None) -> UserAccount:
    """Return the account with an e-mail address, or without one the current account. Blocks.

    Raises:
        UserNotSignedIn: None has that address.
        NotSignedIn: There is no current one.
    """
    place = (endpoint.autodesk.api, endpoint.app.client_id)
    found = vault.find_by_email(*place, email) if email is not None else vault.current(*place)
    if found is None and email is not None:
        people = vault.accounts(*place)
        raise UserNotSignedIn(email, tuple(address or account.subject for account, address in people.items()))
    if found is None:
        raise NotSignedIn
    return found


class CurrentUserTokenSource:
    """Token source of the current user, an `acc.connection.TokenSource`."""

    def __init__(self, sessions: AccountTokenSources, email: str | None = None) -> None:
        self._sessions = sessions
        self._email = email
        self._person: RefreshingTokenSource | None = None

    async def access_token(self) -> str:
        """Return a token; see `RefreshingTokenSource.access_token` for what it raises."""
        if self._person is not None:
            try:
                return await self._person.access_token()
            except (NotSignedIn, ReauthorizationRequired):
                self._person = None
        person = await self._sessions.source_for(await self._sessions.account(self._email))
        token = await person.access_token()
        self._person = person
        return token

    async def renewed(self, rejected: str) -> str | None:
        """Return another token than the `rejected` one; see `RefreshingTokenSource.renewed`."""
        return await self._person.renewed(rejected) if self._person is not None else None
