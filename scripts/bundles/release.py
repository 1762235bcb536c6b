"""A release: where it is published, and the one command line that every bundle starts."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import server
from server.cli.clients.catalog import CLIENTS
from server.cli.own_command import NAME

ROOT: Final = Path(__file__).resolve().parents[2]
AUTHOR: Final = f"{NAME} contributors"
TITLE: Final = "Submittals for Autodesk Construction Cloud"
SUMMARY: Final = "Attach files to Autodesk Construction Cloud (ACC) submittals, all the way to reviewers"
"""At most 100 characters: the MCP registry takes no more."""

_OWNER: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?")
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True)
class Release:
    """What a bundle says of the place that it comes from.

    Attributes:
        owner: of the repository on GitHub.
        repository: its name.
        image: the container image without its tag, None where none is published.
        version: of the program; `server/__init__.py` is the one place where it is written.

    Raises:
        ValueError: GitHub would not take the owner or the repository.
    """

    owner: str
    repository: str
    image: str | None = None
    version: str = server.__version__

    def __post_init__(self) -> None:
        if not _OWNER.fullmatch(self.owner):
            raise ValueError(f"{self.owner!r} is no owner of a GitHub repository")
        if not _REPOSITORY.fullmatch(self.repository) or self.repository in (".", ".."):
            raise ValueError(f"{self.repository!r} is no name of a GitHub repository")

    @property
    def url(self) -> str:
        """The page of the repository."""
        return f"https://github.com/{self.owner}/{self.repository}"

    @property
    def registry_name(self) -> str:
        """The name in the MCP registry, which a login at GitHub proves."""
        return f"io.github.{self.owner}/{NAME}"

    def download_url(self, file_name: str) -> str:
        """Return where a file of the release is downloaded."""
        return f"{self.url}/releases/download/v{self.version}/{file_name}"


def project() -> Mapping[str, Any]:
    """Return the `[project]` table of pyproject.toml: description, keywords, licence, Python."""
    table: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def command_line(release: Release, *, sandbox: bool = False) -> list[str]:
    """Return the words that start the server of this very version, by uv."""
    return ["uvx", f"{NAME}@{release.version}", "serve", *(["--sandbox"] if sandbox else [])]


def client_entry(client: str, release: Release, *, sandbox: bool = False) -> dict[str, Any]:
    """Return the entry of a chat client (a key of `CLIENTS`), in its own form."""
    command, *arguments = command_line(release, sandbox=sandbox)
    return {**CLIENTS[client].extra, "command": command, "args": arguments}
