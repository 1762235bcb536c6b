"""Consent prompt at the terminal, one question at a time."""

import sys
from contextlib import nullcontext
from typing import Final

import anyio
import anyio.to_thread

from server.cli.attach.progress import ProgressView
from tools.core.ports import ConsentQuestion

_YES: Final = ("y", "yes")


def can_ask() -> bool:
    """Whether stdin and stderr are a terminal, so that the user can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def agreed(question: str) -> bool:
    """Ask a question at the terminal; any answer but yes is a no."""
    discard_input()
    sys.stderr.write(f"{question}[y/N] ")
    sys.stderr.flush()
    # Given up when the command is interrupted: nothing ends a read of a terminal.
    answer = await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
    return answer.strip().casefold() in _YES


class TerminalConsentPrompt:
    """Asks for consent at the terminal while `view` is paused. Any answer but yes is a no."""

    def __init__(self, view: ProgressView | None = None) -> None:
        self._view = view
        self._turn = anyio.Lock()

    async def ask(self, summary: ConsentQuestion, person_id: str) -> bool:  # noqa: ARG002  # a command has one person
        """See `tools.core.ports.ConsentPrompt`."""
        async with self._turn:
            with self._view.paused() if self._view is not None else nullcontext():
                return await agreed(f"\n{summary.text}\n")


def discard_input() -> None:
    """Drop what was typed before the question was there: it is no answer to it."""
    if sys.platform == "win32":
        import msvcrt

        while msvcrt.kbhit():
            msvcrt.getwch()
    else:
        import termios

        termios.tcflush(sys.stdin, termios.TCIFLUSH)
