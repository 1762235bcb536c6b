"""Signing in: codes, PKCE, rotation, what is refused, and what a token opens (fact sheet 10)."""

from __future__ import annotations

import base64
import hashlib
import re

import httpx
import jwt
import pytest

import acc_sandbox

VERIFIER = "correct-horse-battery-staple-correct-horse-battery"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CALLBACK = "http://localhost:8765/callback"
AUTHORIZE, TOKEN = "/authentication/v2/authorize", "/authentication/v2/token"


def question(box, **changes):
    query = {
        "response_type": "code",
        "client_id": box.client_id,
        "redirect_uri": CALLBACK,
        "scope": "data:read data:write data:create",
        "state": "a.B_c-1,2",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return {name: value for name, value in query.items() if value is not None}


def code(box, anonymous, person="manager", **changes):
    answer = anonymous.get(AUTHORIZE, params={**question(box, **changes), "sandbox_person": person})
    return httpx.URL(answer.headers["location"]).params["code"]


def exchange(box, anonymous, **changes):
    form = {
        "grant_type": "authorization_code",
        "client_id": box.client_id,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **changes,
    }
    return anonymous.post(TOKEN, data={name: value for name, value in form.items() if value is not None})


def refresh(box, anonymous, refresh_token, **changes):
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": box.client_id, **changes}
    return anonymous.post(TOKEN, data=form)


def refused(answer, error, status=400):
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    return answer.json()["error_description"]


def test_the_form_offers_everybody_and_the_manager_first(box, anonymous):
    page = anonymous.get(AUTHORIZE, params=question(box))
    assert page.headers["content-type"].startswith("text/html")
    people = re.findall(r'<button name="sandbox_person" value="(\w+)"', page.text)
    assert people == [*(person.key for person in box.people), "deny"]
    assert people[0] == "manager"


def test_submitting_the_form_as_a_browser_does_leads_to_a_token(box, anonymous):
    page = anonymous.get(AUTHORIZE, params=question(box)).text
    action = re.search(r'<form method="get" action="([^"]+)"', page)[1]
    from html import unescape

    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    fields = {unescape(name): unescape(value) for name, value in hidden}
    answer = anonymous.get(action, params={**fields, "sandbox_person": "steel"})
    back = httpx.URL(answer.headers["location"])
    assert (answer.status_code, back.params["state"]) == (302, "a.B_c-1,2")
    granted = exchange(box, anonymous, code=back.params["code"]).json()
    person = anonymous.get("/userinfo", headers={"Authorization": f"Bearer {granted['access_token']}"}).json()
    assert person["sub"] == box.person("steel").autodesk_id


def test_auto_approval_signs_the_manager_in_at_once(box, anonymous):
    box.auto_approve = True
    answer = anonymous.get(AUTHORIZE, params=question(box))
    granted = exchange(box, anonymous, code=httpx.URL(answer.headers["location"]).params["code"]).json()
    claims = jwt.decode(granted["access_token"], options={"verify_signature": False})
    assert claims["userid"] == box.people[0].autodesk_id


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "somebody"},
        {"client_id": None},
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": "http://127.0.0.1:8765/callback"},
        {"redirect_uri": None},
        {"state": "s t"},
        {"state": "a/b"},
    ],
)
def test_a_wrong_client_redirect_uri_or_state_is_never_redirected(box, anonymous, change):
    answer = anonymous.get(AUTHORIZE, params=question(box, **change))
    refused(answer, "invalid_request")
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "data:everything"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"sandbox_person": "deny"}, "access_denied"),
    ],
)
def test_other_problems_go_back_to_the_application(box, anonymous, change, error):
    answer = anonymous.get(AUTHORIZE, params=question(box, **change))
    back = httpx.URL(answer.headers["location"])
    assert (back.params["error"], back.params["state"]) == (error, "a.B_c-1,2")
    assert "code" not in back.params


def test_a_registered_callback_is_matched_exactly(box, anonymous):
    box.register_callback("http://localhost:49152/cb?x=1")
    answer = anonymous.get(
        AUTHORIZE, params=question(box, redirect_uri="http://localhost:49152/cb?x=1", sandbox_person="manager")
    )
    assert answer.headers["location"].startswith("http://localhost:49152/cb?x=1&code=")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code": "wrong"}, "invalid_grant"),
        ({"redirect_uri": CALLBACK + "/"}, "invalid_grant"),
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"code": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "unsupported_grant_type"),
    ],
)
def test_a_wrong_exchange_is_refused_and_leaves_the_code_good(box, anonymous, change, error):
    good = code(box, anonymous)
    refused(exchange(box, anonymous, **{"code": good, **change}), error)
    assert exchange(box, anonymous, code=good).status_code == 200


def test_a_code_is_good_once_and_for_five_minutes(box, anonymous):
    good = code(box, anonymous)
    assert exchange(box, anonymous, code=good).status_code == 200
    assert "invalid or has expired" in refused(exchange(box, anonymous, code=good), "invalid_grant")
    late = code(box, anonymous)
    box.clock.move(300)
    refused(exchange(box, anonymous, code=late), "invalid_grant")


def test_a_code_belongs_to_the_client_that_asked(box, anonymous):
    good = code(box, anonymous)
    form = {"grant_type": "authorization_code", "code": good, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    answer = anonymous.post(TOKEN, data=form, auth=box.confidential_client)
    assert "another client" in refused(answer, "invalid_grant")


def test_client_secrets_are_checked_in_header_and_body(box, anonymous):
    client, secret = box.confidential_client
    form = {"grant_type": "client_credentials", "scope": "data:read"}
    assert anonymous.post(TOKEN, data=form, auth=(client, secret)).status_code == 200
    assert anonymous.post(TOKEN, data={**form, "client_id": client, "client_secret": secret}).status_code == 200
    refused(anonymous.post(TOKEN, data={**form, "client_id": client}, auth=(client, secret)), "invalid_request")
    refused(anonymous.post(TOKEN, data=form, auth=(client, "wrong")), "invalid_client", 401)
    refused(anonymous.post(TOKEN, data={**form, "client_id": client}), "invalid_client", 401)
    refused(anonymous.post(TOKEN, data={**form, "client_id": box.client_id}), "unauthorized_client", 401)
    refused(anonymous.post(TOKEN, data=form, headers={"Authorization": "Basic %%%"}), "invalid_client", 401)
    assert refused(anonymous.post(TOKEN, data=form), "invalid_client", 401) == "No client credentials found."
    refused(anonymous.post(TOKEN, json=form), "invalid_request")


def test_a_refresh_token_is_good_once(box, anonymous):
    first = exchange(box, anonymous, code=code(box, anonymous)).json()
    second = refresh(box, anonymous, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    refused(refresh(box, anonymous, first["refresh_token"]), "invalid_grant")
    assert refresh(box, anonymous, second["refresh_token"]).status_code == 200


def test_a_refresh_token_lasts_fifteen_days_and_narrows_only(box, anonymous):
    granted = exchange(box, anonymous, code=code(box, anonymous)).json()
    refused(refresh(box, anonymous, granted["refresh_token"], scope="data:read account:read"), "invalid_scope")
    narrow = refresh(box, anonymous, granted["refresh_token"], scope="data:read").json()
    claims = jwt.decode(narrow["access_token"], options={"verify_signature": False})
    assert claims["scope"] == ["data:read"]
    refused(refresh(box, anonymous, narrow["refresh_token"], scope="data:read data:write"), "invalid_scope")
    box.clock.move(15 * 86400)
    refused(refresh(box, anonymous, narrow["refresh_token"]), "invalid_grant")


def test_a_grace_for_used_refresh_tokens_is_a_switch(box, anonymous):
    box.switches.refresh_grace_seconds = 30
    granted = exchange(box, anonymous, code=code(box, anonymous)).json()
    for _ in range(2):
        assert refresh(box, anonymous, granted["refresh_token"]).status_code == 200
    box.clock.move(31)
    refused(refresh(box, anonymous, granted["refresh_token"]), "invalid_grant")


def test_a_reused_refresh_token_may_revoke_everything_of_its_sign_in(box, anonymous):
    def opens(granted):
        headers = {"Authorization": f"Bearer {granted['access_token']}"}
        return anonymous.get("/userinfo", headers=headers).status_code == 200

    other = exchange(box, anonymous, code=code(box, anonymous)).json()
    first = exchange(box, anonymous, code=code(box, anonymous)).json()
    second = refresh(box, anonymous, first["refresh_token"]).json()
    refused(refresh(box, anonymous, first["refresh_token"]), "invalid_grant")
    assert opens(second)

    box.switches.refresh_reuse = "revoke_family"
    third = refresh(box, anonymous, second["refresh_token"]).json()
    assert refused(refresh(box, anonymous, second["refresh_token"]), "invalid_grant") == (
        "The refresh token is invalid or expired."
    )
    assert [opens(one) for one in (first, second, third)] == [False, False, False]
    refused(refresh(box, anonymous, third["refresh_token"]), "invalid_grant")

    # Another sign-in of the same person, and what a stranger shows, are left alone.
    fresh = refresh(box, anonymous, other["refresh_token"]).json()
    refused(refresh(box, anonymous, "never-issued"), "invalid_grant")
    assert opens(fresh)
    assert refresh(box, anonymous, fresh["refresh_token"]).status_code == 200


def test_a_grace_comes_before_the_revoking_of_a_family(box, anonymous):
    box.switches.refresh_reuse = "revoke_family"
    box.switches.refresh_grace_seconds = 30
    first = exchange(box, anonymous, code=code(box, anonymous)).json()
    twins = [refresh(box, anonymous, first["refresh_token"]).json() for _ in range(2)]
    box.clock.move(31)
    refused(refresh(box, anonymous, first["refresh_token"]), "invalid_grant")
    for twin in twins:
        refused(refresh(box, anonymous, twin["refresh_token"]), "invalid_grant")


def test_access_tokens_are_rs256_with_the_documented_claims(box, anonymous):
    granted = exchange(box, anonymous, code=code(box, anonymous)).json()
    assert (granted["token_type"], granted["expires_in"]) == ("Bearer", 3599)
    keys = jwt.PyJWKSet.from_dict(anonymous.get("/authentication/v2/keys").json())
    header = jwt.get_unverified_header(granted["access_token"])
    claims = jwt.decode(
        granted["access_token"],
        keys[header["kid"]].key,
        algorithms=["RS256"],
        audience="https://autodesk.com",
        issuer="https://developer.api.autodesk.com",
        options={"verify_exp": False},
    )
    assert claims["exp"] == int(box.clock.now().timestamp()) + 3599
    assert set(claims) == {"scope", "client_id", "iss", "aud", "jti", "userid", "exp"}
    assert claims["scope"] == ["data:read", "data:write", "data:create"]


def test_openid_adds_an_id_token_that_opens_nothing(box, anonymous):
    good = code(box, anonymous, scope="openid data:read", nonce="n-1")
    granted = exchange(box, anonymous, code=good).json()
    claims = jwt.decode(granted["id_token"], options={"verify_signature": False})
    assert (claims["nonce"], claims["aud"]) == ("n-1", box.client_id)
    assert anonymous.get("/userinfo", headers={"Authorization": f"Bearer {granted['id_token']}"}).status_code == 401
    assert "id_token" not in refresh(box, anonymous, granted["refresh_token"]).json()


def test_revoked_tokens_are_worth_nothing(box, anonymous):
    granted = exchange(box, anonymous, code=code(box, anonymous)).json()
    for name in ("access_token", "refresh_token"):
        form = {"token": granted[name], "client_id": box.client_id}
        assert anonymous.post("/authentication/v2/introspect", data=form).json()["active"] is True
        assert anonymous.post("/authentication/v2/revoke", data=form).status_code == 200
        assert anonymous.post("/authentication/v2/introspect", data=form).json() == {"active": False}
    assert anonymous.get("/userinfo", headers={"Authorization": f"Bearer {granted['access_token']}"}).status_code == 401
    refused(refresh(box, anonymous, granted["refresh_token"]), "invalid_grant")


def test_discovery_names_addresses_that_exist(box, anonymous):
    found = anonymous.get("/.well-known/openid-configuration").json()
    for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "revoke_endpoint"):
        assert found[name].startswith(box.base_url)
        assert anonymous.get(found[name]).status_code != 404
    answer = anonymous.get("/authentication/v2/logout", params={"post_logout_redirect_uri": CALLBACK})
    assert answer.headers["location"] == CALLBACK
    answer = anonymous.get("/authentication/v2/logout", params={"post_logout_redirect_uri": "http://x/"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x.y.z", "Basic abc", "Bearer é"])
def test_a_bad_bearer_is_401(box, anonymous, header):
    headers = {"Authorization": header.encode("latin-1")} if header else {}
    answer = anonymous.get("/userinfo", headers=headers)
    assert (answer.status_code, answer.json()["errorCode"]) == (401, "AUTH-006")


def test_a_token_expires_and_does_not_open_another_sandbox(box, caller, anonymous):
    short = caller("manager", expires_in=60)
    assert short("GET", "/userinfo").status_code == 200
    box.clock.move(60)
    assert short("GET", "/userinfo").status_code == 401
    with acc_sandbox.running() as other:
        headers = {"Authorization": f"Bearer {other.token()}"}
        assert anonymous.get("/userinfo", headers=headers).status_code == 401


def test_scopes_open_only_what_they_name(box, caller):
    reading, writing = caller("manager", scopes="data:read"), caller("manager", scopes="data:write")
    item = box.item("051200-3")
    assert reading.submittals("GET", "/items").status_code == 200
    assert reading.attach(item).status_code == 403
    assert writing.attach(item).status_code == 201
    assert writing.submittals("GET", "/items").json()["errorCode"] == "AUTH-010"
    assert caller("manager", scopes="user:read")("GET", "/userinfo").status_code == 200


def test_a_two_legged_token_has_no_person(box, anonymous):
    form = {"grant_type": "client_credentials", "scope": "data:read"}
    granted = anonymous.post(TOKEN, data=form, auth=box.confidential_client).json()
    headers = {"Authorization": f"Bearer {granted['access_token']}"}
    for path in ("/userinfo", f"/construction/submittals/v2/projects/{box.project().id}/items", "/project/v1/hubs"):
        assert anonymous.get(path, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        *({"exp": 0}, {"exp": 400}, {"sub": "x"}, {"aud": "https://elsewhere"}, {"iss": "x"}),
        *({"scope": "data:read"}, {"scope": []}, {"scope": ["data:everything"]}),
    ],
)
def test_a_wrong_assertion_is_refused(box, anonymous, change):
    account, now = box.service_account(), int(box.clock.now().timestamp())
    claims = {
        "iss": account.client_id,
        "sub": account.id,
        "aud": "https://developer.api.autodesk.com/authentication/v2/token",
        "scope": ["data:read"],
        **change,
        "exp": now + change.get("exp", 60),
    }
    assertion = jwt.encode(claims, account.private_key, algorithm="RS256", headers={"kid": account.key_id})
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "scope": "data:read", "assertion": assertion}
    refused(anonymous.post(TOKEN, data=form, auth=box.server_client), "invalid_grant")
    refused(anonymous.post(TOKEN, data={**form, "assertion": "nonsense"}, auth=box.server_client), "invalid_grant")
    refused(anonymous.post(TOKEN, data=form, auth=box.confidential_client), "unauthorized_client", 403)


def test_grants_and_tokens_of_another_client_are_refused(box, anonymous):
    granted = exchange(box, anonymous, code=code(box, anonymous)).json()
    form = {"grant_type": "refresh_token", "refresh_token": granted["refresh_token"]}
    refused(anonymous.post(TOKEN, data=form, auth=box.confidential_client), "invalid_grant")
    assert refresh(box, anonymous, granted["refresh_token"]).status_code == 200
    form = {"token": granted["access_token"]}
    answer = anonymous.post("/authentication/v2/introspect", data=form, auth=box.confidential_client)
    assert answer.json() == {"active": False}


def test_a_parameter_that_is_repeated_is_refused(box, anonymous):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = anonymous.post(TOKEN, content=f"grant_type=a&grant_type=b&client_id={box.client_id}", headers=headers)
    refused(answer, "invalid_request")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("https://app.example.com/cb", 302),
        ("https://app.example.com/cb/", 400),
        ("https://a.b.example.com/cb", 400),
        ("https://example.com/cb", 400),
        ("http://app.example.com/cb", 400),
        ("https://evil.com/x.example.com/cb", 400),
    ],
)
def test_a_wildcard_stands_for_the_left_most_label_of_an_https_callback(box, anonymous, asked, status):
    box.register_callback("https://*.example.com/cb")
    answer = anonymous.get(AUTHORIZE, params=question(box, redirect_uri=asked, sandbox_person="manager"))
    assert answer.status_code == status


@pytest.mark.parametrize("registered", ["http://*.example.com/cb", "https://*", "https://a.*.com/cb"])
def test_other_wildcards_stand_for_nothing(box, anonymous, registered):
    box.register_callback(registered)
    asked = registered.replace("*", "app")
    answer = anonymous.get(AUTHORIZE, params=question(box, redirect_uri=asked, sandbox_person="manager"))
    assert answer.status_code == 400


def test_the_first_authentication_service_is_gone(anonymous):
    answer = anonymous.post("/authentication/v1/authenticate")
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "AUTH-666")


def test_token_errors_have_the_documented_words(box, anonymous):
    good = code(box, anonymous)
    assert refused(exchange(box, anonymous, code=good, code_verifier="w" * 43), "invalid_grant") == (
        "PKCE verification failed."
    )
    other = refused(exchange(box, anonymous, code=good, redirect_uri="http://x/"), "invalid_grant")
    assert other == "The 'redirect_uri' is invalid."
    assert refused(exchange(box, anonymous, code="none"), "invalid_grant") == (
        "The authorization code is invalid or has expired."
    )
    assert refused(refresh(box, anonymous, "none"), "invalid_grant") == "The refresh token is invalid or expired."


def test_every_documented_scope_is_known_and_fifty_are_the_most(box, anonymous):
    scopes = [
        "user-profile:read",
        "user:read",
        "user:write",
        "viewables:read",
        "data:read",
        "data:read:urn:x",
        "data:write",
        "data:create",
        "data:search",
        "bucket:create",
        "bucket:read",
        "bucket:update",
        "bucket:delete",
        "code:all",
        "account:read",
        "account:write",
        "openid",
        "application:service_account:read",
        "application:service_account:write",
        "application:service_account_key:read",
        "application:service_account_key:write",
    ]
    assert exchange(box, anonymous, code=code(box, anonymous, scope=" ".join(scopes))).status_code == 200
    many = " ".join(f"data:read:{number}" for number in range(51))
    back = anonymous.get(AUTHORIZE, params=question(box, scope=many, sandbox_person="manager")).headers["location"]
    assert httpx.URL(back).params["error"] == "invalid_scope"


def test_a_confidential_application_may_use_pkce_too(box, anonymous):
    query = question(box, client_id=box.confidential_client[0], sandbox_person="manager")
    good = httpx.URL(anonymous.get(AUTHORIZE, params=query).headers["location"]).params["code"]
    form = {"grant_type": "authorization_code", "code": good, "redirect_uri": CALLBACK}
    wrong = anonymous.post(TOKEN, data={**form, "code_verifier": "w" * 43}, auth=box.confidential_client)
    assert refused(wrong, "invalid_grant") == "PKCE verification failed."
    right = anonymous.post(TOKEN, data={**form, "code_verifier": VERIFIER}, auth=box.confidential_client)
    assert right.status_code == 200


def test_parameters_that_only_shape_the_page_are_accepted(box, anonymous):
    more = {"prompt": "login", "response_mode": "query", "authoptions": "x", "nonce": "n"}
    assert anonymous.get(AUTHORIZE, params=question(box, **more)).status_code == 200


def test_a_doubled_slash_at_the_start_of_a_path_is_one(box, anonymous, manager):
    assert manager("GET", f"{box.base_url}//project/v1/hubs").status_code == 200
    refused(anonymous.post(f"{box.base_url}/{TOKEN}", data={"grant_type": "refresh_token"}), "invalid_client", 401)
    assert manager("GET", f"{box.base_url}//project/v1/nothing").json()["errors"][0]["code"] == "NOT_FOUND"
    assert manager("GET", f"{box.base_url}///project/v1/hubs").status_code == 404
