"""What a request log may show: the shape of messages, never their secrets."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

_SECRET_NAMES = (
    *("access_token", "refresh_token", "id_token", "token", "client_secret", "code", "code_verifier", "assertion"),
    *("state", "uploadKey", "privateKey", "X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Credential"),
)
_NAMES = "|".join(_SECRET_NAMES)
_RULES = (
    # A body may be cut off in the middle of a value, so no closing mark is asked for.
    (re.compile(rf'("(?:{_NAMES})"\s*:\s*")(?:[^"\\]|\\.)*'), r"\1***"),
    (re.compile(rf"((?:^|[?&])(?:{_NAMES})=)[^&\"\s]*"), r"\1***"),
    (re.compile(r"eyJ[\w-]{5,}\.[\w.-]*"), "***"),
    (re.compile(r"-----BEGIN.*?(?:-----END[^-]*-----|$)", re.DOTALL), "***"),
)


def masked_text(text: str) -> str:
    """A JSON or form body, whole or cut off, with `***` for every secret: tokens, codes, keys, signatures."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def masked_query(raw: str) -> str:
    """A query string that can be shown."""
    pairs = parse_qsl(raw, keep_blank_values=True, errors="replace")
    return urlencode([(name, "***" if name in _SECRET_NAMES else value) for name, value in pairs], safe="*:[]/")
