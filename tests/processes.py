"""Processes that tests start, kill and wait for: real ones, that need not import everything first.

Each is forked off one parent that has imported the programs already, which is what would take most of a process's time;
where nothing is forked, as on Windows, each imports them itself.
"""

import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
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

    def let_go(self) -> None:
        """Say that what it waits for has come."""
        self._connection.send(None)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def exit_code(self) -> int:
        """Wait for its end and return its exit code; below zero is the signal that ended it."""
        self._process.join(PATIENCE_SECONDS)
        assert self._process.exitcode is not None, "it does not end"
        return self._process.exitcode
