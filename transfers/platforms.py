"""What differs between operating systems when a file is opened and read: one seam, chosen by `sys.platform`.

POSIX has descriptors of directories and reads at an offset. Windows has neither in Python; there the path is resolved
before and after the opening, the open file compared with what the resolved path names, and reads take a lock.
"""

import errno
import os
import stat
import sys
import threading
from collections.abc import Sequence
from pathlib import Path


class NotBeneath(Exception):
    """A component on the way is a link, or leads out of the folder."""


class NotRegular(Exception):
    """What is there is a folder, a device, a pipe or a socket."""


if sys.platform == "win32":

    def open_beneath(root: Path, components: Sequence[str]) -> int:
        """Open `root/…components` for reading without leaving `root`.

        Raises:
            NotBeneath: A component is a link or junction, or the file lies elsewhere.
            NotRegular: It is not a plain file.
            OSError: The operating system refused.
        """
        real = _resolved_beneath(root, components)
        if stat.S_ISDIR(real.stat().st_mode):
            raise NotRegular  # opening a folder is refused for want of permission, which would say the wrong thing
        fd = os.open(real, os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT)
        try:
            # Once more: a junction put in the way after the first look would lead elsewhere now.
            same = os.path.samestat(_resolved_beneath(root, components).stat(), os.fstat(fd))
        except BaseException:
            os.close(fd)
            raise
        if not same:
            os.close(fd)
            raise NotBeneath(str(real))
        return _regular_only(fd)

    def _resolved_beneath(root: Path, components: Sequence[str]) -> Path:
        real = os.path.realpath(root.joinpath(*components), strict=True)
        expected = Path(os.path.realpath(root, strict=True)).joinpath(*components)
        if os.path.normcase(real) != os.path.normcase(expected):
            raise NotBeneath(real)
        return Path(real)

    class PositionedReader:
        """Reads of one descriptor at given offsets, from any thread."""

        def __init__(self, fd: int) -> None:
            self._fd = fd
            self._lock = threading.Lock()

        def read(self, length: int, offset: int) -> bytes:
            """Return up to `length` bytes from `offset` on; fewer only at the end of the file."""
            with self._lock:
                os.lseek(self._fd, offset, os.SEEK_SET)
                return os.read(self._fd, length)

else:

    def open_beneath(root: Path, components: Sequence[str]) -> int:
        """Open `root/…components` for reading without leaving `root`.

        Every component is opened from the descriptor of the one before, and never through a link, so that nothing
        swapped in between a check and the opening can lead elsewhere.

        Raises:
            NotBeneath: A component is a link.
            NotRegular: It is not a plain file.
            OSError: The operating system refused.
        """
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in components[:-1]:
                below = _step_down(name, folder)
                os.close(folder)
                folder = below
            return _regular_only(_open_file(components[-1], folder))
        finally:
            os.close(folder)

    def _step_down(name: str, folder: int) -> int:
        if not stat.S_ISDIR(_mode(name, folder)):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
        return _open_unlinked(name, folder, os.O_DIRECTORY)

    def _open_file(name: str, folder: int) -> int:
        if not stat.S_ISREG(_mode(name, folder)):
            # Looked at before it is opened: opening a device can already have effects.
            raise NotRegular(name)
        # O_NONBLOCK: should a FIFO take the file's place after the look, opening it must not wait for a writer.
        return _open_unlinked(name, folder, os.O_NONBLOCK)

    def _mode(name: str, folder: int) -> int:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            raise NotBeneath(name)
        return mode

    def _open_unlinked(name: str, folder: int, flags: int) -> int:
        try:
            return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=folder)
        except OSError as refused:
            if refused.errno in (errno.ELOOP, errno.ENOTDIR):
                # A link took its place since the look at it.
                raise NotBeneath(name) from refused
            raise

    class PositionedReader:
        """Reads of one descriptor at given offsets, from any thread."""

        def __init__(self, fd: int) -> None:
            self._fd = fd

        def read(self, length: int, offset: int) -> bytes:
            """Return up to `length` bytes from `offset` on; fewer only at the end of the file."""
            return os.pread(self._fd, length, offset)


def _regular_only(fd: int) -> int:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise NotRegular
    return fd
