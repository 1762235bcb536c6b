"""Refresh tokens: single use, fifteen days, and the family that one sign-in starts (fact sheet 10)."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import timedelta

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import RequestContext
from acc_sandbox.oauth.clients import OAuthClient
from acc_sandbox.state.clock import parse_stamp, stamp
from acc_sandbox.state.store import Row

LIFE = timedelta(days=15)
_INVALID = "The refresh token is invalid or expired."


class ReusedTokenError(RefusedError):
    """A refresh token was shown a second time, to a server that takes this for theft: `family` is to be revoked."""

    def __init__(self, family: str) -> None:
        super().__init__(400, _INVALID, code="invalid_grant")
        self.family = family


def new_family() -> str:
    """A name for the tokens that one sign-in leads to."""
    return uuid.uuid4().hex


def keep_refresh_token(
    call: RequestContext, client: OAuthClient, *, scope: str, autodesk_id: str, family: str, access_token_id: str
) -> str:
    """A new refresh token of a family, made together with the access token of this id."""
    value = secrets.token_urlsafe(32)
    call.sandbox.store.insert(
        "refresh_tokens",
        {
            "id": _digest(value),
            "clientId": client.id,
            "scope": scope,
            "autodeskId": autodesk_id,
            "expiresAt": stamp(call.now + LIFE),
            "usedAt": None,
            "family": family,
            "accessTokenId": access_token_id,
        },
    )
    return value


def find_refresh_token(call: RequestContext, client: OAuthClient, value: str) -> Row | None:
    """An application's refresh token that can still be used, or None."""
    row = _row(call, value)
    good = row is not None and row["clientId"] == client.id and row["usedAt"] is None and not _over(call, row)
    return row if good else None


def use_refresh_token(call: RequestContext, client: OAuthClient, value: str) -> Row:
    """The refresh token as it was granted. Raises `RefusedError` (400), `ReusedTokenError` for one that is used up."""
    row = _row(call, value)
    if row is None:
        raise _invalid()
    if row["clientId"] != client.id:
        raise RefusedError(400, "The grant was issued to another client.", code="invalid_grant")
    if row["usedAt"] is not None and not _in_grace(call, row):
        if call.sandbox.switches.refresh_reuse == "revoke_family":
            raise ReusedTokenError(row["family"])
        raise _invalid()
    if _over(call, row):
        raise _invalid()
    return row


def spend_refresh_token(call: RequestContext, row: Row) -> None:
    """From now on the token counts as used."""
    if row["usedAt"] is None:
        call.sandbox.store.update("refresh_tokens", row["id"], {"usedAt": call.moment})


def revoke_refresh_token(call: RequestContext, client: OAuthClient, value: str) -> None:
    """Forget an application's refresh token, if it is one."""
    call.sandbox.store.run("DELETE FROM refresh_tokens WHERE id = ? AND clientId = ?", _digest(value), client.id)


def revoke_family(call: RequestContext, family: str) -> None:
    """End everything that came of one sign-in, access tokens included."""
    store = call.sandbox.store
    store.run(
        "INSERT OR IGNORE INTO revoked_tokens (id) SELECT accessTokenId FROM refresh_tokens WHERE family = ?", family
    )
    store.run("DELETE FROM refresh_tokens WHERE family = ?", family)


def _invalid() -> RefusedError:
    return RefusedError(400, _INVALID, code="invalid_grant")


def _row(call: RequestContext, value: str) -> Row | None:
    return call.sandbox.store.row("SELECT * FROM refresh_tokens WHERE id = ?", _digest(value))


def _over(call: RequestContext, row: Row) -> bool:
    return bool(row["expiresAt"] <= call.moment)


def _in_grace(call: RequestContext, row: Row) -> bool:
    grace = timedelta(seconds=call.sandbox.switches.refresh_grace_seconds)
    return call.now < parse_stamp(row["usedAt"]) + grace


def _digest(value: str) -> str:
    """Refresh tokens are kept as digests, so that a look into the data folder shows none."""
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()
