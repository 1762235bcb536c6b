"""Token issuer: knows and registers clients, and gives them tokens for codes and refresh tokens.

No HTTP of its own; `auth.issuer.routes` translates. What people see of it is `auth.issuer.consent_flow`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

from anyio import to_thread

from auth.issuer.admission import AdmissionPolicy
from auth.issuer.authorization import resource_of
from auth.issuer.browser_sessions import BrowserSessions, SignedInPerson
from auth.issuer.client_documents import ClientDocuments, is_document_url
from auth.issuer.clients import ClientCredentials, ClientRepository, RegisteredClient, authenticate, read_registration
from auth.issuer.errors import InvalidClientDocument, OAuthError
from auth.issuer.grants import GrantRepository
from auth.issuer.metadata import MCP_PATH
from auth.issuer.pending_requests import PendingRequests
from auth.issuer.redirect_uris import PRIVATE_SCHEMES, shown_host
from auth.issuer.tokens import IssuedTokens, TokenRepository
from auth.vault import Vault

_MAX_CLIENT_ID: Final = 200


class AuditSink(Protocol):
    """Audit log as the authorization server writes it; fields hold no secret. Both block."""

    def check(self) -> None:
        """Make sure that a line can be written, before anything is done that needs one.

        Raises:
            StorageProblem: It cannot be.
        """

    def note(self, event: str, **fields: str | None) -> None:
        """Write one line. What happened has happened: where it cannot be written now, nothing is raised."""


@dataclass(frozen=True)
class RegistrationPolicy:
    """Whether clients may register themselves; with `domains`, only those whose addresses lie in one of them."""

    enabled: bool = True
    domains: tuple[str, ...] = ()

    def check(self, redirect_uris: Sequence[str]) -> None:
        """Require that a client may register itself.

        Raises:
            OAuthError: It may not.
        """
        if not self.enabled:
            problem = "this server takes no registrations; its administrator can give out a client id"
            raise OAuthError("access_denied", problem, 403)
        hosts = [shown_host(uri) for uri in redirect_uris]
        if self.domains and not all(
            any(host == domain or host.endswith(f".{domain}") for domain in self.domains) for host in hosts
        ):
            raise OAuthError("invalid_redirect_uri", f"redirect URIs must lie in {', '.join(self.domains)}")


@dataclass(frozen=True)
class IssuerSettings:
    """Configuration of the authorization server: its one public URL without a slash at the end, and its rules."""

    public_url: str
    offered_scopes: tuple[str, ...]
    autodesk_scopes: tuple[str, ...]
    registration: RegistrationPolicy = field(default_factory=RegistrationPolicy)
    admission: AdmissionPolicy = field(default_factory=AdmissionPolicy)
    private_schemes: tuple[str, ...] = PRIVATE_SCHEMES

    @property
    def resource(self) -> str:
        """The protected resource that tokens are issued for."""
        return f"{self.public_url}{MCP_PATH}"


@dataclass(frozen=True)
class IssuerStores:
    """The repositories of one database."""

    clients: ClientRepository
    tokens: TokenRepository
    grants: GrantRepository
    requests: PendingRequests
    sessions: BrowserSessions
    vault: Vault


class TokenIssuer:
    """Issues tokens of its own to the clients that it knows. `documents` is None where none are taken."""

    def __init__(
        self,
        settings: IssuerSettings,
        stores: IssuerStores,
        documents: ClientDocuments | None,
        *,
        known_clients: Mapping[str, RegisteredClient] | None = None,
        audit: AuditSink,
    ) -> None:
        self.settings = settings
        self.stores = stores
        self._documents = documents
        self._known_clients = known_clients or {}
        self._audit = audit

    async def note(self, event: str, **fields: str | None) -> None:
        """Write a line of the audit log."""
        await to_thread.run_sync(lambda: self._audit.note(event, **fields))

    async def check_audit(self) -> None:
        """See `AuditSink.check`.

        Raises:
            StorageProblem: No line can be written.
        """
        await to_thread.run_sync(self._audit.check)

    # Clients

    async def client(self, client_id: str | None) -> RegisteredClient | None:
        """Return a client: a pre-registered one, one behind its document's URL, or one that registered itself.

        Raises:
            InvalidClientDocument: Its id is the URL of a document that cannot be used.
        """
        if client_id is None:
            return None
        if client_id in self._known_clients:
            return self._known_clients[client_id]
        if is_document_url(client_id):
            if self._documents is None:
                raise InvalidClientDocument("this server takes no clients by their documents")
            return await self._documents.get(client_id)
        if len(client_id) > _MAX_CLIENT_ID:
            return None
        return await to_thread.run_sync(lambda: self.stores.clients.get(client_id))

    def must_fetch(self, client_id: str) -> bool:
        """Whether knowing a client takes a request to another server now."""
        if self._documents is None or client_id in self._known_clients or not is_document_url(client_id):
            return False
        return not self._documents.is_fresh(client_id)

    async def register(self, body: bytes, address: str) -> tuple[RegisteredClient, str | None]:
        """Register a client; return it and its secret, if it asked for one.

        Raises:
            OAuthError: It may not, or its metadata cannot be used.
        """
        self.settings.registration.check(())  # whether at all, before a body is looked at
        metadata = read_registration(body, self.settings.private_schemes)
        self.settings.registration.check(metadata.redirect_uris)
        client, secret = await to_thread.run_sync(lambda: self.stores.clients.register(metadata, address))
        await self.note("client_registered", client=client.client_id, client_name=client.name)
        return client, secret

    # Tokens

    async def exchange(self, credentials: ClientCredentials, form: Mapping[str, str]) -> IssuedTokens:
        """Answer a request to the token endpoint.

        Raises:
            OAuthError: The request, the client, the code or the token is refused.
        """
        client = await self._authenticated(credentials)
        resource = form.get("resource")
        repository = self.stores.tokens
        kind = _needed(form, "grant_type")
        if kind == "authorization_code":
            code, verifier = _needed(form, "code"), _needed(form, "code_verifier")
            meant = resource_of(resource, self.settings.resource) if resource is not None else None
            exchange = partial(
                repository.exchange_code, code, client.client_id, form.get("redirect_uri"), verifier, meant
            )
        elif kind == "refresh_token":
            token = _needed(form, "refresh_token")
            resource_of(resource, self.settings.resource)
            wanted = form.get("scope")
            known = [scope for scope in wanted.split() if scope in self.settings.offered_scopes] if wanted else None
            exchange = partial(repository.refresh, token, client.client_id, known or None)
        else:
            raise OAuthError("unsupported_grant_type", "grant_type must be authorization_code or refresh_token")
        issued = await to_thread.run_sync(exchange)
        await self.note("tokens_issued", person=issued.subject, client=client.client_id, grant=issued.grant_id, by=kind)
        return issued

    async def revoke(self, credentials: ClientCredentials, form: Mapping[str, str]) -> None:
        """End the grant of a token (RFC 7009); an unknown token is no error.

        Raises:
            OAuthError: The client is refused, or no token is named.
        """
        client = await self._authenticated(credentials)
        token = _needed(form, "token")
        await to_thread.run_sync(lambda: self.stores.tokens.revoke_token(token, client.client_id))

    async def _authenticated(self, credentials: ClientCredentials) -> RegisteredClient:
        try:
            client = await self.client(credentials.client_id)
        except InvalidClientDocument as problem:
            raise OAuthError("invalid_client", str(problem), 401) from problem
        return authenticate(client, credentials)

    # A person's own grants

    async def grants_of(self, person: SignedInPerson) -> Sequence[Mapping[str, Any]]:
        """Return the live grants of a person."""
        return await to_thread.run_sync(lambda: self.stores.grants.list(person.subject))

    async def revoke_own(self, person: SignedInPerson, grant_id: str) -> None:
        """End one grant of a person, if it is theirs."""
        await to_thread.run_sync(lambda: self.stores.grants.revoke("person", grant_id=grant_id, subject=person.subject))


def _needed(form: Mapping[str, str], name: str) -> str:
    value = form.get(name)
    if value is None:
        raise OAuthError("invalid_request", f"{name} is missing")
    return value
