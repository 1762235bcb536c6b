"""The line that an answer prints for sending a file oneself, and those of a document, run by a shell and by curl."""

import json
from pathlib import Path

import anyio
import httpx2
import mcp
import pytest
from mcp.client.streamable_http import streamable_http_client

import acc_sandbox
from tests.support.documents import run_by

from .conftest import PATIENCE


@pytest.fixture
async def ask(guarded_url, secret):
    """Call a tool and return what it answers: `await ask("find_projects", query="Riverside")`."""
    headers = {"Authorization": f"Bearer {secret}"}
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False) as http,
        mcp.Client(streamable_http_client(guarded_url, http_client=http)) as client,
    ):

        async def answer(tool, **arguments):
            with anyio.fail_after(PATIENCE):
                result = await client.call_tool(tool, arguments)
            assert not result.is_error, result.content
            return result.structured_content

        yield answer


@pytest.mark.parametrize("size", [1, 6 * 1024 * 1024])
async def test_the_printed_command_sends_a_file_as_it_stands(ask, run, acc, tmp_path, size):
    content = bytes(position % 251 for position in range(size))
    file = tmp_path / "anchor bolts.bin"
    file.write_bytes(content)
    reserved = await ask(
        "add_submittal_attachment",
        project=acc.project,
        submittal=acc.submittal,
        upload_by_caller=True,
        name=f"curl-{size}.bin",
    )
    command = reserved["upload"]["command"]
    assert (command.split()[0], command.count("FILE")) == ("curl", 1)
    run("curl", "--version")  # without curl this says what to install; the shell would not
    sent = run("sh", "-c", command.replace("FILE", f"'{file}'"))
    assert sent.returncode == 0, sent.stderr
    step = reserved["next_steps"][0]
    assert step["tool"] == "confirm_attachment"
    await ask(step["tool"], **step["arguments"])
    assert acc.confirmed_bytes(reserved["attachment"]["id"]) == content


def test_the_commands_of_signing_in_make_a_service_account_and_its_key(run):
    """docs/signing-in.md: each command takes what the answer before it holds."""
    token, account, key = (block.text for block in run_by(Path(__file__)))
    with acc_sandbox.running() as box:
        names = dict(zip(("APS_CLIENT_ID", "APS_CLIENT_SECRET"), box.server_client, strict=True))

        def answer(command: str) -> dict[str, str]:
            here = command.replace("https://developer.api.autodesk.com", box.base_url)
            settings = [f"{name}={value}" for name, value in names.items()]
            done = run("env", *settings, "sh", "-c", here)
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)

        names["TOKEN"] = answer(token)["access_token"]
        names["ACCOUNT"] = answer(account)["serviceAccountId"]
        made = answer(key)
    assert "BEGIN" in made["privateKey"]
    assert made["kid"]
