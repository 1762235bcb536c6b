"""Service accounts that an application makes over the API (fact sheet 10)."""

from __future__ import annotations

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

PATH = "/authentication/v2/service-accounts"
SCOPES = "application:service_account:write application:service_account_key:write"


@pytest.fixture
def app(box, anonymous):
    def call(method, path, scopes=SCOPES, **more):
        form = {"grant_type": "client_credentials", "scope": scopes}
        token = anonymous.post("/authentication/v2/token", data=form, auth=box.confidential_client).json()
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        return anonymous.request(method, path, headers=headers, **more)

    return call


def sign_in(box, anonymous, account, key):
    client_id = box.confidential_client[0]
    claims = {
        "iss": client_id,
        "sub": account,
        "aud": "https://developer.api.autodesk.com/authentication/v2/token",
        "exp": int(box.clock.now().timestamp()) + 300,
        "scope": ["data:read"],
    }
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": jwt.encode(claims, key["privateKey"], "RS256", headers={"kid": key["kid"]}),
        "scope": "data:read",
    }
    return anonymous.post("/authentication/v2/token", data=form, auth=box.confidential_client)


def test_an_application_makes_service_accounts_and_keys(box, app, anonymous):
    made = app("POST", PATH, json={"name": "robot"})
    assert made.status_code == 201
    account = made.json()["serviceAccountId"]
    key = app("POST", f"{PATH}/{account}/keys").json()
    answer = sign_in(box, anonymous, account, key).json()
    assert sorted(answer) == ["access_token", "expires_in", "token_type"]
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    items = f"/construction/submittals/v2/projects/{box.project().id}/items"
    assert anonymous.get(items, headers=headers).status_code == 403
    box.invite(made.json()["email"])
    assert anonymous.get(items, headers=headers).status_code == 200
    assert [app("POST", f"{PATH}/{account}/keys").status_code for _ in range(3)] == [201, 201, 400]
    assert [app("POST", PATH, json={"name": f"r{n}"}).status_code for n in range(10)] == [201] * 9 + [400]
    assert account not in anonymous.get("/").text


def test_a_key_of_another_account_is_refused(box, app, anonymous):
    accounts = [app("POST", PATH, json={"name": name}).json()["serviceAccountId"] for name in ("one", "two")]
    keys = [app("POST", f"{PATH}/{account}/keys").json() for account in accounts]
    crossed = sign_in(box, anonymous, accounts[0], keys[1])
    assert (crossed.status_code, crossed.json()["error"]) == (400, "invalid_grant")
    mixed = {"kid": keys[0]["kid"], "privateKey": keys[1]["privateKey"]}
    assert sign_in(box, anonymous, accounts[0], mixed).status_code == 400


def test_only_an_applications_own_token_with_the_scope_makes_accounts(box, app, manager):
    assert app("POST", PATH, "data:read", json={"name": "x"}).status_code == 403
    assert manager("POST", PATH, json={"name": "x"}).status_code == 403
    assert app("POST", f"{PATH}/nobody/keys").status_code == 404
    assert app("POST", PATH, json={"name": ""}).status_code == 400
    assert [app("POST", PATH, json={"name": "same"}).status_code for _ in range(2)] == [201, 409]


def test_the_token_of_a_service_account_says_what_it_is(box, anonymous, app):
    account = app("POST", PATH, json={"name": "robot"}).json()["serviceAccountId"]
    granted = sign_in(box, anonymous, account, app("POST", f"{PATH}/{account}/keys").json()).json()
    claims = jwt.decode(granted["access_token"], options={"verify_signature": False})
    assert claims["jti"].startswith("SA-")
    assert (claims["userid"], claims["scope"]) == (account, ["data:read"])


def test_a_service_accounts_key_is_rsa_2048(app):
    account = app("POST", PATH, json={"name": "robot"}).json()["serviceAccountId"]
    private = load_pem_private_key(app("POST", f"{PATH}/{account}/keys").json()["privateKey"].encode(), None)
    assert private.key_size == 2048
