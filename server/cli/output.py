"""Output of commands: lines with the names and texts of others made visible, and the streams that they go to."""

import errno
import io
import json
import os
import select
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from shutil import get_terminal_size
from typing import Any, Final, TextIO

import typer

WIDTH: Final = 200
"""Columns of a table where there is no terminal that has some."""

NARROW: Final = 100
"""Columns of a terminal below which the columns of a table stand close, so that fewer words are broken."""


TOLD_EVERY: Final = 500
"""Rows after which a line is written where stderr is no terminal."""


_DISK_FAULTS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def say(text: str, *, err: bool = False) -> None:
    """Print `text` as one line, whatever the names and sentences of others in it hold.

    A command of ours in it is printed as it can be called here.
    """
    from server.cli.own_command import callable_hints
    from tools.core.text_sanitizer import visible

    typer.echo(visible(callable_hints(text)), err=err)


def json_text(value: Any, indent: int | None = None) -> str:
    """Return `value` as JSON, with what a reader cannot see as the escapes of JSON: no data is changed by that."""
    from tools.core.text_sanitizer import escape_invisible

    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return escape_invisible(text, lambda character: json.dumps(character)[1:-1])


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], below: str, stream: TextIO) -> None:
    """Print rows below the names of their columns, if there are any, and a line below them."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tools.core.text_sanitizer import visible

    console = Console(file=stream, width=None if stream.isatty() else WIDTH)
    table = Table(box=box.SIMPLE, pad_edge=False, padding=(0, 0 if console.width < NARROW else 1))
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    if table.row_count:
        console.print(table)
    console.print(visible(below), highlight=False, markup=False, soft_wrap=True)


class ProgressLine:
    """Progress on stderr: one line that is rewritten in place on a terminal, else a new line now and then."""

    def __init__(self, stream: TextIO, every: int = TOLD_EVERY) -> None:
        self._stream = stream
        self._again = stream.isatty()
        self._every = self._next = every

    async def report(self, done: float, total: float | None, word: str) -> None:
        """Report progress; see `tools.core.ports.ProgressCallback`."""
        from tools.core.text_sanitizer import visible

        of = f" of {total:,.0f}" if total is not None else ""
        line = visible(f"{done:,.0f}{of} {word}")
        if self._again:
            self._write(f"\r\x1b[K{line[: get_terminal_size().columns - 1]}")
        elif done >= self._next:
            self._next = int(done) + self._every
            self._write(f"{line}\n")

    def note(self, text: str) -> None:
        """Print a line that stays."""
        self.clear()
        say(text, err=True)

    def clear(self) -> None:
        """Leave an empty line for what follows."""
        if self._again:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def prepare_standard_streams() -> None:
    """Open the null device for each stream that is closed, and for a stderr without a reader.

    No output fails for a character's sake.

    A closed descriptor's number would go to the next file that is opened, the database for one, and stray output into
    it. A stream that is redirected into a file can have another code page than the terminal.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    if sys.platform != "win32" and _has_no_reader(2):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - open as long as the process
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with suppress(OSError):  # opened in another way than Python does it
                stream.reconfigure(errors="replace" if stream is sys.stdout else "backslashreplace")


def lost_output(error: BaseException | None = None) -> str | None:
    """Return why stdout takes no more, and drop what it still holds, which Python would end with a traceback for.

    `error` ended the command, perhaps for that reason. None where stdout takes all, and where its reader is gone, who
    wants no more.
    """
    try:
        sys.stdout.flush()
    except OSError as fault:
        error = fault
    # What is written to a stream fails without the name of a file.
    if not isinstance(error, OSError) or error.errno not in _DISK_FAULTS or error.filename is not None:
        return None
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return error.strerror


def _has_no_reader(descriptor: int) -> bool:
    """Whether a pipe's other end is closed, so that each write would fail."""
    poll = select.poll()
    poll.register(descriptor, 0)  # what is an error is told unasked
    return bool(poll.poll(0))
