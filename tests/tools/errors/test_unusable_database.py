"""A database that cannot be used: the answer names it and says what a person does, and nothing in it is lost."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine, event

import acc_sandbox
from persistence.data_folder import DATABASE_NAME
from tests.support.constants import STEEL_BEAMS

CREATE = "attachments.create"

Spoiling = Callable[[Path], None]

WRITE_VERSION: Final = 18
"""Where a database says which versions may write it. SQLite only reads what a later one wrote: as for a file of
mode 0444, and unlike that for an administrator too."""


@pytest.fixture
def era() -> str:
    """One is enough here: that refusals travel the same way in both is tested beside successes."""
    return "2026-07-28"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (allowed / "beams.pdf").write_bytes(b"beams")
    return allowed


def from_a_newer_version(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        changed = connection.execute("UPDATE schema_versions SET version = 1000 WHERE component = 'transfers'")
        assert changed.rowcount == 1


def damaged(database: Path) -> None:
    database.write_bytes(b"no database at all " * 500)


def read_only(database: Path) -> None:
    content = bytearray(database.read_bytes())
    content[WRITE_VERSION] = 3
    database.write_bytes(content)


@contextmanager
def spoiled(database: Path, spoil: Spoiling) -> Iterator[None]:
    """Put it back as it was at the end of the block, having seen that it was not changed meanwhile."""
    good = database.read_bytes()
    spoil(database)
    bad = database.read_bytes()
    assert bad != good
    yield
    assert database.read_bytes() == bad
    database.write_bytes(good)


SPOILT: dict[str, tuple[Spoiling, str]] = {
    "of a newer version": (
        from_a_newer_version,
        (
            "was written by a newer version of this program (transfers has schema 1000, this one knows 2); "
            "use that version again"
        ),
    ),
    "damaged": (damaged, "is damaged; move it away and sign in again, or restore a copy of it"),
    "read-only": (read_only, "cannot be written to; give this user the right to write it and its folder"),
}


@pytest.mark.parametrize(("spoil", "remedy"), SPOILT.values(), ids=SPOILT)
async def test_a_database_that_cannot_be_used_is_named_with_its_remedy_and_nothing_in_it_is_lost(
    connect: Any, box: acc_sandbox.Sandbox, folder: Path, tmp_path: Path, spoil: Spoiling, remedy: str
) -> None:
    async def attach(ask: str, name: str = "beams.pdf") -> Any:
        async with connect(folders=(folder,)) as assistant:
            return await getattr(assistant, ask)(
                "add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf", name=name
            )

    first = await attach("call")
    database = tmp_path / "data" / DATABASE_NAME
    with spoiled(database, spoil):
        refusal = await attach("refused", "joists.pdf")  # of what is there already reading alone tells
    assert refusal == {
        "error": {
            "code": "storage_unavailable",
            "message": "The server cannot use the folder or database where it keeps its sign-ins and transfers.",
            "hint": f"Ask the user to fix this: the database {database} {remedy}.",
            "failed_step": None,
            "retryable": False,
            "retry_after_seconds": None,
            "http_status": None,
            "candidates": [],
        },
        "next_steps": [],
    }
    again = await attach("call")
    assert (again["already_attached"], again["attachment"]["id"]) == (True, first["attachment"]["id"])
    assert box.requests.count(CREATE) == 1


async def test_a_data_folder_that_cannot_be_made_is_named_and_nothing_is_sent(
    connect: Any, box: acc_sandbox.Sandbox, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("in the way", encoding="ascii")
    async with connect(folders=(folder,)) as assistant:
        refusal = await assistant.refused("add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf")
    assert refusal["error"]["code"] == "storage_unavailable"
    assert f"the data folder {tmp_path / 'data'} cannot be written to" in refusal["error"]["hint"]
    assert "name another folder in SUBMITTAL_MCP_DATA_DIR" in refusal["error"]["hint"]
    assert (tmp_path / "data").read_text(encoding="ascii") == "in the way"
    assert box.requests.count(CREATE) == 0


async def test_a_repaired_database_is_used_by_the_next_call(connect: Any, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way", encoding="ascii")
    async with connect(folders=(folder,)) as assistant:
        await assistant.refused("add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf")
        (tmp_path / "data").unlink()
        await assistant.call("add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf")


@contextmanager
def room_for(pages: int) -> Iterator[None]:
    """On the disks of all databases that are opened meanwhile there is room for so many pages more."""

    def limit(connection: sqlite3.Connection, *_: object) -> None:
        [there] = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {there + pages}")

    event.listen(Engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(Engine, "connect", limit)


@pytest.mark.parametrize("pages", [0, 1, 2, 4])
async def test_a_full_disk_is_reported_and_the_same_call_resumes_when_there_is_room(
    connect: Any, box: acc_sandbox.Sandbox, folder: Path, pages: int
) -> None:
    for number in range(20):  # until every page that is there is full, and then for as many as there is room
        (folder / f"{number}.pdf").write_bytes(b"%d" % number)
    async with connect(folders=(folder,)) as assistant:
        await assistant.call("add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf")
    with room_for(pages):
        async with connect(folders=(folder,)) as assistant:
            answers = [
                await assistant.answer("add_submittal_attachment", **STEEL_BEAMS, file_path=f"{number}.pdf")
                for number in range(20)
            ]
    refused = [answer["error"] for answer in answers if "error" in answer]
    assert {error["code"] for error in refused} == {"storage_unavailable"}
    assert all("free some space" in error["hint"] for error in refused)
    async with connect(folders=(folder,)) as assistant:
        for number in range(20):
            await assistant.call("add_submittal_attachment", **STEEL_BEAMS, file_path=f"{number}.pdf", confirm=True)
    assert box.requests.count(CREATE) == 21


async def test_a_data_folder_in_which_nothing_can_be_locked_is_named_and_nothing_is_sent(
    connect: Any, box: acc_sandbox.Sandbox, folder: Path, tmp_path: Path
) -> None:
    async with connect(folders=(folder,)) as assistant:
        await assistant.call("add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf")
    locks = tmp_path / "data" / "locks"
    for path in locks.iterdir():
        path.unlink()
    locks.rmdir()
    locks.write_text("in the way", encoding="ascii")
    async with connect(folders=(folder,)) as assistant:
        refusal = await assistant.refused(
            "add_submittal_attachment", **STEEL_BEAMS, file_path="beams.pdf", name="joists.pdf"
        )
        (folder / "many.pdf").write_bytes(b"many")
        of_many = await assistant.refused(
            "attach_files", **STEEL_BEAMS, files=["many.pdf"], check_only=False, wait_seconds=30
        )
    assert refusal["error"]["code"] == of_many["error"]["code"] == "storage_unavailable"
    assert f"no file can be locked in {locks}" in refusal["error"]["hint"]
    assert f"no file can be locked in {locks}" in of_many["error"]["hint"]
    assert box.requests.count(CREATE) == 1
