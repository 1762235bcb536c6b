"""Errors of the local state: the data folder, the database, the vault's keys.

::

    StorageProblem
    ├── HomeFolderMissing       this user has no home folder, and no data folder is named
    ├── FolderNotWritable       the data folder cannot be made or written to
    ├── FolderNotPrivate        it is open to other people, and not for us to close
    ├── AuditLogUnusable        no line can be added to it, so no file is let go
    ├── DescriptorsExhausted    this process has no descriptor left for a file or a connection
    ├── LocksUnusable           files in the data folder cannot be locked, so no job can be worked on
    ├── DatabaseProblem
    │   ├── DatabaseNewer       a newer version of the program wrote it
    │   ├── DatabaseForeign     it is of another program, or half of it is missing
    │   ├── DatabaseCorrupt     it is damaged, or no database at all
    │   ├── DatabaseReadOnly    it can be read and not written
    │   ├── DatabaseFull        there is no room for it to grow
    │   ├── DatabaseGone        its file was removed or replaced while this process had it open
    │   ├── DatabaseBusy        another process has held it for too long
    │   └── DatabaseUnreachable it cannot be opened, or the server does not answer
    ├── KeyProblem
    │   ├── KeysUnusable        the configured keys are no keys
    │   ├── KeyFileUnreadable   the file with the keys cannot be read
    │   ├── KeysNeeded          replicas share a database and were given no keys
    │   └── KeyMissing          what is stored was sealed with a key that is not at hand
    └── persistence.encryption.NotSealed  what is stored was tampered with

Every text is a sentence for a person that says what to do. None holds a key, a password or a database URL.
"""

import errno
import os
from pathlib import Path
from typing import Final


class StorageProblem(Exception):
    """The data folder, the database or the keys of the vault cannot be used; base of these errors."""


class HomeFolderMissing(StorageProblem):
    """This user has no home folder to keep a data folder in."""

    def __init__(self) -> None:
        super().__init__(
            "this user has no home folder, so there is no place for the data folder; "
            "set HOME, or name a folder with its whole path in SUBMITTAL_MCP_DATA_DIR"
        )


class FolderNotWritable(StorageProblem):
    """The data folder cannot be made or written to; `reason` is the operating system's."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"the data folder {path} cannot be written to ({reason}); "
            "give this user the right to, free some space, or name another folder in SUBMITTAL_MCP_DATA_DIR"
        )
        self.path = path


class FolderNotPrivate(StorageProblem):
    """Others can look into the data folder, and it is not ours to close: other things are in it, or another owns it."""

    def __init__(self, path: Path, mode: int) -> None:
        super().__init__(
            f"the folder {path} is open to other people (mode {mode:03o}) and is not one of this program's own; "
            "name an empty folder of its own in SUBMITTAL_MCP_DATA_DIR, or close it with chmod 700"
        )
        self.path = path
        self.mode = mode


class AuditLogUnusable(StorageProblem):
    """No line can be added to the audit log, so no file is let go; `reason` is the operating system's, or ours."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"the audit log {path} cannot be written to ({reason}), and no file leaves without a line in it; "
            "free the disk, or make it a plain file that this user may write"
        )
        self.path = path


class LocksUnusable(StorageProblem):
    """Files in the data folder cannot be locked, so no job can be worked on; `reason` is the operating system's."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"no file can be locked in {path} ({reason}), so this program cannot be sure to be alone on an upload; "
            "give this user the right to write there, or name a folder on this machine's own disk in "
            "SUBMITTAL_MCP_DATA_DIR"
        )
        self.path = path


class DescriptorsExhausted(StorageProblem):
    """This process has no descriptor left for another file or connection."""

    def __init__(self, what: Path | str = "a file or socket") -> None:
        super().__init__(
            f"{what} cannot be opened, for this process may have no more files and connections open at once; "
            "raise its limit (ulimit -n, or LimitNOFILE of its service), then start it again"
        )


def no_descriptors_left(error: BaseException | None) -> bool:
    """Whether this process, or the machine, had no descriptor left; also where that made another error, or several."""
    if isinstance(error, BaseExceptionGroup):
        return any(no_descriptors_left(one) for one in error.exceptions)
    if isinstance(error, DescriptorsExhausted) or (
        isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)
    ):
        return True
    return error is not None and no_descriptors_left(error.__cause__ or error.__context__)


_DESCRIPTORS_AT_ONCE: Final = 4
"""What SQLite opens for a transaction: database, journal, index and folder; a connection with TLS needs no more."""


def check_descriptors(error: BaseException, what: Path | str, *, may_hide: bool = False) -> None:
    """Look whether `what` could not be opened because no descriptor was left.

    With `may_hide` the error is of a library that does not say so (SQLite, libpq, a resolver of names, OpenSSL): then
    whether some can be opened now decides.

    Raises:
        DescriptorsExhausted: It was so.
    """
    if no_descriptors_left(error) or (may_hide and not _are_descriptors_left()):
        raise DescriptorsExhausted(what) from None


def _are_descriptors_left() -> bool:
    opened: list[int] = []
    try:
        opened += (os.open(os.devnull, os.O_RDONLY) for _ in range(_DESCRIPTORS_AT_ONCE))
    except OSError as error:
        return not no_descriptors_left(error)
    finally:
        for one in opened:
            os.close(one)
    return True


class DatabaseProblem(StorageProblem):
    """Base of what keeps the program from its database. `where` names it without any password."""

    def __init__(self, where: str, sentence: str) -> None:
        super().__init__(f"the database {where} {sentence}")
        self.where = where


class DatabaseNewer(DatabaseProblem):
    """A newer version of the program wrote a `component` of it."""

    def __init__(self, where: str, component: str, found: int, known: int) -> None:
        super().__init__(
            where,
            f"was written by a newer version of this program ({component} has schema {found}, this one knows {known}); "
            "use that version again",
        )


class DatabaseForeign(DatabaseProblem):
    """It holds tables of another program in place of ours, or some of ours are missing; `found` says which."""

    def __init__(self, where: str, found: str) -> None:
        super().__init__(
            where,
            f"is not as this program makes it ({found}); restore a copy of it, move it away, or name another place",
        )


class DatabaseCorrupt(DatabaseProblem):
    """It is damaged, or no database at all."""

    def __init__(self, where: str) -> None:
        super().__init__(where, "is damaged; move it away and sign in again, or restore a copy of it")


class DatabaseReadOnly(DatabaseProblem):
    """It can be read and not written."""

    def __init__(self, where: str) -> None:
        super().__init__(where, "cannot be written to; give this user the right to write it and its folder")


class DatabaseGone(DatabaseProblem):
    """The SQLite file was removed or replaced while this process had it open: what it writes there is lost."""

    def __init__(self, where: str) -> None:
        super().__init__(
            where, "was removed or replaced while this program had it open; put it back, or start the program again"
        )


class DatabaseFull(DatabaseProblem):
    """There is no room for it to grow."""

    def __init__(self, where: str) -> None:
        super().__init__(where, "cannot grow: its disk is full; free some space there")


class DatabaseBusy(DatabaseProblem):
    """Another process has held it for too long."""

    def __init__(self, where: str) -> None:
        super().__init__(where, "is held by another program; close whatever has it open, then try again")


class DatabaseUnreachable(DatabaseProblem):
    """It cannot be opened, or its server does not answer or refuses; `reason` is a clause, or nothing.

    `in_file` says that it is one of SQLite.
    """

    def __init__(self, where: str, reason: str = "", *, in_file: bool = False) -> None:
        why = f": {reason}" if reason else ""
        remedy = (
            "its disk, or name a folder on this machine's own disk in SUBMITTAL_MCP_DATA_DIR"
            if in_file
            else "SUBMITTAL_MCP_DATABASE_URL and the server"
        )
        super().__init__(where, f"cannot be reached{why}; check {remedy}")


class KeyProblem(StorageProblem):
    """Base of what is wrong with the keys of the vault."""


class KeysUnusable(KeyProblem):
    """A configured or stored key is not one."""

    def __init__(self, source: str) -> None:
        super().__init__(
            f"{source} holds something that is no key; "
            "each is 32 random bytes in base64, as `openssl rand -base64 32` prints them, newest first, commas between"
        )


class KeyFileUnreadable(KeyProblem):
    """The file with the keys cannot be read; `reason` is the operating system's."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"the key file {path} cannot be read ({reason}); "
            "give this user the right to, or put its keys into SUBMITTAL_MCP_ENCRYPTION_KEYS"
        )
        self.path = path


class KeysNeeded(KeyProblem):
    """Replicas that share a database need keys that they share too."""

    def __init__(self) -> None:
        super().__init__(
            "a shared database needs shared keys: set SUBMITTAL_MCP_ENCRYPTION_KEYS beside SUBMITTAL_MCP_DATABASE_URL, "
            "to what `openssl rand -base64 32` prints"
        )


class KeyMissing(KeyProblem):
    """What is stored was sealed with the key `key_id`, which none of the key sources holds."""

    def __init__(self, key_id: str, looked_in: str) -> None:
        super().__init__(
            f"the sign-in was sealed with key {key_id}, which is not in {looked_in}; "
            "make it available again (unlock the system's keyring, or put the key into SUBMITTAL_MCP_ENCRYPTION_KEYS), "
            "or sign in again"
        )
        self.key_id = key_id
