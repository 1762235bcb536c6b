"""Programs as processes of their own, without the second that each start takes to import what it needs."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

FORKS = Path(__file__).with_name("forks.py")

POSSIBLE = sys.platform == "linux" and "COVERAGE_PROCESS_START" not in os.environ
"""Windows has no forks, macOS none of a process that has used its frameworks; or every start is to be measured."""


class Forks:
    """The process whose forks the programs are; it ends when this one closes its socket, however that ends."""

    def __init__(self, folder: Path) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(FORKS), str(theirs.fileno())],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(folder), "PYTHONIOENCODING": "utf-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def close(self) -> None:
        self._socket.close()
        self._process.wait()

    def start(self, arguments: list[str], environment: dict[str, str]) -> "Forked":
        """Start what `arguments` say, as Python would: a file, or `-m` and a module, and what it is given."""
        pipes = [os.pipe() for _ in range(5)]  # stdin, stdout, stderr, what is told, what is asked
        theirs = [pipe[number not in (0, 4)] for number, pipe in enumerate(pipes)]
        ours = [pipe[number in (0, 4)] for number, pipe in enumerate(pipes)]
        socket.send_fds(self._socket, [b"."], theirs)
        for descriptor in theirs:
            os.close(descriptor)
        with os.fdopen(ours.pop(), "w", encoding="utf-8") as asked:
            json.dump([arguments, environment], asked)
        return Forked(*ours)


class Forked:
    """What `subprocess.Popen` is, as far as tests use it."""

    def __init__(self, stdin: int, stdout: int, stderr: int, told: int) -> None:
        self.stdin = os.fdopen(stdin, "w", encoding="utf-8")
        self.stdout = os.fdopen(stdout, encoding="utf-8")
        self.stderr = os.fdopen(stderr, encoding="utf-8")
        self.returncode: int | None = None
        self._told = os.fdopen(told, "rb", buffering=0)
        self.pid = int(self._told.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdout, self.stderr, self.stdin):
            self._close(stream)
        self.wait()
        self._told.close()

    def wait(self) -> int:
        """Return the exit code, which is that of `subprocess`, once the program has ended."""
        if self.returncode is None:
            self.returncode = int(self._told.readline())
        return self.returncode

    def communicate(self) -> tuple[str, str]:
        """Close standard input, and return what the program writes until it ends."""
        self._close(self.stdin)
        err: list[str] = []
        reader = threading.Thread(target=lambda: err.append(self.stderr.read()))
        reader.start()
        out = self.stdout.read()
        reader.join()
        self.wait()
        return out, err[0]

    def send_signal(self, number: int) -> None:
        """Send a signal to a program that has not ended; another may have its id since."""
        if self.returncode is None and not select.select([self._told], [], [], 0)[0]:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _close(self, stream: IO[str]) -> None:
        with suppress(BrokenPipeError):  # what was written last found nobody
            stream.close()
