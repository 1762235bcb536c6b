"""How a client proves who it is at the token, revocation and registration endpoints (RFC 6749, section 2.3)."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_plus

from auth.issuer.clients import RegisteredClient
from auth.issuer.errors import OAuthError
from auth.issuer.opaque_secrets import MAX_LENGTH, same_secret

_UNAUTHORIZED: Final = 401


@dataclass(frozen=True)
class ClientCredentials:
    """What a request says of its client; `basic` tells that an `Authorization` header did."""

    client_id: str
    secret: str | None = field(repr=False)
    basic: bool


def read_credentials(authorization: str | None, form: Mapping[str, str]) -> ClientCredentials:
    """Read a client's id and secret from the Basic header or the form.

    Raises:
        OAuthError: `invalid_client`, or `invalid_request` where both say something different.
    """
    named, secret = form.get("client_id"), form.get("client_secret")
    if authorization is not None and authorization.partition(" ")[0].lower() == "basic":
        client_id, given = _basic(authorization.partition(" ")[2])
        if secret is not None or (named is not None and named != client_id):
            raise OAuthError("invalid_request", "the client was named twice")
        return ClientCredentials(client_id, given or None, basic=True)
    if named is None:
        raise OAuthError("invalid_client", "client_id is missing", _UNAUTHORIZED)
    return ClientCredentials(named, secret, basic=False)


def authenticate(client: RegisteredClient | None, credentials: ClientCredentials) -> RegisteredClient:
    """Return the client if it has proved itself.

    A public client needs no proof here: PKCE and rotation are its proof. A secret that it sends all the same is no
    secret of ours, so it is refused.

    Raises:
        OAuthError: `invalid_client`.
    """
    refused = OAuthError("invalid_client", "the client is unknown or its secret is wrong", _UNAUTHORIZED)
    if client is None:
        raise refused
    if client.auth_method == "none" or client.secret_digest is None:
        if credentials.secret:
            raise refused
        return client
    secret = credentials.secret
    if secret is None or len(secret) > MAX_LENGTH or not same_secret(secret, client.secret_digest):
        raise refused
    return client


def _basic(encoded: str) -> tuple[str, str]:
    try:
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = ""
    if not colon:
        raise OAuthError("invalid_client", "the Authorization header cannot be read", _UNAUTHORIZED)
    return unquote_plus(name), unquote_plus(secret)
