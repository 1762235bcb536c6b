"""Wiring of auth: the APS app, the vault and the token source that the settings describe.

Nothing is opened or imported before it is needed.
"""

import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acc.hosts import AutodeskHosts
from auth.errors import NotSignedIn
from persistence.location import StateLocation
from server.settings.model import Settings

if TYPE_CHECKING:
    from acc.connection import TokenSource
    from auth.login.flow import LoginFlow
    from auth.oauth import TokenEndpoint
    from auth.service_account import ServiceAccountTokens
    from auth.vault import Vault
    from persistence.database import Database
    from server.chat_sign_in import ChatSignIn


_log = logging.getLogger(__name__)


class NoApp(NotSignedIn):
    """No APS app is named, so signing in is impossible."""

    def __str__(self) -> str:
        return "no APS app is named; set APS_CLIENT_ID to the client id of yours"


@dataclass(frozen=True)
class OpenVault:
    """The database and the vault in it."""

    database: "Database"
    vault: "Vault"


def hosts_from(settings: Settings) -> AutodeskHosts:
    """Return the hosts of Autodesk, or of APS_BASE_URL."""
    return AutodeskHosts.at(settings.base_url) if settings.base_url else AutodeskHosts.autodesk()


def state_location(settings: Settings) -> StateLocation:
    """Return the location of the local state: database and key source."""
    url, keys = settings.database_url, settings.encryption_keys
    return StateLocation(
        settings.data_dir,
        url.get_secret_value() if url is not None else None,
        keys.get_secret_value() if keys is not None else None,
    )


def token_endpoint(settings: Settings, callback_url: str | None = None) -> "TokenEndpoint":
    """Return the client of Autodesk's token endpoint for the app; `callback_url` defaults to the settings' own.

    Raises:
        NoApp: None is named.
    """
    from auth.oauth import AuthServer, OAuthApp, TokenEndpoint
    from server.auth_http import HttpxAuthTransport

    if settings.client_id is None:
        raise NoApp
    hosts = hosts_from(settings)
    secret = settings.client_secret.get_secret_value() if settings.client_secret else None
    app = OAuthApp(settings.client_id, callback_url or settings.callback_url, secret)
    return TokenEndpoint(HttpxAuthTransport(hosts), AuthServer(hosts.api, hosts.profile), app)


def requested_scopes(settings: Settings) -> tuple[str, ...]:
    """Return the OAuth scopes to request: those for writing only where the settings allow writing."""
    from auth.login.flow import scopes_for

    return scopes_for(read_only=settings.read_only)


def open_vault(settings: Settings) -> OpenVault:
    """Open the database and the vault. Blocks.

    Raises:
        StorageProblem: The data folder, the database or the keys cannot be used.
    """
    from auth.vault import Vault
    from persistence.database import Database

    place = state_location(settings)
    address, keys = place.address(), place.key_source()
    database = Database.open(address)
    try:
        return OpenVault(database, Vault(database, keys))
    except BaseException:
        database.close()
        raise


@contextmanager
def opened_vault(settings: Settings) -> Iterator[OpenVault]:
    """Open the vault for the block; see `open_vault`."""
    opened = open_vault(settings)
    try:
        yield opened
    finally:
        opened.database.close()


def login_flow(settings: Settings, opened: OpenVault) -> "LoginFlow":
    """Return the login flow for a browser. Blocks."""
    from auth.login.flow import LoginFlow
    from auth.login.pending_logins import PendingLogins

    attempts = PendingLogins(opened.database, opened.vault)
    return LoginFlow(opened.vault, attempts, token_endpoint(settings), requested_scopes(settings))


@dataclass(frozen=True)
class SignedInUser:
    """A user's token source, and their sign-in page; None where no user signs in."""

    tokens: "TokenSource"
    page: "ChatSignIn | None" = None


@asynccontextmanager
async def open_identity(settings: Settings, person: str | None = None) -> AsyncIterator[SignedInUser]:
    """Yield the token source: APS_ACCESS_TOKEN, a service account, or a signed-in user (by default the last)."""
    from auth.token_sources import NoTokenSource, StaticTokenSource

    if settings.access_token is not None:
        yield SignedInUser(StaticTokenSource(settings.access_token.get_secret_value()))
    elif settings.client_id is None:
        yield SignedInUser(NoTokenSource())
    else:
        vault = _LazyVault(settings)
        try:
            if settings.service_account_id is not None:
                yield SignedInUser(_of_a_service_account(settings, vault))
            else:
                async with _of_a_person(settings, vault, person) as identity:
                    yield identity
        finally:
            vault.close()


def _of_a_service_account(settings: Settings, vault: "_LazyVault") -> "ServiceAccountTokens":
    from auth.service_account import ServiceAccount, ServiceAccountTokens

    id_, key_id, file = settings.service_account_id, settings.service_account_key_id, settings.service_account_key_file
    if id_ is None or key_id is None or file is None:
        raise NoApp  # `Settings.load` refuses half an account
    account = ServiceAccount(id_, key_id, file)
    return ServiceAccountTokens(account, token_endpoint(settings), requested_scopes(settings), lambda: vault().vault)


@asynccontextmanager
async def _of_a_person(settings: Settings, vault: "_LazyVault", person: str | None) -> AsyncIterator[SignedInUser]:
    from auth.accounts import AccountTokenSources, CurrentUserTokenSource
    from server.chat_sign_in import ChatSignIn
    from transfers.concurrency import task_group

    async with task_group() as group:
        tokens = CurrentUserTokenSource(AccountTokenSources(lambda: vault().vault, token_endpoint(settings)), person)
        page = ChatSignIn(lambda: login_flow(settings, vault()), settings.callback_url, group)
        yield SignedInUser(tokens, page)
        group.cancel_scope.cancel()


class _LazyVault:
    """Opens the vault once, on first use. Safe to call from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._opened: OpenVault | None = None

    def __call__(self) -> OpenVault:
        with self._lock:
            if self._opened is None:
                self._opened = open_vault(self._settings)
                shown, keys_from = self._opened.database.address.shown, self._opened.vault.key_location
                _log.info("the vault in %s is open; its keys come from: %s", shown, keys_from or "nowhere yet")
            return self._opened

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.database.close()
