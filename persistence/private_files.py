"""Private folders and files, readable by this user alone under any umask; the one place that knows platforms.

On Windows modes mean nothing: a folder below the user's profile inherits access rules that leave others out.
"""

import errno
import os
import stat
import sys
import threading
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Final

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600

HAS_MODES: Final = sys.platform != "win32"


def mode_of(path: Path) -> int:
    """Return the permission bits of a path; `OSError` when it is not there."""
    return stat.S_IMODE(path.stat().st_mode)


def is_exposed(path: Path) -> bool:
    """Whether others can read or write a path itself; no for a link, and for what has gone since it was listed."""
    try:
        seen = path.stat(follow_symlinks=False)
    except OSError:
        return False
    return not stat.S_ISLNK(seen.st_mode) and bool(seen.st_mode & 0o077)


def make_folder(path: Path) -> bool:
    """Make a private folder, and its parents likewise, and return whether it is new."""
    if not path.parent.exists():
        make_folder(path.parent)
    try:
        path.mkdir(FOLDER_MODE)
    except FileExistsError:
        return False
    close_folder(path)
    return True


def close_folder(path: Path) -> None:
    """Take a folder from everybody else."""
    if HAS_MODES:
        path.chmod(FOLDER_MODE)


def is_ours(path: Path) -> bool:
    """Whether this user owns a path."""
    return not HAS_MODES or path.stat().st_uid == os.geteuid()


_MAKING: Final = threading.Lock()


def make_file(path: Path) -> None:
    """Make sure that a private file is there; one that is there keeps its content and loses wider modes.

    One that is there is not opened: who closes any descriptor of a file gives up every POSIX lock of the whole process
    on it. SQLite's connections would then go on without theirs, another process would take itself for the last one and
    delete the journal, and no other process would see what is written after that.
    """
    # The descriptor of a new file is closed before the SQLite of another thread can lock that file.
    with _MAKING, suppress(FileExistsError):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE)
        try:
            close_file(descriptor)  # whatever the umask took
        finally:
            os.close(descriptor)
    seen = path.stat(follow_symlinks=False)
    if not stat.S_ISREG(seen.st_mode):
        raise OSError(errno.ELOOP if stat.S_ISLNK(seen.st_mode) else errno.EISDIR, "no plain file", str(path))
    if HAS_MODES and (mode := stat.S_IMODE(seen.st_mode)) & ~FILE_MODE:
        path.chmod(mode & FILE_MODE)
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def close_file(descriptor: int) -> None:
    """Take an open file from everybody else, and give it to ourselves where an odd umask took it from us too."""
    if HAS_MODES and stat.S_IMODE(os.fstat(descriptor).st_mode) != FILE_MODE:
        os.fchmod(descriptor, FILE_MODE)


def replace(path: Path, content: bytes) -> None:
    """Put `content` into a private file at once: a reader, or a crash, sees the old content or the new, whole."""
    new = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        create(new, content)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    _sync_folder(path.parent)


def create(path: Path, content: bytes) -> None:
    """Write a private file that must not be there yet, and have it on the disk on return; a failure leaves none.

    Raises:
        FileExistsError: Something is there, a link that leads nowhere included.
        OSError: The system refused, or the disk is full.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            close_file(descriptor)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def append(path: Path, content: bytes) -> None:
    """Add `content` to the end of a private file, made if need be, in one write; it is on the disk on return.

    The caller keeps others from writing meanwhile. What a crash or a full disk left of a line without its end is
    closed off or taken back, so that every line is whole or alone. With no content the file is only made and checked.

    Raises:
        OSError: The system refused, the disk is full, or what is there is a link or no plain file.
    """
    if path.is_symlink():
        raise OSError(errno.ELOOP, "it is a link")
    descriptor, found = _open_plain(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0))
    try:
        if HAS_MODES and stat.S_IMODE(found.st_mode) != FILE_MODE:
            os.fchmod(descriptor, FILE_MODE)
        if content:
            _append(descriptor, found.st_size, content)
            if not found.st_size:
                _sync_folder(path.parent)
    finally:
        os.close(descriptor)


def read(path: Path) -> bytes:
    """Return what a private file holds, or a file that a link in its place leads to.

    Raises:
        OSError: The system refused, or what is there is no plain file.
    """
    descriptor, _ = _open_plain(path, os.O_RDONLY)
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def _open_plain(path: Path, flags: int) -> tuple[int, os.stat_result]:
    # O_NONBLOCK: opening a FIFO does not wait for its other end; then it is refused.
    for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"):
        flags |= getattr(os, name, 0)
    descriptor = os.open(path, flags, FILE_MODE)
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode):
        return descriptor, found
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is no plain file")


def _append(descriptor: int, end: int, content: bytes) -> None:
    if end:
        os.lseek(descriptor, end - 1, os.SEEK_SET)
        if os.read(descriptor, 1) != b"\n":
            content = b"\n" + content
    whole = False
    try:
        if os.write(descriptor, content) == len(content):
            os.fsync(descriptor)
            whole = True
    finally:
        if not whole:
            with suppress(OSError):  # then the next one closes off what is left of it
                os.ftruncate(descriptor, end)
    if not whole:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _sync_folder(folder: Path) -> None:
    if not HAS_MODES:
        return  # Windows opens no folders; renaming is journalled there
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
