"""Doctor checks of jobs: unfinished uploads, and how to finish them."""

from collections.abc import AsyncIterator
from typing import Final

from persistence.errors import StorageProblem
from server.cli.doctor.report import CheckResult, ok, skipped, warning
from server.cli.jobs import unfinished
from server.settings.model import Settings
from transfers.jobs.report import JobLine

_CHECK: Final = "transfers"
_MOST: Final = 5


async def transfers(settings: Settings) -> AsyncIterator[CheckResult]:
    """Check for unfinished jobs."""
    try:
        left = [line for line in await unfinished(settings) if line.standing not in ("running", "processing")]
    except StorageProblem:
        yield skipped(_CHECK, "the database could not be looked into")
        return
    for line in left[:_MOST]:
        yield _left(line)
    if len(left) > _MOST:
        more = f"{len(left) - _MOST} more were left behind"
        yield warning(_CHECK, more, "`submittal-mcp jobs list` shows them all")
    if not left:
        yield ok(_CHECK, "nothing was left behind")


def _left(line: JobLine) -> CheckResult:
    why = f" ({line.failure} at {line.step})" if line.failure else ""
    what = f"{line.name!r} for submittal {line.submittal or line.item_id}"
    return warning(_CHECK, f"{what} is {line.standing}{why} and waits for {line.waits_for}", line.advice)
