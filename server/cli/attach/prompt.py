"""Asking the person at the terminal before a file becomes visible, one question after the other."""

import sys
from typing import Final

import anyio
import anyio.to_thread

from server.cli.attach.progress import ProgressView
from tools.core.ports import ConsentSummary

_YES: Final = ("y", "yes")


def can_ask() -> bool:
    """Whether stdin and stderr are a terminal, so that the user can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


class TerminalConsentPrompt:
    """The way to the person at the terminal; what `view` shows stands still meanwhile. Anything but a yes is a no."""

    def __init__(self, view: ProgressView) -> None:
        self._view = view
        self._turn = anyio.Lock()

    async def ask(self, showing: ConsentSummary) -> bool:
        """See `tools.core.ports.ConsentPrompt`."""
        async with self._turn:
            with self._view.paused():
                sys.stderr.write(f"\n{showing.text}\n[y/N] ")
                sys.stderr.flush()
                # Given up when the command is interrupted: nothing ends a read of a terminal.
                answer = await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
        return answer.strip().casefold() in _YES
