"""Allowed folders: the one way by which a local file may be read.

Nothing outside them is opened, whatever the path looks like: `..`, a link, `~`, another drive, a sibling whose name
begins the same. Hard links cannot be told from the file itself.
"""

import difflib
import errno
import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from persistence.errors import check_descriptors
from transfers.errors import (
    FileAmbiguous,
    FileMissing,
    FileNotAllowed,
    FileProblem,
    FileUnreadable,
    FolderUnavailable,
)
from transfers.files.names import is_cloud_pointer, is_temporary
from transfers.files.os_compat import (
    FolderListing,
    NotARegularFile,
    PathEscapesRoot,
    is_placeholder,
    list_beneath,
    open_beneath,
)
from transfers.files.pasted_text import is_address, name_key, path_readings, trim, unwrap

LOOKED_AT: Final = 20_000
"""Files and folders that are looked at for a bare name: a second or two. Who has more gives the path."""


MAX_NEAR: Final = 5
"""Files that are named in place of one that is missing, or of a folder."""

_NO_SCHEME: Final = re.compile(
    r"(?:www\.|[\w-]+\.)(?:[\w-]+\.)*(?:com|net|org|ms|io|eu|us|ca|uk|de|fr|gov|edu|cloud)/", re.IGNORECASE
)
"""An address as browsers show it; a folder may be called so too."""


@dataclass(frozen=True)
class OpenedFile:
    """A descriptor that lies beneath an allowed folder, and the path it was opened by."""

    fd: int
    path: Path


@dataclass(frozen=True)
class PathBeneath:
    """A path by its components beneath an allowed folder; with none it is the folder itself."""

    root: Path
    components: tuple[str, ...]

    @property
    def path(self) -> Path:
        """The whole path."""
        return self.root.joinpath(*self.components)


class AllowedFolders:
    """Opens files beneath `folders` (absolute paths) and nothing else; with no folders it opens nothing.

    Nothing of `own`, the folder where the server keeps its keys and database and its other key files, is opened, though
    a folder that holds it be allowed.
    """

    def __init__(self, folders: Sequence[Path], looked_at: int = LOOKED_AT, *, own: Sequence[Path] = ()) -> None:
        self._roots = tuple(dict.fromkeys(folders))
        self._own = own
        self._looked_at = looked_at
        self._shown = tuple(str(root) for root in self._roots)

    def open(self, path: str) -> OpenedFile:
        """Open `path` for reading: absolute, relative to any of the folders, or the bare name of a file in one of them.

        What people paste around a path is taken away, and a name that looks the same is found where one file has it.

        Raises:
            FileNotAllowed: No folder is allowed, or the path is outside them, hidden, a link, or no document.
            FileMissing: There is nothing there.
            FileAmbiguous: A relative path or a bare name that stands for several files.
            FileUnreadable: The operating system refused.
            DescriptorsExhausted: This process may open no more files.
        """
        if not self._roots:
            raise FileNotAllowed(path, "no_folders")
        if is_address(unwrap(path)):
            raise FileNotAllowed(path, "url")
        problems: list[FileProblem] = []
        all_files = cache(self._all_files)  # looked through once, however many readings there are
        for reading in path_readings(path):
            try:
                return self._open_reading(reading, all_files)
            except FileAmbiguous:
                raise
            except FileProblem as problem:
                problems.append(problem)
        # What is there and refused says more than what is outside, and that more than what is missing.
        relevant = [one for one in problems if not isinstance(one, FileMissing)]
        relevant = [
            one for one in relevant if not (isinstance(one, FileNotAllowed) and one.why == "outside")
        ] or relevant
        missing = problems[-1] if problems else FileNotAllowed(path, "outside", self._shown)
        if not relevant and isinstance(missing, FileMissing):
            near = _near_names(missing.path, all_files())
            if _NO_SCHEME.match(unwrap(path)):
                raise FileNotAllowed(path, "url", near=near)
            raise FileMissing(path, self._shown, near)
        raise replace(relevant[0] if relevant else missing, path=path)

    def find_folder(self, path: str) -> list[PathBeneath]:
        """Return the folder that `path` names: absolute, or relative to one of the allowed ones; "." names all of them.

        Raises:
            FolderUnavailable: There is none, or it may not be read.
        """
        if not self._roots:
            raise FolderUnavailable(path, "no_folders")
        if trim(path) in ("", ".", "./"):
            return [PathBeneath(root, ()) for root in self._roots]
        places = [place for reading in path_readings(path) for place in self._folder_places(reading)]
        places = [place for place in places if not any(part.startswith(".") for part in place.components)]
        if not places:
            raise FolderUnavailable(path, "outside", self._shown)
        found = [place for place in dict.fromkeys(places) if self._is_listable(path, place)]
        found = found or [one for place in dict.fromkeys(places) for one in _alike(place, folders=True)]
        if not found:
            folders = [place for place, _ in self._all_folders() if place.components]
            raise FolderUnavailable(path, "missing", self._shown, _near_names(path, folders))
        if len({os.path.realpath(place.path) for place in found}) > 1:
            raise FolderUnavailable(path, "ambiguous", near=tuple(str(place.path) for place in found))
        return found[:1]

    def _is_listable(self, path: str, place: PathBeneath) -> bool:
        try:
            list_beneath(place.root, place.components)
        except NotADirectoryError as cause:
            raise FolderUnavailable(path, "not_a_folder", self._shown) from cause
        except FileNotFoundError:
            return False
        except (PathEscapesRoot, OSError) as cause:
            why = "too_long" if isinstance(cause, OSError) and cause.errno == errno.ENAMETOOLONG else "outside"
            raise FolderUnavailable(path, why, self._shown) from cause
        return True

    def _folder_places(self, path: str) -> list[PathBeneath]:
        root = self._folder(path)
        if root is not None:
            return [PathBeneath(root, ())]
        # People also name an allowed folder by its own name.
        named = [PathBeneath(root, ()) for root in self._roots if name_key(root.name) == name_key(path.strip("/\\"))]
        return [*self._places(path), *named]

    def _open_reading(self, path: str, all_files: Callable[[], Sequence[PathBeneath]]) -> OpenedFile:
        """Open `path` as it stands; see `open`."""
        folder = self._folder(path)
        if folder is not None:
            raise FileNotAllowed(path, "not_a_file", near=_files_in(folder, ()))
        places = self._places(path)
        if not places:
            raise FileNotAllowed(path, "outside", self._shown)
        opened: list[OpenedFile] = []
        problems: list[FileProblem] = []
        for place in places:
            try:
                opened.append(self._open(path, place))
            except FileProblem as problem:
                problems.append(problem)
        if not opened and all(isinstance(problem, FileMissing) for problem in problems):
            opened = [self._open(path, place) for place in _single_of(path, [one for p in places for one in _alike(p)])]
        if not opened and all(isinstance(problem, FileMissing) for problem in problems):
            for place in (one for p in places for one in _alike(p, folders=True)):
                raise FileNotAllowed(path, "not_a_file", near=_files_in(place.root, place.components))
            opened = [self._open(path, place) for place in _find_by_name(path, all_files)]
        if not opened:
            # A file that is there but refused says more than one that is missing elsewhere.
            refused = [problem for problem in problems if not isinstance(problem, FileMissing)]
            raise refused[0] if refused else FileMissing(path, self._shown)
        return _require_single(path, opened)

    def _open(self, path: str, place: PathBeneath) -> OpenedFile:
        if any(_leads_through(place, one) for one in self._own):
            raise FileNotAllowed(path, "own_data")
        return _open_document(path, place)

    def _all_files(self) -> Sequence[PathBeneath]:
        """Return the files beneath all folders; none where there is too much to look at."""
        listings = self._all_folders()
        return [
            PathBeneath(place.root, (*place.components, name))
            for place, names in listings
            for name in names.files
            if not is_temporary(name)
        ]

    def _all_folders(self) -> Sequence[tuple[PathBeneath, FolderListing]]:
        """Return all folders with what is in them; none where there is too much to look at."""
        found: list[tuple[PathBeneath, FolderListing]] = []
        left = self._looked_at
        for root in self._roots:
            for here, names in folders_beneath(root):
                left -= 1 + len(names.files)
                if left < 0:
                    return []
                found.append((PathBeneath(root, here), names))
        return found

    def _folder(self, path: str) -> Path | None:
        """Return the allowed folder that `path` names itself."""
        if not path.strip() or not _writable(path):
            return None
        if not Path(path).parts:  # "."
            return self._roots[0]
        if not Path(path).is_absolute():
            return None
        inside = Path(os.path.normpath(path), "x")
        return next((root for root in self._roots if _beneath(inside, root) == ("x",)), None)

    def _places(self, path: str) -> list[PathBeneath]:
        """Return each place that `path` may mean, by comparing components; nothing is looked at but the folders."""
        if not path.strip() or not _writable(path):
            return []
        if not Path(path).is_absolute():
            components = Path(path).parts
            return [PathBeneath(root, components) for root in self._roots] if _is_safe(components) else []
        places = [
            PathBeneath(root, beneath)
            for root in self._roots
            for spelling in (root, Path(os.path.realpath(root)))
            if (beneath := _beneath(Path(path), spelling)) is not None and _is_safe(beneath)
        ]
        # Folders may lie within each other; the innermost names the file just as well, and once.
        return sorted(places, key=lambda place: len(place.components))[:1]


def _find_by_name(path: str, all_files: Callable[[], Sequence[PathBeneath]]) -> list[PathBeneath]:
    """Return the file of a bare name, further down; none where there is none, or too much to look at.

    Raises:
        FileAmbiguous: There are several.
    """
    if len(Path(path).parts) != 1 or Path(path).is_absolute():
        return []
    wanted = Path(path).name
    key = name_key(wanted)
    exact = [place for place in all_files() if _same_name(place.components[-1], wanted)]
    return _single_of(path, exact or [place for place in all_files() if name_key(place.components[-1]) == key])


def _near_names(path: str, places: Sequence[PathBeneath]) -> tuple[str, ...]:
    """Return the paths of those places whose names are close to that of a missing one."""
    names: dict[str, list[PathBeneath]] = {}
    for place in places:
        if not place.components[-1].startswith("."):
            names.setdefault(_stem_key(place.components[-1]), []).append(place)
    wanted = _stem_key(re.split(r"[/\\]", unwrap(path).rstrip("/\\"))[-1])
    near = difflib.get_close_matches(wanted, names, n=MAX_NEAR, cutoff=0.6)
    near += [name for name in names if name not in near and len(wanted) > 2 and name.startswith(wanted)]
    return tuple(str(place.path) for name in near for place in names[name])[:MAX_NEAR]


def _single_of(path: str, places: Sequence[PathBeneath]) -> list[PathBeneath]:
    """Return the only file among `places`, or none.

    Raises:
        FileAmbiguous: There are several.
    """
    found: dict[str, PathBeneath] = {}
    for place in places:
        found.setdefault(os.path.realpath(place.path), place)
    if len(found) > 1:
        raise FileAmbiguous(path, tuple(str(place.path) for place in found.values()))
    return list(found.values())


def _stem_key(name: str) -> str:
    """Return the key of a name without its extension, which all drawings share."""
    key = name_key(name)
    return key.rpartition(".")[0] or key


def _alike(place: PathBeneath, *, folders: bool = False) -> list[PathBeneath]:
    """Return the files or `folders` whose path looks the same: other blanks, dashes, quotes, case, invisible marks."""
    found: list[tuple[str, ...]] = [()]
    for depth, part in enumerate(place.components):
        key, is_last = name_key(part), depth == len(place.components) - 1
        found = [
            (*here, name)
            for here in found
            for name in _names_in(place.root, here, files=is_last and not folders)
            if name_key(name) == key and not name.startswith(".")
        ]
    return [PathBeneath(place.root, components) for components in found]


def _names_in(root: Path, here: tuple[str, ...], *, files: bool) -> Sequence[str]:
    try:
        names = list_beneath(root, here)
    except (PathEscapesRoot, OSError):
        return ()
    return names.files if files else names.folders


def _files_in(root: Path, here: tuple[str, ...]) -> tuple[str, ...]:
    """Return the paths of some documents of a folder."""
    names = sorted(_names_in(root, here, files=True))
    shown = [name for name in names if not name.startswith(".") and not is_temporary(name)]
    return tuple(str(root.joinpath(*here, name)) for name in shown[:MAX_NEAR])


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


def folders_beneath(root: Path, start: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FolderListing]]:
    """Yield what is in each folder beneath `start`, itself included; no link is followed, nothing hidden entered."""
    waiting: list[tuple[str, ...]] = [start]
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
    """Return the components of a path beneath a folder; None for one that is not.

    The folder may be written so that it looks the same, but for case, where there is no other of that name.
    """
    fold = os.path.normcase
    parts, base = path.parts, root.parts
    if len(parts) <= len(base):
        return None
    above = parts[: len(base)]
    if [fold(p) for p in above] != [fold(b) for b in base]:
        if [name_key(p, fold_case=False) for p in above] != [name_key(b, fold_case=False) for b in base]:
            return None
        if os.path.lexists(Path(*above)):
            return None
    return parts[len(base) :]


def _is_safe(components: Sequence[str]) -> bool:
    """Whether every component is a mere name: none goes up, home, or (as `C:` on Windows) to another drive."""
    return bool(components) and not any(part in ("..", "~") or Path(part).anchor for part in components)


def _leads_through(place: PathBeneath, own: Path) -> bool:
    """Whether `own` is a file, or on the way to it, whatever it is called there."""
    for depth in range(len(place.components) + 1):
        with suppress(OSError):
            if place.root.joinpath(*place.components[:depth]).samefile(own):
                return True
    return False


def _open_document(path: str, place: PathBeneath) -> OpenedFile:
    if any(part.startswith(".") for part in place.components):
        raise FileNotAllowed(path, "hidden")
    if is_temporary(place.components[-1]):
        raise FileNotAllowed(path, "temporary")
    if is_cloud_pointer(place.components[-1]):
        raise FileNotAllowed(path, "placeholder")
    try:
        return _open_any_form(place)
    except PathEscapesRoot as cause:
        raise FileNotAllowed(path, "link") from cause
    except NotARegularFile as cause:
        raise FileNotAllowed(path, "not_a_file", near=_files_in(place.root, place.components)) from cause
    except (FileNotFoundError, NotADirectoryError) as cause:
        if _is_in_the_cloud(place):
            raise FileNotAllowed(path, "placeholder") from cause
        raise FileMissing(path) from cause
    except OSError as cause:
        raise _refused_by_system(path, place, cause) from cause


def _refused_by_system(path: str, place: PathBeneath, cause: OSError) -> FileProblem:
    check_descriptors(cause, place.path)
    if _is_placeholder(place):
        return FileNotAllowed(path, "placeholder")
    return FileUnreadable(path, reason=cause.strerror or type(cause).__name__)


def _is_placeholder(place: PathBeneath) -> bool:
    try:
        return is_placeholder(place.path.stat(follow_symlinks=False))
    except OSError:
        return False


def _is_in_the_cloud(place: PathBeneath) -> bool:
    """Whether iCloud has taken the file's content away: `.beam.pdf.icloud` stands in its place."""
    *above, name = place.components
    try:
        os.close(open_beneath(place.root, (*above, f".{name}.icloud")))
    except (PathEscapesRoot, NotARegularFile, OSError):
        return False
    return True


def _open_any_form(place: PathBeneath) -> OpenedFile:
    """Open by the given spelling, else by the NFC or NFD one: macOS and people compose letters differently."""
    try:
        return _open_exactly(place)
    except FileNotFoundError:
        for form in ("NFC", "NFD"):
            other = PathBeneath(place.root, tuple(unicodedata.normalize(form, part) for part in place.components))
            if other != place:
                try:
                    return _open_exactly(other)
                except FileNotFoundError:
                    continue
        raise


def _open_exactly(place: PathBeneath) -> OpenedFile:
    return OpenedFile(open_beneath(place.root, place.components), place.path)
