"""Servers that run unattended: a ready token that is over or narrow, and a service account."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

import acc_sandbox
from server.mcp.app import build_server
from server.settings.model import Settings
from tests.support.constants import STEEL_BEAMS


@pytest.fixture
def folder(tmp_path: Path, clean_environment: None) -> Path:
    folder = tmp_path / "drawings"
    folder.mkdir()
    (folder / "beams.pdf").write_bytes(b"%PDF-1.4 beams")
    return folder


async def answered(
    settings: Settings, era: str, tool: str, person: str | None = None, **arguments: Any
) -> dict[str, Any]:
    with anyio.fail_after(240):
        async with Client(build_server(settings, transport="stdio", person=person), mode=era) as client:
            content = (await client.call_tool(tool, arguments)).structured_content
    assert content is not None
    return content


async def test_the_end_of_a_ready_token_is_told_with_what_to_replace(
    box: acc_sandbox.Sandbox, folder: Path, era: str, tmp_path: Path
) -> None:
    token = box.token("manager", expires_in=-1)
    settings = Settings.load(base_url=box.base_url, access_token=token, data_dir=tmp_path / "data")
    error = (await answered(settings, era, "find_projects"))["error"]
    assert (error["code"], error["http_status"], error["retryable"]) == ("reauthorization_required", 401, False)
    assert "where APS_ACCESS_TOKEN is set, that token has expired and needs a fresh one" in error["hint"]
    assert box.requests.count("auth.token") == 0


async def test_a_ready_token_is_not_taken_for_the_person_who_is_named(
    box: acc_sandbox.Sandbox, folder: Path, era: str, tmp_path: Path
) -> None:
    settings = Settings.load(base_url=box.base_url, access_token=box.token("manager"), data_dir=tmp_path / "data")
    error = (await answered(settings, era, "find_projects", person="steel@example.com"))["error"]
    assert (error["code"], len(box.requests)) == ("not_signed_in", 0)


async def test_a_token_without_the_scope_to_write_reads_and_is_told_which_scope_it_lacks(
    box: acc_sandbox.Sandbox, folder: Path, era: str, tmp_path: Path
) -> None:
    token = box.token("manager", scopes="data:read user-profile:read")
    settings = Settings.load(base_url=box.base_url, access_token=token, folders=(folder,), data_dir=tmp_path / "data")
    assert (await answered(settings, era, "get_submittal", **STEEL_BEAMS))["submittal"]["number"] == "051200-3"
    refused = await answered(settings, era, "add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf")
    assert refused["error"]["code"] == "permission_denied"
    assert "lacks the scope data:write" in refused["error"]["message"]
    assert box.requests.count("storage.put") == 0


async def test_a_service_account_attaches_and_nothing_of_it_is_readable(
    box: acc_sandbox.Sandbox, folder: Path, era: str, tmp_path: Path
) -> None:
    account = box.service_account()
    key, data = tmp_path / "key.pem", tmp_path / "data"
    key.touch(0o600)
    key.write_text(account.private_key, encoding="ascii")
    client_id, secret = box.server_client
    settings = Settings.load(
        base_url=box.base_url,
        client_id=client_id,
        client_secret=secret,
        service_account_id=account.id,
        service_account_key_id=account.key_id,
        service_account_key_file=key,
        folders=(folder,),
        data_dir=data,
    )
    attached = await answered(settings, era, "add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf")
    assert attached["attachment"]["state"] == "uploaded"
    assert box.requests.count("auth.token") == 1
    lines = account.private_key.splitlines()
    for path in data.rglob("*"):
        assert path.is_dir() or not any(
            line.encode() in path.read_bytes() for line in (*lines[1:-1], secret, "eyJhbGciOi")
        )
