"""`submittal-mcp jobs`: what is under way on this machine's database, and what a call cannot do about it."""

import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, TypeVar

import anyio
import anyio.to_thread

from server.identity import place_of
from server.settings import Settings
from server.signing import NothingToDo
from transfers.job_report import JobLine, job_line
from transfers.job_rows import OPEN, QUEUED
from transfers.ledger import Ledger
from transfers.state import FOLLOW_SECONDS

if TYPE_CHECKING:
    from tools.policy import Policy
    from transfers.attaching import Transfers
    from transfers.job import Job
    from transfers.job_rows import JobRow
    from transfers.patience import Patience

T = TypeVar("T")

SHOWN: Final = 200
"""The newest so many are listed; what is done is seldom of interest."""

RESUME_SECONDS: Final = 24 * 3600.0


class JobsProblem(NothingToDo):
    """A job that cannot be found or gone on with; the text is for a person."""


def show(settings: Settings, *, everything: bool, as_json: bool) -> None:
    """Print the jobs, the newest first: those with something left to do, or `everything`."""
    there = place_of(settings).exists()
    lines = _with_ledger(settings, lambda ledger: _lines(ledger, everything=everything)) if there else []
    if as_json:
        sys.stdout.write(json.dumps([asdict(line) for line in lines], ensure_ascii=False) + "\n")
        return
    for line in lines:
        sys.stdout.write("\n".join(_written(line)) + "\n")
    if not lines:
        sys.stdout.write("No job has anything left to do.\n")


def cancel(settings: Settings, job_id: str) -> None:
    """Call a job off: at once where nobody works on it, else within a second.

    Raises:
        JobsProblem: There is no such job, or none that can be called off.
    """

    async def work(ledger: Ledger) -> str:
        row = await _find(ledger, job_id)
        if row.status not in (OPEN, QUEUED):
            raise JobsProblem(f"Job {row.id} is {row.status}: there is nothing to stop.")
        if await ledger.ask(lambda store: store.call_off(row.id)):
            return f"Job {row.id} is cancelled."
        return f"Job {row.id} is being stopped by the process that works on it."

    sys.stdout.write(_with_ledger(settings, work) + "\n")


def resume(settings: Settings, job_id: str) -> None:
    """Go on with a job here, and wait for its end.

    Raises:
        JobsProblem: There is no such job, or the settings forbid going on with it.
        JobStopped: It stopped again.
        StorageProblem: The database cannot be used, or was written by a newer version.
    """
    from server.desk import open_desk, policy_of
    from transfers.patience import Patience

    async def tick(job: "Job") -> None:
        sys.stderr.write(f"{job.name}: {job.state}\n")

    policy = policy_of(settings, local_files=True)
    if policy.read_only:
        raise JobsProblem("This would change ACC, and SUBMITTAL_MCP_READ_ONLY is set; unset it to go on with the job.")

    async def work() -> str:
        async with open_desk(settings, policy, None) as desk:
            job = await _resumed(desk.transfers, job_id, policy, Patience(RESUME_SECONDS, tick))
        return f"Job {job.id} is {job.state}."

    sys.stdout.write(anyio.run(work) + "\n")


async def _resumed(transfers: "Transfers", job_id: str, policy: "Policy", patience: "Patience") -> "Job":
    row = await _find(transfers.ledger, job_id)
    if not policy.allows(row.project_id):
        raise JobsProblem(f"Job {row.id} is of a project that SUBMITTAL_MCP_PROJECTS leaves out.")
    job = await transfers.jobs.load(row)
    await transfers.jobs.start(job)
    return await transfers.jobs.wait(job, patience)


async def _find(ledger: Ledger, job_id: str) -> "JobRow":
    found = await ledger.ask(lambda store: store.beginning_with(job_id))
    if len(found) != 1:
        how_many = "No job has" if not found else "Several jobs have"
        raise JobsProblem(f"{how_many} an id that begins with {job_id!r}; `submittal-mcp jobs list --all` shows them.")
    return found[0]


async def _lines(ledger: Ledger, *, everything: bool) -> list[JobLine]:
    now = time.time()
    since = None if everything else now - FOLLOW_SECONDS
    rows = await ledger.ask(lambda store: store.recent(limit=SHOWN, open_since=since))
    return [job_line(row, alive=await ledger.works(row.owner), now=now) for row in rows]


def _written(line: JobLine) -> list[str]:
    sent = f"{line.bytes_sent:,} of {line.bytes_total:,} bytes" if line.bytes_total is not None else "no bytes of ours"
    why = f" ({line.failure} at {line.step})" if line.failure else ""
    first = f"{line.id[:12]}  {line.standing}{why}  {line.name!r}  {sent}"
    where = f"    submittal {line.item_id}, attachment {line.attachment_id or 'not reserved yet'}"
    return [first, where, *([f"    {line.advice}"] if line.advice else [])]


async def unfinished(settings: Settings) -> list[JobLine]:
    """Return the jobs with something left to do, the newest first.

    Raises:
        StorageProblem: The database or its keys cannot be used.
    """
    place = place_of(settings)
    if not place.exists():
        return []
    ledger = Ledger(place)
    try:
        return await _lines(ledger, everything=False)
    finally:
        await ledger.close()


def _with_ledger(settings: Settings, work: Callable[[Ledger], Awaitable[T]]) -> T:
    async def run() -> T:
        ledger = Ledger(place_of(settings))
        try:
            return await work(ledger)
        finally:
            await ledger.close()

    return anyio.run(run)
