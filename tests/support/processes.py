"""Processes that tests start, kill and wait for: real ones, that need not import everything first.

Each is forked off one parent that has imported the programs already, which is what would take most of a process's time;
where nothing is forked, as on Windows, each imports them itself.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, Self

PROGRAMS: Final = ("tests.auth.programs.renew", "tests.transfers.programs.process", "tests.transfers.programs.pacer")
LOADED_LATE: Final = ("keyring", "sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite")
"""What the programs import when they need it."""

PATIENCE_SECONDS: Final = 80.0
"""How long a test waits for a process at most."""


def _context() -> ForkServerContext | SpawnContext:
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    # "__main__" is the runner of the tests, which each process would else run through anew.
    context.set_forkserver_preload(["__main__", *PROGRAMS, *LOADED_LATE])
    return context


CONTEXT: Final = _context()
"""Makes what processes share, such as memory."""


class Process:
    """A process that runs `main(*arguments, connection)`, where it says what happens, and is let go."""

    def __init__(self, main: Callable[..., None], *arguments: Any) -> None:
        self._connection, theirs = CONTEXT.Pipe()
        self._process: BaseProcess = CONTEXT.Process(target=main, args=(*arguments, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.exit_code()
        self._connection.close()

    def says(self) -> Any:
        """Return the next thing it says.

        Raises:
            EOFError: It has ended.
        """
        assert self._connection.poll(PATIENCE_SECONDS), "it neither ends nor says anything"
        try:
            return self._connection.recv()
        except ConnectionResetError:  # it was killed with something unread
            raise EOFError from None

    def has_said(self, others: "Sequence[Process]") -> "Process":
        """Return which of this and others says something first."""
        heard = wait([one._connection for one in (self, *others)], PATIENCE_SECONDS)
        return next(one for one in (self, *others) if one._connection in heard)

    def let_go(self) -> None:
        """Say that what it waits for has come."""
        self._connection.send(None)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def frozen(self) -> None:
        """Wait until it has stopped at a SIGSTOP."""
        while Path(f"/proc/{self._process.pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "T":
            time.sleep(0.001)

    def go_on(self) -> None:
        """Let it go on after a SIGSTOP."""
        os.kill(self._process.pid or 0, signal.SIGCONT)

    def exit_code(self) -> int:
        """Wait for its end and return its exit code; below zero is the signal that ended it."""
        self._process.join(PATIENCE_SECONDS)
        assert self._process.exitcode is not None, "it does not end"
        return self._process.exitcode
