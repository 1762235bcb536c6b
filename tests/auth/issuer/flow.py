"""A team server's authorization server over the sandbox, with browsers that hold cookies and clients that hold tokens."""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from starlette.applications import Starlette

import acc_sandbox
from acc.hosts import AutodeskHosts
from auth.issuer.browser_sessions import BrowserSessions
from auth.issuer.client_documents import ClientDocuments
from auth.issuer.clients import ClientRepository, RegisteredClient
from auth.issuer.consent_flow import ConsentFlow
from auth.issuer.grants import GrantRepository
from auth.issuer.opaque_secrets import digest
from auth.issuer.pending_requests import PendingRequests
from auth.issuer.routes import IssuerRoutes
from auth.issuer.scopes import offered_scopes
from auth.issuer.token_issuer import IssuerSettings, IssuerStores, TokenIssuer
from auth.issuer.tokens import TokenRepository
from auth.oauth import AuthServer, AuthTransport, OAuthApp, TokenEndpoint
from auth.vault import Vault
from persistence.database import Database
from persistence.errors import AuditLogUnusable
from persistence.keys import EncryptionKey, EnvironmentKeys
from server.auth_wiring import HttpxAuthTransport
from tests.headless import Browser as HeadlessBrowser

PUBLIC = "https://team.example"
RESOURCE = f"{PUBLIC}/mcp"
CALLBACK = f"{PUBLIC}/callback/autodesk"
APP_URI = "https://client.example/callback"
KNOWN = RegisteredClient("known-client", "Known Client", (APP_URI,), "pre-registered")
CONFIDENTIAL = RegisteredClient(
    "confidential", "Confidential", (APP_URI,), "pre-registered", "client_secret_basic", digest("QZJ-secret-of-client")
)


@dataclass
class AuditLines:
    """An audit log in memory, whose disk can be `full`."""

    lines: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    full: bool = False

    def check(self) -> None:
        if self.full:
            raise AuditLogUnusable(Path("audit.jsonl"), "No space left on device")

    def note(self, event: str, **fields: str | None) -> None:
        self.lines.append((event, fields))


@dataclass
class Site:
    """An authorization server and everything behind it. `later` moves its clock."""

    app: Starlette
    issuer: TokenIssuer
    flow: ConsentFlow
    box: acc_sandbox.Sandbox
    database: Database
    audit: AuditLines
    clock: list[float]

    def later(self, seconds: float) -> None:
        self.clock[0] += seconds

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=PUBLIC)

    def events(self) -> list[str]:
        return [event for event, _ in self.audit.lines]


def site_of(
    box: acc_sandbox.Sandbox,
    database: Database,
    *,
    documents: Callable[[], ClientDocuments] | None = None,
    app: OAuthApp | None = None,
    http: AuthTransport | None = None,
    **settings: Any,
) -> Site:
    """Build one; `settings` are fields of `IssuerSettings`."""
    clock = [0.0]

    def now() -> float:
        return time.time() + clock[0]

    hosts = AutodeskHosts.at(box.base_url)
    box.register_callback(CALLBACK)
    vault = Vault(database, EnvironmentKeys([EncryptionKey.new()]))
    stores = IssuerStores(
        ClientRepository(database, now=now, max_clients=settings.pop("max_clients", 10_000)),
        TokenRepository(database, now=now),
        GrantRepository(database, now=now),
        PendingRequests(database, vault, now=now),
        BrowserSessions(database, now=now),
        vault,
    )
    audit = AuditLines()
    issuer = TokenIssuer(
        IssuerSettings(PUBLIC, offered_scopes(read_only=False), ("data:read", "user-profile:read"), **settings),
        stores,
        documents() if documents is not None else None,
        known_clients={KNOWN.client_id: KNOWN, CONFIDENTIAL.client_id: CONFIDENTIAL},
        audit=audit,
    )
    endpoint = TokenEndpoint(
        http or HttpxAuthTransport(hosts),
        AuthServer(hosts.api, hosts.profile),
        app or OAuthApp(box.client_id, CALLBACK),
    )
    flow = ConsentFlow(issuer, endpoint, now=now)
    routes = IssuerRoutes(issuer, flow, lambda request: request.client.host if request.client else "")
    return Site(Starlette(routes=routes.routes()), issuer, flow, box, database, audit, clock)


class Browser(HeadlessBrowser):
    """A browser at a site of this process."""

    def __init__(self, site: Site, person: str = "manager") -> None:
        super().__init__(PUBLIC, site.box.base_url, person, httpx.ASGITransport(site.app))


@dataclass
class OAuthClient:
    """A client with PKCE, as MCP's are."""

    site: Site
    client_id: str = KNOWN.client_id
    redirect_uri: str = APP_URI
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def url(self, **changes: str | None) -> str:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "state": self.state,
            "resource": RESOURCE,
            **changes,
        }
        return f"{PUBLIC}/authorize?{urlencode({name: value for name, value in query.items() if value is not None})}"

    async def post(self, path: str, headers: dict[str, str] | None = None, **form: str | None) -> httpx.Response:
        given = {name: value for name, value in form.items() if value is not None}
        async with self.site.http() as http:
            return await http.post(path, data=given, headers=headers)

    async def exchange(self, code: str, **changes: str | None) -> httpx.Response:
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            "resource": RESOURCE,
        }
        return await self.post("/token", **(form | changes))

    async def refresh(self, token: str, **changes: str | None) -> httpx.Response:
        form: dict[str, str | None] = {
            "grant_type": "refresh_token",
            "client_id": self.client_id,
            "refresh_token": token,
        }
        return await self.post("/token", **(form | changes))

    async def code(self, browser: Browser, **changes: str | None) -> str:
        """Bring a person through consent and Autodesk, and return the code."""
        answer = answer_of(await browser.consent(self.url(**changes)))
        assert answer["state"] == self.state
        return answer["code"]

    async def tokens(self, browser: Browser, **changes: str | None) -> dict[str, Any]:
        answer = await self.exchange(await self.code(browser, **changes))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def answer_of(url: object) -> dict[str, str]:
    """The fields of an answer that a client got by redirect."""
    assert isinstance(url, str), getattr(url, "text", url)
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
