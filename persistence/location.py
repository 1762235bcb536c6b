"""Location of the local state: database address and encryption-key source."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from persistence.database import DatabaseAddress
    from persistence.keys import KeySource


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
        from persistence.data_folder import DataFolder
        from persistence.database import DatabaseAddress

        if self.database_url is not None:
            return DatabaseAddress.of(self.database_url)
        return DatabaseAddress.sqlite(DataFolder.open(self.folder).database)

    def exists(self) -> bool:
        """Whether anything may have been written down: false only where no database has ever been made.

        Where that cannot be seen it may have been; opening it tells what stands against it.
        """
        from persistence.data_folder import DATABASE_NAME, default_path
        from persistence.errors import HomeFolderMissing

        if self.database_url is not None:
            return True
        try:
            return ((self.folder or default_path()) / DATABASE_NAME).exists()
        except (HomeFolderMissing, OSError):
            return True

    def key_source(self) -> "KeySource":
        """Return where the keys come from.

        Raises:
            KeysNeeded: Replicas share the database and were given none.
            StorageProblem: The data folder cannot be used.
        """
        from persistence.data_folder import DataFolder
        from persistence.errors import KeysNeeded
        from persistence.keys import EnvironmentKeys, MachineKeys, parse_keys

        if self.keys is not None:
            return EnvironmentKeys(parse_keys(self.keys, "SUBMITTAL_MCP_ENCRYPTION_KEYS"))
        if self.database_url is not None:
            raise KeysNeeded
        return MachineKeys(DataFolder.open(self.folder).key_file)
