"""Shutdown: signals, and a forced exit when an orderly one takes too long.

An orderly end closes what is open and joins worker threads. A thread that hangs in a system call (a stalled upload, a
folder on a network share that went away) can be neither cancelled nor joined, and Python waits for it for ever; a chat
client, though, kills a server about two seconds after closing its stdin.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Final

ANSWER_SECONDS: Final = 1.2
"""Time after the end of stdin within which pending responses are still written."""

STDIO_SECONDS: Final = 1.5
"""Shutdown timeout over stdio; the rest of the client's two seconds is for a busy machine."""

HTTP_SECONDS: Final = 8.0
"""The same over HTTP: container runtimes kill ten seconds after SIGTERM."""


INTERRUPTED: Final = 130
"""The exit code of a command that a person stopped with Ctrl-C, as shells have it."""


def on_shutdown_signal(end: Callable[[], None]) -> None:
    """From a running event loop: call `end` on SIGTERM and Ctrl-C, and do nothing else."""
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":
            signal.signal(number, lambda _number, _frame: end())  # wakes the loop on Windows alone
        else:
            asyncio.get_running_loop().add_signal_handler(number, end)


def force_exit_after(seconds: float, exit_code: int = 0) -> None:
    """Exit the process by force after `seconds`, unless it has exited by then."""
    # Nothing is flushed or logged then: that would take locks which the thread that hangs may hold. Log lines are
    # written as they come, and what must outlive the process is on disk before it is answered.
    timer = threading.Timer(seconds, os._exit, [exit_code])
    timer.daemon = True
    timer.start()
