"""Sealing: AES-256-GCM with a key id in front, so that keys can change while sealed things stay readable.

A sealed text is `v1:KEY:NONCE:CIPHERTEXT`, the last two in URL-safe base64. It opens only together with the very
context it was sealed for (associated data): a record cannot pass for another person's, or for an older one of its own.
"""

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from persistence.errors import StorageProblem

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_VERSION: Final = "v1"


class NotSealed(StorageProblem):
    """This is no sealed text, was changed, or belongs to another context."""

    def __str__(self) -> str:
        return "what was kept sealed has been changed, or belongs somewhere else, and is not used; sign in again"


class UnknownKey(Exception):
    """It was sealed with the key `key_id`, which is not at hand."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"sealed with key {key_id}, which is not at hand")
        self.key_id = key_id


@dataclass(frozen=True)
class EncryptionKey:
    """32 bytes, and the `id` that stands for them in sealed texts and in logs."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise ValueError("a key has 32 bytes")

    @classmethod
    def new(cls) -> "EncryptionKey":
        """Return a random key."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> "EncryptionKey":
        """Read a key in base64, either alphabet, with or without padding.

        Raises:
            ValueError: It is none; the text is not quoted.
        """
        plain = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
        try:
            return cls(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True))
        except (binascii.Error, ValueError):
            raise ValueError("a key is 32 bytes in base64") from None

    @property
    def text(self) -> str:
        """The key as `parse` reads it: a secret."""
        return base64.b64encode(self.secret).decode("ascii")

    @property
    def id(self) -> str:
        """Eight hexadecimal digits that tell keys apart and nothing about them."""
        return hashlib.sha256(b"submittal-mcp key id" + self.secret).hexdigest()[:8]


def seal(key: EncryptionKey, content: bytes, context: Sequence[str | int]) -> str:
    """Return `content` sealed with `key` for `context`."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE_BYTES)
    ciphertext = AESGCM(key.secret).encrypt(nonce, content, _associated(key.id, context))
    return ":".join((_VERSION, key.id, _encode(nonce), _encode(ciphertext)))


def unseal(keys: Sequence[EncryptionKey], sealed: str, context: Sequence[str | int]) -> bytes:
    """Return what was sealed.

    Raises:
        UnknownKey: None of `keys` sealed it.
        NotSealed: It was changed, or was sealed for another context.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key_id = key_id_of(sealed)
    key = next((key for key in keys if key.id == key_id), None)
    if key is None:
        raise UnknownKey(key_id)
    nonce, ciphertext = sealed.split(":")[2:]
    try:
        return AESGCM(key.secret).decrypt(_decode(nonce), _decode(ciphertext), _associated(key_id, context))
    except (InvalidTag, ValueError):
        raise NotSealed from None


def key_id_of(sealed: str) -> str:
    """Return the id of the key that a text was sealed with.

    Raises:
        NotSealed: It is no sealed text.
    """
    parts = sealed.split(":")
    if len(parts) != len(("version", "key", "nonce", "ciphertext")) or parts[0] != _VERSION:
        raise NotSealed
    return parts[1]


def _associated(key_id: str, context: Sequence[str | int]) -> bytes:
    # JSON keeps the borders between the parts; joining them would not.
    return json.dumps([_VERSION, key_id, *context], separators=(",", ":")).encode()


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    """Return the bytes of a part; only what `_encode` writes is read, so that one content has one spelling."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _encode(raw) != text:
        raise ValueError("not as it was written")
    return raw
