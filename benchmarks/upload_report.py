"""What `upload.py` says of its runs: medians, the tables, the ratios and the plot."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

MIB, GIB = 1024**2, 1024**3
SIZES = {"1MB": 1_000_000, "10MB": 10_000_000, "120MB": 120_000_000, "1GiB": GIB, "8GiB": 8 * GIB}
PEER = "autodesk-platform-sdk"
OURS, SHARE = "ours", "ours, from a share"

_NAMES = {size: name for name, size in SIZES.items()}
_COLOURS = {OURS: "#0072b2", PEER: "#cc79a7", "boto3": "#e69f00", "curl": "#009e73", "http.client": "#999999"}
"""Of Okabe and Ito, which every eye tells apart; each bar also bears its name."""


@dataclass(frozen=True)
class Line:
    """What lies between contestant and storage; `sizes` are those sent over it, or none for all."""

    name: str
    tls: bool
    rate: float = 0.0
    part_seconds: float = 0.0
    api_seconds: float = 0.0
    sizes: tuple[int, ...] = ()


LINES = (
    Line("TLS", tls=True),
    Line("plain", tls=False),
    Line("plain, 40 ms a part", tls=False, part_seconds=0.04, sizes=(SIZES["120MB"],)),
    Line(
        "TLS, 1 Gbit/s, 100 ms an answer of ACC, 50 ms a part",
        tls=True,
        rate=125e6,
        part_seconds=0.05,
        api_seconds=0.1,
        sizes=(SIZES["120MB"],),
    ),
)

GOALS = (
    ("120MB", LINES[0], {PEER: 0.8, "boto3": 0.95, "curl": 1.35}),
    ("120MB", LINES[1], {PEER: 0.9}),
    ("120MB", LINES[2], {PEER: 0.3}),
    ("1GiB", LINES[0], {"boto3": 0.8, "curl": 1.25}),
    ("120MB", LINES[3], {PEER: 0.55}),
)
"""What was aimed at: our seconds at most so many times those of another."""

CPU_GOALS = {"TLS": 1.8, "plain": 1.25}
MEMORY_GOAL = 8 * MIB
SHARE_GOAL = 1.1


@dataclass(frozen=True)
class Figures:
    """One run."""

    contestant: str
    line: str
    size: int
    seconds: float
    cpu_seconds: float
    memory: int

    def told(self) -> str:
        """Return it as a line for who watches."""
        return f"{_NAMES[self.size]:>6} {self.line:12.12} {self.contestant:22} {self.seconds:8.3f} s"


@dataclass(frozen=True)
class Row:
    """The medians of one contestant on one line with one size; `least` and `most` are seconds too."""

    size: int
    line: str
    contestant: str
    seconds: float
    least: float
    most: float
    cpu_per_gib: float
    memory: int


def rows(found: Sequence[Figures]) -> list[Row]:
    """Reduce the runs to medians (memory: to the maximum), the sizes and lines in their order."""
    reduced = []
    order = {line.name: number for number, line in enumerate(LINES)}
    cells = dict.fromkeys((one.size, one.line, one.contestant) for one in found)
    for size, line, contestant in sorted(cells, key=lambda cell: (cell[0], order[cell[1]])):
        runs = [one for one in found if (one.size, one.line, one.contestant) == (size, line, contestant)]
        seconds = [run.seconds for run in runs]
        reduced.append(
            Row(
                size=size,
                line=line,
                contestant=contestant,
                seconds=statistics.median(seconds),
                least=min(seconds),
                most=max(seconds),
                cpu_per_gib=statistics.median(run.cpu_seconds for run in runs) / (size / GIB),
                memory=max(run.memory for run in runs),
            )
        )
    return reduced


def table(reduced: Sequence[Row]) -> str:
    """Return the markdown table: the total first."""
    lines = [
        "| size | line | contestant | total s | least to most | times ours | CPU s/GiB | memory MiB |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    ours = {(row.size, row.line): row.seconds for row in reduced if row.contestant == OURS}
    lines += [
        f"| {_NAMES[row.size]} | {row.line} | {row.contestant} | **{row.seconds:.3f}** "
        f"| {row.least:.3f} to {row.most:.3f} | {row.seconds / ours[row.size, row.line]:.2f} "
        f"| {row.cpu_per_gib:.2f} | {row.memory / MIB:.0f} |"
        for row in reduced
    ]
    return "\n".join(lines)


def ratios(reduced: Sequence[Row]) -> str:
    """Return what was aimed at beside what was found."""
    seconds = {(_NAMES[row.size], row.line, row.contestant): row.seconds for row in reduced}
    lines = ["| aimed at | found | reached |", "|---|--:|---|"]
    for size, line, goals in GOALS:
        for other, goal in goals.items():
            if (size, line.name, other) in seconds:
                found = seconds[size, line.name, OURS] / seconds[size, line.name, other]
                lines.append(_judged(f"{size}, {line.name}: ours at most {goal} times {other}", found, goal, ""))
    mine = {(_NAMES[row.size], row.line): row for row in reduced if row.contestant == OURS}
    for row in reduced:
        if row.contestant == SHARE:
            found = row.seconds / mine[_NAMES[row.size], row.line].seconds
            what = f"a file on a share of 110 MB/s at most {SHARE_GOAL} times one on the disk"
            lines.append(_judged(f"{_NAMES[row.size]}, {row.line}: {what}", found, SHARE_GOAL, ""))
    for line, goal in CPU_GOALS.items():
        if ("1GiB", line) in mine:
            found = mine["1GiB", line].cpu_per_gib
            lines.append(_judged(f"1GiB, {line}: CPU at most {goal} s/GiB", found, goal, ""))
    if ("8GiB", "TLS") in mine and ("120MB", "TLS") in mine:
        grown = (mine["8GiB", "TLS"].memory - mine["120MB", "TLS"].memory) / MIB
        what = f"memory from 120MB to 8GiB grows by at most {MEMORY_GOAL // MIB} MiB"
        lines.append(_judged(what, grown, MEMORY_GOAL / MIB, " MiB"))
    return "\n".join(lines)


def _judged(what: str, found: float, goal: float, unit: str) -> str:
    return f"| {what} | {found:.2f}{unit} | {'yes' if found <= goal else '**no**'} |"


def summary(reduced: Sequence[Row], rounds: int, load: float) -> str:
    """Return tables and ratios as they stand in the page."""
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, load {load:.1f}"
    once = ", 8GiB once" if any(row.size == SIZES["8GiB"] for row in reduced) else ""
    return (
        f"Medians of {rounds} interleaved runs{once}, contestant and sink on the same {machine}.\n\n"
        f"{ratios(reduced)}\n\n{table(reduced)}"
    )


_STYLE = """text { font: 13px system-ui, sans-serif; fill: #1f2328 } .head { font-weight: 600 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }"""
_BAR, _GAP, _LEFT, _WIDE, _TOTAL = 18, 6, 164, 230, 460
"""Narrow, so that a phone shows the numbers at almost their size."""


def plot(reduced: Sequence[Row]) -> str:
    """Draw the seconds in all over TLS as an SVG that is read on light and on dark: a bar a contestant, by size."""
    drawn, top = [], 8
    for size in dict.fromkeys(row.size for row in reduced):
        bars = [row for row in reduced if (row.size, row.line) == (size, LINES[0].name)]
        longest = max(row.seconds for row in bars)
        top += 18
        drawn.append(f'<text class="head" x="{_LEFT}" y="{top}">{_NAMES[size]} over TLS, seconds in all</text>')
        top += 8
        for row in bars:
            middle, width = top + _BAR * 0.72, max(2.0, _WIDE * row.seconds / longest)
            drawn += [
                f'<text x="{_LEFT - 8}" y="{middle:.0f}" text-anchor="end">{row.contestant}</text>',
                f'<rect x="{_LEFT}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="{_COLOURS[row.contestant]}"/>',
                f'<text x="{_LEFT + width + 6:.1f}" y="{middle:.0f}">{row.seconds:.3f}</text>',
            ]
            top += _BAR + _GAP
        top += 10
    size = f'width="{_TOTAL}" height="{top}" viewBox="0 0 {_TOTAL} {top}"'
    body = "\n".join(drawn)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<style>{_STYLE}</style>\n{body}\n</svg>\n'
