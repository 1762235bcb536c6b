"""The pages of docs/clients, compared with what `config` writes."""

import re
from pathlib import Path

import pytest

from server.cli.clients.catalog import CLIENTS, PLAIN_JSON, ChatClient, HostSystem
from server.cli.clients.config_file import snippet
from tests.support.constants import ROOT

PAGES = ROOT / "docs" / "clients"
BY_FILE = [client for client in CLIENTS.values() if client is not PLAIN_JSON]
SYSTEMS = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}
HOME = Path("/home/me")


def written(path: Path, platform: str) -> str:
    """Return a path as a page writes it: from the home folder, on Windows also from %APPDATA%."""
    name = path.relative_to(HOME).as_posix()
    roaming = "AppData/Roaming/"
    if platform == "win32" and name.startswith(roaming):
        return "%APPDATA%\\" + name.removeprefix(roaming).replace("/", "\\")
    return f"~/{name}"


@pytest.fixture(params=BY_FILE, ids=lambda client: client.key)
def client(request) -> ChatClient:
    return request.param


def page_of(client: ChatClient) -> str:
    return (PAGES / f"{client.key}.md").read_text(encoding="utf-8")


def test_every_client_page_shows_the_entry_that_config_writes(client):
    entry = {**client.extra, "command": "submittal-mcp", "args": ["serve", "--sandbox"]}
    assert f"```{client.format}\n{snippet(client, entry).rstrip()}\n```" in page_of(client)


@pytest.mark.parametrize("platform", SYSTEMS)
def test_every_client_page_names_the_file_of_each_system(client, platform):
    rows = re.findall(r"^\| (.+) \| `(.+)` \|$", page_of(client), re.MULTILINE)
    named = [file for system, file in rows if system == "all systems" or system.startswith(SYSTEMS[platform])]
    assert named == [written(path, platform) for path in client.files(HostSystem(platform, HOME, {}))]


def test_the_index_of_client_pages_names_every_page_and_every_client():
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\(([\w-]+\.md)\)", index)) == {path.name for path in PAGES.glob("*.md")} - {"README.md"}
    assert set(re.findall(r"\| `([\w-]+)` \|", index)) == set(CLIENTS)
