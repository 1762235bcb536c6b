"""Where the vault's keys come from, and what a keyring that hangs does: nothing."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backend
import pytest

from persistence.errors import KeysUnusable
from persistence.keys import (
    MOST_KEYS,
    EncryptionKey,
    EnvironmentKeys,
    KeyringUnavailable,
    KeyringWithTimeout,
    MachineKeys,
    parse_keys,
)

ROOT = Path(__file__).resolve().parents[2]


class Kept(keyring.backend.KeyringBackend):
    """A keyring of the operating system, as `keyring` sees one."""

    priority = 5  # type: ignore[assignment]  # a property in the base class

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


class Plain(Kept):
    """A keyring that only calls itself one."""

    priority = 0.5  # type: ignore[assignment]


class Hanging(Kept):
    """A keyring that waits for the user to unlock it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.unlocked = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        self.unlocked.wait()
        return None


@pytest.fixture(autouse=True)
def no_keyring_of_this_machine() -> Iterator[None]:
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


def test_keys_are_kept_in_the_systems_keyring_and_nowhere_else(tmp_path: Path) -> None:
    keyring.set_keyring(Kept())
    keys = MachineKeys(tmp_path / "vault.key")
    assert keys.load() is None
    made = keys.create_key()
    assert made.source == "keyring"
    assert keys.load() == made
    assert list(tmp_path.iterdir()) == []


def test_a_new_key_goes_in_front_and_the_old_ones_stay(tmp_path: Path) -> None:
    keyring.set_keyring(Kept())
    keys = MachineKeys(tmp_path / "vault.key")
    first = keys.create_key().newest
    ring = keys.create_key()
    assert ring.newest != first
    assert ring.keys[1:] == (first,)
    for _ in range(MOST_KEYS + 3):
        ring = keys.create_key()
    assert len(ring.keys) == MOST_KEYS
    assert first not in ring.keys


def test_without_a_keyring_a_private_file_keeps_them(tmp_path: Path) -> None:
    keyring.set_keyring(keyring.backends.fail.Keyring())
    keys = MachineKeys(tmp_path / "vault.key")
    first = keys.create_key()
    second = keys.create_key()
    assert (first.source, second.source) == ("file", "file")
    assert second.keys == (second.newest, first.newest)
    assert MachineKeys(tmp_path / "vault.key").load() == second
    assert stat.S_IMODE((tmp_path / "vault.key").stat().st_mode) == 0o600


def test_a_keyring_backend_that_stores_nothing_is_not_used(tmp_path: Path) -> None:
    plain = Plain()
    keyring.set_keyring(plain)
    assert MachineKeys(tmp_path / "vault.key").create_key().source == "file"
    assert plain.kept == {}


def test_a_keyring_that_hangs_is_asked_once_and_given_up(tmp_path: Path) -> None:
    hanging = Hanging()
    keyring.set_keyring(hanging)
    keys = MachineKeys(tmp_path / "vault.key", KeyringWithTimeout(seconds=0.05))
    try:
        assert keys.load() is None
        assert keys.create_key().source == "file"
        assert hanging.asked == 1
    finally:
        hanging.unlocked.set()


HANGS = """
import sys, threading
from pathlib import Path
import keyring, keyring.backend

class Hanging(keyring.backend.KeyringBackend):
    priority = 5
    def get_password(self, service, username):
        threading.Event().wait()
    set_password = get_password

keyring.set_keyring(Hanging())
from persistence.keys import MachineKeys, KeyringWithTimeout
print(MachineKeys(Path(sys.argv[1]), KeyringWithTimeout(seconds=0.05)).create_key().source)
"""


def test_a_program_can_end_while_the_keyring_still_hangs(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HANGS, str(tmp_path / "vault.key")],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (0, "file\n"), ended.stderr


def test_keys_begun_in_a_file_still_open_once_there_is_a_keyring(tmp_path: Path) -> None:
    keyring.set_keyring(keyring.backends.fail.Keyring())
    in_file = MachineKeys(tmp_path / "vault.key").create_key().newest
    keyring.set_keyring(Kept())
    ring = MachineKeys(tmp_path / "vault.key").create_key()
    assert (ring.source, ring.keys[1:]) == ("keyring", (in_file,))


def test_a_spoilt_key_file_is_named_and_never_overwritten(tmp_path: Path) -> None:
    keyring.set_keyring(keyring.backends.fail.Keyring())
    (tmp_path / "vault.key").write_text("spoilt", encoding="ascii")
    keys = MachineKeys(tmp_path / "vault.key")
    with pytest.raises(KeysUnusable, match=r"vault\.key"):
        keys.load()
    with pytest.raises(KeysUnusable):
        keys.create_key()
    assert (tmp_path / "vault.key").read_text(encoding="ascii") == "spoilt"


def test_keys_of_the_environment_are_taken_as_they_are() -> None:
    first, second = EncryptionKey.new(), EncryptionKey.new()
    ring = EnvironmentKeys(parse_keys(f"{first.text}, {second.text}", "X")).load()
    assert (ring.keys, ring.source) == ((first, second), "environment")
    with pytest.raises(KeysUnusable, match="openssl") as caught:
        parse_keys(f"{first.text},rubbish-rubbish", "X")
    assert first.text not in str(caught.value)
    assert "rubbish" not in str(caught.value)


def test_a_keyring_that_fails_counts_as_not_there() -> None:
    class Failing(Kept):
        def get_password(self, service: str, username: str) -> str | None:
            raise OSError("the bus went away")

    keyring.set_keyring(Failing())
    with pytest.raises(KeyringUnavailable):
        KeyringWithTimeout().read()
