"""The command line on a machine where the state folder, or what it needs, is faulty: `faulty_folder.py FAULT …`.

Root gives up its right to pass over modes, so that they mean the same for every user who runs the tests.
"""

import errno
import importlib
import os
import pkgutil
import resource
import socket
import sys
from pathlib import Path

import tools
from server.cli import main
from server.mcp import app, stdio  # noqa: F401  # imported before descriptors are few
from server.wiring import import_services

_CAPABILITIES_3 = 0x20080522
_OVERRIDES = 0b1110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER


def obey_modes() -> None:
    """Drop the capabilities that let root read and write what its mode closes."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, in two words each
    if libc.capget(header, sets) == 0:
        sets[0] &= ~_OVERRIDES
        libc.capset(header, sets)


def without_locks(*_: object) -> None:
    """Lock nothing, as file systems without locks do."""
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


class ExhaustedSocket(socket.socket):
    """A socket in a process that has descriptors left for files and pipes, and none for a connection."""

    def __init__(self, family: int = -1, *rest: int, **more: int) -> None:
        if family in (socket.AF_INET, socket.AF_INET6):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        super().__init__(family, *rest, **more)


def without_connections(*_: object, **__: object) -> None:
    """Connect to nothing; only the clients of storage, which block, open connections by this function."""
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


fault = sys.argv.pop(1)
obey_modes()
if fault == "no locks":
    import fcntl

    fcntl.flock = without_locks
elif fault == "no sockets":
    socket.socket = ExhaustedSocket  # type: ignore[misc]
elif fault == "no sockets for storage":
    socket.create_connection = without_connections
elif fault.startswith("descriptors"):
    import_services()
    for module in pkgutil.iter_modules([str(Path(tools.__file__).parent)], "tools."):
        importlib.import_module(module.name)
    open_now = len(list(Path("/dev/fd").iterdir()))
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (open_now + int(fault.split()[1]) - 1, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
elif fault.startswith("umask"):
    os.umask(int(fault.split()[1], 8))
elif fault == "no home":
    os.environ.pop("HOME", None)
    import pwd

    def unknown(uid: int) -> None:
        """Know no user, as in a container that was started with a random uid."""
        raise KeyError(uid)

    pwd.getpwuid = unknown  # type: ignore[assignment]
main.main()
