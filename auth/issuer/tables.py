"""Tables of the authorization server. Of every secret they hold a digest; what must be read again is sealed.

Times are seconds since 1970. Lists are JSON arrays, scopes words with spaces between, as in OAuth.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Double, Index, MetaData, Table, Text

from persistence.migrations import SchemaComponent

_METADATA = MetaData()

CLIENTS = Table(
    "oauth_clients",
    _METADATA,
    Column("client_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("redirect_uris", Text, nullable=False),
    Column("auth_method", Text, nullable=False),
    Column("secret_digest", Text),
    Column("application_type", Text),
    Column("address_digest", Text),
    Column("created_at", Double, nullable=False),
    Column("last_used_at", Double),
    Index("oauth_clients_age", "last_used_at", "created_at"),
)
"""Clients that registered themselves. Pre-registered ones stand in a file, documents in a cache."""

REQUESTS = Table(
    "oauth_requests",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("browser_digest", Text, nullable=False),
    Column("state_digest", Text, unique=True),
    Column("approval_digest", Text),
    Column("sealed", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Index("oauth_requests_age", "created_at"),
)
"""Authorization requests of clients, and sign-ins that browsers began: from consent to Autodesk's answer."""

GRANTS = Table(
    "oauth_grants",
    _METADATA,
    Column("id", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("client_id", Text, nullable=False),
    Column("client_name", Text, nullable=False),
    Column("redirect_host", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("last_used_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("revoked_at", Double),
    Column("reason", Text),
    Index("oauth_grants_subject", "subject"),
    Index("oauth_grants_client", "client_id"),
)
"""What a person let a client do. `email` is one that Autodesk has verified."""

CODES = Table(
    "oauth_codes",
    _METADATA,
    Column("digest", Text, primary_key=True),
    Column("grant_id", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("challenge", Text, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("used_at", Double),
    Index("oauth_codes_grant", "grant_id"),
)

TOKENS = Table(
    "oauth_tokens",
    _METADATA,
    Column("digest", Text, primary_key=True),
    Column("grant_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("used_at", Double),
    Index("oauth_tokens_grant", "grant_id", "kind", "generation"),
)
"""Access and refresh tokens. A generation is what one use of a refresh token issued."""

SESSIONS = Table(
    "oauth_sessions",
    _METADATA,
    Column("digest", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("expires_at", Double, nullable=False),
    Index("oauth_sessions_subject", "subject"),
)
"""Browsers in which a person has signed in."""


SHARED_KEYS = Table(
    "oauth_shared_keys", _METADATA, Column("name", Text, primary_key=True), Column("sealed", Text, nullable=False)
)
"""Keys that all replicas use, made by whichever comes first."""

COMPONENT: Final = SchemaComponent("issuer", _METADATA)
