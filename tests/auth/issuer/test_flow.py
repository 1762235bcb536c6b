"""Consent, Autodesk's sign-in and tokens: the whole flow, and each threat to it, through the routes."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import acc_sandbox
from acc_sandbox import Fault, Refuse, Reset
from auth.issuer.admission import AdmissionPolicy
from auth.issuer.scopes import ATTACH, MOVE, READ
from persistence.database import Database
from tests.headless import onward_of

from .flow import APP_URI, CALLBACK, CONFIDENTIAL, PUBLIC, RESOURCE, Browser, OAuthClient, Site, answer_of, site_of


async def test_a_person_consents_signs_in_at_autodesk_and_the_client_gets_tokens(site: Site) -> None:
    client = OAuthClient(site)
    async with Browser(site) as browser:
        page = await browser.visit(client.url(scope=f"{READ} {ATTACH} offline_access"))
        for shown in ("Known Client", "client.example", "in your name"):
            assert shown in page.text
        answer = answer_of(await browser.submit(page, decision="allow"))
        assert (answer["state"], answer["iss"]) == (client.state, PUBLIC)
        tokens = (await client.exchange(answer["code"])).json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["scope"] == f"{READ} {ATTACH}"
    verified = site.issuer.stores.tokens.verify(tokens["access_token"], RESOURCE)
    assert verified is not None
    person = site.box.person("manager")
    assert (verified.subject, verified.email) == (person.autodesk_id, person.email)
    kept = site.issuer.stores.vault.read(site.flow.account(person.autodesk_id))
    assert kept is not None
    assert site.events() == ["signed_in", "consented", "tokens_issued"]
    assert {fields["client"] for _, fields in site.audit.lines} == {client.client_id}
    assert {fields["grant"] for _, fields in site.audit.lines[1:]} == {verified.grant_id}


async def test_a_team_sign_in_does_not_change_the_current_person_of_the_machine(site: Site) -> None:
    async with Browser(site) as browser:
        await OAuthClient(site).tokens(browser)
    account = site.flow.account("any")
    assert site.issuer.stores.vault.current(account.base_url, account.client_id) is None


async def test_a_second_client_is_connected_without_autodesk_but_never_without_consent(site: Site) -> None:
    async with Browser(site) as browser:
        await OAuthClient(site).tokens(browser)
        site.box.requests.clear()
        client = OAuthClient(site)
        page = await browser.visit(client.url())
        assert "You are signed in as" in page.text
        assert "code" in answer_of(await browser.submit(page, decision="allow"))
        assert site.box.requests.count("auth.authorize") == 0


async def test_a_signed_in_browser_can_connect_a_client_as_another_person(site: Site) -> None:
    async with Browser(site) as browser:
        await OAuthClient(site).tokens(browser)
        browser.person = "engineer"
        client = OAuthClient(site)
        page = await browser.visit(client.url())
        answer = answer_of(await browser.submit(page, decision="other"))
        tokens = (await client.exchange(answer["code"])).json()
    verified = site.issuer.stores.tokens.verify(tokens["access_token"], RESOURCE)
    assert verified is not None
    assert verified.subject == site.box.person("engineer").autodesk_id


async def test_a_person_can_leave_out_scopes_and_a_client_can_add_none(site: Site) -> None:
    client = OAuthClient(site)
    async with Browser(site) as browser:
        page = await browser.visit(client.url(scope=f"{READ} {ATTACH}"))
        answer = answer_of(await browser.submit(page, scopes=[MOVE], decision="allow"))
        assert (await client.exchange(answer["code"])).json()["scope"] == READ


async def test_a_client_learns_that_the_person_declined_here_or_at_autodesk(site: Site) -> None:
    client = OAuthClient(site)
    async with Browser(site) as browser:
        page = await browser.visit(client.url())
        here = answer_of(await browser.submit(page, decision="deny"))
        browser.person = "deny"
        page = await browser.visit(client.url())
        there = answer_of(await browser.submit(page, decision="allow"))
    for answer in (here, there):
        assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", client.state, PUBLIC)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_id": "nobody"}, "does not know the application"),
        ({"client_id": None}, "does not know the application"),
        ({"redirect_uri": "https://evil.example/callback"}, "not registered"),
        ({"redirect_uri": APP_URI + "/"}, "not registered"),
        ({"redirect_uri": APP_URI + "?x=1"}, "not registered"),
        ({"client_id": "https://127.0.0.1/client"}, "administrator can register it"),
    ],
)
async def test_a_browser_is_never_sent_to_an_address_that_no_client_registered(
    site: Site, changes: dict[str, str | None], words: str
) -> None:
    async with Browser(site) as browser:
        page = await browser.visit(OAuthClient(site).url(**changes))
    assert page.status_code == 400
    assert words in page.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"resource": f"{PUBLIC}/other"}, "invalid_target"),
        ({"response_mode": "fragment"}, "invalid_request"),
    ],
)
async def test_a_faulty_request_goes_back_to_the_client_with_state_and_issuer(
    site: Site, changes: dict[str, str | None], error: str
) -> None:
    client = OAuthClient(site)
    async with Browser(site) as browser:
        answer = answer_of(await browser.visit(client.url(**changes)))
    assert (answer["error"], answer["state"], answer["iss"]) == (error, client.state, PUBLIC)


@pytest.mark.parametrize(
    "resource", [None, RESOURCE + "/", RESOURCE.replace("team", "TEAM"), "https://team.example:443/mcp"]
)
async def test_the_resource_may_be_left_out_or_spelt_in_another_way(site: Site, resource: str | None) -> None:
    client = OAuthClient(site)
    async with Browser(site) as browser:
        code = await client.code(browser, resource=resource)
    assert (await client.exchange(code, resource=resource)).status_code == 200


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ("client_id=other", None),
        (f"redirect_uri={APP_URI}", None),
        ("state=other", "invalid_request"),
        ("scope=a&scope=b", "invalid_request"),
        (f"resource={PUBLIC}", "invalid_request"),
        (f"resource={RESOURCE}", ""),
    ],
)
async def test_a_repeated_parameter_goes_back_to_the_client_unless_it_says_where_that_is(
    site: Site, more: str, error: str | None
) -> None:
    async with Browser(site) as browser:
        page = await browser.visit(f"{OAuthClient(site).url()}&{more}")
    if error:
        assert (answer_of(page)["error"], answer_of(page)["iss"]) == (error, PUBLIC)
    elif error is None:
        assert page.status_code == 400
        assert "is repeated" in page.text
        assert "Begin again in the application" in page.text
    else:
        assert "Allow" in page.text


async def test_consent_opened_in_another_browser_is_refused(site: Site) -> None:
    async with Browser(site) as one, Browser(site) as other:
        page = await one.visit(OAuthClient(site).url())
        stolen = await other.visit(str(page.url))
        assert stolen.status_code == 403
        answer = await other.submit(page, decision="allow")
        assert answer.status_code == 403
        assert site.box.requests.count("auth.authorize") == 0


async def test_consent_is_given_once_however_often_its_page_was_opened(site: Site) -> None:
    async with Browser(site) as browser:
        first = await browser.visit(OAuthClient(site).url())
        again = await browser.visit(str(first.url))
        assert "code" in answer_of(await browser.submit(first, decision="allow"))
        late = await browser.submit(again, decision="allow")
    assert late.status_code == 400
    assert "answered already" in late.text
    assert site.events().count("consented") == 1


@pytest.mark.parametrize("form_token", ["", "0" * 64, "\u00fc"])
async def test_a_form_of_another_site_is_refused(site: Site, form_token: str) -> None:
    async with Browser(site) as browser:
        page = await browser.visit(OAuthClient(site).url())
        answer = await browser.submit(page, decision="allow", form_token=form_token)
    assert answer.status_code == 403
    assert site.events() == []


async def test_a_consent_page_is_over_after_ten_minutes(site: Site) -> None:
    async with Browser(site) as browser:
        page = await browser.visit(OAuthClient(site).url())
        site.later(601)
        answer = await browser.submit(page, decision="allow")
    assert answer.status_code == 400
    assert "expired" in answer.text


async def test_a_clock_that_was_set_back_ends_no_consent_page(site: Site) -> None:
    async with Browser(site) as browser:
        page = await browser.visit(OAuthClient(site).url())
        site.later(-30)
        assert "code" in answer_of(await browser.submit(page, decision="allow"))


async def test_pages_are_not_framed_cached_or_scripted(site: Site) -> None:
    async with Browser(site) as browser:
        page = await browser.visit(OAuthClient(site).url())
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"


async def test_a_page_asked_for_by_another_method_names_its_own(site: Site) -> None:
    async with site.http() as http:
        for path in ("/consent", "/connect", "/account"):
            answer = await http.put(path)
            assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, {"GET", "HEAD", "POST"})


async def test_cookies_are_bound_to_this_host_and_out_of_reach_of_scripts(site: Site) -> None:
    async with site.http() as http:
        cookie = (await http.get(OAuthClient(site).url())).headers["set-cookie"]
    assert re.fullmatch(
        r"__Host-consent-[\w-]+=[\w-]{43}; HttpOnly; Max-Age=1200; Path=/; SameSite=lax; Secure", cookie
    )


async def _at_autodesk(browser: Browser, client: OAuthClient) -> str:
    """Approve, and return the address by which Autodesk would answer."""
    page = await browser.visit(client.url())
    assert "Allow" in page.text
    url = onward_of(await browser.send(page, decision="allow"))
    while url is not None and not url.startswith(CALLBACK):
        url = onward_of(await browser.once(url))
    assert url is not None, "Autodesk was not reached"
    return url


async def test_autodesks_answer_is_taken_once_and_only_in_the_browser_that_approved(site: Site) -> None:
    async with Browser(site) as browser, Browser(site) as other:
        answer = await _at_autodesk(browser, OAuthClient(site))
        stolen = await other.visit(answer)
        assert stolen.status_code == 403
        assert "code" in answer_of(await browser.visit(answer))
        again = await browser.visit(answer)
        assert again.status_code == 400
        assert "answered already" in again.text


@pytest.mark.parametrize("state", ["", "unknown", "x" * 5000])
async def test_a_redirect_without_a_pending_login_gets_a_page(site: Site, state: str) -> None:
    async with Browser(site) as browser:
        page = await browser.visit(f"{CALLBACK}?code=x&state={state}")
        assert page.status_code == 403
        await _at_autodesk(browser, OAuthClient(site))
        page = await browser.visit(f"{CALLBACK}?code=x&state={state}")
        assert page.status_code == 400  # it has begun something, though not this


async def test_before_approval_there_is_no_state_that_autodesk_could_answer(site: Site) -> None:
    """CVE-2026-27124: a proxy that set its cookie before consent took answers that no user had approved."""
    async with Browser(site) as browser:
        await browser.visit(OAuthClient(site).url())
        assert all(name.startswith("__Host-consent-") for name in browser.cookies)
        with site.database.reading() as connection:
            rows = connection.exec_driver_sql("SELECT state_digest, approval_digest FROM oauth_requests").all()
    assert [tuple(row) for row in rows] == [(None, None)]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"redirect_uri": "https://client.example/other"}, "invalid_grant"),
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"client_id": "other"}, "invalid_client"),
        ({"code_verifier": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "invalid_request"),
    ],
)
async def test_a_code_is_bound_to_its_client_verifier_redirect_and_resource(
    site: Site, changes: dict[str, str | None], error: str
) -> None:
    client = OAuthClient(site)
    async with Browser(site) as browser:
        code = await client.code(browser)
    answer = await client.exchange(code, **changes)
    assert (answer.json()["error"], answer.headers["cache-control"]) == (error, "no-store")
    assert "access_token" not in answer.text


async def test_a_code_of_another_client_is_refused(site: Site) -> None:
    client = OAuthClient(site)
    async with Browser(site) as browser:
        code = await client.code(browser)
    basic = {"Authorization": "Basic Y29uZmlkZW50aWFsOlFaSi1zZWNyZXQtb2YtY2xpZW50"}
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": client.verifier}
    assert (await client.post("/token", basic, **form)).json()["error"] == "invalid_grant"


async def test_a_code_is_good_for_a_minute(site: Site) -> None:
    client = OAuthClient(site)
    async with Browser(site) as browser:
        code = await client.code(browser)
    site.later(61)
    assert (await client.exchange(code)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("is_known", "lost"),
    [(False, "sign_ins"), (False, "oauth_sessions"), (False, "oauth_codes"), (True, "oauth_codes")],
)
async def test_a_database_lost_after_the_person_has_answered_sends_the_client_back_to_begin_again(
    site: Site, is_known: bool, lost: str
) -> None:
    """The page cannot be loaded again by then: Autodesk's code, or the consent, is used up."""
    client = OAuthClient(site)
    async with Browser(site) as browser:
        if is_known:  # then Autodesk is not asked, and only the code is written
            await client.tokens(browser)
        page = await browser.visit(client.url())
        with _without(site, lost):
            answer = answer_of(await browser.submit(page, decision="allow"))
            assert (answer["error"], answer["state"]) == ("temporarily_unavailable", client.state)
            assert "begin again" in answer["error_description"]
        assert "answered already" in (await browser.visit(str(page.url))).text
        assert "code" in answer_of(await browser.consent(client.url()))


@contextmanager
def _without(site: Site, table: str) -> Iterator[None]:
    """Take a table away until the block ends."""
    with site.database.writing() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO away")
    yield
    with site.database.writing() as connection:
        connection.exec_driver_sql(f"ALTER TABLE away RENAME TO {table}")


async def test_an_audit_log_that_cannot_be_written_uses_up_no_code(site: Site) -> None:
    client = OAuthClient(site)
    async with Browser(site) as browser:
        code = await client.code(browser)
        site.audit.full = True
        refused = await client.exchange(code)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert "its own files" in (await browser.visit(client.url())).text
        site.audit.full = False
    assert (await client.exchange(code)).status_code == 200


@pytest.mark.parametrize(
    ("authorization", "form", "status"),
    [
        ("Y29uZmlkZW50aWFsOlFaSi1zZWNyZXQtb2YtY2xpZW50", {}, 200),
        (None, {"client_id": CONFIDENTIAL.client_id, "client_secret": "QZJ-secret-of-client"}, 200),
        (None, {"client_id": CONFIDENTIAL.client_id, "client_secret": "wrong"}, 401),
        (None, {"client_id": CONFIDENTIAL.client_id}, 401),
        ("Y29uZmlkZW50aWFsOndyb25n", {}, 401),
        ("!!!", {}, 401),
        ("Y29uZmlkZW50aWFsOlFaSi1zZWNyZXQtb2YtY2xpZW50", {"client_id": "other"}, 400),
    ],
)
async def test_a_confidential_client_proves_itself_by_header_or_form(
    site: Site, authorization: str | None, form: dict[str, str], status: int
) -> None:
    client = OAuthClient(site, CONFIDENTIAL.client_id)
    async with Browser(site) as browser:
        code = await client.code(browser)
    headers = {"Authorization": f"Basic {authorization}"} if authorization else {}
    common = {"grant_type": "authorization_code", "code": code, "code_verifier": client.verifier}
    answer = await client.post("/token", headers, **common, **form)
    assert answer.status_code == status
    if status == 401 and authorization:
        assert answer.headers["www-authenticate"].startswith("Basic")


async def test_the_token_endpoint_takes_forms_of_a_bounded_size_only(site: Site) -> None:
    async with site.http() as http:
        assert (await http.post("/token", json={})).json()["error"] == "invalid_request"
        assert (await http.post("/token", data={"x": "y" * 20_000})).status_code == 413
        twice = await http.post(
            "/token", content="code=1&code=2", headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert twice.json()["error"] == "invalid_request"


async def test_a_revoked_token_ends_its_grant_and_an_unknown_one_is_no_error(site: Site) -> None:
    client = OAuthClient(site)
    async with Browser(site) as browser:
        tokens = await client.tokens(browser)
    assert (await client.post("/revoke", client_id=client.client_id, token="unknown")).status_code == 200
    verify = site.issuer.stores.tokens.verify
    assert (
        await client.post(
            "/revoke", client_id="confidential", client_secret="QZJ-secret-of-client", token=tokens["access_token"]
        )
    ).status_code == 200
    assert verify(tokens["access_token"], RESOURCE) is not None  # another client's token is none of its business
    assert (await client.post("/revoke", client_id=client.client_id, token=tokens["refresh_token"])).status_code == 200
    assert verify(tokens["access_token"], RESOURCE) is None
    assert (await client.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_refresh_narrows_scopes_and_never_widens_them(site: Site) -> None:
    client = OAuthClient(site)
    async with Browser(site) as browser:
        tokens = await client.tokens(browser, scope=f"{READ} {ATTACH}")
    wider = await client.refresh(tokens["refresh_token"], scope=f"{READ} {MOVE}")
    assert wider.json()["error"] == "invalid_scope"
    narrow = (await client.refresh(tokens["refresh_token"], scope=f"{READ} offline_access")).json()
    assert narrow["scope"] == READ
    assert (await client.refresh(narrow["refresh_token"])).json()["scope"] == f"{READ} {ATTACH}"


@pytest.mark.parametrize(
    ("policy", "admitted"),
    [
        (AdmissionPolicy(domains=frozenset({"example.com"})), True),
        (AdmissionPolicy(domains=frozenset({"example.org"})), False),
        (AdmissionPolicy(domains=frozenset({"ample.com"})), False),
        (AdmissionPolicy(people=frozenset({"project.manager@example.com"})), True),
        (AdmissionPolicy(people=frozenset({"somebody@example.com"})), False),
        (AdmissionPolicy(domains=frozenset({"example.com"}), people=frozenset({"x@example.com"})), False),
    ],
)
async def test_only_people_whom_every_rule_admits_sign_in(
    box: acc_sandbox.Sandbox, sqlite: Database, policy: AdmissionPolicy, admitted: bool
) -> None:
    site = site_of(box, sqlite, admission=policy)
    client = OAuthClient(site)
    async with Browser(site) as browser:
        page = await browser.visit(client.url())
        answer = await browser.submit(page, decision="allow")
    if admitted:
        assert "code" in answer_of(answer)
        return
    assert answer.status_code == 403
    assert "access_denied" in answer.text  # the link back to the client
    assert site.box.person("manager").email in answer.text  # it may be another account than the one that was meant
    assert site.issuer.stores.vault.read(site.flow.account(site.box.person("manager").autodesk_id)) is None
    assert site.events() == ["sign_in_refused"]


@pytest.mark.parametrize(
    ("operation", "effect", "error", "says"),
    [
        (
            "auth.token",
            Refuse(401, {"error": "invalid_client"}),
            "server_error",
            "check APS_CLIENT_ID, APS_CLIENT_SECRET",
        ),
        ("auth.token", Refuse(400, {"error": "invalid_grant"}), "server_error", "did not complete the sign-in"),
        ("auth.token", Refuse(200, {}), "server_error", "tell the server's administrator"),
        ("auth.token", Refuse(503, {}), "temporarily_unavailable", "begin again in a minute"),
        ("auth.token", Refuse(429, {}), "temporarily_unavailable", "begin again in a minute"),
        ("auth.token", Reset(), "temporarily_unavailable", "begin again in a minute"),
        ("auth.userinfo", Refuse(500, {}), "temporarily_unavailable", "begin again in a minute"),
    ],
)
async def test_a_sign_in_that_fails_at_autodesk_is_told_to_client_person_and_administrator(
    site: Site, caplog: pytest.LogCaptureFixture, operation: str, effect: Refuse | Reset, error: str, says: str
) -> None:
    client = OAuthClient(site)
    site.box.faults.add(Fault(operation, effect, times=None))
    async with Browser(site) as browser:
        answer = answer_of(await browser.consent(client.url()))
        assert (answer["error"], answer["state"]) == (error, client.state)
        assert says in answer["error_description"]
        assert len([line for line in caplog.records if "sign-in at Autodesk failed" in line.getMessage()]) == 1
        page = await browser.submit(await browser.visit(f"{PUBLIC}/connect"))
    assert says in html.unescape(page.text)
    assert "Try again" in page.text


async def test_a_person_connects_autodesk_again_and_sees_and_ends_their_grants(site: Site) -> None:
    client = OAuthClient(site)
    async with Browser(site) as browser:
        tokens = await client.tokens(browser)
        page = await browser.visit(f"{PUBLIC}/connect")
        done = await browser.submit(page)
        assert "Autodesk is connected" in done.text
        account = await browser.visit(f"{PUBLIC}/account")
        assert "Known Client" in account.text
        assert "may read, attach" in account.text
        grant = re.search(r'name="revoke" value="([^"]*)"', account.text)
        assert grant
        after = await browser.submit(account, revoke=grant[1])
        assert "There are none." in after.text
        assert site.issuer.stores.tokens.verify(tokens["access_token"], RESOURCE) is None
        signed_out = await browser.submit(after, sign_out="yes")
        assert "Sign in to see" in signed_out.text


async def test_a_grant_cannot_be_ended_by_another_person(site: Site) -> None:
    client = OAuthClient(site)
    async with Browser(site) as one, Browser(site, "engineer") as other:
        tokens = await client.tokens(one)
        await OAuthClient(site).tokens(other)
        verified = site.issuer.stores.tokens.verify(tokens["access_token"], RESOURCE)
        assert verified is not None
        account = await other.visit(f"{PUBLIC}/account")
        await other.submit(account, revoke=verified.grant_id)
        assert site.issuer.stores.tokens.verify(tokens["access_token"], RESOURCE) is not None


async def test_the_database_holds_no_usable_secret(site: Site) -> None:
    client = OAuthClient(site)
    async with Browser(site) as browser:
        code = await client.code(browser)
        tokens = (await client.exchange(code)).json()
        await browser.visit(OAuthClient(site).url())
        cookies = list(browser.cookies.values())
    sentinels = [code, tokens["access_token"], tokens["refresh_token"], client.verifier, client.state, *cookies]
    with site.database.reading() as connection:
        tables = [row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")]
        dump = "\n".join(
            repr(tuple(row)) for table in tables for row in connection.exec_driver_sql(f"SELECT * FROM {table}")
        )
    assert "oauth_tokens" in tables
    assert not [secret for secret in sentinels if secret in dump]
    assert not [secret for secret in sentinels if secret in repr(site.audit)]
