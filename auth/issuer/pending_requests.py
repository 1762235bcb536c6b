"""Requests that wait for a person: on the consent page, then at Autodesk.

Each is bound to the browser that began it by a cookie, and again, once approved, by a second one that is set with the
approval: so neither a link to the consent page nor an answer of Autodesk works in another browser. Every step is taken
once. Of cookies and states the database holds digests; what is read again is sealed.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import RowMapping, delete, select, update

from auth.issuer.authorization import AuthorizationRequest
from auth.issuer.opaque_secrets import digest, new_id, new_secret, same_secret
from auth.issuer.tables import COMPONENT, REQUESTS
from auth.oauth import PkceAttempt
from auth.vault import Vault
from persistence.database import Database
from persistence.migrations import migrate

LIFE_SECONDS: Final = 600.0
COOKIE_SECONDS: Final = 1200
"""Longer than the request, so that a late browser reads that it is late, and not that it is another one."""

_CONSENT: Final = "__Host-consent-"
_APPROVED: Final = "__Host-approved-"

Purpose = Literal["authorize", "connect", "account"]
Mismatch = Literal["unknown", "used", "other_browser"]


@dataclass(frozen=True)
class PendingRequest:
    """A request as it stands; `authorization` is None where a browser began it for itself."""

    id: str
    purpose: Purpose
    authorization: AuthorizationRequest | None
    verifier: str | None = None

    @property
    def consent_cookie(self) -> str:
        """The name of the cookie that binds the consent page to its browser."""
        return f"{_CONSENT}{self.id}"

    @property
    def approval_cookie(self) -> str:
        """The name of the cookie that binds Autodesk's answer to the browser that approved."""
        return f"{_APPROVED}{self.id}"


class PendingRequests:
    """The waiting requests of one database. Everything here blocks."""

    def __init__(self, database: Database, vault: Vault, *, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._vault = vault
        self._now = now
        migrate(database, COMPONENT)

    def begin(self, purpose: Purpose, authorization: AuthorizationRequest | None = None) -> tuple[PendingRequest, str]:
        """Keep a request for ten minutes; return it with the value of its consent cookie."""
        request, cookie = PendingRequest(new_id(), purpose, authorization), new_secret()
        sealed = self._seal(request)
        with self._database.writing() as connection:
            connection.execute(delete(REQUESTS).where(REQUESTS.c.created_at < self._now() - 2 * LIFE_SECONDS))
            connection.execute(
                REQUESTS.insert().values(
                    id=request.id,
                    purpose=purpose,
                    stage="consent",
                    browser_digest=digest(cookie),
                    sealed=sealed,
                    created_at=self._now(),
                )
            )
        return request, cookie

    def waiting(self, id_: str, cookies: Mapping[str, str]) -> tuple[PendingRequest, str] | Mismatch:
        """Return a request that waits for consent in this browser, and its consent cookie; or why there is none."""
        with self._database.reading() as connection:
            row = connection.execute(select(REQUESTS).where(REQUESTS.c.id == id_)).mappings().one_or_none()
        cookie = cookies.get(f"{_CONSENT}{id_}")
        if row is None or cookie is None or self._is_over(row) or not same_secret(cookie, row["browser_digest"]):
            return _not_here(cookies, _CONSENT)
        return (self._opened(row), cookie) if row["stage"] == "consent" else "used"

    def approve(
        self, request: PendingRequest, authorization: AuthorizationRequest | None, attempt: PkceAttempt
    ) -> str | None:
        """Send an approved request on to Autodesk; return the value of its approval cookie, None if it was answered."""
        cookie = new_secret()
        sealed = self._seal(PendingRequest(request.id, request.purpose, authorization, attempt.verifier))
        values = {
            "stage": "autodesk",
            "state_digest": digest(attempt.state),
            "approval_digest": digest(cookie),
            "sealed": sealed,
        }
        return cookie if self._moved(request.id, "consent", values) else None

    def finish(self, request: PendingRequest) -> bool:
        """End a request that needs no Autodesk; False if it was answered before."""
        return self._moved(request.id, "consent", {"stage": "done"})

    def take(self, state: str, cookies: Mapping[str, str]) -> PendingRequest | Mismatch:
        """Return the request that an answer of Autodesk belongs to, once, in the browser that approved it."""
        with self._database.reading() as connection:
            query = select(REQUESTS).where(REQUESTS.c.state_digest == digest(state))
            row = connection.execute(query).mappings().one_or_none()
        cookie = cookies.get(f"{_APPROVED}{row['id']}") if row is not None else None
        if row is None or cookie is None or self._is_over(row) or not same_secret(cookie, row["approval_digest"] or ""):
            return _not_here(cookies, _APPROVED)
        request = self._opened(row)
        return request if self._moved(request.id, "autodesk", {"stage": "done"}) else "used"

    def _moved(self, id_: str, stage: str, values: Mapping[str, str]) -> bool:
        with self._database.writing() as connection:
            moved = update(REQUESTS).where(REQUESTS.c.id == id_, REQUESTS.c.stage == stage).values(**values)
            return connection.execute(moved).rowcount == 1

    def _seal(self, request: PendingRequest) -> str:
        asked = request.authorization.model_dump(mode="json") if request.authorization is not None else None
        content = json.dumps({"authorization": asked, "verifier": request.verifier}).encode()
        return self._vault.seal(content, "issuer", request.id)

    def _opened(self, row: RowMapping) -> PendingRequest:
        content = json.loads(self._vault.unseal(row["sealed"], "issuer", row["id"]))
        asked = content["authorization"]
        authorization = AuthorizationRequest.model_validate(asked) if asked is not None else None
        return PendingRequest(row["id"], row["purpose"], authorization, content["verifier"])

    def _is_over(self, row: RowMapping) -> bool:
        # A request of a moment to come was begun before the clock was set back.
        return bool(self._now() - row["created_at"] >= LIFE_SECONDS)


def _not_here(cookies: Mapping[str, str], kind: str) -> Mismatch:
    """Return why this browser has no such request: by its cookies alone, so another one's is as an unknown one."""
    return "unknown" if any(name.startswith(kind) for name in cookies) else "other_browser"
