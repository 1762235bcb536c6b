"""Access tokens: RS256 JWTs with the documented claims (fact sheet 10)."""

from __future__ import annotations

import base64
import functools
import json
import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

ISSUER = "https://developer.api.autodesk.com"
AUDIENCE = "https://autodesk.com"
SCOPES = (
    "user-profile:read",
    "user:read",
    "user:write",
    "viewables:read",
    "data:read",
    "data:write",
    "data:create",
    "data:search",
    "bucket:create",
    "bucket:read",
    "bucket:update",
    "bucket:delete",
    "code:all",
    "account:read",
    "account:write",
    "openid",
    "application:service_account:read",
    "application:service_account:write",
    "application:service_account_key:read",
    "application:service_account_key:write",
)
"""Every scope that Authentication v2 knows; `data:read:<URN>` is one besides."""
DEFAULT_SCOPES = "data:read data:write data:create data:search account:read"
"""Scopes of a token that is issued without a sign-in, unless others are named."""

_MOST_READ = 1000
"""Tokens whose signature is not checked again."""
Keep = Callable[[str, Callable[[], str]], str]
"""Looks a named fact up, or makes and keeps it."""


def known_scope(scope: str) -> bool:
    """Whether a scope exists."""
    return scope in SCOPES or scope.startswith("data:read:urn:")


def scopes_of(text: str) -> tuple[str, ...]:
    """The scopes of a list with one space between each and the next; none where one of them does not exist."""
    scopes = tuple(text.split(" "))
    return scopes if all(map(known_scope, scopes)) else ()


class TokenMint:
    """Signs and reads JWTs. The RSA key is made when the first token is needed and kept with the sandbox's data."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._read: dict[str, dict[str, Any]] = {}

    def access_token(
        self,
        *,
        now: datetime,
        client_id: str,
        scopes: Iterable[str],
        seconds: int,
        autodesk_id: str | None,
        token_id: str | None = None,
    ) -> str:
        """A token for a person (or, without `autodesk_id`, for the app alone)."""
        claims: dict[str, Any] = {
            "scope": list(scopes),
            "client_id": client_id,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "jti": token_id or secrets.token_urlsafe(24),
            "exp": int((now + timedelta(seconds=seconds)).timestamp()),
        }
        if autodesk_id is not None:
            claims["userid"] = autodesk_id
        return self.sign(claims)

    def sign(self, claims: dict[str, Any]) -> str:
        """Claims as a signed JWT."""
        import jwt

        return jwt.encode(claims, self._private_key, algorithm="RS256", headers={"kid": self.key_id})

    def read(self, token: str, now: datetime) -> dict[str, Any] | None:
        """A token's claims, or None when it is not ours or has expired by the sandbox's clock."""
        claims = self._read.get(token) or self._verified(token)
        if claims is None or claims.get("exp", 0) <= now.timestamp():
            return None
        if len(self._read) >= _MOST_READ:
            self._read.clear()
        # A client sends the same token with every request, and a signature does not change.
        self._read[token] = claims
        return dict(claims)

    def _verified(self, token: str) -> dict[str, Any] | None:
        import jwt

        # Bytes that are not ASCII cannot be a token, and would reach the parser as something it does not expect.
        if not token.isascii():
            return None
        try:
            # A process makes one key for all its sandboxes; the key id keeps their tokens apart.
            if jwt.get_unverified_header(token).get("kid") != self.key_id:
                return None
            claims: dict[str, Any] = jwt.decode(
                token,
                self._private_key.public_key(),
                algorithms=["RS256"],
                options={"verify_exp": False, "verify_aud": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            return None
        return claims

    @functools.cached_property
    def key_id(self) -> str:
        """Which key signs, as the header and the key set name it."""
        return self._keep("signing_key_id", lambda: secrets.token_urlsafe(12))

    def key_set(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set."""
        numbers = self._private_key.public_key().public_numbers()
        key = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.key_id,
            "n": _unsigned(numbers.n),
            "e": _unsigned(numbers.e),
        }
        return {"keys": [key]}

    @functools.cached_property
    def _private_key(self) -> RSAPrivateKey:
        return read_private_key(self._keep("signing_key", process_private_key))


@functools.cache
def process_private_key() -> str:
    """A key for everybody; making one takes a noticeable fraction of a second, so a process makes one."""
    return new_private_key()


def new_private_key() -> str:
    """An RSA-2048 private key as PEM."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@functools.cache
def read_private_key(pem: str) -> RSAPrivateKey:
    """The key that a PEM holds; checking one takes longer than starting a sandbox, so it is done once."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError(key)
    return key


def public_pem(private_pem: str) -> str:
    """The public half of a private key, as PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = read_private_key(private_pem).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_public_key(pem: str) -> RSAPublicKey:
    """The key that a PEM holds."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = load_pem_public_key(pem.encode())
    if not isinstance(key, RSAPublicKey):
        raise TypeError(key)
    return key


def unverified_claims(token: str) -> dict[str, Any] | None:
    """Claims of a JWT whose signature was not checked."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, IndexError):
        return None
    return claims if isinstance(claims, dict) else None


def _unsigned(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
