"""A client of the stateless protocol that repeats what was cut off, as chat clients do."""

import base64
import hashlib
import json
import secrets
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import anyio
import httpx

from tests.conftest import NO_TRUST
from tests.headless import Browser

PATIENCE: Final = 300
REDIRECT: Final = "http://127.0.0.1:40123/callback"
_ACCEPT: Final = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2026-07-28"}
_META: Final = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}},
}


async def repeated(request: Any, tries: int = 20) -> httpx.Response:
    """Ask again while connections break, or the server asks to come later."""
    for _ in range(tries):
        try:
            async with httpx.AsyncClient(verify=NO_TRUST, timeout=60) as http:
                answer: httpx.Response = await request(http)
        except httpx.TransportError:
            await anyio.sleep(0.05)
            continue
        if answer.status_code not in (429, 503):
            return answer
        await anyio.sleep(0.2)
    raise AssertionError("it never came through")


async def sign_in(url: str, autodesk: str, person: str) -> dict[str, Any]:
    """Register a client, consent as a person, and return its id and tokens, and the secrets of the way there."""
    while True:
        try:
            return await _signed_in(url, autodesk, person)
        except httpx.TransportError:
            await anyio.sleep(0.05)  # a browser shows an error, and the person begins again


async def _signed_in(url: str, autodesk: str, person: str) -> dict[str, Any]:
    metadata = {"redirect_uris": [REDIRECT], "client_name": f"client of {person}"}
    registered = await repeated(lambda http: http.post(f"{url}/register", json=metadata))
    client_id = registered.json()["client_id"]
    verifier = secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": REDIRECT,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    async with Browser(url, autodesk, person) as browser:
        answer = dict(parse_qsl(urlsplit(await browser.consent(f"{url}/authorize?{urlencode(query)}")).query))
        secret = {"code": answer["code"], "verifier": verifier, "cookies": list(browser.cookies.values())}
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "code": answer["code"],
        "code_verifier": verifier,
    }
    async with httpx.AsyncClient(verify=NO_TRUST, timeout=60) as http:
        issued = await http.post(f"{url}/token", data=form)
    assert issued.status_code == 200, issued.text
    return {"client_id": client_id, **secret, **issued.json()}


class ModernClient:
    """Calls tools with the tokens of one sign-in."""

    def __init__(self, url: str, tokens: dict[str, Any]) -> None:
        self.url = url
        self.tokens = tokens

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return the answer of a call that succeeds."""
        result = await self.result(tool, arguments)
        found: dict[str, Any] = result["structuredContent"]
        assert not result.get("isError"), found
        return found

    async def status(self, tool: str, arguments: dict[str, Any], **params: Any) -> int:
        """Return the HTTP status of a call."""
        return (await self._post(tool, arguments, params)).status_code

    async def result(self, tool: str, arguments: dict[str, Any], **params: Any) -> dict[str, Any]:
        """Return what a call answers, whatever it is."""
        answer = await self._post(tool, arguments, params)
        assert answer.status_code == 200, answer.text
        body = answer.text
        if answer.headers["content-type"].startswith("text/event-stream"):
            body = next(line for line in reversed(body.splitlines()) if line.startswith("data: "))[6:]
        found: dict[str, Any] = json.loads(body)["result"]
        return found

    async def _post(self, tool: str, arguments: dict[str, Any], params: dict[str, Any]) -> httpx.Response:
        return await repeated(lambda http: self.post(http, tool, arguments, **params))

    async def post(
        self, http: httpx.AsyncClient, tool: str, arguments: dict[str, Any], **params: Any
    ) -> httpx.Response:
        """Call a tool once."""
        message = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": tool, "arguments": arguments, "_meta": _META, **params},
        }
        headers = _ACCEPT | {
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool,
            "Authorization": f"Bearer {self.tokens['access_token']}",
        }
        return await http.post(f"{self.url}/mcp", json=message, headers=headers)

    async def refresh(self) -> None:
        """Rotate the tokens; an answer that is lost is asked for again."""
        form = {
            "grant_type": "refresh_token",
            "client_id": self.tokens["client_id"],
            "refresh_token": self.tokens["refresh_token"],
        }
        answer = await repeated(lambda http: http.post(f"{self.url}/token", data=form))
        assert answer.status_code == 200, answer.text
        self.tokens = {"client_id": self.tokens["client_id"], **answer.json()}
