"""Signing in without a browser, where the authorization server approves by itself: the bundled sandbox.

The whole code flow runs over HTTP as a browser would run it, PKCE and `state` included; only the person's click is
missing. Real Autodesk never redirects without one, so there this ends in `SignInFailed`.
"""

import hmac
from urllib.parse import parse_qsl

import anyio

from auth.errors import SignInFailed
from auth.oauth import App, Attempt, AuthServer, Grant, Http, TokenEndpoint, authorize_url, read_refusal
from auth.token_sources import InMemoryTokenSource


async def sign_in(http: Http, endpoint: TokenEndpoint) -> Grant:
    """Return the tokens of whoever the server of an endpoint approves.

    Raises:
        SignInFailed: It did not approve by itself, or the answer is not one to this attempt.
    """
    attempt = Attempt()
    status, headers, _ = await http.get(authorize_url(endpoint.autodesk.api, endpoint.app, attempt))
    code = read_redirect(status, headers.get("location", ""), endpoint.app, attempt)
    return await endpoint.of_code(code, attempt.verifier)


def read_redirect(status: int, location: str, app: App, attempt: Attempt) -> str:
    """Return the authorization code that an answer to the authorize request carries.

    Raises:
        SignInFailed: It leads elsewhere than to the app, belongs to another attempt, or says no.
    """
    place, _, query = location.partition("?")
    if status not in (302, 303) or place != app.callback_url:
        raise SignInFailed("approval_needed", status)
    answer = dict(parse_qsl(query))
    if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
        raise SignInFailed("state_mismatch")
    if "code" not in answer:
        raise read_refusal(answer, status)
    return answer["code"]


class SandboxTokenSource:
    """A token source that signs in when the first token is needed, so that a server starts without waiting for it."""

    def __init__(self, http: Http, base_url: str, app: App) -> None:
        self._http = http
        self._endpoint = TokenEndpoint(http, AuthServer(base_url, base_url), app)
        self._lock = anyio.Lock()
        self._session: InMemoryTokenSource | None = None

    async def access_token(self) -> str:
        """Return a token of whoever the server approves; see `sign_in` and `InMemoryTokenSource`."""
        return await (await self._signed_in()).access_token()

    async def renewed(self, rejected: str) -> str | None:
        """Return another token than the `rejected` one; see `InMemoryTokenSource`."""
        return await (await self._signed_in()).renewed(rejected)

    async def _signed_in(self) -> InMemoryTokenSource:
        async with self._lock:
            if self._session is None:
                grant = await sign_in(self._http, self._endpoint)
                self._session = InMemoryTokenSource(grant, self._endpoint.of_refresh_token)
            return self._session
