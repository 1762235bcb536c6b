"""Where a sandbox keeps its state: a data folder for the next start, or memory and a folder that goes with it."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from acc_sandbox.state.store import StateStore
from acc_sandbox.state.tables import VERSION


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
