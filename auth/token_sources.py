"""Sources of access tokens: none, a static token, or an in-memory login that refreshes itself."""

import time
from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from auth.errors import AuthError, NotSignedIn, ReauthorizationRequired, SignInFailed
from auth.oauth import UNKNOWN, TokenGrant

EARLY_SECONDS: Final = 300.0
"""A token with less than this left is renewed before use: a request may wait in retries, and clocks differ."""

PAUSE_SECONDS: Final = 60.0
"""Between tries to renew a token that is still good."""

Refresh = Callable[[str], Awaitable[TokenGrant]]
"""Uses a refresh token, once."""


class NoTokenSource:
    """The token source of a server that was given nothing to sign in with."""

    async def access_token(self) -> str:
        """Raise.

        Raises:
            NotSignedIn: Always.
        """
        raise NotSignedIn

    async def renewed(self, rejected: str) -> str | None:  # noqa: ARG002  # `acc.connection.TokenSource` names it
        """Return None: there is nothing to renew."""
        return None


class StaticTokenSource:
    """A ready token (`APS_ACCESS_TOKEN`): used as it is; when Autodesk refuses it, it is over."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def access_token(self) -> str:
        """Return the token."""
        return self._token

    async def renewed(self, rejected: str) -> str | None:  # noqa: ARG002  # `acc.connection.TokenSource` names it
        """Return None: nothing renews it."""
        return None


class InMemoryTokenSource:
    """A sign-in kept in memory that renews itself, one refresh at a time: refresh tokens are good for one use."""

    def __init__(self, grant: TokenGrant, refresh: Refresh, clock: Callable[[], float] = time.monotonic) -> None:
        self._refresh = refresh
        self._clock = clock
        self._lock = anyio.Lock()
        self._next_try = clock()
        self._refresh_token: str | None
        self._keep(grant)

    async def access_token(self) -> str:
        """Return a token that is good now, and as a rule for some minutes more.

        Raises:
            ReauthorizationRequired: The refresh token was refused, or there is none.
            SignInFailed: The server did not renew the sign-in, but may do so later.
        """
        async with self._lock:
            now = self._clock()
            left = self._good_until - now
            if left <= 0 or (left < EARLY_SECONDS and now >= self._next_try):
                try:
                    await self._renew()
                except AuthError:
                    if left <= 0:
                        raise
                    # What there is will do for now.
                    self._next_try = now + PAUSE_SECONDS
            return self._access_token

    async def renewed(self, rejected: str) -> str | None:
        """Return another token than the `rejected` one.

        Raises:
            ReauthorizationRequired: The refresh token was refused, or there is none.
            SignInFailed: The server did not renew the sign-in, but may do so later.
        """
        async with self._lock:
            if self._access_token == rejected:
                await self._renew()
            return self._access_token

    async def _renew(self) -> None:
        if self._refresh_token is None:
            raise ReauthorizationRequired
        try:
            # A call that goes away must not take the answer with it: the old refresh token would be used up.
            with anyio.CancelScope(shield=True):
                self._keep(await self._refresh(self._refresh_token))
        except SignInFailed as failure:
            if not is_refresh_token_dead(failure):
                raise
            self._refresh_token = None
            raise ReauthorizationRequired from failure

    def _keep(self, grant: TokenGrant) -> None:
        self._access_token = grant.access_token.get_secret_value()
        self._refresh_token = grant.refresh_token.get_secret_value() if grant.refresh_token else None
        self._good_until = self._clock() + grant.expires_in


def is_refresh_token_dead(failure: SignInFailed) -> bool:
    """Whether the refresh token is refused or used up; any other failure says nothing about it.

    A refusal in the gateway's shape has no code, so a bare 400 counts as one too (fact sheet 10). A 200 that cannot be
    read has used the token, and its successor is lost.
    """
    return (
        failure.status == 200 or failure.error == "invalid_grant" or (failure.status, failure.error) == (400, UNKNOWN)
    )
