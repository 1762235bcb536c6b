"""The reader that goes ahead of the senders: in order, never further than it may, and in no one's way while it waits."""

import hashlib
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfers.concurrency import ByteCounter, background_task
from transfers.errors import FileChanged
from transfers.files.allowed_folders import AllowedFolders
from transfers.files.local_file import FileDigests, FilePass, FilePolicy, LocalFile, part_hash
from transfers.upload.part_plan import PartPlan, UploadState
from transfers.upload.read_ahead import ReadAhead

PART, SEED = 1000, 7


def reader(file: LocalFile, sent: UploadState, room: int, readers: anyio.CapacityLimiter) -> ReadAhead:
    plan = PartPlan(file.size, PART)
    return ReadAhead(file, plan, FilePass(file, SEED, ByteCounter()), sent, readers, room)


def opened(folder: Path, content: bytes) -> LocalFile:
    (folder / "beam.pdf").write_bytes(content)
    return LocalFile.open("beam.pdf", AllowedFolders([folder]), FilePolicy(frozenset(), 10**9))


def digest(content: bytes) -> str:
    one = part_hash(SEED)
    one.update(content)
    return one.hexdigest()


@given(st.integers(1, 6 * PART), st.integers(0, 4 * PART))
def test_it_is_never_further_ahead_of_storage_than_it_may_be_and_always_one_part(
    tmp_path_factory: pytest.TempPathFactory, size: int, room: int
) -> None:
    content = bytes(number % 251 for number in range(size))
    plan = PartPlan(size, PART)

    async def run() -> FileDigests:
        sent, readers, read = UploadState(), anyio.CapacityLimiter(1), ByteCounter()
        with opened(tmp_path_factory.mktemp("files"), content) as file:
            reading = ReadAhead(file, plan, FilePass(file, SEED, read), sent, readers, room)
            found: list[FileDigests] = []

            async def keep() -> None:
                found.append(await reading.run())

            async with anyio.create_task_group() as group:
                group.start_soon(keep)
                for number in range(1, plan.count + 1):
                    assert await reading.digest(number) == digest(content[(number - 1) * PART :][:PART])
                    stored = sum(plan.part(one).length for one in sent.etags)
                    assert read.value - stored <= max(room, PART)
                    sent.add(plan.part(number), "etag", "digest")
            return found[0]

    found = anyio.run(run)
    assert found.whole == hashlib.sha256(content).hexdigest()
    assert found.parts == tuple(digest(content[start : start + PART]) for start in range(0, size, PART))


async def test_while_it_waits_for_room_its_place_is_another_readers(tmp_path: Path) -> None:
    sent, readers = UploadState(), anyio.CapacityLimiter(1)
    with opened(tmp_path, bytes(3 * PART)) as file:
        reading = reader(file, sent, 0, readers)

        async def run() -> None:
            await reading.run()

        async with background_task(run):
            await reading.digest(1)
            async with readers:  # would wait for ever if the reader kept it
                assert not sent.etags


async def test_a_part_that_storage_has_is_compared_as_it_passes(tmp_path: Path) -> None:
    sent = UploadState()
    with opened(tmp_path, bytes(2 * PART)) as file:
        sent.add(PartPlan(2 * PART, PART).part(2), "etag", digest(b"other bytes"))
        with pytest.raises(FileChanged):
            await reader(file, sent, 10 * PART, anyio.CapacityLimiter(1)).run()
        sent.add(PartPlan(2 * PART, PART).part(2), "etag", digest(bytes(PART)))
        await reader(file, sent, 10 * PART, anyio.CapacityLimiter(1)).run()
