"""Allowed folders: the one way by which a local file may be read.

Nothing outside them is opened, whatever the path looks like: `..`, a link, `~`, another drive, a sibling whose name
begins the same. Hard links cannot be told from the file itself.
"""

import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from transfers.errors import FileAmbiguous, FileMissing, FileNotAllowed, FileProblem, FileUnreadable
from transfers.files.os_compat import FolderListing, NotARegularFile, PathEscapesRoot, list_beneath, open_beneath

LOOKED_AT: Final = 20_000
"""Files and folders that are looked at for a bare name: a second or two. Who has more gives the path."""


@dataclass(frozen=True)
class OpenedFile:
    """A descriptor that lies beneath an allowed folder, and the path it was opened by."""

    fd: int
    path: Path


@dataclass(frozen=True)
class _PathCandidate:
    """A candidate for a path: components beneath one of the folders."""

    root: Path
    components: tuple[str, ...]

    @property
    def path(self) -> Path:
        return self.root.joinpath(*self.components)


class AllowedFolders:
    """Opens files beneath `folders` (absolute paths) and nothing else; with no folders it opens nothing."""

    def __init__(self, folders: Sequence[Path], looked_at: int = LOOKED_AT) -> None:
        self._roots = tuple(dict.fromkeys(folders))
        self._looked_at = looked_at
        self._shown = tuple(str(root) for root in self._roots)

    def open(self, path: str) -> OpenedFile:
        """Open `path` for reading: absolute, relative to any of the folders, or the bare name of a file in one of them.

        Raises:
            FileNotAllowed: No folder is allowed, or the path is outside them, hidden, a link or not a plain file.
            FileMissing: There is nothing there.
            FileAmbiguous: A relative path or a bare name that stands for several files.
            FileUnreadable: The operating system refused.
        """
        if not self._roots:
            raise FileNotAllowed(path, "no_folders")
        places = self._places(path)
        if not places:
            raise FileNotAllowed(path, "outside", self._shown)
        opened: list[OpenedFile] = []
        problems: list[FileProblem] = []
        for place in places:
            try:
                opened.append(_open(path, place))
            except FileProblem as problem:
                problems.append(problem)
        if not opened and all(isinstance(problem, FileMissing) for problem in problems):
            opened = [_open(path, place) for place in self._find_by_name(path)]
        if not opened:
            # A file that is there but refused says more than one that is missing elsewhere.
            refused = [problem for problem in problems if not isinstance(problem, FileMissing)]
            raise refused[0] if refused else FileMissing(path, self._shown)
        return _require_single(path, opened)

    def _find_by_name(self, path: str) -> list[_PathCandidate]:
        """Return the file of a bare name, further down; none where there is none, or too much to look at.

        Raises:
            FileAmbiguous: There are several.
        """
        if len(Path(path).parts) != 1 or Path(path).is_absolute():
            return []
        found: dict[str, _PathCandidate] = {}
        left = self._looked_at
        for root in self._roots:
            for here, names in _folders_beneath(root):
                left -= 1 + len(names.files)
                if left < 0:
                    return []
                for name in names.files:
                    if _same_name(name, path):
                        place = _PathCandidate(root, (*here, name))
                        found.setdefault(os.path.realpath(place.path), place)
        if len(found) > 1:
            raise FileAmbiguous(path, tuple(str(place.path) for place in found.values()))
        return list(found.values())

    def _places(self, path: str) -> list[_PathCandidate]:
        """Return each place that `path` may mean, by comparing components; nothing is looked at but the folders."""
        if not path.strip() or not _writable(path):
            return []
        if not Path(path).is_absolute():
            components = Path(path).parts
            return [_PathCandidate(root, components) for root in self._roots] if _is_safe(components) else []
        places = [
            _PathCandidate(root, beneath)
            for root in self._roots
            for spelling in (root, Path(os.path.realpath(root)))
            if (beneath := _beneath(Path(path), spelling)) is not None and _is_safe(beneath)
        ]
        # Folders may lie within each other; the innermost names the file just as well, and once.
        return sorted(places, key=lambda place: len(place.components))[:1]


def _require_single(path: str, opened: Sequence[OpenedFile]) -> OpenedFile:
    """Return the first and close the others, if all are the same file: two folders may be one under two names."""
    first, *others = opened
    same = [os.path.samestat(os.fstat(first.fd), os.fstat(other.fd)) for other in others]
    for other in others:
        os.close(other.fd)
    if not all(same):
        os.close(first.fd)
        raise FileAmbiguous(path, tuple(str(one.path) for one in opened))
    return first


def _folders_beneath(root: Path) -> Iterator[tuple[tuple[str, ...], FolderListing]]:
    """Yield what is in each folder beneath `root`, itself included; no link is followed, nothing hidden entered."""
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        here = waiting.pop()
        try:
            names = list_beneath(root, here)
        except (PathEscapesRoot, OSError):
            continue  # gone or swapped since it was seen, or not for us to read: no file of it can be attached either
        waiting += [(*here, name) for name in reversed(names.folders) if not name.startswith(".")]
        yield here, names


def _same_name(one: str, other: str) -> bool:
    """Compare names however their letters are composed."""
    return unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)


def _writable(path: str) -> bool:
    """Whether the system can be asked for `path` at all: no NUL, no half of a surrogate pair."""
    try:
        return b"\x00" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def _beneath(path: Path, root: Path) -> tuple[str, ...] | None:
    fold = os.path.normcase
    parts, base = path.parts, root.parts
    if len(parts) <= len(base) or [fold(p) for p in parts[: len(base)]] != [fold(b) for b in base]:
        return None
    return parts[len(base) :]


def _is_safe(components: Sequence[str]) -> bool:
    """Whether every component is a mere name: none goes up, home, or (as `C:` on Windows) to another drive."""
    return bool(components) and not any(part in ("..", "~") or Path(part).anchor for part in components)


def _open(path: str, place: _PathCandidate) -> OpenedFile:
    if any(part.startswith(".") for part in place.components):
        raise FileNotAllowed(path, "hidden")
    try:
        return _open_any_form(place)
    except PathEscapesRoot as cause:
        raise FileNotAllowed(path, "link") from cause
    except NotARegularFile as cause:
        raise FileNotAllowed(path, "not_a_file") from cause
    except (FileNotFoundError, NotADirectoryError) as cause:
        raise FileMissing(path) from cause
    except OSError as cause:
        raise FileUnreadable(path, reason=cause.strerror or type(cause).__name__) from cause


def _open_any_form(place: _PathCandidate) -> OpenedFile:
    """Open by the given spelling, else by the NFC or NFD one: macOS and people compose letters differently."""
    try:
        return _open_exactly(place)
    except FileNotFoundError:
        for form in ("NFC", "NFD"):
            other = _PathCandidate(place.root, tuple(unicodedata.normalize(form, part) for part in place.components))
            if other != place:
                try:
                    return _open_exactly(other)
                except FileNotFoundError:
                    continue
        raise


def _open_exactly(place: _PathCandidate) -> OpenedFile:
    return OpenedFile(open_beneath(place.root, place.components), place.path)
