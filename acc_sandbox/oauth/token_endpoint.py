"""POST token, revoke, introspect (fact sheet 10)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable
from typing import Any

from acc_sandbox.http.errors import RefusedError, error_body
from acc_sandbox.http.operation import ApiOperation, Handler, RequestContext, Response
from acc_sandbox.http.schemas import ObjectSchema
from acc_sandbox.oauth.access_tokens import scopes_of
from acc_sandbox.oauth.clients import OAuthClient, authenticated_client, check_form, form_of
from acc_sandbox.oauth.refresh_tokens import (
    ReusedTokenError,
    find_refresh_token,
    keep_refresh_token,
    new_family,
    revoke_family,
    revoke_refresh_token,
    spend_refresh_token,
    use_refresh_token,
)
from acc_sandbox.oauth.schemas import TOKEN, WORTH
from acc_sandbox.oauth.service_accounts import EXCHANGES_PER_MINUTE, read_assertion
from acc_sandbox.state.clock import parse_stamp
from acc_sandbox.state.people import Person

ACCESS_SECONDS = 3599


def token(call: RequestContext) -> Response:
    """Exchange a code, a refresh token, an app's own credentials or a service account's assertion for a token."""
    form = form_of(call)
    grant, fields = _GRANTS.get(form.get("grant_type", ""), (None, ()))
    if grant is None:
        raise RefusedError(400, "The 'grant_type' is not supported.", code="unsupported_grant_type")
    check_form(call, form, "grant_type", *fields)
    client = authenticated_client(call, form)
    try:
        granted = grant(call, client, form)
    except ReusedTokenError as reused:
        # Answered here, because a refusal that is raised undoes what was changed, and the family has to stay revoked.
        revoke_family(call, reused.family)
        return Response(error_body("auth", reused, call.sandbox.switches), reused.status)
    return Response(granted, headers={"Cache-Control": "no-store"})


def revoke(call: RequestContext) -> Response:
    """POST revoke: 200 with an empty body, whether or not the token was one."""
    form = form_of(call)
    check_form(call, form, "token", "token_type_hint")
    if form.get("token_type_hint", "access_token") not in ("access_token", "refresh_token"):
        raise RefusedError(400, "The 'token_type_hint' is invalid.", code="invalid_request")
    client = authenticated_client(call, form)
    value = _needed(form, "token")
    revoke_refresh_token(call, client, value)
    claims = call.sandbox.tokens.read(value, call.now)
    if claims is not None and claims.get("client_id") == client.id:
        call.sandbox.store.run("INSERT OR IGNORE INTO revoked_tokens (id) VALUES (?)", claims["jti"])
    return Response()


def introspect(call: RequestContext) -> Response:
    """POST introspect: what a token of the same application is worth."""
    form = form_of(call)
    check_form(call, form, "token")
    client = authenticated_client(call, form)
    value = _needed(form, "token")
    row = find_refresh_token(call, client, value)
    if row is not None:
        until = int(parse_stamp(row["expiresAt"]).timestamp())
        return Response(_worth(row["scope"], client, until, row["autodeskId"]))
    claims = call.sandbox.tokens.read(value, call.now)
    if claims is None or claims["client_id"] != client.id or is_revoked(call, claims["jti"]):
        return Response({"active": False})
    return Response(_worth(" ".join(claims["scope"]), client, claims["exp"], claims.get("userid")))


def is_revoked(call: RequestContext, token_id: str) -> bool:
    """Whether an access token was revoked before its time."""
    return call.sandbox.store.row("SELECT id FROM revoked_tokens WHERE id = ?", token_id) is not None


def _worth(scope: str, client: OAuthClient, until: int, autodesk_id: str | None) -> dict[str, Any]:
    answer = {"active": True, "scope": scope, "client_id": client.id, "exp": until}
    return answer if autodesk_id is None else {**answer, "userid": autodesk_id}


def _from_code(call: RequestContext, client: OAuthClient, form: dict[str, str]) -> dict[str, Any]:
    row = call.sandbox.store.row("SELECT * FROM codes WHERE id = ?", _needed(form, "code"))
    redirect_uri = _needed(form, "redirect_uri")
    if row is None or row["expiresAt"] <= call.moment:
        raise _invalid("The authorization code is invalid or has expired.")
    if row["clientId"] != client.id:
        raise _invalid("The grant was issued to another client.")
    if row["redirectUri"] != redirect_uri:
        raise _invalid("The 'redirect_uri' is invalid.")
    if not _verifies(form.get("code_verifier"), row["challenge"]):
        raise _invalid("PKCE verification failed.")
    call.sandbox.store.run("DELETE FROM codes WHERE id = ?", row["id"])
    answer = _three_legged(call, client, row["scope"], row["autodeskId"], new_family())
    person = call.sandbox.people.by_id(row["autodeskId"])
    if person is not None and "openid" in row["scope"].split():
        answer["id_token"] = _id_token(call, client, person, row["nonce"])
    return answer


def _from_refresh_token(call: RequestContext, client: OAuthClient, form: dict[str, str]) -> dict[str, Any]:
    row = use_refresh_token(call, client, _needed(form, "refresh_token"))
    granted: str = row["scope"]
    wanted = scopes_of(form.get("scope", granted))
    if not wanted or not set(wanted) <= set(granted.split()):
        raise RefusedError(400, "The requested scope is invalid.", code="invalid_scope")
    spend_refresh_token(call, row)
    return _three_legged(call, client, " ".join(wanted), row["autodeskId"], row["family"])


def _from_client(call: RequestContext, client: OAuthClient, form: dict[str, str]) -> dict[str, Any]:
    if client.public:
        raise RefusedError(401, "A public client has no credentials of its own", code="unauthorized_client")
    return _access(call, client, _scopes(form), None, secrets.token_urlsafe(24))


def _from_assertion(call: RequestContext, client: OAuthClient, form: dict[str, str]) -> dict[str, Any]:
    if client.kind != "server":
        raise RefusedError(403, "Only a server-to-server application owns service accounts", code="unauthorized_client")
    call.count(f"exchanges of {client.id}", EXCHANGES_PER_MINUTE)
    signed = read_assertion(call, client, _needed(form, "assertion"))
    scope = _scopes(form) if "scope" in form else " ".join(signed.scopes)
    if not set(scope.split()) <= set(signed.scopes):
        raise RefusedError(400, "The requested scope is invalid.", code="invalid_scope")
    return _access(call, client, scope, signed.account_id, f"SA-{secrets.token_urlsafe(16)}")


_GRANTS: dict[
    str, tuple[Callable[[RequestContext, OAuthClient, dict[str, str]], dict[str, Any]] | None, tuple[str, ...]]
] = {
    "authorization_code": (_from_code, ("code", "redirect_uri", "code_verifier")),
    "refresh_token": (_from_refresh_token, ("refresh_token", "scope")),
    "client_credentials": (_from_client, ("scope",)),
    "urn:ietf:params:oauth:grant-type:jwt-bearer": (_from_assertion, ("assertion", "scope")),
}
"""How each grant is carried out, and what its form has besides `grant_type` and the application's credentials."""


def _three_legged(
    call: RequestContext, client: OAuthClient, scope: str, autodesk_id: str, family: str
) -> dict[str, Any]:
    token_id = secrets.token_urlsafe(24)
    refresh_token = keep_refresh_token(
        call, client, scope=scope, autodesk_id=autodesk_id, family=family, access_token_id=token_id
    )
    return {**_access(call, client, scope, autodesk_id, token_id), "refresh_token": refresh_token}


def _access(
    call: RequestContext, client: OAuthClient, scope: str, autodesk_id: str | None, token_id: str
) -> dict[str, Any]:
    access_token = call.sandbox.tokens.access_token(
        now=call.now,
        client_id=client.id,
        scopes=scope.split(),
        seconds=ACCESS_SECONDS,
        autodesk_id=autodesk_id,
        token_id=token_id,
    )
    return {"access_token": access_token, "token_type": "Bearer", "expires_in": ACCESS_SECONDS}


def _id_token(call: RequestContext, client: OAuthClient, person: Person, nonce: str | None) -> str:
    claims: dict[str, Any] = {
        "iss": "https://developer.api.autodesk.com",
        "aud": client.id,
        "sub": person.autodesk_id,
        "exp": int(call.now.timestamp()) + ACCESS_SECONDS,
        "iat": int(call.now.timestamp()),
    }
    return call.sandbox.tokens.sign(claims | ({"nonce": nonce} if nonce else {}))


def _scopes(form: dict[str, str]) -> str:
    scopes = scopes_of(form.get("scope", ""))
    if not scopes:
        raise RefusedError(400, "The requested scope is invalid.", code="invalid_scope")
    return " ".join(scopes)


def _verifies(verifier: str | None, challenge: str | None) -> bool:
    """Whether a verifier is the challenge's; neither goes without the other."""
    if verifier is None or challenge is None:
        return verifier is challenge
    if not re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier):
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge


def _needed(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise RefusedError(400, f"The '{name}' is missing.", code="invalid_request")
    return form[name]


def _invalid(reason: str) -> RefusedError:
    return RefusedError(400, reason, code="invalid_grant")


def _post(name: str, handler: Handler, answer: ObjectSchema | None) -> ApiOperation:
    path = f"/authentication/v2/{name}"
    return ApiOperation(f"auth.{name}", "POST", path, handler, "auth", access="anybody", answers={200: answer})


OPERATIONS = (
    _post("token", token, TOKEN),
    _post("revoke", revoke, None),
    _post("introspect", introspect, WORTH),
)
