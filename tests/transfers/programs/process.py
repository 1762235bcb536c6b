"""One process of a person, as a server would be: attaches what it is told to, takes up what others left, and dies.

It says everything that a test may want to wait for, and ends when it is told to, or with the test.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import structlog
from pydantic import BaseModel

from acc.client import AccClient
from acc.hosts import AutodeskHosts
from acc.retry import RetryPolicy
from acc.transport import storage_client
from auth.oauth import StaticTokenSource
from persistence.data_folder import StateLocation
from transfers.files.allowed_folders import AllowedFolders
from transfers.files.local_file import FilePolicy
from transfers.idempotency import AttachTarget
from transfers.jobs.base import Job
from transfers.jobs.context import JobContext
from transfers.jobs.repository import JobRepository
from transfers.jobs.runner import WaitOptions
from transfers.manager import TransferManager
from transfers.upload.read_ahead import ReadAheadLimits


class Orders(BaseModel):
    """What the process is to do; `die_at` is a point of a job at which it kills itself, as `kill -9`
    would, `freeze_at` one at which it stops, as under SIGSTOP. With `ahead` any file is sent while it is read, part by
    part."""

    base_url: str
    token: str
    folders: list[str]
    data_dir: str
    database_url: str | None = None
    keys: str
    where: dict[str, Any]
    attach: str | None = None
    confirm: bool = False
    key: str | None = None
    die_at: str | None = None
    freeze_at: str | None = None
    takes_up: bool = True
    ahead: bool = False


def later() -> float:
    """Long after the file was written: only what has rested is sent ahead."""
    return time.time() + 60


async def work(orders: Orders, test: Connection) -> None:
    def say(**facts: Any) -> None:
        test.send(facts)

    def wait() -> None:
        with suppress(EOFError):
            test.recv()

    frozen: list[str] = []

    def reached(point: str) -> None:
        say(reached=point)
        if point == orders.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if point == orders.freeze_at and not frozen:
            frozen.append(point)  # once: the job may come back to this process and pass the point again
            os.kill(os.getpid(), signal.SIGSTOP)

    async def tick(job: Job) -> None:
        say(state=job.state)

    hosts = AutodeskHosts.at(orders.base_url)
    policy = RetryPolicy(attempts=3, base=0, cap=0)
    async with AccClient(hosts, StaticTokenSource(orders.token), policy=policy) as acc:
        repository = JobRepository(StateLocation(Path(orders.data_dir), orders.database_url, orders.keys))
        transfers = TransferManager(
            JobContext(
                acc,
                1 if orders.ahead else 4,
                lambda: storage_client(hosts),
                repository,
                AllowedFolders([Path(folder) for folder in orders.folders]),
                FilePolicy(frozenset(), 10**12),
                reached=reached,
                **({"read_ahead": ReadAheadLimits(1, 1), "clock": later} if orders.ahead else {}),
            )
        )
        async with transfers.running(takes_up=(lambda _: True) if orders.takes_up else None):
            say(running=True)
            if orders.attach:
                outcome = await transfers.attach_file(
                    AttachTarget(**orders.where),
                    orders.attach,
                    None,
                    orders.key,
                    WaitOptions(60, tick, 0.2),
                    confirm=orders.confirm,
                )
                say(attached=outcome.job.reserved.id, existed=outcome.existed, state=outcome.job.state)
            await anyio.to_thread.run_sync(wait, abandon_on_cancel=True)
    say(ended=True)


def main(orders: Orders, test: Connection) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    anyio.run(work, orders, test)
