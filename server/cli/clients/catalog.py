"""Chat clients: where each keeps its MCP servers on each system, and in which form, as its documentation says."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from persistence.data_folder import home_folder
from server.cli.errors import CommandError

Format = Literal["json", "toml"]


@dataclass(frozen=True)
class HostSystem:
    """A person's machine: `sys.platform`, their home folder and their environment."""

    platform: str
    home: Path
    environment: Mapping[str, str]

    @classmethod
    def current(cls) -> "HostSystem":
        """Return this machine's.

        Raises:
            CommandError: This user has no home folder, where chat clients keep their files.
        """
        home = home_folder()
        if home is None:
            raise CommandError(
                "this user has no home folder, where chat clients keep their files; set HOME to its whole path"
            )
        return cls(sys.platform, home, os.environ)

    def folder(self, variable: str, usual: str) -> Path:
        """Return the folder that a variable names by its whole path, or the `usual` one in the home folder."""
        named = self.environment.get(variable)
        return Path(named) if named and Path(named).is_absolute() else self.home / usual

    @property
    def application_data(self) -> Path:
        """The folder of programs' settings."""
        if self.platform == "win32":
            return self.folder("APPDATA", "AppData/Roaming")
        if self.platform == "darwin":
            return self.home / "Library/Application Support"
        return self.folder("XDG_CONFIG_HOME", ".config")


@dataclass(frozen=True)
class ChatClient:
    """A chat client: its configuration file, and how an MCP server stands in it."""

    key: str
    title: str
    files: Callable[[HostSystem], Iterator[Path]]
    table: str = "mcpServers"
    format: Format = "json"
    extra: Mapping[str, str] = field(default_factory=dict)
    """Members of an entry beside command, args and env."""

    def places(self, system: HostSystem) -> list[Path]:
        """Return the files to write: those of the installed editions, else the documented one."""
        found = list(self.files(system))
        return [path for path in found if path.parent.is_dir()] or found[:1]


def _claude_desktop(system: HostSystem) -> Iterator[Path]:
    # https://modelcontextprotocol.io/docs/develop/connect-local-servers; Anthropic has no edition for Linux, where
    # https://github.com/aaddrick/claude-desktop-debian keeps the file in ~/.config/Claude.
    name = "claude_desktop_config.json"
    yield system.application_data / "Claude" / name
    if system.platform == "win32":
        # As a Windows package it reads its own copy: https://github.com/anthropics/claude-code/issues/26073; and from
        # package version 2.4 another folder, as https://github.com/MadGapun/PBP (_setup_claude.py) measured.
        local = system.folder("LOCALAPPDATA", "AppData/Local")
        for package in sorted((local / "Packages").glob("Claude_*/LocalCache/Roaming")):
            yield package / "Claude" / name
        for folder in sorted((local / "Claude-Data").glob("claude*")):
            yield folder / name


def _claude_code(system: HostSystem) -> Iterator[Path]:
    # https://code.claude.com/docs/en/mcp (scope "user"), https://code.claude.com/docs/en/settings (CLAUDE_CONFIG_DIR)
    yield system.folder("CLAUDE_CONFIG_DIR", "") / ".claude.json"


def _vscode(system: HostSystem) -> Iterator[Path]:
    # https://code.visualstudio.com/docs/copilot/reference/mcp-configuration (mcp.json of the user profile),
    # https://code.visualstudio.com/docs/configure/settings (where the user profile is)
    yield system.application_data / "Code/User/mcp.json"


def _cursor(system: HostSystem) -> Iterator[Path]:
    # https://cursor.com/docs/mcp
    yield system.home / ".cursor/mcp.json"


def _windsurf(system: HostSystem) -> Iterator[Path]:
    # https://docs.windsurf.com/windsurf/cascade/mcp
    yield system.home / ".codeium/windsurf/mcp_config.json"


def _gemini_cli(system: HostSystem) -> Iterator[Path]:
    # https://geminicli.com/docs/cli/configuration
    yield system.home / ".gemini/settings.json"


def _codex(system: HostSystem) -> Iterator[Path]:
    # https://developers.openai.com/codex/mcp, https://github.com/openai/codex/blob/main/docs/config.md (CODEX_HOME)
    yield system.folder("CODEX_HOME", ".codex") / "config.toml"


def _zed(system: HostSystem) -> Iterator[Path]:
    # https://zed.dev/docs/configuring-zed, https://zed.dev/docs/ai/mcp (with "source" in editions before 0.224)
    if system.platform == "win32":
        yield system.application_data / "Zed/settings.json"
    elif system.platform == "darwin":
        yield system.home / ".config/zed/settings.json"
    else:
        yield system.application_data / "zed/settings.json"


PLAIN_JSON: Final = ChatClient("json", "any other client", lambda _: iter(()))

CLIENTS: Final[Mapping[str, ChatClient]] = {
    client.key: client
    for client in (
        ChatClient("claude-desktop", "Claude Desktop", _claude_desktop),
        ChatClient("claude-code", "Claude Code", _claude_code, extra={"type": "stdio"}),
        ChatClient("vscode", "VS Code", _vscode, table="servers", extra={"type": "stdio"}),
        ChatClient("cursor", "Cursor", _cursor),
        ChatClient("windsurf", "Windsurf", _windsurf),
        ChatClient("gemini-cli", "Gemini CLI", _gemini_cli),
        ChatClient("codex", "Codex", _codex, table="mcp_servers", format="toml"),
        ChatClient("zed", "Zed", _zed, table="context_servers", extra={"source": "custom"}),
        PLAIN_JSON,
    )
}
"""By the name that `config` takes."""

NO_CLIENT: Final = "none"
"""What `setup` takes for no client at all."""
