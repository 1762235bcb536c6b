"""Progress on stderr: bars on a terminal, else a line per finished file."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final, Protocol, TextIO

from server.cli.attach.results import RowResult
from tools.core.text_sanitizer import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from server.cli.attach.preflight import ValidatedRow


class ProgressView(Protocol):
    """Progress display of a run; entered before the first file."""

    def showing(self) -> AbstractContextManager[Any]:
        """Show the display for the block."""

    def checked(self, done: int, total: int) -> None:
        """Report look-ups done, and their total."""

    def begins(self, files: int, total_bytes: int) -> None:
        """Report the end of the check, and the work to do."""

    def moved(self, file: "ValidatedRow", done: float, total: float, word: str) -> None:
        """Report progress of a file; every byte counts twice: hashed, then sent."""

    def ended(self, file: "ValidatedRow", result: RowResult) -> None:
        """Report the result of a file."""

    def paused(self) -> AbstractContextManager[None]:
        """Pause the display for a question."""


def view_for(stream: TextIO) -> ProgressView:
    """Return progress bars if `stream` is a terminal that can draw them, else lines."""
    from rich.console import Console

    console = Console(file=stream)
    return RichProgress(console) if console.is_terminal and not console.is_dumb_terminal else PlainProgress(stream)


class PlainProgress:
    """A line for each file, for logs and pipelines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._files = self._ended = 0

    def showing(self) -> AbstractContextManager[Any]:
        """See `ProgressView`."""
        return nullcontext()

    def checked(self, done: int, total: int) -> None:
        """No output: logs get only results."""

    def begins(self, files: int, total_bytes: int) -> None:
        """See `ProgressView`."""
        self._files = files
        self._say(f"Everything is checked: {files} {'file' if files == 1 else 'files'}, {total_bytes:,} bytes.")

    def moved(self, file: "ValidatedRow", done: float, total: float, word: str) -> None:
        """No output: only the end is reported."""

    def ended(self, file: "ValidatedRow", result: RowResult) -> None:
        """See `ProgressView`."""
        self._ended += 1
        self._say(_end_line(self._ended, self._files, file, result))

    def paused(self) -> AbstractContextManager[None]:
        """See `ProgressView`."""
        return nullcontext()

    def _say(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


BAR: Final = 24

SPEED_WIDTH: Final = 60
STATE_WIDTH: Final = 75
BAR_WIDTH: Final = 110
"""Columns of a terminal from which on there is room for the speed, the state with the remaining time, and a bar."""


class RichProgress:
    """A bar for each file in progress, and one for all."""

    def __init__(self, console: "Console") -> None:
        from rich.filesize import decimal
        from rich.progress import BarColumn, Progress, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.table import Column
        from rich.text import Text

        class SentColumn(TextColumn):
            """Bytes and speed of a bar whose every byte counts twice."""

            def render(self, task: Task) -> Text:
                """Return both, or nothing for a bar that counts look-ups."""
                if not task.fields["bytes"]:
                    return Text()
                speed = f", {decimal(int((task.speed or 0) / 2))}/s" if width >= SPEED_WIDTH else ""
                return Text(f"{decimal(int(task.completed / 2))} of {decimal(int((task.total or 0) / 2))}{speed}")

        # Rich cuts every column where a window is narrow; a name can be cut, and the least needed columns left out.
        width = console.width
        taken = 26 + 13 * (width >= SPEED_WIDTH) + 19 * (width >= STATE_WIDTH) + (BAR + 1) * (width >= BAR_WIDTH)
        name = Column(no_wrap=True, overflow="ellipsis", max_width=max(8, width - taken))
        bar = [BarColumn(BAR)] if width >= BAR_WIDTH else []
        state = [TextColumn("{task.fields[word]}", markup=False), TimeRemainingColumn()] if width >= STATE_WIDTH else []
        # Names of files are never markup.
        self._progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=name),
            *bar,
            TaskProgressColumn(),
            SentColumn(""),
            *state,
            console=console,
            transient=True,
        )
        self._all: TaskID | None = None
        self._bars: dict[int, TaskID] = {}
        self._done: dict[int, float] = {}
        self._files = self._ended = 0

    def showing(self) -> AbstractContextManager[Any]:
        """See `ProgressView`."""
        return self._progress

    def checked(self, done: int, total: int) -> None:
        """See `ProgressView`."""
        if self._all is None:
            self._all = self._progress.add_task("Checking", total=total, word="", bytes=False)
        self._progress.update(self._all, completed=done, total=total)

    def begins(self, files: int, total_bytes: int) -> None:
        """See `ProgressView`."""
        if self._all is not None:
            self._progress.remove_task(self._all)
        self._files = files
        self._all = self._progress.add_task("All files", total=2 * total_bytes, word=f"0 of {files}", bytes=True)

    def moved(self, file: "ValidatedRow", done: float, total: float, word: str) -> None:
        """See `ProgressView`."""
        number = file.row.number
        # What ACC does with a file begins when all its bytes are there, and tells of none: a bar never goes back.
        done = total if word == "processing" else max(done, self._done.get(number, 0))
        if number not in self._bars:  # what ends before anybody looks needs no bar
            self._bars[number] = self._progress.add_task(
                visible(file.file.name), completed=int(done), total=total, word=word, bytes=True
            )  # which is drawn at once
        self._progress.update(self._bars[number], completed=done, total=total, word=word)
        self._add(file, done)

    def ended(self, file: "ValidatedRow", result: RowResult) -> None:
        """See `ProgressView`."""
        self._ended += 1
        self._add(file, 2 * file.size)
        bar = self._bars.pop(file.row.number, None)
        if bar is not None:
            self._progress.remove_task(bar)
        line = _end_line(self._ended, self._files, file, result)
        self._progress.console.print(line, markup=False, emoji=False, highlight=False)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """See `ProgressView`."""
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()

    def _add(self, file: "ValidatedRow", done: float) -> None:
        more = done - self._done.get(file.row.number, 0)
        self._done[file.row.number] = done
        if self._all is not None:
            self._progress.update(self._all, advance=more, word=f"{self._ended} of {self._files}")


def _end_line(ended: int, files: int, file: "ValidatedRow", result: RowResult) -> str:
    return visible(f"{ended} of {files}  {file.file.name}: {_word(result)}")


def _word(result: RowResult) -> str:
    if result.error is not None:
        return f"{result.outcome} ({result.error.code})"
    already = ", there already" if result.already_attached else ""
    return f"{result.state or result.outcome}{already}"
