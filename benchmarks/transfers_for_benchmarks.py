"""Attaching one file through `Transfers` for the benchmarks, with its phases timed."""

import tempfile
import time
from pathlib import Path

import anyio
from storage_sink import PERSON

from acc.client import AccClient
from acc.hosts import AutodeskHosts
from acc.transport import storage_client
from auth.token_sources import StaticTokenSource
from persistence.data_folder import StateLocation
from persistence.keys import EncryptionKey
from transfers.files.allowed_folders import AllowedFolders
from transfers.files.local_file import FilePolicy
from transfers.idempotency import AttachTarget
from transfers.jobs.base import Job, Point
from transfers.jobs.context import JobContext
from transfers.jobs.repository import JobRepository
from transfers.jobs.runner import WaitOptions
from transfers.manager import TransferManager

UUID = "00000000-0000-4000-8000-000000000001"


def attach(origin: str, file: Path, parallel: int) -> dict[Point, float]:
    """Attach `file` with an empty data folder; returns the seconds from the call to each point of the job."""
    with tempfile.TemporaryDirectory() as data:
        return anyio.run(_attach, origin, file, parallel, Path(data) / "data")


async def _attach(origin: str, file: Path, parallel: int, data: Path) -> dict[Point, float]:
    hosts = AutodeskHosts.at(origin)
    points: dict[Point, float] = {}
    begin = 0.0

    def reached(point: Point) -> None:
        points.setdefault(point, time.perf_counter() - begin)

    async def tick(_: Job) -> None:
        """Report to no one."""

    async with AccClient(hosts, StaticTokenSource("bench")) as acc:
        repository = JobRepository(StateLocation(data, keys=EncryptionKey.new().text))
        transfers = TransferManager(
            JobContext(
                acc,
                parallel,
                lambda: storage_client(hosts),
                repository,
                AllowedFolders([file.parent]),
                FilePolicy(frozenset(), 5 * 1024**4),
                reached=reached,
            )
        )
        where = AttachTarget(origin, PERSON, UUID, UUID, 0, "submission", None, None)
        async with transfers.running():
            begin = time.perf_counter()
            outcome = await transfers.attach_file(where, str(file), None, None, WaitOptions(3600, tick), confirm=False)
            if not outcome.job.stored:
                raise SystemExit("the upload did not end")
    return points
