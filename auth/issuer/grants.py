"""Grants: what a person lets a client do, until the person, the client, an administrator or a misused token ends it."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Connection, and_, delete, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from auth.issuer.tables import CODES, COMPONENT, GRANTS, TOKENS
from persistence.database import Database
from persistence.migrations import migrate

KEPT_SECONDS: Final = 30 * 24 * 3600.0
"""How long an ended grant is kept for those who look after the server."""

RevocationReason = Literal["client", "person", "administrator", "code_replayed", "refresh_reused"]


class EndedGrant(NamedTuple):
    """A grant that has just ended: its id, whose it was, and its client's id."""

    id: str
    subject: str
    client_id: str


OnRevoked = Callable[[EndedGrant, RevocationReason], None]
"""Told of each grant that ended, after the transaction."""


class GrantRepository:
    """Grants of one database; `auth.issuer.tokens` makes them. Everything here blocks."""

    def __init__(
        self,
        database: Database,
        *,
        now: Callable[[], float] = time.time,
        on_revoked: OnRevoked = lambda _grant, _reason: None,
    ) -> None:
        self._database = database
        self._now = now
        self._on_revoked = on_revoked
        migrate(database, COMPONENT)

    def ended(self, grant_ids: Collection[str]) -> set[str]:
        """Return those of some grants that are revoked, over or unknown."""
        live = select(GRANTS.c.id).where(
            GRANTS.c.id.in_(grant_ids), GRANTS.c.revoked_at.is_(None), GRANTS.c.expires_at > self._now()
        )
        with self._database.reading() as connection:
            return set(grant_ids) - set(connection.execute(live).scalars())

    def revoke(
        self,
        reason: RevocationReason,
        *,
        grant_id: str | None = None,
        subject: str | None = None,
        client_id: str | None = None,
    ) -> tuple[EndedGrant, ...]:
        """End the live grants that fit everything given; without anything given, all. Return them."""
        chosen = {GRANTS.c.id: grant_id, GRANTS.c.subject: subject, GRANTS.c.client_id: client_id}
        fits = and_(True, *(column == value for column, value in chosen.items() if value is not None))  # noqa: FBT003
        with self._database.writing() as connection:
            found = end_grants(connection, fits, reason, self._now())
        for ended in found:
            self._on_revoked(ended, reason)
        return found

    def list(self, subject: str | None = None, *, ended: bool = False) -> Sequence[Mapping[str, Any]]:
        """Return rows of grants, newest first: the live ones that hold a token, or with `ended` all that are kept."""
        query = select(GRANTS).order_by(GRANTS.c.created_at.desc(), GRANTS.c.id)
        if subject is not None:
            query = query.where(GRANTS.c.subject == subject)
        if not ended:
            has_token = select(TOKENS.c.digest).where(TOKENS.c.grant_id == GRANTS.c.id).exists()
            query = query.where(GRANTS.c.revoked_at.is_(None), GRANTS.c.expires_at > self._now(), has_token)
        with self._database.reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def purge(self) -> int:
        """Forget codes and tokens that are over, and grants that ended long ago or never got a token."""
        now = self._now()
        with self._database.writing() as connection:
            connection.execute(delete(CODES).where(CODES.c.expires_at < now - KEPT_SECONDS))
            connection.execute(delete(TOKENS).where(TOKENS.c.expires_at < now))
            has_token = select(TOKENS.c.digest).where(TOKENS.c.grant_id == GRANTS.c.id).exists()
            over = or_(
                GRANTS.c.expires_at < now - KEPT_SECONDS,
                GRANTS.c.revoked_at < now - KEPT_SECONDS,
                and_(~has_token, GRANTS.c.last_used_at < now - KEPT_SECONDS),
            )
            gone = connection.execute(select(GRANTS.c.id).where(over)).scalars().all()
            for table, column in ((CODES, CODES.c.grant_id), (TOKENS, TOKENS.c.grant_id), (GRANTS, GRANTS.c.id)):
                connection.execute(delete(table).where(column.in_(gone)))
        return len(gone)


def end_grants(
    connection: Connection, fits: ColumnElement[bool], reason: RevocationReason, now: float
) -> tuple[EndedGrant, ...]:
    """End the live grants that fit; return them. Of two that end one grant at once, one ends it."""
    live = select(GRANTS.c.id).where(fits, GRANTS.c.revoked_at.is_(None))
    locked = live.order_by(GRANTS.c.id).with_for_update()  # all processes lock them in the same order
    ended = update(GRANTS).where(GRANTS.c.id.in_(locked)).values(revoked_at=now, reason=reason)
    columns = (GRANTS.c.id, GRANTS.c.subject, GRANTS.c.client_id)
    return tuple(EndedGrant(*row) for row in connection.execute(ended.returning(*columns)))
