"""The sandbox's memory: one SQLite database, in a data folder for the next start, or in memory and gone with it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from acc_sandbox.state.tables import SCHEMA, VERSION

_MOST_COUNTS = 1000
_MOST_LISTS = 4
_FAR = 500
"""From so many rows on, SQLite takes longer to skip them than to find the page behind them."""
_CACHE_KIBIBYTES = 64 * 1024
_BUSY_SECONDS = 30.0
_Query = tuple[str, tuple[object, ...]]
Row = dict[str, Any]
"""A row under the API's own names; JSON and flag columns are already lists, objects and booleans."""


class StateStore:
    """Rows in tables. One connection serves every thread, one statement or one transaction at a time."""

    def __init__(self, file: Path | None) -> None:
        # The converters are named in the schema's column types and nowhere else, so no other code is affected.
        sqlite3.register_converter("sandbox_json", lambda raw: [] if raw == b"[]" else json.loads(raw))
        sqlite3.register_converter("sandbox_flag", lambda raw: raw == b"1")
        self._lock = threading.RLock()
        self._depth = 0
        self._counts: dict[_Query, int] = {}
        self._lists: dict[_Query, list[Any] | None] = {}
        """Whole lists, for pages far in them; None where a first such page was asked for."""
        self._counted_at = -1
        # In memory under a name, so that a second connection of this process finds the same database.
        self._address = file.absolute().as_uri() if file else f"file:/acc-sandbox-{uuid.uuid4().hex}?vfs=memdb"
        self._connection = self._connect()
        self._searches: sqlite3.Connection | None = None
        self._search_lock = threading.Lock()
        if file is not None:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(f"PRAGMA user_version = {VERSION}")
        self._connection.executescript(SCHEMA)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._address,
            uri=True,
            detect_types=sqlite3.PARSE_DECLTYPES,
            isolation_level=None,
            check_same_thread=False,
            timeout=_BUSY_SECONDS,
        )
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
        return connection

    def close(self) -> None:
        """Close the database; what was committed is on disk if there is a data folder."""
        with self._lock, self._search_lock:
            if self._searches is not None:
                self._searches.close()
            self._connection.close()

    def search(self, sql: str, *values: object) -> list[Any]:
        """The first column of a long query, read on a connection of its own: call it in a worker thread.

        Other requests go on meanwhile, since SQLite works without Python's lock.
        """
        with self._search_lock:
            if self._searches is None:
                self._searches = self._connect()
            return [row[0] for row in self._searches.execute(sql, values)]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: an exception undoes every change made inside. Transactions nest into the outermost."""
        with self._lock:
            if self._depth == 0:
                # Deferred: this connection is the only one that writes, and a search may read meanwhile.
                self._connection.execute("BEGIN")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("ROLLBACK")
                    # What was counted inside may never have been.
                    self._forget_counts()
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
            cursor = self._connection.execute(sql, values)
            found = cursor.fetchall()
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in found]

    def column(self, sql: str, *values: object) -> list[Any]:
        """The first column of every row of a query."""
        with self._lock:
            return [row[0] for row in self._connection.execute(sql, values)]

    def row(self, sql: str, *values: object) -> Row | None:
        """The first row of a query, or None."""
        with self._lock:
            cursor = self._connection.execute(sql, values)
            found = cursor.fetchone()
        if found is None:
            return None
        return dict(zip([column[0] for column in cursor.description], found, strict=True))

    def value(self, sql: str, *values: object) -> Any:
        """The first column of the first row, or None."""
        with self._lock:
            found = self._connection.execute(sql, values).fetchone()
        return None if found is None else found[0]

    def count(self, sql: str, *values: object) -> int:
        """Result of a counting query; asked again before anything has changed, it is answered from memory."""
        with self._lock:
            self._forget_what_changed()
            key = (sql, values)
            if key not in self._counts:
                self._counts[key] = int(self.value(sql, *values))
            return self._counts[key]

    def page(self, sql: str, *values: object, limit: int, offset: int) -> list[Any]:
        """Some rows of the first column of an ordered query.

        The second page far in a list that has not changed is cut from the whole list, as are all after it: who reads a
        long list to its end does not make SQLite skip its beginning again and again.
        """
        with self._lock:
            self._forget_what_changed()
            key = (sql, values)
            whole = self._lists.get(key)
            if whole is None and offset >= _FAR:
                if key in self._lists:
                    whole = self._lists[key] = self.column(sql, *values)
                elif len(self._lists) < _MOST_LISTS:
                    self._lists[key] = None
            if whole is None:
                return self.column(f"{sql} LIMIT ? OFFSET ?", *values, limit, offset)
            return whole[offset : offset + limit]

    def _forget_what_changed(self) -> None:
        changes = self._connection.total_changes
        if changes != self._counted_at or len(self._counts) >= _MOST_COUNTS:
            self._forget_counts()
            self._counted_at = changes

    def _forget_counts(self) -> None:
        self._counts.clear()
        self._lists.clear()

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


def _plain(value: object) -> object:
    return json.dumps(value) if isinstance(value, (list, dict)) else value


class DataFolderError(Exception):
    """A data folder cannot be used; `folder` is which one, the text says why and what to do."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"the data folder {folder} {reason}")
        self.folder = folder


@contextmanager
def open_data_folder(data: Path | None) -> Iterator[tuple[StateStore, Path]]:
    """The store, and the folder for the bytes of objects, while the block lasts.

    Without `data` both are gone at its end. Raises `DataFolderError` for a folder that another version wrote, which is
    left as it was, and for one that cannot be read or written.
    """
    if data is not None:
        with closing(_store_in(data)) as store:
            yield store, data / "blobs"
        return
    folder = tempfile.mkdtemp(prefix="submittal-sandbox-")
    try:
        with closing(StateStore(None)) as store:
            yield store, Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _store_in(folder: Path) -> StateStore:
    file = folder / "sandbox.sqlite3"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = _version_of(file)
        if found not in (None, VERSION):
            raise DataFolderError(
                folder,
                f"was written by another version of this program (its format is {found}, this version's is {VERSION});"
                " start that version with it, or choose an empty folder",
            )
        (folder / "blobs").mkdir(exist_ok=True)
        return StateStore(file)
    except OSError as error:
        reason = error.strerror or str(error)
    except sqlite3.Error as error:
        reason = f"sandbox.sqlite3: {error}"
    raise DataFolderError(folder, f"cannot be used ({reason}); choose another folder")


def _version_of(file: Path) -> int | None:
    """The version of the tables in a database, 0 where none was noted yet; None when it has no tables."""
    if not file.exists():
        return None
    with closing(sqlite3.connect(file)) as connection:
        [version] = connection.execute("PRAGMA user_version").fetchone()
        [tables] = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    return int(version) if tables or version else None
