"""What `upload.py` says of its runs: medians, the table, the ratios and the plot."""

import os
import platform
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from upload_contestants import RUNNERS, Figures

MIB, GIB = 1024**2, 1024**3
SIZES = {"120MB": 120_000_000, "1GiB": GIB, "8GiB": 8 * GIB}

_NAMES = {size: name for name, size in SIZES.items()}


@dataclass(frozen=True)
class Row:
    """The medians of one contestant on one wire with one size."""

    size: int
    tls: bool
    contestant: str
    send_speed: float
    total_speed: float
    hash_seconds: float
    send_seconds: float
    seconds: float
    cpu_per_gib: float
    memory: int


def rows(found: list[Figures]) -> list[Row]:
    """Reduce the runs to medians (memory: to the maximum)."""
    reduced = []
    for size, tls, contestant in dict.fromkeys((one.size, one.tls, one.contestant) for one in found):
        runs = [one for one in found if (one.size, one.tls, one.contestant) == (size, tls, contestant)]

        def median(of: Callable[[Figures], float], runs: list[Figures] = runs) -> float:
            return statistics.median(of(run) for run in runs)

        reduced.append(
            Row(
                size=size,
                tls=tls,
                contestant=contestant,
                send_speed=size / MIB / median(lambda run: run.send_seconds),
                total_speed=size / MIB / median(lambda run: run.seconds),
                hash_seconds=median(lambda run: run.hash_seconds),
                send_seconds=median(lambda run: run.send_seconds),
                seconds=median(lambda run: run.seconds),
                cpu_per_gib=median(lambda run: run.cpu_seconds) / (size / GIB),
                memory=max(run.memory for run in runs),
            )
        )
    return reduced


def table(reduced: list[Row]) -> str:
    """Return the markdown table."""
    lines = [
        "| size | wire | contestant | send MiB/s | hash s | send s | total s | total MiB/s | CPU s/GiB | memory MiB |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {_NAMES[row.size]} | {'TLS' if row.tls else 'plain'} | {row.contestant} | {row.send_speed:.0f} "
        f"| {row.hash_seconds:.2f} | {row.send_seconds:.2f} | {row.seconds:.2f} | {row.total_speed:.0f} "
        f"| {row.cpu_per_gib:.2f} | {row.memory / MIB:.0f} |"
        for row in reduced
    ]
    return "\n".join(lines)


def ratios(reduced: list[Row]) -> str:
    """Return how our send phase compares, a line for each size and wire."""
    speeds = {(row.size, row.tls, row.contestant): row.send_speed for row in reduced}
    return "\n".join(
        f"- {_NAMES[size]}, {'TLS' if tls else 'plain'}: {ours / speeds[size, tls, 'boto3']:.2f} times boto3, "
        f"{ours / speeds[size, tls, 'curl']:.2f} times curl"
        for (size, tls, contestant), ours in speeds.items()
        if contestant == "ours"
    )


def summary(reduced: list[Row], rounds: int) -> str:
    """Return table and ratios as they stand in the page."""
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    return (
        f"Medians of {rounds} runs (8 GiB: one run) over loopback, contestant and sink on the same {machine}.\n\n"
        f"{table(reduced)}\n\nOur send phase, which hashes every part again while it sends:\n\n{ratios(reduced)}"
    )


def plot(reduced: list[Row], path: Path) -> None:
    """Draw the speed of the send phase."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    groups = list(dict.fromkeys((row.size, row.tls) for row in reduced))
    figure, axes = plt.subplots(figsize=(9, 4.2))
    width = 0.8 / len(RUNNERS)
    for index, contestant in enumerate(RUNNERS):
        speeds = [
            row.send_speed
            for group in groups
            for row in reduced
            if (row.size, row.tls, row.contestant) == (*group, contestant)
        ]
        axes.bar([place + index * width for place in range(len(groups))], speeds, width, label=contestant)
    axes.set_xticks(
        [place + 0.4 - width / 2 for place in range(len(groups))],
        [f"{_NAMES[size]}\n{'TLS' if tls else 'plain'}" for size, tls in groups],
    )
    axes.set_ylabel("MiB/s while sending")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
