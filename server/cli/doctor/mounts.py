"""Snapshots of the allowed folders by machine, to detect workers that see different files at the same path.

Workers that share a queue open a job's file by its path, so the same share must be mounted there on every machine. A
machine writes down the inodes of a folder and of what lies in it: those of a share are the server's, and so the same
everywhere, while a folder of the machine's own has others.
"""

import os
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Column, Double, MetaData, Table, Text, delete, select

from persistence.database import Database
from persistence.migrations import SchemaComponent, migrate

_TABLES: Final = MetaData()
_SIGHTINGS: Final = Table(
    "folder_sightings",
    _TABLES,
    Column("path", Text, primary_key=True),
    Column("machine", Text, primary_key=True),
    Column("seen", Text, nullable=False),
    Column("looked_at", Double, nullable=False),
)
COMPONENT: Final = SchemaComponent("folder_sightings", _TABLES)

_KEPT_SECONDS: Final = 30 * 24 * 3600.0
_MOST_ENTRIES: Final = 200


class FolderSnapshot(BaseModel):
    """The inode of a folder, and the inodes of its first entries by name."""

    model_config = ConfigDict(frozen=True)

    inode: int
    entries: dict[str, int]

    @classmethod
    def of(cls, folder: Path) -> "FolderSnapshot":
        """Read a folder; raises `OSError`."""
        with os.scandir(folder) as found:
            entries = sorted((entry.name, entry.inode()) for entry in found)
        return cls(inode=folder.stat().st_ino, entries=dict(entries[:_MOST_ENTRIES]))

    def is_same_folder(self, other: "FolderSnapshot") -> bool:
        """Whether both may be one folder, which may have changed in between."""
        both = self.entries.keys() & other.entries.keys()
        return self.inode == other.inode and all(self.entries[name] == other.entries[name] for name in both)


@dataclass(frozen=True)
class RemoteSnapshot:
    """Another machine's snapshot of a path, taken at `looked_at`, in seconds since 1970."""

    machine: str
    sighting: FolderSnapshot
    looked_at: float


class FolderComparison(NamedTuple):
    """A folder, the other machines on which it may be the `same`, and those that see a `strange` one at its path."""

    folder: Path
    same: list[RemoteSnapshot]
    strange: list[RemoteSnapshot]


def compared(database: Database, folders: Iterable[Path]) -> Iterator[FolderComparison]:
    """Compare folders with other machines' snapshots; one that this machine cannot read is left out.

    Raises:
        DatabaseProblem: The database cannot be used.
    """
    for folder in folders:
        try:
            sighting = FolderSnapshot.of(folder)
        except OSError:
            continue  # reported at start-up and by the doctor
        others = compare(database, folder, sighting, socket.gethostname())
        same = [other for other in others if sighting.is_same_folder(other.sighting)]
        yield FolderComparison(folder, same, [other for other in others if other not in same])


def compare(database: Database, folder: Path, sighting: FolderSnapshot, machine: str) -> list[RemoteSnapshot]:
    """Store the snapshot of `machine`, and return the others' of the last month.

    Raises:
        DatabaseProblem: The database cannot be used.
    """
    migrate(database, COMPONENT)
    now = time.time()
    here = (_SIGHTINGS.c.path == str(folder), _SIGHTINGS.c.machine == machine)
    row = {"path": str(folder), "machine": machine, "seen": sighting.model_dump_json(), "looked_at": now}
    with database.writing() as connection:
        connection.execute(delete(_SIGHTINGS).where(_SIGHTINGS.c.looked_at < now - _KEPT_SECONDS))
        connection.execute(delete(_SIGHTINGS).where(*here))
        connection.execute(_SIGHTINGS.insert().values(**row))
        others = select(_SIGHTINGS).where(_SIGHTINGS.c.path == str(folder), _SIGHTINGS.c.machine != machine)
        rows = connection.execute(others.order_by(_SIGHTINGS.c.machine)).mappings().all()
    return [
        RemoteSnapshot(one["machine"], FolderSnapshot.model_validate_json(one["seen"]), one["looked_at"])
        for one in rows
    ]
