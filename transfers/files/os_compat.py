"""Opening and reading files on POSIX and Windows: one seam, chosen by `sys.platform`.

POSIX has descriptors of directories and reads at an offset. Windows has neither in Python; there the path is resolved
before and after the opening, the open file compared with what the resolved path names, and reads take a lock.
"""

import errno
import os
import stat
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import ctypes


class PathEscapesRoot(Exception):
    """A component on the way is a link, or leads out of the folder."""


class NotARegularFile(Exception):
    """The path names a folder, a device, a pipe or a socket."""


class FolderListing(NamedTuple):
    """Names in a folder, in alphabetical order; `others` are links, pipes, sockets and devices."""

    folders: list[str]
    files: list[str]
    others: list[str]


_KERNEL_PLACES: Final = ("/proc", "/sys", "/sys/fs/cgroup", "/sys/kernel/debug", "/sys/kernel/security", "/dev")

_KERNEL_TYPES: Final = frozenset(
    {
        0x9FA0,  # proc, wherever it is mounted
        0x62656572,  # sysfs
        0x27E0EB,  # cgroup
        0x63677270,  # cgroup2
        0x64626720,  # debugfs
        0x74726163,  # tracefs
        0x73636673,  # securityfs
        0xF97CFF8C,  # selinuxfs
        0x43415D53,  # smackfs
        0x5A3C69F0,  # aafs
        0x1CD1,  # devpts
        0x19800202,  # mqueue
        0xCAFE4A11,  # bpf
        0x62656570,  # configfs
        0x6165676C,  # pstore
        0xDE5E81E4,  # efivarfs
        0x42494E4D,  # binfmt_misc
        0x65735543,  # fusectl
        0x6E736673,  # nsfs
        0x67596969,  # rpc_pipefs
        0x7655821,  # resctrl
        0x9FA1,  # openpromfs
        0x9FA2,  # usbfs
        0xABBA1974,  # xenfs
        0x6C6F6F70,  # binderfs
        0x6E667364,  # nfsd
        0x76A9F425,  # dlmfs
    }
)
"""What `fstatfs` calls the file systems that Linux makes up (linux/magic.h, statfs(2))."""

_NETWORK_TYPES: Final = frozenset(
    {
        0x6969,  # nfs
        0xFF534D42,  # cifs
        0xFE534D42,  # smb2
        0x65735546,  # fuse
        0xC36400,  # ceph
        0x5346414F,  # afs
        0x1021997,  # 9p
    }
)
"""What `fstatfs` calls network drives, and what may be one (linux/magic.h)."""

if sys.platform == "win32":

    def list_beneath(root: Path, components: Sequence[str]) -> FolderListing:
        """Return what is in the folder `root/…components`, which lies beneath `root`.

        Raises:
            PathEscapesRoot: A component is a link or junction.
            OSError: The operating system refused.
        """
        with os.scandir(_resolved_beneath(root, components)) as entries:
            return _sorted_out(entries)

    def open_beneath(root: Path, components: Sequence[str]) -> int:
        """Open `root/…components` for reading without leaving `root`.

        Raises:
            PathEscapesRoot: A component is a link or junction, or the file lies elsewhere.
            NotARegularFile: It is not a plain file.
            OSError: The operating system refused.
        """
        real = _resolved_beneath(root, components)
        if stat.S_ISDIR(real.stat().st_mode):
            raise NotARegularFile  # opening a folder is refused for want of permission, which would say the wrong thing
        fd = os.open(real, os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT)
        try:
            # Once more: a junction put in the way after the first look would lead elsewhere now.
            same = os.path.samestat(_resolved_beneath(root, components).stat(), os.fstat(fd))
        except BaseException:
            os.close(fd)
            raise
        if not same:
            os.close(fd)
            raise PathEscapesRoot(str(real))
        return _regular_only(fd)

    def _resolved_beneath(root: Path, components: Sequence[str]) -> Path:
        real = os.path.realpath(root.joinpath(*components), strict=True)
        expected = Path(os.path.realpath(root, strict=True)).joinpath(*components)
        if os.path.normcase(real) != os.path.normcase(expected):
            raise PathEscapesRoot(real)
        return Path(real)

    def change_time_ns(_seen: os.stat_result) -> int:
        """Return 0: `st_ctime_ns` is when a file was created here, and its change time is out of Python's reach."""
        return 0

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

    def list_beneath(root: Path, components: Sequence[str]) -> FolderListing:
        """Return what is in the folder `root/…components`, reached as `open_beneath` reaches a file.

        Raises:
            PathEscapesRoot: A component is a link.
            OSError: The operating system refused.
        """
        folder = _open_folder(root, components)
        try:
            with os.scandir(folder) as entries:
                return _sorted_out(entries)
        finally:
            os.close(folder)

    def open_beneath(root: Path, components: Sequence[str]) -> int:
        """Open `root/…components` for reading without leaving `root`.

        Every component is opened from the descriptor of the one before, and never through a link, so that nothing
        swapped in between a check and the opening can lead elsewhere.

        Raises:
            PathEscapesRoot: A component is a link.
            NotARegularFile: It is not a plain file.
            OSError: The operating system refused.
        """
        folder = _open_folder(root, components[:-1])
        try:
            return _regular_only(_open_file(components[-1], folder))
        finally:
            os.close(folder)

    def _open_folder(root: Path, components: Sequence[str]) -> int:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in components:
                below = _step_down(name, folder)
                os.close(folder)
                folder = below
        except BaseException:
            os.close(folder)
            raise
        return folder

    def _step_down(name: str, folder: int) -> int:
        if not stat.S_ISDIR(_mode(name, folder)):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
        return _open_unlinked(name, folder, os.O_DIRECTORY)

    def _open_file(name: str, folder: int) -> int:
        if not stat.S_ISREG(_mode(name, folder)) or _is_made_up(folder):
            # Looked at before it is opened: opening a device can already have effects.
            raise NotARegularFile(name)
        # O_NONBLOCK: should a FIFO take the file's place after the look, opening it must not wait for a writer.
        fd = _open_unlinked(name, folder, os.O_NONBLOCK)
        if _is_made_up(fd):  # one file may be mounted over another
            os.close(fd)
            raise NotARegularFile(name)
        return fd

    def _is_made_up(fd: int) -> bool:
        """Whether what is open is the kernel's own making, which only looks plain (/proc/self/environ)."""
        return _file_system_type(fd) in _KERNEL_TYPES or os.fstat(fd).st_dev in _kernel_devices()

    def _file_system_type(fd: int) -> int | None:
        """Return what Linux calls the file system of a descriptor; None elsewhere, or where it does not say."""
        if sys.platform != "linux":
            return None
        import ctypes

        # struct statfs begins with f_type, a word, and is shorter than this on every architecture.
        answer = (ctypes.c_long * 64)()
        return None if _libc().fstatfs(fd, ctypes.byref(answer)) else answer[0] & 0xFFFFFFFF

    @cache
    def _libc() -> "ctypes.CDLL":
        import ctypes

        return ctypes.CDLL(None)

    def _kernel_devices() -> set[int]:
        """Return the file systems of the kernel's places, for systems that do not tell the type."""
        devices = set()
        for place in _KERNEL_PLACES:
            with suppress(OSError):
                devices.add(Path(place).stat().st_dev)
        return devices - {Path("/").stat().st_dev}

    def _mode(name: str, folder: int) -> int:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            raise PathEscapesRoot(name)
        return mode

    def _open_unlinked(name: str, folder: int, flags: int) -> int:
        try:
            return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=folder)
        except OSError as refused:
            if refused.errno in (errno.ELOOP, errno.ENOTDIR):
                # A link took its place since the look at it.
                raise PathEscapesRoot(name) from refused
            raise

    def change_time_ns(seen: os.stat_result) -> int:
        """Return when a file last changed, in nanoseconds since 1970; no program can set it."""
        return seen.st_ctime_ns

    class PositionedReader:
        """Reads of one descriptor at given offsets, from any thread."""

        def __init__(self, fd: int) -> None:
            self._fd = fd

        def read(self, length: int, offset: int) -> bytes:
            """Return up to `length` bytes from `offset` on; fewer only at the end of the file."""
            return os.pread(self._fd, length, offset)


def is_open_for_writing(fd: int) -> bool:
    """Whether another program has an open file open for writing, mapped into its memory included.

    Known on Linux, for files of one's own on a local disk: the kernel grants a read lease only on a file that no
    process has open for writing (fcntl(2), F_SETLEASE). Network drives refuse leases for reasons of their own.
    """
    if sys.platform != "linux" or _file_system_type(fd) in _NETWORK_TYPES:
        return False
    import fcntl
    import signal

    try:
        # A writer that comes meanwhile breaks the lease; SIGIO, the default, would end this process.
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as refusal:
        return refusal.errno == errno.EAGAIN
    return False


def is_placeholder(seen: os.stat_result) -> bool:
    """Whether a file system says that a file's content is elsewhere, and fetched when it is read.

    Windows' FILE_ATTRIBUTE_OFFLINE, RECALL_ON_OPEN and RECALL_ON_DATA_ACCESS (OneDrive), macOS' SF_DATALESS (iCloud
    and other file providers). Linux has no such flag.
    """
    return bool(getattr(seen, "st_file_attributes", 0) & 0x441000 or getattr(seen, "st_flags", 0) & 0x40000000)


def _sorted_out(entries: "Iterable[os.DirEntry[str]]") -> FolderListing:
    names = FolderListing([], [], [])
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            names.folders.append(entry.name)
        elif entry.is_file(follow_symlinks=False):
            names.files.append(entry.name)
        else:
            names.others.append(entry.name)
    return FolderListing(*map(sorted, names))


def _regular_only(fd: int) -> int:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise NotARegularFile
    return fd
