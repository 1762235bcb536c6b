"""Progress of `attach` on a terminal: bars that never go back, bytes and speed, and a line for every file at its end."""

import io
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from server.cli.attach.progress import PlainProgress, RichProgress
from server.cli.attach.results import RowResult

SIZE = 1_000_000
FILE: Any = SimpleNamespace(row=SimpleNamespace(number=2), file=Path("beam.pdf"), size=SIZE)


def drawn(*moves: tuple[float, str], ends: bool = False, width: int = 140, file: Any = FILE) -> str:
    stream = io.StringIO()
    view = RichProgress(Console(file=stream, force_terminal=True, width=width, color_system=None))
    with view.showing():
        view.begins(1, SIZE)
        for done, word in moves:
            view.moved(file, done, 2 * SIZE, word)
        if ends:
            result = RowResult(row=2, project="P", submittal="S", file="beam.pdf", outcome="done", state="ready")
            view.ended(FILE, result)
    return stream.getvalue()


def test_a_bar_does_not_fall_back_when_acc_begins_to_process():
    assert re.search(r"beam\.pdf .*100%.*processing", drawn((2 * SIZE, "sent"), (0, "processing")))
    assert not re.search(r"beam\.pdf .* 0%.*processing", drawn((0, "processing")))  # one that was never seen before
    assert re.search(r"beam\.pdf .* 75%.*uploading", drawn((1.5 * SIZE, "uploading"), (0, "uploading")))


def test_a_bar_shows_bytes_and_speed():
    assert re.search(r"750\.0 kB of 1\.0 MB, .*/s", drawn((1.5 * SIZE, "uploading")))


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (40, r"…  75% 750\.0 kB of 1\.0 MB"),
        (60, r"…  75% 750\.0 kB of 1\.0 MB, \S+ \S+/s"),
        (80, r"…  75% 750\.0 kB of 1\.0 MB, \S+ \S+/s uploading \d?-?:\S+"),
        (120, r"… [━╸╺ ]+ 75% 750\.0 kB of 1\.0 MB, \S+ \S+/s uploading \d?-?:\S+"),
    ],
)
def test_in_a_narrow_terminal_a_name_is_cut_and_no_figure(width: int, shown: str) -> None:
    long: Any = SimpleNamespace(
        row=FILE.row, file=Path("Structural steel beam shop drawings, " * 4 + ".pdf"), size=SIZE
    )
    written = drawn((1.5 * SIZE, "uploading"), width=width, file=long)
    lines = [line.rstrip() for line in re.split(r"[\r\n]|\x1b\[[\d?]*[A-Za-z]", written) if "Structural" in line]
    assert lines
    assert all(re.search(rf"\AStruct[^…]*{shown}\Z", line) and len(line) <= width for line in lines), lines


def test_a_terminal_keeps_a_line_for_every_file():
    assert "1 of 1  beam.pdf: ready" in drawn((2 * SIZE, "sent"), ends=True)


@pytest.mark.parametrize("view", ["terminal", "log"])
def test_no_name_moves_the_cursor_or_hides_a_line(view: str) -> None:
    odd: Any = SimpleNamespace(row=FILE.row, file=Path("a\u202e\x1b[2J\u200b[red]:house:fdp.exe"), size=SIZE)
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=140, color_system=None)
    shown = RichProgress(console) if view == "terminal" else PlainProgress(stream)
    result = RowResult(row=2, project="P", submittal="S", file="x", outcome="done", state="ready")
    with shown.showing():
        shown.begins(1, SIZE)
        shown.moved(odd, SIZE, 2 * SIZE, "uploading")
        shown.ended(odd, result)
    written = stream.getvalue()
    assert "\x1b[2J" not in written
    assert not set("\u202e\u200b") & set(written)
    assert "a\\u202e\\x1b[2J\\u200b[red]:house:fdp.exe: ready" in written
