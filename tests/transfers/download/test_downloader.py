"""The driver against a storage that breaks off: the same bytes once each, no bearer, and memory that does not grow."""

import gzip
import hashlib
import socketserver
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from types import SimpleNamespace
from typing import Any

import anyio
import httpx
import pytest

from acc.errors import StorageRefused
from acc.ids import ObjectLocation
from acc.models.files import DownloadLink
from transfers.download.downloader import DigestMismatch, TooManyBytes, download_file
from transfers.download.target_folder import TargetFolder
from transfers.upload.uploader import AbortableClientPool

AT = ObjectLocation("wip.dm.prod", "a.pdf")
CONTENT = bytes(range(256)) * 8192
"""Two MiB that differ at every place."""


@dataclass
class Storage:
    """A storage that sends at most `each` bytes an answer, whatever it promised; `ranges=False` knows no ranges.

    With a `refusal` it answers with that.
    """

    url: str = ""
    refusal: bytes | None = None
    each: int = 700_000
    ranges: bool = True
    heads: list[str] = field(default_factory=list)

    def link(self, **more: Any) -> DownloadLink:
        sha1 = hashlib.sha1(CONTENT, usedforsecurity=False).hexdigest()
        known = {"status": "complete", "url": f"{self.url}/object?signature=x", "size": len(CONTENT), "sha1": sha1}
        return DownloadLink.model_validate({**known, **more})


@pytest.fixture
def storage() -> Iterator[Storage]:
    at = Storage()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            lines = []
            while line := self.rfile.readline().decode("latin-1").strip():
                lines.append(line)
            at.heads.append("\n".join(lines))
            start = next((int(one[13:-1]) for one in lines if one.lower().startswith("range: bytes=")), 0)
            start = start if at.ranges else 0
            rest = CONTENT[start:]
            partial = f"206 X\r\nContent-Range: bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}" if start else "200 X"
            with suppress(ConnectionError):  # it hung up
                if at.refusal is not None:
                    self.wfile.write(at.refusal)
                    return
                self.send(partial, rest)

        def send(self, partial: str, rest: bytes) -> None:
            self.wfile.write(f"HTTP/1.1 {partial}\r\nContent-Length: {len(rest)}\r\n\r\n".encode())
            self.wfile.write(rest[: at.each])

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        at.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield at
        server.shutdown()
        thread.join()


@pytest.fixture
def get(storage: Storage, tmp_path: Any) -> Iterator[Any]:
    """`get(**link)`: download from the storage, and return what became of it."""
    lines = AbortableClientPool(lambda: httpx.Client(trust_env=False))

    @asynccontextmanager
    async def exclusive(_: str) -> AsyncIterator[None]:
        yield

    async def no_pause(_: float) -> None:
        await anyio.lowlevel.checkpoint()

    async def download_link(_: ObjectLocation, *, minutes: int) -> DownloadLink:
        assert 1 <= minutes <= 60
        return storage.link(**changes)

    changes: dict[str, Any] = {}
    context: Any = SimpleNamespace(repository=SimpleNamespace(exclusive=exclusive), lines=lines, sleep=no_pause)
    acc: Any = SimpleNamespace(storage=SimpleNamespace(download_link=download_link, check_download=lambda _: None))
    folder = TargetFolder.open(tmp_path, "folder")

    async def run(*, most: int = 2**40, until: float = inf, attachment_id: str = "id", **link: Any) -> Any:
        changes.update(link)
        return await download_file(
            context, acc, folder, attachment_id=attachment_id, location=AT, name="a.pdf", most=most, until=until
        )

    yield run
    folder.close()
    lines.close()


@pytest.mark.parametrize("attachment_id", ["./../../elsewhere", "/../x", "a\\..\\x", "con", "x" * 300, "..", "\u202e"])
async def test_no_id_of_an_attachment_is_a_path(get: Any, tmp_path: Any, attachment_id: str) -> None:
    before = {*tmp_path.parent.rglob("*")}
    assert await get(attachment_id=attachment_id, until=-inf) is None
    [part] = {*tmp_path.parent.rglob("*")} - before
    assert (part.parent, part.suffix) == (tmp_path / "folder", ".part")
    assert (await get(attachment_id=attachment_id)).name == "a.pdf"
    assert [one.name for one in (tmp_path / "folder").iterdir()] == ["a.pdf"]


async def test_answers_that_break_off_are_gone_on_with_by_ranges_byte_for_byte(
    get: Any, storage: Storage, tmp_path: Any
) -> None:
    done = await get()
    assert (done.name, done.size, done.sha256) == ("a.pdf", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert (tmp_path / "folder" / "a.pdf").read_bytes() == CONTENT
    starts = [int(one.splitlines()[-1].removeprefix("Range: bytes=").removesuffix("-")) for one in storage.heads[1:]]
    assert starts == sorted(set(starts))
    assert starts[0] > 0
    first = storage.heads[0].splitlines()
    assert first[0] == "GET /object?signature=x HTTP/1.1"
    assert {one.partition(":")[0].lower() for one in first[1:]} == {
        "host",
        "accept",
        "accept-encoding",
        "connection",
        "user-agent",
    }
    assert "Accept-Encoding: identity" in first


async def test_a_storage_without_ranges_sends_the_whole_again(get: Any, storage: Storage, tmp_path: Any) -> None:
    (tmp_path / "folder" / ".id.part").write_bytes(CONTENT[:1000])
    storage.ranges, storage.each = False, len(CONTENT)
    assert (await get()).sha256 == hashlib.sha256(CONTENT).hexdigest()


async def test_a_part_that_is_longer_than_the_object_is_begun_again(get: Any, storage: Storage, tmp_path: Any) -> None:
    (tmp_path / "folder" / ".id.part").write_bytes(CONTENT + b"more")
    assert (await get()).size == len(CONTENT)


async def test_bytes_that_do_not_fit_storages_digest_get_no_name(get: Any, tmp_path: Any) -> None:
    with pytest.raises(DigestMismatch):
        await get(sha1="0" * 40)
    assert [one.name for one in (tmp_path / "folder").iterdir()] == [".id.part"]


@pytest.mark.parametrize("size", [len(CONTENT), None])
async def test_an_object_that_is_larger_than_allowed_is_left_whether_it_says_its_size_or_not(
    get: Any, size: Any
) -> None:
    with pytest.raises(TooManyBytes):
        await get(most=1_000_000, size=size)


async def test_time_that_ran_out_leaves_a_part_to_go_on_with(get: Any, storage: Storage) -> None:
    assert await get(until=0.0) is None
    assert (await get()).sha256 == hashlib.sha256(CONTENT).hexdigest()


async def test_a_coded_refusal_is_bounded_before_it_is_decoded(get: Any, storage: Storage) -> None:
    body = gzip.compress(b"<Error><Code>InvalidRequest</Code><Message>" + b" " * 20_000_000)
    head = f"HTTP/1.1 400 X\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    storage.refusal = head.encode() + body
    tracemalloc.start()
    try:
        with pytest.raises(StorageRefused) as refused:
            await get()
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert refused.value.upstream_code == "InvalidRequest"


async def test_memory_does_not_grow_with_the_object(get: Any, storage: Storage) -> None:
    storage.each = len(CONTENT)
    await get()
    tracemalloc.start()
    try:
        await get()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < len(CONTENT)
