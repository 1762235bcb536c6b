"""The authorization endpoint's rules without I/O: what a request asks for, and how it is answered.

RFC 6749, with PKCE (RFC 7636), resource indicators (RFC 8707) and the issuer in every answer (RFC 9207).
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel, ConfigDict

from auth.issuer.clients import RegisteredClient
from auth.issuer.errors import OAuthError, PageError
from auth.issuer.redirect_uris import is_loopback_uri, shown_host
from auth.issuer.scopes import requested_scopes

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
MAX_STATE_LENGTH: Final = 4096


class AuthorizationRequest(BaseModel):
    """A request that may be shown to a person; it is kept, sealed, until Autodesk has answered."""

    model_config = ConfigDict(frozen=True)

    client_id: str
    client_name: str
    client_kind: str
    redirect_uri: str
    state: str | None
    scopes: tuple[str, ...]
    challenge: str
    resource: str

    @property
    def redirect_host(self) -> str:
        """Host that gets the answer, as a person is shown it."""
        return shown_host(self.redirect_uri)

    @property
    def document_host(self) -> str | None:
        """The host of the document that the client describes itself in: all that it cannot invent. None without one."""
        return urlsplit(self.client_id).hostname if self.client_kind == "document" else None

    @property
    def leads_to_this_computer(self) -> bool:
        """Whether any program of the person's computer could be behind the redirect URI."""
        return is_loopback_uri(self.redirect_uri)


@dataclass(frozen=True)
class RedirectAnswer:
    """The answer to a client by way of the browser."""

    url: str


def read_parameters(pairs: Sequence[tuple[str, str]]) -> tuple[dict[str, str], frozenset[str]]:
    """Return parameters by name, and the names of those that are repeated, which are not among them.

    One without a value counts as left out. `resource` may be repeated with the same value.
    """
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        if value:
            values.setdefault(name, []).append(value)
    if len(set(values.get("resource", ()))) == 1:
        del values["resource"][1:]
    single = {name: found[0] for name, found in values.items() if len(found) == 1}
    return single, frozenset(values.keys() - single.keys())


def check_repeated(repeated: Collection[str]) -> None:
    """Refuse parameters that are repeated.

    Raises:
        OAuthError: `invalid_request` (RFC 6749, section 3.1).
    """
    if repeated:
        raise OAuthError("invalid_request", f"the parameter {min(repeated)[:40]!r} is repeated")


def single_values(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return parameters by name, none of which may be repeated; see `read_parameters`.

    Raises:
        OAuthError: `invalid_request`.
    """
    values, repeated = read_parameters(pairs)
    check_repeated(repeated)
    return values


def resource_of(text: str | None, resource: str) -> str:
    """Return the resource that a client means: ours, with or without a slash at its end, or left out.

    Raises:
        OAuthError: `invalid_target` (RFC 8707, section 2).
    """
    if text is not None and text.removesuffix("/") != resource and not _is_same_url(text, resource):
        raise OAuthError("invalid_target", f"this server issues tokens for {resource} alone")
    return resource


def redirect_target(client: RegisteredClient | None, parameters: Mapping[str, str]) -> tuple[RegisteredClient, str]:
    """Return the client and where its answer goes.

    Raises:
        PageError: Either is unknown: a browser is never sent to an address that no client registered.
    """
    if client is None:
        raise PageError(
            400,
            "This server does not know the application",
            (
                "The application that sent you here has no registration on this server, or it has expired.",
                "Remove the connection in the application and add it again, or ask the server's administrator.",
            ),
        )
    redirect_uri = client.redirect_uri(parameters.get("redirect_uri"))
    if redirect_uri is None:
        raise PageError(
            400,
            "The application's return address is not registered",
            (
                f"{client.name} asked for an answer at an address that it has not registered. Nothing was sent there.",
                "Remove the connection in the application and add it again.",
            ),
        )
    return client, redirect_uri


def read_request(
    client: RegisteredClient, redirect_uri: str, parameters: Mapping[str, str], offered: Collection[str], resource: str
) -> AuthorizationRequest:
    """Return what a client asks for.

    Raises:
        OAuthError: It goes back to the client by redirect.
    """
    if (kind := parameters.get("response_type")) != "code":
        error = "unsupported_response_type" if kind is not None else "invalid_request"
        raise OAuthError(error, "response_type must be code")
    if parameters.get("response_mode", "query") != "query":
        raise OAuthError("invalid_request", "response_mode must be query")
    if parameters.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(
        parameters.get("code_challenge", "")
    ):
        raise OAuthError("invalid_request", "PKCE with code_challenge_method S256 is required")
    state = parameters.get("state")
    if state is not None and len(state) > MAX_STATE_LENGTH:
        raise OAuthError("invalid_request", "state is too long")
    return AuthorizationRequest(
        client_id=client.client_id,
        client_name=client.name,
        client_kind=client.kind,
        redirect_uri=redirect_uri,
        state=state,
        scopes=requested_scopes(parameters.get("scope", ""), offered),
        challenge=parameters["code_challenge"],
        resource=resource_of(parameters.get("resource"), resource),
    )


def success(request: AuthorizationRequest, code: str, issuer: str) -> RedirectAnswer:
    """Return the redirect that brings a code to its client."""
    return _answer(request.redirect_uri, {"code": code}, request.state, issuer)


def failure(redirect_uri: str, state: str | None, error: OAuthError, issuer: str) -> RedirectAnswer:
    """Return the redirect that tells a client why it gets none."""
    kept_state = state if state is not None and len(state) <= MAX_STATE_LENGTH else None
    return _answer(redirect_uri, {"error": error.error, "error_description": error.description}, kept_state, issuer)


def _answer(redirect_uri: str, fields: dict[str, str], state: str | None, issuer: str) -> RedirectAnswer:
    query = fields | ({"state": state} if state is not None else {}) | {"iss": issuer}
    separator = "&" if urlsplit(redirect_uri).query else "?"
    return RedirectAnswer(f"{redirect_uri}{separator}{urlencode(query)}")


def _is_same_url(one: str, other: str) -> bool:
    """Compare two URLs as RFC 3986 section 6.2.2 does, as far as clients differ: case of the host, default port."""
    return _normalized(one) == _normalized(other)


def _normalized(url: str) -> tuple[str, str, int | None, str] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    if parts.query or parts.fragment or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname or "", port, parts.path.removesuffix("/")
