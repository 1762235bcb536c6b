"""Location of the local state, and the data folder: the database, and the vault's key on machines without a keyring.

The folder has mode 0700, every file in it 0600, under any umask. A wider folder is closed when it is ours
(empty, or made by us before), and refused when it holds other things: a home folder named by mistake keeps its mode.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from persistence import private_files
from persistence.errors import (
    FolderNotPrivate,
    FolderNotWritable,
    HomeFolderMissing,
    check_descriptors,
)

if TYPE_CHECKING:
    from persistence.database import DatabaseAddress
    from persistence.keys import KeySource

APP: Final = "submittal-mcp"
DATABASE_NAME: Final = "submittal-mcp.sqlite3"
KEY_FILE_NAME: Final = "vault.key"
AUDIT_LOG_NAME: Final = "audit.jsonl"


def home_folder() -> Path | None:
    """Return this user's home folder by its whole path; None where no HOME, or none that is one, names it."""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home if home.is_absolute() else None


def default_path() -> Path:
    """Return the platform's place for a program's data, such as `~/.local/share/submittal-mcp`.

    Raises:
        HomeFolderMissing: This user has no home folder: no HOME, and no entry in the system's list of users.
    """
    import platformdirs

    try:
        path = platformdirs.user_data_path(APP, appauthor=False)
    except RuntimeError:
        raise HomeFolderMissing from None
    if not path.is_absolute():
        raise HomeFolderMissing  # so older versions of platformdirs say it: `~`, wherever the program was started
    return path


class DataFolder:
    """A private folder; `open` makes it, the properties name what belongs in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: Path | None = None) -> "DataFolder":
        """Make the folder at `path` (or the platform's place) if need be, and close it to others.

        Raises:
            HomeFolderMissing: None is named, and this user has no home folder.
            FolderNotWritable: It cannot be made or written to.
            FolderNotPrivate: Others can look into it, and it is not ours to close.
        """
        folder = cls(path or default_path())
        try:
            folder._make_private()
        except OSError as error:
            check_descriptors(error, folder.path)
            raise FolderNotWritable(folder.path, error.strerror or type(error).__name__) from error
        if not os.access(folder.path, os.W_OK | os.X_OK):
            raise FolderNotWritable(folder.path, "no permission, or a read-only disk")
        return folder

    @property
    def database(self) -> Path:
        """The SQLite database; its journals lie beside it."""
        return self.path / DATABASE_NAME

    @property
    def key_file(self) -> Path:
        """The vault's keys, where the system has no keyring."""
        return self.path / KEY_FILE_NAME

    @property
    def audit_log(self) -> Path:
        """A line for every file that was let go; see `transfers.audit_log`."""
        return self.path / AUDIT_LOG_NAME

    def _make_private(self) -> None:
        if private_files.make_folder(self.path) or not private_files.HAS_MODES:
            return
        mode = private_files.mode_of(self.path)
        if not mode & 0o077:
            return
        names = {path.name for path in self.path.iterdir()}
        if not private_files.is_ours(self.path) or (
            names and DATABASE_NAME not in names and KEY_FILE_NAME not in names
        ):
            raise FolderNotPrivate(self.path, mode)
        private_files.close_folder(self.path)

    def exposed_paths(self) -> list[Path]:
        """Return the folder itself and whatever in it others can read or write."""
        if not private_files.HAS_MODES:
            return []
        return [path for path in (self.path, *sorted(self.path.rglob("*"))) if private_files.is_exposed(path)]


@dataclass(frozen=True)
class StateLocation:
    """A data folder (None: the platform's), or beside it a PostgreSQL that replicas share. Naming it opens nothing.

    `keys` are those of `SUBMITTAL_MCP_ENCRYPTION_KEYS`; without them the machine's own are used.
    """

    folder: Path | None = None
    database_url: str | None = field(default=None, repr=False)
    keys: str | None = field(default=None, repr=False)

    def address(self) -> "DatabaseAddress":
        """Return where the database is; makes the data folder.

        Raises:
            StorageProblem: The data folder cannot be used.
        """
        from persistence.database import DatabaseAddress

        if self.database_url is not None:
            return DatabaseAddress.of(self.database_url)
        return DatabaseAddress.sqlite(DataFolder.open(self.folder).database)

    def data_path(self) -> Path | None:
        """Return the data folder, whether it is there or not; None where there is no home folder to have it in."""
        from persistence.errors import HomeFolderMissing

        try:
            return self.folder or default_path()
        except HomeFolderMissing:
            return None

    def exists(self) -> bool:
        """Whether anything may have been written down: false only where no database has ever been made.

        Where that cannot be seen it may have been; opening it tells what stands against it.
        """
        if self.database_url is not None:
            return True
        path = self.data_path()
        try:
            return path is None or (path / DATABASE_NAME).exists()
        except OSError:
            return True

    def key_source(self) -> "KeySource":
        """Return where the keys come from.

        Raises:
            KeysNeeded: Replicas share the database and were given none.
            StorageProblem: The data folder cannot be used.
        """
        from persistence.errors import KeysNeeded
        from persistence.keys import EnvironmentKeys, MachineKeys, parse_keys

        if self.keys is not None:
            return EnvironmentKeys(parse_keys(self.keys, "SUBMITTAL_MCP_ENCRYPTION_KEYS"))
        if self.database_url is not None:
            raise KeysNeeded
        return MachineKeys(DataFolder.open(self.folder).key_file)
