"""POST token, revoke, introspect (fact sheet 10)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sandbox.call import Answer, Call, Operation
from sandbox.clients import Client, authenticated_client, form_of
from sandbox.clock import parse_stamp, stamp
from sandbox.people import Person
from sandbox.refusals import RefusedError
from sandbox.service_accounts import account_of_assertion
from sandbox.store import Row
from sandbox.tokens import known_scope

ACCESS_SECONDS = 3599
REFRESH_LIFE = timedelta(days=15)


def token(call: Call) -> Answer:
    """Exchange a code, a refresh token, an app's own credentials or a service account's assertion for a token."""
    form = form_of(call)
    grants: dict[str, Callable[[Call, Client, dict[str, str]], dict[str, Any]]] = {
        "authorization_code": _from_code,
        "refresh_token": _from_refresh_token,
        "client_credentials": _from_client,
        "urn:ietf:params:oauth:grant-type:jwt-bearer": _from_assertion,
    }
    grant = grants.get(form.get("grant_type", ""))
    if grant is None:
        raise RefusedError(400, "The 'grant_type' is not supported.", code="unsupported_grant_type")
    client = authenticated_client(call, form)
    return Answer(grant(call, client, form), headers={"Cache-Control": "no-store"})


def revoke(call: Call) -> Answer:
    """POST revoke: 200 with an empty body, whether or not the token was one."""
    form = form_of(call)
    client = authenticated_client(call, form)
    value = _needed(form, "token")
    call.world.store.run("DELETE FROM refresh_tokens WHERE id = ? AND clientId = ?", _hash(value), client.id)
    claims = call.world.tokens.read(value, call.now)
    if claims is not None and claims.get("client_id") == client.id:
        call.world.store.run("INSERT OR IGNORE INTO revoked_tokens (id) VALUES (?)", claims["jti"])
    return Answer()


def introspect(call: Call) -> Answer:
    """POST introspect: what a token of the same application is worth."""
    form = form_of(call)
    client = authenticated_client(call, form)
    value = _needed(form, "token")
    row = call.world.store.row("SELECT * FROM refresh_tokens WHERE id = ? AND clientId = ?", _hash(value), client.id)
    if row is not None and row["usedAt"] is None and row["expiresAt"] > call.moment:
        until = int(parse_stamp(row["expiresAt"]).timestamp())
        return Answer(_worth(row["scope"], client, until, row["autodeskId"]))
    claims = call.world.tokens.read(value, call.now)
    if claims is None or claims["client_id"] != client.id or is_revoked(call, claims["jti"]):
        return Answer({"active": False})
    return Answer(_worth(" ".join(claims["scope"]), client, claims["exp"], claims.get("userid")))


def is_revoked(call: Call, token_id: str) -> bool:
    """Whether an access token was revoked before its time."""
    return call.world.store.row("SELECT id FROM revoked_tokens WHERE id = ?", token_id) is not None


def _worth(scope: str, client: Client, until: int, autodesk_id: str | None) -> dict[str, Any]:
    answer = {"active": True, "scope": scope, "client_id": client.id, "exp": until}
    return answer if autodesk_id is None else {**answer, "userid": autodesk_id}


def _from_code(call: Call, client: Client, form: dict[str, str]) -> dict[str, Any]:
    row = call.world.store.row("SELECT * FROM codes WHERE id = ?", _needed(form, "code"))
    redirect_uri = _needed(form, "redirect_uri")
    if row is None or row["expiresAt"] <= call.moment:
        raise _invalid("The authorization code is invalid or has expired.")
    if row["clientId"] != client.id:
        raise _invalid("The grant was issued to another client.")
    if row["redirectUri"] != redirect_uri:
        raise _invalid("The 'redirect_uri' is invalid.")
    if row["challenge"] is not None and not _verifies(form.get("code_verifier", ""), row["challenge"]):
        raise _invalid("PKCE verification failed.")
    call.world.store.run("DELETE FROM codes WHERE id = ?", row["id"])
    answer = _three_legged(call, client, row["scope"], row["autodeskId"])
    person = call.world.people.by_id(row["autodeskId"])
    if person is not None and "openid" in row["scope"].split():
        answer["id_token"] = _id_token(call, client, person, row["nonce"])
    return answer


def _from_refresh_token(call: Call, client: Client, form: dict[str, str]) -> dict[str, Any]:
    row = call.world.store.row("SELECT * FROM refresh_tokens WHERE id = ?", _hash(_needed(form, "refresh_token")))
    if row is None or row["expiresAt"] <= call.moment or not _unused(call, row):
        raise _invalid("The refresh token is invalid or expired.")
    if row["clientId"] != client.id:
        raise _invalid("The grant was issued to another client.")
    granted: str = row["scope"]
    wanted = form.get("scope", granted).split()
    if not wanted or not set(wanted) <= set(granted.split()):
        raise RefusedError(400, "The requested scope is invalid.", code="invalid_scope")
    if row["usedAt"] is None:
        call.world.store.update("refresh_tokens", row["id"], {"usedAt": call.moment})
    return _three_legged(call, client, " ".join(wanted), row["autodeskId"])


def _from_client(call: Call, client: Client, form: dict[str, str]) -> dict[str, Any]:
    if client.public:
        raise RefusedError(401, "A public client has no credentials of its own", code="unauthorized_client")
    return _access(call, client, _scopes(form), None)


def _from_assertion(call: Call, client: Client, form: dict[str, str]) -> dict[str, Any]:
    if client.public:
        raise RefusedError(401, "A public client may not use assertions", code="unauthorized_client")
    account = account_of_assertion(call, client, _needed(form, "assertion"))
    return _access(call, client, _scopes(form), account, token_id=f"SA-{secrets.token_urlsafe(16)}")


def _three_legged(call: Call, client: Client, scope: str, autodesk_id: str) -> dict[str, Any]:
    refresh_token = secrets.token_urlsafe(32)
    call.world.store.insert(
        "refresh_tokens",
        {
            "id": _hash(refresh_token),
            "clientId": client.id,
            "scope": scope,
            "autodeskId": autodesk_id,
            "expiresAt": stamp(call.now + REFRESH_LIFE),
            "usedAt": None,
        },
    )
    return {**_access(call, client, scope, autodesk_id), "refresh_token": refresh_token}


def _access(
    call: Call, client: Client, scope: str, autodesk_id: str | None, *, token_id: str | None = None
) -> dict[str, Any]:
    access_token = call.world.tokens.access_token(
        now=call.now,
        client_id=client.id,
        scopes=scope.split(),
        seconds=ACCESS_SECONDS,
        autodesk_id=autodesk_id,
        token_id=token_id,
    )
    return {"access_token": access_token, "token_type": "Bearer", "expires_in": ACCESS_SECONDS}


def _id_token(call: Call, client: Client, person: Person, nonce: str | None) -> str:
    claims: dict[str, Any] = {
        "iss": "https://developer.api.autodesk.com",
        "aud": client.id,
        "sub": person.autodesk_id,
        "exp": int(call.now.timestamp()) + ACCESS_SECONDS,
        "iat": int(call.now.timestamp()),
    }
    return call.world.tokens.sign(claims | ({"nonce": nonce} if nonce else {}))


def _unused(call: Call, row: Row) -> bool:
    if row["usedAt"] is None:
        return True
    grace = timedelta(seconds=call.world.switches.refresh_grace_seconds)
    return call.now < parse_stamp(row["usedAt"]) + grace


def _scopes(form: dict[str, str]) -> str:
    scopes = form.get("scope", "").split()
    if not scopes or not all(map(known_scope, scopes)):
        raise RefusedError(400, "The requested scope is invalid.", code="invalid_scope")
    return " ".join(scopes)


def _verifies(verifier: str, challenge: str) -> bool:
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


def _hash(refresh_token: str) -> str:
    """Refresh tokens are kept as digests, so that a look into the data folder shows none."""
    return hashlib.sha256(refresh_token.encode("utf-8", "replace")).hexdigest()


_PATH = "/authentication/v2"
OPERATIONS = (
    Operation("auth.token", "POST", f"{_PATH}/token", token, "auth", access="anybody"),
    Operation("auth.revoke", "POST", f"{_PATH}/revoke", revoke, "auth", access="anybody"),
    Operation("auth.introspect", "POST", f"{_PATH}/introspect", introspect, "auth", access="anybody"),
)
