"""Secure Service Accounts: unattended sign-in with a signed assertion (fact sheet 10).

One account is there from the start and stands for the project manager's office; its key is made on first use. An
application makes others over the API: up to ten, each with up to three keys, and in no project until invited.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from sandbox.auth_shapes import SERVICE_ACCOUNT, SERVICE_KEY
from sandbox.call import Answer, Call, Operation
from sandbox.clients import CLIENTS, Client
from sandbox.fields import Fields, filled_text
from sandbox.people import Person, known_autodesk_id
from sandbox.refusals import RefusedError
from sandbox.tokens import new_private_key, public_pem, read_public_key, unverified_claims
from sandbox.world import CONFIDENTIAL_CLIENT_ID, World

AUDIENCE = "https://developer.api.autodesk.com/authentication/v2/token"
KEY_ID = "sandbox-service-key-1"
MOST_ACCOUNTS = 10
MOST_KEYS = 3
_LONGEST_LIFE = 300
_NEW_ACCOUNT = Fields({"name": filled_text, "firstName": filled_text, "lastName": filled_text}, ("name",))


@dataclass(frozen=True)
class ServiceAccount:
    """What a client needs to act as the account; it acts with the project manager's rights and id."""

    id: str
    key_id: str
    client_id: str
    private_key: str = field(repr=False)
    """RSA-2048 in PEM."""


def service_account(world: World) -> ServiceAccount:
    """The sandbox's service account."""
    return ServiceAccount(_office(world), KEY_ID, CONFIDENTIAL_CLIENT_ID, world.service_key())


def account_of_assertion(call: Call, client: Client, assertion: str) -> str:
    """The Autodesk id behind a valid assertion; `RefusedError` (400 `invalid_grant`) for any other."""
    import jwt

    claims = unverified_claims(assertion) or {}
    account = str(claims.get("sub"))
    try:
        key = _public_key(call.world, account, str(jwt.get_unverified_header(assertion).get("kid")))
        if key is None:
            raise RefusedError(400, "The assertion is invalid.", code="invalid_grant")
        jwt.decode(
            assertion,
            read_public_key(key),
            algorithms=["RS256"],
            audience=[AUDIENCE, f"{call.base_url}/authentication/v2/token"],
            issuer=client.id,
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": ["exp", "aud", "iss"]},
        )
    except jwt.InvalidTokenError:
        raise RefusedError(400, "The assertion is invalid.", code="invalid_grant") from None
    left = claims["exp"] - call.now.timestamp()
    if not 0 < left <= _LONGEST_LIFE or not isinstance(claims.get("scope"), list):
        raise RefusedError(400, "The assertion has expired, lives too long or names no scopes.", code="invalid_grant")
    return account


def create_account(call: Call) -> Answer:
    """POST service-accounts, with an application's own token; the account belongs to that application."""
    client = _own_client(call)
    body = _NEW_ACCOUNT.read(call.content)
    people = call.world.people
    if people.account_count(client.id) >= MOST_ACCOUNTS:
        raise RefusedError(400, f"An application has at most {MOST_ACCOUNTS} service accounts")
    email = f"{body['name']}@{client.id}.adskserviceaccount.autodesk.com"
    if people.by_email(email) is not None:
        raise RefusedError(409, "The name is already in use")
    account_id = known_autodesk_id(uuid.uuid4().hex)
    people.add_account(Person(account_id, body["name"], email, account_id, "service account"), client.id)
    return Answer({"serviceAccountId": account_id, "email": email}, 201)


def create_key(call: Call) -> Answer:
    """POST service-accounts/:id/keys: a new key, whose private half is shown this once."""
    client = _own_client(call)
    account_id = call.path["serviceAccountId"]
    store = call.world.store
    if store.row("SELECT id FROM people WHERE id = ? AND clientId = ?", account_id, client.id) is None:
        raise RefusedError(404, "The service account was not found")
    if store.value("SELECT COUNT(*) FROM service_keys WHERE accountId = ?", account_id) >= MOST_KEYS:
        raise RefusedError(400, f"A service account has at most {MOST_KEYS} keys")
    private_key, key_id = new_private_key(), str(uuid.uuid4())
    row = {"id": key_id, "accountId": account_id, "publicKey": public_pem(private_key)}
    store.insert("service_keys", row)
    return Answer({"kid": key_id, "privateKey": private_key}, 201)


def _own_client(call: Call) -> Client:
    """The application whose two-legged token it is."""
    if call.bearer is None or call.bearer.person is not None:
        raise RefusedError(403, "A two-legged token is needed", code="unauthorized_client")
    return CLIENTS[call.bearer.client_id]


def _office(world: World) -> str:
    return world.people.people[0].autodesk_id


def _public_key(world: World, account: str, key_id: str) -> str | None:
    if account == _office(world):
        # It has one key, so its kid tells nothing apart.
        return public_pem(world.service_key())
    found: str | None = world.store.value(
        "SELECT publicKey FROM service_keys WHERE id = ? AND accountId = ?", key_id, account
    )
    return found


_PATH = "/authentication/v2/service-accounts"
OPERATIONS = (
    Operation(
        "service-accounts.create",
        "POST",
        _PATH,
        create_account,
        "auth",
        ("application:service_account:write",),
        "token",
        fields=_NEW_ACCOUNT,
        answers={201: SERVICE_ACCOUNT},
        refused=(409,),
    ),
    Operation(
        "service-accounts.keys.create",
        "POST",
        f"{_PATH}/{{serviceAccountId}}/keys",
        create_key,
        "auth",
        ("application:service_account_key:write",),
        "token",
        answers={201: SERVICE_KEY},
    ),
)
