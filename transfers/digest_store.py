"""What local files hashed to, so that one nobody has touched since is not read again. Everything here blocks."""

import json
import time
from pathlib import Path
from typing import Final

from sqlalchemy import text

from auth.database import Component, Database
from transfers.local_file import Digests, Identity

# Earlier builds made it among the tables of jobs.
_DIGESTS: Final = """
CREATE TABLE IF NOT EXISTS file_digests (
  identity TEXT PRIMARY KEY, part_size BIGINT NOT NULL, whole TEXT NOT NULL, parts TEXT NOT NULL,
  used DOUBLE PRECISION NOT NULL)
"""
TABLES: Final = Component(
    "file_digests", ((_DIGESTS, "CREATE INDEX IF NOT EXISTS file_digests_used ON file_digests (used)"),)
)


class DigestStore:
    """Digests by what tells a file, as it was when it was read, from every other."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, path: Path, identity: Identity, part_size: int) -> Digests | None:
        """Return what a file hashed to before, cut in the same way; None where it has been touched since."""
        query = text("SELECT whole, parts FROM file_digests WHERE identity = :identity AND part_size = :part_size")
        with self._database.reading() as connection:
            found = connection.execute(query, {"identity": _name(path, identity), "part_size": part_size}).first()
        return Digests(str(found[0]), tuple(str(found[1]).split(","))) if found is not None else None

    def keep(self, path: Path, identity: Identity, part_size: int, digests: Digests) -> None:
        """Remember what a file hashed to."""
        values = {
            "identity": _name(path, identity),
            "part_size": part_size,
            "whole": digests.whole,
            "parts": ",".join(digests.parts),
            "used": time.time(),
        }
        with self._database.writing() as connection:
            connection.execute(
                text(
                    "INSERT INTO file_digests (identity, part_size, whole, parts, used)"
                    " VALUES (:identity, :part_size, :whole, :parts, :used)"
                    " ON CONFLICT (identity) DO UPDATE SET part_size = excluded.part_size, whole = excluded.whole,"
                    " parts = excluded.parts, used = excluded.used"
                ),
                values,
            )

    def prune(self, before: float) -> None:
        """Forget what was kept before a time, in seconds since 1970."""
        with self._database.writing() as connection:
            connection.execute(text("DELETE FROM file_digests WHERE used < :before"), {"before": before})


def _name(path: Path, identity: Identity) -> str:
    return json.dumps([str(path), *identity])
