"""The options that several commands take, in the same words everywhere."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

AllowBaseUrl = Annotated[
    bool, typer.Option("--allow-base-url", help="Let APS_BASE_URL name a host that is not Autodesk's.")
]
AllowWideFolder = Annotated[
    bool, typer.Option("--allow-wide-folder", help="Let a folder be the whole disk, or hold the whole home folder.")
]
Folders = Annotated[
    list[Path] | None, typer.Option("--folder", help="A folder from which files may be attached; may be repeated.")
]
Person = Annotated[str | None, typer.Option("--as", metavar="EMAIL", help="As this person, not the current one.")]
AtOnce = Annotated[int, typer.Option("--at-once", min=1, max=16, help="Files under way at the same time.")]


def whole_paths(folders: Sequence[Path] | None) -> tuple[Path, ...] | None:
    """Return the folders by their whole paths, or None where none was named.

    A program that starts a command without a shell gives `~` as it is, and the settings know it.
    """
    return tuple(path if path.parts[:1] == ("~",) else path.absolute() for path in folders) if folders else None
