"""Secure Service Accounts: unattended sign-in with a signed assertion (fact sheet 10).

The sandbox knows one account, which stands for the project manager's office; its key is made on first use.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.call import Call
from sandbox.clients import Client
from sandbox.people import BY_KEY
from sandbox.refusals import RefusedError
from sandbox.tokens import read_private_key, unverified_claims
from sandbox.world import CONFIDENTIAL_CLIENT_ID, World

AUDIENCE = "https://developer.api.autodesk.com/authentication/v2/token"
KEY_ID = "sandbox-service-key-1"
_LONGEST_LIFE = 300


@dataclass(frozen=True)
class ServiceAccount:
    """What a client needs to act as the account; it acts with the project manager's rights and id."""

    id: str
    key_id: str
    client_id: str
    private_key: str = field(repr=False)
    """RSA-2048 in PEM."""


def service_account(world: World) -> ServiceAccount:
    """The sandbox's service account."""
    return ServiceAccount(_account_id(), KEY_ID, CONFIDENTIAL_CLIENT_ID, world.service_key())


def account_of_assertion(call: Call, client: Client, assertion: str) -> str:
    """The Autodesk id behind a valid assertion; `RefusedError` (400 `invalid_grant`) for any other."""
    import jwt

    claims = unverified_claims(assertion)
    if claims is None or claims.get("sub") != _account_id():
        raise RefusedError(400, "The assertion is invalid.", code="invalid_grant")
    try:
        jwt.decode(
            assertion,
            read_private_key(call.world.service_key()).public_key(),
            algorithms=["RS256"],
            audience=[AUDIENCE, f"{call.base_url}/authentication/v2/token"],
            issuer=client.id,
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": ["exp", "aud", "iss"]},
        )
    except jwt.InvalidTokenError:
        raise RefusedError(400, "The assertion is invalid.", code="invalid_grant") from None
    left = claims["exp"] - call.now.timestamp()
    if not 0 < left <= _LONGEST_LIFE or not isinstance(claims.get("scope"), list):
        raise RefusedError(400, "The assertion has expired, lives too long or names no scopes.", code="invalid_grant")
    return _account_id()


def _account_id() -> str:
    return BY_KEY["manager"].autodesk_id
