"""Wiring of auth: the APS app, the HTTP transport, the vault and the token source that the settings describe.

Nothing is opened or imported before it is needed.
"""

import logging
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from acc.hosts import AutodeskHosts
from auth.errors import NotSignedIn, SignInIntercepted, SignInUnavailable
from persistence.data_folder import StateLocation
from server.settings.model import Settings

if TYPE_CHECKING:
    from acc.connection import TokenSource
    from auth.login.flow import LoginFlow
    from auth.oauth import TokenEndpoint
    from auth.service_account import ServiceAccountTokens
    from auth.vault import UserAccount, Vault
    from persistence.database import Database
    from server.chat_sign_in import ChatSignIn

MAX_ANSWER_BYTES: Final = 1024 * 1024
"""No answer about a sign-in is read beyond this; tokens and profiles take some kilobytes."""

EXCHANGE_SECONDS: Final = 60.0
"""How long one request and its answer may take in all, however steadily the bytes trickle."""


class HttpxAuthTransport:
    """HTTP transport of `auth.oauth`. Each request has a client of its own: there are few, hours apart."""

    def __init__(self, hosts: AutodeskHosts, seconds: float = EXCHANGE_SECONDS) -> None:
        self._hosts = hosts
        self._seconds = seconds

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, *, page: bool = False
    ) -> tuple[int, dict[str, str], bytes]:
        """GET `url`; a redirect is returned, not followed. With `page` the expected response is HTML."""
        return await self._ask("GET", url, headers or {}, None, page=page)

    async def post(self, url: str, headers: Mapping[str, str], body: str) -> tuple[int, dict[str, str], bytes]:
        """POST `body` to `url`."""
        return await self._ask("POST", url, headers, body)

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: str | None, *, page: bool = False
    ) -> tuple[int, dict[str, str], bytes]:
        import anyio

        from acc.errors import AccError, NetworkPage
        from acc.responses import is_web_page
        from acc.transport import api_client, error_from_transport, network_errors, read_bounded

        try:
            with anyio.fail_after(self._seconds):
                async with (
                    api_client(self._hosts) as client,
                    client.stream(method, url, headers=headers, content=body) as response,
                ):
                    content = await read_bounded(response, "auth", MAX_ANSWER_BYTES)
        except network_errors() as error:
            # `from None`: httpx's exceptions hold the request, secrets included.
            raise SignInUnavailable(reason=error_from_transport("auth", error).summary) from None
        except AccError as error:
            raise SignInUnavailable(reason=error.summary) from None
        if not page and response.is_success and is_web_page(response.headers, content):
            raise SignInIntercepted(reason=NetworkPage.summary)
        return response.status_code, {name.lower(): value for name, value in response.headers.items()}, content


_log = logging.getLogger(__name__)


class NoApp(NotSignedIn):
    """No APS app is named, so signing in is impossible."""

    def __str__(self) -> str:
        return "no APS app is named; `submittal-mcp setup` asks for yours, or set APS_CLIENT_ID to its client id"


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


def account_of(settings: Settings, email: str) -> "UserAccount":
    """Return the account of a signed-in person; asks nothing of Autodesk. Blocks.

    Raises:
        UserNotSignedIn: None has that address, or a token or a service account takes precedence.
        NoApp: No app is named.
        StorageProblem: The database or its keys cannot be used.
    """
    from auth.accounts import signed_in_account
    from auth.errors import UserNotSignedIn

    if given := _instead_of_people(settings):
        raise UserNotSignedIn(email, given)
    endpoint = token_endpoint(settings)
    if not state_location(settings).exists():
        raise UserNotSignedIn(email)
    with opened_vault(settings) as opened:
        return signed_in_account(opened.vault, endpoint, email)


def _instead_of_people(settings: Settings) -> tuple[str, ...]:
    """Return what takes precedence over a sign-in."""
    instead = {"the owner of APS_ACCESS_TOKEN": settings.access_token, "a service account": settings.service_account_id}
    return tuple(name for name, one in instead.items() if one is not None)


@dataclass(frozen=True)
class SignedInUser:
    """A user's token source, and their sign-in page; None where no user signs in."""

    tokens: "TokenSource"
    page: "ChatSignIn | None" = None


@asynccontextmanager
async def open_identity(settings: Settings, person: str | None) -> AsyncIterator[SignedInUser]:
    """Yield the token source: APS_ACCESS_TOKEN, a service account, or a signed-in user (by default the last).

    A `person` who is named beside one of the first two is not taken for its owner.
    """
    from auth.errors import UserNotSignedIn
    from auth.oauth import NoTokenSource, StaticTokenSource

    given = _instead_of_people(settings)
    if person is not None and given:
        yield SignedInUser(NoTokenSource(UserNotSignedIn(person, given)))
    elif settings.access_token is not None:
        yield SignedInUser(StaticTokenSource(settings.access_token.get_secret_value()))
    elif settings.client_id is None:
        yield SignedInUser(NoTokenSource(NoApp()))
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
