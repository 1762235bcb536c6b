"""`submittal-mcp jobs`: list, cancel and resume the jobs of this machine's database."""

import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, TypeVar

import anyio
import anyio.to_thread

from acc.errors import AccError
from auth.errors import AuthError
from server.auth_wiring import account_of, state_location
from server.cli.errors import CommandError, error_text
from server.cli.output import json_text, say
from server.cli.own_command import callable_hints
from server.settings.model import Settings
from transfers.categories_and_states import FOLLOW_SECONDS
from transfers.errors import TransferError
from transfers.files.pasted_text import unwrap
from transfers.jobs.recovery import JobEligibility
from transfers.jobs.report import RESERVATION_STAYS, JobLine, job_line
from transfers.jobs.repository import JobRepository
from transfers.jobs.rows import OPEN, QUEUED

if TYPE_CHECKING:
    from tools.core.policy import ToolPolicy
    from transfers.jobs.base import Job
    from transfers.jobs.rows import JobRow
    from transfers.jobs.runner import WaitOptions
    from transfers.manager import TransferManager

T = TypeVar("T")

SHOWN: Final = 200
"""The newest so many are listed."""

RESUME_SECONDS: Final = 24 * 3600.0


class JobsProblem(CommandError):
    """A job that cannot be found, cancelled or resumed; the text is for the user."""


def show(settings: Settings, person: str | None = None, *, everything: bool, as_json: bool) -> None:
    """Print the jobs, the newest first: those with something left to do, or `everything`.

    Raises:
        UserNotSignedIn: `person`, whose jobs alone are wanted, is not signed in.
    """
    of, there = _person_key(settings, person), state_location(settings).exists()
    read = lambda repository: _lines(repository, of, everything=everything)  # noqa: E731
    lines, more = _with_repository(settings, read) if there else ([], False)
    if more:
        say(f"There are more than {SHOWN} jobs: these are the newest.", err=True)
    if as_json:
        sys.stdout.write(json_text([_as_json(line) for line in lines]) + "\n")
        return
    for line in lines:
        for one in _written(line):
            say(one)
    if not lines:
        say("No jobs." if everything else "No unfinished jobs.")


def cancel(settings: Settings, job_id: str, person: str | None = None) -> None:
    """Cancel a job: at once where no process runs it, else within a second.

    Raises:
        JobsProblem: There is no such job, of `person` where one is named, or it cannot be cancelled.
        UserNotSignedIn: That person is not signed in.
    """
    of = _person_key(settings, person)

    async def work(repository: JobRepository) -> str:
        row = await _find(repository, job_id, of)
        if row.status not in (OPEN, QUEUED):
            raise JobsProblem(f"Job {row.id} is {row.status}: there is nothing to cancel.")
        at_once = await repository.request_cancel(row.id)
        told = "is cancelled." if at_once else "is being cancelled by the process that runs it."
        return f"Job {row.id} {told}{f' {RESERVATION_STAYS}' if row.attachment_id else ''}"

    say(_with_repository(settings, work))


def resume(settings: Settings, job_id: str, person: str | None = None) -> None:
    """Resume a job as `person` (an e-mail address) or as the current user, and wait for it to finish.

    Raises:
        JobsProblem: There is no such job, or the settings forbid going on with it.
        TransferError: It is another person's, or its file may not be read or is another.
        JobStopped: It stopped again.
        StorageProblem: The database cannot be used, or was written by a newer version.
    """
    from server.wiring import open_services, policy_of
    from transfers.jobs.runner import WaitOptions

    async def tick(job: "Job") -> None:
        say(f"{job.name}: {job.state}", err=True)

    policy = policy_of(settings, local_files=True)
    if policy.read_only:
        raise JobsProblem("This would change ACC, and SUBMITTAL_MCP_READ_ONLY is set; unset it to resume the job.")

    async def work() -> str:
        async with open_services(settings, policy, None, person) as services:
            job = await _resumed(services.transfers, job_id, policy, WaitOptions(RESUME_SECONDS, tick))
        return f"Job {job.id} is {job.state}."

    say(anyio.run(work))


async def _resumed(transfers: "TransferManager", job_id: str, policy: "ToolPolicy", patience: "WaitOptions") -> "Job":
    row = await _find(transfers.repository, job_id)
    if not policy.allows(row.project_id):
        raise JobsProblem(f"Job {row.id} belongs to a project that SUBMITTAL_MCP_PROJECTS leaves out.")
    if row.base_url != transfers.context.acc.hosts.api:
        raise JobsProblem(f"Job {row.id} is of {row.base_url}; set APS_BASE_URL to go on with it there.")
    job = await transfers.repository.load(row)
    if not job.running:
        try:
            await JobEligibility(transfers.context, policy.allows).check(row)
        except (AccError, AuthError, TransferError) as problem:
            raise JobsProblem(f"Job {row.id} is left as it is. {error_text(problem)}") from problem
    await transfers.runner.start(job)
    return await transfers.runner.wait(job, patience)


def _person_key(settings: Settings, person: str | None) -> tuple[str, str] | None:
    """Return base URL and id of a signed-in person, by which jobs name them."""
    if person is None:
        return None
    account = account_of(settings, person)
    return account.base_url, account.subject


async def _find(repository: JobRepository, job_id: str, of: tuple[str, str] | None = None) -> "JobRow":
    start = unwrap(job_id).strip("…").casefold()
    found = await repository.ask(lambda tables: tables.find_by_prefix(start, of=of)) if start else []
    if len(found) != 1:
        whose = " of this person" if of else ""
        how_many = f"No job{whose} has" if not found else f"Several jobs{whose} have"
        raise JobsProblem(f"{how_many} an id that begins with {job_id!r}; `submittal-mcp jobs list --all` shows them.")
    return found[0]


async def _lines(
    repository: JobRepository, of: tuple[str, str] | None = None, *, everything: bool
) -> tuple[list[JobLine], bool]:
    """Return the newest jobs, and whether there are more."""
    now = time.time()
    since = None if everything else now - FOLLOW_SECONDS
    found = await repository.ask(lambda tables: tables.recent(limit=SHOWN + 1, open_since=since, of=of))
    rows = found[:SHOWN]
    at_work = await repository.at_work(rows)
    return [job_line(row, alive=row.id in at_work, now=now) for row in rows], len(found) > SHOWN


def _as_json(line: JobLine) -> dict[str, object]:
    return {**asdict(line), "advice": line.advice and callable_hints(line.advice)}


def _written(line: JobLine) -> list[str]:
    sent = f"{line.bytes_sent:,} of {line.bytes_total:,} bytes" if line.bytes_total is not None else "no bytes of ours"
    why = f" ({line.failure} at {line.step})" if line.failure else ""
    first = f"{line.id[:12]}  {line.standing}{why}  {line.name!r}  {sent}"
    reserved = "" if line.attachment_id else ", not reserved yet"
    where = f"    submittal {line.submittal or line.item_id}{reserved}"
    waits = [f"    waits for {line.waits_for}"] if line.waits_for else []
    return [first, where, *waits, *([f"    {line.advice}"] if line.advice else [])]


async def unfinished(settings: Settings) -> tuple[list[JobLine], bool]:
    """Return the newest jobs with something left to do, and whether there are more.

    Raises:
        StorageProblem: The database or its keys cannot be used.
    """
    place = state_location(settings)
    if not place.exists():
        return [], False
    repository = JobRepository(place)
    try:
        return await _lines(repository, everything=False)
    finally:
        await repository.close()


def _with_repository(settings: Settings, work: Callable[[JobRepository], Awaitable[T]]) -> T:
    async def run() -> T:
        repository = JobRepository(state_location(settings))
        try:
            return await work(repository)
        finally:
            await repository.close()

    return anyio.run(run)
