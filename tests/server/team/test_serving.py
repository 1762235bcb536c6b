"""`serve --team` as a command: one line to try it, and what it refuses before it listens."""

import json
import re
import socket
import ssl
import threading
from pathlib import Path

import anyio
import anyio.to_thread
import httpx
import pytest

from persistence.keys import EncryptionKey
from tests.conftest import NO_TRUST
from tests.support.certificates import write_certificate

from .modern import PATIENCE, ModernClient, sign_in

APP = {"APS_CLIENT_ID": "an-app", "SUBMITTAL_MCP_ENCRYPTION_KEYS": EncryptionKey.new().text}


def address_of(line: str) -> str:
    found = re.search(r"serves a team at (\S+)/mcp", line)
    assert found, line
    return found[1]


def test_one_command_serves_a_team_over_a_sandbox_of_its_own(start) -> None:
    program = start("-m", "server", "serve", "--team", "--sandbox", "--port", "0")
    url = address_of(program.stderr_line("serves a team"))
    assert url.startswith("http://localhost:")
    metadata = httpx.get(f"{url}/.well-known/oauth-protected-resource", verify=NO_TRUST).json()
    assert metadata["resource"] == f"{url}/mcp"
    assert httpx.get(f"{url}/mcp", verify=NO_TRUST).status_code == 401
    assert httpx.get(f"{url}/readyz", verify=NO_TRUST).text == "ok\n"


def test_a_certificate_makes_it_speak_tls_itself(start, tmp_path: Path) -> None:
    pem = write_certificate(tmp_path, "localhost")
    arguments = ("--tls-cert", str(pem), "--tls-key", str(pem), "--port", "0")
    program = start("-m", "server", "serve", "--team", "--sandbox", *arguments)
    url = address_of(program.stderr_line("serves a team"))
    assert url.startswith("https://localhost:")
    trusted = ssl.create_default_context(cafile=pem)
    assert httpx.get(f"{url}/healthz", verify=trusted).text == "ok\n"


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (("--team", "--http"), {}, "--team cannot be combined with --http or --as"),
        (("--public-url", "https://x.example"), {}, "are for --team"),
        (("--team", "--tls-cert", "x.pem"), {}, "go together"),
        (("--team",), {}, "APS_CLIENT_ID: a team server signs people in"),
        (("--team",), {"APS_ACCESS_TOKEN": "x"} | APP, "APS_ACCESS_TOKEN: on a team server everybody acts"),
        (("--team", "--folder", "."), APP, "SUBMITTAL_MCP_FOLDERS: no tool of a team server reads"),
        (("--team", "--host", "0.0.0.0"), APP, "a team server needs the URL that callers see"),
        (
            ("--team", "--host", "0.0.0.0", "--public-url", "http://localhost:9000"),
            APP,
            "would show tokens to the network",
        ),
        (("--team", "--public-url", "https://x.example/path"), APP, "write the one origin that callers see"),
        (("--team", "--public-url", "http://x.example"), APP, "write the one origin that callers see"),
        (("--team", "--tls-cert", "none.pem", "--tls-key", "none.pem"), APP, "--tls-cert and --tls-key cannot be used"),
        (("--team",), {"SUBMITTAL_MCP_TEAM_CLIENTS": "/none.toml"} | APP, "/none.toml cannot be read"),
        (("--team",), {"SUBMITTAL_MCP_SETTINGS_FILE": "/none.toml"} | APP, "/none.toml cannot be read"),
        (("--team",), {"SUBMITTAL_MCP_TEAM_REGISTRATION": "maybe"} | APP, "write on, off, or domains:"),
        (("--team",), {"SUBMITTAL_MCP_TEAM_DOMAINS": "not a domain"} | APP, "is not a domain"),
    ],
)
def test_unsafe_or_contradicting_serve_options_are_refused_with_a_sentence(
    start, tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], says: str
) -> None:
    place = {"SUBMITTAL_MCP_DATA_DIR": str(tmp_path / "data"), "COLUMNS": "200"}
    port = ("--port", "0") if "--team" in arguments else ()
    code, _, err = start("-m", "server", "serve", *arguments, *port, **environment, **place).rest()
    assert code == 2
    assert says in err


def test_a_server_behind_a_proxy_says_what_the_proxy_has_to_do(start, tmp_path: Path) -> None:
    place = {"SUBMITTAL_MCP_DATA_DIR": str(tmp_path / "data")}
    arguments = ("--team", "--port", "0", "--public-url", "https://submittals.example.com")
    program = start("-m", "server", "serve", *arguments, **APP, **place)
    port = int(program.stderr_line("It listens on").rsplit(" ", 1)[1])
    assert "trusted_proxies" in program.stderr_line("All callers count as one address")
    answer = httpx.get(f"http://127.0.0.1:{port}/mcp", verify=NO_TRUST)
    assert answer.status_code == 421
    assert "https://submittals.example.com" in answer.text
    assert "Host header" in answer.text


def test_a_port_that_is_taken_is_said_to_be(start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        place = {"SUBMITTAL_MCP_DATA_DIR": str(tmp_path / "data")}
        code, _, err = start("-m", "server", "serve", "--team", "--port", port, **APP, **place).rest()
    assert code == 2
    assert "Cannot listen" in err


async def test_the_log_of_a_running_server_holds_nothing_that_could_be_used(start) -> None:
    program = start("-m", "server", "serve", "--team", "--sandbox", "--port", "0", SUBMITTAL_MCP_LOG_LEVEL="debug")
    autodesk = json.loads(program.stderr_line("sandbox_started"))["page"]
    url = address_of(program.stderr_line("serves a team"))
    seen: list[str] = []
    reader = threading.Thread(target=lambda: seen.append(program.process.stderr.read()))
    reader.start()
    with anyio.fail_after(PATIENCE):
        tokens = await sign_in(url, autodesk, "manager")
        client = ModernClient(url, tokens)
        await client.call("find_projects")
        await client.refresh()
    program.process.terminate()
    await anyio.to_thread.run_sync(reader.join)
    secrets = [
        *(tokens["code"], tokens["verifier"], *tokens["cookies"]),
        *(one[name] for one in (tokens, client.tokens) for name in ("access_token", "refresh_token")),
    ]
    assert "tool_answered" in seen[0]
    assert len(secrets) == 9
    assert not [secret for secret in secrets if secret in seen[0]]
