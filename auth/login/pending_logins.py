"""Tries to sign in that wait for a browser, where every process of the machine can see them.

Several chat windows share one callback address, so the process that listens there may be another than the one that
started the try. What comes back is left here for the one that did; it alone has the app's secret, and asks for tokens.

A try is good for five minutes and for one answer. Its state is kept as a digest, its verifier and code are sealed.
"""

import hashlib
import hmac
import json
import math
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Column, Double, MetaData, RowMapping, Select, Table, Text, delete, select, update
from sqlalchemy.sql.elements import ColumnElement

from auth.errors import SignInFailed
from auth.oauth import PkceAttempt
from auth.vault import Vault
from persistence.database import Database
from persistence.encryption import NotSealed
from persistence.errors import KeyMissing
from persistence.migrations import SchemaComponent, migrate

LIFE_SECONDS: Final = 300.0
_KEPT_SECONDS: Final = 3600.0

_TABLES: Final = MetaData()
_ATTEMPTS: Final = Table(
    "sign_in_attempts",
    _TABLES,
    Column("id", Text, primary_key=True),
    Column("callback_url", Text, nullable=False),
    Column("state_digest", Text, nullable=False, unique=True),
    Column("sealed", Text, nullable=False),
    Column("browser_digest", Text),
    Column("status", Text, nullable=False),
    Column("answer", Text),
    Column("words", Text),
    Column("started_at", Double, nullable=False),
)
COMPONENT: Final = SchemaComponent("sign_in_attempts", _TABLES)

Status = Literal["open", "answered", "signed_in", "failed"]


@dataclass(frozen=True)
class PendingLogin:
    """A try as it stands. `words` is the person's name once `signed_in`, and the error's code once `failed`.

    `opened`: the link was followed to Autodesk's page.
    """

    id: str
    status: Status
    words: str | None = None
    opened: bool = False


class PendingLogins:
    """The tries of one database."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        now: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._vault = vault
        self._now = now
        self._steady = steady
        self._begun: dict[str, float] = {}
        """When the tries of this process began, by a monotonic clock."""
        migrate(database, COMPONENT)

    # The process that started the login

    def start(self, callback_url: str, attempt: PkceAttempt, url: str) -> str:
        """Wait for the answer to an `attempt` at the authorize `url`; return the id that the link carries."""
        id_ = secrets.token_urlsafe(18)
        now, steady = self._now(), self._steady()
        content = {"verifier": attempt.verifier, "state": attempt.state, "url": url, "steady": steady}
        sealed = self._vault.seal(json.dumps(content).encode(), "attempt", id_)
        self._begun = {one: begun for one, begun in self._begun.items() if steady - begun < LIFE_SECONDS} | {
            id_: steady
        }
        with self._database.writing() as connection:
            old = select(_ATTEMPTS).where(_ATTEMPTS.c.started_at < now - _KEPT_SECONDS)
            over = [row["id"] for row in connection.execute(old).mappings() if self._over(row)]
            connection.execute(delete(_ATTEMPTS).where(_ATTEMPTS.c.id.in_(over)))
            connection.execute(
                _ATTEMPTS.insert().values(
                    id=id_,
                    callback_url=callback_url,
                    state_digest=_digest(attempt.state),
                    sealed=sealed,
                    status="open",
                    started_at=now,
                )
            )
        return id_

    def proof(self, id_: str) -> tuple[str, str]:
        """Return the authorization code that came back and the verifier it belongs to. They are given out once."""
        with self._database.writing() as connection:
            row = connection.execute(_locked(_ATTEMPTS.c.id == id_)).mappings().one()
            connection.execute(update(_ATTEMPTS).where(_ATTEMPTS.c.id == id_).values(answer=None))
        if row["answer"] is None:
            raise SignInFailed("used_twice")
        code = self._vault.unseal(row["answer"], "code", row["state_digest"]).decode()
        content = json.loads(self._vault.unseal(row["sealed"], "attempt", id_))
        return code, content["verifier"]

    def finish(self, id_: str, status: Literal["signed_in", "failed"], words: str) -> None:
        """Store the outcome for the process that shows the page."""
        with self._database.writing() as connection:
            connection.execute(
                update(_ATTEMPTS).where(_ATTEMPTS.c.id == id_).values(status=status, words=words, answer=None)
            )

    # Both

    def waiting(self, id_: str) -> PendingLogin | None:
        """Return how a try stands; None when there is none, or its time was over before an answer came."""
        with self._database.reading() as connection:
            row = connection.execute(select(_ATTEMPTS).where(_ATTEMPTS.c.id == id_)).mappings().one_or_none()
        if row is None or (row["status"] == "open" and self._over(row)):
            return None
        return PendingLogin(row["id"], row["status"], row["words"], opened=row["browser_digest"] is not None)

    def is_proof(self, proof: str, id_: str, callback_url: str, challenge: str) -> bool:
        """Whether `proof` is what `prove` answers to this very challenge, wherever the vault is shared."""
        try:
            answer = self._vault.unseal(proof, "listener", id_, callback_url)
        except (KeyMissing, NotSealed):
            return False
        return hmac.compare_digest(answer, challenge.encode())

    # The process that listens

    def prove(self, id_: str, callback_url: str, challenge: str) -> str | None:
        """Return `challenge` sealed with the vault's key, which no other program has; None for an unknown try."""
        if self.waiting(id_) is None:
            return None
        return self._vault.seal(challenge.encode("utf-8", "replace"), "listener", id_, callback_url)

    def opened(self, id_: str, browser: str) -> str | None:
        """Bind a try to the browser that opened its link last, and return where that is to go; None when it is over."""
        with self._database.writing() as connection:
            row = connection.execute(_locked(_ATTEMPTS.c.id == id_)).mappings().one_or_none()
            if row is None or row["status"] != "open" or self._over(row):
                return None
            connection.execute(update(_ATTEMPTS).where(_ATTEMPTS.c.id == id_).values(browser_digest=_digest(browser)))
        content = json.loads(self._vault.unseal(row["sealed"], "attempt", id_))
        return str(content["url"])

    def answered(
        self,
        callback_url: str,
        state: str,
        browsers: Collection[str],
        *,
        code: str | None,
        error: str | None,
        pasted: bool,
    ) -> PendingLogin | Literal["unknown", "used", "other_browser"]:
        """Take what came back for a `state`, once.

        `browsers` are the marks that the browser brought, one for each link it has opened; an answer `pasted` by the
        person needs none.
        """
        digest = _digest(state)
        answer = self._vault.seal(code.encode("utf-8", "replace"), "code", digest) if code else None
        with self._database.writing() as connection:
            row = connection.execute(_locked(_ATTEMPTS.c.state_digest == digest)).mappings().one_or_none()
            if row is None or row["callback_url"] != callback_url:
                return "unknown"
            if row["status"] != "open":
                return "used"
            if self._over(row):
                return "unknown"
            bound = None if pasted else row["browser_digest"]
            if bound is not None and not any(hmac.compare_digest(bound, _digest(one)) for one in browsers):
                return "other_browser"
            status: Status = "answered" if code else "failed"
            connection.execute(
                update(_ATTEMPTS).where(_ATTEMPTS.c.id == row["id"]).values(status=status, answer=answer, words=error)
            )
        return PendingLogin(row["id"], status, error)

    def _over(self, row: RowMapping) -> bool:
        begun = self._begun.get(row["id"])
        if begun is not None:
            return self._steady() - begun >= LIFE_SECONDS  # the clock on the wall may have been set meanwhile
        if 0 <= self._now() - row["started_at"] < LIFE_SECONDS:
            return False
        try:
            content = json.loads(self._vault.unseal(row["sealed"], "attempt", row["id"]))
        except (KeyMissing, NotSealed):
            return True
        # Another window's: the steady clock is one for all processes of a machine, from its start on.
        return not 0 <= self._steady() - content.get("steady", -math.inf) < LIFE_SECONDS


def _locked(which: ColumnElement[bool]) -> Select[Any]:
    """Return the query for a try that no other transaction can change before this one ends."""
    return select(_ATTEMPTS).where(which).with_for_update()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
