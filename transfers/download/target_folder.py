"""Target folder of downloads: everything below it is opened from the descriptor of the folder above, never by a link.

On Windows, which has no such descriptors in Python, the path is resolved and compared before and after opening.
"""

import errno
import json
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from pydantic_core import from_json

from persistence.errors import check_descriptors
from transfers.download.download_plan import MANIFEST, free_name

NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_MADE_BY: Final = "submittal-mcp"
_NO_LINKS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class FolderUnusable(Exception):
    """The download folder is not there, is a link, or cannot be written to; `reason` says which, in our words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TargetFolder:
    """A submittal's folder below the download folder, open while it is used."""

    def __init__(self, path: Path, fd: int | None) -> None:
        self.path = path
        self._fd = fd

    @classmethod
    def open(cls, root: Path, name: str) -> Self:
        """Open the folder `name` below `root`, and make it if need be; blocks.

        Raises:
            FolderUnusable: `root` is not there, either is a link or no folder, or cannot be written to.
        """
        try:
            if not stat.S_ISDIR(root.stat().st_mode):
                raise FolderUnusable("is no folder")
            if sys.platform == "win32":
                path = root / name
                path.mkdir(exist_ok=True)
                if Path(os.path.realpath(path)) != Path(os.path.realpath(root)) / name:
                    raise FolderUnusable("holds a link in place of the submittal's folder")
                return cls(path, None)
            return cls(root / name, _below(root, name))
        except FileNotFoundError:
            raise FolderUnusable("is not there") from None
        except OSError as refused:
            check_descriptors(refused, root / name)
            raise FolderUnusable(_reason(refused)) from refused

    def close(self) -> None:
        """Close the descriptor of the folder."""
        if self._fd is not None:
            os.close(self._fd)

    def names(self) -> list[str]:
        """Return the names of everything in the folder."""
        return os.listdir(self._fd if self._fd is not None else self.path)  # noqa: PTH208 - of a descriptor

    def size(self, name: str) -> int | None:
        """Return the size of a plain file; None where there is none."""
        try:
            found = os.stat(self._at(name), dir_fd=self._fd, follow_symlinks=False)
        except FileNotFoundError:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def open_part(self, name: str) -> int:
        """Open a file to go on writing at its end, and return its descriptor.

        Raises:
            OSError: A link has its name, or the operating system refused.
        """
        fd = os.open(self._at(name), os.O_RDWR | os.O_CREAT | _NO_LINKS, 0o600, dir_fd=self._fd)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        os.lseek(fd, 0, os.SEEK_END)
        return fd

    def remove(self, name: str) -> None:
        """Remove a file of ours."""
        os.unlink(self._at(name), dir_fd=self._fd)

    def finish(self, part: str, wanted: str) -> str:
        """Give a complete part its name, or the next free one, and return that; a file that is there stays as it is."""
        while True:
            name = free_name(wanted, self.names())
            try:
                self._rename_only_if_free(part, name)
            except FileExistsError:
                continue
            return name

    def read_manifest(self) -> dict[str, Any]:
        """Return what the manifest says of each attachment by id; nothing where there is none of ours."""
        try:
            # A pipe that has its name is not waited for.
            fd = os.open(self._at(MANIFEST), os.O_RDONLY | _NO_LINKS | getattr(os, "O_NONBLOCK", 0), dir_fd=self._fd)
            with os.fdopen(fd, "rb") as file:
                found = from_json(file.read(64 * 1024 * 1024))
        except (OSError, ValueError):
            return {}
        rows = found.get("files") if isinstance(found, dict) and found.get("made_by") == _MADE_BY else None
        listed = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        return {str(row.get("attachment_id")): row for row in listed}

    def write_manifest(self, about: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str | None:
        """Replace the manifest as a whole, and return its path; None where another program's file has its name."""
        if self.size(MANIFEST) is not None and not self.read_manifest():
            return None
        draft = f".{MANIFEST}.part"
        text = json.dumps({"made_by": _MADE_BY, **about, "files": list(rows)}, ensure_ascii=False, indent=1)
        fd = self.open_part(draft)
        with os.fdopen(fd, "wb") as file:
            file.truncate(0)
            file.seek(0)
            file.write(f"{text}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._at(draft), self._at(MANIFEST), src_dir_fd=self._fd, dst_dir_fd=self._fd)
        return str(self.path / MANIFEST)

    def _at(self, name: str) -> str:
        return name if self._fd is not None else str(self.path / name)

    def _rename_only_if_free(self, source: str, target: str) -> None:
        if sys.platform == "win32":
            os.rename(self._at(source), self._at(target))  # noqa: PTH104 - never replaces there
            return
        try:
            os.link(source, target, src_dir_fd=self._fd, dst_dir_fd=self._fd, follow_symlinks=False)
        except FileExistsError:
            raise
        except OSError:
            # No hard links here: an empty file of ours keeps the name free of others until it is replaced.
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS, 0o600, dir_fd=self._fd))
            os.replace(source, target, src_dir_fd=self._fd, dst_dir_fd=self._fd)
            return
        self.remove(source)


def _below(root: Path, name: str) -> int:
    above = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=above)
        try:
            fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _NO_LINKS, dir_fd=above)
        except (NotADirectoryError, OSError) as refused:
            if refused.errno in (errno.ELOOP, errno.ENOTDIR):
                raise FolderUnusable("holds a link or file in place of the submittal's folder") from None
            raise
        if not os.access(".", os.W_OK, dir_fd=fd):
            os.close(fd)
            raise FolderUnusable("cannot be written to")
        return fd
    finally:
        os.close(above)


def _reason(refused: OSError) -> str:
    if refused.errno in NO_SPACE:
        return "is full"
    if refused.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "cannot be written to"
    return "cannot be used"
