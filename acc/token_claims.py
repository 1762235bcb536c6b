"""Unverified claims of an access token: its user, app and scopes (fact sheet 10)."""

import base64
import json
from typing import Any


def unverified_claims(token: str) -> dict[str, Any]:
    """Return the claims of a token; none where it cannot be read.

    Nobody checks its signature, for nothing is allowed because of what it says: Autodesk does that.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
