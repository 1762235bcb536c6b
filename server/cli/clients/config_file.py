"""Configuration files of chat clients: read an entry, put it in or take it out, with a backup and in one step."""

import errno
import os
import re
import shutil
import stat
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
from server.cli.own_command import NAME

ENTRY: Final = "submittals"
"""The name of our entry; the pages of docs/clients have the same one."""

_UTF8_MARK: Final = "\ufeff"

_TOML_HEADING: Final = re.compile(r"[ \t]*\[[ \t]*([^\[\]]+?)[ \t]*\][ \t]*(?:#.*)?\Z")


def snippet(client: ChatClient, entry: Mapping[str, Any]) -> str:
    """Return what a file holds that has our entry alone."""
    return _edited("", client, entry)


def printing_command(client: ChatClient, entry: Mapping[str, Any] | None) -> str:
    """Return the command that prints such an entry."""
    sandbox = " --sandbox" if entry is not None and "--sandbox" in entry.get("args", ()) else ""
    return f"`{NAME} config {client.key}{sandbox}`"


def read_entry(path: Path, client: ChatClient) -> Any:
    """Return our entry in a file, None where there is none.

    Raises:
        CommandError: The file cannot be read.
    """
    found = _parsed(_read(path), client.format, path)
    table = found.get(client.table) if isinstance(found, dict) else None
    return table.get(ENTRY) if isinstance(table, dict) else None


def merge_entry(had: Any, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return our entry with what a person has added to the one that is there: variables, time limits, trust.

    What is no entry of a program that the client starts, such as the address of a team server, is replaced.
    """
    if not isinstance(had, dict) or not isinstance(had.get("command"), str):
        return dict(entry)
    kept = had.get("env")
    variables = {**(kept if isinstance(kept, dict) else {}), **entry.get("env", {})}
    return {**had, **entry, **({"env": variables} if variables else {})}


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
        if path.exists() and not path.stat().st_mode & stat.S_IWUSR:  # to put another in its place would work
            raise PermissionError(errno.EACCES, "it is read-only")
        return _replace(path, before, after)
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written ({error.strerror}); nothing was changed. Give yourself the right to write it, "
            f"or edit it by hand: {printing_command(client, entry)} prints the entry"
        ) from error


def _read(path: Path) -> str:
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise CommandError(f"{path} is no file; move it away and try again; nothing was changed")
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise CommandError(
            f"{path} cannot be read ({error.strerror}); give yourself the right to read it; nothing was changed"
        ) from error
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
    servers: Any = document.get(table, {})
    if not isinstance(servers, dict):
        raise ValueError(f"{table} is no table")  # noqa: TRY004 - of the file, not of a type
    current = servers.get(ENTRY)
    before, own, behind = _own_lines(text, f"{table}.{ENTRY}")
    if entry is None and current is None:
        return text
    if entry is None and own:
        after = before + (behind if before.strip() and not before.endswith(("\n\n", "\r\n\r\n")) else behind.lstrip())
        after = after if behind.strip() else after.rstrip() + "\n"
    elif entry is not None and current is None and not isinstance(servers, tomlkit.items.InlineTable):
        # At the end, where it comes between no table and the comment above it.
        new = tomlkit.dumps({table: {ENTRY: dict(entry)}}).replace(f"[{table}]\n", "")
        after = f"{text.rstrip()}\n\n{new}" if text.strip() else new
    else:
        edited: Any = tomlkit.parse(own) if own else document
        if entry is None:
            del edited[table][ENTRY]
        elif isinstance(current, dict):
            _update(edited[table][ENTRY], entry)
        else:
            edited[table][ENTRY] = dict(entry)
        after = before + tomlkit.dumps(edited) + behind if own else tomlkit.dumps(edited)
    return after.replace("\r\n", "\n").replace("\n", "\r\n") if "\r\n" in text else after


def _update(table: Any, wanted: Mapping[str, Any]) -> None:
    """Write the members that differ, so that the others keep their comments."""
    for name in table.keys() - wanted.keys():
        del table[name]
    for name, value in wanted.items():
        if isinstance(value, dict) and isinstance(table.get(name), dict):
            _update(table[name], value)
        elif table.get(name) != value:
            table[name] = value


def _own_lines(text: str, name: str) -> tuple[str, str, str]:
    """Return TOML before the table of that name, the table with those below it, and what follows.

    Without it all is before. tomlkit takes the comment above the next table for the end of this one, and would move it
    or take it out with it.
    """
    lines = text.splitlines(keepends=True)
    found = ((place, _TOML_HEADING.match(line.rstrip())) for place, line in enumerate(lines))
    headings = {place: heading[1].replace('"', "") + "." for place, heading in found if heading}
    start = next((place for place, heading in headings.items() if heading.startswith(f"{name}.")), len(lines))
    others = (place for place, heading in headings.items() if place > start and not heading.startswith(f"{name}."))
    end = next(others, len(lines))
    while end > start and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return "".join(lines[:start]), "".join(lines[start:end]), "".join(lines[end:])


def _check(before: str, after: str, client: ChatClient, entry: Mapping[str, Any] | None, path: Path) -> None:
    """Refuse to write what does not say what it should: the same as before, but for our entry."""
    wanted, found = (_parsed(text, client.format, path) for text in (before, after))
    table = {name: one for name, one in wanted.pop(client.table, {}).items() if name != ENTRY}
    if entry is not None:
        table[ENTRY] = dict(entry)
    if found.pop(client.table, {}) != table or wanted != found:
        raise CommandError(
            f"{path} is written in a way that cannot be edited safely; edit it by hand: "
            f"{printing_command(client, entry)} prints the entry; nothing was changed"
        )


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
