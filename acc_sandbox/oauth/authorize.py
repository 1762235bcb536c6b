"""GET authorize: the page on which a person signs in, and the redirect with the code (fact sheet 10)."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from acc_sandbox.admin.rendering import render
from acc_sandbox.http.errors import RefusedError
from acc_sandbox.http.operation import ApiOperation, RequestContext, Response
from acc_sandbox.http.schemas import HTML
from acc_sandbox.oauth.access_tokens import scopes_of
from acc_sandbox.oauth.clients import CLIENTS
from acc_sandbox.state.clock import stamp
from acc_sandbox.state.people import Person

CODE_LIFE = timedelta(minutes=5)
PERSON_FIELD = "sandbox_person"
"""Query parameter by which a button of the form says who signs in; it is the sandbox's own."""
_MOST_SCOPES = 50
_SHORTEST_CHALLENGE, _LONGEST_CHALLENGE = 43, 128


def authorize(call: RequestContext) -> Response:
    """Show who can sign in; with a person chosen, or auto-approval on, redirect with a code.

    A wrong client, redirect URI or state is answered on the spot with 400 and never redirected; anything else goes back
    to the application as `error`.
    """
    query = call.query
    client = CLIENTS.get(query.text("client_id"))
    if client is None:
        raise RefusedError(400, "The 'client_id' is invalid.", code="invalid_request")
    redirect_uri = query.text("redirect_uri")
    if client.kind == "server" or not _is_registered(call, redirect_uri):
        raise RefusedError(400, "The 'redirect_uri' is invalid.", code="invalid_request")
    if not re.fullmatch(r"[A-Za-z0-9,._-]*", query.text("state")):
        raise RefusedError(400, "The 'state' is invalid.", code="invalid_request")
    problem = _problem(call, public=client.public)
    if problem is not None:
        return _back(call, {"error": problem[0], "error_description": problem[1]})
    people, chosen = call.sandbox.people, query.text(PERSON_FIELD)
    if chosen == "deny":
        return _back(call, {"error": "access_denied", "error_description": "The person did not sign in."})
    person = people.by_key(chosen) or (_automatic(call) if call.sandbox.auto_approve else None)
    if person is None:
        return _sign_in_page(call)
    return _back(call, {"code": _new_code(call, person)})


def _automatic(call: RequestContext) -> Person:
    people = call.sandbox.people
    return people.by_key(call.sandbox.auto_person or "") or people.people[0]


def _is_registered(call: RequestContext, redirect_uri: str) -> bool:
    """Exact match, to the last slash, but for a wildcard; every registered URI serves both clients."""
    if any(_is_covered(redirect_uri, registered) for registered in call.sandbox.callback_urls):
        return True
    if call.sandbox.switches.loopback_port == "exact":
        return redirect_uri in call.sandbox.callback_urls
    return _without_port(redirect_uri) in map(_without_port, call.sandbox.callback_urls)


def _is_covered(redirect_uri: str, registered: str) -> bool:
    """Whether a registered `https://*.example.com/…` means the URI: one label, the left-most, and the rest exactly."""
    front, star, rest = registered.partition("*")
    if front != "https://" or not star or not rest.startswith("."):
        return False
    return re.fullmatch(r"https://[A-Za-z0-9-]+" + re.escape(rest), redirect_uri) is not None


def _without_port(url: str) -> str:
    return re.sub(r"^(http://(?:localhost|127\.0\.0\.1|\[::1\])):\d+(?=/|$)", r"\1", url)


def _problem(call: RequestContext, *, public: bool) -> tuple[str, str] | None:
    query = call.query
    if query.text("response_type") != "code":
        return "unsupported_response_type", "The 'response_type' must be code."
    if not 0 < len(scopes_of(query.text("scope"))) <= _MOST_SCOPES:
        return "invalid_scope", "The 'scope' is invalid."
    challenge = query.text("code_challenge")
    if not challenge:
        if "code_challenge_method" in query:
            return "invalid_request", "The 'code_challenge' is missing."
        needed = public and call.sandbox.switches.public_needs_pkce
        return ("invalid_request", "The 'code_challenge' is required.") if needed else None
    if query.text("code_challenge_method") != "S256":
        return "invalid_request", "The 'code_challenge_method' must be S256."
    if not re.fullmatch(rf"[A-Za-z0-9_-]{{{_SHORTEST_CHALLENGE},{_LONGEST_CHALLENGE}}}", challenge):
        return "invalid_request", "The 'code_challenge' is invalid."
    return None


def _new_code(call: RequestContext, person: Person) -> str:
    code = secrets.token_urlsafe(32)
    call.sandbox.store.insert(
        "codes",
        {
            "id": code,
            "clientId": call.query.text("client_id"),
            "redirectUri": call.query.text("redirect_uri"),
            "scope": call.query.text("scope"),
            "autodeskId": person.autodesk_id,
            "challenge": call.query.text("code_challenge") or None,
            "nonce": call.query.text("nonce") or None,
            "expiresAt": stamp(call.now + CODE_LIFE),
        },
    )
    return code


def _back(call: RequestContext, answer: dict[str, str]) -> Response:
    redirect_uri = call.query.text("redirect_uri")
    if "state" in call.query:
        answer["state"] = call.query.text("state")
    separator = "&" if urlsplit(redirect_uri).query else "?"
    return Response(status=302, headers={"Location": f"{redirect_uri}{separator}{urlencode(answer)}"})


def _sign_in_page(call: RequestContext) -> Response:
    return render(
        "sign_in.html",
        redirects=True,
        title="Sign in",
        scopes=call.query.text("scope").split(),
        action=call.url_path,
        kept=[pair for pair in call.query.pairs if pair[0] != PERSON_FIELD],
        people=call.sandbox.people.people,
        field=PERSON_FIELD,
    )


OPERATIONS = (
    ApiOperation(
        "auth.authorize",
        "GET",
        "/authentication/v2/authorize",
        authorize,
        "auth",
        access="anybody",
        query=(
            *("client_id", "response_type", "redirect_uri", "scope", "state", "nonce", "prompt", "response_mode"),
            *("authoptions", "code_challenge", "code_challenge_method", PERSON_FIELD),
        ),
        answers={200: HTML, 302: None},
    ),
)
