"""`config`: the right file of each client on each system, and everything else in it untouched."""

import json
import os
import stat
import sys
import tomllib
from pathlib import Path

import pytest

from server.cli.clients import command
from server.cli.clients.catalog import CLIENTS, PLAIN_JSON, HostSystem
from server.cli.errors import CommandError
from server.cli.own_command import installed_script

HOME_FILES = {
    ("claude-desktop", "linux"): ".config/Claude/claude_desktop_config.json",
    ("claude-desktop", "darwin"): "Library/Application Support/Claude/claude_desktop_config.json",
    ("claude-desktop", "win32"): "AppData/Roaming/Claude/claude_desktop_config.json",
    ("vscode", "linux"): ".config/Code/User/mcp.json",
    ("vscode", "darwin"): "Library/Application Support/Code/User/mcp.json",
    ("vscode", "win32"): "AppData/Roaming/Code/User/mcp.json",
    ("zed", "linux"): ".config/zed/settings.json",
    ("zed", "darwin"): ".config/zed/settings.json",
    ("zed", "win32"): "AppData/Roaming/Zed/settings.json",
    **{("claude-code", system): ".claude.json" for system in ("linux", "darwin", "win32")},
    **{("cursor", system): ".cursor/mcp.json" for system in ("linux", "darwin", "win32")},
    **{("windsurf", system): ".codeium/windsurf/mcp_config.json" for system in ("linux", "darwin", "win32")},
    **{("gemini-cli", system): ".gemini/settings.json" for system in ("linux", "darwin", "win32")},
    **{("codex", system): ".codex/config.toml" for system in ("linux", "darwin", "win32")},
}

TABLES = {"vscode": "servers", "codex": "mcp_servers", "zed": "context_servers"}

WRITTEN = {
    "json": '// mine\n{\n  "theme": "dark", // at night\n  TABLE: { "time": { "command": "uvx" } },\n}\n',
    "toml": '# mine\nmodel = "o4"  # fast\n\n[TABLE.time]\ncommand = "uvx"\n\n[profiles.work]\nmodel = "o3"\n',
}


def loaded(path: Path) -> dict[str, object]:
    text = path.read_text(encoding="utf-8")
    return tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)


def nothing(_: str) -> None:
    """Nothing is read of what is said."""


@pytest.mark.parametrize(("key", "platform"), HOME_FILES)
def test_each_client_of_each_system_gets_the_entry_into_its_own_file(tmp_path, key, platform):
    system, client = HostSystem(platform, tmp_path, {}), CLIENTS[key]
    entry = command.client_entry(client, None)
    said: list[str] = []
    command.install(client, entry, system, say=said.append)
    path = tmp_path / HOME_FILES[key, platform]
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [path]
    assert loaded(path) == {TABLES.get(key, "mcpServers"): {"submittals": entry}}
    assert said[-1].startswith(f"Restart {client.title}")
    assert any("There was no trace of" in one for one in said) is (key != "claude-code"), (
        "its file lies in the home folder"
    )
    assert entry["command"] == str(installed_script())
    assert entry["args"] == ["serve", "--sandbox"]


@pytest.mark.parametrize(("key", "platform"), HOME_FILES)
def test_an_entry_comes_and_goes_and_what_a_person_wrote_stays(tmp_path, key, platform):
    system, client = HostSystem(platform, tmp_path, {}), CLIENTS[key]
    path = tmp_path / HOME_FILES[key, platform]
    path.parent.mkdir(parents=True, exist_ok=True)
    written = WRITTEN[client.format].replace("TABLE", client.table if client.format == "toml" else f'"{client.table}"')
    path.write_text(written, encoding="utf-8")
    command.install(client, command.client_entry(client, None), system, say=nothing)
    with_it = path.read_text(encoding="utf-8")
    assert [line for line in written.splitlines() if "time" not in line and line not in with_it.splitlines()] == []
    assert "at night" in with_it or "# fast" in with_it
    [kept] = [one for one in path.parent.iterdir() if one.suffix == ".bak"]
    assert kept.read_text(encoding="utf-8") == written
    command.remove(client, system, say=nothing)
    without = path.read_text(encoding="utf-8")
    assert "".join(without.split()) == "".join(written.split())
    assert len([one for one in path.parent.iterdir() if one.suffix == ".bak"]) == 2


def test_variables_of_the_system_move_the_files(tmp_path):
    environment = {"XDG_CONFIG_HOME": "x", "CODEX_HOME": "c", "CLAUDE_CONFIG_DIR": "k", "APPDATA": "a"}
    environment = {name: str(tmp_path / value) for name, value in environment.items()}
    linux, windows = (HostSystem(platform, tmp_path, environment) for platform in ("linux", "win32"))
    assert CLIENTS["zed"].places(linux) == [tmp_path / "x/zed/settings.json"]
    assert CLIENTS["codex"].places(linux) == [tmp_path / "c/config.toml"]
    assert CLIENTS["claude-code"].places(linux) == [tmp_path / "k/.claude.json"]
    assert CLIENTS["vscode"].places(windows) == [tmp_path / "a/Code/User/mcp.json"]
    relative = HostSystem("linux", tmp_path, {"XDG_CONFIG_HOME": "x"})  # to be ignored, says the standard
    assert CLIENTS["zed"].places(relative) == [tmp_path / ".config/zed/settings.json"]


def test_claude_desktop_as_a_windows_package_reads_a_file_of_its_own(tmp_path):
    system = HostSystem("win32", tmp_path, {"LOCALAPPDATA": str(tmp_path / "Local")})
    package = tmp_path / "Local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude"
    newer = tmp_path / "Local/Claude-Data/claude_pzs8sxrjxfjjc"
    for folder in (package, newer):
        folder.mkdir(parents=True)
    client = CLIENTS["claude-desktop"]
    command.install(client, command.client_entry(client, None), system, say=nothing)
    files = {one.parent for one in tmp_path.rglob("claude_desktop_config.json")}
    assert files == {package, newer}


def test_the_same_entry_is_not_written_twice(tmp_path):
    system, client = HostSystem("linux", tmp_path, {}), CLIENTS["cursor"]
    entry = command.client_entry(client, None)
    command.install(client, entry, system, say=nothing)
    said: list[str] = []
    command.install(client, entry, system, say=said.append)
    assert "has it already" in said[0]
    assert [one.name for one in (tmp_path / ".cursor").iterdir()] == ["mcp.json"]
    command.remove(client, system, say=nothing)
    command.remove(client, system, say=said.append)
    assert "does not have it" in said[-1]


MERGED = {
    "cursor": """\
{
  "mcpServers": {
    "submittals": {
      "command": "/old", // mine
      "args": [
        "serve"
      ],
      "env": {
        "HTTPS_PROXY": "p"
      },
      "trust": true
    }
  }
}
""",
    "codex": """\
[mcp_servers.submittals]
command = "/old" # mine
args = ["serve"]
trust = true

[mcp_servers.submittals.env]
HTTPS_PROXY = "p"

# fast
[profiles.work]
""",
}
"""A file with an entry to which a person has added something."""


@pytest.mark.parametrize("key", MERGED)
def test_an_entry_with_another_path_is_changed_and_what_a_person_added_to_it_stays(tmp_path, key):
    system, client = HostSystem("linux", tmp_path, {}), CLIENTS[key]
    [path] = client.places(system)
    path.parent.mkdir()
    path.write_text(MERGED[key], encoding="utf-8")
    entry = {"command": "/new", "args": ["serve"], "env": {"APS_CLIENT_ID": "app"}}
    said: list[str] = []
    command.install(client, entry, system, say=said.append)
    lines = path.read_text(encoding="utf-8").splitlines()
    before = MERGED[key].replace("/old", "/new").replace('"p"\n      }', '"p",\n      }').splitlines()
    [added] = [line for line in lines if line not in before]
    assert added.split()[0].strip(':"') == "APS_CLIENT_ID"
    assert [line for line in lines if line != added] == before
    assert "What the entry had besides stays: HTTPS_PROXY, trust" in said
    command.install(client, entry, system, say=said.append)
    assert said[-1] == f"{client.title} has it already: {path}"
    command.remove(client, system, say=nothing)
    assert ("# fast\n[profiles" in path.read_text(encoding="utf-8")) is (key == "codex")


@pytest.mark.parametrize(
    ("key", "text", "after"),
    [
        ("codex", 'mcp_servers = { time = { command = "uvx" } }\n', {"time": {"command": "uvx"}}),
        ("codex", '[mcp_servers.time]\ncommand = "uvx"\n\n# work\n[profiles]\n', {"time": {"command": "uvx"}}),
        ("codex", '[mcp_servers.submittals]\nurl = "https://team.example/mcp"\n', {}),
        ("cursor", '{"mcpServers": {"submittals": {"url": "https://team.example/mcp"}}}', {}),
    ],
)
def test_an_entry_comes_and_goes_in_files_of_other_forms(tmp_path, key, text, after):
    system, client = HostSystem("linux", tmp_path, {}), CLIENTS[key]
    [path] = client.places(system)
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    command.install(client, {"command": "/x", "args": []}, system, say=nothing)
    assert loaded(path)[client.table] == {**after, "submittals": {"command": "/x", "args": []}}
    command.remove(client, system, say=nothing)
    assert loaded(path).get(client.table, {}) == after
    assert after == {} or path.read_text(encoding="utf-8") == text


def test_a_read_only_file_is_left_alone(tmp_path):
    path = tmp_path / ".cursor/mcp.json"
    path.parent.mkdir()
    path.write_text("{}", encoding="utf-8")
    path.chmod(0o444)
    with pytest.raises(CommandError, match="it is read-only"):
        command.install(CLIENTS["cursor"], {"command": "/x"}, HostSystem("linux", tmp_path, {}), say=nothing)
    assert (path.read_text(encoding="utf-8"), list(path.parent.iterdir())) == ("{}", [path])


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("cursor", '{"mcpServers": {', "cannot be read as JSON (line 1, column 17)"),
        ("cursor", '{"mcpServers": []}', "cannot be read as JSON (mcpServers is no object)"),
        ("codex", "model = ", "cannot be read as TOML"),
        ("codex", "mcp_servers = 3", "cannot be read as TOML (mcp_servers is no table)"),
        ("cursor", b"\xff\xfe{}", "is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_left_alone(tmp_path, key, text, says):
    system, client = HostSystem("linux", tmp_path, {}), CLIENTS[key]
    [path] = client.places(system)
    path.parent.mkdir()
    content = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(content)
    with pytest.raises(CommandError, match="nothing was changed") as caught:
        command.install(client, command.client_entry(client, None), system, say=nothing)
    assert str(path) in str(caught.value)
    assert says in str(caught.value)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="links and modes of POSIX")
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir] if sys.platform != "win32" else [os.mkdir])
def test_a_pipe_or_folder_in_place_of_a_file_is_named_and_not_waited_for(tmp_path, make):
    path = tmp_path / ".claude.json"
    make(path)
    system, client = HostSystem("linux", tmp_path, {}), CLIENTS["claude-code"]
    for work in (
        lambda: command.install(client, command.client_entry(client, None), system, say=nothing),
        lambda: command.remove(client, system, say=nothing),
    ):
        with pytest.raises(CommandError, match="is no file"):
            work()


def test_a_linked_file_stays_a_link_and_its_mode_stays_narrow(tmp_path):
    system, client = HostSystem("linux", tmp_path, {}), CLIENTS["cursor"]
    real = tmp_path / "dotfiles.json"
    real.write_text('{"a": 1}', encoding="utf-8")
    real.chmod(0o640)
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".cursor/mcp.json").symlink_to(real)
    command.install(client, command.client_entry(client, None), system, say=nothing)
    assert (tmp_path / ".cursor/mcp.json").is_symlink()
    assert "submittals" in real.read_text(encoding="utf-8")
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    command.install(CLIENTS["zed"], {"command": "x"}, system, say=nothing)
    assert stat.S_IMODE((tmp_path / ".config/zed/settings.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("key", ["cursor", "codex"])
def test_line_ends_and_a_byte_order_mark_stay(tmp_path, key, newline):
    system, client = HostSystem("linux", tmp_path, {}), CLIENTS[key]
    [path] = client.places(system)
    path.parent.mkdir()
    text = "\ufeff" + WRITTEN[client.format].replace("TABLE", client.table if key == "codex" else '"mcpServers"')
    path.write_bytes(text.replace("\n", newline).encode())
    command.install(client, command.client_entry(client, None), system, say=nothing)
    found = path.read_bytes().decode()
    assert found.startswith("\ufeff")
    assert found.count("\n") == found.count(newline)


def test_plain_json_is_for_pasting_alone(tmp_path):
    with pytest.raises(CommandError, match="paste what"):
        command.install(PLAIN_JSON, {}, HostSystem("linux", tmp_path, {}), say=nothing)


def test_a_client_is_found_by_the_folder_of_its_file(tmp_path):
    system = HostSystem("linux", tmp_path, {})
    assert command.installed_clients(system, CLIENTS) == []
    (tmp_path / ".config/zed").mkdir(parents=True)
    (tmp_path / ".claude.json").write_text("{}", encoding="utf-8")
    assert [one.key for one in command.installed_clients(system, CLIENTS)] == ["claude-code", "zed"]


@pytest.fixture
def run(start, tmp_path):
    return lambda *arguments, **more: start("-m", "server", *arguments, HOME=str(tmp_path), **more).rest()


@pytest.mark.skipif(sys.platform == "win32", reason="the home folder has another variable there")
def test_the_command_prints_the_entry_and_says_where_it_belongs(run, tmp_path):
    code, out, err = run("config", "cursor", "--sandbox")
    assert code == 0
    assert json.loads(out)["mcpServers"]["submittals"]["args"] == ["serve", "--sandbox"]
    assert f"{tmp_path / '.cursor/mcp.json'}; the same command with --install puts it there" in err
    assert not (tmp_path / ".cursor").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the home folder has another variable there")
def test_no_file_of_a_client_is_written_below_the_working_folder_where_home_is_no_whole_path(start, tmp_path):
    code, _, err = start("-m", "server", "config", "cursor", "--sandbox", "--install", cwd=tmp_path, HOME="home").rest()
    assert (code, "set HOME to its whole path" in err, list(tmp_path.iterdir())) == (1, True, [])


@pytest.mark.skipif(sys.platform == "win32", reason="the home folder has another variable there")
def test_folders_and_settings_of_this_environment_go_along_and_secrets_do_not(run, tmp_path):
    (tmp_path / "Drawings").mkdir()
    environment = {
        "APS_CLIENT_ID": "my-app",
        "APS_CLIENT_SECRET": "canary-secret",
        "SUBMITTAL_MCP_FILE_TYPES": "pdf",
        "https_proxy": "http://user:canary@proxy.example:3128",
        "SUBMITTAL_MCP_FOLDERS": str(tmp_path / "Drawings"),
    }
    code, out, err = run("config", "vscode", "--install", **environment)
    assert (code, "canary" in out + err) == (0, False)
    entry = loaded(tmp_path / ".config/Code/User/mcp.json")["servers"]["submittals"]
    assert entry["args"] == ["serve", str(tmp_path / "Drawings")]
    assert entry["env"] == {"APS_CLIENT_ID": "my-app", "SUBMITTAL_MCP_FILE_TYPES": "pdf"}
    assert "APS_CLIENT_SECRET is not written into the file" in err
    assert "https_proxy" in err.partition("Set in this shell, and not in the entry: ")[2].splitlines()[0]


@pytest.mark.skipif(sys.platform == "win32", reason="the home folder has another variable there")
@pytest.mark.parametrize(
    ("given", "folder"), [({}, None), ({"SUBMITTAL_MCP_FOLDERS": "Drawings/Steel"}, "Drawings/Steel")]
)
def test_folders_of_a_settings_file_stay_there_so_that_an_administrator_can_change_them(run, tmp_path, given, folder):
    (tmp_path / "Drawings/Steel").mkdir(parents=True)
    file = tmp_path / "settings.toml"
    file.write_text(f"folders = ['{tmp_path / 'Drawings'}']\n", encoding="utf-8")
    environment = {name: str(tmp_path / value) for name, value in given.items()}
    code, out, err = run("config", "cursor", SUBMITTAL_MCP_SETTINGS_FILE=str(file), **environment)
    assert (code, "No folder is allowed" in err) == (0, False)
    entry = json.loads(out)["mcpServers"]["submittals"]
    assert entry["args"] == ["serve", *([str(tmp_path / folder)] if folder else [])]


def test_flags_that_exclude_each_other_are_refused(run):
    assert run("config", "cursor", "--install", "--remove")[0] == 2
    assert run("config", "cursor", "--sandbox", "--folder", os.sep)[0] == 2
    assert run("config", "emacs")[0] == 2
