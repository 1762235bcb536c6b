"""Options shared by several commands."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

AllowBaseUrl = Annotated[bool, typer.Option("--allow-base-url", help="Allow APS_BASE_URL to name a non-Autodesk host.")]
AllowWideFolder = Annotated[
    bool, typer.Option("--allow-wide-folder", help="Allow a folder that is the whole disk or contains the home folder.")
]
Folders = Annotated[
    list[Path] | None, typer.Option("--folder", help="Folder from which files may be attached; repeatable.")
]
Person = Annotated[
    str | None, typer.Option("--as", metavar="EMAIL", help="Act as this user instead of the current one.")
]
AtOnce = Annotated[int, typer.Option("--at-once", min=1, max=16, help="Files attached concurrently.")]


def whole_paths(folders: Sequence[Path] | None) -> tuple[Path, ...] | None:
    """Return absolute paths of the folders, or None where none was named.

    A program that starts a command without a shell gives `~` as it is, and the settings know it.
    """
    return tuple(path if path.parts[:1] == ("~",) else path.absolute() for path in folders) if folders else None
