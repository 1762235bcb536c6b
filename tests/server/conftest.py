"""What the tests of the process share: a clean environment, and programs that end by themselves."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.constants import ROOT
from tests.support.processes import FORKS_PROGRAMS, ForkedProgram

PROGRAMS = Path(__file__).parent / "programs"

PATIENCE = 300.0
"""Seconds after which a program is killed, so that no test waits for ever. No test comes near it."""


class Program:
    """A subprocess with pipes, killed at the latest when the test ends."""

    def __init__(self, process: "subprocess.Popen[str] | ForkedProgram") -> None:
        self.process = process
        self._watchdog = threading.Timer(PATIENCE, self.process.kill)
        self._ids = iter(range(1, 1000))

    def __enter__(self) -> Self:
        self._watchdog.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watchdog.cancel()
        with self.process:
            self.process.kill()

    def send(self, message: dict[str, Any]) -> None:
        """Write one JSON-RPC message."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def ask(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request and return what it answers."""
        assert self.process.stdout
        self.send({"id": next(self._ids), "method": method, "params": params or {}})
        line = self.process.stdout.readline()
        assert line, f"the program ended without an answer: {self.rest()}"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def shake_hands(self) -> dict[str, Any]:
        """Open a session of the older protocol era."""
        answer = self.ask(
            "initialize",
            {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
        )
        self.send({"method": "notifications/initialized"})
        return answer

    def stderr_line(self, containing: str) -> str:
        """Read stderr up to the first line that holds `containing`."""
        assert self.process.stderr
        for line in self.process.stderr:
            if containing in line:
                return line
        raise AssertionError(f"the program ended and never wrote {containing!r}")

    def rest(self) -> tuple[int, str, str]:
        """Close stdin, wait for the end, and return the exit code and what is left of stdout and stderr."""
        out, err = self.process.communicate()
        return self.process.returncode, out, err


Start = Callable[..., Program]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them."""
    for name in list(os.environ):
        if name.startswith(("APS_", "SUBMITTAL_MCP_")):
            monkeypatch.delenv(name)


@pytest.fixture
def start_anew() -> Iterator[Start]:
    """Start a Python program: `start_anew("-m", "server", "--version", SUBMITTAL_MCP_READ_ONLY="true")`."""
    with ExitStack() as programs:

        def started(*arguments: str, cwd: Path = ROOT, **environment: str) -> Program:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=cwd,
                env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"} | environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
            return programs.enter_context(Program(process))

        yield started


@pytest.fixture
def start(start_anew: Start) -> Iterator[Start]:
    """The same for tests that are not about what a start loads: the program is a fork that has loaded it."""
    with ExitStack() as programs:

        def started(*arguments: str, cwd: Path = ROOT, **environment: str) -> Program:
            if not FORKS_PROGRAMS:
                return start_anew(*arguments, cwd=cwd, **environment)
            return programs.enter_context(Program(ForkedProgram(arguments, os.environ | environment, cwd)))

        yield started


@pytest.fixture
def one_tool(start: Start) -> Start:
    """Start the server of `programs/one_tool.py` over stdio or HTTP."""
    return lambda *arguments, **environment: start(str(PROGRAMS / "one_tool.py"), *arguments, **environment)
