"""Attaching files through `TransferManager` for the benchmarks, as a server does that has attached one before."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import anyio
from meter import Meter
from storage_sink import PERSON

from acc.client import AccClient
from acc.hosts import AutodeskHosts
from acc.transport import storage_client
from auth.oauth import StaticTokenSource
from persistence.data_folder import StateLocation
from persistence.keys import EncryptionKey
from transfers.files.allowed_folders import AllowedFolders
from transfers.files.local_file import FilePolicy
from transfers.idempotency import AttachTarget
from transfers.jobs.base import Job
from transfers.jobs.context import JobContext
from transfers.jobs.repository import JobRepository
from transfers.jobs.runner import WaitOptions
from transfers.manager import TransferManager

UUID = "00000000-0000-4000-8000-000000000001"


def attach(origin: str, files: Sequence[Path], parallel: int, meter: Meter) -> None:
    """Attach and confirm files one after the other with an empty data folder; the last one counts."""
    with tempfile.TemporaryDirectory() as data:
        anyio.run(_attach, origin, files, parallel, meter, Path(data) / "data")


async def _attach(origin: str, files: Sequence[Path], parallel: int, meter: Meter, data: Path) -> None:
    hosts = AutodeskHosts.at(origin)

    async def tick(_: Job) -> None:
        """Report to no one."""

    async with AccClient(hosts, StaticTokenSource("bench")) as acc:
        repository = JobRepository(StateLocation(data, keys=EncryptionKey.new().text))
        folders, rules = AllowedFolders([files[0].parent]), FilePolicy(frozenset(), 5 * 1024**4)
        context = JobContext(acc, parallel, lambda: storage_client(hosts), repository, folders, rules)
        transfers = TransferManager(context)
        where = AttachTarget(origin, PERSON, UUID, UUID, 0, "submission", None, None)
        async with transfers.running():
            for file in files:
                meter.start()
                done = await transfers.attach_file(where, str(file), None, None, WaitOptions(3600, tick), confirm=True)
                meter.stop()
                if not done.job.uploaded:
                    raise SystemExit("the upload did not end")
