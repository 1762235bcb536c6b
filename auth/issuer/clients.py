"""MCP clients of the authorization server: those that registered themselves (RFC 7591), and those in a file.

An administrator registers clients in a file for those that can do nothing else, or to allow no others::

    [[client]]
    id = "copilot-studio"
    name = "Copilot Studio"
    redirect_uris = ["https://global.consent.azure-apim.net/redirect/submittals"]
    secret_sha256 = "..."        # left out: a public client

How a client proves who it is at the token, revocation and registration endpoints: RFC 6749, section 2.3.
"""

import base64
import binascii
import hashlib
import json
import time
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import unquote_plus

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import RowMapping, delete, func, or_, select

from auth.issuer.errors import OAuthError, first_problem
from auth.issuer.opaque_secrets import CLIENT_SECRET_PREFIX, MAX_LENGTH, digest, new_id, new_secret, same_secret
from auth.issuer.redirect_uris import PRIVATE_SCHEMES, InvalidRedirectUri, check_redirect_uri, matches
from auth.issuer.tables import CLIENTS, COMPONENT
from persistence.database import Database
from persistence.migrations import migrate

AuthMethod = Literal["none", "client_secret_post", "client_secret_basic"]
ClientKind = Literal["pre-registered", "document", "dynamic"]

MAX_REDIRECT_URIS: Final = 10
MAX_NAME_LENGTH: Final = 100
MAX_CLIENTS: Final = 10_000
"""Registrations that are kept at once; beyond that the oldest that never signed anybody in goes first."""

UNUSED_SECONDS: Final = 24 * 3600.0
"""How long a registration is kept that was never used: some chat clients register for every connection."""

IDLE_SECONDS: Final = 90 * 24 * 3600.0
"""How long a registration is kept after its last use."""


@dataclass(frozen=True)
class RegisteredClient:
    """A client as the server knows it, however it came to be known. `secret_digest` is None for a public one."""

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    kind: ClientKind
    auth_method: AuthMethod = "none"
    secret_digest: str | None = None
    application_type: str | None = None

    def redirect_uri(self, given: str | None) -> str | None:
        """Return where an answer goes: the `given` URI if it is registered, the only one for none, else None."""
        if given is None:
            return self.redirect_uris[0] if len(self.redirect_uris) == 1 else None
        return given if any(matches(registered, given) for registered in self.redirect_uris) else None


class ClientMetadata(BaseModel):
    """Metadata that a client sends when it registers (RFC 7591, section 2); unknown members are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    redirect_uris: tuple[str, ...] = Field(min_length=1, max_length=MAX_REDIRECT_URIS)
    client_name: str | None = Field(default=None, max_length=MAX_NAME_LENGTH)
    token_endpoint_auth_method: AuthMethod = "none"  # noqa: S105
    application_type: Literal["native", "web"] | None = None
    grant_types: tuple[str, ...] = ("authorization_code", "refresh_token")
    response_types: tuple[str, ...] = ("code",)

    @property
    def is_confidential(self) -> bool:
        """Whether it wants a secret."""
        return self.token_endpoint_auth_method.startswith("client_secret")

    @property
    def name(self) -> str:
        """The client's name without what a person cannot see, or words for one that gives none."""
        return visible_name(self.client_name or "") or "An unnamed client"


def visible_name(text: str) -> str:
    """Return a name as it may be shown on a page: printable characters, single spaces, a bounded length."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:MAX_NAME_LENGTH]


def read_registration(body: bytes, private_schemes: Collection[str]) -> ClientMetadata:
    """Read and check the body of a registration request.

    Raises:
        OAuthError: `invalid_client_metadata` or `invalid_redirect_uri` (RFC 7591, section 3.2.2).
    """
    try:
        metadata = ClientMetadata.model_validate_json(body)
    except ValidationError as error:
        raise OAuthError("invalid_client_metadata", first_problem(error)) from None
    if "authorization_code" not in metadata.grant_types or "code" not in metadata.response_types:
        raise OAuthError("invalid_client_metadata", "this server grants authorization codes")
    for uri in metadata.redirect_uris:
        try:
            check_redirect_uri(uri, private_schemes)
        except InvalidRedirectUri as problem:
            raise OAuthError("invalid_redirect_uri", str(problem)) from None
    return metadata


class ClientRepository:
    """Registrations of one database, capped in number and cleaned of what is not used. Everything here blocks."""

    def __init__(
        self, database: Database, *, now: Callable[[], float] = time.time, max_clients: int = MAX_CLIENTS
    ) -> None:
        self._database = database
        self._now = now
        self._max_clients = max_clients
        migrate(database, COMPONENT)

    def register(self, metadata: ClientMetadata, address: str) -> tuple[RegisteredClient, str | None]:
        """Add a client; return it, and its secret where it asked for one. `address` is kept as a digest."""
        secret = new_secret(CLIENT_SECRET_PREFIX) if metadata.is_confidential else None
        client = RegisteredClient(
            new_id(),
            metadata.name,
            metadata.redirect_uris,
            "dynamic",
            metadata.token_endpoint_auth_method,
            digest(secret) if secret is not None else None,
            metadata.application_type,
        )
        with self._database.writing() as connection:
            count = connection.execute(select(func.count()).select_from(CLIENTS)).scalar_one()
            if count >= self._max_clients:
                # NULLs of `last_used_at` sort differently on the two databases.
                age = (CLIENTS.c.last_used_at.is_not(None), CLIENTS.c.last_used_at, CLIENTS.c.created_at)
                first = select(CLIENTS.c.client_id).order_by(*age).limit(count - self._max_clients + 1)
                connection.execute(delete(CLIENTS).where(CLIENTS.c.client_id.in_(first)))
            connection.execute(
                CLIENTS.insert().values(
                    client_id=client.client_id,
                    name=client.name,
                    redirect_uris=json.dumps(client.redirect_uris),
                    auth_method=client.auth_method,
                    secret_digest=client.secret_digest,
                    application_type=client.application_type,
                    address_digest=hashlib.sha256(address.encode()).hexdigest()[:16],
                    created_at=self._now(),
                )
            )
        return client, secret

    def get(self, client_id: str) -> RegisteredClient | None:
        """Return a registered client, or None."""
        with self._database.reading() as connection:
            row = connection.execute(select(CLIENTS).where(CLIENTS.c.client_id == client_id)).mappings().one_or_none()
        return _client(row) if row is not None else None

    def list(self) -> Sequence[Mapping[str, Any]]:
        """Return the rows of all registrations, newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(CLIENTS).order_by(CLIENTS.c.created_at.desc())).mappings()
            return [dict(row) for row in rows]

    def remove(self, client_id: str) -> bool:
        """Forget a registration; False when there is none."""
        with self._database.writing() as connection:
            return connection.execute(delete(CLIENTS).where(CLIENTS.c.client_id == client_id)).rowcount == 1

    def purge(self) -> int:
        """Forget registrations that were never used for a day, or not for 90 days; return how many."""
        now = self._now()
        with self._database.writing() as connection:
            return connection.execute(
                delete(CLIENTS).where(
                    or_(
                        CLIENTS.c.last_used_at < now - IDLE_SECONDS,
                        CLIENTS.c.last_used_at.is_(None) & (CLIENTS.c.created_at < now - UNUSED_SECONDS),
                    )
                )
            ).rowcount


def _client(row: RowMapping) -> RegisteredClient:
    return RegisteredClient(
        row["client_id"],
        row["name"],
        tuple(json.loads(row["redirect_uris"])),
        "dynamic",
        row["auth_method"],
        row["secret_digest"],
        row["application_type"],
    )


class _ClientEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{1,100}$")]
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
    redirect_uris: Annotated[list[str], Field(min_length=1, max_length=MAX_REDIRECT_URIS)]
    secret_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class _ClientsFile(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    client: list[_ClientEntry] = []


def read_clients(path: Path, private_schemes: Collection[str] = PRIVATE_SCHEMES) -> Mapping[str, RegisteredClient]:
    """Return the clients of a file by their ids.

    Raises:
        ValueError: The file cannot be read or used; the text says why and holds no secret.
    """
    try:
        entries = _ClientsFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).client
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise ValueError(f"{path} is not TOML") from None
    except ValidationError as error:
        raise ValueError(f"{path}: {first_problem(error)}") from None
    found: dict[str, RegisteredClient] = {}
    for entry in entries:
        for uri in entry.redirect_uris:
            try:
                check_redirect_uri(uri, private_schemes)
            except InvalidRedirectUri as problem:
                raise ValueError(f"{path}: client {entry.id}: {problem}") from None
        if entry.id in found:
            raise ValueError(f"{path}: client {entry.id} stands there twice")
        found[entry.id] = RegisteredClient(
            entry.id,
            visible_name(entry.name),
            tuple(entry.redirect_uris),
            "pre-registered",
            "none" if entry.secret_sha256 is None else "client_secret_basic",
            entry.secret_sha256,
        )
    return found


_UNAUTHORIZED: Final = 401


@dataclass(frozen=True)
class ClientCredentials:
    """Credentials of the client in a request; `basic` tells that an `Authorization` header did."""

    client_id: str
    secret: str | None = field(repr=False)
    basic: bool


def read_credentials(authorization: str | None, form: Mapping[str, str]) -> ClientCredentials:
    """Read a client's id and secret from the Basic header or the form.

    Raises:
        OAuthError: `invalid_client`, or `invalid_request` where both say something different.
    """
    named, secret = form.get("client_id"), form.get("client_secret")
    if authorization is not None and authorization.partition(" ")[0].lower() == "basic":
        client_id, given = _basic(authorization.partition(" ")[2])
        if secret is not None or (named is not None and named != client_id):
            raise OAuthError("invalid_request", "the client was named twice")
        return ClientCredentials(client_id, given or None, basic=True)
    if named is None:
        raise OAuthError("invalid_client", "client_id is missing", _UNAUTHORIZED)
    return ClientCredentials(named, secret, basic=False)


def authenticate(client: RegisteredClient | None, credentials: ClientCredentials) -> RegisteredClient:
    """Return the client if it has proved itself.

    A public client needs no proof here: PKCE and rotation are its proof. A secret that it sends all the same is no
    secret of ours, so it is refused.

    Raises:
        OAuthError: `invalid_client`.
    """
    refused = OAuthError("invalid_client", "the client is unknown or its secret is wrong", _UNAUTHORIZED)
    if client is None:
        raise refused
    if client.auth_method == "none" or client.secret_digest is None:
        if credentials.secret:
            raise refused
        return client
    secret = credentials.secret
    if secret is None or len(secret) > MAX_LENGTH or not same_secret(secret, client.secret_digest):
        raise refused
    return client


def _basic(encoded: str) -> tuple[str, str]:
    try:
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = ""
    if not colon:
        raise OAuthError("invalid_client", "the Authorization header cannot be read", _UNAUTHORIZED)
    return unquote_plus(name), unquote_plus(secret)
