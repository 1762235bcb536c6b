"""Runs Python programs as it is asked to: each run is a fork of this process, which has imported what takes long.

The argument is the descriptor of a socket. Each run is asked for by five descriptors on it: the run's three streams, a
pipe that is told its process id and then its exit code, a line each, and a pipe that holds as JSON what would follow
`python` on a command line, a file or `-m` and a module to begin with, and its environment.
"""

import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys

LONG = (
    *("server.mcp.app", "server.mcp.stdio", "server.mcp.http", "server.cli.attach.command", "server.cli.worker"),
    *("server.cli.jobs", "server.cli.login", "server.cli.doctor.command", "auth.vault", "keyring", "psycopg"),
)


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    for name in LONG:
        importlib.import_module(name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait for the runs
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 5)
        if not descriptors:
            return
        if not os.fork():
            control.close()
            run(*descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)


def run(stdin: int, stdout: int, stderr: int, told: int, asked: int) -> None:
    """Be the process that waits for the run and tells of it; and, forked once more, the run."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    process = os.fork()
    if process:
        for descriptor in (stdin, stdout, stderr, asked):
            os.close(descriptor)
        os.write(told, f"{process}\n".encode())
        _, status = os.waitpid(process, 0)
        os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)
    os.close(told)
    with os.fdopen(asked, encoding="utf-8") as text:
        arguments, environment = json.load(text)
    # Python's own streams read and write these three, and have not been used yet.
    for number, descriptor in enumerate((stdin, stdout, stderr)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(environment)
    module = arguments[0] == "-m"
    sys.argv = arguments[module:]
    if module:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
