"""Uploader: sends the parts of a file straight to storage, in worker threads, in bounded memory, until each is taken.

A part has an HTTP client to itself, so that its request can be aborted from another thread by shutting down its
sockets. A thread that waits for a storage that stalls hears of nothing until its time-out, so to cancel an upload is to
hang up in its place: shutting a socket down wakes the thread that waits on it, which closing it does not.

Bodies go over a sync `httpx.Client` fed by 256 KiB reads with an explicit Content-Length: measured two to five times
faster than async bytes, about 35 MiB of memory at any file size, and the only way in which storage's early 403 is read
instead of a broken pipe (docs/architecture.md).
"""

import random
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from acc.errors import AccError, StorageError, StorageExpired, StorageRefused, StorageUnavailable
from acc.models.files import SignedUrl
from acc.object_storage import OPERATION, PartStored, part_answer, part_request
from transfers.concurrency import ByteCounter, stop_event
from transfers.errors import FileChanged, StorageStalled
from transfers.files.local_file import LocalFile, chunks, part_hash
from transfers.upload.part_plan import FilePart, PartPlan, UploadState
from transfers.upload.signed_urls import SignedUrlCache, TimedUrl

if TYPE_CHECKING:
    import httpx


ATTEMPTS: Final = 5
"""Tries a part before the job gives up; a URL that merely expired is not a try."""

RESIGNS: Final = 5
"""Expired URLs a part before storage's refusal is taken for a refusal."""

BACKOFF_SECONDS: Final = 0.2
BACKOFF_CAP_SECONDS: Final = 20.0

RETRY_AFTER_CAP_SECONDS: Final = 120.0
"""A longer pause than this is not what a part waits for; five such tries later the job says so."""


MAX_ANSWER_BYTES: Final = 8192
"""As much of storage's answer as is read: an error's XML is shorter, a good answer has no body (fact sheet 8)."""


ANSWER_SECONDS: Final = 120.0
"""How long storage's answer may take in all once a request was sent, but for the body of a good one.

The time-outs of a socket begin again with each byte, of interim answers for one.
"""


class AbortableClient:
    """HTTP client for one part at a time, so that its sockets are those of that part."""

    def __init__(self, client: "httpx.Client", answer_seconds: float = ANSWER_SECONDS) -> None:
        self.client = client
        self._answer_seconds = answer_seconds
        self._deadline: threading.Timer | None = None
        self.is_aborted = False
        self._turn = threading.Lock()
        self._sockets: list[socket.socket] = []

    def watch(self, event: str, info: Mapping[str, Any]) -> None:
        """Learn of each connection that is made, and hang up on an answer that does not come to its end.

        httpx's `trace` extension calls this in the thread that makes the request.
        """
        if event.endswith("receive_response_headers.started"):
            self._deadline = threading.Timer(self._answer_seconds, self.abort)
            self._deadline.daemon = True
            self._deadline.start()
        elif self._deadline is not None and (
            event.endswith("response_closed.started")
            or (event.endswith("receive_response_headers.complete") and info["return_value"][1] in (200, 206))
        ):
            self._deadline.cancel()
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            made = info["return_value"].get_extra_info("socket")
            with self._turn:
                self._sockets = [one for one in self._sockets if one.fileno() >= 0]
                self._sockets.append(made)
                if self.is_aborted:
                    _hang_up(made)

    def abort(self) -> None:
        """Fail the request that waits on this client now, from any thread. The client is of no use after that."""
        with self._turn:
            self.is_aborted = True
            for one in self._sockets:
                _hang_up(one)


class AbortableClientPool:
    """Pool of abortable clients; a returned one keeps its connection for the next part. For one event loop."""

    def __init__(self, make_client: "Callable[[], httpx.Client]", answer_seconds: float = ANSWER_SECONDS) -> None:
        self._make_client = make_client
        self._answer_seconds = answer_seconds
        self._free: list[AbortableClient] = []

    @contextmanager
    def borrow(self) -> Iterator[AbortableClient]:
        """Borrow a client for the block, exclusively.

        Raises:
            ProxyFailure: The proxy settings of this machine cannot be used.
        """
        line = self._free.pop() if self._free else AbortableClient(self._make_client(), self._answer_seconds)
        try:
            yield line
        finally:
            if line.is_aborted:
                line.client.close()
            else:
                self._free.append(line)

    def close(self) -> None:
        """Close the lines; only after every thread that uses one has ended."""
        while self._free:
            self._free.pop().client.close()


def _hang_up(one: socket.socket) -> None:
    with suppress(OSError):  # hung up or closed already
        # Not the socket's own method: that of a TLS socket also drops what another thread may be writing with.
        socket.socket.shutdown(one, socket.SHUT_RDWR)


@dataclass
class MultipartUpload:
    """Multipart upload of one file. `run` returns when every part has been taken.

    `slots` are shared with all other uploads of the process; as many parts of this one are tried at a time. `digest`
    returns what a part was hashed to with `seed`, once that is known; no slot is held until then.
    """

    file: LocalFile
    plan: PartPlan
    digest: Callable[[int], Awaitable[str]]
    seed: int
    lines: AbortableClientPool
    urls: SignedUrlCache
    sent: UploadState
    slots: anyio.CapacityLimiter
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    clock: Callable[[], float] = time.monotonic
    rng: random.Random = field(default_factory=random.SystemRandom)
    _busy: set[AbortableClient] = field(default_factory=set, init=False)

    async def run(self) -> None:
        """Send the parts that `sent` lacks.

        Raises:
            FileChanged: The bytes read now are not those of the first pass; the part was cut off, so storage has none.
            StorageStalled: A part failed too often, or the upload grew too old.
            AccError: Object storage would not sign, or storage refused for good.
        """
        missing = self.sent.missing(self.plan)
        async with stop_event(self._abort_all) as stop, anyio.create_task_group() as workers:
            for part in missing[:1]:
                workers.start_soon(self.urls.get, part.number)  # signed while it may still be read
            parts = iter(missing)
            for _ in range(int(self.slots.total_tokens)):
                workers.start_soon(self._worker, parts, stop, workers)

    async def _worker(self, parts: Iterator[FilePart], stop: threading.Event, workers: TaskGroup) -> None:
        try:
            for part in parts:
                digest = await self.digest(part.number)
                self.sent.add(part, await self._send(part, digest, stop, workers), digest)
                self.urls.forget(part.number)
        except BaseException:
            # No cancellation reaches the other threads; this does, at their next read or at once where they wait.
            stop.set()
            self._abort_all()
            raise

    async def _send(self, part: FilePart, digest: str, stop: threading.Event, workers: TaskGroup) -> str:
        failures: list[str] = []
        expired = 0
        while True:
            async with self.slots:
                signed = await self.urls.get(part.number)
                workers.start_soon(self.urls.look_ahead, part.number)
                answer = await self._put(part, digest, signed, stop)
            if isinstance(answer, PartStored):
                return answer.etag
            if expired < RESIGNS and self._is_expiry(answer, signed):
                expired += 1
                self.urls.forget(part.number)
                continue
            if not isinstance(answer, StorageUnavailable):
                raise answer
            failures.append(type(answer).__name__)
            if len(failures) == ATTEMPTS or self.sent.too_old(self.clock()):
                raise StorageStalled(part.number, tuple(failures))
            await self.sleep(self._pause(len(failures), answer.retry_after_seconds))

    async def _put(self, part: FilePart, digest: str, signed: TimedUrl, stop: threading.Event) -> PartStored | AccError:
        body = VerifiedPartStream(self.file, part, digest, self.seed, self.sent.progress, stop)
        with self.lines.borrow() as line:
            self._busy.add(line)
            try:
                # A limiter of its own: `slots` are the limit already, and other work must not keep a part waiting.
                return await anyio.to_thread.run_sync(
                    partial(put_part, line, signed.url, body), limiter=anyio.CapacityLimiter(1)
                )
            finally:
                self._busy.discard(line)

    def _abort_all(self) -> None:
        for line in self._busy:
            line.abort()

    def _is_expiry(self, answer: AccError, signed: TimedUrl) -> bool:
        """A 403 of any kind, or a reset on a URL past its life, which is how storage cuts off a late start."""
        if isinstance(answer, StorageExpired):
            return True
        if isinstance(answer, StorageRefused):
            return answer.http_status == 403
        return isinstance(answer, StorageError) and answer.http_status is None and self.urls.expired(signed)

    def _pause(self, attempt: int, retry_after: float | None) -> float:
        jitter = self.rng.uniform(0, min(BACKOFF_CAP_SECONDS, BACKOFF_SECONDS * 2**attempt))
        return jitter if retry_after is None else min(retry_after, RETRY_AFTER_CAP_SECONDS) + jitter


class VerifiedPartStream:
    """The bytes of one part for one attempt, counted and compared with the first pass.

    The last chunk is held back until the digest of the whole part is known to be right: what changed on the way is cut
    off before storage has all of it.
    """

    def __init__(
        self, file: LocalFile, part: FilePart, digest: str, seed: int, progress: ByteCounter, stop: threading.Event
    ) -> None:
        self.part = part
        self.counted = 0
        self._file = file
        self._digest = digest
        self._seed = seed
        self._progress = progress
        self._stop = stop

    def __iter__(self) -> Iterator[bytes]:
        digest = part_hash(self._seed)
        last = self.part.offset + self.part.length
        for offset, length in chunks(self.part):
            if self._stop.is_set():
                raise InterruptedError
            data = self._file.read(length, offset)
            digest.update(data)
            if offset + length == last and digest.hexdigest() != self._digest:
                raise FileChanged(self._file.given)
            yield data
            self.counted += length
            self._progress.add(length)

    def rollback(self) -> None:
        """Uncount what a failed attempt had sent."""
        self._progress.add(-self.counted)
        self.counted = 0


def put_part(line: AbortableClient, url: SignedUrl, body: VerifiedPartStream) -> PartStored | AccError:
    """Send one part from a worker thread; what storage or the network says against it is returned, not raised.

    Raises:
        FileChanged: The file is no longer the one that was hashed.
        FileUnreadable: It can no longer be read.
        InterruptedError: The upload was cancelled.
    """
    answer: PartStored | AccError | None = None
    try:
        answer = _exchange(line, url, body)
        if isinstance(answer, PartStored) and body.counted != body.part.length:
            # Taken before it was all there: the answer was not storage's.
            answer = StorageUnavailable(OPERATION, sent=True)
    finally:
        if not isinstance(answer, PartStored):
            body.rollback()
    return answer


def _exchange(line: AbortableClient, url: SignedUrl, body: VerifiedPartStream) -> PartStored | AccError:
    from acc.transport import network_errors, start_of_body, storage_error_from_transport

    request = part_request(url, body.part.length)
    try:
        with line.client.stream(
            request.method,
            request.url.value,
            content=body,
            headers=dict(request.headers),
            follow_redirects=False,
            extensions={"trace": line.watch},
        ) as response:
            content = start_of_body(response, MAX_ANSWER_BYTES)
    except network_errors() as error:
        return storage_error_from_transport(OPERATION, error)
    return part_answer(response.status_code, response.headers, content)
