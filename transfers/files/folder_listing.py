"""Files of an allowed folder as people name it: `Steel`, `Steel/**` for what lies below too, `Steel/*.pdf`."""

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from transfers.files.allowed_folders import LOOKED_AT, AllowedFolders, PathBeneath, folders_beneath
from transfers.files.names import is_temporary
from transfers.files.os_compat import FolderListing
from transfers.files.pasted_text import unwrap

_BELOW: Final = "**"
_WILD: Final = frozenset("*?")


@dataclass(frozen=True)
class FolderFiles:
    """Paths of the files of a folder, in the order of their names; links and devices among them, which open to nothing.

    `shown` are the same paths relative to the allowed folder, where there is but one. `ignored` counts hidden,
    temporary and lock files. `complete` is false where there was too much to look at.
    """

    paths: tuple[str, ...]
    shown: tuple[str, ...]
    ignored: int
    complete: bool = True


def list_files(folders: AllowedFolders, text: str) -> FolderFiles:
    """Return the files directly in a folder; those below it too where the text ends in `/**`.

    A last part with `*` or `?` says which names are meant.

    Raises:
        FolderUnavailable: No folder of that name may be read; see `AllowedFolders.find_folder`.
    """
    # A pattern may end in the marks of emphasis.
    folder, below, pattern = _taken_apart(text.strip() if text.strip().endswith("*") else unwrap(text))
    places = folders.find_folder(folder)
    paths: list[str] = []
    shown: list[str] = []
    ignored = looked_at = 0
    for here, names in (found for place in places for found in _listings(place, below=below)):
        listed = sorted([*names.files, *names.others])
        looked_at += 1 + len(listed)
        if looked_at > LOOKED_AT:
            return FolderFiles(tuple(paths), tuple(shown), ignored, complete=False)
        for name in listed:
            if name.startswith(".") or is_temporary(name):
                ignored += 1
            elif fnmatch.fnmatch(name.casefold(), pattern.casefold()):
                paths.append(str(here.path / name))
                shown.append("/".join((*here.components, name)) if len(places) == 1 else paths[-1])
    return FolderFiles(tuple(paths), tuple(shown), ignored)


def _listings(place: PathBeneath, *, below: bool) -> Iterator[tuple[PathBeneath, FolderListing]]:
    for components, names in folders_beneath(place.root, place.components):
        yield PathBeneath(place.root, components), names
        if not below:
            return


def _taken_apart(text: str) -> tuple[str, bool, str]:
    """Return the folder, whether what lies below it is meant too, and the pattern of names."""
    parts = text.replace("\\", "/").split("/") if _WILD & set(text) else [text]
    pattern = parts.pop() if _WILD & set(parts[-1]) and parts[-1] != _BELOW else "*"
    below = bool(parts) and parts[-1] == _BELOW
    if below:
        parts.pop()
    return _joined(parts, text), below, pattern


def _joined(parts: Sequence[str], text: str) -> str:
    folder = "/".join(parts)
    return folder or (Path(text).anchor or ".")
