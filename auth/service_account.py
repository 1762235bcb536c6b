"""Secure Service Accounts: unattended runs that sign in with a private key (fact sheet 10).

A signed assertion, good for minutes, is exchanged for an access token. There is no refresh token: when a token nears
its end, another assertion is exchanged.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
from anyio import to_thread

from auth.errors import PrivateKeyUnusable, ServiceAccountRefused, SignInFailed
from auth.oauth import TokenEndpoint, TokenGrant
from auth.refresh_lease import RefreshTimings
from auth.token_refresh import RefreshingTokenSource
from auth.vault import UserAccount, Vault
from persistence.errors import check_descriptors

AUDIENCE: Final = "https://developer.api.autodesk.com/authentication/v2/token"

ASSERTION_SECONDS: Final = 150
"""Autodesk takes no assertion that ends more than five minutes ahead: half of that allows for a clock that is as much
fast or slow."""


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
            # Autodesk shows the key once, in JSON, where its line ends are written as \\n.
            key = self.key_file.read_text(encoding="ascii").strip().strip('"').replace("\\n", "\n")
            return jwt.encode(claims, key, algorithm="RS256", headers={"kid": self.key_id})
        except OSError as error:
            check_descriptors(error, self.key_file)
            raise PrivateKeyUnusable(str(self.key_file), error.strerror or type(error).__name__) from error
        except (ValueError, TypeError, jwt.PyJWTError):
            # `from None`: what the library says may quote the file.
            raise PrivateKeyUnusable(str(self.key_file), "it holds no RSA private key in PEM") from None


class ServiceAccountTokens:
    """A token source for a service account, as `acc.connection.TokenSource` asks for it.

    Autodesk takes ten assertions a minute of an app (fact sheet 10), so all processes that share a database share one
    token: it is kept and renewed as a person's is, in a record of its own. `opened` gives the vault; it is opened when
    first needed.
    """

    def __init__(
        self,
        account: ServiceAccount,
        endpoint: TokenEndpoint,
        scopes: tuple[str, ...],
        opened: Callable[[], Vault],
        *,
        timings: RefreshTimings | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._account = account
        self._endpoint = endpoint
        self._scopes = scopes
        self._opened = opened
        self._timings = timings
        self._now = now
        self._lock = anyio.Lock()
        self._tokens: RefreshingTokenSource | None = None

    async def access_token(self) -> str:
        """Return a token that is good for some minutes more.

        Raises:
            ServiceAccountRefused: Autodesk does not take the assertion.
            PrivateKeyUnusable: It could not be made.
            SignInFailed: Autodesk could not be asked.
            StorageProblem: The record cannot be read or written.
        """
        return await (await self._shared()).access_token()

    async def renewed(self, rejected: str) -> str | None:
        """Return another token than the `rejected` one; None if that was issued just now. Raises as the other does."""
        return await (await self._shared()).renewed(rejected)

    async def _shared(self) -> RefreshingTokenSource:
        async with self._lock:
            if self._tokens is None:
                vault = await to_thread.run_sync(self._opened)
                # A server that only reads must not be given the token of one that writes.
                subject = " ".join((self._account.id, *self._scopes))
                record = UserAccount(self._endpoint.autodesk.api, self._endpoint.app.client_id, subject)
                await to_thread.run_sync(lambda: vault.create_placeholder(record, self._account.id))
                self._tokens = RefreshingTokenSource(
                    vault, record, self._endpoint, timings=self._timings, now=self._now, mint=self._minted
                )
            return self._tokens

    async def _minted(self) -> TokenGrant:
        client_id, now = self._endpoint.app.client_id, self._now()
        assertion = await to_thread.run_sync(lambda: self._account.assertion(client_id, self._scopes, now))
        try:
            return await self._endpoint.exchange_assertion(assertion, self._scopes)
        except SignInFailed as failure:
            if failure.status in (400, 401, 403):
                raise ServiceAccountRefused(failure.status) from failure
            raise
