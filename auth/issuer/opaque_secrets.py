"""Opaque secrets of the authorization server: 256 random bits, of which only a digest is stored."""

import hashlib
import hmac
import secrets
from typing import Final

ACCESS_PREFIX: Final = "smt_at_"
REFRESH_PREFIX: Final = "smt_rt_"
CODE_PREFIX: Final = "smt_ac_"
CLIENT_SECRET_PREFIX: Final = "smt_cs_"  # noqa: S105

MAX_LENGTH: Final = 128
"""Nothing of ours is longer: what is, need not be hashed."""


def new_secret(prefix: str = "") -> str:
    """Return a new secret; prefixes let scanners of repositories recognise it."""
    return prefix + secrets.token_urlsafe(32)


def new_id() -> str:
    """Return an identifier that is no secret, 128 bits."""
    return secrets.token_urlsafe(16)


def digest(secret: str) -> str:
    """Return what is stored of a secret: a digest gives nothing away, for no secret here can be guessed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def same_secret(secret: str, stored_digest: str) -> bool:
    """Whether a secret is the one that a digest was stored of, in constant time."""
    return hmac.compare_digest(digest(secret), stored_digest)


def form_token(cookie: str, purpose: str) -> str:
    """Return the CSRF token of a form: only a page that was served to the holder of the cookie contains it."""
    return hmac.new(cookie.encode(), f"form {purpose}".encode(), hashlib.sha256).hexdigest()


def is_form_token(token: str, cookie: str, purpose: str) -> bool:
    """Whether a CSRF token belongs to the cookie, in constant time."""
    return hmac.compare_digest(token.encode("utf-8", "replace"), form_token(cookie, purpose).encode())
