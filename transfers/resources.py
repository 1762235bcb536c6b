"""What all jobs of one process share: the person's way to ACC and to storage, the ledger, the limits for all."""

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import anyio
import structlog

from transfers.audit import AuditLog
from transfers.ledger import Ledger
from transfers.lines import Lines
from transfers.points import Point
from transfers.reservation import Reservations

if TYPE_CHECKING:
    import httpx

    from acc.client import Acc
    from transfers.job import Job
    from transfers.job_store import JobStore

READERS: Final = 2
"""Files that are hashed at once: more would only make a disk seek, and threads are needed for other things too."""


class Resources:
    """Everything a job needs beside itself. `slots` are the parts that may be on their way at once, over all jobs.

    With `asks`, nothing becomes visible in ACC but by a job that a person agreed to in this process.

    Memory is bounded by them: one chunk a slot, whatever the number of files and their sizes. `clock` is the time of
    day: the age of an upload outlives the process that began it, and a laptop's sleep. `sleep` is for pauses between
    tries, `between_looks` for those between two looks at what ACC makes of a file. `reached` is told of every point
    at which a crash would leave something different behind.
    """

    def __init__(
        self,
        acc: "Acc",
        parallel: int,
        make_storage_client: Callable[[], "httpx.Client"],
        ledger: Ledger,
        *,
        asks: bool = False,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        between_looks: Callable[[float], Awaitable[None]] = anyio.sleep,
        clock: Callable[[], float] = time.time,
        reached: Callable[[Point], None] = lambda _: None,
    ) -> None:
        self.acc = acc
        self.ledger = ledger
        self.audit = AuditLog(ledger.place.folder)
        self.reservations = Reservations(acc, ledger.turn)
        self.slots = anyio.CapacityLimiter(parallel)
        self.lines = Lines(make_storage_client)
        self.readers = anyio.CapacityLimiter(READERS)
        self.asks = asks
        self.sleep = sleep
        self.between_looks = between_looks
        self.clock = clock
        self.reached = reached
        self.log = structlog.get_logger(__name__)

    async def keep(self, job: "Job", **values: Any) -> None:
        """Write down what is known of a job that this process runs, and other `values` of its row.

        Raises:
            Robbed: Another process has it.
            StorageProblem: The database cannot be used.
        """
        from transfers.job_record import record_of

        def write(store: "JobStore") -> None:
            record = record_of(job, lambda key: self.ledger.seal(job.id, key))
            store.save(
                job.id,
                self.ledger.executor,
                attachment_id=job.attachment.id if job.attachment else None,
                posting=job.listed is not None and job.attachment is None,
                record=record.model_dump_json(exclude_defaults=True),
                **values,
            )

        await self.ledger.ask(write)

    def close(self) -> None:
        """Close the lines to storage; only after every thread that uses one has ended."""
        self.lines.close()
