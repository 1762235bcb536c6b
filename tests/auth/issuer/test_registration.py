"""Clients that register themselves, and those that a file or a document describes."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy import update

import acc_sandbox
from auth.issuer.client_documents import (
    ClientDocuments,
    FetchedDocument,
    check_document_url,
    fresh_seconds,
    is_public_address,
    read_document,
)
from auth.issuer.clients import IDLE_SECONDS, UNUSED_SECONDS, ClientMetadata, ClientRepository, read_clients
from auth.issuer.errors import InvalidClientDocument
from auth.issuer.tables import CLIENTS
from auth.issuer.token_issuer import RegistrationPolicy
from persistence.database import Database

from .flow import APP_URI, PUBLIC, Browser, OAuthClient, Site, answer_of, site_of

DOCUMENT_URL = "https://client.example/oauth/client.json"


async def register(site: Site, body: object) -> Any:
    async with site.http() as http:
        content = body if isinstance(body, (bytes, str)) else json.dumps(body)
        return await http.post("/register", content=content, headers={"Content-Type": "application/json"})


async def test_a_client_registers_itself_and_goes_the_whole_way(site: Site) -> None:
    answer = await register(
        site,
        {
            "redirect_uris": ["http://127.0.0.1:33418/"],
            "client_name": "<b>Chat</b>",
            "token_endpoint_auth_method": "none",
            "application_type": "native",
            "scope": "submittals:read",
            "grant_types": ["authorization_code", "refresh_token"],
        },
    )
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    found = answer.json()
    assert "client_secret" not in found
    assert found["application_type"] == "native"
    client = OAuthClient(site, found["client_id"], "http://127.0.0.1:51111/")  # another port than was registered
    async with Browser(site) as browser:
        page = await browser.visit(client.url(scope="submittals:read submittals:move"))
        assert "&lt;b&gt;Chat&lt;/b&gt;" in page.text
        assert "<b>Chat" not in page.text
        assert "program on this computer" in page.text
        code = answer_of(await browser.submit(page, decision="allow"))["code"]
    tokens = await client.exchange(code)
    # It had registered for reading alone; what counts is what the person agreed to.
    assert tokens.json()["scope"] == "submittals:read submittals:move"


async def test_a_client_that_wants_a_secret_gets_one_that_is_needed(site: Site) -> None:
    found = (
        await register(site, {"redirect_uris": [APP_URI], "token_endpoint_auth_method": "client_secret_post"})
    ).json()
    client = OAuthClient(site, found["client_id"])
    async with Browser(site) as browser:
        assert (await client.exchange(await client.code(browser))).status_code == 401
        answer = await client.exchange(await client.code(browser), client_secret=found["client_secret"])
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "invalid_client_metadata"),
        (b"[]", "invalid_client_metadata"),
        ({}, "invalid_client_metadata"),
        ({"redirect_uris": []}, "invalid_client_metadata"),
        ({"redirect_uris": [APP_URI] * 11}, "invalid_client_metadata"),
        ({"redirect_uris": [APP_URI], "client_name": "QZJ" * 34}, "invalid_client_metadata"),
        ({"redirect_uris": [APP_URI], "token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
        ({"redirect_uris": [APP_URI], "grant_types": ["client_credentials"]}, "invalid_client_metadata"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": [APP_URI, "data:text/html,x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://evil.example/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": [APP_URI + "#x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://h.example/" + "a" * 2048]}, "invalid_redirect_uri"),
    ],
)
async def test_metadata_that_could_hurt_is_refused(site: Site, body: object, error: str) -> None:
    answer = await register(site, body)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert len(answer.json()["error_description"]) > len("client_name")  # it says what is expected
    assert "QZJ" not in answer.text


async def test_a_registration_has_a_bounded_size(site: Site) -> None:
    assert (await register(site, b" " * 20_000)).status_code == 413


@pytest.mark.parametrize(
    ("policy", "uri", "status"),
    [
        (RegistrationPolicy(enabled=False), APP_URI, 403),
        (RegistrationPolicy(domains=("client.example",)), APP_URI, 201),
        (RegistrationPolicy(domains=("client.example",)), "https://a.client.example/cb", 201),
        (RegistrationPolicy(domains=("client.example",)), "https://evilclient.example/cb", 400),
        (RegistrationPolicy(domains=("client.example",)), "http://localhost/cb", 400),
    ],
)
async def test_registration_can_be_off_or_for_some_domains(
    box: acc_sandbox.Sandbox, sqlite: Database, policy: RegistrationPolicy, uri: str, status: int
) -> None:
    site = site_of(box, sqlite, registration=policy)
    answer = await register(site, {"redirect_uris": [uri]})
    assert answer.status_code == status
    assert ("administrator can give out a client id" in answer.text) is (status == 403)
    async with site.http() as http:
        metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
    assert ("registration_endpoint" in metadata) is policy.enabled


def use(database: Database, client_id: str, now: float) -> None:
    """Leave a client as one that was issued tokens."""
    with database.writing() as connection:
        connection.execute(update(CLIENTS).where(CLIENTS.c.client_id == client_id).values(last_used_at=now))


def test_ten_thousand_registrations_push_out_the_oldest_unused_and_none_that_was_used(database: Database) -> None:
    now = [1000.0]
    clients = ClientRepository(database, now=lambda: now[0], max_clients=5)
    metadata = ClientMetadata(redirect_uris=(APP_URI,))
    used, _ = clients.register(metadata, "192.0.2.1")
    use(database, used.client_id, now[0])
    for _ in range(20):
        now[0] += 1
        newest, _ = clients.register(metadata, "192.0.2.1")
    assert len(clients.list()) == 5
    assert clients.get(used.client_id) is not None
    assert clients.get(newest.client_id) is not None


def test_unused_registrations_are_purged(database: Database) -> None:
    now = [1000.0]
    clients = ClientRepository(database, now=lambda: now[0])
    never, once = (clients.register(ClientMetadata(redirect_uris=(APP_URI,)), "")[0] for _ in range(2))
    use(database, once.client_id, now[0])
    now[0] += UNUSED_SECONDS + 1
    assert clients.purge() == 1
    assert (clients.get(never.client_id), clients.get(once.client_id)) == (None, once)
    now[0] += IDLE_SECONDS
    assert clients.purge() == 1


async def test_a_client_that_refreshes_its_tokens_is_in_use(site: Site) -> None:
    found = (await register(site, {"redirect_uris": [APP_URI]})).json()
    client = OAuthClient(site, found["client_id"])
    async with Browser(site) as browser:
        tokens = await client.tokens(browser)
    [before] = site.issuer.stores.clients.list()
    site.later(3600)
    assert (await client.refresh(tokens["refresh_token"])).status_code == 200
    [after] = site.issuer.stores.clients.list()
    assert after["last_used_at"] >= before["last_used_at"] + 3600


async def test_metadata_documents_say_what_clients_of_every_age_look_for(site: Site) -> None:
    async with site.http() as http:
        for suffix in ("", "/mcp"):
            resource = (await http.get(f"/.well-known/oauth-protected-resource{suffix}")).json()
            assert resource["resource"] == f"{PUBLIC}/mcp"
            assert resource["authorization_servers"] == [PUBLIC]
            assert "offline_access" not in resource["scopes_supported"]
            for name in ("oauth-authorization-server", "openid-configuration"):
                server = (await http.get(f"/.well-known/{name}{suffix}")).json()
                assert server["issuer"] == PUBLIC  # no slash at its end
                assert "none" in server["token_endpoint_auth_methods_supported"]
                assert server["code_challenge_methods_supported"] == ["S256"]
                assert server["client_id_metadata_document_supported"] is True
                assert server["authorization_response_iss_parameter_supported"] is True
                assert "jwks_uri" not in server


def document(**changes: object) -> bytes:
    found = {"client_id": DOCUMENT_URL, "client_name": "Documented", "redirect_uris": ["http://localhost/callback"]}
    return json.dumps({name: value for name, value in (found | changes).items() if value is not None}).encode()


async def test_a_client_is_known_by_its_document_in_every_step_and_its_host_is_shown(
    box: acc_sandbox.Sandbox, sqlite: Database
) -> None:
    fetched: list[str] = []

    async def fetch(url: str) -> FetchedDocument:
        fetched.append(url)
        return FetchedDocument({"cache-control": "max-age=3600"}, document())

    site = site_of(box, sqlite, documents=lambda: ClientDocuments(fetch))
    client = OAuthClient(site, DOCUMENT_URL, "http://localhost:51234/callback")
    async with Browser(site) as browser:
        assert "describes itself at <strong>client.example</strong>" in (await browser.visit(client.url())).text
        tokens = await client.tokens(browser)
    assert (await client.refresh(tokens["refresh_token"])).status_code == 200
    assert fetched == [DOCUMENT_URL]


async def test_a_document_whose_redirect_uris_changed_needs_the_new_ones(
    box: acc_sandbox.Sandbox, sqlite: Database
) -> None:
    now, uris = [0.0], ["https://client.example/one"]

    async def fetch(_url: str) -> FetchedDocument:
        return FetchedDocument({}, document(redirect_uris=list(uris)))

    site = site_of(box, sqlite, documents=lambda: ClientDocuments(fetch, clock=lambda: now[0]))
    client = OAuthClient(site, DOCUMENT_URL, "https://client.example/one")
    async with Browser(site) as browser:
        await client.tokens(browser)
        uris[:] = ["https://client.example/two"]
        now[0] += 301
        page = await browser.visit(client.url())
    assert page.status_code == 400


async def test_a_document_that_does_not_come_is_given_up() -> None:
    async def fetch(_url: str) -> FetchedDocument:
        await anyio.sleep_forever()
        raise AssertionError

    with pytest.raises(InvalidClientDocument, match="in time"):
        await ClientDocuments(fetch, seconds=0.05).get(DOCUMENT_URL)


async def test_a_failure_to_fetch_is_said_and_never_kept() -> None:
    answers = [InvalidClientDocument("away"), FetchedDocument({}, document())]

    async def fetch(_url: str) -> FetchedDocument:
        answer = answers.pop(0)
        if isinstance(answer, InvalidClientDocument):
            raise answer
        return answer

    documents = ClientDocuments(fetch)
    with pytest.raises(InvalidClientDocument):
        await documents.get(DOCUMENT_URL)
    assert (await documents.get(DOCUMENT_URL)).name == "Documented"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"<html>",
        document(client_id=DOCUMENT_URL + "/"),
        document(client_id=DOCUMENT_URL.upper()),
        document(client_id=None),
        document(client_name=None),
        document(redirect_uris=[]),
        document(redirect_uris=["javascript:alert(1)"]),
        document(redirect_uris="https://client.example/"),
        document(client_secret="secret"),
        document(token_endpoint_auth_method="client_secret_post"),
        document(padding="x" * 6000),
    ],
)
def test_a_document_that_is_not_the_clients_own_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidClientDocument):
        read_document(DOCUMENT_URL, FetchedDocument({}, body))


def test_a_document_whose_name_cannot_be_seen_is_called_by_its_host() -> None:
    found = read_document(DOCUMENT_URL, FetchedDocument({}, document(client_name="\u200b \u202e")))
    assert found.name == "client.example"


@pytest.mark.parametrize(
    "url",
    [
        "http://client.example/client.json",
        "https://client.example",
        "https://client.example/",
        "https://client.example:8443/c",
        "https://user@client.example/c",
        "https://client.example/c?x=1",
        "https://client.example/c#x",
        "https://client.example/../c",
        "https://client.example/a/%2E%2e/c",
        "https://client.example\\@evil.example/c",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/c",
        "https://0x7f000001/c",
        "https://127.1/c",
        "https://[::1]/c",
        "https://client.example/" + "c" * 600,
    ],
)
def test_only_plain_https_addresses_of_named_hosts_are_client_ids(url: str) -> None:
    with pytest.raises(InvalidClientDocument):
        check_document_url(url)


def test_documents_can_be_taken_from_some_domains_only() -> None:
    assert check_document_url(DOCUMENT_URL, ["client.example"]) == "client.example"
    for domains in (["other.example"], ["lient.example"]):
        with pytest.raises(InvalidClientDocument):
            check_document_url(DOCUMENT_URL, domains)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("192.0.2.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::808:808", True),
        ("64:ff9b:1::a00:1", False),
        ("2002:a9fe:a9fe::1", False),
        ("2001:db8::1", False),
        ("2606:4700::5efe:10.0.0.1", False),
        ("not an address", False),
    ],
)
def test_inner_addresses_are_recognised_in_every_wrapping(address: str, public: bool) -> None:
    assert is_public_address(address) is public


@pytest.mark.parametrize(
    ("control", "seconds"),
    [("", 300), ("max-age=10", 300), ("public, max-age=3600", 3600), ("max-age=999999999", 86400), ("no-store", 300)],
)
def test_a_document_is_fresh_within_our_bounds(control: str, seconds: float) -> None:
    assert fresh_seconds({"cache-control": control}) == seconds


def test_clients_of_a_file_are_read_strictly(tmp_path: Path) -> None:
    file = tmp_path / "clients.toml"
    file.write_text('[[client]]\nid = "studio"\nname = "Studio"\nredirect_uris = ["https://studio.example/cb"]\n')
    assert read_clients(file)["studio"].redirect_uri(None) == "https://studio.example/cb"
    for wrong in (
        "client",
        '[[client]]\nid = "a"\n',
        '[[client]]\nid = "a"\nname = "A"\nredirect_uris = ["javascript:x"]\n',
        '[[client]]\nid = "a"\nname = "A"\nredirect_uris = ["https://a.example/"]\nsecret = "QZJ-secret"\n',
    ):
        file.write_text(wrong)
        with pytest.raises(ValueError, match=r"clients\.toml") as caught:
            read_clients(file)
        assert "QZJ" not in str(caught.value)
    with pytest.raises(ValueError, match="cannot be read"):
        read_clients(tmp_path / "none.toml")
