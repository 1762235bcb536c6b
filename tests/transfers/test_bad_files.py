"""Files that go wrong under a job: a clear end that names the path, nothing confirmed, and the same call goes on later."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from acc_sandbox import Fault, Stall
from transfers.concurrency import background_task
from transfers.errors import FileChanged, FileMissing, FileNotAllowed, FileProblem, JobStopped

PUT, COMPLETE, CREATE = "storage.put", "oss.signeds3upload.complete", "attachments.create"
CONTENT = bytes(range(256)) * 4


def shrink(path: Path) -> None:
    os.truncate(path, 100)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def vanish(path: Path) -> None:
    path.unlink()


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


MISHAPS = {
    "shrinks": (shrink, FileChanged),
    "grows": (grow, FileChanged),
    "vanishes": (vanish, FileMissing),
    "becomes a folder": (become_a_folder, FileNotAllowed),
}


@pytest.mark.parametrize(("mishap", "ends_as"), MISHAPS.values(), ids=MISHAPS)
async def test_a_file_that_goes_wrong_before_it_is_sent_ends_clearly_and_is_finished_when_it_is_back(
    working: Any, folder: Path, mishap: Callable[[Path], None], ends_as: type[FileProblem]
) -> None:
    path = folder / "beam.pdf"
    path.write_bytes(CONTENT)
    async with working() as site:
        reserving = site.box.faults.add(Fault(CREATE, Stall()))

        async def go_wrong() -> None:
            await anyio.to_thread.run_sync(reserving.reached.wait)
            mishap(path)
            site.box.faults.release()

        with pytest.raises(JobStopped) as stopped:
            async with background_task(go_wrong):
                await site.attach()
        problem = stopped.value.cause
        assert isinstance(problem, ends_as)
        assert Path(problem.path).name == path.name
        assert site.box.requests.count(PUT) == site.box.requests.count(COMPLETE) == 0
        if path.is_dir():
            path.rmdir()
        path.write_bytes(CONTENT)
        outcome = await site.attach(confirm=True)
        [row] = site.rows()
        assert (row["id"], row["isFileUploaded"]) == (outcome.job.reserved.id, True)
        assert site.box.object_bytes(row["uploadUrn"]) == CONTENT
