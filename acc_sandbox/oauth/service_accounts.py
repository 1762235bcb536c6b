"""Secure Service Accounts and their keys, as their application manages them (fact sheet 10).

One account is there from the start and stands for the project manager's office; its key is made on first use. A
server-to-server application makes others over the API: up to ten, each with up to three keys, and in no project until
invited. One signs in by a signed assertion, for which it is given an access token.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from acc_sandbox.http.errors import GatewayRefusedError, RefusedError
from acc_sandbox.http.operation import ApiOperation, Handler, RequestContext, Response
from acc_sandbox.http.validation import BodySchema, FieldValidator, one_of, text
from acc_sandbox.oauth.access_tokens import known_scope, new_private_key, public_pem, read_public_key, unverified_claims
from acc_sandbox.oauth.clients import CLIENTS, OAuthClient
from acc_sandbox.oauth.schemas import (
    SERVICE_ACCOUNT,
    SERVICE_ACCOUNT_ROW,
    SERVICE_ACCOUNTS,
    SERVICE_KEY,
    SERVICE_KEY_ROW,
    SERVICE_KEYS,
)
from acc_sandbox.state.clock import parse_stamp, stamp
from acc_sandbox.state.people import Person, known_autodesk_id
from acc_sandbox.state.sandbox_state import SERVER_CLIENT_ID, SandboxState
from acc_sandbox.state.store import Row

KEY_ID = "sandbox-service-key-1"
ENABLED, DISABLED = "ENABLED", "DISABLED"
MOST_ACCOUNTS = 10
MOST_KEYS = 3
_LIFE = timedelta(days=366)


@dataclass(frozen=True)
class ServiceAccount:
    """Credentials of a service account for a client; it acts with the project manager's rights and id."""

    id: str
    key_id: str
    client_id: str
    private_key: str = field(repr=False)
    """RSA-2048 in PEM."""


def service_account(sandbox: SandboxState) -> ServiceAccount:
    """The service account that is there from the start."""
    return ServiceAccount(sandbox.people.people[0].autodesk_id, KEY_ID, SERVER_CLIENT_ID, sandbox.service_key())


def is_office(sandbox: SandboxState, account_id: str) -> bool:
    """Whether an id is that of the account which is there from the start."""
    return account_id == sandbox.people.people[0].autodesk_id


def create_account(call: RequestContext) -> Response:
    """POST service-accounts, with an application's own token; the account belongs to that application."""
    client = _own_client(call)
    body = call.read_body(_NEW_ACCOUNT)
    people = call.sandbox.people
    if call.sandbox.store.value("SELECT COUNT(*) FROM service_accounts WHERE clientId = ?", client.id) >= MOST_ACCOUNTS:
        raise RefusedError(403, f"An application has at most {MOST_ACCOUNTS} service accounts")
    email = f"{body['name']}@{client.id}.adskserviceaccount.autodesk.com"
    if people.by_email(email) is not None:
        raise RefusedError(409, "The name is already in use")
    account_id = known_autodesk_id(uuid.uuid4().hex)
    people.add_account(Person(account_id, body["name"], email, account_id, "service account"), client.id)
    row = {"id": account_id, "clientId": client.id, "email": email, "status": ENABLED, "createdAt": call.moment}
    call.sandbox.store.insert("service_accounts", row | {"accessedAt": None, "expiresAt": stamp(call.now + _LIFE)})
    return Response({"serviceAccountId": account_id, "email": email}, 201)


def list_accounts(call: RequestContext) -> Response:
    """GET service-accounts: those of the application."""
    client = _own_client(call)
    rows = call.sandbox.store.rows("SELECT * FROM service_accounts WHERE clientId = ? ORDER BY rowid", client.id)
    return Response({"serviceAccounts": [_account_json(row) for row in rows]})


def get_account(call: RequestContext) -> Response:
    """GET service-accounts/:id."""
    return Response(_account_json(_account(call)))


def change_account(call: RequestContext) -> Response:
    """PATCH service-accounts/:id: enable or disable it."""
    return Response(_account_json(_with_status(call, "service_accounts", _account(call))))


def delete_account(call: RequestContext) -> Response:
    """DELETE service-accounts/:id, and all its keys with it."""
    account_id = _account(call)["id"]
    store = call.sandbox.store
    store.run("DELETE FROM service_keys WHERE accountId = ?", account_id)
    store.run("DELETE FROM service_accounts WHERE id = ?", account_id)
    store.run("DELETE FROM members WHERE autodeskId = ?", account_id)
    store.run("DELETE FROM mappings WHERE autodeskId = ?", account_id)
    call.sandbox.people.remove_account(account_id)
    return Response(status=204)


def create_key(call: RequestContext) -> Response:
    """POST service-accounts/:id/keys: a new key, whose private half is shown this once."""
    account_id = _enabled_account(call)["id"]
    store = call.sandbox.store
    if store.value("SELECT COUNT(*) FROM service_keys WHERE accountId = ?", account_id) >= MOST_KEYS:
        raise RefusedError(403, f"A service account has at most {MOST_KEYS} keys")
    private_key, key_id = new_private_key(), str(uuid.uuid4())
    row = {"id": key_id, "accountId": account_id, "publicKey": public_pem(private_key), "status": ENABLED}
    store.insert("service_keys", row | {"createdAt": call.moment, "accessedAt": None})
    if call.sandbox.switches.service_key_lines == "escaped":
        private_key = private_key.replace("\n", "\\n")
    return Response({"kid": key_id, "privateKey": private_key}, 201)


def list_keys(call: RequestContext) -> Response:
    """GET service-accounts/:id/keys: what is known of each, and neither half of it."""
    account_id = _enabled_account(call)["id"]
    rows = call.sandbox.store.rows("SELECT * FROM service_keys WHERE accountId = ? ORDER BY rowid", account_id)
    return Response({"keys": [SERVICE_KEY_ROW.of(_told(row), kid=row["id"]) for row in rows]})


def change_key(call: RequestContext) -> Response:
    """PATCH service-accounts/:id/keys/:keyId: enable or disable it."""
    _with_status(call, "service_keys", _key(call))
    return Response(status=204)


def delete_key(call: RequestContext) -> Response:
    """DELETE service-accounts/:id/keys/:keyId."""
    call.sandbox.store.run("DELETE FROM service_keys WHERE id = ?", _key(call)["id"])
    return Response(status=204)


def _own_client(call: RequestContext) -> OAuthClient:
    """The application whose two-legged token it is: 401 for a person's token, 403 for one of another type."""
    if call.bearer is None or call.bearer.person is not None:
        raise GatewayRefusedError(401, "A two-legged token is needed", code="AUTH-006")
    client = CLIENTS[call.bearer.client_id]
    if client.kind != "server":
        raise RefusedError(403, "Only a server-to-server application can own service accounts", code="access_denied")
    return client


def _account(call: RequestContext) -> Row:
    client = _own_client(call)
    row = call.sandbox.store.row(
        "SELECT * FROM service_accounts WHERE id = ? AND clientId = ?", call.path["serviceAccountId"], client.id
    )
    if row is None:
        raise RefusedError(404, "The service account was not found")
    return row


def _enabled_account(call: RequestContext) -> Row:
    """The account of the path, whose keys are managed while it is enabled only."""
    row = _account(call)
    if row["status"] != ENABLED:
        raise RefusedError(400, "The service account is not enabled")
    return row


def _key(call: RequestContext) -> Row:
    row = call.sandbox.store.row(
        "SELECT * FROM service_keys WHERE id = ? AND accountId = ?", call.path["keyId"], _enabled_account(call)["id"]
    )
    if row is None:
        raise RefusedError(404, "The key was not found")
    return row


def _with_status(call: RequestContext, table: str, row: Row) -> Row:
    """The row with the status that the body asks for, which must be another one than before."""
    change = call.read_body(_STATUS)
    if change["status"] == row["status"]:
        raise RefusedError(400, f"It is {row['status']} already")
    call.sandbox.store.update(table, row["id"], change)
    return row | change


def _account_json(row: Row) -> dict[str, Any]:
    return SERVICE_ACCOUNT_ROW.of(_told(row), serviceAccountId=row["id"], createdBy=row["clientId"])


def _told(row: Row) -> Row:
    """Moments as the reference's examples print them here: `2024-01-25 03:08:04.156576834 +0000 UTC`."""
    moments = ("createdAt", "accessedAt", "expiresAt")
    return row | {
        name: parse_stamp(row[name]).strftime("%Y-%m-%d %H:%M:%S.%f000 +0000 UTC") for name in moments if row.get(name)
    }


def _name(field_name: str, value: Any) -> str:
    name: str = text(field_name, value)
    if not re.fullmatch(r"(?=.*[A-Za-z0-9])[A-Za-z0-9-]{5,100}", name):
        raise RefusedError(400, f'"{field_name}" has from 5 to 100 letters, digits and dashes')
    return name


_NAME = FieldValidator(_name, {"type": "string", "pattern": "^[A-Za-z0-9-]{5,100}$"})
_NEW_ACCOUNT = BodySchema(dict.fromkeys(("name", "firstName", "lastName"), _NAME), ("name", "firstName", "lastName"))
_STATUS = BodySchema({"status": one_of(ENABLED, DISABLED)}, ("status",))

_ACCOUNTS = "/authentication/v2/service-accounts"
_ACCOUNT = f"{_ACCOUNTS}/{{serviceAccountId}}"
_KEYS = f"{_ACCOUNT}/keys"
_ONE_KEY = f"{_KEYS}/{{keyId}}"


def _operation(
    name: str,
    method: Literal["GET", "POST", "PATCH", "DELETE"],
    template: str,
    handler: Handler,
    answers: dict[int, Any],
    fields: BodySchema | None = None,
    refused: tuple[int, ...] = (),
) -> ApiOperation:
    kind = "service_account_key" if "keys" in name else "service_account"
    scope = f"application:{kind}:{'read' if method == 'GET' else 'write'}"
    return ApiOperation(
        f"service-accounts.{name}",
        method,
        template,
        handler,
        "auth",
        (scope,),
        "token",
        fields=fields,
        answers=answers,
        refused=refused,
    )


OPERATIONS = (
    _operation("create", "POST", _ACCOUNTS, create_account, {201: SERVICE_ACCOUNT}, _NEW_ACCOUNT, (409,)),
    _operation("list", "GET", _ACCOUNTS, list_accounts, {200: SERVICE_ACCOUNTS}),
    _operation("get", "GET", _ACCOUNT, get_account, {200: SERVICE_ACCOUNT_ROW}),
    _operation("patch", "PATCH", _ACCOUNT, change_account, {200: SERVICE_ACCOUNT_ROW}, _STATUS),
    _operation("delete", "DELETE", _ACCOUNT, delete_account, {204: None}),
    _operation("keys.create", "POST", _KEYS, create_key, {201: SERVICE_KEY}),
    _operation("keys.list", "GET", _KEYS, list_keys, {200: SERVICE_KEYS}),
    _operation("keys.patch", "PATCH", _ONE_KEY, change_key, {204: None}, _STATUS),
    _operation("keys.delete", "DELETE", _ONE_KEY, delete_key, {204: None}),
)


AUDIENCE = "https://developer.api.autodesk.com/authentication/v2/token"
EXCHANGES_PER_MINUTE = 10
"""Of one application."""
_LONGEST_LIFE = 300


@dataclass(frozen=True)
class JwtAssertion:
    """A valid assertion: the account that signed it, and its scopes."""

    account_id: str
    scopes: tuple[str, ...]


def read_assertion(call: RequestContext, client: OAuthClient, assertion: str) -> JwtAssertion:
    """The service account and the scopes of an assertion.

    Raises `RefusedError` (400 `invalid_grant`) for one that is not good, or whose account or key is not enabled.
    """
    import jwt

    claims = unverified_claims(assertion) or {}
    account = str(claims.get("sub"))
    try:
        key = _public_key(call.sandbox, client, account, str(jwt.get_unverified_header(assertion).get("kid")))
        if key is None:
            raise _invalid("The assertion is invalid.")
        jwt.decode(
            assertion,
            read_public_key(key),
            algorithms=["RS256"],
            audience=[AUDIENCE, f"{call.base_url}/authentication/v2/token"],
            issuer=client.id,
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": ["exp", "aud", "iss"]},
        )
    except jwt.InvalidTokenError:
        raise _invalid("The assertion is invalid.") from None
    left, scopes = claims["exp"] - call.now.timestamp(), _scopes(claims.get("scope"))
    if not 0 < left <= _LONGEST_LIFE or not scopes:
        raise _invalid("The assertion has expired, lives too long or names no scopes.")
    _note_use(call, account, jwt.get_unverified_header(assertion)["kid"])
    return JwtAssertion(account, scopes)


def _scopes(claim: Any) -> tuple[str, ...]:
    """The scopes of an assertion, or none where one of them is not known."""
    scopes = claim if isinstance(claim, list) else []
    return tuple(scopes) if all(isinstance(one, str) and known_scope(one) for one in scopes) else ()


def _public_key(sandbox: SandboxState, client: OAuthClient, account: str, key_id: str) -> str | None:
    if is_office(sandbox, account):
        ours = client.id == SERVER_CLIENT_ID and key_id == KEY_ID
        return public_pem(sandbox.service_key()) if ours else None
    found: str | None = sandbox.store.value(
        "SELECT publicKey FROM service_keys JOIN service_accounts AS owner ON owner.id = accountId"
        " WHERE service_keys.id = ? AND owner.id = ? AND owner.clientId = ?"
        " AND owner.status = ? AND service_keys.status = ?",
        *(key_id, account, client.id, ENABLED, ENABLED),
    )
    return found


def _note_use(call: RequestContext, account: str, key_id: str) -> None:
    for table, row_id in (("service_accounts", account), ("service_keys", key_id)):
        call.sandbox.store.update(table, row_id, {"accessedAt": call.moment})


def _invalid(reason: str) -> RefusedError:
    return RefusedError(400, reason, code="invalid_grant")
