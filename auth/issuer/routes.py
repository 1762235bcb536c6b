"""Routes of the authorization server in Starlette: what `TokenIssuer` and `ConsentFlow` answer, as HTTP."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from auth.issuer.authorization import RedirectAnswer, read_parameters, single_values
from auth.issuer.browser_sessions import COOKIE as SESSION_COOKIE
from auth.issuer.clients import ClientCredentials, RegisteredClient, read_credentials
from auth.issuer.consent_flow import BrowserDeparture, ConsentFlow
from auth.issuer.errors import OAuthError, PageError, TooManyRequests
from auth.issuer.metadata import CALLBACK_PATH, RESOURCE_PATHS, SERVER_PATHS, resource_metadata, server_metadata
from auth.issuer.opaque_secrets import form_token, is_form_token
from auth.issuer.pages import PageRenderer
from auth.issuer.pending_requests import COOKIE_SECONDS
from auth.issuer.scopes import DESCRIPTIONS
from auth.issuer.token_issuer import TokenIssuer
from persistence.errors import DatabaseProblem, StorageProblem

MAX_BODY_BYTES: Final = 16 * 1024
RETRY_SECONDS: Final = 5
"""`Retry-After` in seconds while the database is away."""

_METADATA_CACHE: Final = {"Cache-Control": "public, max-age=300"}
_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_BODY_TOO_LARGE: Final = 413

_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]
AddressOf = Callable[[Request], str]
"""A request -> the network address of its caller, as far as proxies are trusted."""

TakeFetch = Callable[[str], Awaitable[float]]
"""A network address -> 0, or the seconds after which it may have a client's document fetched again."""


async def _unlimited(_address: str) -> float:
    return 0.0


class IssuerRoutes:
    """Translates between HTTP, a `TokenIssuer` and its `ConsentFlow`."""

    def __init__(
        self, issuer: TokenIssuer, flow: ConsentFlow, address_of: AddressOf, take_fetch: TakeFetch = _unlimited
    ) -> None:
        self._take_fetch = take_fetch
        self._issuer = issuer
        self._flow = flow
        self._settings = issuer.settings
        self._address_of = address_of
        self._pages = PageRenderer(issuer.settings.public_url)

    def routes(self) -> list[Route]:
        """Return all routes. Those of clients answer any origin, those of browsers none; `OPTIONS` is not ours."""
        api, page = self._api, self._page
        return [
            *(Route(path, self._resource_metadata, methods=["GET"]) for path in RESOURCE_PATHS),
            *(Route(path, self._server_metadata, methods=["GET"]) for path in SERVER_PATHS),
            Route("/authorize", page(self._authorize), methods=["GET"]),
            Route("/consent", page(self._show_consent, self._take_consent), methods=["GET", "POST"]),
            Route(CALLBACK_PATH, page(self._callback), methods=["GET"]),
            Route("/connect", page(self._show_connect, self._take_connect), methods=["GET", "POST"]),
            Route("/account", page(self._show_account, self._change_account), methods=["GET", "POST"]),
            Route("/token", api(self._token), methods=["POST"]),
            Route("/revoke", api(self._revoke), methods=["POST"]),
            Route("/register", api(self._register), methods=["POST"]),
        ]

    # Metadata

    async def _resource_metadata(self, _request: Request) -> Response:
        document = resource_metadata(self._settings.public_url, self._settings.offered_scopes)
        return JSONResponse(document, headers=_METADATA_CACHE)

    async def _server_metadata(self, _request: Request) -> Response:
        enabled = self._settings.registration.enabled
        document = server_metadata(
            self._settings.public_url, self._settings.offered_scopes, registration=enabled, documents=enabled
        )
        return JSONResponse(document, headers=_METADATA_CACHE)

    # Clients

    async def _token(self, request: Request) -> Response:
        form = await _form(request)
        issued = await self._issuer.exchange(await self._credentials(request, form), form)
        content = {
            "access_token": issued.access_token,
            "token_type": "Bearer",
            "expires_in": issued.expires_in,
            "refresh_token": issued.refresh_token,
            "scope": " ".join(issued.scopes),
        }
        return JSONResponse(content, headers=_NO_STORE)

    async def _revoke(self, request: Request) -> Response:
        form = await _form(request)
        await self._issuer.revoke(await self._credentials(request, form), form)
        return Response(status_code=200, headers=_NO_STORE)

    async def _credentials(self, request: Request, form: Mapping[str, str]) -> ClientCredentials:
        credentials = read_credentials(request.headers.get("authorization"), form)
        await self._count_fetch(request, credentials.client_id)
        return credentials

    async def _count_fetch(self, request: Request, client_id: str) -> None:
        """Count the fetch of a client's document that is about to be made.

        Raises:
            TooManyRequests: The caller's network has had too many of them.
        """
        if self._issuer.must_fetch(client_id) and (wait := await self._take_fetch(self._address_of(request))) > 0:
            raise TooManyRequests(wait)

    async def _register(self, request: Request) -> Response:
        client, secret = await self._issuer.register(await _body(request), self._address_of(request))
        return JSONResponse(_registration(client, secret), 201, headers=_NO_STORE)

    # Browsers

    async def _authorize(self, request: Request) -> Response:
        parameters, repeated = read_parameters(request.query_params.multi_items())
        await self._count_fetch(request, parameters.get("client_id", ""))
        begun = await self._flow.begin(parameters, repeated)
        if isinstance(begun, RedirectAnswer):
            return RedirectResponse(begun.url, 303, _NO_STORE)
        pending, cookie = begun
        response = RedirectResponse(f"/consent?request={pending.id}", 303, _NO_STORE)
        _set_cookie(response, pending.consent_cookie, cookie, COOKIE_SECONDS)
        return response

    async def _show_consent(self, request: Request) -> Response:
        id_ = request.query_params.get("request", "")
        view = await self._flow.consent_view(id_, request.cookies, request.cookies.get(SESSION_COOKIE))
        asked = view.authorization
        return self._pages.render(
            "consent.html",
            f"Connect {asked.client_name}?",
            asked=asked,
            request=view.request,
            person=view.person,
            scopes=[(scope, DESCRIPTIONS[scope]) for scope in asked.scopes],
            form_token=form_token(view.cookie, "consent"),
        )

    async def _take_consent(self, request: Request) -> Response:
        pairs = await _pairs(request)
        form = dict(pairs)
        pending, cookie = await self._flow.waiting(form.get("request", ""), request.cookies)
        _check_form(form, cookie, "consent")
        if form.get("decision") not in ("allow", "other"):
            return self._pages.hand_over((await self._flow.deny(pending)).url)
        scopes = [value for name, value in pairs if name == "scope"]
        session = request.cookies.get(SESSION_COOKIE)
        departure = await self._flow.approve(pending, scopes, session, as_another=form["decision"] == "other")
        return self._leave(departure)

    async def _callback(self, request: Request) -> Response:
        arrival = await self._flow.callback(single_values(request.query_params.multi_items()), request.cookies)
        if isinstance(arrival, RedirectAnswer):
            return RedirectResponse(arrival.url, 303, _NO_STORE)
        name = arrival.person.name or arrival.person.subject
        response: Response
        if arrival.redirect is not None:
            response = RedirectResponse(arrival.redirect.url, 303, _NO_STORE)
        elif arrival.purpose == "account":
            response = RedirectResponse("/account", 303, _NO_STORE)
        else:
            response = self._pages.message(
                "Autodesk is connected",
                f"You are signed in to Autodesk as {name}.",
                "You can close this window and repeat in the chat what you asked for; uploads that waited go on by "
                "themselves.",
                link=("/account", "Applications that work in your name"),
            )
        _set_cookie(response, SESSION_COOKIE, arrival.session_cookie, int(self._issuer.stores.sessions.seconds))
        return response

    async def _show_connect(self, _request: Request) -> Response:
        return await self._sign_in_page(
            "Connect Autodesk",
            "Sign in at Autodesk to renew the sign-in that this server keeps for you; what waited for it goes on then.",
            account=False,
        )

    async def _sign_in_page(self, title: str, sentence: str, *, account: bool) -> Response:
        pending, cookie = await self._flow.begin_sign_in(account=account)
        token = form_token(cookie, "connect")
        response = self._pages.render("sign_in.html", title, sentence=sentence, request=pending, form_token=token)
        _set_cookie(response, pending.consent_cookie, cookie, COOKIE_SECONDS)
        return response

    async def _take_connect(self, request: Request) -> Response:
        form = dict(await _pairs(request))
        pending, cookie = await self._flow.waiting(form.get("request", ""), request.cookies)
        _check_form(form, cookie, "connect")
        departure = await self._flow.approve(pending, (), None)
        return self._leave(departure)

    async def _show_account(self, request: Request) -> Response:
        cookie = request.cookies.get(SESSION_COOKIE)
        person = await self._flow.session(cookie)
        if person is None or cookie is None:
            sentence = "Sign in to see which applications work in your name, and to disconnect them."
            return await self._sign_in_page("Your account", sentence, account=True)
        grants = await self._issuer.grants_of(person)
        return self._pages.render(
            "account.html",
            "Your account",
            person=person,
            grants=[_shown_grant(grant) for grant in grants],
            form_token=form_token(cookie, "account"),
        )

    async def _change_account(self, request: Request) -> Response:
        cookie = request.cookies.get(SESSION_COOKIE)
        person = await self._flow.session(cookie)
        if person is None or cookie is None:
            return RedirectResponse("/account", 303, _NO_STORE)
        form = dict(await _pairs(request))
        _check_form(form, cookie, "account")
        response = RedirectResponse("/account", 303, _NO_STORE)
        if "sign_out" in form:
            await self._flow.sign_out(cookie)
            _set_cookie(response, SESSION_COOKIE, "", 0)
        elif "revoke" in form:
            await self._issuer.revoke_own(person, form["revoke"])
        return response

    # What all have in common

    def _leave(self, departure: BrowserDeparture) -> Response:
        # The consent cookie stays until it is over, so that the same page in a second window is told of its answer.
        response = self._pages.hand_over(departure.url)
        if departure.cookie is not None:
            _set_cookie(response, *departure.cookie)
        return response

    def _api(self, handler: Handler) -> Handler:
        """Answer a client's request, and its errors as RFC 6749 section 5.2 has them."""

        async def handle(request: Request) -> Response:
            try:
                await self._issuer.check_audit()
                return await handler(request)
            except OAuthError as problem:
                _log.info("a client's request was refused: %s", problem)
                return oauth_error(problem, basic="authorization" in request.headers)
            except TooManyRequests as problem:
                return too_many_requests(problem)
            except StorageProblem as problem:
                return oauth_error(OAuthError("temporarily_unavailable", f"{_told(problem)}; try again", 503))

        return handle

    def _page(self, show: Handler, take: Handler | None = None) -> Handler:
        """Answer a browser's request, a form by `take`, and errors as pages."""

        async def handle(request: Request) -> Response:
            try:
                await self._issuer.check_audit()
                return await (take if take is not None and request.method == "POST" else show)(request)
            except PageError as problem:
                return self._pages.error(problem)
            except TooManyRequests as problem:
                return self._pages.too_many_requests(problem)
            except OAuthError as problem:
                _log.info("a browser's request was refused: %s", problem)
                return self._pages.message(
                    "The request cannot be used",
                    f"Nothing was done, for {problem.description}.",
                    "Begin again in the application; if it sends you here again, tell those who make it.",
                    status=problem.status,
                )
            except StorageProblem as problem:
                response = self._pages.message(
                    "The server cannot answer now",
                    f"Nothing was done, for {_told(problem)}. Load this page again in a minute; if the sign-in has "
                    "expired by then, begin again in the application.",
                    status=503,
                )
                response.headers["Retry-After"] = str(RETRY_SECONDS)
                return response

        return handle


def _told(problem: StorageProblem) -> str:
    """Log why the server's own storage failed, and return what its callers may know of that."""
    _log.warning("a request was not answered: %s", problem)
    if isinstance(problem, DatabaseProblem):
        return "the server's database is away"
    return "the server cannot write to its own files"


def too_many_requests(problem: TooManyRequests) -> JSONResponse:
    """Return the 429 response, with Retry-After."""
    content = {"error": "slow_down", "error_description": str(problem)}
    return JSONResponse(content, 429, {**_NO_STORE, "Retry-After": str(problem.seconds)})


def oauth_error(problem: OAuthError, *, basic: bool = False) -> JSONResponse:
    """Return an error for a client; `basic` says that it had used an `Authorization` header."""
    headers = dict(_NO_STORE)
    if problem.status == 401 and basic:
        headers["WWW-Authenticate"] = 'Basic realm="submittal-mcp"'
    if problem.status == 503:
        headers["Retry-After"] = str(RETRY_SECONDS)
    return JSONResponse({"error": problem.error, "error_description": problem.description}, problem.status, headers)


def _registration(client: RegisteredClient, secret: str | None) -> dict[str, Any]:
    """Return the answer to a registration (RFC 7591, section 3.2.1)."""
    return {
        "client_id": client.client_id,
        "client_name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "token_endpoint_auth_method": client.auth_method,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": " ".join(DESCRIPTIONS),
        **({"application_type": client.application_type} if client.application_type else {}),
        **({"client_secret": secret, "client_secret_expires_at": 0} if secret is not None else {}),
    }


def _shown_grant(grant: Mapping[str, Any]) -> dict[str, Any]:
    may = ", ".join(scope.partition(":")[2] for scope in grant["scopes"].split())
    return {**grant, "may": may, "created": _day(grant["created_at"]), "used": _day(grant["last_used_at"])}


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %B %Y")


def _set_cookie(response: Response, name: str, value: str, seconds: int) -> None:
    """Set a cookie for this host alone that no script reads, and no other site's form brings along."""
    response.set_cookie(name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")


def _check_form(form: Mapping[str, str], cookie: str, purpose: str) -> None:
    if not is_form_token(form.get("form_token", ""), cookie, purpose):
        raise PageError(
            403,
            "This form did not come from this server",
            (
                "Nothing was done. If the page was open for long, load it again and repeat it.",
                "If you followed a link from elsewhere, be careful with it.",
            ),
        )


async def _form(request: Request) -> dict[str, str]:
    return single_values(await _pairs(request))


async def _pairs(request: Request) -> list[tuple[str, str]]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "Content-Type must be application/x-www-form-urlencoded")
    body = (await _body(request)).decode("utf-8", "replace")
    try:
        return parse_qsl(body, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise OAuthError("invalid_request", "the form has too many fields") from None


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise OAuthError("invalid_request", f"a body has at most {MAX_BODY_BYTES} bytes", _BODY_TOO_LARGE)
    return bytes(body)
