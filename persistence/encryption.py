"""Authenticated encryption of records: AES-256-GCM with a key id in front, so that keys can be rotated.

A sealed text is `v1:KEY:NONCE:CIPHERTEXT`, the last two in URL-safe base64. It opens only together with the context it
was sealed for (associated data): a record cannot pass for another person's, or for an older one of its own. The newest
key seals, every key of the ring opens, and the keys are read again when they have changed.
"""

import base64
import json
import secrets
from collections.abc import Sequence
from typing import Final

from persistence.errors import KeyMissing, StorageProblem
from persistence.keys import EncryptionKey, KeyRing, KeySource, Source

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


Context = tuple[str | int, ...]


class RecordCipher:
    """Seals and opens with keys from `source`, which are read when first needed. Blocks.

    `seal` makes the first key, `rotate` another: their caller keeps other processes from doing so meanwhile.
    """

    def __init__(self, source: KeySource) -> None:
        self._source = source
        self._ring: KeyRing | None = None

    @property
    def key_location(self) -> Source | None:
        """Location of the newest key; None before one was made."""
        self._ring = self._ring or self._source.load()
        return self._ring.source if self._ring is not None else None

    def rotate(self) -> None:
        """Make a key, or take the newest that was set, to seal with from now on."""
        self._ring = self._source.create_key()

    def seal(self, content: bytes, context: Context, in_place_of: str | None = None) -> str:
        """Return `content` sealed with the newest key.

        The keys are looked up again where what it is to stand `in_place_of` was sealed with one unknown to us.
        """
        if self._ring is None or (in_place_of is not None and not self._knows(self._ring, in_place_of)):
            self._ring = self._source.load()
        self._ring = self._ring or self._source.create_key()
        return seal(self._ring.newest, content, context)

    def unseal(self, sealed: str, context: Context) -> bytes:
        """Return what was sealed for the same context.

        Raises:
            KeyMissing: It was sealed with a key that is not at hand.
            NotSealed: It was tampered with.
        """
        try:
            return self._opened(self._ring or self._source.load(), sealed, context)
        except UnknownKey:
            # The keys may have been changed since they were read.
            try:
                return self._opened(self._source.load(), sealed, context)
            except UnknownKey as unknown:
                raise KeyMissing(unknown.key_id, self._source.looked_in) from None

    def _opened(self, ring: KeyRing | None, sealed: str, context: Context) -> bytes:
        self._ring = ring
        return unseal(ring.keys if ring is not None else (), sealed, context)

    def _knows(self, ring: KeyRing, sealed: str) -> bool:
        try:
            return key_id_of(sealed) in {key.id for key in ring.keys}
        except NotSealed:
            return False  # it was damaged; a new login replaces it
