"""Points of a job at which a test kills or freezes a process."""

from typing import Final, get_args

from transfers.jobs.base import Point

AHEAD_POINTS: Final[tuple[Point, ...]] = ("part kept ahead", "identified")
"""Those of a job that runs ahead of its digest alone."""

POINTS: Final[tuple[Point, ...]] = tuple(point for point in get_args(Point) if point not in AHEAD_POINTS)
"""Those of every job."""
