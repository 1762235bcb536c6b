"""Login with a browser (authorization code flow with PKCE), and logout.

Any number of logins may be pending, in this process and in others. One of them listens at the callback URL for all;
when it ends, another one takes over. A login ends after five minutes. Logout revokes the tokens at Autodesk, then
removes them here.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

import anyio
from anyio import to_thread

from auth.errors import CallbackPortTaken, NotSignedIn, SignInFailed, SignInTimedOut
from auth.login.pending_logins import LIFE_SECONDS, PendingLogin, PendingLogins
from auth.login.redirect_handler import RedirectHandler, accept_redirect
from auth.login.redirect_server import PortTaken, RedirectServer, is_our_listener
from auth.oauth import SCOPES, PkceAttempt, TokenEndpoint, authorize_url
from auth.refresh_lease import RefreshTimings, acquire_lease, keep_lease_alive
from auth.token_refresh import stored_tokens
from auth.vault import RefreshLease, StoredLogin, UserAccount, Vault
from persistence.errors import StorageProblem

READING: Final = ("data:read", "account:read", "user-profile:read")

_PAGE_WAITS_SECONDS: Final = 60.0
_TRIES_AT_PORT: Final = 10


def scopes_for(*, read_only: bool) -> tuple[str, ...]:
    """Return what to ask for: scopes for writing only where writing is allowed."""
    return READING if read_only else SCOPES


@dataclass(frozen=True)
class LoginAttempt:
    """A login that waits for a browser.

    `url` is Autodesk's own page, for a person at a terminal. `link` leads there by way of this machine, holds nothing
    secret, and ties the answer to the browser that opened it. `heard`: a process of this program listens for it.
    """

    id: str
    url: str
    link: str
    heard: bool = True


class LoginFlow:
    """Signs people in to one app at one Autodesk. `poll` is how often, in seconds, it looks for an answer."""

    def __init__(
        self,
        vault: Vault,
        attempts: PendingLogins,
        endpoint: TokenEndpoint,
        scopes: tuple[str, ...],
        *,
        poll: float = 0.2,
    ) -> None:
        self._vault = vault
        self._attempts = attempts
        self._endpoint = endpoint
        self._scopes = scopes
        self._poll = poll
        self._callback = RedirectHandler(endpoint.app.callback_url, attempts, self._outcome)
        self._listener: RedirectServer | None = None
        self._listening_for = 0

    def start(self) -> LoginAttempt:
        """Start a login, and listen for its redirect unless another process does; `finish` completes it. Blocks."""
        attempt = PkceAttempt()
        url = authorize_url(self._endpoint.autodesk.api, self._endpoint.app, attempt, self._scopes)
        id_ = self._attempts.start(self._callback.url, attempt, url)
        return LoginAttempt(id_, url, self._callback.link(id_), heard=self._ensure_listener(id_))

    def is_opened(self, started: LoginAttempt) -> bool:
        """Whether the link of a pending login has been followed. Blocks."""
        waiting = self._attempts.waiting(started.id)
        return waiting is not None and waiting.opened

    def paste(self, address: str) -> bool:
        """Take the address that a browser elsewhere was sent to; False when it answers no try of ours. Blocks."""
        query = parse_qs(urlsplit(address.strip()).query)
        return isinstance(accept_redirect(self._attempts, self._callback.url, query, (), pasted=True), PendingLogin)

    async def finish(self, started: LoginAttempt, *, must_listen: bool = True) -> StoredLogin:
        """Wait for the answer, keep the tokens, and return who is signed in.

        With `must_listen` false a port that is taken is no reason to end: the answer may be pasted.

        Raises:
            SignInTimedOut: The user did not finish within five minutes.
            CallbackPortTaken: The answer cannot arrive.
            SignInFailed: The person or Autodesk said no.
            StorageProblem: The tokens could not be kept.
        """
        async with self._listening(started, must_listen=must_listen) as check_listening:
            with anyio.move_on_after(LIFE_SECONDS):
                waiting = await self._answer(started, check_listening)
                # What was answered is carried to its end, also when the caller goes away.
                with anyio.CancelScope(shield=True):
                    return await self._kept(waiting)
            raise SignInTimedOut

    async def _answer(self, started: LoginAttempt, check_listening: Callable[[], None]) -> PendingLogin:
        while True:
            waiting = await to_thread.run_sync(lambda: self._attempts.waiting(started.id))
            if waiting is None:
                raise SignInTimedOut
            if waiting.status != "open":
                return waiting
            await to_thread.run_sync(check_listening)
            await anyio.sleep(self._poll)

    async def _kept(self, waiting: PendingLogin) -> StoredLogin:
        if waiting.status == "failed":
            raise SignInFailed(waiting.words or "unknown_error")
        try:
            found = await self._exchanged(waiting)
        except SignInFailed as failure:
            word = failure.error
            await to_thread.run_sync(lambda: self._attempts.finish(waiting.id, "failed", word))
            raise
        except StorageProblem:
            await to_thread.run_sync(lambda: self._attempts.finish(waiting.id, "failed", "not_kept"))
            raise
        await to_thread.run_sync(lambda: self._attempts.finish(waiting.id, "signed_in", found.name))
        return found

    async def _exchanged(self, waiting: PendingLogin) -> StoredLogin:
        code, verifier = await to_thread.run_sync(lambda: self._attempts.proof(waiting.id))
        grant = await self._endpoint.exchange_code(code, verifier)
        person = await self._endpoint.userinfo(grant.access_token.get_secret_value())
        account = UserAccount(self._endpoint.autodesk.api, self._endpoint.app.client_id, person.sub)
        tokens = stored_tokens(grant, time.time(), self._scopes)
        return await to_thread.run_sync(lambda: self._vault.save_login(account, person.name, person.email, tokens))

    @asynccontextmanager
    async def _listening(self, started: LoginAttempt, *, must_listen: bool) -> AsyncIterator[Callable[[], None]]:
        """Listen for as long as a try of this process waits, or rely on another process that does."""
        failures = 0

        def check() -> None:
            nonlocal failures
            failures = 0 if self._ensure_listener(started.id) else failures + 1
            if failures > _TRIES_AT_PORT and must_listen:
                raise CallbackPortTaken(urlsplit(self._callback.url).port or 0)

        self._listening_for += 1
        try:
            yield check
        finally:
            self._listening_for -= 1
            if not self._listening_for and self._listener is not None:
                listener, self._listener = self._listener, None
                with anyio.CancelScope(shield=True):
                    await to_thread.run_sync(listener.close)

    def _ensure_listener(self, id_: str) -> bool:
        if self._listener is not None:
            return True
        try:
            self._listener = RedirectServer.open(self._callback)
        except PortTaken:
            return is_our_listener(self._attempts, self._callback.url, id_)
        return True

    def _outcome(self, id_: str) -> PendingLogin | None:
        """Wait, on the thread that answers a browser, until the process that started a login has completed it."""
        ends = time.monotonic() + _PAGE_WAITS_SECONDS
        while (waiting := self._attempts.waiting(id_)) is not None and waiting.status == "answered":
            if time.monotonic() > ends:
                return None
            time.sleep(self._poll / 2)
        return waiting


async def sign_out(
    vault: Vault,
    account: UserAccount,
    endpoint: TokenEndpoint,
    *,
    revoke: bool = True,
    timings: RefreshTimings | None = None,
) -> StoredLogin:
    """Revoke and forget; with `revoke` false forget only, for when Autodesk cannot be reached. Return who it was.

    The record's lease is taken first: a refresh under way would otherwise leave a token that is never revoked. Of a
    person who signs in again meanwhile, or whose tokens another process has refreshed, those are revoked as well.

    Raises:
        NotSignedIn: The person is not signed in.
        SignInFailed: Autodesk did not revoke the tokens; nothing was forgotten.
    """
    timings = timings or RefreshTimings()
    while True:
        found = await to_thread.run_sync(lambda: vault.read(account))
        if found is None:
            raise NotSignedIn
        lease = await acquire_lease(vault, found, timings)
        if lease is not None and await _removed(vault, found, lease, endpoint if revoke else None, timings):
            return found


async def _removed(
    vault: Vault, found: StoredLogin, lease: RefreshLease, endpoint: TokenEndpoint | None, timings: RefreshTimings
) -> bool:
    """Revoke at an `endpoint` and forget; false when the record is another one by then."""
    async with keep_lease_alive(vault, lease, timings):
        with anyio.CancelScope(shield=True):
            try:
                if endpoint is not None:
                    await _revoke(found, endpoint)
            except BaseException:
                await to_thread.run_sync(lambda: vault.release(lease))
                raise
            removed = await to_thread.run_sync(lambda: vault.remove(lease))
    return removed


async def _revoke(found: StoredLogin, endpoint: TokenEndpoint) -> None:
    if found.tokens.refresh_token is not None:
        await endpoint.revoke(found.tokens.refresh_token.get_secret_value(), refresh=True)
    await endpoint.revoke(found.tokens.access_token.get_secret_value(), refresh=False)
