"""`submittal-mcp worker`: one of several processes that run queued jobs from a shared PostgreSQL database."""

import sys

import anyio
import structlog

from server.auth_wiring import opened_vault
from server.cli.doctor.mounts import compared
from server.cli.errors import CommandError
from server.settings.model import Settings
from server.shutdown import STDIO_SECONDS, force_exit_after, on_shutdown_signal
from server.wiring import open_services, policy_of


class CannotWork(CommandError):
    """This process cannot be a worker; the text says why and how to fix it."""


def check(settings: Settings) -> None:
    """Check the settings of a worker.

    Raises:
        CannotWork: There is no queue to share, nothing may be sent, or this is Windows.
    """
    if sys.platform == "win32":
        raise CannotWork("A worker runs on Linux and macOS. On Windows use `submittal-mcp attach` without --queue.")
    if settings.database_url is None:
        raise CannotWork(
            "Workers share the queue of a PostgreSQL database: set SUBMITTAL_MCP_DATABASE_URL and "
            "SUBMITTAL_MCP_ENCRYPTION_KEYS. On one machine `submittal-mcp attach` needs no worker."
        )
    if settings.read_only:
        raise CannotWork("This machine's settings forbid every change: unset SUBMITTAL_MCP_READ_ONLY for a worker.")
    if not settings.folders:
        raise CannotWork(
            "No folder is allowed, so this worker could read no file. Add --folder, or set SUBMITTAL_MCP_FOLDERS."
        )


def run(settings: Settings, *, files_at_once: int, person: str | None = None, paced: bool = True) -> None:
    """Run jobs until SIGTERM or Ctrl-C, then exit within a second or so; another worker resumes unfinished jobs.

    Not `paced` only where there are no limits.

    Raises:
        CannotWork: See `check`.
        AccError: ACC does not know the person, or is away.
        AuthError: No user is signed in.
    """
    check(settings)
    anyio.run(_work, settings, files_at_once, person, paced)


def _compare_folders(settings: Settings) -> None:
    """Store snapshots of this machine's folders, and log those that differ from another machine's."""
    with opened_vault(settings) as opened:
        for folder, _, strange in compared(opened.database, settings.folders):
            if strange:
                machines = [one.machine for one in strange]
                structlog.get_logger(__name__).warning("folder_differs", folder=str(folder), from_that_on=machines)


async def _work(settings: Settings, files_at_once: int, person: str | None, paced: bool) -> None:  # noqa: FBT001  # anyio.run takes no keywords
    log = structlog.get_logger(__name__)
    policy = policy_of(settings, local_files=True)
    ended = anyio.Event()

    def end() -> None:
        force_exit_after(STDIO_SECONDS)
        ended.set()

    on_shutdown_signal(end)
    async with open_services(
        settings, policy, None, person, files_at_once=files_at_once, patient=True, paced=paced
    ) as services:
        # Without a sign-in a worker would skip every job in silence.
        who = await services.acc.userinfo()
        await anyio.to_thread.run_sync(_compare_folders, settings)
        folders = [str(path) for path in settings.folders]
        log.info("worker_ready", person=who.sub, files_at_once=files_at_once, folders=folders)
        await ended.wait()
        log.info("worker_ends")
