"""Proof Key for Code Exchange, S256 (RFC 7636), and the authorize URL that carries it (fact sheet 10)."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

SCOPES = ("data:read", "data:write", "data:create", "account:read", "user-profile:read")
"""What attaching needs; data:create is what other upload tutorials ask for beside the first two.

account:read brings names of people only (fact sheet 9b): a sign-in without it works.
"""


@dataclass(frozen=True)
class App:
    """The APS app that a person signs in to; without a `secret` it is a public app, whose only proof is PKCE."""

    client_id: str
    callback_url: str
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Attempt:
    """One try to sign in: the `verifier` stays here, its hash and the `state` travel; both are 256 bits."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def challenge(self) -> str:
        """The S256 hash of the verifier."""
        digest = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def authorize_url(base_url: str, app: App, attempt: Attempt, scopes: tuple[str, ...] = SCOPES) -> str:
    """Return the address at which a person signs in."""
    query = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": app.callback_url,
        "scope": " ".join(scopes),
        "state": attempt.state,
        "code_challenge": attempt.challenge,
        "code_challenge_method": "S256",
    }
    return f"{base_url}/authentication/v2/authorize?{urlencode(query, quote_via=quote)}"
