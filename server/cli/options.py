"""Options shared by several commands."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9_-]{16,128}")


def file_path(text: str) -> Path:
    """Return a path that was named; an empty text, of a variable that is not set, would mean the working folder."""
    if not text.strip():
        raise typer.BadParameter("it is empty; name a path, or `.` for the working folder")
    return Path(text)


def folder_path(text: str) -> Path:
    """Return the path of a folder that was named, but for what shows to have come from a template."""
    from server.settings.types import unusable_text

    if problem := unusable_text(text):
        raise typer.BadParameter(problem)
    return file_path(text)


AllowBaseUrl = Annotated[bool, typer.Option("--allow-base-url", help="Allow APS_BASE_URL to name a non-Autodesk host.")]
AllowWideFolder = Annotated[
    bool, typer.Option("--allow-wide-folder", help="Allow a folder that is the whole disk or contains the home folder.")
]


def words(*known: str) -> Callable[[str], list[str]]:
    """Return how a shell completes an option that takes one of these words."""
    return lambda incomplete: [word for word in known if word.startswith(incomplete)]


CATEGORIES: Final = ("submission", "for_review", "review_response", "final_response")
Folders = Annotated[
    list[Path] | None,
    typer.Option(
        "--folder",
        metavar="DIR",
        parser=folder_path,
        help="Folder from which files may be attached; repeatable. Env: SUBMITTAL_MCP_FOLDERS.",
    ),
]
Person = Annotated[
    str | None, typer.Option("--as", metavar="EMAIL", help="Act as this user instead of the current one.")
]


def check_client_id(text: str | None) -> str | None:
    """Return the client id of an APS app, or say how the text does not look like one."""
    if text is None or _CLIENT_ID.fullmatch(text.strip()):
        return text and text.strip()
    raise typer.BadParameter(
        "a Client ID is one word of 16 to 128 letters and digits; copy it from the app's page, aps.autodesk.com/myapps"
    )


ClientId = Annotated[
    str | None,
    typer.Option(
        "--client-id",
        metavar="ID",
        callback=check_client_id,
        help="The APS app's Client ID, remembered from then on. Env: APS_CLIENT_ID.",
    ),
]
AtOnce = Annotated[int, typer.Option("--at-once", metavar="N", min=1, max=16, help="Files attached concurrently.")]


def meant_path(text: str, folder: Path) -> Path:
    """Return the whole path that a text means, whatever was pasted around it: the first reading that is there.

    An address stays one, so that it is refused as such and not as a path in the folder.
    """
    from transfers.files.pasted_text import is_address, path_readings, unwrap

    meant = [one for one in path_readings(text) if os.path.lexists(folder / one)]
    path = meant[0] if meant else unwrap(text)
    return Path(path if not meant and is_address(path) else os.path.normpath(folder / path))


def whole_paths(folders: Sequence[Path] | None) -> tuple[Path, ...] | None:
    """Return absolute paths of the folders, or None where none was named."""
    return tuple(path.absolute() for path in folders) if folders else None
