"""Serving over HTTP: who is let in, on which paths, and from where.

The guards are tested against the whole application in this process; what only a socket shows, against a real one.
"""

import re
import signal
import socket
import sys
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server import Server
from starlette.applications import Starlette
from starlette.testclient import TestClient

from server.mcp.http import ListenError, http_app, serve_http, uvicorn_config
from server.mcp.http_connections import MAX_BODY_BYTES

SECRET = "QZJ-a-secret-of-callers"
BEARER = {"Authorization": f"Bearer {SECRET}"}
HERE = "http://127.0.0.1:8000"

PATHS = [
    "/mcp",
    "/",
    "/healthz/",
    "/docs",
    "/mcp/",
    "//healthz",
    "/.well-known",
    "/register/",
    "/healthz%2f",
]
LIST_TOOLS = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
HANDSHAKE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
def server() -> Server[Any]:
    return Server("no tool", version="1")


@pytest.fixture
def client(server):
    with TestClient(http_app(server, host="127.0.0.1", secret=SECRET), base_url=HERE) as client:
        yield client


def test_a_caller_with_the_secret_is_served(client):
    answer = client.post("/mcp", json=HANDSHAKE, headers=BEARER | ACCEPT)
    assert answer.status_code == 200
    assert '"serverInfo"' in answer.text


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("path", PATHS)
def test_every_path_but_the_health_check_needs_the_secret(client, method, path):
    """CVE-2026-32211 (Azure MCP)."""
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        SECRET,
        f"Basic {SECRET}",
        f"Bearer {SECRET}x",
        f"Bearer {SECRET[:-1]}",
        f"Bearer {SECRET.lower()}",
        f"Bearer {SECRET} {SECRET}",
        f"Bearer x, Bearer {SECRET}",
        "Bearer \u00fc\u00ff",
    ],
)
def test_a_wrong_secret_is_answered_like_a_missing_one(client, header):
    answer = client.post("/mcp", json=LIST_TOOLS, headers=[(b"authorization", header.encode("latin-1"))])
    missing = client.post("/mcp", json=LIST_TOOLS)
    assert answer.status_code == 401
    assert (answer.text, dict(answer.headers)) == (missing.text, dict(missing.headers))


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_a_wrong_or_missing_secret_says_which_header_is_expected(client, headers):
    problem = client.post("/mcp", json=LIST_TOOLS, headers=headers).json()
    assert problem["error"] == "unauthorized"
    assert "`Authorization: Bearer SECRET`" in problem["error_description"]
    assert SECRET not in str(problem)


@pytest.mark.parametrize("secret", [SECRET, None])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/.well-known/oauth-protected-resource"),
        ("GET", "/.well-known/oauth-protected-resource/mcp"),
        ("GET", "/.well-known/oauth-authorization-server"),
        ("OPTIONS", "/.well-known/openid-configuration"),
        ("POST", "/register"),
        ("HEAD", "/.well-known/openid-configuration/mcp"),
        ("PATCH", "/register"),
    ],
)
def test_where_clients_look_for_oauth_there_is_a_404_in_json(server, secret, method, path):
    with TestClient(http_app(server, host="127.0.0.1", secret=secret), base_url=HERE) as client:
        answer = client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    assert method == "HEAD" or answer.json()["error"] == "not_found"
    assert "WWW-Authenticate" not in answer.headers


def test_two_authorization_headers_are_refused_though_one_is_right(client):
    headers = [("Authorization", f"Bearer {SECRET}"), ("Authorization", "Bearer other")]
    assert client.post("/mcp", json=LIST_TOOLS, headers=headers).status_code == 401


def test_the_scheme_may_be_written_in_any_case(client):
    assert client.get("/nowhere", headers={"Authorization": f"bEARER {SECRET}"}).status_code == 404


def test_the_health_check_needs_no_secret_and_tells_nothing(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert client.post("/healthz").status_code == 405


@pytest.mark.parametrize("path", ["/mcp", "/healthz", "/nowhere"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:8000"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Host": "localhost.evil.example:8000"}, 421),
        ({"Host": ""}, 421),
        ({"Host": "localhost:80@evil.example"}, 421),
        ({"Host": "127.0.0.1:8000.evil.example"}, 421),
        ({"Host": "localhost:99999"}, 421),
        ({"Host": "localhost:"}, 421),
        ({"Origin": "http://localhost:80@evil.example"}, 403),
        ({"Origin": "http://localhost:8000/evil"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "https://127.0.0.1:8000"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_page_from_elsewhere_is_refused_on_every_path_even_with_the_secret(client, path, headers, status):
    """CVE-2025-66416, -66414, CVE-2026-34742 (SDKs), CVE-2025-49596 (Inspector)."""
    assert client.post(path, json=LIST_TOOLS, headers=BEARER | ACCEPT | headers).status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost:9000"},
        {"Host": "[::1]:8000"},
        {"Host": "127.0.0.1"},
        {"Host": "LocalHost:9000"},
        {"Origin": "http://localhost:6274"},
        {"Origin": "http://127.0.0.1:8000"},
    ],
)
def test_a_page_or_program_of_this_machine_is_let_in(client, headers):
    assert client.post("/mcp", json=HANDSHAKE, headers=BEARER | ACCEPT | headers).status_code == 200


def test_another_loopback_address_is_its_own_host(server):
    with TestClient(http_app(server, host="127.0.0.2", secret=None), base_url="http://127.0.0.2:8000") as client:
        assert client.get("/healthz").status_code == 200


def test_a_request_that_is_too_large_is_refused_with_or_without_its_length(client):
    body = b" " * (MAX_BODY_BYTES + 1)
    headers = BEARER | ACCEPT | {"Content-Type": "application/json"}
    assert client.post("/mcp", content=body, headers=headers).status_code == 413
    assert client.post("/mcp", content=iter([body[:1000], body[1000:]]), headers=headers).status_code == 413


def test_without_a_secret_only_this_machine_is_served(server):
    with TestClient(http_app(server, host="127.0.0.1", secret=None), base_url=HERE) as client:
        assert client.post("/mcp", json=HANDSHAKE, headers=ACCEPT).status_code == 200
        assert (
            client.post("/mcp", json=HANDSHAKE, headers=ACCEPT | {"Origin": "http://evil.example"}).status_code == 403
        )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.com", ""])
def test_an_address_beyond_this_machine_is_refused(server, host):
    with pytest.raises(ListenError, match="serves one person on this machine"):
        serve_http(server, host=host, port=0, secret=SECRET)


def test_an_idle_connection_stays_for_longer_than_proxies_keep_theirs():
    """Caddy keeps one for two minutes, load balancers for one (their documentation)."""
    assert uvicorn_config(Starlette()).timeout_keep_alive > 120


def test_a_port_that_is_taken_is_named(server):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=f"Cannot listen on 127.0.0.1 port {port}"):
            serve_http(server, host="127.0.0.1", port=port, secret=SECRET)


def listening(program) -> tuple[str, int]:
    line = program.stderr_line("listens on")
    match = re.fullmatch(r"submittal-mcp listens on (http://127\.0\.0\.1:(\d+)/mcp)\n", line)
    assert match
    return match[1], int(match[2])


def raw(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        return connection.makefile("rb").readline()


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
def test_the_sdks_client_is_served_over_a_real_socket_in_both_protocol_eras(one_tool, mode):
    url, _ = listening(one_tool("http", SECRET))

    async def call() -> str:
        async with (
            httpx2.AsyncClient(headers=BEARER, trust_env=False, verify=False) as http,
            Client(streamable_http_client(url, http_client=http), mode=mode) as client,
        ):
            with anyio.fail_after(120):
                return (await client.call_tool("chat", {})).content[0].text

    assert anyio.run(call) == "said"


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"POST /mcp HTTP/1.0\r\n", b"421"),
        (b"GET /healthz HTTP/1.0\r\n", b"421"),
        (b"POST /mcp HTTP/1.1\r\n", b"400"),
        (b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n", b"400"),
    ],
)
def test_a_request_without_one_host_is_refused(one_tool, request_line, status):
    _, port = listening(one_tool("http", SECRET))
    answer = raw(port, request_line + f"Authorization: Bearer {SECRET}\r\nContent-Length: 0\r\n\r\n".encode())
    assert answer.split()[1] == status


def test_the_secret_is_told_once_at_start_and_never_again(one_tool):
    program = one_tool("http", SECRET)
    _, port = listening(program)
    told = program.stderr_line("Callers send this header")
    assert told == f"Callers send this header: Authorization: Bearer {SECRET}\n"
    raw(port, f"GET /mcp?secret={SECRET} HTTP/1.1\r\nHost: {SECRET}\r\n\r\n".encode())
    raw(port, f"GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {SECRET}\r\n\r\n".encode())
    program.process.terminate()
    _, _, rest = program.rest()
    assert rest
    assert SECRET not in rest


def test_a_stranger_fills_no_log(one_tool):
    program = one_tool("http", SECRET)
    _, port = listening(program)
    page = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    for nonsense in (
        page,
        b"no HTTP at all\r\n\r\n",
        b"POST /mcp HTTP/1.1\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: evil\r\n\r\n",
    ):
        assert raw(port, nonsense).startswith(b"HTTP/1.1 4")
    program.process.terminate()
    _, _, rest = program.rest()
    assert [line for line in rest.splitlines() if "warning" in line or "websocket" in line.lower()] == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process can handle")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_in_order_and_its_caller_puts_away(one_tool, number):
    program = one_tool("http")
    listening(program)
    program.process.send_signal(number)
    program.stderr_line("put away")
    assert program.process.wait() == 0
