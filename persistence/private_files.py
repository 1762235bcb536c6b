"""Private folders and files, readable by this user alone under any umask; the one place that knows platforms.

On Windows modes mean nothing: a folder below the user's profile inherits access rules that leave others out.
Who may write a file that others rely on is told on POSIX by owner and mode, on Windows by its security descriptor.
"""

import errno
import os
import re
import stat
import sys
import threading
import uuid
from collections.abc import Collection
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


def lock_refusal(folder: Path) -> str | None:
    """Return why files in `folder` cannot be locked as SQLite locks its own; None where they can, or nothing is known.

    SQLite takes such a file system for another program that holds the file.
    """
    if sys.platform == "win32":
        return None
    import fcntl

    path = folder / f".lock.{uuid.uuid4().hex}"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE)
    except OSError:
        return None
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.strerror or type(error).__name__
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)
    return None


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
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), FILE_MODE)
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


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH

_ADMINISTRATORS: Final = frozenset(
    {
        *("BA", "S-1-5-32-544"),
        *("SY", "S-1-5-18"),
        "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",  # TrustedInstaller
    }
)
# Microsoft, "ACE Strings" and "File Access Rights Constants": write data, append, extended attributes, delete, change
# of rights or owner, everything; by name and by bit.
_WRITE_NAMES: Final = frozenset({"GA", "GW", "FA", "FW", "WD", "WO", "SD", "DC", "LC", "RP"})
_WRITE_BITS: Final = 0x500D0016
_ENTRY: Final = re.compile(r"\(([^;()]*);([^;()]*);([^;()]*);[^;()]*;[^;()]*;([^;()]*)[;)]")


def other_writers(path: Path, owners: Collection[int]) -> str | None:
    """Return who else than the `owners` (user ids; on Windows: administrators) can write a file, and the remedy.

    On POSIX its folder counts too, since a file can be replaced in it. On Windows users may add files to a folder of
    programs' data, but not replace those of others.
    """
    if sys.platform == "win32":
        return descriptor_writers(_security_descriptor(path), path)
    for place in (path, path.parent):
        found = place.stat()
        if found.st_uid not in owners:
            return f"{place} belongs to user {found.st_uid}; run chown root '{place}'"
        if found.st_mode & _OTHERS_WRITE:
            return f"others can write {place}; run chmod go-w '{place}'"
    return None


def descriptor_writers(descriptor: str, path: Path) -> str | None:
    """Return the same of a security descriptor in Microsoft's text form (SDDL): `O:…G:…D:…(…)`."""
    # By number, since the names of these groups are in the language of the system: administrators, SYSTEM, users.
    remedy = (
        f'run icacls "{path}" /setowner *S-1-5-32-544, then '
        f'icacls "{path}" /inheritance:r /grant:r *S-1-5-32-544:F *S-1-5-18:F *S-1-5-32-545:R'
    )
    owner = re.match(r"O:(S-[0-9-]+|[A-Z]{2})", descriptor)
    if owner is None or owner[1] not in _ADMINISTRATORS:
        return f"it does not belong to an administrator; {remedy}"
    _, has_entries, entries = descriptor.partition("D:")
    if not has_entries or "NO_ACCESS_CONTROL" in entries:
        return f"everybody can write it; {remedy}"
    for kind, flags, rights, who in _ENTRY.findall(entries.partition("S:(")[0]):
        if kind in ("A", "XA") and "IO" not in flags and who not in _ADMINISTRATORS and _may_write(rights):
            return f"others can write it ({who}); {remedy}"
    return None


def _may_write(rights: str) -> bool:
    if rights.startswith("0x"):
        return bool(int(rights, 16) & _WRITE_BITS)
    return any(rights[place : place + 2] in _WRITE_NAMES for place in range(0, len(rights), 2))


if sys.platform == "win32":
    _OWNER_AND_RIGHTS: Final = 0x1 | 0x4
    _FILE_OBJECT: Final = 1

    def _security_descriptor(path: Path) -> str:
        advapi32 = ctypes.WinDLL("advapi32", use_last_error=True)
        kernel32 = ctypes.WinDLL("kernel32")
        kernel32.LocalFree.argtypes = [ctypes.c_void_p]
        found, text = ctypes.c_void_p(), wintypes.LPWSTR()
        name, no = wintypes.LPCWSTR(str(path)), None
        error = advapi32.GetNamedSecurityInfoW(
            name, _FILE_OBJECT, _OWNER_AND_RIGHTS, no, no, no, no, ctypes.byref(found)
        )
        if error:
            raise ctypes.WinError(error)
        try:
            if not advapi32.ConvertSecurityDescriptorToStringSecurityDescriptorW(
                found, wintypes.DWORD(1), _OWNER_AND_RIGHTS, ctypes.byref(text), no
            ):
                raise ctypes.WinError(ctypes.get_last_error())
            return text.value or ""
        finally:
            kernel32.LocalFree(text)
            kernel32.LocalFree(found)
