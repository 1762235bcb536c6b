"""Parts on their way to a storage that stands, stumbles, lies and hangs up: a real server on this machine."""

import gzip
import hashlib
import os
import random
import socket
import struct
import threading
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from acc.errors import AccError, StorageExpired, StorageRefused, StorageUploadGone
from acc.hosts import AutodeskHosts
from acc.models.files import UploadUrls
from acc.transport import storage_client
from transfers.concurrency import ByteCounter
from transfers.errors import FileChanged, StorageStalled
from transfers.files.allowed_folders import AllowedFolders
from transfers.files.local_file import CHUNK_BYTES, FilePolicy, LocalFile, hash_file
from transfers.upload.part_plan import LIFE_SECONDS, PartPlan, UploadState
from transfers.upload.signed_urls import SignedUrlCache
from transfers.upload.uploader import (
    ANSWER_SECONDS,
    ATTEMPTS,
    RESIGNS,
    RETRY_AFTER_CAP_SECONDS,
    AbortableClientPool,
    MultipartUpload,
)

EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
WRONG_SIGNATURE = "<Error><Code>SignatureDoesNotMatch</Code><Message>Wrong signature</Message></Error>"
GONE = "<Error><Code>NoSuchUpload</Code><Message>The specified upload does not exist.</Message></Error>"
PART = CHUNK_BYTES + 1000
"""Small for storage, but more than one read: enough to see what is held back."""
READ = 64 * 1024


class Put(BaseHTTPRequestHandler):
    """One request, answered as the storage's plan for its part says."""

    server: "Storage"
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self.part, self.nth = int(query["partNumber"][0]), int(query["nth"][0])
        self.length = int(self.headers["Content-Length"])
        with self.server.counted(self):
            self.server.effect(self.part)(self)

    def take(self, size: int | None = None) -> bytes:
        """Read that many bytes of the body, or all of it; less where the client hangs up."""
        pieces, left = [], self.length if size is None else size
        while left and (piece := self.rfile.read1(min(READ, left))):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def answer(self, status: int, body: str | bytes = "", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if isinstance(body, bytes) else body.encode())

    def hang_up(self) -> None:
        self.close_connection = True

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


Effect = Callable[[Put], None]


def store(request: Put) -> None:
    """Take the part, as storage does."""
    body = request.take()
    if len(body) == request.length:
        request.server.parts[request.part] = body
        request.answer(200, ETag=f'"{etag_of(body)}"')


def etag_of(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def refuse(status: int, body: str = "", *, take: bool = True, **headers: str) -> Effect:
    """Answer with a status; without `take`, as S3 does: at once, saying that it will hang up on the body, and doing so."""

    def effect(request: Put) -> None:
        if take:
            request.take()
            request.answer(status, body, **headers)
        else:
            request.answer(status, body, Connection="close", **headers)
            request.close_connection = True

    return effect


def reset_after(size: int) -> Effect:
    def effect(request: Put) -> None:
        request.take(size)
        request.reset()

    return effect


def hang_up_after(size: int) -> Effect:
    def effect(request: Put) -> None:
        request.take(size)
        request.hang_up()

    return effect


@dataclass
class Seen:
    part: int
    nth: int
    headers: dict[str, str]


class Storage(ThreadingHTTPServer):
    """Takes parts; `plan` says what happens to the first requests for a part, after which all goes well."""

    daemon_threads = True

    def __init__(self) -> None:
        self.plan: dict[int, list[Effect]] = {}
        self.parts: dict[int, bytes] = {}
        self.seen: list[Seen] = []
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), Put)

    def server_bind(self) -> None:
        # A small window, so that a part does not fit into the network's own buffers.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, READ)
        super().server_bind()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what some tests are about."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def counted(self, request: Put) -> "_Counted":
        with self._lock:
            headers = {name.lower(): value for name, value in request.headers.items()}
            self.seen.append(Seen(request.part, request.nth, headers))
        return _Counted(self)

    def effect(self, part: int) -> Effect:
        with self._lock:
            planned = self.plan.get(part)
            return planned.pop(0) if planned else store


class _Counted:
    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def __enter__(self) -> None:
        with self.storage._lock:
            self.storage.at_once += 1
            self.storage.most_at_once = max(self.storage.most_at_once, self.storage.at_once)

    def __exit__(self, *_: object) -> None:
        with self.storage._lock:
            self.storage.at_once -= 1


@pytest.fixture
def storage() -> Iterator[Storage]:
    server = Storage()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def lines(request: pytest.FixtureRequest) -> Iterator[AbortableClientPool]:
    seconds = getattr(request, "param", ANSWER_SECONDS)
    lines = AbortableClientPool(lambda: storage_client(AutodeskHosts.at("http://127.0.0.1")), seconds)
    yield lines
    lines.close()


class HighWater(ByteCounter):
    """Remembers the most that was ever counted, and the least."""

    def __init__(self) -> None:
        super().__init__()
        self.most = self.least = 0

    def add(self, count: int) -> None:
        super().add(count)
        self.most, self.least = max(self.most, self.value), min(self.least, self.value)


@dataclass
class Upload:
    """A file of `content` on its way, with a clock that stands still and pauses that take no time."""

    path: Path
    storage: Storage
    lines: AbortableClientPool
    content: bytes
    part_size: int = PART
    slots: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(2))
    sent: UploadState = field(default_factory=lambda: UploadState(progress=HighWater()))
    now: float = 0.0
    life: int = 120
    asked: list[tuple[int, int, str | None]] = field(default_factory=list)
    read: Callable[[], Awaitable[None]] = anyio.lowlevel.checkpoint
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path.write_bytes(self.content)
        self.plan = PartPlan(len(self.content), self.part_size)

    async def run(self, change: Callable[[Path], object] = lambda path: None) -> None:
        rules = FilePolicy(frozenset(), 10**9)
        with LocalFile.open(self.path.name, AllowedFolders([self.path.parent]), rules) as file:
            digests = hash_file(file, self.plan, ByteCounter(), threading.Event())

            async def digest(number: int) -> str:
                await self.read()
                return digests.parts[number - 1]

            change(self.path)
            await MultipartUpload(
                file=file,
                plan=self.plan,
                digest=digest,
                seed=digests.seed,
                lines=self.lines,
                urls=SignedUrlCache(self.sign, self.plan, int(self.slots.total_tokens), self.sent, self.clock),
                sent=self.sent,
                slots=self.slots,
                sleep=self.sleep,
                clock=self.clock,
                rng=random.Random(1),
            ).run()

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await anyio.lowlevel.checkpoint()

    async def sign(self, first: int, count: int, key: str | None) -> UploadUrls:
        self.asked.append((first, count, key))
        await anyio.lowlevel.checkpoint()
        query = f"nth={len(self.asked)}&X-Amz-Expires={self.life}"
        urls = [f"{self.storage.url}/up?partNumber={number}&{query}" for number in range(first, first + count)]
        return UploadUrls.model_validate({"uploadKey": "KEY", "urls": urls})

    def requests(self, part: int) -> list[int]:
        """By which signing each request for a part had its URL."""
        return [seen.nth for seen in self.storage.seen if seen.part == part]

    def check_whole(self) -> None:
        """Storage has every byte, and what is known of it is right."""
        pieces = [self.storage.parts[part.number] for part in self.plan]
        assert b"".join(pieces) == self.content
        assert self.sent.in_order(self.plan) == [etag_of(piece) for piece in pieces]
        self.check_progress(len(self.content))

    def check_progress(self, value: int) -> None:
        progress = self.sent.progress
        assert isinstance(progress, HighWater)
        assert progress.value == value
        assert progress.least == 0
        assert progress.most <= len(self.content)


StartUpload = Callable[..., Upload]


@pytest.fixture
def upload(tmp_path: Path, storage: Storage, lines: AbortableClientPool) -> StartUpload:
    def make(size: int = 3 * PART - 1, name: str = "beam.pdf", **options: object) -> Upload:
        return Upload(tmp_path / name, storage, lines, random.Random(size).randbytes(size), **options)  # type: ignore[arg-type]  # the test names fields

    return make


@pytest.mark.parametrize("size", [1, PART - 1, PART, PART + 1, 9 * PART + 5])
@pytest.mark.parametrize("parallel", [1, 4])
async def test_every_byte_arrives_as_it_is(upload: StartUpload, size: int, parallel: int) -> None:
    sending = upload(size, slots=anyio.CapacityLimiter(parallel))
    await sending.run()
    sending.check_whole()
    assert len(sending.storage.seen) == sending.plan.count
    assert sending.storage.most_at_once <= parallel


async def test_a_request_names_its_length_and_no_person(upload: StartUpload) -> None:
    sending = upload(2 * PART + 7)
    await sending.run()
    lengths = {seen.part: int(seen.headers["content-length"]) for seen in sending.storage.seen}
    assert lengths == {1: PART, 2: PART, 3: 7}
    for seen in sending.storage.seen:
        assert not {"transfer-encoding", "authorization", "cookie", "proxy-authorization"} & set(seen.headers)


@pytest.mark.parametrize("take", [True, False])
async def test_an_expired_url_is_signed_again_for_the_same_part_and_upload(upload: StartUpload, take: bool) -> None:
    """Twice, and no try is used up by it. The next part's URL is never used in its place (a known fault of others)."""
    sending = upload(40 * PART, slots=anyio.CapacityLimiter(1))
    sending.storage.plan[3] = [refuse(403, EXPIRED, take=take)] * 2
    await sending.run()
    sending.check_whole()
    assert sending.requests(3) == [2, 3, 4]
    assert sending.asked[2:4] == [(3, 1, "KEY"), (3, 1, "KEY")]
    assert sending.pauses == []


async def test_a_refusal_of_403_is_taken_for_an_expiry_a_few_times_only(upload: StartUpload) -> None:
    sending = upload(PART)
    sending.storage.plan[1] = [refuse(403, WRONG_SIGNATURE)] * 50
    with pytest.raises(StorageRefused) as refused:
        await sending.run()
    assert refused.value.upstream_code == "SignatureDoesNotMatch"
    assert sending.requests(1) == list(range(1, RESIGNS + 2))
    assert sending.pauses == []
    sending.check_progress(0)


async def test_urls_that_always_expire_end_in_storages_own_words(upload: StartUpload) -> None:
    sending = upload(PART)
    sending.storage.plan[1] = [refuse(403, EXPIRED)] * 50
    with pytest.raises(StorageExpired):
        await sending.run()
    assert len(sending.storage.seen) == RESIGNS + 1


STUMBLES = {
    "a server error": refuse(500),
    "too busy": refuse(503, "<Error><Code>SlowDown</Code></Error>"),
    "a server error before the body": refuse(500, take=False),
    "a reset": reset_after(CHUNK_BYTES),
    "a reset at once": reset_after(0),
    "a hang-up": hang_up_after(CHUNK_BYTES),
    "a hang-up at the end": hang_up_after(PART),
    "success without an ETag": refuse(200),
}


@pytest.mark.parametrize("stumble", STUMBLES.values(), ids=STUMBLES)
async def test_a_part_is_tried_again_until_storage_takes_it(upload: StartUpload, stumble: Effect) -> None:
    sending = upload(3 * PART)
    sending.storage.plan[2] = [stumble] * (ATTEMPTS - 1)
    await sending.run()
    sending.check_whole()
    assert len(sending.requests(2)) == ATTEMPTS
    assert len(set(sending.requests(2))) == 1  # a URL that is young enough is used again
    assert len(sending.pauses) == ATTEMPTS - 1


@pytest.mark.parametrize("stumble", STUMBLES.values(), ids=STUMBLES)
async def test_a_part_is_not_tried_for_ever(upload: StartUpload, stumble: Effect) -> None:
    sending = upload(PART)
    sending.storage.plan[1] = [stumble] * 50
    with pytest.raises(StorageStalled) as stalled:
        await sending.run()
    assert (stalled.value.part, len(stalled.value.causes)) == (1, ATTEMPTS)
    assert len(sending.storage.seen) == ATTEMPTS
    assert len(sending.pauses) == ATTEMPTS - 1
    assert "nth=" not in str(stalled.value)
    sending.check_progress(0)


async def test_pauses_grow_and_are_jittered_over_their_whole_length(upload: StartUpload) -> None:
    sending = upload(PART)
    sending.storage.plan[1] = [refuse(500)] * 4
    await sending.run()
    dice = random.Random(1)
    assert sending.pauses == [dice.uniform(0, 0.2 * 2**attempt) for attempt in range(1, 5)]


@pytest.mark.parametrize(("asked", "kept"), [("7", 7.0), ("86400", RETRY_AFTER_CAP_SECONDS)])
async def test_a_pause_that_storage_asks_for_is_kept(upload: StartUpload, asked: str, kept: float) -> None:
    sending = upload(PART)
    sending.storage.plan[1] = [refuse(503, Retry_After=asked)]
    await sending.run()
    [pause] = sending.pauses
    assert kept <= pause <= kept + 0.4


async def test_a_reset_on_an_old_url_is_an_expiry(upload: StartUpload) -> None:
    """Storage judges a URL when the headers arrive; what starts too late is cut off, sometimes without a word."""
    sending = upload(PART)

    def too_late(request: Put) -> None:
        sending.now += sending.life
        reset_after(100)(request)

    sending.storage.plan[1] = [too_late]
    await sending.run()
    sending.check_whole()
    assert sending.requests(1) == [1, 2]
    assert sending.pauses == []


@pytest.mark.parametrize(
    ("effect", "error"),
    [
        (refuse(400, "<Error><Code>InvalidArgument</Code></Error>"), StorageRefused),
        (refuse(404, GONE), StorageUploadGone),
        (refuse(411, "<Error><Code>MissingContentLength</Code></Error>", take=False), StorageRefused),
    ],
)
async def test_a_permanent_failure_of_a_part_is_not_retried(
    upload: StartUpload, effect: Effect, error: type[AccError]
) -> None:
    sending = upload(PART)
    sending.storage.plan[1] = [effect]
    with pytest.raises(error):
        await sending.run()
    assert len(sending.storage.seen) == 1


@pytest.mark.parametrize("layers", [1, 2])
async def test_a_coded_refusal_is_bounded_before_it_is_decoded_and_never_decoded_twice(
    upload: StartUpload, layers: int
) -> None:
    """Two codings make a millionfold of what came; of one, no more is kept than of any other answer."""
    body = b"<Error><Code>InvalidRequest</Code><Message>" + b" " * 20_000_000
    for _ in range(layers):
        body = gzip.compress(body)

    def bomb(request: Put) -> None:
        request.take()
        request.answer(400, body, Content_Encoding=", ".join(["gzip"] * layers))

    sending = upload(PART)
    sending.storage.plan[1] = [bomb]
    tracemalloc.start()
    try:
        with pytest.raises(StorageRefused) as refused:
            await sending.run()
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert refused.value.http_status == 400
    assert refused.value.upstream_code == ("InvalidRequest" if layers == 1 else None)


@pytest.mark.parametrize("lines", [0.2], indirect=True)
@pytest.mark.parametrize(
    "without_end", [b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 400 Bad\r\nContent-Length: 9999\r\n\r\n<"]
)
async def test_an_answer_that_does_not_come_to_its_end_is_given_up(upload: StartUpload, without_end: bytes) -> None:
    """Interim answers and a refusal whose bytes trickle; no time-out of a socket ends either."""

    def trickle(request: Put) -> None:
        request.take()
        more = without_end if b" 103 " in without_end else b"<"
        with suppress(OSError):
            request.wfile.write(without_end)
            while True:
                request.wfile.write(more)
                time.sleep(0.01)
        request.hang_up()

    sending = upload(PART)
    sending.storage.plan[1] = [trickle]
    await sending.run()
    assert [one.part for one in sending.storage.seen] == [1, 1]


async def test_a_redirect_is_never_followed(upload: StartUpload) -> None:
    elsewhere = Storage()
    thread = threading.Thread(target=elsewhere.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        sending = upload(PART)
        sending.storage.plan[1] = [refuse(307, Location=f"{elsewhere.url}/up?partNumber=1&nth=1")] * 50
        with pytest.raises(StorageRefused):
            await sending.run()
        assert len(sending.storage.seen) == 1
        assert elsewhere.seen == []
    finally:
        elsewhere.shutdown()
        thread.join()
        elsewhere.server_close()


async def test_an_answer_before_the_whole_part_was_sent_is_not_storages(upload: StartUpload) -> None:
    def too_eager(request: Put) -> None:
        request.answer(200, ETag='"eager"')
        request.reset()

    sending = upload(64 * PART, part_size=64 * PART)
    sending.storage.plan[1] = [too_eager]
    await sending.run()
    sending.check_whole()


async def test_an_early_refusal_is_heard_though_the_body_was_not_read(upload: StartUpload) -> None:
    sending = upload(64 * PART, part_size=64 * PART)
    sending.storage.plan[1] = [refuse(400, "<Error><Code>EntityTooLarge</Code></Error>", take=False)]
    with pytest.raises(StorageRefused) as refused:
        await sending.run()
    assert refused.value.upstream_code == "EntityTooLarge"


async def test_a_second_run_sends_only_what_is_missing_under_the_same_upload(upload: StartUpload) -> None:
    sending = upload(5 * PART)
    sending.storage.plan[2] = [refuse(400)]
    with pytest.raises(StorageRefused):
        await sending.run()
    assert 2 not in sending.sent.etags
    had = set(sending.sent.etags)
    sending.check_progress(len(had) * PART)
    sending.storage.seen.clear()
    sending.asked.clear()
    await sending.run()
    sending.check_whole()
    assert {seen.part for seen in sending.storage.seen} == {1, 2, 3, 4, 5} - had
    assert {key for _, _, key in sending.asked} == {"KEY"}


async def test_an_upload_that_grew_too_old_is_not_tried_again(upload: StartUpload) -> None:
    sending = upload(PART)
    sending.sent.begun = -LIFE_SECONDS - 1
    sending.storage.plan[1] = [refuse(500)] * 50
    with pytest.raises(StorageStalled):
        await sending.run()
    assert len(sending.storage.seen) == 1
    assert sending.pauses == []


def overwrite_end(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))


def shorten(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


@pytest.mark.parametrize("change", [overwrite_end, shorten])
@pytest.mark.parametrize("size", [100, PART, 4 * PART])
async def test_storage_never_has_the_whole_of_a_part_that_changed(
    upload: StartUpload, change: Callable[[Path], object], size: int
) -> None:
    sending = upload(size)
    with pytest.raises(FileChanged):
        await sending.run(change)
    last = sending.plan.count
    assert last not in sending.storage.parts
    assert last not in sending.sent.etags
    sending.check_progress(len(sending.sent.etags) * PART)


async def test_as_many_parts_go_at_once_as_there_are_slots(upload: StartUpload) -> None:
    everybody = threading.Barrier(3)

    def together(request: Put) -> None:
        everybody.wait(120)  # would break if fewer were on their way
        store(request)

    sending = upload(6 * PART, slots=anyio.CapacityLimiter(3))
    sending.storage.plan = {part: [together] for part in range(1, 7)}
    await sending.run()
    sending.check_whole()
    assert sending.storage.most_at_once == 3


async def test_the_next_urls_are_signed_while_parts_are_on_their_way(upload: StartUpload) -> None:
    signed_ahead = threading.Event()

    class Watched(list[tuple[int, int, str | None]]):
        def append(self, asked: tuple[int, int, str | None]) -> None:
            super().append(asked)
            if asked[0] == 3:
                signed_ahead.set()

    def held(request: Put) -> None:
        in_time.append(signed_ahead.wait(120))
        store(request)

    in_time: list[bool] = []
    sending = upload(4 * PART, slots=anyio.CapacityLimiter(1), asked=Watched())
    sending.storage.plan = {2: [held]}
    await sending.run()
    sending.check_whole()
    assert (in_time, sending.asked) == ([True], [(1, 2, None), (3, 2, "KEY")])


async def test_the_first_url_is_signed_while_the_first_part_is_read(upload: StartUpload) -> None:
    async def until_it_is_signed() -> None:
        with anyio.fail_after(120):
            while not sending.asked:
                await anyio.lowlevel.checkpoint()

    sending = upload(2 * PART, read=until_it_is_signed)
    await sending.run()
    sending.check_whole()
    assert sending.asked == [(1, 2, None)]


async def test_several_files_share_the_slots(upload: StartUpload) -> None:
    pair = threading.Barrier(2)

    def together(request: Put) -> None:
        pair.wait(120)
        store(request)

    slots = anyio.CapacityLimiter(2)
    files = [upload(2 * PART, f"file{number}.pdf", slots=slots) for number in range(4)]
    storage = files[0].storage
    storage.plan = {1: [together] * 4, 2: [together] * 4}
    async with anyio.create_task_group() as group:
        for sending in files:
            group.start_soon(sending.run)
    assert storage.most_at_once == 2
    for sending in files:
        assert set(sending.sent.etags) == {1, 2}
        sending.check_progress(2 * PART)


async def test_a_cancelled_upload_stops_its_threads_in_the_middle_of_a_part(upload: StartUpload) -> None:
    reached, go_on, hung_up = threading.Event(), threading.Event(), threading.Event()
    taken: list[int] = []

    def slow(request: Put) -> None:
        request.take(READ)
        reached.set()
        go_on.wait(120)
        taken.append(READ + len(request.take(request.length - READ)))
        hung_up.set()

    sending = upload(64 * PART, part_size=64 * PART)
    sending.storage.plan[1] = [slow]
    with anyio.fail_after(120):
        async with anyio.create_task_group() as group:
            group.start_soon(sending.run)
            await anyio.to_thread.run_sync(reached.wait)
            group.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await anyio.wait_all_tasks_blocked()
                go_on.set()
        # The group has ended, so the thread has; storage was cut off.
        await anyio.to_thread.run_sync(hung_up.wait)
    assert taken[0] < len(sending.content)
    assert sending.sent.etags == {}
    sending.check_progress(0)


async def test_one_part_that_fails_for_good_stops_the_others(upload: StartUpload) -> None:
    reached, refused = threading.Event(), threading.Event()

    def slow(request: Put) -> None:
        request.take(READ)
        reached.set()
        refused.wait(120)
        request.take(request.length - READ)

    def refuse_once_the_other_is_there(request: Put) -> None:
        reached.wait(120)
        refuse(400, take=False)(request)

    sending = upload(128 * PART, part_size=64 * PART)
    sending.storage.plan = {1: [slow], 2: [refuse_once_the_other_is_there]}

    async def run() -> None:
        with pytest.raises(StorageRefused):
            await sending.run()

    with anyio.fail_after(120):
        async with anyio.create_task_group() as group:
            group.start_soon(run)
            await anyio.to_thread.run_sync(reached.wait)
            while not any(seen.part == 2 for seen in sending.storage.seen):
                await anyio.lowlevel.checkpoint()
            await anyio.wait_all_tasks_blocked()
            refused.set()
    assert sending.sent.etags == {}
    sending.check_progress(0)


async def test_memory_does_not_grow_with_the_file(upload: StartUpload) -> None:
    sending = upload(200 * PART, part_size=50 * PART, slots=anyio.CapacityLimiter(4))

    def forget(request: Put) -> None:
        digest = hashlib.md5(usedforsecurity=False)
        left = request.length
        while left and (piece := request.rfile.read1(min(READ, left))):
            digest.update(piece)
            left -= len(piece)
        request.answer(200, ETag=f'"{digest.hexdigest()}"')

    sending.storage.plan = {part: [forget] for part in range(1, 5)}
    tracemalloc.start()
    try:
        await sending.run()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    pieces = [sending.content[part.offset : part.offset + part.length] for part in sending.plan]
    assert sending.sent.in_order(sending.plan) == [etag_of(piece) for piece in pieces]
    # Both ends run in this process; the file itself has some 50 MiB.
    assert peak < 4 * 4 * CHUNK_BYTES + 4 * 1024 * 1024
