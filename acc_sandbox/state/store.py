"""The sandbox's memory: one SQLite database, in memory or in the data folder."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acc_sandbox.state.tables import SCHEMA, VERSION

_MOST_COUNTS = 1000
Row = dict[str, Any]
"""A row under the API's own names; JSON and flag columns are already lists, objects and booleans."""


class StateStore:
    """Rows in tables. One connection serves every thread, one statement or one transaction at a time."""

    def __init__(self, file: Path | None) -> None:
        # The converters are named in the schema's column types and nowhere else, so registering them disturbs nobody.
        sqlite3.register_converter("sandbox_json", json.loads)
        sqlite3.register_converter("sandbox_flag", lambda raw: raw == b"1")
        self._lock = threading.RLock()
        self._depth = 0
        self._counts: dict[tuple[str, tuple[object, ...]], int] = {}
        self._counted_at = -1
        self._connection = sqlite3.connect(
            str(file or ":memory:"),
            detect_types=sqlite3.PARSE_DECLTYPES,
            isolation_level=None,
            check_same_thread=False,
        )
        self._connection.row_factory = _as_dict
        if file is not None:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(f"PRAGMA user_version = {VERSION}")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Close the database; what was committed is on disk if there is a data folder."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: an exception undoes every change made inside. Transactions nest into the outermost."""
        with self._lock:
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("ROLLBACK")
                    # What was counted inside may never have been.
                    self._counts.clear()
                raise
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("COMMIT")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """All or nothing, for one piece of the transaction that is open."""
        with self.transaction():
            self._connection.execute("SAVEPOINT piece")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK TO piece")
                raise
            finally:
                self._connection.execute("RELEASE piece")

    def clear(self) -> None:
        """Delete every row but the facts."""
        tables = self.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'facts'")
        for table in tables:
            self.run(f"DELETE FROM {table['name']}")  # noqa: S608  # a table of ours

    def rows(self, sql: str, *values: object) -> list[Row]:
        """Every row of a query."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> Row | None:
        """The first row of a query, or None."""
        with self._lock:
            found: Row | None = self._connection.execute(sql, values).fetchone()
            return found

    def value(self, sql: str, *values: object) -> Any:
        """The first column of the first row, or None."""
        found = self.row(sql, *values)
        return None if found is None else next(iter(found.values()))

    def count(self, sql: str, *values: object) -> int:
        """What a counting query gives; asked again before anything has changed, it is answered from memory."""
        with self._lock:
            changes = self._connection.total_changes
            if changes != self._counted_at or len(self._counts) >= _MOST_COUNTS:
                self._counts, self._counted_at = {}, changes
            key = (sql, values)
            if key not in self._counts:
                self._counts[key] = int(self.value(sql, *values))
            return self._counts[key]

    def run(self, sql: str, *values: object) -> int:
        """Carry out a statement; the number of rows it touched."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def run_named(self, sql: str, values: Mapping[str, object]) -> None:
        """Carry out a statement whose values have names."""
        with self._lock:
            self._connection.execute(sql, values)

    def insert(self, table: str, row: Mapping[str, object]) -> None:
        """Add one row."""
        names = ", ".join(row)
        marks = ", ".join("?" * len(row))
        # Table and column names come from this package, never from a request.
        self.run(f"INSERT INTO {table} ({names}) VALUES ({marks})", *map(_plain, row.values()))  # noqa: S608

    def update(self, table: str, row_id: str, changes: Mapping[str, object]) -> None:
        """Change one row, found by its `id`."""
        pairs = ", ".join(f"{name} = ?" for name in changes)
        # As above: names are ours, values are bound.
        self.run(f"UPDATE {table} SET {pairs} WHERE id = ?", *map(_plain, changes.values()), row_id)  # noqa: S608


def _as_dict(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, values, strict=True)}


def _plain(value: object) -> object:
    return json.dumps(value) if isinstance(value, (list, dict)) else value
