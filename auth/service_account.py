"""Secure Service Accounts: unattended runs that sign in with a private key (fact sheet 10).

A signed assertion, good for minutes, is exchanged for an access token. There is no refresh token and nothing to keep:
when a token nears its end, the next one is asked for.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio

from auth.errors import PrivateKeyUnusable, ServiceAccountRefused, SignInFailed
from auth.threads import in_thread
from auth.token_endpoint import TokenEndpoint
from auth.token_requests import Grant

AUDIENCE: Final = "https://developer.api.autodesk.com/authentication/v2/token"

ASSERTION_SECONDS: Final = 150
"""Autodesk takes no assertion that ends more than five minutes ahead: half of that allows for a clock that is as much
fast or slow."""

_EARLY_SECONDS: Final = 300.0
_REST_SECONDS: Final = 60.0


@dataclass(frozen=True)
class ServiceAccount:
    """The account's id, the id of its key as Autodesk knows it, and the file with the private key in PEM."""

    id: str
    key_id: str
    key_file: Path

    def assertion(self, client_id: str, scopes: tuple[str, ...], now: float) -> str:
        """Return a signed assertion. Blocks.

        Raises:
            PrivateKeyUnusable: There is no private key in the file.
        """
        import jwt

        claims = {
            "iss": client_id,
            "sub": self.id,
            "aud": AUDIENCE,
            "exp": int(now) + ASSERTION_SECONDS,
            "scope": list(scopes),
        }
        try:
            key = self.key_file.read_text(encoding="ascii")
            return jwt.encode(claims, key, algorithm="RS256", headers={"kid": self.key_id})
        except OSError as error:
            raise PrivateKeyUnusable(self.key_file, error.strerror or type(error).__name__) from error
        except (ValueError, TypeError, jwt.PyJWTError):
            # `from None`: what the library says may quote the file.
            raise PrivateKeyUnusable(self.key_file, "it holds no RSA private key in PEM") from None


class ServiceAccountTokens:
    """A token source for a service account, as `acc.connection.TokenSource` asks for it."""

    def __init__(
        self,
        account: ServiceAccount,
        endpoint: TokenEndpoint,
        scopes: tuple[str, ...],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._account = account
        self._endpoint = endpoint
        self._scopes = scopes
        self._now = now
        self._lock = anyio.Lock()
        self._token: str | None = None
        self._issued_at = self._expires_at = 0.0

    async def access_token(self) -> str:
        """Return a token that is good for some minutes more.

        Raises:
            ServiceAccountRefused: Autodesk does not take the assertion.
            PrivateKeyUnusable: It could not be made.
            SignInFailed: Autodesk could not be asked.
        """
        async with self._lock:
            if self._token is None or self._expires_at - self._now() < _EARLY_SECONDS:
                return await self._minted()
            return self._token

    async def renewed(self, rejected: str) -> str | None:
        """Return another token than the `rejected` one; None if that was issued just now. Raises as the other does."""
        async with self._lock:
            if self._token == rejected and self._now() - self._issued_at < _REST_SECONDS:
                return None
            return await self._minted() if self._token in (rejected, None) else self._token

    async def _minted(self) -> str:
        now = self._now()
        client_id = self._endpoint.app.client_id
        assertion = await in_thread(lambda: self._account.assertion(client_id, self._scopes, now))
        try:
            grant = await self._endpoint.of_assertion(assertion, self._scopes)
        except SignInFailed as failure:
            if failure.status in (400, 401, 403):
                raise ServiceAccountRefused from failure
            raise
        return self._keep(grant, now)

    def _keep(self, grant: Grant, now: float) -> str:
        self._token = grant.access_token.get_secret_value()
        self._issued_at, self._expires_at = now, now + grant.expires_in
        return self._token
