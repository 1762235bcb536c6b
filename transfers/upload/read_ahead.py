"""Reading ahead: a file from 32 MiB on is hashed by one reader while its parts are already on their way.

The reader gives its thread back after each part, and waits without one while it is as far ahead as it may be.
"""

from dataclasses import dataclass
from typing import Final

import anyio
import anyio.to_thread

from transfers.concurrency import stop_event
from transfers.errors import FileChanged
from transfers.files.local_file import FileDigests, FilePass, LocalFile
from transfers.upload.part_plan import PartPlan, UploadState

AHEAD_BYTES: Final = 32 * 1024 * 1024
"""A smaller file is hashed first: that takes some 20 ms, and one that cannot be read is found before a reservation."""

ROOM_BYTES: Final = 512 * 1024 * 1024
"""How far a reader goes ahead: what senders read again is to be in the system's cache still."""


@dataclass(frozen=True)
class ReadAheadLimits:
    """The size from which on a file is sent while it is read, and the bytes read and not stored at one time."""

    from_bytes: int = AHEAD_BYTES
    room_bytes: int = ROOM_BYTES


class ReadAhead:
    """Reader that hashes a file ahead of the threads that send its parts, and gives them each digest.

    A part that storage has from an earlier run is compared as it passes. `room_bytes` are at most read and not stored;
    one part always is. The file is to be open until `run` has ended.
    """

    def __init__(
        self,
        file: LocalFile,
        plan: PartPlan,
        reading: FilePass,
        sent: UploadState,
        readers: anyio.CapacityLimiter,
        room_bytes: int,
    ) -> None:
        self._file = file
        self._plan = plan
        self._reading = reading
        self._sent = sent
        self._readers = readers
        self._room_bytes = room_bytes
        self._parts: list[str] = []
        self._more = anyio.Event()

    async def run(self) -> FileDigests:
        """Read to the end of the file, and return its digests.

        Raises:
            FileChanged: It has become shorter, or a part is not the one that storage has.
            FileUnreadable: The operating system refused.
        """
        async with stop_event() as stop:
            for part in self._plan:
                await self._wait_for_room(part.length)
                digest = await anyio.to_thread.run_sync(self._reading.read, part, stop, limiter=self._readers)
                if self._sent.digests.get(part.number, digest) != digest:
                    raise FileChanged(self._file.given)
                self._parts.append(digest)
                self._more.set()
                self._more = anyio.Event()
        return self._reading.digests

    async def digest(self, number: int) -> str:
        """Return the digest of a part, counted from 1; waits until it has been read."""
        while len(self._parts) < number:
            await self._more.wait()
        return self._parts[number - 1]

    async def _wait_for_room(self, length: int) -> None:
        while (unsent := self._unsent_bytes()) and unsent + length > self._room_bytes:
            await self._sent.taken.wait()

    def _unsent_bytes(self) -> int:
        read = range(len(self._parts), 0, -1)
        return sum(self._plan.part(number).length for number in read if number not in self._sent.etags)
