"""Arguments of `config` and `setup`; what they do is imported when they run."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.clients.catalog import CLIENTS, NO_CLIENT, HostSystem
from server.cli.errors import FAILED, CommandError, command_context, fail
from server.cli.options import AllowBaseUrl, AllowWideFolder, ClientId, Folders, whole_paths
from server.cli.output import say

if TYPE_CHECKING:
    from server.settings.model import Settings

ClientName = StrEnum("ClientName", {key: key for key in CLIENTS})  # type: ignore[misc]  # made from the catalogue
SetupClient = StrEnum("SetupClient", {key: key for key in (*CLIENTS, NO_CLIENT)})  # type: ignore[misc]  # the same


def _note(text: str) -> None:
    say(text, err=True)


def config(
    client: Annotated[
        ClientName, typer.Argument(help=f"{', '.join(CLIENTS)} (for any other client).", show_default=False)
    ],
    *,
    install: Annotated[bool, typer.Option("--install", help="Put the entry into the client's file.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the entry out of the client's file.")] = False,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="For the bundled sandbox; needs no account.")] = False,
    folder: Folders = None,
    allow_base_url: AllowBaseUrl = False,
    allow_wide_folder: AllowWideFolder = False,
) -> None:
    """Print this server's entry for a chat client, or put it into the client's file."""
    if install and remove:
        raise typer.BadParameter("--install and --remove cannot be combined")
    if sandbox and (folder or allow_base_url):
        raise typer.BadParameter("--sandbox has a folder and an Autodesk of its own")
    from server.cli.clients import command

    chosen = CLIENTS[client.value]
    try:
        system = HostSystem.current()
        if remove:
            command.remove(chosen, system, say=say)
            return
        settings = None if sandbox else _settings(folder, allow_base_url, allow_wide_folder)
        flags = [
            name
            for name, given in (("--allow-base-url", allow_base_url), ("--allow-wide-folder", allow_wide_folder))
            if given
        ]
        entry = command.client_entry(chosen, settings, tuple(flags))
        command.warn(settings, note=_note)
        if install:
            command.install(chosen, entry, system, say=say)
        else:
            command.show(chosen, entry, system, note=_note)
    except CommandError as error:
        fail(error, FAILED)


def _settings(folder: list[Path] | None, allow_base_url: bool, allow_wide_folder: bool) -> "Settings":  # noqa: FBT001
    from server.settings.remembered import SOURCE, read_answers

    with command_context(
        allow_base_url=allow_base_url, allow_wide_folder=allow_wide_folder, folders=whole_paths(folder)
    ) as settings:
        if not settings.folders and (folders := read_answers(settings).folders):
            return settings.with_values(SOURCE, {"folders": folders})
        return settings


def setup(
    *,
    client_id: ClientId = None,
    folder: Folders = None,
    client: Annotated[
        SetupClient | None,
        typer.Option("--client", metavar="NAME", help=f"The chat client: {', '.join(CLIENTS)}, or {NO_CLIENT}."),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Open no browser: print addresses only (SSH, containers).")
    ] = False,
    allow_base_url: AllowBaseUrl = False,
) -> None:
    """Set up this machine step by step: APS app, folder, chat client, sign-in, check. Answers are kept."""
    from server.cli.clients import setup as guide

    with command_context(allow_base_url=allow_base_url, client_id=client_id, folders=whole_paths(folder)) as settings:
        chosen = client.value if client is not None else None
        raise typer.Exit(guide.run(settings, chosen, browser=not no_browser, allow_base_url=allow_base_url))
