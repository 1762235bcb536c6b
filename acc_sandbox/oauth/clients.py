"""Applications that may ask for tokens, and how they prove who they are (fact sheet 10)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import RequestContext
from acc_sandbox.state.sandbox_state import (
    CONFIDENTIAL_CLIENT_ID,
    CONFIDENTIAL_CLIENT_SECRET,
    PUBLIC_CLIENT_ID,
    SERVER_CLIENT_ID,
    SERVER_CLIENT_SECRET,
)


@dataclass(frozen=True)
class OAuthClient:
    """A registered application; without a secret it is public and proves itself with PKCE.

    Its kind is Autodesk's type of application: one with a page of its own or a person's machine (`native`, `web`), or
    Server-to-Server, which has no redirect URI and alone owns service accounts.
    """

    id: str
    secret: str | None
    kind: Literal["native", "web", "server"]

    @property
    def public(self) -> bool:
        """Whether it keeps no secret (desktop, mobile, single page)."""
        return self.secret is None


CLIENTS = {
    one.id: one
    for one in (
        OAuthClient(PUBLIC_CLIENT_ID, None, "native"),
        OAuthClient(CONFIDENTIAL_CLIENT_ID, CONFIDENTIAL_CLIENT_SECRET, "web"),
        OAuthClient(SERVER_CLIENT_ID, SERVER_CLIENT_SECRET, "server"),
    )
}


def form_of(call: RequestContext) -> dict[str, str]:
    """The fields of a form body; `RefusedError` (400) for another content type or a repeated field."""
    content_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        raise RefusedError(
            400, "The Content-Type header must be application/x-www-form-urlencoded", code="invalid_request"
        )
    pairs = parse_qsl(call.content.decode("utf-8", "replace"), keep_blank_values=True)
    form = dict(pairs)
    if len(form) != len(pairs):
        raise RefusedError(400, "A parameter is repeated", code="invalid_request")
    return form


def check_form(call: RequestContext, form: Mapping[str, str], *known: str) -> None:
    """400 for a field of a form that is neither known nor a credential, unless the switch says to ignore it."""
    for name in form:
        if name not in (*known, "client_id", "client_secret") and call.sandbox.switches.unknown_fields == "refuse":
            raise RefusedError(400, f"The '{name}' is not a parameter of this request.", code="invalid_request")


def authenticated_client(call: RequestContext, form: dict[str, str]) -> OAuthClient:
    """The application that sends a form: Basic header, or id and secret in the body, not both.

    Raises `RefusedError`: 400 `invalid_request` for both, 401 `invalid_client` for neither or a wrong proof.
    """
    basic = _basic(call.headers.get("authorization"))
    if basic is not None and ("client_id" in form or "client_secret" in form):
        raise RefusedError(400, "Client credentials were given twice", code="invalid_request")
    client_id, secret = basic or (form.get("client_id"), form.get("client_secret"))
    if not client_id:
        raise RefusedError(401, "No client credentials found.", code="invalid_client")
    client = CLIENTS.get(client_id)
    if client is None or not _proves(client, secret):
        raise RefusedError(401, "The client credentials are invalid", code="invalid_client")
    return client


def _proves(client: OAuthClient, secret: str | None) -> bool:
    if client.secret is None:
        return secret is None
    return secret is not None and hmac.compare_digest(secret.encode(), client.secret.encode())


def _basic(header: str | None) -> tuple[str, str] | None:
    if header is None:
        return None
    scheme, _, encoded = header.partition(" ")
    try:
        name, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        colon = name = secret = ""
    if scheme.lower() != "basic" or not colon:
        raise RefusedError(401, "The Authorization header is invalid", code="invalid_client")
    return name, secret
