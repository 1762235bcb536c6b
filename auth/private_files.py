"""Folders and files that nobody else on the machine can read, whatever the umask; the one place that knows platforms.

On Windows modes mean nothing: a folder below the user's profile inherits access rules that leave others out.
"""

import os
import stat
import sys
import uuid
from pathlib import Path
from typing import Final

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600

HAS_MODES: Final = sys.platform != "win32"


def mode_of(path: Path) -> int:
    """Return the permission bits of a path; `OSError` when it is not there."""
    return stat.S_IMODE(path.stat().st_mode)


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


def make_file(path: Path) -> None:
    """Make sure that a private file is there; one that is there keeps its content and loses wider modes."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), FILE_MODE)
    try:
        if HAS_MODES and stat.S_IMODE(os.fstat(descriptor).st_mode) != FILE_MODE:
            os.fchmod(descriptor, FILE_MODE)
    finally:
        os.close(descriptor)


def replace(path: Path, content: bytes) -> None:
    """Put `content` into a private file at once: a reader, or a crash, sees the old content or the new, whole."""
    new = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        _write_new(new, content)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    make_file(path)


def _sync_folder(folder: Path) -> None:
    if not HAS_MODES:
        return  # Windows opens no folders; renaming is journalled there
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
