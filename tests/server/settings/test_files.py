"""Settings files: what they bind, what is left of the environment and the flags, and who may write them."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.private_files import descriptor_writers
from server.settings.files import MachineFile, machine_file_at, machine_path
from server.settings.limits import SECRETS, Widening, narrow
from server.settings.model import Settings, variables
from server.settings.problems import SettingsError
from server.settings.types import ClientRegistration
from server.team.options import TeamOptions

ONE, TWO = "7e3e9a1c-5b0f-4d57-9a55-1d0c6f6f2a10", "7e3e9a1c-5b0f-4d57-9a55-1d0c6f6f2a11"
GIB = 1024**3

Bind = Callable[[str], Path]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its files belong to no administrator there")


@pytest.fixture
def bind(tmp_path: Path) -> Iterator[Bind]:
    """Make `text` the machine-wide file, and return its path."""
    path = tmp_path / "etc" / "settings.toml"
    path.parent.mkdir(mode=0o755)

    with ExitStack() as stack:

        def write(text: str) -> Path:
            path.write_text(text, encoding="utf-8")
            path.chmod(0o644)
            stack.enter_context(machine_file_at(MachineFile(path, frozenset({os.getuid()}))))
            return path

        yield write


def refused(**flags: Any) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Settings.load(**flags)
    return caught.value.problems


@pytest.mark.parametrize(
    ("platform", "environment", "path"),
    [
        ("linux", {}, "/etc/submittal-mcp/settings.toml"),
        ("darwin", {}, "/Library/Application Support/submittal-mcp/settings.toml"),
        ("win32", {"PROGRAMDATA": "D:/Data"}, "D:/Data/submittal-mcp/settings.toml"),
    ],
)
def test_each_system_has_its_machine_wide_file(platform, environment, path):
    assert PurePosixPath(machine_path(platform, environment)) == PurePosixPath(path)


def test_every_entry_is_named_as_its_variable_without_the_prefix():
    assert {
        name: variable.removeprefix("APS_").removeprefix("SUBMITTAL_MCP_").lower()
        for name, variable in variables().items()
    } == {name: name for name in variables()}


def test_entries_of_the_machine_wide_file_hold_where_nothing_else_is_said(bind, tmp_path):
    path = bind(
        f'client_id = "company-app"\nfolders = ["{tmp_path / "drawings"}"]\nfile_types = ["pdf", "dwg"]\n'
        f'max_file_bytes = {GIB}\nread_only = true\nconfirm = "ask"\nprojects = ["b.{ONE}"]\n'
    )
    settings = Settings.load()
    assert (settings.client_id, settings.folders) == ("company-app", (tmp_path / "drawings",))
    assert (settings.file_types, settings.max_file_bytes, settings.projects) == (("pdf", "dwg"), GIB, (ONE,))
    assert (settings.read_only, settings.confirm) == (True, "ask")
    assert set(settings.sources) == settings.machine_wide
    assert set(settings.sources.values()) == {str(path)}


def test_the_environment_and_flags_narrow_it(bind, tmp_path, monkeypatch):
    bind(
        f'folders = ["{tmp_path}"]\nfile_types = ["pdf", "dwg"]\nmax_file_bytes = {GIB}\nmax_wait_seconds = 30\n'
        f'projects = ["{ONE}", "{TWO}"]\n'
    )
    monkeypatch.setenv("SUBMITTAL_MCP_FILE_TYPES", "pdf")
    monkeypatch.setenv("SUBMITTAL_MCP_MAX_FILE_BYTES", "1000")
    monkeypatch.setenv("SUBMITTAL_MCP_MAX_WAIT_SECONDS", "60")
    monkeypatch.setenv("SUBMITTAL_MCP_CONFIRM", "ask")
    settings = Settings.load(folders=(tmp_path / "drawings",), read_only=True)
    assert (settings.folders, settings.file_types, settings.max_file_bytes) == (
        (tmp_path / "drawings",),
        ("pdf",),
        1000,
    )
    assert (settings.max_wait_seconds, settings.read_only, settings.confirm) == (30, True, "ask")
    assert settings.projects == (ONE, TWO)
    assert settings.sources["folders"] == "a flag"
    assert settings.sources["file_types"] == "the environment"
    assert settings.sources["max_wait_seconds"].endswith("settings.toml")


@pytest.mark.parametrize(
    ("text", "variable", "value"),
    [
        ('base_url = "https://developer.api.autodesk.com"', "APS_BASE_URL", "http://127.0.0.1:8788"),
        ('client_id = "company-app"', "APS_CLIENT_ID", "my-app"),
        ('file_types = ["pdf"]', "SUBMITTAL_MCP_FILE_TYPES", "pdf,exe"),
        (f'projects = ["{ONE}"]', "SUBMITTAL_MCP_PROJECTS", TWO),
        ('folders = ["/srv/drawings"]', "SUBMITTAL_MCP_FOLDERS", "/srv/drawings-of-others"),
        ("folders = []", "SUBMITTAL_MCP_FOLDERS", "/srv/drawings"),
        ('downloads = "/srv/in"', "SUBMITTAL_MCP_DOWNLOADS", "/srv/elsewhere"),
        ('storage_hosts = ["a.example.com"]', "SUBMITTAL_MCP_STORAGE_HOSTS", "b.example.com"),
        ('team_domains = ["example.com"]', "SUBMITTAL_MCP_TEAM_DOMAINS", "example.org"),
    ],
)
def test_a_setting_that_would_widen_the_machine_file_is_refused_by_name_and_file(
    bind, monkeypatch, text, variable, value
):
    path = bind(text)
    monkeypatch.setenv(variable, value)
    [problem] = refused()
    assert problem.startswith(f"{variable}: {path} ")
    assert "leave it out" in problem


@pytest.mark.parametrize(
    ("text", "variable", "value", "field", "left"),
    [
        ("read_only = true", "SUBMITTAL_MCP_READ_ONLY", "false", "read_only", True),
        ("strict_files = true", "SUBMITTAL_MCP_STRICT_FILES", "false", "strict_files", True),
        ('confirm = "ask"', "SUBMITTAL_MCP_CONFIRM", "off", "confirm", "ask"),
        ("parallel_parts = 2", "SUBMITTAL_MCP_PARALLEL_PARTS", "16", "parallel_parts", 2),
        (
            'team_registration = "off"',
            "SUBMITTAL_MCP_TEAM_REGISTRATION",
            "on",
            "team_registration",
            ClientRegistration(enabled=False),
        ),
    ],
)
def test_the_stricter_of_two_switches_and_the_smaller_of_two_numbers_wins(
    bind, monkeypatch, text, variable, value, field, left
):
    path = bind(text)
    monkeypatch.setenv(variable, value)
    settings = Settings.load()
    assert getattr(settings, field) == left
    assert settings.sources[field] == str(path)


@pytest.mark.skipif(os.name == "nt", reason="making a link needs a privilege on Windows")
def test_a_link_does_not_lead_out_of_an_allowed_folder(bind, tmp_path):
    (tmp_path / "allowed").mkdir()
    (tmp_path / "allowed" / "link").symlink_to(tmp_path)
    bind(f'folders = ["{tmp_path / "allowed"}"]')
    [problem] = refused(folders=(tmp_path / "allowed" / "link",))
    assert problem.startswith("SUBMITTAL_MCP_FOLDERS: ")


def test_the_second_file_narrows_further_and_cannot_widen(bind, tmp_path, monkeypatch):
    first = bind('file_types = ["pdf", "dwg"]\nread_only = true')
    second = tmp_path / "second.toml"
    monkeypatch.setenv("SUBMITTAL_MCP_SETTINGS_FILE", str(second))
    second.write_text('file_types = ["pdf"]\nread_only = false\n[team]\nsession_hours = 1\n', encoding="utf-8")
    settings = Settings.load()
    assert (settings.file_types, settings.read_only) == (("pdf",), True)
    assert settings.sources["file_types"] == str(second)
    assert settings.sources["read_only"] == str(first)
    assert TeamOptions.load(second).session_hours == 1
    second.write_text('file_types = ["ifc"]', encoding="utf-8")
    [problem] = refused()
    assert problem == f"{second}: file_types: {first} allows only pdf, dwg, and not ifc; correct this line"


def test_the_sandbox_ignores_what_files_say_of_autodesk_and_nothing_else(bind):
    bind('base_url = "https://gateway.example.com"\nclient_id = "company-app"\nread_only = true')
    settings = Settings.for_sandbox()
    assert (settings.base_url, settings.client_id, settings.read_only) == (None, None, True)
    assert Settings.load().base_url == "https://gateway.example.com", "an administrator has confirmed the host"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("read_only = maybe", "is not TOML: "),
        ("readonly = true", "readonly: this version has no such entry; did you mean read_only?"),
        ("max_file_bytes = 0", "max_file_bytes: input should be greater than 0"),
        ('file_types = ["p d f"]', "file_types: 'p d f' is not a file extension"),
        ("file_types = []", "file_types: it is empty"),
        ('projects = ["<project>"]', "projects: it is a placeholder"),
        (
            'client_secret = "canary"',
            "client_secret: a secret does not belong into a file that others can read; set APS_CLIENT_SECRET",
        ),
        ('settings_file = "/x"', "settings_file: this version has no such entry"),
        ("team = 3", "team is not a table"),
        ("[team]\nsession_hours = 1", "[team] does not belong here"),
    ],
)
def test_a_file_that_cannot_be_used_stops_the_start_with_place_name_and_remedy(bind, text, says):
    path = bind(text)
    [problem] = refused()
    assert problem.startswith(str(path))
    assert says in problem
    assert "canary" not in problem


def test_a_second_file_that_cannot_be_read_is_named_with_its_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("SUBMITTAL_MCP_SETTINGS_FILE", str(tmp_path / "none.toml"))
    assert refused() == (
        f"SUBMITTAL_MCP_SETTINGS_FILE: {tmp_path / 'none.toml'} cannot be read (No such file or directory)",
    )


@pytest.mark.parametrize("place", ["settings.toml", ""])
def test_a_machine_wide_file_that_others_can_write_is_refused(bind, place):
    path = bind("read_only = true")
    writable = path.parent / place
    writable.chmod(0o777 if writable.is_dir() else 0o666)
    [problem] = refused()
    assert problem == f"{path}: it binds this machine, but others can write {writable}; run chmod go-w '{writable}'"


def test_a_machine_wide_file_of_another_user_is_refused(bind):
    path = bind("read_only = true")
    with machine_file_at(MachineFile(path, frozenset({os.getuid() + 1}))):
        [problem] = refused()
    assert f"belongs to user {os.getuid()}; run chown root '{path}'" in problem


@pytest.mark.parametrize(
    ("descriptor", "says"),
    [
        ("O:BAG:SYD:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x1200a9;;;BU)", None),
        ("O:S-1-5-32-544G:DUD:AI(A;ID;FA;;;SY)(A;ID;FR;;;BU)S:AI(AU;;FA;;;WD)", None),
        ("O:SYG:SYD:(A;OICIIO;GA;;;CO)(A;;FRFX;;;WD)", None),
        ("O:S-1-5-21-1-2-3-1001G:DUD:(A;;FA;;;BA)", "does not belong to an administrator"),
        ("O:BAG:SYD:(A;;FA;;;BA)(A;;0x1301bf;;;AU)", "others can write it (AU)"),
        ("O:BAG:SYD:(A;;FA;;;BA)(A;;FRFW;;;BU)", "others can write it (BU)"),
        ("O:BAG:SYD:(A;;WD;;;S-1-5-21-1-2-3-1001)", "others can write it (S-1-5-21-1-2-3-1001)"),
        ("O:BAG:SYD:NO_ACCESS_CONTROL", "everybody can write it"),
        ("O:BAG:SY", "everybody can write it"),
        ("", "does not belong to an administrator"),
    ],
)
def test_the_rights_of_a_file_on_windows_are_read_from_its_descriptor(descriptor, says):
    found = descriptor_writers(descriptor, Path("settings.toml"))
    assert (found is None) if says is None else (says in (found or "") and "icacls" in (found or ""))
    # Windows has these groups under names in its own language.
    assert not {"Administrators", "SYSTEM", "Users"} & set(re.findall(r"\w+", found or ""))


NAMES = sorted(set(variables()) - SECRETS - {"settings_file"})
TYPES = st.lists(st.sampled_from(["pdf", "dwg", "ifc", "rvt"]), min_size=1, unique=True).map(tuple)


@given(TYPES, TYPES)
def test_a_list_is_never_wider_than_the_file_says(allowed, wanted):
    try:
        left = narrow("file_types", allowed, wanted)
    except Widening:
        assert not set(wanted) <= set(allowed)
    else:
        assert left == wanted
        assert set(left) <= set(allowed)


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_a_number_is_never_above_what_the_file_says(allowed, wanted):
    assert narrow("max_file_bytes", allowed, wanted) == min(allowed, wanted)


@given(st.sampled_from(NAMES), st.integers(), st.integers())
def test_a_setting_without_a_rule_of_its_own_is_fixed(name, allowed, wanted):
    narrowing = {
        *("folders", "downloads", "file_types", "projects", "storage_hosts", "confirm", "team_registration"),
        *("team_domains", "team_people", "team_accounts", "max_file_bytes", "parallel_parts", "max_wait_seconds"),
        *("read_only", "strict_files"),
    }
    if name not in narrowing and allowed != wanted:
        with pytest.raises(Widening):
            narrow(name, allowed, wanted)
