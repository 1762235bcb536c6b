"""The keys of the vault: newest first; the first one seals, all of them open.

They come from `SUBMITTAL_MCP_ENCRYPTION_KEYS`, else from the operating system's keyring, else from a file of mode 0600
in the data folder. There is no fourth way: nothing is ever stored unsealed. A keyring that hangs, as one does without
a desktop to unlock it on, is given up after some seconds and counts as not there.
"""

import base64
import binascii
import hashlib
import queue
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Protocol, TypeVar

from persistence import private_files
from persistence.errors import (
    FolderNotWritable,
    KeyFileUnreadable,
    KeyProblem,
    KeysUnusable,
    check_descriptors,
)

Source = Literal["environment", "keyring", "file"]

KEY_BYTES: Final = 32
KEYRING_SECONDS: Final = 5.0
MOST_KEYS: Final = 8
"""Old keys stay in a ring for servers that still hold it as it was; the oldest go when there are more than these."""

_SERVICE: Final = "submittal-mcp"
_ENTRY: Final = "vault keys"

T = TypeVar("T")


class KeyringUnavailable(Exception):
    """The system has no keyring, or it does not answer."""


class SystemKeyring(Protocol):
    """The operating system's store of a secret text."""

    def read(self) -> str | None:
        """Return the text, or None if there is none; `KeyringUnavailable` when there is no keyring."""

    def write(self, text: str) -> None:
        """Keep `text`; `KeyringUnavailable` when it cannot."""


@dataclass(frozen=True)
class EncryptionKey:
    """32 bytes, and the `id` that stands for them in sealed texts and in logs."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise ValueError("a key has 32 bytes")

    @classmethod
    def new(cls) -> "EncryptionKey":
        """Return a random key."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> "EncryptionKey":
        """Read a key in base64, either alphabet, with or without padding.

        Raises:
            ValueError: It is none; the text is not quoted.
        """
        plain = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
        try:
            return cls(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True))
        except (binascii.Error, ValueError):
            raise ValueError("a key is 32 bytes in base64") from None

    @property
    def text(self) -> str:
        """The key as `parse` reads it: a secret."""
        return base64.b64encode(self.secret).decode("ascii")

    @property
    def id(self) -> str:
        """Eight hexadecimal digits that tell keys apart and nothing about them."""
        return hashlib.sha256(b"submittal-mcp key id" + self.secret).hexdigest()[:8]


@dataclass(frozen=True)
class KeyRing:
    """Keys, newest first, and where they were found: the newest one's place."""

    keys: tuple[EncryptionKey, ...]
    source: Source

    @property
    def newest(self) -> EncryptionKey:
        """The key that seals."""
        return self.keys[0]


class KeySource(Protocol):
    """Source of a vault's encryption keys."""

    @property
    def looked_in(self) -> str:
        """The places, in words, for a sentence about a key that is in none of them."""

    def load(self) -> KeyRing | None:
        """Return the keys as they are now; None where none were made yet. Raises `KeyProblem`."""

    def create_key(self) -> KeyRing:
        """Make a key that becomes the newest, and return the keys. Raises `KeyProblem`."""


class EnvironmentKeys:
    """Keys that a person or an orchestrator sets; the program cannot make any."""

    looked_in = "SUBMITTAL_MCP_ENCRYPTION_KEYS"

    def __init__(self, keys: Sequence[EncryptionKey]) -> None:
        self._ring = KeyRing(tuple(keys), "environment")

    def load(self) -> KeyRing:
        """Return the keys that were set."""
        return self._ring

    def create_key(self) -> KeyRing:
        """Return the keys that were set: a new one is put in front where they are set."""
        return self._ring


class MachineKeys:
    """Keys that the program makes for itself: in the system's keyring, or in a file where there is none.

    Making is not guarded against another process that makes at the same moment; `auth.vault` does that.
    """

    looked_in = "the system's keyring or the key file"

    def __init__(self, file: Path, keyring: SystemKeyring | None = None) -> None:
        self._file = file
        self._keyring = keyring or KeyringWithTimeout()

    def load(self) -> KeyRing | None:
        """Return the keys of keyring and file; a ring that was begun in either stays readable.

        Raises:
            KeysUnusable: What is kept there is no key.
        """
        in_keyring = self._in_keyring()
        in_file = self._in_file()
        if not in_keyring and not in_file:
            return None
        return KeyRing((*in_keyring, *in_file), "keyring" if in_keyring else "file")

    def create_key(self) -> KeyRing:
        """Make a key: in the keyring if it answers, else in the file.

        Raises:
            KeysUnusable: What is kept there is no key.
            FolderNotWritable: The file cannot be written.
        """
        try:
            kept = parse_keys(self._keyring.read() or "", "the system's keyring")
            self._keyring.write(_text([EncryptionKey.new(), *kept]))
        except KeyringUnavailable:
            self._make_in_file()
        ring = self.load()
        if ring is None:
            raise KeyProblem("the key that was just made cannot be read back")
        return ring

    def _make_in_file(self) -> None:
        content = _text([EncryptionKey.new(), *self._in_file()]).encode("ascii")
        try:
            private_files.replace(self._file, content)
        except OSError as error:
            check_descriptors(error, self._file)
            raise FolderNotWritable(self._file.parent, error.strerror or type(error).__name__) from error

    def _in_keyring(self) -> tuple[EncryptionKey, ...]:
        try:
            return parse_keys(self._keyring.read() or "", "the system's keyring")
        except KeyringUnavailable:
            return ()

    def _in_file(self) -> tuple[EncryptionKey, ...]:
        try:
            text = private_files.read(self._file).decode("ascii", errors="replace")
            if private_files.HAS_MODES and private_files.is_exposed(self._file):  # a copy that was put back
                private_files.make_file(self._file)
        except FileNotFoundError:
            return ()
        except OSError as error:
            check_descriptors(error, self._file)
            raise KeyFileUnreadable(self._file, error.strerror or type(error).__name__) from error
        return parse_keys(text, f"the key file {self._file}")


class KeyringWithTimeout:
    """The operating system's keyring through `keyring`, asked in a thread that may hang for as long as it likes."""

    def __init__(self, seconds: float = KEYRING_SECONDS) -> None:
        self._seconds = seconds
        self._hangs = False

    def read(self) -> str | None:
        """Return what is kept; `KeyringUnavailable` without a keyring, or one that does not answer in time."""

        def ask() -> str | None:
            import keyring

            _check_backend(keyring.get_keyring())
            return keyring.get_password(_SERVICE, _ENTRY)

        return self._in_time(ask)

    def write(self, text: str) -> None:
        """Keep `text`; `KeyringUnavailable` without a keyring, or one that does not answer in time."""

        def ask() -> None:
            import keyring

            _check_backend(keyring.get_keyring())
            keyring.set_password(_SERVICE, _ENTRY, text)

        self._in_time(ask)

    def _in_time(self, ask: Callable[[], T]) -> T:
        if self._hangs:
            raise KeyringUnavailable("it did not answer before")
        answers: queue.SimpleQueue[tuple[T] | None] = queue.SimpleQueue()

        def run() -> None:
            try:
                answers.put((ask(),))
            except Exception:  # noqa: BLE001  # backends raise whatever their platform's library does
                answers.put(None)

        # A daemon: the process must be able to end while the keyring still waits for the user to unlock it.
        threading.Thread(target=run, name="keyring", daemon=True).start()
        try:
            answer = answers.get(timeout=self._seconds)
        except queue.Empty:
            self._hangs = True
            raise KeyringUnavailable("it does not answer") from None
        if answer is None:
            raise KeyringUnavailable("there is none")
        return answer[0]


def _check_backend(backend: object) -> None:
    """Refuse what only calls itself a keyring, such as a plain file: `keyring` gives those a priority below 1."""
    if getattr(backend, "priority", 0) < 1:
        raise KeyringUnavailable("there is none that protects what it keeps")


def parse_keys(text: str, source: str) -> tuple[EncryptionKey, ...]:
    """Read keys separated by commas; none for an empty text.

    Raises:
        KeysUnusable: One is no key. Nothing is quoted.
    """
    try:
        return tuple(EncryptionKey.parse(part) for part in text.split(",")) if text.strip() else ()
    except ValueError:
        raise KeysUnusable(source) from None


def _text(keys: Sequence[EncryptionKey]) -> str:
    return ",".join(key.text for key in keys[:MOST_KEYS])
