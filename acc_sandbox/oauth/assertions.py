"""The grant of a service account: its signed assertion for an access token (fact sheet 10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import RequestContext
from acc_sandbox.oauth.access_tokens import known_scope, public_pem, read_public_key, unverified_claims
from acc_sandbox.oauth.clients import OAuthClient
from acc_sandbox.oauth.service_accounts import ENABLED, KEY_ID, is_office
from acc_sandbox.state.sandbox_state import SERVER_CLIENT_ID, SandboxState

AUDIENCE = "https://developer.api.autodesk.com/authentication/v2/token"
EXCHANGES_PER_MINUTE = 10
"""Of one application."""
_LONGEST_LIFE = 300


@dataclass(frozen=True)
class JwtAssertion:
    """Who signed a valid assertion, and for which scopes."""

    account_id: str
    scopes: tuple[str, ...]


def read_assertion(call: RequestContext, client: OAuthClient, assertion: str) -> JwtAssertion:
    """The service account and the scopes of an assertion.

    Raises `RefusedError` (400 `invalid_grant`) for one that is not good, or whose account or key is not enabled.
    """
    import jwt

    claims = unverified_claims(assertion) or {}
    account = str(claims.get("sub"))
    try:
        key = _public_key(call.sandbox, client, account, str(jwt.get_unverified_header(assertion).get("kid")))
        if key is None:
            raise _invalid("The assertion is invalid.")
        jwt.decode(
            assertion,
            read_public_key(key),
            algorithms=["RS256"],
            audience=[AUDIENCE, f"{call.base_url}/authentication/v2/token"],
            issuer=client.id,
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": ["exp", "aud", "iss"]},
        )
    except jwt.InvalidTokenError:
        raise _invalid("The assertion is invalid.") from None
    left, scopes = claims["exp"] - call.now.timestamp(), _scopes(claims.get("scope"))
    if not 0 < left <= _LONGEST_LIFE or not scopes:
        raise _invalid("The assertion has expired, lives too long or names no scopes.")
    _note_use(call, account, jwt.get_unverified_header(assertion)["kid"])
    return JwtAssertion(account, scopes)


def _scopes(claim: Any) -> tuple[str, ...]:
    """The scopes of an assertion, or none where one of them is not known."""
    scopes = claim if isinstance(claim, list) else []
    return tuple(scopes) if all(isinstance(one, str) and known_scope(one) for one in scopes) else ()


def _public_key(sandbox: SandboxState, client: OAuthClient, account: str, key_id: str) -> str | None:
    if is_office(sandbox, account):
        ours = client.id == SERVER_CLIENT_ID and key_id == KEY_ID
        return public_pem(sandbox.service_key()) if ours else None
    found: str | None = sandbox.store.value(
        "SELECT publicKey FROM service_keys JOIN service_accounts AS owner ON owner.id = accountId"
        " WHERE service_keys.id = ? AND owner.id = ? AND owner.clientId = ?"
        " AND owner.status = ? AND service_keys.status = ?",
        *(key_id, account, client.id, ENABLED, ENABLED),
    )
    return found


def _note_use(call: RequestContext, account: str, key_id: str) -> None:
    for table, row_id in (("service_accounts", account), ("service_keys", key_id)):
        call.sandbox.store.update(table, row_id, {"accessedAt": call.moment})


def _invalid(reason: str) -> RefusedError:
    return RefusedError(400, reason, code="invalid_grant")
