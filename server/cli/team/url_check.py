"""Checks a team server's public URL as a chat client sees it, and finds what a proxy in between breaks."""

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import anyio
from pydantic_core import from_json

from acc.hosts import AutodeskHosts
from auth.issuer.metadata import MCP_PATH, RESOURCE_PATHS, SERVER_PATHS
from server.cli.doctor.report import CheckResult, ok, problem, warning
from server.settings.types import check_base_url

if TYPE_CHECKING:
    import httpx

    from acc.responses import HttpResponse

MAX_ANSWER_BYTES: Final = 1024 * 1024
"""No answer is read beyond this; the largest real one is a page of some kilobytes."""

AGENTS: Final = {"sign-in": "python-httpx/0.28", "calls": "Claude-User"}
"""As claude.ai names itself: a bot rule that knows only one of them lets people sign in and then nothing happen."""

_SIGN_IN: Final = {"User-Agent": AGENTS["sign-in"]}
_INITIALIZE: Final = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "submittal-mcp check-url", "version": "1"},
    },
}
_MISDIRECTED: Final = 421
_NOT_PASSED_ON: Final = frozenset({404, 405, 502, 503, 504})
_NO_TOKEN: Final = "smt_at_" + "0" * 43
_ACCEPT: Final = {"Accept": "application/json, text/event-stream"}


async def check_public_url(url: str) -> list[CheckResult]:
    """Return the results, in the order of a client's requests."""
    try:
        origin = check_base_url(url.strip().removesuffix("/").removesuffix(MCP_PATH))
    except ValueError:
        return [problem("address", f"{url} is not a public address", "Write https://HOST or https://HOST:PORT.")]
    return [finding async for finding in _AddressWalk(origin).findings()]


class _AddressWalk:
    """One check of a URL."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._hosts = AutodeskHosts.at(origin)

    async def findings(self) -> AsyncIterator[CheckResult]:
        """Yield results; none after the server cannot be reached, or has another name."""
        from acc.errors import AccError, ServiceUnavailable
        from acc.transport import api_client, error_from_transport, network_errors

        try:
            async with api_client(self._hosts) as client:
                async for finding in self._walk(client):
                    yield finding
        except network_errors() as error:
            found = error_from_transport("team.check_url", error)
            # The words of a lost connection are those of Autodesk's.
            seen = f"{self._origin} does not answer" if isinstance(found, ServiceUnavailable) else found.summary
            yield problem("reachable", seen, "Check the name, the certificate, the firewall and the proxy.")
        except AccError as error:
            yield problem("reachable", error.summary, "Check what answers there, and the proxy settings here.")

    async def _ask(self, client: "httpx.AsyncClient", method: str, path: str, **request: Any) -> "HttpResponse":
        """Return an answer, of as many bytes and as much time as every answer from outside has."""
        from acc.connection import EXCHANGE_SECONDS
        from acc.responses import HttpResponse
        from acc.transport import read_bounded

        with anyio.fail_after(EXCHANGE_SECONDS):
            async with client.stream(method, f"{self._origin}{path}", **request) as response:
                body = await read_bounded(response, "team.check_url", MAX_ANSWER_BYTES)
        return HttpResponse(response.status_code, response.headers, body)

    async def _walk(self, client: "httpx.AsyncClient") -> AsyncIterator[CheckResult]:
        yield await self._reachable(client)
        if await self._is_misnamed(client):
            yield problem(
                "Host",
                "the server is reached under another name than its public URL",
                "Pass the Host header on as it came; SUBMITTAL_MCP_PUBLIC_URL must be this address.",
            )
            return
        ready = await self._ask(client, "GET", "/readyz")
        if ready.status == 503 and b"database" in ready.body:  # in words of ours, not of a proxy
            yield problem("database", "the server does not reach it", "The server's log says why; then check again.")
            return
        for kind, agent in AGENTS.items():
            yield await self._endpoint(client, kind, agent)
        yield await self._token_arrives(client)
        yield await self._resource_metadata(client)
        yield await self._server_metadata(client)
        yield await self._token_endpoint(client)
        yield await self._cross_origin(client)
        yield await self._slash(client)
        yield await self._pages(client)

    async def _reachable(self, client: "httpx.AsyncClient") -> CheckResult:
        answer = await self._ask(client, "GET", "/healthz")
        if answer.status == 200 and answer.body.strip() == b"ok":
            return ok("reachable", f"{self._origin} answers")
        return problem(
            "reachable", f"/healthz is answered with HTTP {answer.status}", "Pass every path on to the server."
        )

    async def _is_misnamed(self, client: "httpx.AsyncClient") -> bool:
        return (await self._ask(client, "GET", RESOURCE_PATHS[0])).status == _MISDIRECTED

    async def _endpoint(self, client: "httpx.AsyncClient", kind: str, agent: str) -> CheckResult:
        check = f"{MCP_PATH} for {kind}"
        answer = await self._ask(client, "POST", MCP_PATH, json=_INITIALIZE, headers={**_ACCEPT, "User-Agent": agent})
        if _is_redirect(answer):
            return problem(
                check, "it is redirected", f"Serve exactly {MCP_PATH}; clients drop their token on redirects."
            )
        if answer.status != 401:
            return problem(
                check,
                f"HTTP {answer.status} in place of 401, as user agent {agent}",
                f"Pass {MCP_PATH} itself on to the server."
                if answer.status in _NOT_PASSED_ON
                else "Let this user agent through; bot rules often block it.",
            )
        challenge = answer.headers.get("www-authenticate", "")
        expected = f'resource_metadata="{self._origin}{RESOURCE_PATHS[1]}"'
        if expected not in challenge:
            return problem(
                check,
                "the challenge does not lead to this server's metadata" if challenge else "WWW-Authenticate is missing",
                "Pass WWW-Authenticate on; the server's SUBMITTAL_MCP_PUBLIC_URL must be this address.",
            )
        return ok(check, f"401 with its challenge, as user agent {agent}")

    async def _token_arrives(self, client: "httpx.AsyncClient") -> CheckResult:
        headers = {**_ACCEPT, "Authorization": f"Bearer {_NO_TOKEN}"}
        answer = await self._ask(client, "POST", MCP_PATH, json=_INITIALIZE, headers=headers)
        if 'error="invalid_token"' in answer.headers.get("www-authenticate", ""):
            return ok("Authorization header", "it reaches the server")
        return problem("Authorization header", "it does not reach the server", "Let the proxy pass it on.")

    async def _resource_metadata(self, client: "httpx.AsyncClient") -> CheckResult:
        for path in RESOURCE_PATHS:
            found = await self._json(client, path)
            if found.get("resource") != f"{self._origin}{MCP_PATH}" or found.get("authorization_servers") != [
                self._origin
            ]:
                return problem(
                    "resource metadata",
                    f"{path} does not describe this address",
                    "Pass /.well-known/ on; set SUBMITTAL_MCP_PUBLIC_URL to this address.",
                )
        return ok("resource metadata", f"{len(RESOURCE_PATHS)} addresses agree")

    async def _server_metadata(self, client: "httpx.AsyncClient") -> CheckResult:
        registration = documents = False
        for path in SERVER_PATHS:
            found = await self._json(client, path)
            if found.get("issuer") != self._origin or "S256" not in found.get("code_challenge_methods_supported", ()):
                return problem(
                    "authorization server metadata",
                    f"{path} does not describe this address",
                    "Pass /.well-known/ on; set SUBMITTAL_MCP_PUBLIC_URL to this address.",
                )
            registration = "registration_endpoint" in found
            documents = bool(found.get("client_id_metadata_document_supported"))
        if not registration:
            return warning(
                "authorization server metadata",
                "clients cannot register themselves",
                "Only clients of SUBMITTAL_MCP_TEAM_CLIENTS will work.",
            )
        ways = "registration and documents" if documents else "registration"
        return ok("authorization server metadata", f"{len(SERVER_PATHS)} addresses agree; clients by {ways}")

    async def _token_endpoint(self, client: "httpx.AsyncClient") -> CheckResult:
        answer = await self._ask(client, "POST", "/token", data={"grant_type": "none"}, headers=_SIGN_IN)
        if answer.status == 401 and _object(answer).get("error") == "invalid_client":
            return ok("token endpoint", "it refuses a client that it does not know")
        return problem(
            "token endpoint",
            f"a form that is posted to /token is answered with HTTP {answer.status}, and not by the server",
            "Pass POST on to /token, and its answers as they are.",
        )

    async def _cross_origin(self, client: "httpx.AsyncClient") -> CheckResult:
        for path in (MCP_PATH, "/token"):
            answer = await self._ask(
                client,
                "OPTIONS",
                path,
                headers={
                    "Origin": "https://inspector.example",
                    "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "authorization, content-type, mcp-protocol-version",
                },
            )
            if "access-control-allow-origin" not in answer.headers:
                return warning(
                    "cross-origin calls",
                    f"a preflight of {path} is answered with HTTP {answer.status} and no permission",
                    "Pass OPTIONS on; clients that run in a browser page need it.",
                )
        return ok("cross-origin calls", "allowed, without cookies")

    async def _slash(self, client: "httpx.AsyncClient") -> CheckResult:
        answer = await self._ask(client, "POST", f"{MCP_PATH}/", json=_INITIALIZE, headers=_ACCEPT)
        if not _is_redirect(answer):
            return ok("slash at the end", f"{MCP_PATH}/ is not redirected")
        insecure = urlsplit(answer.headers.get("location", "")).scheme == "http"
        seen = f"{MCP_PATH}/ is redirected" + (" to plain http" if insecure else "")
        return warning("slash at the end", seen, "Do not rewrite paths in the proxy.")

    async def _pages(self, client: "httpx.AsyncClient") -> CheckResult:
        answer = await self._ask(client, "GET", "/account")
        policy = answer.headers.get("content-security-policy", "")
        cookie = answer.headers.get("set-cookie", "")
        if answer.status == 200 and "form-action 'self'" in policy and re.match(r"__Host-", cookie):
            return ok("pages", "they arrive as they were sent")
        return problem(
            "pages",
            f"/account is answered with HTTP {answer.status}, or without its policy or cookie",
            "Pass Content-Security-Policy and Set-Cookie on, and put no other sign-in in front.",
        )

    async def _json(self, client: "httpx.AsyncClient", path: str) -> dict[str, Any]:
        answer = await self._ask(client, "GET", path, headers=_SIGN_IN)
        return _object(answer) if answer.status == 200 else {}


def _object(answer: "HttpResponse") -> dict[str, Any]:
    """Return a JSON object, or an empty one for anything else."""
    try:
        found = from_json(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_redirect(answer: "HttpResponse") -> bool:
    return 300 <= answer.status < 400 and "location" in answer.headers
