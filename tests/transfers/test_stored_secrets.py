"""What lies in the database after every step has failed in turn: no token, no signed URL, no upload key in the clear."""

import base64
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from acc_sandbox import Fault, Refuse
from persistence.data_folder import KEY_FILE_NAME, StateLocation
from persistence.database import Database
from transfers.errors import JobStopped
from transfers.jobs.repository import JobRepository

STEPS = {
    "reserve": "attachments.create",
    "sign": "oss.signeds3upload.get",
    "send": "storage.put",
    "complete": "oss.signeds3upload.complete",
    "confirm": "attachments.patch",
}
BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")


def texts(file: Path) -> Iterator[bytes]:
    """Everything in a database, and what its base64 decodes to, and so on three deep."""
    with sqlite3.connect(file) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert {"jobs", "job_parts", "file_digests"} <= set(tables)
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    yield from decoded(value if isinstance(value, bytes) else str(value).encode(), 3)
    connection.close()


def decoded(value: bytes, depth: int) -> Iterator[bytes]:
    yield value
    if depth:
        for found in BASE64.findall(value):
            bare = found.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
            yield from decoded(base64.b64decode(bare[: len(bare) // 4 * 4]), depth - 1)


@pytest.mark.parametrize("operation", STEPS.values(), ids=STEPS.keys())
async def test_no_secret_is_stored_whatever_step_fails(working: Any, tmp_path: Path, operation: str) -> None:
    async with working() as site:
        token = site.token
        address = "https://storage/signed-url?X-Amz-Signature=51GNATURE"
        refusal = {"developerMessage": f"Bearer {token} was refused", "reason": address}
        site.box.faults.add(Fault(operation, Refuse(400, refusal), times=1))
        with pytest.raises(JobStopped):
            await site.attach(confirm=True)
        await site.attach(confirm=True)
        [*_, key] = site.edge.completed
    found = list(texts(tmp_path / "data" / "submittal-mcp.sqlite3"))
    everything = b"\n".join(found)
    assert site.where.person_id.encode() in everything
    for secret in (token, "X-Amz", "51GNATURE", "Bearer", "signed-url", key):
        assert secret.encode() not in everything


async def test_jobs_and_sign_ins_make_no_two_first_keys(tmp_path: Path) -> None:
    """A process that has the database for writing may be making one: the vault does, when a person signs in."""
    place, sealed = StateLocation(tmp_path / "data"), anyio.Event()
    repository = JobRepository(place)

    async def seal() -> None:
        await repository.sealed(b"an upload key", "context")
        sealed.set()

    await repository.open()
    with Database.open(place.address()) as database:
        async with anyio.create_task_group() as group:
            with database.writing():
                group.start_soon(seal)
                with anyio.move_on_after(0.5):
                    await sealed.wait()
                assert not sealed.is_set()
    await repository.close()
    assert len((tmp_path / "data" / KEY_FILE_NAME).read_text("ascii").split(",")) == 1
