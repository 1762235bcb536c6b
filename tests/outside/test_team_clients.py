"""Other people's MCP clients sign in to a team server over their own OAuth code, each as they come from their makers."""

import json
import os
import re
import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import anyio
import httpx
import pytest
from playwright.sync_api import Browser

import acc_sandbox
from tests.conftest import NO_TRUST
from tests.server.team.site import TeamSite, running_team
from tests.support.ports import reserved_ports

from .conftest import NODE, PATIENCE

CONFORMANCE = "node_modules/conformance-2026/dist/index.js"
INSPECTOR = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
ERAS = ["legacy", "modern"]


@pytest.fixture
def team(clean_environment: None, tmp_path: Path) -> Iterator[TeamSite]:
    with acc_sandbox.running() as box, running_team(box, tmp_path / "data") as site:
        yield site


def consented(team: TeamSite, page: str, scopes: list[str] | None = None) -> str:
    """Bring a person through a page that a client wants them to see; return the address of the client's answer."""

    async def go() -> str:
        async with team.browser("manager") as browser:
            answer = await browser.submit(await browser.visit(page), scopes=scopes, decision="allow")
        assert isinstance(answer, str), answer.text
        return answer

    # In a thread: Playwright's loop stays in this one from the first test with a browser on.
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(anyio.run, go).result()


def deliver(address: str) -> None:
    """Bring an answer to a client that listens for it on this machine, once it does."""
    with httpx.Client(transport=httpx.HTTPTransport(retries=8, verify=NO_TRUST)) as http:
        assert http.get(address).status_code < 400


class Talking:
    """A program that runs; what it says is read line by line."""

    def __init__(self, environment: Mapping[str, str], *command: str) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=NODE,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            self.process.kill()

    def lines(self) -> Iterator[str]:
        assert self.process.stdout is not None
        yield from self.process.stdout

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()


@pytest.fixture
def talking(node: Any, environment: Mapping[str, str], tmp_path: Path) -> Callable[..., Talking]:
    """Start a program of npm's; no browser of this machine opens for it."""
    opener = tmp_path / "bin" / "xdg-open"
    opener.parent.mkdir()
    opener.write_text("#!/bin/sh\nexit 0\n")
    opener.chmod(0o755)
    own = {"PATH": f"{opener.parent}{os.pathsep}{environment['PATH']}", "MCP_AUTO_OPEN_ENABLED": "true"}
    own["HOME"] = str(tmp_path)
    interpreter = str(NODE / "node_modules/.bin/node")
    return lambda *arguments, **more: Talking({**environment, **own, **more}, interpreter, *arguments)


def test_the_conformance_suite_finds_an_authorization_server_that_conforms(
    team: TeamSite, talking: Callable[..., Talking], tmp_path: Path
) -> None:
    redirect = "http://127.0.0.1:19199/callback"  # below the ports that the system gives to any program
    registered = httpx.post(f"{team.url}/register", json={"redirect_uris": [redirect]}, verify=NO_TRUST).json()
    arguments = ["--url", team.url, "--client-id", registered["client_id"], "--resource", team.mcp, "-p", "19199"]
    said = []
    with talking(CONFORMANCE, "authorization", *arguments, "-o", str(tmp_path)) as suite:
        for line in suite.lines():
            said.append(line)
            if found := re.search(r"http://\S+/authorize\?\S+", line):
                deliver(consented(team, found[0]))
        assert suite.process.wait(PATIENCE) == 0, said
    assert "Total: 3 passed, 0 failed" in "".join(said)


@pytest.mark.parametrize("era", ERAS)
def test_the_inspector_signs_in_and_calls_a_tool(team: TeamSite, talking: Callable[..., Talking], era: str) -> None:
    call = ["--method", "tools/call", "--tool-name", "sign_in", "--tool-args-json", "{}"]
    target = ["--transport", "http", "--server-url", team.mcp]
    answer = None
    with talking(INSPECTOR, "--cli", "--format", "json", "--protocol-era", era, *target, *call) as inspector:
        for line in inspector.lines():
            if found := re.search(r"navigate to: (\S+)", line):
                deliver(consented(team, found[1]))
            elif line.startswith('{"result"'):
                answer = json.loads(line)["result"]["structuredContent"]
        assert inspector.process.wait(PATIENCE) == 0
    assert answer is not None
    assert answer["person"]["email"] == team.box.person("manager").email


def ports_of_inspector(port: int) -> dict[str, str]:
    return {"HOST": "127.0.0.1", "CLIENT_PORT": str(port), "MCP_SANDBOX_PORT": str(port + 1)}


def test_the_inspectors_page_signs_in_and_calls_a_tool_in_a_browser(
    team: TeamSite, talking: Callable[..., Talking], chromium: Browser
) -> None:
    """A client that is a page itself: its calls come from another origin, so CORS and its headers are tried as well."""
    token = secrets.token_hex(16)
    opened = {"MCP_AUTO_OPEN_ENABLED": "false", "MCP_INSPECTOR_API_TOKEN": token}
    query = {"serverUrl": team.mcp, "transport": "http", "autoConnect": token, "MCP_INSPECTOR_API_TOKEN": token}
    with reserved_ports(2) as port, talking(INSPECTOR, "--web", **ports_of_inspector(port), **opened) as inspector:
        for line in inspector.lines():
            if f"http://127.0.0.1:{port}" in line:
                break
        context = chromium.new_context()
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(f"http://127.0.0.1:{port}/?{urlencode(query)}")
        page.wait_for_url("**/consent**")
        assert "MCP Inspector" in page.inner_text("main")
        page.get_by_role("button", name="Allow").click()
        page.wait_for_url("**/authentication/v2/authorize**")
        page.get_by_text("Project Manager").first.click()
        page.wait_for_selector('[data-testid="connection-status"][data-status="connected"]')
        page.get_by_text("Tools", exact=True).first.click()
        page.get_by_text("sign_in").first.click()
        page.get_by_role("button", name="Execute Tool").click()
        page.wait_for_function("document.body.innerText.includes('project.manager@example.com')")
        context.close()


@pytest.mark.parametrize("era", ERAS)
def test_the_typescript_client_signs_in_and_steps_up(team: TeamSite, talking: Callable[..., Talking], era: str) -> None:
    row = next(item for item in team.box.items() if item.state == "sbc-1")
    attach = {"project": "Riverside", "submittal": row.id, "upload_by_caller": True, "name": "beam.pdf"}
    calls = [
        {"name": "find_submittals", "arguments": {"project": "Riverside"}},
        {"name": "add_submittal_attachment", "arguments": attach},
    ]
    order = json.dumps({"era": era, "url": team.mcp, "calls": calls})
    consents, found = 0, None
    with talking("team_sign_in.mjs", order) as client:
        for line in client.lines():
            assert line.startswith("{"), line + "".join(client.lines())
            said = json.loads(line)
            if "visit" in said:
                consents += 1
                client.say(consented(team, said["visit"], scopes=[] if consents == 1 else None))
            else:
                found = said
        assert client.process.wait(PATIENCE) == 0
    assert found is not None
    assert consents == 2
    assert found["scope"] == "submittals:read submittals:attach"
    assert [one["isError"] for one in found["answers"]] == [False, False], found
    assert found["answers"][1]["answer"]["attachment"]["state"] == "reserved"


FASTMCP = """
import asyncio, json, sys, webbrowser
from fastmcp import Client


class Printer(webbrowser.BaseBrowser):
    def open(self, url, new=0, autoraise=True):
        print(json.dumps({"visit": url}), flush=True)
        return True


webbrowser.register("printer", None, Printer(), preferred=True)


async def main():
    async with Client(sys.argv[1], auth="oauth") as client:
        found = await client.call_tool("sign_in", {})
        print(json.dumps({"answer": found.structured_content}), flush=True)


asyncio.run(main())
"""


def test_fastmcps_client_signs_in_and_calls_a_tool(team: TeamSite, environment: Mapping[str, str]) -> None:
    python = Path(__file__).parent / ".venv-fastmcp" / "bin" / "python"
    assert python.exists(), "fastmcp is missing: run tests/outside/install"
    alone = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    answer = None
    with Talking(alone, str(python), "-c", FASTMCP, team.mcp) as client:
        for line in client.lines():
            if line.startswith('{"visit"'):
                deliver(consented(team, json.loads(line)["visit"]))
            elif line.startswith('{"answer"'):
                answer = json.loads(line)["answer"]
        assert client.process.wait(PATIENCE) == 0
    assert answer is not None
    assert answer["person"]["email"] == team.box.person("manager").email
