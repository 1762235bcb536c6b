"""Job context: clients, files, repository and limits that all jobs of one process share."""

import time
from collections.abc import Awaitable, Callable
from copy import copy
from typing import TYPE_CHECKING, Any, Final

import anyio
import structlog

from acc.client import owner_key
from transfers.attachments import AttachmentCreator, AttachmentWatch
from transfers.audit_log import AuditLog
from transfers.errors import PersonMismatch
from transfers.files.folder_listing import FolderFiles, list_files
from transfers.files.local_file import FilePolicy, LocalFile
from transfers.jobs.base import Point
from transfers.upload.read_ahead import ReadAheadLimits
from transfers.upload.uploader import AbortableClientPool

if TYPE_CHECKING:
    import httpx

    from acc.client import AccClient
    from transfers.files.allowed_folders import AllowedFolders
    from transfers.idempotency import AttachTarget
    from transfers.jobs.base import Job
    from transfers.jobs.ownership import JobAttempt
    from transfers.jobs.repository import JobRepository
    from transfers.jobs.tables import JobTables

READ_AHEAD: Final = ReadAheadLimits()

READERS: Final = 2
"""Files that are hashed at once: more would only make a disk seek, and threads are needed for other things too."""


class JobContext:
    """Context of the jobs of one process. `slots` are the parts that may be on their way at once, over all jobs.

    Local files come from `folders`; every file keeps the `rules`, wherever its bytes come from. With `asks`, nothing
    becomes visible in ACC but by a job that a person agreed to in this process. `read_ahead` says how large files are
    sent while they are read.

    Memory is bounded by the slots: one chunk each, whatever the number of files and their sizes. `clock` is the time of
    day: the age of an upload outlives the process that began it, and a laptop's sleep. `sleep` is for pauses between
    tries, `between_looks` for those between two looks at what ACC makes of a file. `reached` is called at every point
    at which a crash would leave something different behind.
    """

    def __init__(
        self,
        acc: "AccClient",
        parallel: int,
        make_storage_client: Callable[[], "httpx.Client"],
        repository: "JobRepository",
        folders: "AllowedFolders",
        rules: FilePolicy,
        *,
        asks: bool = False,
        read_ahead: ReadAheadLimits = READ_AHEAD,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        between_looks: Callable[[float], Awaitable[None]] = anyio.sleep,
        clock: Callable[[], float] = time.time,
        reached: Callable[[Point], None] = lambda _: None,
    ) -> None:
        self.acc = acc
        self.repository = repository
        self.audit = AuditLog(repository.place.folder)
        self.reservations = AttachmentCreator(repository.exclusive, clock)
        self.watch = AttachmentWatch()
        self.slots = anyio.CapacityLimiter(parallel)
        self.lines = AbortableClientPool(make_storage_client)
        self.readers = anyio.CapacityLimiter(READERS)
        self.asks = asks
        self.read_ahead = read_ahead
        self.sleep = sleep
        self.between_looks = between_looks
        self.clock = clock
        self.reached = reached
        self.log = structlog.get_logger(__name__)
        self._folders = folders
        self.rules = rules
        self._attempt: JobAttempt | None = None

    def bound_to(self, attempt: "JobAttempt", where: "AttachTarget") -> "JobContext":
        """Return the context of a job that is worked on: what it writes is written under its attempt's number.

        Requests are sent only with the token of the job's person, and what changes something at Autodesk only while
        that attempt is the last one.
        """
        bound = copy(self)
        bound._attempt = attempt  # noqa: SLF001  # of this very class

        async def check(token: str, changes: bool) -> None:  # noqa: FBT001  # the form of `RequestCheck`
            await self._check_person(where.project_id, where.person_id, token)
            if changes:
                await self.repository.check(attempt)

        bound.acc = self.acc.guarded(check)
        return bound

    def acting_as(self, project_id: str, person_id: str) -> "AccClient":
        """Return the way to ACC on which requests are sent only with the token of one person."""

        async def check(token: str, _changes: bool) -> None:  # noqa: FBT001  # the form of `RequestCheck`
            await self._check_person(project_id, person_id, token)

        return self.acc.guarded(check)

    async def _check_person(self, project_id: str, person_id: str, token: str) -> None:
        person = await self.acc.person_of(project_id, owner_key(token))
        if person is None or person.id != person_id:
            raise PersonMismatch

    def open_file(self, path: str) -> LocalFile:
        """Open a local file, after asking whether it may be read; blocks.

        Raises:
            FileProblem: It may not or cannot be read.
        """
        return LocalFile.open(path, self._folders, self.rules)

    def list_folder(self, folder: str) -> FolderFiles:
        """List the files of a folder that may be read; blocks.

        Raises:
            FolderUnavailable: It may not be read, or is not there.
        """
        return list_files(self._folders, folder)

    async def keep(self, job: "Job", **values: Any) -> None:
        """Write down what is known of a job that this process works on, and other `values` of its row.

        Raises:
            JobOwnershipLost: Another process works on it since.
            StorageProblem: The database cannot be used.
        """
        await self.repository.save(job, self._bound, **values)

    async def identify(self, job: "Job") -> None:
        """Write down what is known of a job that this process works on, with the fingerprint of its request.

        Raises:
            FingerprintTaken: Another job attaches the very same.
            JobOwnershipLost: Another process works on it since.
            StorageProblem: The database cannot be used.
        """
        await self.repository.identify(job, self._bound, job.request().fingerprint())

    async def write(self, change: Callable[["JobTables", int], None]) -> None:
        """Change what is written down beside a job's row, under the number of its attempt.

        Raises:
            JobOwnershipLost: Another process works on it since.
            StorageProblem: The database cannot be used.
        """
        number = self._bound.number
        await self.repository.ask(lambda tables: change(tables, number))

    def close(self) -> None:
        """Close the lines to storage; only after every thread that uses one has ended."""
        self.lines.close()

    @property
    def _bound(self) -> "JobAttempt":
        if self._attempt is None:
            raise RuntimeError("no job is worked on in this context")
        return self._attempt
