"""Settings files: the machine-wide one that binds this machine, and a second one; both only narrow what follows.

A file is TOML. Its entries are the variables without their prefix, in small letters (`folders`, `client_id`); its table
`[team]`, in the second file only, belongs to `server.team.options`. What entries do: `server.settings.limits`.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from persistence.private_files import other_writers

TEAM_TABLE: Final = "team"


class SettingsFileProblem(ValueError):
    """A settings file cannot be used; the text names the file, the entry and the remedy."""


@dataclass(frozen=True)
class MachineFile:
    """The machine-wide file: its path, and the user ids of those who may write it (on Windows: administrators)."""

    path: Path
    owners: frozenset[int] = frozenset({0})


def machine_path(platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the machine-wide file is on a system (`sys.platform`)."""
    if platform == "win32":
        return Path(environment.get("PROGRAMDATA") or r"C:\ProgramData", "submittal-mcp", "settings.toml")
    if platform == "darwin":
        return Path("/Library/Application Support/submittal-mcp/settings.toml")
    return Path("/etc/submittal-mcp/settings.toml")


_MACHINE_FILE: ContextVar[MachineFile | None] = ContextVar("machine_file")


@contextmanager
def machine_file_at(file: MachineFile | None) -> Iterator[None]:
    """Take another machine-wide file, or none, within the block: for a sandbox, which has no limits, and for tests."""
    token = _MACHINE_FILE.set(file)
    try:
        yield
    finally:
        _MACHINE_FILE.reset(token)


@dataclass(frozen=True)
class SettingsLayer:
    """The entries of one file, and of its `[team]` table."""

    path: Path
    values: Mapping[str, Any]
    team: Mapping[str, Any]
    is_machine_wide: bool = False


def read_layers(second: Path | None) -> Iterator[SettingsLayer]:
    """Yield the files that count: the machine-wide one where there is one, and the `second` one where one is named.

    Raises:
        SettingsFileProblem: One cannot be used.
    """
    if (layer := _machine_layer()) is not None:
        yield layer
    if second is not None:
        try:
            yield read_layer(second)
        except SettingsFileProblem as problem:
            raise SettingsFileProblem(f"SUBMITTAL_MCP_SETTINGS_FILE: {problem}") from None


def _machine_layer() -> SettingsLayer | None:
    file = _MACHINE_FILE.get(MachineFile(machine_path()))
    if file is None or not file.path.exists():
        return None
    try:
        problem = other_writers(file.path, file.owners)
    except OSError as error:
        raise SettingsFileProblem(f"{file.path} cannot be read ({error.strerror})") from None
    if problem:
        raise SettingsFileProblem(f"{file.path}: it binds this machine, but {problem}")
    layer = read_layer(file.path)
    if layer.team:
        raise SettingsFileProblem(
            f"{file.path}: [{TEAM_TABLE}] does not belong here; put it into the file of SUBMITTAL_MCP_SETTINGS_FILE"
        )
    return replace(layer, is_machine_wide=True)


def read_layer(path: Path) -> SettingsLayer:
    """Read a settings file.

    Raises:
        SettingsFileProblem: It cannot be read or is not TOML.
    """
    import tomllib

    try:
        found = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsFileProblem(f"{path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SettingsFileProblem(f"{path} is not TOML: save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsFileProblem(f"{path} is not TOML: {error}") from None
    team = found.pop(TEAM_TABLE, {})
    if not isinstance(team, dict):
        raise SettingsFileProblem(f"{path}: {TEAM_TABLE} is not a table; write [{TEAM_TABLE}] on a line of its own")
    return SettingsLayer(path, found, team)
