"""Prepares stdin, stdout and stderr, which may be closed or have a narrow encoding."""

import io
import os
import sys
from contextlib import suppress


def prepare_standard_streams() -> None:
    """Open the null device for each stream that is closed, and let no output fail for a character's sake.

    A closed descriptor's number would go to the next file that is opened, the database for one, and stray output into
    it. A stream that is redirected into a file can have another code page than the terminal.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - open as long as the process
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with suppress(OSError):  # opened in another way than Python does it
                stream.reconfigure(errors="replace" if stream is sys.stdout else "backslashreplace")
