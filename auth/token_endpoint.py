"""Autodesk's authorization server, asked over HTTP: tokens for a code, a refresh token or an assertion, and their end.

What sends is handed in, so that every HTTP client of the program is made in one place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from auth.errors import SignInFailed
from auth.oauth import (
    FormRequest,
    Grant,
    assertion_request,
    code_request,
    read_grant,
    refresh_request,
    revoke_request,
)
from auth.pkce import App

_OK = 200


class Http(Protocol):
    """The requests that signing in makes, answered as (status, headers in lower case, body).

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


class Person(BaseModel):
    """Who a token belongs to, as /userinfo tells; `sub` is the Autodesk id (fact sheet 10).

    Only that is needed: a name or an e-mail of another kind than text is none, and what nobody can see is left out.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    sub: str = Field(pattern=r"^[!-~]+$")
    name: Annotated[str, BeforeValidator(_visible)] = ""
    email: Annotated[str | None, BeforeValidator(lambda value: _visible(value) or None)] = None
    email_verified: Annotated[bool, BeforeValidator(lambda value: value in (True, "true"))] = False


class TokenEndpoint:
    """The authorization server of one Autodesk, for one app. A refusal is `SignInFailed`, everywhere."""

    def __init__(self, http: Http, autodesk: AuthServer, app: App) -> None:
        self._http = http
        self.autodesk = autodesk
        self.app = app

    async def of_code(self, code: str, verifier: str) -> Grant:
        """Exchange an authorization code."""
        return await self._granted(code_request(self.app, code, verifier))

    async def of_refresh_token(self, refresh_token: str) -> Grant:
        """Use a refresh token; it is good for this one use."""
        return await self._granted(refresh_request(self.app, refresh_token))

    async def of_assertion(self, assertion: str, scopes: tuple[str, ...]) -> Grant:
        """Exchange a service account's assertion."""
        return await self._granted(assertion_request(self.app, assertion, scopes))

    async def person(self, access_token: str) -> Person:
        """Return who an access token belongs to."""
        url = f"{self.autodesk.profile}/userinfo"
        status, _, body = await self._http.get(url, {"Authorization": f"Bearer {access_token}"})
        if status != _OK:
            raise SignInFailed("no_userinfo", status)
        try:
            return Person.model_validate_json(body)
        except ValidationError:
            raise SignInFailed("unreadable_answer", status) from None

    async def revoke(self, token: str, *, refresh: bool) -> None:
        """End a token at Autodesk."""
        status, _, _ = await self._post(revoke_request(self.app, token, "refresh_token" if refresh else "access_token"))
        if status != _OK:
            raise SignInFailed("not_revoked", status)

    async def _granted(self, request: FormRequest) -> Grant:
        status, _, body = await self._post(request)
        return read_grant(status, body)

    async def _post(self, request: FormRequest) -> tuple[int, dict[str, str], bytes]:
        return await self._http.post(self.autodesk.api + request.path, dict(request.headers), request.body)
