"""The data folder: private under any umask, and never a folder that the user keeps other things in."""

import os
import stat
import sys
from pathlib import Path

import pytest

from persistence import private_files
from persistence.data_folder import DataFolder, StateLocation
from persistence.errors import FolderNotPrivate, FolderNotWritable, HomeFolderMissing, StorageProblem
from persistence.locks import FileLocks

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_a_new_folder_is_private_under_any_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        folder = DataFolder.open(tmp_path / "new" / "data")
        private_files.replace(folder.key_file, b"key")
    finally:
        os.umask(before)
    assert (mode(folder.path), mode(folder.path.parent), mode(folder.key_file)) == (0o700, 0o700, 0o600)
    assert folder.exposed_paths() == []


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_locks_are_private_and_ours_under_any_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        lock = FileLocks(tmp_path / "data" / "locks").try_acquire("job")
    finally:
        os.umask(before)
    assert lock is not None
    folder = tmp_path / "data" / "locks"
    assert [mode(path) for path in (folder.parent, folder, *folder.iterdir())] == [0o700, 0o700, 0o600]
    lock.release()


@pytest.mark.parametrize("what", ["file", "dangling link", "link to itself"])
def test_an_unusable_data_folder_is_reported_with_its_path_and_a_remedy(tmp_path: Path, what: str) -> None:
    path = tmp_path / "data"
    if what == "file":
        path.touch()
    else:
        path.symlink_to("nowhere" if what == "dangling link" else "data")
    for use in (lambda: DataFolder.open(path), lambda: FileLocks(path).try_acquire("job")):
        with pytest.raises(StorageProblem) as told:
            use()
        assert str(path) in str(told.value)
        assert "SUBMITTAL_MCP_DATA_DIR" in str(told.value)


@pytest.mark.parametrize("used", [False, True], ids=["empty", "used before"])
def test_a_folder_of_ours_that_is_open_is_closed(tmp_path: Path, used: bool) -> None:
    path = tmp_path / "data"
    path.mkdir()
    path.chmod(0o755)
    if used:
        DataFolder(path).database.touch()
        (path / "notes.txt").touch()
    DataFolder.open(path)
    assert mode(path) == 0o700


def test_a_folder_that_holds_other_things_keeps_its_mode_and_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "home"
    path.mkdir()
    path.chmod(0o755)
    (path / "notes.txt").touch()
    with pytest.raises(FolderNotPrivate, match="755"):
        DataFolder.open(path)
    assert mode(path) == 0o755


def test_a_file_in_the_way_is_named_as_the_problem(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(FolderNotWritable, match="SUBMITTAL_MCP_DATA_DIR"):
        DataFolder.open(tmp_path / "data" / "below")


def test_files_that_others_can_read_are_found(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path / "data")
    (folder.path / "copy.sqlite3").touch(0o600)
    (folder.path / "copy.sqlite3").chmod(0o644)
    assert folder.exposed_paths() == [folder.path / "copy.sqlite3"]


def test_links_and_what_goes_meanwhile_are_not_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = DataFolder.open(tmp_path / "data")
    (folder.path / "audit.jsonl").symlink_to(tmp_path / "nowhere")
    (folder.path / "link").symlink_to(tmp_path)
    journal = folder.path / "submittal-mcp.sqlite3-wal"  # as if it went after the folder was listed
    monkeypatch.setattr(Path, "rglob", lambda self, _: [*self.iterdir(), journal])
    assert folder.exposed_paths() == []


def test_replacing_a_file_that_cannot_be_written_keeps_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "key"
    private_files.replace(path, b"old")
    with pytest.raises(TypeError):
        private_files.replace(path, "not bytes")  # type: ignore[arg-type]
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (b"old", [path])


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A random user of a container: no HOME, no entry in the list of users."""
    for name in ("HOME", "USERPROFILE", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: {}[uid])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_home_folder_the_setting_is_named_and_nothing_is_made(no_home: Path) -> None:
    with pytest.raises(HomeFolderMissing, match="SUBMITTAL_MCP_DATA_DIR"):
        DataFolder.open()
    with pytest.raises(HomeFolderMissing):
        StateLocation().address()
    assert StateLocation().exists()  # so that a caller goes on to open it, and gets the error
    assert list(no_home.iterdir()) == []
    assert DataFolder.open(no_home / "data").path.is_dir()


def test_a_folder_that_cannot_be_looked_into_may_hold_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Emulated: tests may run as root, from whom nothing is closed."""
    monkeypatch.setattr(Path, "exists", refused)
    assert StateLocation(tmp_path).exists()


def refused(path: Path) -> bool:
    raise PermissionError(13, "Permission denied", str(path))
