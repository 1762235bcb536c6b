"""Signing in from a chat, in both eras of the protocol, with clients that can show a link and with those that cannot."""

import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import httpx2
import pytest
from mcp import Client, UrlElicitationRequiredError
from mcp.client.session import MessageHandlerFnT
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import (
    URL_ELICITATION_REQUIRED,
    ElicitCompleteNotification,
    ElicitRequestParams,
    ElicitRequestURLParams,
    ElicitResult,
)

import acc_sandbox
from server.mcp.app import build_server
from server.settings.model import Settings

Callback = Callable[[Any, ElicitRequestParams], Awaitable[ElicitResult]]


@pytest.fixture
def settings(box: acc_sandbox.Sandbox, tmp_path: Path, clean_environment: None, free_port: int) -> Settings:
    callback_url = f"http://localhost:{free_port}/callback"
    box.register_callback(callback_url)
    return Settings.load(
        base_url=box.base_url, client_id=box.client_id, callback_url=callback_url, data_dir=tmp_path / "data"
    )


async def click(link: str, person: str = "manager") -> httpx.Response:
    """What a person does: open the link, choose who they are, and read the last page."""
    async with httpx.AsyncClient(timeout=30, verify=False) as browser:
        to_autodesk = (await browser.get(link)).headers["location"]
        back = (await browser.get(f"{to_autodesk}&sandbox_person={person}")).headers["location"]
        return await browser.get(back)


@asynccontextmanager
async def client(
    settings: Settings, era: str, callback: Callback | None = None, heard: MessageHandlerFnT | None = None
) -> AsyncIterator[Client]:
    with anyio.fail_after(240):
        server = build_server(settings, transport="stdio")
        async with Client(server, mode=era, elicitation_callback=callback, message_handler=heard) as connected:
            yield connected


async def call(connected: Client, tool: str = "sign_in") -> dict[str, Any]:
    answer = await connected.call_tool(tool, {})
    assert answer.structured_content is not None
    return answer.structured_content


def link_in(answer: dict[str, Any]) -> str:
    [link] = [word for word in answer["error"]["hint"].split() if word.startswith("http")]
    return link


async def test_a_client_that_shows_no_links_gets_one_in_the_hint_and_the_next_call_works(
    settings: Settings, box: acc_sandbox.Sandbox, era: str
) -> None:
    async with client(settings, era) as connected:
        refused = await call(connected)
        assert refused["error"]["code"] == "not_signed_in"
        [step] = refused["next_steps"]
        assert (step["tool"], step["arguments"]) == ("sign_in", {})
        link = link_in(refused)
        # Every call names the same link, for the same page.
        assert link_in(await call(connected, "find_projects")) == link
        page = await click(link)
        assert "You are signed in" in page.text
        assert (await call(connected))["person"]["name"] == "Project Manager"
        assert (await call(connected, "find_projects"))["projects"]


async def test_the_link_leads_to_this_machine_and_holds_nothing(settings: Settings, era: str) -> None:
    async with client(settings, era) as connected:
        link = urlsplit(link_in(await call(connected)))
        assert link.hostname == "localhost"
        assert link.path.startswith("/sign-in/")
        assert (link.query, link.fragment) == ("", "")


async def test_a_client_that_shows_links_asks_the_person_and_goes_on_by_itself(settings: Settings) -> None:
    shown: list[str] = []
    pages: list[str] = []

    async with anyio.create_task_group() as group:

        async def agree(_: Any, asked: ElicitRequestParams) -> ElicitResult:
            assert isinstance(asked, ElicitRequestURLParams)
            shown.append(asked.url)

            async def open_link() -> None:
                pages.append((await click(asked.url)).text)

            group.start_soon(open_link)
            return ElicitResult(action="accept")

        async with client(settings, "2026-07-28", agree) as connected:
            assert (await call(connected, "find_projects"))["projects"]
    assert len(shown) == 1
    assert "You are signed in" in pages[0]


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_person_who_declines_is_not_asked_again_in_that_call(settings: Settings, action: Any) -> None:
    asked: list[str] = []

    async def refuse(_: Any, question: ElicitRequestParams) -> ElicitResult:
        asked.append(question.message)
        return ElicitResult(action=action)

    async with client(settings, "2026-07-28", refuse) as connected:
        answer = await call(connected, "find_projects")
    assert answer["error"]["code"] == "not_signed_in"
    assert len(asked) == 1


async def test_the_older_protocol_names_the_link_in_an_error_of_its_own(settings: Settings) -> None:
    async def agree(_: Any, __: ElicitRequestParams) -> ElicitResult:
        raise AssertionError("the older protocol asks nothing in the middle of a call")

    async with client(settings, "legacy", agree) as connected:
        with pytest.raises(MCPError) as caught:
            await connected.call_tool("find_projects", {})
        assert caught.value.code == URL_ELICITATION_REQUIRED
        [asked] = UrlElicitationRequiredError.from_error(caught.value.error).elicitations
        assert asked.elicitation_id
        await click(asked.url)
        assert (await call(connected, "find_projects"))["projects"]


async def test_the_older_protocol_is_told_when_the_person_has_signed_in(settings: Settings) -> None:
    """Each call that named the link is told by its own id, so that the client can repeat it; a cancelled try is not."""
    completed: list[str] = []
    told = anyio.Event()

    async def hear(message: Any) -> None:
        if isinstance(message, ElicitCompleteNotification):
            completed.append(message.params.elicitation_id)
            if len(completed) == 2:
                told.set()

    async def agree(_: Any, __: ElicitRequestParams) -> ElicitResult:
        raise AssertionError("the older protocol asks nothing in the middle of a call")

    async with client(settings, "legacy", agree, hear) as connected:

        async def asked() -> ElicitRequestURLParams:
            with pytest.raises(MCPError) as caught:
                await connected.call_tool("find_projects", {})
            [elicitation] = UrlElicitationRequiredError.from_error(caught.value.error).elicitations
            return elicitation

        cancelled = await asked()
        assert (await click(cancelled.url, "deny")).status_code == 400
        first, second = await asked(), await asked()
        assert first.url == second.url != cancelled.url
        await click(first.url)
        await told.wait()
        assert sorted(completed) == sorted([first.elicitation_id, second.elicitation_id])
        assert (await call(connected, "find_projects"))["projects"]


async def test_a_client_that_has_gone_is_told_nothing_and_the_sign_in_is_kept(settings: Settings, start: Any) -> None:
    """Over HTTP one server has many clients, and one that asked may be gone when the person has signed in."""
    given = {
        "APS_BASE_URL": settings.base_url,
        "APS_CLIENT_ID": settings.client_id,
        "APS_CALLBACK_URL": settings.callback_url,
        "SUBMITTAL_MCP_DATA_DIR": str(settings.data_dir),
        "SUBMITTAL_MCP_HTTP_SECRET": "a-secret-of-callers",
    }
    program = start("-m", "server", "serve", "--http", "--port", "0", **given)
    url = program.stderr_line("listens on").split()[-1]

    @asynccontextmanager
    async def connected() -> AsyncIterator[Client]:
        headers = {"Authorization": "Bearer a-secret-of-callers"}
        async with httpx2.AsyncClient(headers=headers, trust_env=False, verify=False) as http:
            transport = streamable_http_client(url, http_client=http)
            async with Client(transport, mode="legacy", elicitation_callback=never) as client:
                yield client

    async def never(_: Any, __: ElicitRequestParams) -> ElicitResult:
        raise AssertionError("the older protocol asks nothing in the middle of a call")

    with anyio.fail_after(240):
        async with connected() as leaves:
            with pytest.raises(MCPError) as caught:
                await leaves.call_tool("find_projects", {})
        [asked] = UrlElicitationRequiredError.from_error(caught.value.error).elicitations
        assert "You are signed in" in (await click(asked.url)).text
        async with connected() as stays:
            assert (await call(stays))["person"]["name"] == "Project Manager"
    program.process.terminate()
    _, _, said = program.rest()
    assert "Traceback" not in said


async def test_a_call_waits_for_a_person_who_is_at_autodesks_page(settings: Settings, era: str) -> None:
    async with client(settings, era) as connected, httpx.AsyncClient(timeout=30, verify=False) as browser:
        to_autodesk = (await browser.get(link_in(await call(connected)))).headers["location"]

        async def go_on() -> None:
            back = (await browser.get(f"{to_autodesk}&sandbox_person=steel")).headers["location"]
            assert (await browser.get(back)).status_code == 200

        async with anyio.create_task_group() as group:
            group.start_soon(go_on)
            assert (await call(connected))["person"]["name"] == "Steel Subcontractor"


async def test_a_cancelled_sign_in_gives_a_new_link(settings: Settings, era: str) -> None:
    async with client(settings, era) as connected:
        first = link_in(await call(connected))
        assert (await click(first, "deny")).status_code == 400
        second = link_in(await call(connected))
        assert second != first
        await click(second)
        assert (await call(connected))["person"]["name"] == "Project Manager"


async def test_two_chat_windows_sign_in_one_after_the_other(settings: Settings, era: str) -> None:
    """One of them listens; a sign-in counts for both."""
    async with client(settings, era) as first, client(settings, era) as second:
        links = [link_in(await call(window)) for window in (first, second)]
        assert links[0] != links[1]
        await click(links[1])
        for window in (first, second):
            assert (await call(window))["person"]["name"] == "Project Manager"


async def test_a_data_folder_that_cannot_be_used_is_named(settings: Settings, era: str, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way", encoding="ascii")
    async with client(settings, era) as connected:
        refused = await call(connected)
    assert refused["error"]["code"] == "storage_unavailable"
    assert "SUBMITTAL_MCP_DATA_DIR" in refused["error"]["hint"]


async def test_a_link_that_would_lead_to_another_program_is_not_given(settings: Settings, era: str) -> None:
    port = urlsplit(settings.callback_url).port
    with socket.create_server(("127.0.0.1", port)):
        async with client(settings, era) as connected:
            refused = await call(connected)
    assert refused["error"]["code"] == "not_signed_in"
    assert "APS_CALLBACK_URL" in refused["error"]["hint"]
    assert "http" not in refused["error"]["hint"]


async def test_a_server_for_a_person_who_is_not_signed_in_does_not_serve_as_another(
    settings: Settings, era: str
) -> None:
    async with client(settings, era) as connected:
        await click(link_in(await call(connected)))
        await call(connected)
    server = build_server(settings, transport="stdio", person="steel.subcontractor@example.com")
    async with Client(server, mode=era) as other:
        assert (await call(other))["error"]["code"] == "not_signed_in"


async def test_nothing_secret_is_in_an_answer_or_a_log(
    settings: Settings, era: str, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async with client(settings, era) as connected:
        answers = [await call(connected)]
        async with httpx.AsyncClient(timeout=30, verify=False) as browser:
            to_autodesk = (await browser.get(link_in(answers[0]))).headers["location"]
            back = (await browser.get(f"{to_autodesk}&sandbox_person=manager")).headers["location"]
            await browser.get(back)
        answers += [await call(connected), await call(connected, "find_projects")]
    query = dict(pair.split("=") for pair in urlsplit(back).query.split("&"))
    said = json.dumps(answers) + "".join(capfd.readouterr())
    for secret in (query["code"], query["state"]):
        assert secret not in said
        for path in (tmp_path / "data").rglob("*"):
            assert path.is_dir() or secret.encode() not in path.read_bytes()
