"""What the tests of signing in share: databases, a sandbox to sign in to, and a clean environment."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

import acc_sandbox
from acc.hosts import AutodeskHosts
from acc_sandbox.sandbox import Sandbox
from auth.oauth import AuthServer, OAuthApp, PkceAttempt, TokenEndpoint, TokenGrant, authorize_url
from auth.token_refresh import stored_tokens
from auth.vault import StoredLogin, TokenSet, UserAccount, Vault
from persistence.database import Database
from persistence.keys import EncryptionKey, EnvironmentKeys
from server.auth_wiring import HttpxAuthTransport

SCOPES = ("data:read", "data:write", "data:create", "user-profile:read")


@dataclass(frozen=True)
class Site:
    """A sandbox, and the way to it for one of its apps."""

    box: Sandbox
    endpoint: TokenEndpoint

    @property
    def base_url(self) -> str:
        return self.box.base_url

    @property
    def http(self) -> HttpxAuthTransport:
        return HttpxAuthTransport(AutodeskHosts.at(self.base_url))

    @property
    def app(self) -> OAuthApp:
        return self.endpoint.app

    def account(self, key: str = "manager") -> UserAccount:
        return UserAccount(self.base_url, self.app.client_id, self.box.person(key).autodesk_id)

    async def granted(self, key: str = "manager") -> TokenGrant:
        """Tokens as a person would be granted them, over the whole code flow."""
        attempt = PkceAttempt()
        url = authorize_url(self.base_url, self.app, attempt) + f"&sandbox_person={key}"
        status, headers, _ = await self.http.get(url, {})
        assert status == 302
        code = headers["location"].partition("code=")[2].partition("&")[0]
        return await self.endpoint.exchange_code(code, attempt.verifier)

    async def signed_in(
        self, vault: Vault, key: str = "manager", *, left: float = 3599.0, age: float = 600.0
    ) -> StoredLogin:
        """A person whose token has `left` seconds to live and was issued `age` seconds ago."""
        grant = await self.granted(key)
        person = self.box.person(key)
        now = time.time()
        tokens = stored_tokens(grant, now, SCOPES).model_copy(update={"expires_at": now + left, "issued_at": now - age})
        return vault.save_login(self.account(key), person.name, person.email, tokens)

    def posts(self) -> int:
        """How often the token endpoint was asked since the last sign-in was prepared."""
        return self.box.requests.count("auth.token")

    async def honoured(self, tokens: TokenSet) -> tuple[bool, bool]:
        """Whether Autodesk still honours the access token and the refresh token: neither, once it saw one reused."""
        assert tokens.refresh_token is not None
        answers = []
        for token in (tokens.access_token, tokens.refresh_token):
            form = urlencode({"token": token.get_secret_value(), "client_id": self.app.client_id})
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            url = f"{self.base_url}/authentication/v2/introspect"
            status, _, body = await self.http.post(url, headers, form)
            assert status == 200
            answers.append(json.loads(body)["active"])
        return answers[0], answers[1]


def site_of(box: Sandbox, *, confidential: bool = False) -> Site:
    hosts = AutodeskHosts.at(box.base_url)
    app = OAuthApp(box.client_id, box.callback_url)
    if confidential:
        client_id, secret = box.confidential_client
        app = OAuthApp(client_id, box.callback_url, secret)
    return Site(box, TokenEndpoint(HttpxAuthTransport(hosts), AuthServer(hosts.api, hosts.profile), app))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them."""
    for name in list(os.environ):
        if name.startswith(("APS_", "SUBMITTAL_MCP_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def _box() -> Iterator[Sandbox]:
    with acc_sandbox.running() as box:
        yield box


@pytest.fixture
def box(_box: Sandbox) -> Sandbox:
    """A sandbox that remembers nothing of the test before, and takes a reused refresh token for theft."""
    _box.switches.refresh_reuse = "revoke_family"
    _box.faults.clear()
    _box.requests.clear()
    _box.auto_approve = False
    return _box


@pytest.fixture
def site(box: Sandbox) -> Site:
    """The sandbox, and the way to it for its public app."""
    return site_of(box)


@pytest.fixture
def key() -> EncryptionKey:
    """A key of the vault."""
    return EncryptionKey.new()


@pytest.fixture
def vault(database: Database, key: EncryptionKey) -> Vault:
    """An empty vault, in a database of each kind."""
    return Vault(database, EnvironmentKeys([key]))
