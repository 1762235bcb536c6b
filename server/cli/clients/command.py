"""`submittal-mcp config`: prints this program's entry for a chat client, or puts it into the client's file."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from server.cli.clients.catalog import PLAIN_JSON, ChatClient, HostSystem
from server.cli.clients.config_file import merge_entry, printing_command, read_entry, snippet, write_entry
from server.cli.errors import CommandError
from server.cli.own_command import NAME, RUNNERS, own_command, shell_words
from server.settings.limits import SECRETS
from server.settings.model import Settings, variables
from server.settings.remembered import SOURCE

Say = Callable[[str], None]

_WAYS_OUT: Final = frozenset({"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"})
"""Variables that lead out of a company's network; they may hold a password, so none is copied."""


def client_entry(client: ChatClient, settings: Settings | None, flags: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the entry that starts this program: for a sandbox (`settings` None), else with its folders and settings.

    Chat clients start servers with an environment of their own, so what is set in this one goes along; secrets do not,
    nor does what stands in a settings file, which the server reads itself and an administrator may change.
    """
    command, *more = own_command()
    arguments = ["--sandbox"] if settings is None else [str(folder) for folder in own_folders(settings)]
    entry: dict[str, Any] = {**client.extra, "command": command, "args": [*more, "serve", *arguments, *flags]}
    if settings is not None and (environment := _environment(settings)):
        entry["env"] = environment
    return entry


def own_folders(settings: Settings) -> tuple[Path, ...]:
    """Return the folders that the person named, not those of a settings file."""
    return settings.folders if settings.sources.get("folders") in ("a flag", "the environment", SOURCE) else ()


def _environment(settings: Settings) -> dict[str, str]:
    return {
        variables()[name]: os.environ[variables()[name]]
        for name, source in settings.sources.items()
        if source == "the environment" and name != "folders" and name not in SECRETS
    }


def show(client: ChatClient, entry: Mapping[str, Any], system: HostSystem, *, note: Say) -> None:
    """Print the entry, and where it belongs."""
    sys.stdout.write(snippet(client, entry))
    for path in client.places(system):
        note(f"This belongs into {path}; the same command with --install puts it there.")


def install(client: ChatClient, entry: Mapping[str, Any], system: HostSystem, *, say: Say) -> None:
    """Put the entry into the client's file.

    Raises:
        CommandError: The file cannot be read or written.
    """
    changed = False
    for path in _places(client, system):
        had = read_entry(path, client)
        wanted = merge_entry(had, entry)
        if had == wanted:
            say(f"{client.title} has it already: {path}")
            continue
        was_here = path.parent.is_dir()
        kept = write_entry(path, client, wanted)
        say(f"{client.title}: {'changed' if had is not None else 'added'} `submittals` in {path}")
        if not was_here:
            say(f"There was no trace of {client.title} here. If it keeps its file elsewhere, put there what")
            say(f"{printing_command(client, entry)} prints.")
        if others := [*(wanted.keys() - entry.keys()), *(wanted.get("env", {}).keys() - entry.get("env", {}).keys())]:
            say(f"What the entry had besides stays: {', '.join(sorted({*others} - {'env'}))}")
        _say_kept(kept, say)
        changed = True
    if Path(entry["command"]).stem == "uvx":
        place = entry["args"][1] if "--from" in entry["args"] else NAME
        say("uvx asks the package index at each start, and fails without a network. To keep the program here, run")
        say(f"{shell_words('uv', 'tool', 'install', place)}, then this command again as `{NAME}`.")
    if changed:
        say(f"Restart {client.title}: it reads the file when it starts.")


def remove(client: ChatClient, system: HostSystem, *, say: Say) -> None:
    """Take the entry out of the client's file.

    Raises:
        CommandError: The file cannot be read or written.
    """
    for path in _places(client, system):
        if read_entry(path, client) is None:
            say(f"{client.title} does not have it: {path}")
            continue
        kept = write_entry(path, client, None)
        say(f"{client.title}: removed `submittals` from {path}")
        _say_kept(kept, say)
        say(f"Restart {client.title}: it reads the file when it starts.")


def warn(settings: Settings | None, *, note: Say) -> None:
    """Print what the entry lacks: the way out of this network, folders, and secrets of this environment."""
    is_run_once = Path(own_command()[0]).stem in RUNNERS
    if settings is not None or is_run_once:
        ways = [name for name in os.environ if name.upper() in _WAYS_OUT or (is_run_once and name.startswith("UV_"))]
        if ways:
            note(f"Set in this shell, and not in the entry: {', '.join(sorted(ways))}.")
            note("Where the server that the client starts reaches no network, put them into the entry's `env`.")
    if settings is None:
        return
    if not settings.folders and settings.access_token is None:
        note("No folder is allowed yet, so no local file can be attached; name one with --folder DIR.")
    for name in SECRETS & {name for name, source in settings.sources.items() if source == "the environment"}:
        note(f"{variables()[name]} is not written into the file, since it is a secret; set it where the client starts.")


def installed_clients(system: HostSystem, clients: Mapping[str, ChatClient]) -> list[ChatClient]:
    """Return the clients of which this machine shows a trace: the folder of their file, or the file itself."""

    def is_there(path: Path) -> bool:
        with suppress(OSError):  # not for us to look at
            return path.is_file() or (path.parent != system.home and path.parent.is_dir())
        return False

    return [client for client in clients.values() if any(is_there(path) for path in client.files(system))]


def _places(client: ChatClient, system: HostSystem) -> list[Path]:
    if client is PLAIN_JSON:
        raise CommandError(
            "plain JSON is for a client that is not known here; paste what `config json` prints into its file"
        )
    return client.places(system)


def _say_kept(kept: Path | None, say: Say) -> None:
    if kept is not None:
        say(f"The file as it was: {kept}")
