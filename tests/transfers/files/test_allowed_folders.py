"""Nothing outside the allowed folders is opened, whatever a path looks like (design, section 6; security notes B.2)."""

import ctypes  # noqa: F401  # else it is opened while the test watches what is
import os
import socket
import sys
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.odd_text import odd_texts, surrounded, written_otherwise
from transfers.errors import (
    FileAmbiguous,
    FileMissing,
    FileNotAllowed,
    FileProblem,
    FileUnreadable,
    FolderUnavailable,
)
from transfers.files.allowed_folders import AllowedFolders, OpenedFile

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs what POSIX file systems have")


def read(folders: "AllowedFolders | Watched", path: str) -> bytes:
    """Everything in a file, by the one door."""
    opened = folders.open(path)
    with os.fdopen(opened.fd, "rb") as file:
        return file.read()


def refusal(folders: "AllowedFolders | Watched", path: str) -> FileProblem:
    with pytest.raises(FileProblem) as refused:
        folders.open(path)
    return refused.value


def descriptors() -> int:
    """How many this process has open."""
    return len(list(Path("/dev/fd").iterdir()))


@dataclass
class Watched:
    """Folders whose every opening is held against the rule: a folder itself, then one plain name at a time and never
    through a link. Names are opened from the descriptor of the folder before, so this cannot lead outside.
    """

    folder: Path
    folders: AllowedFolders
    watching_opens: Any
    names: list[str] = field(default_factory=list)
    offences: list[str] = field(default_factory=list)

    def open(self, path: str) -> OpenedFile:
        """Open as `AllowedFolders` does."""
        try:
            with self.watching_opens(self._see):
                return self.folders.open(path)
        finally:
            assert self.offences == []

    def _see(self, path: str, flags: int) -> None:
        if path == str(self.folder):
            return
        self.names.append(path)
        writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
        if "/" in path or path in ("", ".", "..") or not flags & os.O_NOFOLLOW or flags & writing:
            self.offences.append(path)


@pytest.fixture
def watched(folder: Path, watching_opens: Any) -> Watched:
    """The allowed folder under watch."""
    return Watched(folder, AllowedFolders([folder]), watching_opens)


def test_a_file_is_found_by_its_whole_path_and_by_its_path_within_the_folder(folder: Path) -> None:
    folders = AllowedFolders([folder])
    for path in (str(folder / "beam.pdf"), "beam.pdf", "./beam.pdf", str(folder) + "//./beam.pdf"):
        assert read(folders, path) == b"beam"
    for path in (str(folder / "sub" / "joist.pdf"), "sub/joist.pdf", "sub//joist.pdf"):
        assert read(folders, path) == b"joist"


def test_nothing_of_the_data_folder_is_opened_though_a_folder_around_it_is_allowed(folder: Path) -> None:
    own = folder / "sub"
    (folder.parent / "alias").symlink_to(own)
    for data_folder in (own, folder.parent / "alias"):
        folders = AllowedFolders([folder, own], own=(data_folder,))
        for path in ("sub/joist.pdf", str(own / "joist.pdf"), "joist.pdf", "JOIST.pdf"):
            problem = refusal(folders, path)
            assert isinstance(problem, FileNotAllowed)
            assert problem.why == "own_data"
        assert read(folders, "beam.pdf") == b"beam"


def test_the_path_of_what_was_opened_is_told(folder: Path) -> None:
    found = AllowedFolders([folder]).open("sub/joist.pdf")
    os.close(found.fd)
    assert found.path == folder / "sub" / "joist.pdf"


def test_with_no_folder_nothing_may_be_read(folder: Path) -> None:
    problem = refusal(AllowedFolders([]), str(folder / "beam.pdf"))
    assert isinstance(problem, FileNotAllowed)
    assert problem.why == "no_folders"


@posix_only
@pytest.mark.parametrize(
    "path",
    [
        "../secret.pdf",
        "sub/../../secret.pdf",
        "sub/../beam.pdf",
        "{top}/secret.pdf",
        "{top}/allowed/../secret.pdf",
        "{top}/allowed_evil/beam.pdf",
        "{top}/allowed/../allowed_evil/beam.pdf",
        "{top}/ALLOWED/beam.pdf",
        "/{top}/allowed/beam.pdf",
        "/etc/passwd",
        "/proc/self/environ",
        "~/beam.pdf",
        "~",
        "sub/~/joist.pdf",
        "",
        "  ",
        "/",
        "beam.pdf\0",
        "\0",
        "\ud800.pdf",
        "be\udfffam.pdf\udbff",
    ],
)
def test_a_path_that_leads_outside_is_refused_and_nothing_is_opened(watched: Watched, path: str) -> None:
    """CVE-2025-53109, CVE-2025-53110 (filesystem server)."""
    problem = refusal(watched, path.format(top=watched.folder.parent))
    assert isinstance(problem, FileNotAllowed)
    assert problem.why == "outside"
    assert watched.names == []


@posix_only
@pytest.mark.parametrize(
    "path",
    [
        "%2e%2e/secret.pdf",
        "sub%2f..%2fx",
        "\\\\server\\share\\beam.pdf",
        "sub\\..\\x",
        "//server/share/beam.pdf"[1:].replace("/", "\\"),
        "%c0%ae%c0%ae/secret.pdf",
        "\uff0e\uff0e\uff0fsecret.pdf",
        "~root/x",
        "$HOME/x",
        "beam.pdf/x",
    ],
)
def test_a_path_that_only_looks_like_another_is_a_name_within_the_folder(watched: Watched, path: str) -> None:
    assert isinstance(refusal(watched, path), FileMissing)
    assert set(watched.names) <= {"sub"}, "a bare name is looked for in the folder's own folders"


SPECIAL = (
    *("..", ".", "~", "", "beam.pdf", "sub", "joist.pdf", "link.pdf", "linked", ".hidden", "secret.pdf", "allowed"),
    *("allowed_evil", "%2e%2e", "..%2f", "\\..\\", "C:", "a\0b", "BEAM.pdf", "\uff0e\uff0e", "\u2024\u2024"),
)
names = st.sampled_from(SPECIAL) | st.text(st.characters(codec=None, exclude_categories=()), max_size=6)


@posix_only
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(names, max_size=6), absolute=st.sampled_from(["", "/", "{top}/", "{top}/allowed/", "//"]))
@example(parts=["linked", "beam.pdf"], absolute="")
@example(parts=["link.pdf"], absolute="{top}/allowed/")
def test_no_path_at_all_reads_anything_but_the_files_within(watched: Watched, parts: list[str], absolute: str) -> None:
    folder = watched.folder
    if not (folder / "linked").is_symlink():
        (folder / "linked").symlink_to(folder.parent / "outside")
        (folder / "link.pdf").symlink_to(folder.parent / "secret.pdf")
    try:
        content = read(watched, absolute.format(top=folder.parent) + "/".join(parts))
    except FileProblem:
        return
    assert content in (b"beam", b"joist")


@posix_only
@pytest.mark.parametrize(("link", "target"), [("link.pdf", "../secret.pdf"), ("link.pdf", "beam.pdf")])
def test_a_link_is_never_followed_not_even_to_an_allowed_file(watched: Watched, link: str, target: str) -> None:
    (watched.folder / link).symlink_to(target)
    problem = refusal(watched, link)
    assert isinstance(problem, FileNotAllowed)
    assert problem.why == "link"
    assert watched.names == []


@posix_only
def test_a_linked_folder_on_the_way_is_never_entered(watched: Watched) -> None:
    (watched.folder / "linked").symlink_to(watched.folder.parent / "outside")
    problem = refusal(watched, "linked/beam.pdf")
    assert isinstance(problem, FileNotAllowed)
    assert problem.why == "link"
    assert watched.names == []


@posix_only
def test_a_file_swapped_for_a_link_between_look_and_opening_is_refused(folder: Path, watching_opens: Any) -> None:
    """The audit hook is the barrier: it runs after the look at the file and right before the system opens it."""
    swapped = []

    def swap(path: str, flags: int) -> None:
        if path == "beam.pdf" and not swapped:
            swapped.append(path)
            (folder / "beam.pdf").unlink()
            (folder / "beam.pdf").symlink_to(folder.parent / "secret.pdf")

    with watching_opens(swap):
        problem = refusal(AllowedFolders([folder]), "beam.pdf")
    assert swapped
    assert isinstance(problem, FileNotAllowed)
    assert problem.why == "link"


@posix_only
def test_a_folder_swapped_for_a_link_between_look_and_opening_is_refused(folder: Path, watching_opens: Any) -> None:
    (folder.parent / "outside" / "joist.pdf").write_bytes(b"secret")
    swapped = []

    def swap(path: str, flags: int) -> None:
        if path == "sub" and not swapped:
            swapped.append(path)
            (folder / "sub").rename(folder.parent / "away")
            (folder / "sub").symlink_to(folder.parent / "outside")

    with watching_opens(swap):
        problem = refusal(AllowedFolders([folder]), "sub/joist.pdf")
    assert swapped
    assert isinstance(problem, FileNotAllowed)
    assert problem.why == "link"


@posix_only
def test_a_folder_swapped_after_it_was_entered_leads_nowhere_else(folder: Path, watching_opens: Any) -> None:
    (folder.parent / "outside" / "joist.pdf").write_bytes(b"secret")
    swapped = []

    def swap(path: str, flags: int) -> None:
        if path == "joist.pdf" and not swapped:
            swapped.append(path)
            (folder / "sub").rename(folder.parent / "away")
            (folder / "sub").symlink_to(folder.parent / "outside")

    with watching_opens(swap):
        assert read(AllowedFolders([folder]), "sub/joist.pdf") == b"joist"
    assert swapped


@posix_only
def test_a_fifo_that_takes_the_files_place_is_refused_without_waiting_for_its_writer(
    folder: Path, watching_opens: Any
) -> None:
    def swap(path: str, flags: int) -> None:
        if path == "beam.pdf":
            (folder / "beam.pdf").unlink()
            os.mkfifo(folder / "beam.pdf")

    with watching_opens(swap):
        problem = refusal(AllowedFolders([folder]), "beam.pdf")
    assert isinstance(problem, FileNotAllowed)
    assert problem.why == "not_a_file"


@posix_only
def test_a_special_file_is_refused_without_being_opened(watched: Watched) -> None:
    os.mkfifo(watched.folder / "pipe.pdf")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(watched.folder)  # a socket's path must be short
        try:
            listening.bind("socket.pdf")
        finally:
            os.chdir(here)
        for path in ("pipe.pdf", "socket.pdf"):
            problem = refusal(watched, path)
            assert isinstance(problem, FileNotAllowed)
            assert problem.why == "not_a_file"
    assert watched.names == []


@posix_only
def test_a_device_is_refused_without_being_opened(watching_opens: Any) -> None:
    devices = Watched(Path("/dev"), AllowedFolders([Path("/dev")]), watching_opens)
    problem = refusal(devices, "/dev/zero")
    assert isinstance(problem, FileNotAllowed)
    assert problem.why == "not_a_file"
    assert devices.names == []


@pytest.mark.parametrize("path", [".env", ".git/config", "sub/.key.pdf", "...", "..secret"])
def test_hidden_files_are_refused_whether_they_exist_or_not(folder: Path, path: str) -> None:
    (folder / ".env").write_bytes(b"hidden")
    problem = refusal(AllowedFolders([folder]), path)
    assert isinstance(problem, FileNotAllowed)
    assert problem.why == "hidden"


@posix_only
def test_a_hidden_folder_above_an_allowed_one_hides_nothing(tmp_path: Path) -> None:
    allowed = tmp_path / ".cache" / "plans"
    allowed.mkdir(parents=True)
    (allowed / "beam.pdf").write_bytes(b"beam")
    assert read(AllowedFolders([allowed]), str(allowed / "beam.pdf")) == b"beam"


@posix_only
def test_a_folder_reached_through_a_link_is_allowed_under_both_its_names(folder: Path) -> None:
    alias = folder.parent / "alias"
    alias.symlink_to(folder)
    for path in (alias / "beam.pdf", folder / "beam.pdf"):
        assert read(AllowedFolders([alias]), str(path)) == b"beam"


@posix_only
def test_a_name_of_the_folder_that_was_not_allowed_is_not_one_of_its_names(folder: Path) -> None:
    alias = folder.parent / "alias"
    alias.symlink_to(folder)
    assert isinstance(refusal(AllowedFolders([folder]), str(alias / "beam.pdf")), FileNotAllowed)


@posix_only
def test_one_folder_under_two_names_makes_no_path_ambiguous(folder: Path) -> None:
    alias = folder.parent / "alias"
    alias.symlink_to(folder)
    assert read(AllowedFolders([folder, alias, folder]), "beam.pdf") == b"beam"


def test_folders_within_each_other_name_a_file_once(folder: Path) -> None:
    folders = AllowedFolders([folder, folder / "sub"])
    assert read(folders, str(folder / "sub" / "joist.pdf")) == b"joist"
    assert read(folders, "joist.pdf") == b"joist"
    assert read(folders, "sub/joist.pdf") == b"joist"


def test_a_relative_path_that_names_two_files_is_ambiguous(folder: Path) -> None:
    (folder / "sub" / "beam.pdf").write_bytes(b"another")
    problem = refusal(AllowedFolders([folder, folder / "sub"]), "beam.pdf")
    assert isinstance(problem, FileAmbiguous)
    assert problem.matches == (str(folder / "beam.pdf"), str(folder / "sub" / "beam.pdf"))


@posix_only
def test_a_refusal_keeps_no_descriptor_open(folder: Path) -> None:
    (folder / "sub" / "beam.pdf").write_bytes(b"another")
    (folder / "link.pdf").symlink_to("beam.pdf")
    os.mkfifo(folder / "pipe.pdf")
    folders = AllowedFolders([folder, folder / "sub"])
    before = descriptors()
    for path in ("beam.pdf", "link.pdf", "pipe.pdf", "missing.pdf", "sub/missing.pdf", "x" * 300, "../secret.pdf"):
        refusal(folders, path)
    assert descriptors() == before


def test_a_missing_file_is_missing(folder: Path) -> None:
    folders = AllowedFolders([folder])
    for path in ("none.pdf", "none/none.pdf", str(folder / "none.pdf")):
        assert isinstance(refusal(folders, path), FileMissing)


def test_a_file_that_is_refused_in_one_folder_says_more_than_one_that_is_missing_in_another(folder: Path) -> None:
    (folder / "dir.pdf").mkdir()
    assert isinstance(refusal(AllowedFolders([folder / "sub", folder]), "dir.pdf"), FileNotAllowed)


@posix_only
def test_a_file_that_the_system_refuses_is_unreadable_with_its_reason(folder: Path) -> None:
    problem = refusal(AllowedFolders([folder]), "x" * 256)
    assert isinstance(problem, FileUnreadable)
    assert problem.reason


@posix_only
def test_a_folder_that_is_gone_has_no_files(folder: Path) -> None:
    assert isinstance(refusal(AllowedFolders([folder / "gone"]), "beam.pdf"), FileMissing)


def test_a_bare_name_is_found_wherever_it_is_in_the_folders(watched: Watched) -> None:
    deep = watched.folder / "sub" / "level 3"
    deep.mkdir()
    (deep / "brace.pdf").write_bytes(b"brace")
    assert read(watched, "brace.pdf") == b"brace"
    assert read(watched, "joist.pdf") == b"joist"
    assert isinstance(refusal(watched, "level 3/brace.pdf"), FileMissing), "more than a bare name is a path"


def test_a_bare_name_of_several_files_is_ambiguous_and_none_of_them_is_opened(watched: Watched) -> None:
    for name in ("one", "two"):
        (watched.folder / name).mkdir()
        (watched.folder / name / "brace.pdf").write_bytes(b"brace")
    problem = refusal(watched, "brace.pdf")
    assert isinstance(problem, FileAmbiguous)
    assert problem.matches == tuple(str(watched.folder / name / "brace.pdf") for name in ("one", "two"))
    assert "brace.pdf" not in watched.names


def test_a_bare_name_at_the_top_of_a_folder_means_that_file(folder: Path) -> None:
    (folder / "sub" / "beam.pdf").write_bytes(b"another")
    assert read(AllowedFolders([folder]), "beam.pdf") == b"beam"


def test_one_file_of_two_folders_within_each_other_is_found_once(folder: Path) -> None:
    (folder / "sub" / "deep").mkdir()
    (folder / "sub" / "deep" / "brace.pdf").write_bytes(b"brace")
    assert read(AllowedFolders([folder, folder / "sub"]), "brace.pdf") == b"brace"


@posix_only
def test_looking_for_a_bare_name_enters_nothing_hidden_and_follows_no_link(watched: Watched) -> None:
    (watched.folder / ".cache").mkdir()
    (watched.folder / ".cache" / "key.pdf").write_bytes(b"hidden")
    (watched.folder.parent / "outside" / "key.pdf").write_bytes(b"secret")
    (watched.folder / "linked").symlink_to(watched.folder.parent / "outside")
    (watched.folder / "sub" / "key.pdf").symlink_to(watched.folder.parent / "secret.pdf")
    (watched.folder / "sub" / "round").symlink_to(watched.folder)
    assert isinstance(refusal(watched, "key.pdf"), FileMissing)
    assert set(watched.names) <= {"sub"}


def test_a_file_in_too_large_a_tree_is_found_by_its_path_only(folder: Path) -> None:
    assert read(AllowedFolders([folder], looked_at=4), "joist.pdf") == b"joist"
    assert isinstance(refusal(AllowedFolders([folder], looked_at=3), "joist.pdf"), FileMissing)
    assert read(AllowedFolders([folder], looked_at=0), "sub/joist.pdf") == b"joist"


@posix_only
def test_a_hard_link_is_the_file_itself(folder: Path) -> None:
    """As SECURITY.md says: nothing about it tells that the file has another name outside."""
    (folder / "hard.pdf").hardlink_to(folder.parent / "secret.pdf")
    assert read(AllowedFolders([folder]), "hard.pdf") == b"secret"


@pytest.mark.skipif(sys.platform != "linux", reason="such file systems are Linux's")
@pytest.mark.parametrize("path", ["/proc/1/environ", "/proc/version", "/sys/kernel/uevent_seqnum"])
def test_kernel_files_are_refused_even_when_the_whole_disk_is_allowed(path: str, watching_opens: Any) -> None:
    everything = Watched(Path("/"), AllowedFolders([Path("/")]), watching_opens)
    problem = refusal(everything, path)
    assert isinstance(problem, FileNotAllowed)
    assert problem.why == "not_a_file"
    assert Path(path).name not in everything.names


MADE_UP = {"proc", "sysfs", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs", "mqueue", "bpf", "configfs"}


def files_of_the_kernel() -> list[Path]:
    """A file of each file system that the kernel makes up, wherever it is mounted here."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        place = Path(before.split()[4])
        if after.split()[0] in MADE_UP and os.access(place, os.R_OK):
            plain = (one for one in sorted(place.iterdir()) if not one.name.startswith(".") and not one.is_symlink())
            found += [one for one in plain if one.is_file()][:1]
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells what is mounted where")
def test_kernel_file_systems_are_recognised_by_type_wherever_they_are_mounted() -> None:
    files = files_of_the_kernel()
    assert files
    for file in files:
        for folder in (Path("/"), file.parent):
            with pytest.raises(FileNotAllowed) as told:
                AllowedFolders([folder]).open(str(file))
            assert told.value.why == "not_a_file"


@pytest.mark.parametrize(("stored", "asked"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_a_name_is_found_however_its_letters_are_composed(folder: Path, stored: str, asked: str) -> None:
    name = "Stütze für Café.pdf"
    (folder / unicodedata.normalize(stored, name)).write_bytes(b"column")
    assert read(AllowedFolders([folder]), unicodedata.normalize(asked, name)) == b"column"


@posix_only
def test_the_exact_spelling_comes_first(folder: Path) -> None:
    forms = {form: unicodedata.normalize(form, "Café.pdf") for form in ("NFC", "NFD")}
    for form, name in forms.items():
        (folder / name).write_bytes(form.encode())
    if len(list(folder.iterdir())) == 3:  # beam.pdf, sub, and one file under both spellings: nothing to tell apart here
        return
    for form, name in forms.items():
        assert read(AllowedFolders([folder]), name) == form.encode()


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_path_is_found_however_it_was_pasted(folder: Path, data: st.DataObject) -> None:
    pasted = data.draw(surrounded(data.draw(st.sampled_from(["beam.pdf", str(folder / "beam.pdf")]))))
    opened = AllowedFolders([folder]).open(pasted)
    os.close(opened.fd)
    assert opened.path == folder / "beam.pdf"


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_name_that_looks_the_same_is_found(folder: Path, data: st.DataObject) -> None:
    stored = folder / "Lev\u00a01" / "O\u2019Neil \u2013 beam\u200b.pdf"
    stored.parent.mkdir(exist_ok=True)
    stored.write_bytes(b"beam")
    name = data.draw(written_otherwise("O'Neil - beam.pdf"))
    for path in (name, f"Lev 1/{name}", str(folder / "lev 1" / name)):
        opened = AllowedFolders([folder]).open(path)
        os.close(opened.fd)
        assert opened.path == stored


@posix_only
def test_an_allowed_folder_is_known_by_what_looks_like_its_name_unless_another_is_called_so(tmp_path: Path) -> None:
    allowed = tmp_path / "Shop\u00a0drawings \u2013 A"
    allowed.mkdir()
    (allowed / "beam.pdf").write_bytes(b"beam")
    typed = tmp_path / "Shop drawings - A"
    assert read(AllowedFolders([allowed]), str(typed / "beam.pdf")) == b"beam"
    assert [place.path for place in AllowedFolders([allowed]).find_folder(str(typed))] == [allowed]
    typed.mkdir()
    (typed / "beam.pdf").write_bytes(b"secret")
    assert isinstance(refusal(AllowedFolders([allowed]), str(typed / "beam.pdf")), FileNotAllowed)


def test_a_folder_is_found_and_refused_as_a_file_is(folder: Path) -> None:
    for name in ("Steel \u2013 A", "one/Same", "two/Same"):
        (folder / name).mkdir(parents=True)
        (folder / name / "slab.pdf").write_bytes(b"slab")
    folders = AllowedFolders([folder])
    for path in (
        "Steel - A",
        "steel \u2014 a",
        f'"{folder / "Steel - A"}"',
        f"file://{folder}/Steel%20-%20A",
        "- Steel - A",
    ):
        assert [place.path for place in folders.find_folder(path)] == [folder / "Steel \u2013 A"]
    for path, why, near in (
        ("Steel - B", "missing", folder / "Steel \u2013 A"),
        ("Same", "missing", folder / "one" / "Same"),
        ("beam.pdf", "not_a_folder", None),
        (str(folder / "beam.pdf"), "not_a_folder", None),
        ("x" * 5000, "too_long", None),
        ("../outside", "outside", None),
    ):
        with pytest.raises(FolderUnavailable) as caught:
            folders.find_folder(path)
        assert caught.value.why == why
        assert (near is None and caught.value.near == ()) or str(near) in caught.value.near
    with pytest.raises(FileNotAllowed) as refused:
        folders.open("Steel - A")
    assert refused.value.why == "not_a_file"


def test_a_name_that_several_files_look_like_is_ambiguous(folder: Path) -> None:
    for name in ("slab\u00a0A.pdf", "slab\u2009A.pdf"):
        (folder / name).write_bytes(b"slab")
    with pytest.raises(FileAmbiguous) as caught:
        AllowedFolders([folder]).open("slab A.pdf")
    assert len(caught.value.matches) == 2


def test_a_missing_file_is_told_with_names_that_are_near(folder: Path) -> None:
    for name in ("slab-1.pdf", "slab-2.pdf", "~$slab-1.docx"):
        (folder / "sub" / name).write_bytes(b"slab")
    for path in ("slab.pdf", "slab-11.pdf", str(folder / "slab-1.pdf")):
        with pytest.raises(FileMissing) as caught:
            AllowedFolders([folder]).open(path)
        assert str(folder / "sub" / "slab-1.pdf") in caught.value.near
        assert not any("~$" in one for one in caught.value.near)


def test_a_folder_given_as_a_file_is_told_with_the_files_in_it(folder: Path) -> None:
    (folder / "sub" / "slab.pdf").write_bytes(b"slab")
    for path in ("sub", str(folder / "sub"), f"{folder / 'sub'}/", f'"{folder / "sub"}"'):
        with pytest.raises(FileNotAllowed) as caught:
            AllowedFolders([folder]).open(path)
        assert caught.value.why == "not_a_file"
        assert str(folder / "sub" / "slab.pdf") in caught.value.near
    for path in (str(folder), ".", "'./'"):
        with pytest.raises(FileNotAllowed) as caught:
            AllowedFolders([folder]).open(path)
        assert (caught.value.why, str(folder / "beam.pdf") in caught.value.near) == ("not_a_file", True)


@pytest.mark.parametrize(
    "name",
    [
        *("~$slab.docx", "~WRL0001.tmp", "slab.pdf.crdownload", "slab.pdf.part", "slab.dwl2", "Thumbs.db", "slab.sv$"),
        *(
            "slab.pdf~",
            "#slab.txt#",
            "slab.pdf.opdownload",
            "slab.pdf.aria2",
            "slab.pdf.!qB",
            "slab.idlk",
            "ehthumbs.db",
            "AutoRecovery save of slab.asd",
        ),
    ],
)
def test_lock_and_temporary_files_are_no_documents(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"lock")
    with pytest.raises(FileNotAllowed) as caught:
        AllowedFolders([folder]).open(name)
    assert caught.value.why == "temporary"


def test_a_cloud_placeholder_is_told_apart_from_a_missing_file(folder: Path) -> None:
    (folder / ".slab.pdf.icloud").write_bytes(b"bplist00")
    pointers = ["plan.gdoc", "plan.GSHEET", "plan.gmap", "plan.paper", "plan.boxnote", "plan.pdf.lnk", "Plan.URL"]
    for name in pointers:
        (folder / name).write_bytes(b"{}")
    for name in ("slab.pdf", *pointers):
        with pytest.raises(FileNotAllowed) as caught:
            AllowedFolders([folder]).open(name)
        assert caught.value.why == "placeholder"


@pytest.mark.parametrize(
    "path",
    [
        *(
            "https://example.com/beam.pdf",
            "<http://example.com/beam.pdf>",
            "s3://bucket/beam.pdf",
            "smb://nas/beam.pdf",
        ),
        *(
            "urn:adsk.wipprod:fs.file:vf.aGVsbG8?version=1",
            "data:application/pdf;base64,JVBERg==",
            '"sftp://nas/b.pdf"',
        ),
        *("ms-word:ofe|u|https://example.com/beam.docx", "blob:https://chat/1", "cid:beam.pdf@01D"),
    ],
)
def test_a_web_address_is_no_path(watched: Watched, path: str) -> None:
    problem = refusal(watched, path)
    assert isinstance(problem, FileNotAllowed)
    assert (problem.why, watched.names) == ("url", [])


@pytest.mark.parametrize(
    "path", ["www.example.com/s/beam.pdf", "files.example.org/d/1?dl=0", "<example.ms/:b:/s/beam.pdf>"]
)
def test_a_web_address_without_its_scheme_is_one_unless_a_folder_is_called_so(folder: Path, path: str) -> None:
    problem = refusal(AllowedFolders([folder]), path)
    assert isinstance(problem, FileNotAllowed)
    assert problem.why == "url"
    (folder / "example.com").mkdir()
    (folder / "example.com" / "slab.pdf").write_bytes(b"slab")
    assert read(AllowedFolders([folder]), "example.com/slab.pdf") == b"slab"


@posix_only
def test_a_path_is_found_as_file_managers_show_it(folder: Path) -> None:
    assert read(AllowedFolders([folder]), "sub > joist.pdf") == b"joist"
    assert read(AllowedFolders([folder]), "sub \u203a joist.pdf") == b"joist"
    (folder / "a > b.pdf").write_bytes(b"named so")
    assert read(AllowedFolders([folder]), "a > b.pdf") == b"named so"
    problem = refusal(AllowedFolders([folder]), "sub > .. > .. > secret.pdf")
    assert isinstance(problem, FileNotAllowed)
    assert problem.why == "outside"


@given(odd_texts())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_odd_text_opens_nothing_but_files_within(folder: Path, path: str) -> None:
    try:
        opened = AllowedFolders([folder]).open(path)
    except FileProblem:
        return
    os.close(opened.fd)
    assert opened.path.is_relative_to(folder)
