"""A team server on a loopback socket over the sandbox, and people who sign in to it."""

import base64
import hashlib
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

import acc_sandbox
from auth.issuer.metadata import CALLBACK_PATH
from server.auth_wiring import OpenVault, opened_vault
from server.mcp.http import uvicorn_config
from server.mcp.http_connections import DrainingServer
from server.settings.model import Settings
from server.team.options import TeamOptions
from server.team.team_server import TeamServer
from tests.conftest import KEYS, NO_TRUST, Assistant, every_tool
from tests.headless import Browser

REDIRECT = "http://127.0.0.1:40123/callback"


@dataclass
class TeamSite:
    """A running team server. `later` moves the clock of its machine."""

    url: str
    box: acc_sandbox.Sandbox
    server: TeamServer
    opened: OpenVault
    folder: Path
    settings: Settings
    clock: list[float]
    clients: dict[str, str] = field(default_factory=dict)

    @property
    def mcp(self) -> str:
        return f"{self.url}/mcp"

    def later(self, seconds: float) -> None:
        self.clock[0] += seconds

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, verify=NO_TRUST)

    def browser(self, person: str = "manager") -> Browser:
        return Browser(self.url, self.box.base_url, person)

    def client_id(self, name: str = "client") -> str:
        """A registered client of that name."""
        if name not in self.clients:
            answer = httpx.post(
                f"{self.url}/register", json={"redirect_uris": [REDIRECT], "client_name": name}, verify=NO_TRUST
            )
            assert answer.status_code == 201, answer.text
            self.clients[name] = answer.json()["client_id"]
        return self.clients[name]

    def authorize_url(self, verifier: str = "v" * 43, client_id: str | None = None, scope: str = "") -> str:
        """Where a client sends a browser; by default the client that `client_id` registers."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": client_id or self.client_id(),
            "redirect_uri": REDIRECT,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "scope": scope,
        }
        return f"{self.url}/authorize?{urlencode(query)}"

    async def tokens(
        self, person: str = "manager", *, scopes: list[str] | None = None, client: str = "client", scope: str = ""
    ) -> dict[str, Any]:
        """What a client is issued once a person has signed in, consenting to `scopes`."""
        verifier = secrets.token_urlsafe(32)
        client_id = self.client_id(client)
        async with self.browser(person) as browser:
            page = await browser.visit(
                self.authorize_url(verifier, client_id, scope or "submittals:read submittals:attach submittals:move")
            )
            answer = await browser.submit(page, scopes=scopes, decision="allow")
        assert isinstance(answer, str), answer.text
        form = {"grant_type": "authorization_code", "client_id": client_id, "code_verifier": verifier}
        async with self.http() as http:
            issued = await http.post("/token", data={**form, "code": dict(parse_qsl(urlsplit(answer).query))["code"]})
        assert issued.status_code == 200, issued.text
        found: dict[str, Any] = issued.json()
        return found

    @asynccontextmanager
    async def assistant(self, token: str, era: str, **options: Any) -> AsyncIterator[Assistant]:
        """An assistant with a bearer token."""
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, verify=NO_TRUST, timeout=60) as http,
            Client(streamable_http_client(self.mcp, http_client=http), mode=era, **options) as client,
        ):
            yield Assistant(client, every_tool("http"))

    @asynccontextmanager
    async def signed_in(self, person: str, era: str, **options: Any) -> AsyncIterator[Assistant]:
        """The assistant of a person who has just signed in."""
        async with self.assistant((await self.tokens(person))["access_token"], era, **options) as assistant:
            yield assistant

    def grant_of(self, token: str) -> str:
        verified = self.server.issuer.stores.tokens.verify(token, self.mcp)
        assert verified is not None
        return verified.grant_id


@contextmanager
def running_team(
    box: acc_sandbox.Sandbox,
    folder: Path,
    *,
    options: TeamOptions | None = None,
    url: str | None = None,
    apart: float = 0.0,
    steady: Callable[[], float] = time.monotonic,
    **settings: Any,
) -> Iterator[TeamSite]:
    """Serve a team until the block ends; `url` is one that a proxy in front has.

    The machine's clock is so many seconds `apart` from the right time; quotas are counted by the `steady` one.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        public = url or address
        box.register_callback(f"{public}{CALLBACK_PATH}")
        client_id, secret = box.confidential_client
        place = {"base_url": box.base_url, "data_dir": folder, "encryption_keys": KEYS}
        loaded = Settings.load(client_id=client_id, client_secret=secret, **{**place, **settings})
        clock = [apart]
        with opened_vault(loaded) as opened:
            server = TeamServer(
                loaded, public, opened, options or TeamOptions(), clock=steady, now=lambda: time.time() + clock[0]
            )
            program = DrainingServer(uvicorn_config(server.app))
            thread = threading.Thread(target=program.run, kwargs={"sockets": [listener]})
            thread.start()
            try:
                yield TeamSite(address, box, server, opened, folder, loaded, clock)
            finally:
                program.should_exit = True
                thread.join()
