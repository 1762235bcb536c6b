"""Sessions of browsers in which a person has signed in at Autodesk, so that one sign-in serves several clients."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select

from auth.issuer.opaque_secrets import MAX_LENGTH, digest, new_secret
from auth.issuer.tables import COMPONENT, SESSIONS
from persistence.database import Database
from persistence.migrations import migrate

COOKIE: Final = "__Host-session"
SESSION_SECONDS: Final = 8 * 3600.0


@dataclass(frozen=True)
class SignedInPerson:
    """A signed-in person; `email` is one that Autodesk has verified, else None."""

    subject: str
    name: str
    email: str | None


class BrowserSessions:
    """The sessions of one database. Everything here blocks."""

    def __init__(
        self, database: Database, *, seconds: float = SESSION_SECONDS, now: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self.seconds = seconds
        self._now = now
        migrate(database, COMPONENT)

    def start(self, person: SignedInPerson) -> str:
        """Begin a session; return its cookie's value."""
        cookie, now = new_secret(), self._now()
        with self._database.writing() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.expires_at < now))
            connection.execute(
                SESSIONS.insert().values(
                    digest=digest(cookie),
                    subject=person.subject,
                    name=person.name,
                    email=person.email,
                    expires_at=now + self.seconds,
                )
            )
        return cookie

    def find(self, cookie: str | None) -> SignedInPerson | None:
        """Return who is signed in in a browser."""
        if cookie is None or len(cookie) > MAX_LENGTH:
            return None
        with self._database.reading() as connection:
            query = select(SESSIONS).where(SESSIONS.c.digest == digest(cookie), SESSIONS.c.expires_at > self._now())
            row = connection.execute(query).mappings().one_or_none()
        return SignedInPerson(row["subject"], row["name"], row["email"]) if row is not None else None

    def end(self, *, cookie: str | None = None, subject: str | None = None) -> None:
        """End one session, all of a person, or without either all."""
        ended = delete(SESSIONS)
        if cookie is not None:
            ended = ended.where(SESSIONS.c.digest == digest(cookie))
        elif subject is not None:
            ended = ended.where(SESSIONS.c.subject == subject)
        with self._database.writing() as connection:
            connection.execute(ended)
