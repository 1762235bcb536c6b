"""OAuth 2.0 towards Autodesk: PKCE, the token endpoint and its client, and plain token sources (fact sheet 10).

The HTTP client is passed in: every HTTP client of the program is made in one place.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol
from urllib.parse import quote, urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import from_json

from auth.errors import NotSignedIn, SignInFailed

SCOPES = ("data:read", "data:write", "data:create", "account:read", "user-profile:read")
"""Scopes that attaching needs; other upload tutorials ask for data:create beside the first two.

account:read brings names of people only (fact sheet 9b): a sign-in without it works.
"""


@dataclass(frozen=True)
class OAuthApp:
    """The APS app that a person signs in to; without a `secret` it is a public app, whose only proof is PKCE."""

    client_id: str
    callback_url: str
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class PkceAttempt:
    """PKCE values of one login: the `verifier` stays here, its hash and the `state` travel; both are 256 bits."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def challenge(self) -> str:
        """The S256 hash of the verifier."""
        digest = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def authorize_url(base_url: str, app: OAuthApp, attempt: PkceAttempt, scopes: tuple[str, ...] = SCOPES) -> str:
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


TOKEN_PATH = "/authentication/v2/token"  # noqa: S105  # a path
REVOKE_PATH = "/authentication/v2/revoke"

UNKNOWN = "unknown_error"
"""A refusal whose body names no code: the gateway's have another shape (fact sheet 10)."""


@dataclass(frozen=True, repr=False)
class FormRequest:
    """A POST of form fields; its body and headers hold secrets and are never shown."""

    path: str
    headers: Mapping[str, str]
    body: str


class TokenGrant(BaseModel):
    """Tokens as granted; `expires_in` in seconds. A service account gets no refresh token."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    access_token: SecretStr = Field(min_length=1)
    expires_in: int = Field(ge=0, le=10**9)
    refresh_token: SecretStr | None = None


class _RefusalBody(BaseModel):
    model_config = ConfigDict(extra="ignore")

    error: str = Field(default=UNKNOWN, max_length=60, pattern=r"^[A-Za-z_]+$")


def code_request(app: OAuthApp, code: str, verifier: str | None) -> FormRequest:
    """Return the exchange of an authorization code; a public app must prove itself with its `verifier`."""
    fields = {
        "grant_type": "authorization_code",
        **({"client_id": app.client_id} if app.secret is None else {}),
        "code": code,
        "redirect_uri": app.callback_url,
        **({"code_verifier": verifier} if verifier else {}),
    }
    return _request(TOKEN_PATH, app, fields)


def refresh_request(app: OAuthApp, refresh_token: str) -> FormRequest:
    """Return the use of a refresh token; it is good for one use only, and so is the next one."""
    return _request(TOKEN_PATH, app, {"grant_type": "refresh_token", "refresh_token": refresh_token})


def assertion_request(app: OAuthApp, assertion: str, scopes: tuple[str, ...]) -> FormRequest:
    """Return the exchange of a service account's signed assertion; it is for confidential apps only."""
    fields = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    return _request(TOKEN_PATH, app, fields | {"scope": " ".join(scopes)})


def revoke_request(app: OAuthApp, token: str, hint: Literal["access_token", "refresh_token"]) -> FormRequest:
    """Return the end of a token; the answer is 200 whether or not it was one."""
    return _request(REVOKE_PATH, app, {"token": token, "token_type_hint": hint})


def read_grant(status: int, body: bytes) -> TokenGrant:
    """Read the answer of the token endpoint.

    Raises:
        SignInFailed: It refused, or answered something that is no grant. The body itself is never quoted.
    """
    if status != 200:
        try:
            fields = from_json(body)
        except ValueError:
            fields = {}
        raise read_refusal(fields, status)
    try:
        return TokenGrant.model_validate_json(body)
    except ValidationError:
        raise SignInFailed("unreadable_answer", status) from None


def read_refusal(fields: object, status: int) -> SignInFailed:
    """Return what a refusal means, from the fields of its body or of its redirect; only a plain code is taken over."""
    try:
        return SignInFailed(_RefusalBody.model_validate(fields).error, status)
    except ValidationError:
        return SignInFailed(UNKNOWN, status)


def _request(path: str, app: OAuthApp, fields: Mapping[str, str]) -> FormRequest:
    """Authenticate by Basic header or by `client_id` in the body: both at once is an error (fact sheet 10)."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if app.secret is None:
        return FormRequest(path, headers, urlencode({**fields, "client_id": app.client_id}))
    basic = base64.b64encode(f"{app.client_id}:{app.secret}".encode()).decode("ascii")
    return FormRequest(path, {**headers, "Authorization": f"Basic {basic}"}, urlencode(fields))


_OK = 200


class AuthTransport(Protocol):
    """HTTP transport of OAuth requests, answered as (status, headers in lower case, body).

    Both raise `SignInUnavailable` when no answer came.
    """

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
        """GET `url` without following redirects."""

    async def post(self, url: str, headers: Mapping[str, str], body: str) -> tuple[int, dict[str, str], bytes]:
        """POST `body` to `url`."""


@dataclass(frozen=True)
class AuthServer:
    """The two base URLs that signing in speaks to: the API with the token endpoint, and the service of profiles."""

    api: str
    profile: str


def _visible(value: Any) -> str:
    return "".join(one for one in value if one.isprintable()) if isinstance(value, str) else ""


class UserProfile(BaseModel):
    """The user of a token, from /userinfo; `sub` is the Autodesk id (fact sheet 10).

    Only that is needed: a name or an e-mail of another kind than text is none, and invisible characters are left out.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    sub: str = Field(pattern=r"^[!-~]+$")
    name: Annotated[str, BeforeValidator(_visible)] = ""
    email: Annotated[str | None, BeforeValidator(lambda value: _visible(value) or None)] = None
    email_verified: Annotated[bool, BeforeValidator(lambda value: value in (True, "true"))] = False


class TokenEndpoint:
    """The authorization server of one Autodesk, for one app. A refusal is `SignInFailed`, everywhere."""

    def __init__(self, http: AuthTransport, autodesk: AuthServer, app: OAuthApp) -> None:
        self._http = http
        self.autodesk = autodesk
        self.app = app

    async def exchange_code(self, code: str, verifier: str) -> TokenGrant:
        """Exchange an authorization code."""
        return await self._granted(code_request(self.app, code, verifier))

    async def refresh(self, refresh_token: str) -> TokenGrant:
        """Use a refresh token; it is good for this one use."""
        return await self._granted(refresh_request(self.app, refresh_token))

    async def exchange_assertion(self, assertion: str, scopes: tuple[str, ...]) -> TokenGrant:
        """Exchange a service account's assertion."""
        return await self._granted(assertion_request(self.app, assertion, scopes))

    async def userinfo(self, access_token: str) -> UserProfile:
        """Return who an access token belongs to."""
        url = f"{self.autodesk.profile}/userinfo"
        status, _, body = await self._http.get(url, {"Authorization": f"Bearer {access_token}"})
        if status != _OK:
            raise SignInFailed("no_userinfo", status)
        try:
            return UserProfile.model_validate_json(body)
        except ValidationError:
            raise SignInFailed("unreadable_answer", status) from None

    async def revoke(self, token: str, *, refresh: bool) -> None:
        """End a token at Autodesk."""
        status, _, _ = await self._post(revoke_request(self.app, token, "refresh_token" if refresh else "access_token"))
        if status != _OK:
            raise SignInFailed("not_revoked", status)

    async def _granted(self, request: FormRequest) -> TokenGrant:
        status, _, body = await self._post(request)
        return read_grant(status, body)

    async def _post(self, request: FormRequest) -> tuple[int, dict[str, str], bytes]:
        return await self._http.post(self.autodesk.api + request.path, dict(request.headers), request.body)


class NoTokenSource:
    """The token source of a server that was given nothing to sign in with, or not for the person named: `problem`."""

    def __init__(self, problem: NotSignedIn | None = None) -> None:
        self._problem = problem or NotSignedIn()

    async def access_token(self) -> str:
        """Raise.

        Raises:
            NotSignedIn: Always.
        """
        raise self._problem

    async def renewed(self, rejected: str) -> str | None:  # noqa: ARG002  # `acc.connection.TokenSource` names it
        """Return None: there is nothing to renew."""
        return None


class StaticTokenSource:
    """A ready token (`APS_ACCESS_TOKEN`): used as it is; when Autodesk refuses it, it is over."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def access_token(self) -> str:
        """Return the token."""
        return self._token

    async def renewed(self, rejected: str) -> str | None:  # noqa: ARG002  # `acc.connection.TokenSource` names it
        """Return None: nothing renews it."""
        return None


def is_refresh_token_dead(failure: SignInFailed) -> bool:
    """Whether the refresh token is refused or used up; any other failure says nothing about it.

    A refusal in the gateway's shape has no code, so a bare 400 counts as one too (fact sheet 10). A 200 that cannot be
    read has used the token, and its successor is lost.
    """
    return (
        failure.status == 200 or failure.error == "invalid_grant" or (failure.status, failure.error) == (400, UNKNOWN)
    )
