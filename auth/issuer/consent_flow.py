"""The consent flow: from a client's request to the person's answer, by way of the consent page and Autodesk's sign-in.

No HTTP of its own; `auth.issuer.routes` translates. Autodesk's tokens go into the vault and nowhere else.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from anyio import to_thread

from auth.errors import SignInFailed, SignInUnavailable
from auth.issuer.authorization import (
    AuthorizationRequest,
    RedirectAnswer,
    check_repeated,
    failure,
    read_request,
    redirect_target,
    success,
)
from auth.issuer.browser_sessions import SignedInPerson
from auth.issuer.errors import InvalidClientDocument, NotAdmitted, OAuthError, PageError
from auth.issuer.pending_requests import COOKIE_SECONDS, Mismatch, PendingRequest
from auth.issuer.scopes import READ, in_order
from auth.issuer.token_issuer import TokenIssuer
from auth.issuer.tokens import GrantRequest
from auth.oauth import PkceAttempt, TokenEndpoint, UserProfile, authorize_url
from auth.token_refresh import stored_tokens
from auth.vault import UserAccount
from persistence.errors import StorageProblem

_REFUSED: Final = "an authorization request was refused: %s"
_TOO_MANY: Final = 429
_SERVER_ERRORS: Final = 500

_log = logging.getLogger(__name__)

AccountsOf = Callable[[str], Awaitable[Collection[str]]]
"""An Autodesk access token -> the ids of the ACC accounts that its person sees."""


@dataclass(frozen=True)
class ConsentView:
    """Content of the consent page; `person` is the one who is signed in in this browser already."""

    request: PendingRequest
    authorization: AuthorizationRequest
    cookie: str = field(repr=False)
    person: SignedInPerson | None


@dataclass(frozen=True)
class BrowserDeparture:
    """Redirect of the browser, and the cookie (name, value, seconds) that it takes along."""

    url: str
    cookie: tuple[str, str, int] | None = None


@dataclass(frozen=True)
class BrowserArrival:
    """Result of Autodesk's answer: where the browser goes, or that a person has connected, and the session's cookie."""

    person: SignedInPerson
    purpose: str
    session_cookie: str = field(repr=False)
    redirect: RedirectAnswer | None = None


class ConsentFlow:
    """Takes browsers through consent and Autodesk's sign-in, for the clients of a `TokenIssuer`.

    `connected` receives the subject of each person who has just signed in at Autodesk.
    """

    def __init__(
        self,
        issuer: TokenIssuer,
        endpoint: TokenEndpoint,
        *,
        accounts_of: AccountsOf | None = None,
        connected: Callable[[str], None] = lambda _subject: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._issuer = issuer
        self._settings = issuer.settings
        self._stores = issuer.stores
        self._endpoint = endpoint
        self._accounts_of = accounts_of
        self._connected = connected
        self._now = now

    def account(self, subject: str) -> UserAccount:
        """Return a person's place in the vault."""
        return UserAccount(self._endpoint.autodesk.api, self._endpoint.app.client_id, subject)

    # Consent

    async def begin(
        self, parameters: Mapping[str, str], repeated: Collection[str] = ()
    ) -> tuple[PendingRequest, str] | RedirectAnswer:
        """Take an authorization request; return it with its consent cookie, or the client's answer.

        `repeated` names the parameters that stand there more than once; `parameters` has none of them.

        Raises:
            PageError: The client or its redirect URI is unknown.
            OAuthError: One of the two is repeated, so it is not known where the answer belongs.
        """
        check_repeated({"client_id", "redirect_uri"} & set(repeated))
        client_id = parameters.get("client_id")
        try:
            client, redirect_uri = redirect_target(await self._issuer.client(client_id), parameters)
        except PageError as problem:
            _log.info(_REFUSED, problem)
            raise
        except InvalidClientDocument as problem:
            _log.info(_REFUSED, problem)
            raise PageError(
                400,
                "The application cannot be identified",
                (
                    f"Its description at {(client_id or '')[:200]} was refused: {problem}.",
                    "Try again in a minute. If that does not help, this server's administrator can register it.",
                ),
            ) from problem
        try:
            check_repeated(repeated)
            request = read_request(
                client, redirect_uri, parameters, self._settings.offered_scopes, self._settings.resource
            )
        except OAuthError as error:
            _log.info(_REFUSED, error)
            return failure(redirect_uri, parameters.get("state"), error, self._settings.public_url)
        return await to_thread.run_sync(lambda: self._stores.requests.begin("authorize", request))

    async def begin_sign_in(self, *, account: bool) -> tuple[PendingRequest, str]:
        """Begin a sign-in that no client asked for: to connect Autodesk again, or to see one's account."""
        return await to_thread.run_sync(lambda: self._stores.requests.begin("account" if account else "connect"))

    async def waiting(self, id_: str, cookies: Mapping[str, str]) -> tuple[PendingRequest, str]:
        """Return a request that waits in this browser, and its cookie.

        Raises:
            PageError: There is none.
        """
        found = await to_thread.run_sync(lambda: self._stores.requests.waiting(id_, cookies))
        if isinstance(found, str):
            raise _page_of(found)
        return found

    async def consent_view(self, id_: str, cookies: Mapping[str, str], session: str | None) -> ConsentView:
        """Return what the consent page shows.

        Raises:
            PageError: There is no such request in this browser.
        """
        request, cookie = await self.waiting(id_, cookies)
        if request.authorization is None:
            raise _page_of("unknown")
        return ConsentView(request, request.authorization, cookie, await self._usable_session(session))

    async def deny(self, request: PendingRequest) -> RedirectAnswer:
        """Answer the client that the person denied the request.

        Raises:
            PageError: The request was answered before.
        """
        asked = request.authorization
        if asked is None or not await to_thread.run_sync(lambda: self._stores.requests.finish(request)):
            raise _page_of("used")
        error = OAuthError("access_denied", "the person declined")
        return failure(asked.redirect_uri, asked.state, error, self._settings.public_url)

    async def approve(
        self, request: PendingRequest, scopes: Collection[str], session: str | None, *, as_another: bool = False
    ) -> BrowserDeparture:
        """Continue a request that the person has approved for `scopes`: at Autodesk, or back at the client.

        Raises:
            PageError: The request was answered before.
        """
        asked = request.authorization
        if asked is not None:
            asked = asked.model_copy(update={"scopes": in_order({READ, *scopes} & set(asked.scopes))})
            person = None if as_another else await self._usable_session(session)
            if person is not None:
                if not await to_thread.run_sync(lambda: self._stores.requests.finish(request)):
                    raise _page_of("used")
                try:
                    answer = await self._granted(asked, person)
                except StorageProblem as problem:
                    answer = self._ended(asked, _storage_error(problem))
                return BrowserDeparture(answer.url)
        attempt = PkceAttempt()
        cookie = await to_thread.run_sync(lambda: self._stores.requests.approve(request, asked, attempt))
        if cookie is None:
            raise _page_of("used")
        url = authorize_url(self._endpoint.autodesk.api, self._endpoint.app, attempt, self._settings.autodesk_scopes)
        return BrowserDeparture(
            f"{url}&prompt=login" if as_another else url, (request.approval_cookie, cookie, COOKIE_SECONDS)
        )

    # Autodesk's answer

    async def callback(
        self, parameters: Mapping[str, str], cookies: Mapping[str, str]
    ) -> BrowserArrival | RedirectAnswer:
        """Take Autodesk's answer: keep the tokens, and send the browser back to the client with a code or an error.

        Raises:
            PageError: The answer belongs to no request of this browser, or the person is not let in.
            StorageProblem: The request could not be read, so the same answer can be brought again.
        """
        state = parameters.get("state", "")
        request = await to_thread.run_sync(lambda: self._stores.requests.take(state, cookies))
        if isinstance(request, str):
            raise _page_of(request)
        asked = request.authorization
        try:
            person = await self._signed_in(parameters, request)
            session = await to_thread.run_sync(lambda: self._stores.sessions.start(person))
            self._connected(person.subject)
            redirect = await self._granted(asked, person) if asked is not None else None
        except SignInFailed as problem:
            level = logging.INFO if problem.error == "access_denied" else logging.WARNING
            _log.log(level, "a sign-in at Autodesk failed (%s, HTTP %s): %s", problem.error, problem.status, problem)
            return self._ended(asked, _error_of(problem))
        except StorageProblem as problem:
            return self._ended(asked, _storage_error(problem))
        return BrowserArrival(person, request.purpose, session, redirect)

    def _ended(self, asked: AuthorizationRequest | None, error: OAuthError) -> RedirectAnswer:
        """Return the client's answer to a request that has ended with an error; raise it as a page without a client."""
        if asked is None:
            sentence = f"{error.description[:1].upper()}{error.description[1:]}."
            raise PageError(400, "You are not signed in", (sentence,), ("/account", "Try again"))
        return failure(asked.redirect_uri, asked.state, error, self._settings.public_url)

    async def _signed_in(self, parameters: Mapping[str, str], request: PendingRequest) -> SignedInPerson:
        if "error" in parameters or not parameters.get("code"):
            raise SignInFailed(parameters.get("error", "unknown_error")[:60])
        grant = await self._endpoint.exchange_code(parameters["code"], request.verifier or "")
        token = grant.access_token.get_secret_value()
        found = await self._endpoint.userinfo(token)
        person = SignedInPerson(found.sub, found.name, found.email if found.email_verified else None)
        asked = request.authorization
        client = {"client": asked.client_id, "client_name": asked.client_name} if asked is not None else {}
        try:
            self._settings.admission.check_person(person)
            if self._settings.admission.accounts and self._accounts_of is not None:
                self._settings.admission.check_accounts(await self._accounts_of(token))
        except NotAdmitted as reason:
            await self._issuer.note("sign_in_refused", person=person.subject, **client, reason=str(reason))
            raise self._refused(asked, found) from reason
        tokens = stored_tokens(grant, self._now(), self._settings.autodesk_scopes)
        account = self.account(person.subject)
        await to_thread.run_sync(
            lambda: self._stores.vault.save_login(account, found.name, found.email, tokens, current=False)
        )
        await self._issuer.note("signed_in", person=person.subject, **client)
        return person

    def _refused(self, asked: AuthorizationRequest | None, person: UserProfile) -> PageError:
        email = f" ({person.email})" if person.email else ""
        sentences = (
            f"Autodesk signed you in as {person.name or person.sub}{email}.",
            "This server is not open to that account.",
            "Ask its administrator for access. To use another account, sign out at Autodesk, and begin again.",
        )
        if asked is None:
            return PageError(403, "You may not use this server", sentences)
        error = OAuthError("access_denied", "this server is not open to the person's account")
        back = failure(asked.redirect_uri, asked.state, error, self._settings.public_url)
        return PageError(403, "You may not use this server", sentences, (back.url, f"Go back to {asked.client_name}"))

    async def _granted(self, asked: AuthorizationRequest, person: SignedInPerson) -> RedirectAnswer:
        request = GrantRequest(
            person.subject,
            person.name,
            person.email,
            asked.client_id,
            asked.client_name,
            asked.redirect_host,
            asked.scopes,
            asked.redirect_uri,
            asked.challenge,
            asked.resource,
        )
        code, grant = await to_thread.run_sync(lambda: self._stores.tokens.issue_code(request))
        await self._issuer.note(
            "consented",
            person=person.subject,
            client=asked.client_id,
            client_name=asked.client_name,
            grant=grant,
            scopes=" ".join(asked.scopes),
        )
        return success(asked, code, self._settings.public_url)

    async def _usable_session(self, cookie: str | None) -> SignedInPerson | None:
        """Return who is signed in in the browser, if Autodesk's tokens of that person can be used and they may come."""
        person = await to_thread.run_sync(lambda: self._stores.sessions.find(cookie))
        if person is None:
            return None
        try:
            self._settings.admission.check_person(person)
        except NotAdmitted:
            return None
        account = self.account(person.subject)
        kept = await to_thread.run_sync(lambda: self._stores.vault.read(account))
        return person if kept is not None and not kept.is_revoked else None

    # The browser's session

    async def session(self, cookie: str | None) -> SignedInPerson | None:
        """Return who is signed in in a browser, whether or not Autodesk's tokens can be used."""
        return await to_thread.run_sync(lambda: self._stores.sessions.find(cookie))

    async def sign_out(self, cookie: str) -> None:
        """End the session of a browser; clients stay connected."""
        await to_thread.run_sync(lambda: self._stores.sessions.end(cookie=cookie))


def _error_of(problem: SignInFailed) -> OAuthError:
    if problem.error == "access_denied":
        return OAuthError("access_denied", "the sign-in at Autodesk was cancelled")
    status = problem.status or 0
    if isinstance(problem, SignInUnavailable) or status == _TOO_MANY or status >= _SERVER_ERRORS:
        return OAuthError("temporarily_unavailable", "Autodesk's sign-in is away or busy; begin again in a minute")
    if problem.error in ("invalid_client", "unauthorized_client"):
        return OAuthError(
            "server_error",
            "Autodesk does not accept this server's app; its administrator has to check APS_CLIENT_ID, "
            "APS_CLIENT_SECRET, and the callback URL and the APIs of the app",
        )
    return OAuthError(
        "server_error",
        f"Autodesk did not complete the sign-in ({problem.error}); begin again, and tell the server's administrator if "
        "that does not help",
    )


def _storage_error(problem: StorageProblem) -> OAuthError:
    """Return the end of a request that was taken, so that its page cannot be loaded again."""
    _log.warning("a sign-in could not be kept: %s", problem)
    return OAuthError("temporarily_unavailable", "the server's database was away just now; begin again in a minute")


def _page_of(mismatch: Mismatch) -> PageError:
    if mismatch == "other_browser":
        return PageError(
            403,
            "This is not the browser that began",
            (
                "It was begun in another browser or too long ago, or this one keeps no cookies, so nothing was done.",
                "Begin again in the application, in the browser that you want to use.",
            ),
        )
    if mismatch == "used":
        return PageError(
            400,
            "This was answered already",
            ("The request was allowed or declined before.", "If the application still waits, connect it again there."),
        )
    return PageError(
        400,
        "This sign-in has expired",
        ("A request is good for ten minutes and for one answer.", "Begin again in the application."),
    )
