"""What the token endpoint is asked and what it answers, without sending anything (fact sheet 10)."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import from_json

from auth.errors import SignInFailed
from auth.pkce import App

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


class Grant(BaseModel):
    """Tokens as granted; `expires_in` in seconds. A service account gets no refresh token."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    access_token: SecretStr = Field(min_length=1)
    expires_in: int = Field(ge=0, le=10**9)
    refresh_token: SecretStr | None = None


class _Refusal(BaseModel):
    model_config = ConfigDict(extra="ignore")

    error: str = Field(default=UNKNOWN, max_length=60, pattern=r"^[A-Za-z_]+$")


def code_request(app: App, code: str, verifier: str | None) -> FormRequest:
    """Return the exchange of an authorization code; a public app must prove itself with its `verifier`."""
    fields = {
        "grant_type": "authorization_code",
        **({"client_id": app.client_id} if app.secret is None else {}),
        "code": code,
        "redirect_uri": app.callback_url,
        **({"code_verifier": verifier} if verifier else {}),
    }
    return _request(TOKEN_PATH, app, fields)


def refresh_request(app: App, refresh_token: str) -> FormRequest:
    """Return the use of a refresh token; it is good for one use only, and so is the next one."""
    return _request(TOKEN_PATH, app, {"grant_type": "refresh_token", "refresh_token": refresh_token})


def assertion_request(app: App, assertion: str, scopes: tuple[str, ...]) -> FormRequest:
    """Return the exchange of a service account's signed assertion; it is for confidential apps only."""
    fields = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    return _request(TOKEN_PATH, app, fields | {"scope": " ".join(scopes)})


def revoke_request(app: App, token: str, hint: Literal["access_token", "refresh_token"]) -> FormRequest:
    """Return the end of a token; the answer is 200 whether or not it was one."""
    return _request(REVOKE_PATH, app, {"token": token, "token_type_hint": hint})


def read_grant(status: int, body: bytes) -> Grant:
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
        return Grant.model_validate_json(body)
    except ValidationError:
        raise SignInFailed("unreadable_answer", status) from None


def read_refusal(fields: object, status: int) -> SignInFailed:
    """Return what a refusal means, from the fields of its body or of its redirect; only a plain code is taken over."""
    try:
        return SignInFailed(_Refusal.model_validate(fields).error, status)
    except ValidationError:
        return SignInFailed(UNKNOWN, status)


def _request(path: str, app: App, fields: Mapping[str, str]) -> FormRequest:
    """Authenticate by Basic header or by `client_id` in the body: both at once is an error (fact sheet 10)."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if app.secret is None:
        return FormRequest(path, headers, urlencode({**fields, "client_id": app.client_id}))
    basic = base64.b64encode(f"{app.client_id}:{app.secret}".encode()).decode("ascii")
    return FormRequest(path, {**headers, "Authorization": f"Basic {basic}"}, urlencode(fields))
