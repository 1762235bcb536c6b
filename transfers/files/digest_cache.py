"""Cache of file digests, so that an unchanged file is not read again. Everything here blocks."""

import json
import time
from pathlib import Path
from typing import Final

from sqlalchemy import BigInteger, Column, Double, Index, MetaData, Table, Text, delete, select

from persistence.database import Database
from persistence.migrations import SchemaComponent
from transfers.files.local_file import FileDigests, FileStamp

_TABLES: Final = MetaData()
_DIGESTS: Final = Table(
    "file_digests",
    _TABLES,
    Column("identity", Text, primary_key=True),
    Column("part_size", BigInteger, nullable=False),
    Column("whole", Text, nullable=False),
    Column("parts", Text, nullable=False),
    Column("used", Double, nullable=False),
)
Index("file_digests_used", _DIGESTS.c.used)
TABLES: Final = SchemaComponent("file_digests", _TABLES)


class DigestCache:
    """Cache of digests by path and stamp, which tell a file as it was read from every other."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, path: Path, identity: FileStamp, part_size: int) -> FileDigests | None:
        """Return what a file hashed to before, cut in the same way; None where it has been touched since."""
        this = (_DIGESTS.c.identity == _name(path, identity), _DIGESTS.c.part_size == part_size)
        with self._database.reading() as connection:
            found = connection.execute(select(_DIGESTS.c.whole, _DIGESTS.c.parts).where(*this)).first()
        if found is None:
            return None
        seed, _, parts = found.parts.rpartition(" ")
        # The version before hashed parts with SHA-256, and had no seed.
        return FileDigests(found.whole, tuple(parts.split(",")), int(seed)) if seed else None

    def keep(self, path: Path, identity: FileStamp, part_size: int, digests: FileDigests, began: float) -> None:
        """Remember what a file hashed to that was read from `began` (seconds since 1970) on.

        Not of one that had changed just before: it may change once more and keep its stamp.
        """
        if not identity.is_settled(began):
            return
        values = {
            "part_size": part_size,
            "whole": digests.whole,
            "parts": f"{digests.seed} {','.join(digests.parts)}",
            "used": time.time(),
        }
        upsert = self._database.insert(_DIGESTS).values(identity=_name(path, identity), **values)
        with self._database.writing() as connection:
            connection.execute(upsert.on_conflict_do_update(index_elements=[_DIGESTS.c.identity], set_=values))

    def drop(self, path: Path, identity: FileStamp) -> None:
        """Forget what a file hashed to: its bytes have turned out to be others."""
        with self._database.writing() as connection:
            connection.execute(delete(_DIGESTS).where(_DIGESTS.c.identity == _name(path, identity)))

    def prune(self, before: float) -> None:
        """Forget what was kept before a time, in seconds since 1970."""
        with self._database.writing() as connection:
            connection.execute(delete(_DIGESTS).where(_DIGESTS.c.used < before))


def _name(path: Path, identity: FileStamp) -> str:
    return json.dumps([str(path), *identity])
