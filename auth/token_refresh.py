"""Refresh of an account's access token: in time, and once for all tasks, processes and machines that share it.

Refresh tokens are good for a single use (fact sheet 10): a process that uses one and loses the answer has signed the
person out. So a refresh goes, in this order:

1. one task of the process goes on, the others wait for it;
2. it takes the record's lease and reads the record again: another process may have refreshed it;
3. it marks the record, on disk, before it asks;
4. it asks Autodesk;
5. it saves what it was given, if the record's generation is still the same, before any task uses it.

After a crash before 4 the old token is good; after 5 the new one is. Between the two the outcome is open: the next one
tries the old token once, and if Autodesk has seen it before, a person must sign in again. A cancelled call does not
stop a refresh half way.

Where 5 fails, because the disk is full for example, calls fail with that reason, Autodesk is not asked again, and the
tokens are saved as soon as that can be done, for as long as the process lives.
"""

import logging
import secrets
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final, Literal

import anyio
from anyio import to_thread
from pydantic import SecretStr

from auth.errors import (
    AuthError,
    NotSignedIn,
    PrivateKeyUnusable,
    ReauthorizationRequired,
    SignInFailed,
    SignInUnavailable,
)
from auth.oauth import TokenEndpoint, TokenGrant, is_refresh_token_dead
from auth.refresh_lease import RefreshTimings, acquire_lease, keep_lease_alive
from auth.vault import RefreshLease, StoredLogin, TokenSet, UserAccount, Vault
from persistence.errors import StorageProblem

REFRESH_SECONDS: Final = 15 * 24 * 3600.0
"""Lifetime of a refresh token (fact sheet 10); no answer states it."""

Point = Literal["before_lease", "after_lease", "before_mark", "after_mark", "after_post", "in_save", "after_save"]
"""Points at which a crash leaves a different state; tests stop a process there."""

_random = secrets.SystemRandom().random
_log = logging.getLogger(__name__)


def stored_tokens(
    grant: TokenGrant, now: float, scopes: tuple[str, ...], refresh_token: SecretStr | None = None
) -> TokenSet:
    """Return a grant as it is kept; where it holds no refresh token, the one it was made with stays good."""
    return TokenSet.model_validate(
        {
            "access_token": grant.access_token,
            "issued_at": now,
            "expires_at": now + grant.expires_in,
            "refresh_token": grant.refresh_token or refresh_token,
            "refresh_expires_at": now + REFRESH_SECONDS,
            "scopes": scopes,
        }
    )


def _nowhere(_point: Point) -> None:
    """Do nothing; tests pass another hook."""


class RefreshingTokenSource:
    """Token source of one account, an `acc.connection.TokenSource`."""

    def __init__(
        self,
        vault: Vault,
        account: UserAccount,
        endpoint: TokenEndpoint,
        *,
        timings: RefreshTimings | None = None,
        now: Callable[[], float] = time.time,
        reached: Callable[[Point], None] = _nowhere,
        mint: Callable[[], Awaitable[TokenGrant]] | None = None,
    ) -> None:
        """Take what is refreshed, and how: with the refresh token of the record, or by what `mint` grants."""
        self.account = account
        self._vault = vault
        self._endpoint = endpoint
        self._timings = timings or RefreshTimings()
        self._now = now
        self._reached = reached
        self._mint = mint
        self._early = self._timings.early + self._timings.jitter * _random()
        self._one_at_a_time = anyio.Lock()
        self._rests_until = 0.0
        self._late: DeferredTokenSave | None = None

    async def stored_login(self) -> StoredLogin:
        """Return the person's record.

        Raises:
            NotSignedIn: There is none.
            StorageProblem: It cannot be read.
        """
        found = await to_thread.run_sync(lambda: self._vault.read(self.account))
        if found is None:
            raise NotSignedIn
        return found

    async def access_token(self) -> str:
        """Return a token that is good for some minutes more.

        Raises:
            NotSignedIn: The person has signed out.
            ReauthorizationRequired: Autodesk has refused the refresh token.
            SignInFailed: Autodesk could not be asked, and the token is over.
            StorageProblem: The record cannot be read or written.
        """
        found = await self.stored_login()
        left = found.tokens.expires_at - self._now()
        if left > self._early:
            return _token(found)
        if left > self._timings.usable:
            return _token(await self._renewed_early(found))
        return _token(await self._renew(found, patient=True) or found)

    async def renewed(self, rejected: str) -> str | None:
        """Return another token than the `rejected` one; None if that was issued just now.

        Raises:
            See `access_token`.
        """
        found = await self.stored_login()
        if _token(found) not in ("", rejected):  # a record that another process made without a token is no answer
            return _token(found)
        # A clock that was set back since makes no token a new one.
        if abs(self._now() - found.tokens.issued_at) < self._timings.rest:
            return None
        return _token(await self._renew(found, patient=True) or found)

    async def _renewed_early(self, found: StoredLogin) -> StoredLogin:
        """Refresh a token that is still valid, unless a refresh is under way; a failure can wait."""
        if found.is_revoked or self._one_at_a_time.locked() or self._now() < self._rests_until:
            return found
        try:
            return await self._renew(found, patient=False) or found
        except (SignInFailed, ReauthorizationRequired, PrivateKeyUnusable, StorageProblem) as problem:
            _log.warning("renewing failed, the token is still good: %s", problem)
            return found

    async def _renew(self, seen: StoredLogin, *, patient: bool) -> StoredLogin | None:
        """Return the record with newer tokens than `seen`; None when another process refreshes, unless `patient`."""
        async with self._one_at_a_time:
            if self._late is not None:
                await to_thread.run_sync(self._late.save)
                self._late = None
            found = await self.stored_login()
            renewed = None
            # A record that another process made without a token is no answer.
            while renewed is None or not _token(renewed):
                if found.generation != seen.generation and _token(found):
                    return found
                if found.is_revoked:
                    raise ReauthorizationRequired
                self._reached("before_lease")
                lease = await acquire_lease(self._vault, found, self._timings, patient=patient)
                if lease is None:
                    again = await self.stored_login()
                    if not patient and again.generation == found.generation:
                        return None
                    found = again
                    continue
                # From here on the refresh token may be used up: a caller that goes away must not stop what saves the
                # next one.
                with anyio.CancelScope(shield=True):
                    renewed = await self._renew_under(lease)
            self._rests_until = 0.0
            return renewed

    async def _renew_under(self, lease: RefreshLease) -> StoredLogin | None:
        """Return the newer record; None when the lease was lost before Autodesk was asked."""
        async with keep_lease_alive(self._vault, lease, self._timings):
            try:
                return await self._ask_and_save(lease)
            except (AuthError, StorageProblem):
                self._rests_until = self._now() + self._timings.rest
                if self._late is None:
                    with suppress(StorageProblem):
                        await to_thread.run_sync(lambda: self._vault.release(lease))
                raise

    async def _ask_and_save(self, lease: RefreshLease) -> StoredLogin | None:
        self._reached("after_lease")
        found = await self.stored_login()
        if found.generation != lease.generation:
            await to_thread.run_sync(lambda: self._vault.release(lease))
            return found
        ask = self._mint or self._refresh_of(found.tokens)
        if ask is None:
            await to_thread.run_sync(lambda: self._vault.mark_revoked(lease))
            raise ReauthorizationRequired
        if lease.attempt is not None:
            _log.warning("an earlier renewal of generation %d ended without a trace", lease.generation)
        self._reached("before_mark")
        if not await to_thread.run_sync(lambda: self._vault.record_attempt(lease, uuid.uuid4().hex)):
            # This process was given up for dead, as one that slept is: the holder of the lease now uses the token.
            return None
        self._reached("after_mark")
        try:
            grant = await self._granted(ask)
        except SignInFailed as failure:
            if self._mint is not None or not is_refresh_token_dead(failure):
                raise
            return await self._after_refusal(lease)
        self._reached("after_post")
        tokens = stored_tokens(grant, self._now(), found.tokens.scopes, found.tokens.refresh_token)
        saved = await self._save(lease, tokens)
        self._reached("after_save")
        if saved is None:
            return await self.stored_login()
        _log.info("renewed: generation %d", saved.generation)
        return saved

    def _refresh_of(self, tokens: TokenSet) -> Callable[[], Awaitable[TokenGrant]] | None:
        token = tokens.refresh_token
        return partial(self._endpoint.refresh, token.get_secret_value()) if token is not None else None

    async def _granted(self, ask: Callable[[], Awaitable[TokenGrant]]) -> TokenGrant:
        try:
            with anyio.fail_after(self._timings.post):
                return await ask()
        except TimeoutError:
            raise SignInUnavailable from None

    async def _after_refusal(self, lease: RefreshLease) -> StoredLogin:
        """Look once more before giving up: another process may have used the token and saved the next one."""
        found = await self.stored_login()
        if found.generation != lease.generation:
            return found
        await to_thread.run_sync(lambda: self._vault.mark_revoked(lease))
        _log.warning("Autodesk refused the refresh token of generation %d", lease.generation)
        raise ReauthorizationRequired

    async def _save(self, lease: RefreshLease, tokens: TokenSet) -> StoredLogin | None:
        """Save at once, or as soon as the database lets it: these tokens exist nowhere else."""
        for pause in self._timings.save:
            try:
                return await to_thread.run_sync(
                    lambda: self._vault.save_refreshed(lease, tokens, lambda: self._reached("in_save"))
                )
            except StorageProblem as problem:
                _log.warning("renewed tokens could not be saved yet: %s", problem)
            await anyio.sleep(pause)
        try:
            return await to_thread.run_sync(lambda: self._vault.save_refreshed(lease, tokens))
        except StorageProblem as problem:
            _log.warning("renewed tokens cannot be saved now, and are kept in memory until they can: %s", problem)
            self._late = DeferredTokenSave(self._vault, lease, tokens, self._timings.beat)
            raise


class DeferredTokenSave:
    """Background thread that retries, every `pause` seconds, to save tokens that exist nowhere else.

    It ends when they are saved or replaced. While the database fails, no other process can record an attempt to
    refresh either, so none asks Autodesk.
    """

    def __init__(self, vault: Vault, lease: RefreshLease, tokens: TokenSet, pause: float) -> None:
        self._vault = vault
        self._lease = lease
        self._tokens = tokens
        self._pause = pause
        self._saved = threading.Event()
        threading.Thread(target=self._run, name="save", daemon=True).start()

    def save(self) -> None:
        """Save them now, if they are not saved yet. Blocks.

        Raises:
            StorageProblem: What keeps them from it.
        """
        if not self._saved.is_set():
            self._vault.save_refreshed(self._lease, self._tokens)
            self._saved.set()
            _log.info("renewed tokens were saved late")

    def _run(self) -> None:
        while not self._saved.wait(self._pause):
            with suppress(StorageProblem):  # calls report it
                self.save()


def _token(found: StoredLogin) -> str:
    return found.tokens.access_token.get_secret_value()
