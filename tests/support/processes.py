"""Processes that tests start, kill and wait for: functions of ours, and programs with their three streams.

Each is forked off one parent that has imported the programs already, which is what would take most of a process's time;
where nothing is forked, as on Windows, each imports them itself.
"""

import atexit
import multiprocessing
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO, Any, Final, Self

PROGRAMS: Final = ("tests.auth.programs.renew", "tests.transfers.programs.process", "tests.transfers.programs.pacer")
LOADED_LATE: Final = ("keyring", "sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite")
"""Modules that the programs import when they need them."""

SERVERS: Final = (
    *("server.mcp.app", "server.mcp.stdio", "server.mcp.http", "server.cli.attach.command", "server.cli.worker"),
    *("server.cli.jobs", "server.cli.login", "server.cli.doctor.command", "auth.vault"),
)
"""Modules of the servers and commands that tests start as programs."""

PATIENCE_SECONDS: Final = 240.0
"""How long a test waits for a process at most."""


def _context() -> ForkServerContext | SpawnContext:
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    # "__main__" is the runner of the tests, which each process would run again.
    context.set_forkserver_preload(["__main__", *PROGRAMS, *LOADED_LATE, *SERVERS])
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


FORKS_PROGRAMS: Final = sys.platform == "linux" and "COVERAGE_PROCESS_START" not in os.environ
"""Windows has no forks, macOS none of a process that has used its frameworks; or every start is to be measured."""


class ForkedProgram:
    """A Python program as a forked process, with the part of `subprocess.Popen` that tests use.

    `arguments` are those of Python: a file, or `-m` and a module, and the program's own.
    """

    def __init__(self, arguments: Sequence[str], environment: dict[str, str], cwd: Path) -> None:
        pipes = [CONTEXT.Pipe(duplex=False) for _ in range(3)]
        theirs = (pipes[0][0], pipes[1][1], pipes[2][1])
        self._process = CONTEXT.Process(
            target=_run_program, args=(list(arguments), environment, cwd, *theirs), daemon=True
        )
        self._process.start()
        for end in theirs:
            end.close()
        self.stdin, self.stdout, self.stderr = (
            _text_stream(end, mode) for end, mode in ((pipes[0][1], "w"), (pipes[1][0], "r"), (pipes[2][0], "r"))
        )
        self.pid = self._process.pid or 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdout, self.stderr, self.stdin):
            _close(stream)
        self.wait()

    @property
    def returncode(self) -> int | None:
        """The exit code once the program has ended; below zero is the signal that ended it."""
        return self._process.exitcode

    def wait(self) -> int:
        """Return the exit code once the program has ended."""
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode

    def communicate(self) -> tuple[str, str]:
        """Close standard input, and return the two outputs once the program has ended."""
        _close(self.stdin)
        err: list[str] = []
        reader = threading.Thread(target=lambda: err.append(self.stderr.read()))
        reader.start()
        out = self.stdout.read()
        reader.join()
        self.wait()
        return out, err[0]

    def send_signal(self, number: int) -> None:
        """Send a signal to a program that has not ended; another process may have its id since."""
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _text_stream(end: Connection, mode: str) -> IO[str]:
    stream: IO[str] = os.fdopen(os.dup(end.fileno()), mode, encoding="utf-8")
    end.close()
    return stream


def _close(stream: IO[str]) -> None:
    with suppress(BrokenPipeError):  # the program ended before it read what was written last
        stream.close()


def _run_program(arguments: list[str], environment: dict[str, str], cwd: Path, *streams: Connection) -> None:
    """Be the program: its streams, environment and arguments in place of those of the parent."""
    for output in (sys.stdout, sys.stderr):
        output.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # Python's own
    for number, stream in enumerate(streams):
        os.dup2(stream.fileno(), number)
        stream.close()
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - open as long as the process
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    module = arguments[0] == "-m"
    sys.argv = arguments[module:]
    try:
        if module:
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(sys.argv[0], run_name="__main__")
    finally:  # as Python ends; multiprocessing leaves out what was registered to be called then
        threading._shutdown()
        atexit._run_exitfuncs()
