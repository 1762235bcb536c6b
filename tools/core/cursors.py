"""Page cursors: opaque, signed, bound to the user and the arguments they were made for."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

_SIGNATURE_BYTES: Final = 16


class InvalidCursor(ValueError):
    """Not a cursor of ours, or one of another person, other arguments or an earlier run of the server."""


class CursorSigner:
    """Makes and reads cursors, signed with a 32-byte key that replicas share; without one, with a key of its own."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)

    def make(self, person_id: str, tool: str, arguments: Mapping[str, Any], position: int) -> str:
        """Return a cursor for `position`, which a client can read and not change."""
        payload = position.to_bytes(max(8, (position.bit_length() + 7) // 8), "big")
        signature = self._signature(person_id, tool, arguments, payload)
        return base64.urlsafe_b64encode(payload + signature).decode().rstrip("=")

    def read(self, cursor: str, person_id: str, tool: str, arguments: Mapping[str, Any]) -> int:
        """Return the position in a cursor.

        Raises:
            InvalidCursor: See the class.
        """
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise InvalidCursor from None
        payload, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(person_id, tool, arguments, payload)):
            raise InvalidCursor
        return int.from_bytes(payload, "big")

    def _signature(self, person_id: str, tool: str, arguments: Mapping[str, Any], payload: bytes) -> bytes:
        bound = json.dumps([person_id, tool, arguments], sort_keys=True).encode()
        return hmac.digest(self._key, payload + bound, hashlib.sha256)[:_SIGNATURE_BYTES]
