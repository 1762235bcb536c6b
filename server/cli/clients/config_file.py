"""Configuration files of chat clients: read an entry, put it in or take it out, with a backup and in one step."""

import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from persistence import private_files
from server.cli.clients import jsonc
from server.cli.clients.catalog import ChatClient, Format
from server.cli.errors import CommandError

ENTRY: Final = "submittals"
"""The name of our entry; the pages of docs/clients have the same one."""

_UTF8_MARK: Final = "\ufeff"


def snippet(client: ChatClient, entry: Mapping[str, Any]) -> str:
    """Return what a file holds that has our entry alone."""
    return _edited("", client, entry)


def read_entry(path: Path, client: ChatClient) -> Any:
    """Return our entry in a file, None where there is none.

    Raises:
        CommandError: The file cannot be read.
    """
    found = _parsed(_read(path), client.format, path)
    table = found.get(client.table) if isinstance(found, dict) else None
    return table.get(ENTRY) if isinstance(table, dict) else None


def write_entry(path: Path, client: ChatClient, entry: Mapping[str, Any] | None) -> Path | None:
    """Put our entry into a file, or take it out (None), and return where the file as it was is kept.

    The rest of the file stays as it is, comments too; a crash leaves the old file or the new one.

    Raises:
        CommandError: The file cannot be read or written; nothing was changed.
    """
    path = Path(os.path.realpath(path))  # people keep these files elsewhere and link them
    before = _read(path)
    after = _guarded(path, lambda: _edited(before, client, entry))
    _check(before, after, client, entry, path)
    if after == before:
        return None
    try:
        return _replace(path, before, after)
    except OSError as error:
        raise CommandError(f"{path} cannot be written ({error.strerror}); nothing was changed") from error


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise CommandError(f"{path} cannot be read ({error.strerror}); nothing was changed") from error
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8; save it as UTF-8 and try again; nothing was changed") from None


def _guarded(path: Path, work: Callable[[], Any]) -> Any:
    from tomlkit.exceptions import TOMLKitError

    try:
        return work()
    except jsonc.JsoncError as problem:
        raise CommandError(
            f"{path} cannot be read as JSON ({problem}); correct it there; nothing was changed"
        ) from None
    except (TOMLKitError, ValueError) as problem:
        raise CommandError(
            f"{path} cannot be read as TOML ({problem}); correct it there; nothing was changed"
        ) from None


def _parsed(text: str, form: Format, path: Path) -> Any:
    import tomllib

    text = text.removeprefix(_UTF8_MARK)
    return _guarded(path, lambda: jsonc.parse(text) if form == "json" else tomllib.loads(text))


def _edited(text: str, client: ChatClient, entry: Mapping[str, Any] | None) -> str:
    mark = _UTF8_MARK if text.startswith(_UTF8_MARK) else ""
    text = text.removeprefix(_UTF8_MARK)
    if client.format == "toml":
        return mark + _edited_toml(text, client.table, entry)
    if entry is None:
        return mark + jsonc.without_entry(text, client.table, ENTRY)
    return mark + jsonc.with_entry(text, client.table, ENTRY, dict(entry))


def _edited_toml(text: str, table: str, entry: Mapping[str, Any] | None) -> str:
    import tomlkit

    document = tomlkit.parse(text)
    if table not in document:
        if entry is None:
            return text
        document[table] = tomlkit.table(is_super_table=True)
    servers: Any = document[table]
    if not isinstance(servers, dict):
        raise ValueError(f"{table} is no table")  # noqa: TRY004 - of the file, not of a type
    if entry is None:
        servers.pop(ENTRY, None)
    else:
        servers[ENTRY] = tomlkit.item(dict(entry))
    after = tomlkit.dumps(document)
    return after.replace("\r\n", "\n").replace("\n", "\r\n") if "\r\n" in text else after


def _check(before: str, after: str, client: ChatClient, entry: Mapping[str, Any] | None, path: Path) -> None:
    """Refuse to write what does not say what it should: the same as before, but for our entry."""
    wanted, found = (_parsed(text, client.format, path) for text in (before, after))
    table = {name: one for name, one in wanted.pop(client.table, {}).items() if name != ENTRY}
    if entry is not None:
        table[ENTRY] = dict(entry)
    if found.pop(client.table, {}) != table or wanted != found:
        raise CommandError(f"{path} is written in a way that cannot be edited safely; put the entry in by hand")


def _replace(path: Path, before: str, after: str) -> Path | None:
    """Write the new text beside the file and put it in its place; return where the old one is kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = None
    if path.exists():
        kept = path.with_name(f"{path.name}.{datetime.now().astimezone():%Y%m%d-%H%M%S-%f}.bak")
        shutil.copy2(path, kept)
    new = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        private_files.create(new, after.encode())
        if kept is not None:
            shutil.copymode(path, new)
        if _read(path) != before:
            raise CommandError(f"another program has just changed {path}; run this again")
        new.replace(path)
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)
    return kept
