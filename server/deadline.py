"""The end of the process, on time.

An orderly end closes what is open and joins worker threads. A thread that hangs in a system call (a stalled upload, a
folder on a network share that went away) can be neither cancelled nor joined, and Python waits for it for ever; a chat
client, though, kills a server about two seconds after closing its stdin.
"""

import os
import threading
from typing import Final, NoReturn

STDIO_SECONDS: Final = 1.2
"""How long an orderly end over stdio may take: what is left of the client's two seconds is for a busy machine."""

HTTP_SECONDS: Final = 8.0
"""The same over HTTP: container runtimes kill ten seconds after SIGTERM."""


def end_within(seconds: float) -> None:
    """Let the process go on to its orderly end, and end it after `seconds` where that has not come."""
    timer = threading.Timer(seconds, _end)
    timer.daemon = True
    timer.start()


def _end() -> NoReturn:
    # Nothing is flushed or logged here: that would take locks which the thread that hangs may hold. Log lines are
    # written as they come, and what must outlive the process is on disk before it is answered.
    os._exit(0)
