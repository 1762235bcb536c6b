"""Authorization codes and opaque tokens: issued for a code, rotated by refreshing, verified with every request.

Refresh tokens are single-use with one step of grace. All tokens of one use belong to one generation; a refresh token is
good while nothing of its generation was used, and for ten minutes more while nothing of the next generation was: so an
answer that was lost can be asked for again, and two processes that refresh at the same moment both go on. Whatever
comes later is reuse, which ends the grant (RFC 9700, section 4.14.2).
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, func, select, update

from auth.issuer.errors import OAuthError
from auth.issuer.grants import EndedGrant, OnRevoked, end_grants
from auth.issuer.opaque_secrets import (
    ACCESS_PREFIX,
    CODE_PREFIX,
    MAX_LENGTH,
    REFRESH_PREFIX,
    digest,
    new_id,
    new_secret,
)
from auth.issuer.scopes import in_order
from auth.issuer.tables import CLIENTS, CODES, COMPONENT, GRANTS, TOKENS
from persistence.database import Database
from persistence.migrations import migrate

GRACE_SECONDS: Final = 600.0
GRACE_TOKENS: Final = 10
"""Refresh tokens of one generation at most: processes that refresh at the same moment are few."""

_NOTED_SECONDS: Final = 60.0
"""The use of a grant is noted once in so long."""

_MAX_NOTED: Final = 10_000


@dataclass(frozen=True)
class TokenLives:
    """Lifetimes of tokens, in seconds. `grant` is absolute, however often a grant is refreshed."""

    code: float = 60.0
    access: float = 3600.0
    refresh: float = 30 * 24 * 3600.0
    grant: float = 90 * 24 * 3600.0


@dataclass(frozen=True)
class GrantRequest:
    """Grant that a person agreed to: whose, to which client, and what its code is bound to; its `email` is verified."""

    subject: str
    name: str
    email: str | None
    client_id: str
    client_name: str
    redirect_host: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str
    resource: str


@dataclass(frozen=True)
class IssuedTokens:
    """The answer of the token endpoint; `expires_in` is the access token's life in seconds."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    scopes: tuple[str, ...]
    grant_id: str
    subject: str


@dataclass(frozen=True)
class VerifiedToken:
    """An access token that is good now. `email` is a verified one."""

    subject: str
    email: str | None
    client_id: str
    client_name: str
    grant_id: str
    scopes: tuple[str, ...]
    expires_at: float


class TokenRepository:
    """Codes and tokens of one database, with the grants that they are of. Everything here blocks."""

    def __init__(
        self,
        database: Database,
        *,
        lives: TokenLives | None = None,
        now: Callable[[], float] = time.time,
        on_revoked: OnRevoked = lambda _grant, _reason: None,
    ) -> None:
        self._database = database
        self._lives = lives or TokenLives()
        self._now = now
        self._on_revoked = on_revoked
        self._noted: dict[str, float] = {}
        migrate(database, COMPONENT)

    # Issuing

    def issue_code(self, request: GrantRequest) -> tuple[str, str]:
        """Create a grant; return the authorization code that its client exchanges for tokens, and the grant's id."""
        code, grant_id, now = new_secret(CODE_PREFIX), new_id(), self._now()
        with self._database.writing() as connection:
            connection.execute(
                GRANTS.insert().values(
                    id=grant_id,
                    subject=request.subject,
                    name=request.name,
                    email=request.email,
                    client_id=request.client_id,
                    client_name=request.client_name,
                    redirect_host=request.redirect_host,
                    scopes=" ".join(request.scopes),
                    resource=request.resource,
                    created_at=now,
                    last_used_at=now,
                    expires_at=now + self._lives.grant,
                )
            )
            connection.execute(
                CODES.insert().values(
                    digest=digest(code),
                    grant_id=grant_id,
                    redirect_uri=request.redirect_uri,
                    challenge=request.challenge,
                    expires_at=now + self._lives.code,
                )
            )
        return code, grant_id

    def exchange_code(
        self, code: str, client_id: str, redirect_uri: str | None, verifier: str, resource: str | None
    ) -> IssuedTokens:
        """Exchange a code for the first tokens of its grant; it is used up by any try.

        Raises:
            OAuthError: `invalid_grant`; `invalid_target` for another resource. A replayed code ends its grant.
        """
        now = self._now()
        ended: tuple[EndedGrant, ...] = ()
        with self._database.writing() as connection:
            row = _locked_code(connection, code)
            if row is None:
                raise OAuthError("invalid_grant", "the code is unknown or has expired")
            connection.execute(update(CODES).where(CODES.c.digest == row["digest"]).values(used_at=now))
            if row["used_at"] is not None:
                ended = end_grants(connection, GRANTS.c.id == row["grant_id"], "code_replayed", now)
                problem: OAuthError | None = OAuthError("invalid_grant", "the code was used before")
            else:
                problem = _code_problem(row, client_id, redirect_uri, verifier, resource, now)
            issued = self._issue(connection, row, 1, in_order(row["scopes"].split()), now) if problem is None else None
        for grant in ended:
            self._on_revoked(grant, "code_replayed")
        if issued is None:
            raise problem or OAuthError("invalid_grant", "the code cannot be used")
        return issued

    def refresh(self, token: str, client_id: str, scopes: Sequence[str] | None = None) -> IssuedTokens:
        """Rotate a refresh token; `scopes` can narrow what its new access token may do.

        Raises:
            OAuthError: `invalid_grant`, also for reuse, which ends the grant; `invalid_scope` for more than granted.
        """
        now = self._now()
        ended: tuple[EndedGrant, ...] = ()
        with self._database.writing() as connection:
            row = _locked_token(connection, token, "refresh")
            if row is None or row["client_id"] != client_id or not _is_live(row, now):
                raise OAuthError("invalid_grant", "the refresh token is unknown, expired or revoked")
            granted = row["grant_scopes"].split()
            if scopes is not None and not set(scopes) <= set(granted):
                raise OAuthError("invalid_scope", "a refresh cannot ask for more than was granted")
            issued: IssuedTokens | None = None
            if self._is_reuse(connection, row, now):
                ended = end_grants(connection, GRANTS.c.id == row["grant_id"], "refresh_reused", now)
            else:
                used = update(TOKENS).where(TOKENS.c.digest == row["digest"], TOKENS.c.used_at.is_(None))
                connection.execute(used.values(used_at=now))
                connection.execute(update(GRANTS).where(GRANTS.c.id == row["grant_id"]).values(last_used_at=now))
                narrowed = in_order(set(scopes)) if scopes else in_order(granted)
                issued = self._issue(connection, row, row["generation"] + 1, narrowed, now)
        for grant in ended:
            self._on_revoked(grant, "refresh_reused")
        if issued is None:
            raise OAuthError("invalid_grant", "the refresh token was used before; the person has to sign in again")
        return issued

    def _is_reuse(self, connection: Connection, row: RowMapping, now: float) -> bool:
        generation = row["generation"]
        first_use = _refresh_uses(connection, row["grant_id"], generation)
        if first_use is None:
            return False
        if now - first_use > GRACE_SECONDS or _refresh_uses(connection, row["grant_id"], generation + 1) is not None:
            return True
        siblings = select(func.count()).where(
            TOKENS.c.grant_id == row["grant_id"], TOKENS.c.kind == "refresh", TOKENS.c.generation == generation + 1
        )
        return connection.execute(siblings).scalar_one() >= GRACE_TOKENS

    def _issue(
        self, connection: Connection, grant: RowMapping, generation: int, scopes: tuple[str, ...], now: float
    ) -> IssuedTokens:
        access, refresh = new_secret(ACCESS_PREFIX), new_secret(REFRESH_PREFIX)
        ends = grant["grant_expires_at"]
        access_ends, refresh_ends = min(now + self._lives.access, ends), min(now + self._lives.refresh, ends)
        common = {"grant_id": grant["grant_id"], "generation": generation}
        rows = [
            {
                **common,
                "digest": digest(access),
                "kind": "access",
                "scopes": " ".join(scopes),
                "expires_at": access_ends,
            },
            {**common, "digest": digest(refresh), "kind": "refresh", "scopes": "", "expires_at": refresh_ends},
        ]
        connection.execute(TOKENS.insert(), rows)
        # A client that registered itself is kept while it is used; it is noted with the tokens, or neither is.
        used = update(CLIENTS).where(CLIENTS.c.client_id == grant["client_id"])
        connection.execute(used.values(last_used_at=now))
        return IssuedTokens(
            access, refresh, max(1, int(access_ends - now)), scopes, grant["grant_id"], grant["subject"]
        )

    # Verifying

    def verify(self, access_token: str, resource: str) -> VerifiedToken | None:
        """Return what an access token for `resource` stands for, or None when it is not good now, or for another one.

        Raises:
            DatabaseProblem: The database cannot be asked.
        """
        if not access_token.startswith(ACCESS_PREFIX) or len(access_token) > MAX_LENGTH:
            return None
        now = self._now()
        with self._database.reading() as connection:
            row = connection.execute(_token_query(access_token, "access")).mappings().one_or_none()
        if row is None or row["resource"] != resource or not _is_live(row, now):
            return None
        self._note_use(row["grant_id"], now)
        return VerifiedToken(
            row["subject"],
            row["email"],
            row["client_id"],
            row["client_name"],
            row["grant_id"],
            tuple(row["scopes"].split()),
            row["expires_at"],
        )

    def _note_use(self, grant_id: str, now: float) -> None:
        if 0 <= now - self._noted.get(grant_id, 0.0) < _NOTED_SECONDS:
            return
        if len(self._noted) > _MAX_NOTED:
            self._noted.clear()
        self._noted[grant_id] = now
        with self._database.writing() as connection:
            connection.execute(update(GRANTS).where(GRANTS.c.id == grant_id).values(last_used_at=now))

    # Revoking

    def revoke_token(self, token: str, client_id: str) -> None:
        """End the grant of an access or refresh token, if it is this client's (RFC 7009); others are ignored."""
        with self._database.writing() as connection:
            row = None
            for kind in ("refresh", "access"):
                row = row or connection.execute(_token_query(token, kind)).mappings().one_or_none()
            if row is None or row["client_id"] != client_id:
                return
            ended = end_grants(connection, GRANTS.c.id == row["grant_id"], "client", self._now())
        for grant in ended:
            self._on_revoked(grant, "client")


_GRANT_COLUMNS: Final = (
    GRANTS.c.subject,
    GRANTS.c.email,
    GRANTS.c.client_id,
    GRANTS.c.client_name,
    GRANTS.c.revoked_at,
    GRANTS.c.resource,
    GRANTS.c.scopes.label("grant_scopes"),
    GRANTS.c.expires_at.label("grant_expires_at"),
)


def _token_query(token: str, kind: str) -> Select[Any]:
    return (
        select(TOKENS, *_GRANT_COLUMNS)
        .join(GRANTS, GRANTS.c.id == TOKENS.c.grant_id)
        .where(TOKENS.c.digest == digest(token), TOKENS.c.kind == kind)
    )


def _locked_token(connection: Connection, token: str, kind: str) -> RowMapping | None:
    """Return a token with its grant, its row locked until the transaction ends."""
    found: RowMapping | None = connection.execute(_token_query(token, kind)).mappings().one_or_none()
    if found is None:
        return None
    connection.execute(select(GRANTS.c.id).where(GRANTS.c.id == found["grant_id"]).with_for_update())
    again: RowMapping | None = connection.execute(_token_query(token, kind)).mappings().one_or_none()
    return again


def _locked_code(connection: Connection, code: str) -> RowMapping | None:
    grant = select(CODES, *_GRANT_COLUMNS, GRANTS.c.scopes).join(GRANTS, GRANTS.c.id == CODES.c.grant_id)
    locked = grant.where(CODES.c.digest == digest(code)).with_for_update()
    return connection.execute(locked).mappings().one_or_none()


def _is_live(row: RowMapping, now: float) -> bool:
    return row["revoked_at"] is None and min(row["expires_at"], row["grant_expires_at"]) > now


def _refresh_uses(connection: Connection, grant_id: str, generation: int) -> float | None:
    """Return when a refresh token of a generation was first used."""
    query = select(func.min(TOKENS.c.used_at)).where(
        TOKENS.c.grant_id == grant_id, TOKENS.c.kind == "refresh", TOKENS.c.generation == generation
    )
    first: float | None = connection.execute(query).scalar()
    return first


def _code_problem(
    row: RowMapping, client_id: str, redirect_uri: str | None, verifier: str, resource: str | None, now: float
) -> OAuthError | None:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("utf-8", "replace")).digest())
    if not _is_live(row, now) or row["client_id"] != client_id:
        return OAuthError("invalid_grant", "the code is unknown or has expired")
    if redirect_uri is not None and redirect_uri != row["redirect_uri"]:
        return OAuthError("invalid_grant", "redirect_uri is another one than the code was issued for")
    if not hmac.compare_digest(challenge.rstrip(b"="), row["challenge"].encode("ascii", "replace")):
        return OAuthError("invalid_grant", "code_verifier does not fit the code's challenge")
    if resource is not None and resource != row["resource"]:
        return OAuthError("invalid_target", "the code was issued for another resource")
    return None
