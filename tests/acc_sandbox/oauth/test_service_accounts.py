"""Service accounts that an application makes over the API (fact sheet 10)."""

from __future__ import annotations

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import acc_sandbox

PATH = "/authentication/v2/service-accounts"
SCOPES = " ".join(
    f"application:{kind}:{what}" for kind in ("service_account", "service_account_key") for what in ("read", "write")
)


def named(name):
    return {"name": name, "firstName": "First", "lastName": "Names"}


def pem(key):
    return key["privateKey"].replace("\\n", "\n")


@pytest.fixture
def app(box, anonymous):
    def call(method, path, scopes=SCOPES, **more):
        form = {"grant_type": "client_credentials", "scope": scopes}
        token = anonymous.post("/authentication/v2/token", data=form, auth=box.server_client).json()
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        return anonymous.request(method, path, headers=headers, **more)

    return call


def sign_in(box, anonymous, account, key, **more):
    client_id = box.server_client[0]
    claims = {
        "iss": client_id,
        "sub": account,
        "aud": "https://developer.api.autodesk.com/authentication/v2/token",
        "exp": int(box.clock.now().timestamp()) + 300,
        "scope": ["data:read", "data:write"],
    }
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": jwt.encode(claims, pem(key), "RS256", headers={"kid": key["kid"]}),
        **more,
    }
    return anonymous.post("/authentication/v2/token", data=form, auth=box.server_client)


def test_an_application_makes_service_accounts_and_keys(box, app, anonymous):
    made = app("POST", PATH, json=named("robot"))
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
    assert [app("POST", f"{PATH}/{account}/keys").status_code for _ in range(3)] == [201, 201, 403]
    assert [app("POST", PATH, json=named(f"robot-{n}")).status_code for n in range(10)] == [201] * 9 + [403]
    assert account not in anonymous.get("/").text


def test_a_key_of_another_account_is_refused(box, app, anonymous):
    accounts = [app("POST", PATH, json=named(name)).json()["serviceAccountId"] for name in ("first", "second")]
    keys = [app("POST", f"{PATH}/{account}/keys").json() for account in accounts]
    crossed = sign_in(box, anonymous, accounts[0], keys[1])
    assert (crossed.status_code, crossed.json()["error"]) == (400, "invalid_grant")
    mixed = {"kid": keys[0]["kid"], "privateKey": keys[1]["privateKey"]}
    assert sign_in(box, anonymous, accounts[0], mixed).status_code == 400


def test_only_an_applications_own_token_with_the_scope_makes_accounts(app, caller):
    assert app("POST", PATH, "data:read", json=named("robot")).status_code == 403
    assert caller("manager", scopes=SCOPES)("POST", PATH, json=named("robot")).status_code == 401
    assert app("POST", f"{PATH}/nobody/keys").status_code == 404
    assert [app("POST", PATH, json=named("robot")).status_code for _ in range(2)] == [201, 409]


def test_the_token_of_a_service_account_says_what_it_is(box, anonymous, app):
    account = app("POST", PATH, json=named("robot")).json()["serviceAccountId"]
    granted = sign_in(box, anonymous, account, app("POST", f"{PATH}/{account}/keys").json()).json()
    claims = jwt.decode(granted["access_token"], options={"verify_signature": False})
    assert claims["jti"].startswith("SA-")
    assert (claims["userid"], claims["scope"]) == (account, ["data:read", "data:write"])


def test_a_service_accounts_key_is_rsa_2048(app):
    account = app("POST", PATH, json=named("robot")).json()["serviceAccountId"]
    private = load_pem_private_key(pem(app("POST", f"{PATH}/{account}/keys").json()).encode(), None)
    assert private.key_size == 2048


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": "four"}, 400),
        ({"name": "n" * 101}, 400),
        ({"name": "n" * 100}, 201),
        ({"name": "under_score"}, 400),
        ({"name": "two words"}, 400),
        ({"name": "-----"}, 400),
        ({"firstName": None}, 400),
        ({"lastName": None}, 400),
        ({"lastName": ""}, 400),
        ({"colour": "red"}, 400),
    ],
)
def test_names_of_a_service_account_follow_the_documented_rules(app, change, status):
    body = {name: value for name, value in {**named("robot"), **change}.items() if value is not None}
    assert app("POST", PATH, json=body).status_code == status


def test_only_a_server_to_server_application_owns_service_accounts(box, anonymous):
    form = {"grant_type": "client_credentials", "scope": SCOPES}
    token = anonymous.post("/authentication/v2/token", data=form, auth=box.confidential_client).json()["access_token"]
    answer = anonymous.post(PATH, json=named("robot"), headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, "server-to-server" in answer.json()["error_description"]) == (403, True)
    query = {"client_id": box.server_client[0], "redirect_uri": box.callback_url, "response_type": "code"}
    assert anonymous.get("/authentication/v2/authorize", params={**query, "scope": "data:read"}).status_code == 400


def test_the_scope_of_an_exchange_is_optional_and_never_wider(box, app, anonymous):
    account = app("POST", PATH, json=named("robot")).json()["serviceAccountId"]
    key = app("POST", f"{PATH}/{account}/keys").json()

    def scopes(**more):
        answer = sign_in(box, anonymous, account, key, **more).json()
        return jwt.decode(answer["access_token"], options={"verify_signature": False})["scope"]

    assert scopes() == ["data:read", "data:write"]
    assert scopes(scope="data:write") == ["data:write"]
    wider = sign_in(box, anonymous, account, key, scope="data:read data:create")
    assert (wider.status_code, wider.json()["error"]) == (400, "invalid_scope")


def test_an_application_has_ten_exchanges_a_minute():
    with acc_sandbox.running(rate_limits=True) as box, httpx.Client(base_url=box.base_url, verify=False) as anonymous:
        office = box.service_account()
        key = {"privateKey": office.private_key, "kid": office.key_id}
        answers = [sign_in(box, anonymous, office.id, key) for _ in range(11)]
        assert [one.status_code for one in answers] == [200] * 10 + [429]
        assert int(answers[-1].headers["retry-after"]) > 0
        box.clock.move(60)
        assert sign_in(box, anonymous, office.id, key).status_code == 200


def test_the_line_ends_of_a_private_key_are_escaped_or_plain_by_a_switch(box, app):
    account = app("POST", PATH, json=named("robot")).json()["serviceAccountId"]
    escaped = app("POST", f"{PATH}/{account}/keys").json()["privateKey"]
    assert ("\n" in escaped, escaped.startswith("-----BEGIN PRIVATE KEY-----\\n")) == (False, True)
    box.switches.service_key_lines = "plain"
    assert "\n" in app("POST", f"{PATH}/{account}/keys").json()["privateKey"]


def test_accounts_and_keys_are_read_disabled_and_deleted(box, app, anonymous):
    account = app("POST", PATH, json=named("robot")).json()["serviceAccountId"]
    path, keys = f"{PATH}/{account}", f"{PATH}/{account}/keys"
    key = app("POST", keys).json()
    assert app("GET", keys).json()["keys"][0]["accessedAt"] is None
    assert sign_in(box, anonymous, account, key).status_code == 200
    [listed] = app("GET", PATH).json()["serviceAccounts"]
    assert (listed, listed["status"], listed["createdBy"]) == (app("GET", path).json(), "ENABLED", box.server_client[0])
    [row] = app("GET", keys).json()["keys"]
    assert (row["kid"], row["status"], row["accessedAt"]) == (key["kid"], "ENABLED", listed["accessedAt"])
    for one, status in ((f"{keys}/{key['kid']}", 204), (path, 200)):
        assert app("PATCH", one, json={"status": "ENABLED"}).status_code == 400
        assert app("PATCH", one, json={"status": "DISABLED"}).status_code == status
        assert sign_in(box, anonymous, account, key).status_code == 400
        if one != path:
            assert app("PATCH", one, json={"status": "ENABLED"}).status_code == status
    assert [app("GET", keys).status_code, app("POST", keys).status_code] == [400, 400]
    assert app("PATCH", path, json={"status": "ENABLED"}).status_code == 200
    assert app("DELETE", f"{keys}/{key['kid']}").status_code == 204
    assert app("DELETE", f"{keys}/{key['kid']}").status_code == 404
    assert sign_in(box, anonymous, account, key).status_code == 400
    assert app("DELETE", path).status_code == 204
    assert app("GET", path).status_code == 404
    assert app("GET", PATH).json() == {"serviceAccounts": []}
