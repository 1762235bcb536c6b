"""Downloader: brings one object into a part file, range by range, and gives it its name once its digest fits.

Bytes go through one buffer in a worker thread, so memory does not grow with the file. Storage gets no bearer token: the
URL is signed. A URL that expired is replaced, and the download goes on where the part file ends.
"""

import hashlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf
from random import random
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread

from acc.errors import AccError, StorageExpired, StorageRefused, StorageUnavailable
from acc.ids import ObjectLocation
from acc.object_storage import DOWNLOAD, download_error
from persistence.errors import DescriptorsExhausted
from transfers.download.download_plan import ByteSegment, UnusableLink, answer_start, part_name, range_header, segments
from transfers.download.target_folder import TargetFolder
from transfers.upload.uploader import AbortableClient

if TYPE_CHECKING:
    from hashlib import _Hash as Digest

    from acc.client import AccClient
    from transfers.jobs.context import JobContext

CHUNK_BYTES: Final = 256 * 1024
ATTEMPTS: Final = 5
"""Failures in a row without a new byte; after that the part file waits for a later call."""

LINK_MINUTES: Final = 60

ERROR_BYTES: Final = 8192
"""Of what storage says in place of a file, so many bytes are read."""


class BytesMissing(Exception):
    """Storage has no completed bytes of an object."""


class DigestMismatch(Exception):
    """The bytes that arrived, twice, do not have storage's digest; the part file was removed."""


class TooManyBytes(Exception):
    """An object that does not say its size is larger than what may still be downloaded."""


@dataclass(frozen=True)
class DownloadedFile:
    """A file that is complete: its name in the folder, its size, and the SHA-256 of what was written."""

    name: str
    size: int
    sha256: str


@dataclass
class _PartFile:
    """The part file that a thread writes: where it ends, and how much it may hold."""

    fd: int
    have: int
    most: int
    until: float
    stop: threading.Event
    told: Callable[[int], None]
    digests: "tuple[Digest, Digest] | None" = None
    """SHA-256 and SHA-1 of all that is there; None where an earlier call brought some of it."""

    def begin(self, at: int) -> None:
        """Continue at a place of the file, and drop what is behind it."""
        os.ftruncate(self.fd, at)
        self.have = os.lseek(self.fd, at, os.SEEK_SET)
        self.digests = None if at else _new_digests()

    @property
    def is_late(self) -> bool:
        return self.stop.is_set() or time.monotonic() >= self.until


async def download_file(
    context: "JobContext",
    acc: "AccClient",
    folder: TargetFolder,
    *,
    attachment_id: str,
    location: ObjectLocation,
    name: str,
    most: int,
    until: float,
    told: Callable[[int], None] = lambda _: None,
) -> DownloadedFile | None:
    """Return the file once it is complete; None where time ran out at `until` (monotonic seconds).

    A later call goes on where this one stopped. At most `most` bytes are taken. `told` is called with the bytes that
    are there, from a worker thread.

    Raises:
        BytesMissing, DigestMismatch, TooManyBytes: See there.
        AccError: ACC or its storage refused or is away; what is there stays.
        OSError: The folder is full or cannot be written to; what is there stays.
    """
    unfinished = part_name(attachment_id)
    async with context.repository.exclusive(f"download {folder.path / unfinished}"):
        fd = await anyio.to_thread.run_sync(folder.open_part, unfinished)
        try:
            part = _PartFile(fd, 0, most, until, threading.Event(), told)
            part.begin(os.fstat(fd).st_size)
            sha1 = await _filled(context, acc, location, part)
            if sha1 is None:
                return None
            digest = await anyio.to_thread.run_sync(_digests, part)
            if digest is None:
                return None
            sha256, found = digest
            if sha1 and found != sha1.lower():
                os.ftruncate(fd, 0)
                raise DigestMismatch
            os.fsync(fd)
        finally:
            os.close(fd)
        final = await anyio.to_thread.run_sync(folder.finish, unfinished, name)
        return DownloadedFile(final, part.have, sha256)


async def _filled(context: "JobContext", acc: "AccClient", location: ObjectLocation, part: _PartFile) -> str | None:
    """Bring what is missing; return storage's SHA-1 of the whole, "" where it gives none, None where time ran out."""
    failures = 0
    while True:
        link = await acc.storage.download_link(location, minutes=LINK_MINUTES)
        if link is None:
            raise BytesMissing
        acc.storage.check_download(link)
        try:
            wanted = segments(link)
        except UnusableLink:
            raise StorageUnavailable(DOWNLOAD) from None
        if link.size is not None and link.size > part.most:
            raise TooManyBytes
        if link.size is not None and part.have > link.size:
            part.begin(0)
        before = part.have
        problem = await _bring(context, wanted, part)
        if problem is None:
            return None if part.is_late and not _is_whole(wanted, part) else link.sha1 or ""
        failures = failures + 1 if part.have == before else 1
        if not isinstance(problem, AccError):
            raise problem
        passing = isinstance(problem, StorageUnavailable | StorageExpired | StorageRefused)
        if not passing or failures >= ATTEMPTS or (isinstance(problem, StorageRefused) and problem.http_status != 403):
            raise problem
        await context.sleep(random() * min(8.0, 0.5 * 2**failures))  # noqa: S311 - a pause


async def _bring(
    context: "JobContext", wanted: list[ByteSegment], part: _PartFile
) -> AccError | OSError | TooManyBytes | DescriptorsExhausted | None:
    """Read in a worker thread, and hang up in its place once time runs out or the call is cancelled."""
    ended = False
    with context.lines.borrow() as line:

        async def hang_up() -> None:
            try:
                await (
                    anyio.sleep_forever() if part.until == inf else anyio.sleep(max(0.0, part.until - time.monotonic()))
                )
            finally:
                if not ended:
                    part.stop.set()
                    line.abort()

        async with anyio.create_task_group() as group:
            group.start_soon(hang_up)
            problem = await anyio.to_thread.run_sync(
                partial(_bring_all, line, wanted, part), limiter=anyio.CapacityLimiter(1)
            )
            ended = True
            group.cancel_scope.cancel()
    return None if part.is_late and isinstance(problem, AccError) else problem


def _bring_all(
    line: AbortableClient, wanted: list[ByteSegment], part: _PartFile
) -> AccError | OSError | TooManyBytes | DescriptorsExhausted | None:
    """Bring what is missing of all segments, in a worker thread; what ends that early is returned, not raised."""
    for segment in wanted:
        if segment.end is not None and part.have >= segment.end:
            continue
        try:
            problem = _bring_segment(line, segment, part)
        except (OSError, TooManyBytes, DescriptorsExhausted) as refused:
            return refused
        if problem is not None or part.is_late:
            return problem
    return None


def _bring_segment(line: AbortableClient, segment: ByteSegment, part: _PartFile) -> AccError | None:
    """Read a segment from a worker thread; what storage or the network says against it is returned, not raised."""
    from acc.transport import network_errors, start_of_body, storage_error_from_transport

    headers = {"Accept-Encoding": "identity", **range_header(segment, part.have)}
    try:
        with line.client.stream(
            "GET", segment.url.value, headers=headers, follow_redirects=False, extensions={"trace": line.watch}
        ) as response:
            start = answer_start(segment, part.have, response.status_code, response.headers)
            if start is None or "content-encoding" in response.headers:
                content = start_of_body(response, ERROR_BYTES)
                return download_error(response.status_code, response.headers, content)
            if start != part.have:
                part.begin(start)
            for chunk in response.iter_raw(CHUNK_BYTES):
                _write(part, segment, chunk)
                if part.is_late:
                    return None
    except network_errors() as error:
        return storage_error_from_transport(DOWNLOAD, error)
    if segment.end is not None and part.have != segment.end:
        return StorageUnavailable(DOWNLOAD, http_status=response.status_code)
    return None


def _write(part: _PartFile, segment: ByteSegment, chunk: bytes) -> None:
    room = (segment.end if segment.end is not None else part.most + 1) - part.have
    rest = memoryview(chunk)[: max(0, room)]
    while rest:
        written = os.write(part.fd, rest)
        part.have += written
        for digest in part.digests or ():
            digest.update(rest[:written])
        rest = rest[written:]
    if part.have > part.most:
        raise TooManyBytes
    part.told(part.have)


def _digests(part: _PartFile) -> tuple[str, str] | None:
    """Return SHA-256 and SHA-1 of the part file, read again where an earlier call began it; None when cancelled."""
    sha256, sha1 = part.digests or _new_digests()
    if part.digests is not None:
        return sha256.hexdigest(), sha1.hexdigest()
    os.lseek(part.fd, 0, os.SEEK_SET)
    while block := os.read(part.fd, CHUNK_BYTES):
        sha256.update(block)
        sha1.update(block)
        if part.stop.is_set():
            return None
    return sha256.hexdigest(), sha1.hexdigest()


def _new_digests() -> "tuple[Digest, Digest]":
    return hashlib.sha256(), hashlib.sha1(usedforsecurity=False)


def _is_whole(wanted: list[ByteSegment], part: _PartFile) -> bool:
    end = wanted[-1].end
    return end is not None and part.have >= end
