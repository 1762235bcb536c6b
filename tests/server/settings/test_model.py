"""Settings: what may be set, and what is refused with which sentence."""

import base64
import os
from pathlib import Path

import pytest

from server.settings.model import FIVE_TIB, Settings, variables
from server.settings.problems import SettingsError

PROJECT = "7e3e9a1c-5b0f-4d57-9a55-1d0c6f6f2a10"
TOKEN = "canary-token-that-must-not-show"
DATABASE = "postgresql://somebody:canary-password@db.example.com/submittals"
KEYS = (base64.b64encode(bytes(32)).decode(), base64.b64encode(bytes(range(32))).decode())

EMPTY_IS_REFUSED = [
    f"SUBMITTAL_MCP_{name}"
    for name in (
        *("FILE_TYPES", "MAX_FILE_BYTES", "STRICT_FILES", "READ_ONLY", "PROJECTS", "CONFIRM"),
        *("TEAM_DOMAINS", "TEAM_PEOPLE", "TEAM_ACCOUNTS", "TEAM_REGISTRATION"),
    )
]


def problems(monkeypatch: pytest.MonkeyPatch, **environment: str) -> tuple[str, ...]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_without_any_variable_everything_has_its_default():
    assert Settings.load().model_dump() == {
        "client_id": None,
        "client_secret": None,
        "callback_url": "http://localhost:8765/callback",
        "base_url": None,
        "access_token": None,
        "service_account_id": None,
        "service_account_key_id": None,
        "service_account_key_file": None,
        "folders": (),
        "downloads": None,
        "file_types": (),
        "max_file_bytes": FIVE_TIB,
        "strict_files": False,
        "read_only": False,
        "projects": (),
        "confirm": "off",
        "parallel_parts": 4,
        "max_wait_seconds": 45,
        "storage_hosts": (),
        "data_dir": None,
        "database_url": None,
        "encryption_keys": None,
        "http_host": "127.0.0.1",
        "http_port": 8000,
        "http_secret": None,
        "public_url": None,
        "team_domains": (),
        "team_people": (),
        "team_accounts": (),
        "team_clients": None,
        "team_registration": {"enabled": True, "domains": ()},
        "settings_file": None,
        "log_level": "info",
        "log_format": None,
    }


def test_every_variable_is_read_and_brought_into_one_form(monkeypatch, tmp_path):
    environment = {
        "APS_CLIENT_ID": "an-app",
        "APS_CLIENT_SECRET": "canary-client-secret",
        "APS_CALLBACK_URL": "http://127.0.0.1:9000/back",
        "APS_BASE_URL": "HTTPS://developer.api.Autodesk.com/",
        "APS_ACCESS_TOKEN": TOKEN,
        "APS_SERVICE_ACCOUNT_ID": "an-account",
        "APS_SERVICE_ACCOUNT_KEY_ID": "a-key",
        "APS_SERVICE_ACCOUNT_KEY_FILE": str(tmp_path / "a" / ".." / "key.pem"),
        "SUBMITTAL_MCP_FOLDERS": os.pathsep.join([str(tmp_path / "a" / ".." / "b"), str(tmp_path / "c")]),
        "SUBMITTAL_MCP_DOWNLOADS": str(tmp_path / "down"),
        "SUBMITTAL_MCP_FILE_TYPES": "pdf, .DWG,*.ifc,PDF",
        "SUBMITTAL_MCP_MAX_FILE_BYTES": "1048576",
        "SUBMITTAL_MCP_STRICT_FILES": "true",
        "SUBMITTAL_MCP_READ_ONLY": "true",
        "SUBMITTAL_MCP_PROJECTS": f"b.{PROJECT.upper()},{PROJECT}",
        "SUBMITTAL_MCP_CONFIRM": "Ask",
        "SUBMITTAL_MCP_PARALLEL_PARTS": "16",
        "SUBMITTAL_MCP_MAX_WAIT_SECONDS": "600",
        "SUBMITTAL_MCP_STORAGE_HOSTS": "Storage.example.com",
        "SUBMITTAL_MCP_DATA_DIR": str(tmp_path / "data"),
        "SUBMITTAL_MCP_DATABASE_URL": DATABASE,
        "SUBMITTAL_MCP_ENCRYPTION_KEYS": f"{KEYS[0]}, {KEYS[1]}",
        "SUBMITTAL_MCP_HTTP_HOST": "::1",
        "SUBMITTAL_MCP_HTTP_PORT": "0",
        "SUBMITTAL_MCP_HTTP_SECRET": "sixteen-or-more-x",
        "SUBMITTAL_MCP_PUBLIC_URL": "https://Submittals.example.com/",
        "SUBMITTAL_MCP_TEAM_DOMAINS": "Example.com, @example.org",
        "SUBMITTAL_MCP_TEAM_PEOPLE": "MFEGJ9W5GGQL, Somebody@Example.com",
        "SUBMITTAL_MCP_TEAM_ACCOUNTS": f"b.{PROJECT}",
        "SUBMITTAL_MCP_TEAM_CLIENTS": str(tmp_path / "clients.toml"),
        "SUBMITTAL_MCP_TEAM_REGISTRATION": "domains:example.com",
        "SUBMITTAL_MCP_SETTINGS_FILE": str(tmp_path / "settings.toml"),
        "SUBMITTAL_MCP_LOG_LEVEL": "DEBUG",
        "SUBMITTAL_MCP_LOG_FORMAT": "json",
    }
    assert list(environment) == list(variables().values())
    (tmp_path / "settings.toml").write_text("[team]\n", encoding="utf-8")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load()
    hidden = {"client_secret", "access_token", "database_url", "encryption_keys", "http_secret"}
    assert settings.model_dump(exclude=hidden) == {
        "client_id": "an-app",
        "callback_url": "http://127.0.0.1:9000/back",
        "service_account_id": "an-account",
        "service_account_key_id": "a-key",
        "service_account_key_file": tmp_path / "key.pem",
        "base_url": "https://developer.api.autodesk.com",
        "folders": (tmp_path / "b", tmp_path / "c"),
        "downloads": tmp_path / "down",
        "file_types": ("pdf", "dwg", "ifc"),
        "max_file_bytes": 1048576,
        "strict_files": True,
        "read_only": True,
        "projects": (PROJECT,),
        "confirm": "ask",
        "parallel_parts": 16,
        "max_wait_seconds": 600,
        "storage_hosts": ("storage.example.com",),
        "data_dir": tmp_path / "data",
        "http_host": "::1",
        "http_port": 0,
        "public_url": "https://submittals.example.com",
        "team_domains": ("example.com", "example.org"),
        "team_people": ("MFEGJ9W5GGQL", "somebody@example.com"),
        "team_accounts": (PROJECT,),
        "team_clients": tmp_path / "clients.toml",
        "team_registration": {"enabled": True, "domains": ("example.com",)},
        "settings_file": tmp_path / "settings.toml",
        "log_level": "debug",
        "log_format": "json",
    }
    assert settings.secrets == (
        "canary-client-secret",
        TOKEN,
        "sixteen-or-more-x",
        DATABASE,
        *KEYS,
        "canary-password",
    )
    assert TOKEN not in repr(settings)


def test_an_empty_variable_counts_as_unset(monkeypatch):
    for name in [*variables().values(), "SUBMITTAL_MCP_OF_A_LATER_VERSION"]:
        if name not in EMPTY_IS_REFUSED:
            monkeypatch.setenv(name, "")
    assert Settings.load() == Settings()


@pytest.mark.parametrize("variable", EMPTY_IS_REFUSED)
@pytest.mark.parametrize("nothing", ["", "  "])
def test_an_empty_limit_is_refused_in_place_of_being_no_limit(monkeypatch, variable, nothing):
    [problem] = problems(monkeypatch, **{variable: nothing})
    assert problem.startswith(f"{variable}: it is empty")


@pytest.mark.parametrize("variable", variables().values())
@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ('"canary"', "it is in quotes"),
        ("\u201ccanary\u201d", "it is in quotes"),
        ("${user_config.canary}", "it is a placeholder"),
        ("<canary>", "it is a placeholder"),
        ("$CANARY", "it is a placeholder"),
        ("your-canary", "it is a placeholder"),
        ("$(cat canary)", "it is a placeholder"),
        ("#{Canary}", "it is a placeholder"),
        ("{canary}", "it is a placeholder"),
        ("{% canary %}", "it is a placeholder"),
        ("%(canary)s", "it is a placeholder"),
        ("__CANARY__", "it is a placeholder"),
        ("@CANARY@", "it is a placeholder"),
        ("undefined", "it is a placeholder"),
        ("canary\r", "it holds an invisible character"),
        ("\ufeffcanary", "it holds an invisible character"),
        ("canary\tcanary", "it holds an invisible character"),
    ],
)
def test_a_value_from_a_template_is_refused_by_name_and_not_quoted(monkeypatch, variable, value, sentence):
    [problem] = problems(monkeypatch, **{variable: value})
    assert problem.startswith(f"{variable}: {sentence}")
    assert "canary" not in problem.lower()


def test_a_flag_wins_over_its_variable_and_a_flag_not_given_does_not(monkeypatch, tmp_path):
    monkeypatch.setenv("SUBMITTAL_MCP_FOLDERS", str(tmp_path / "from-environment"))
    monkeypatch.setenv("SUBMITTAL_MCP_HTTP_PORT", "9000")
    settings = Settings.load(folders=(tmp_path / "from-flag",), http_port=None)
    assert settings.folders == (tmp_path / "from-flag",)
    assert settings.http_port == 9000


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("SUBMITTAL_MCP_READONLY", "SUBMITTAL_MCP_READ_ONLY"),
        ("SUBMITTAL_MCP_PROJECT", "SUBMITTAL_MCP_PROJECTS"),
        ("SUBMITTAL_MCP_CONFIRMATION", "SUBMITTAL_MCP_CONFIRM"),
    ],
)
def test_a_variable_that_this_version_does_not_know_stops_the_start(monkeypatch, variable, nearest):
    [problem] = problems(monkeypatch, **{variable: "1"})
    assert problem.startswith(f"{variable}: this version has no such setting; did you mean {nearest}")
    assert all(name in problem for name in variables().values() if name.startswith("SUBMITTAL_MCP_"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no case in the names of variables")
def test_a_variable_in_small_letters_is_not_ignored_either(monkeypatch):
    [problem] = problems(monkeypatch, submittal_mcp_read_only="true")
    assert problem.startswith("submittal_mcp_read_only: this version has no such setting")


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("FOLDERS", f"{Path('/srv/a').absolute()}{os.pathsep}", "an entry of the list is empty"),
        ("FOLDERS", "  ", "an entry of the list is empty"),
        ("FOLDERS", "drawings", "is not an absolute path"),
        ("FOLDERS", "~nobody-of-this-name/x", "is not an absolute path"),
        ("FILE_TYPES", "pdf,,dwg", "an entry of the list is empty"),
        ("FILE_TYPES", "pdf dwg", "is not a file extension"),
        ("MAX_FILE_BYTES", "0", "greater than 0"),
        ("MAX_FILE_BYTES", str(FIVE_TIB + 1), "less than or equal to 5497558138880"),
        ("MAX_FILE_BYTES", "5 GB", "valid integer"),
        ("READ_ONLY", "perhaps", "valid boolean"),
        ("PROJECTS", "Riverside", "is not a project id"),
        ("TEAM_ACCOUNTS", "Steelworks", "is not an account id"),
        ("PARALLEL_PARTS", "17", "less than or equal to 16"),
        ("PARALLEL_PARTS", "0", "greater than or equal to 1"),
        ("MAX_WAIT_SECONDS", "601", "less than or equal to 600"),
        ("TEAM_PEOPLE", 'a@example.com,"b@example.com",c@example.com', "of an entry: it is in quotes"),
        ("STORAGE_HOSTS", "https://storage.example.com", "is not a host name"),
        ("STORAGE_HOSTS", "storage.example.com:444", "is not a host name"),
        ("STORAGE_HOSTS", "*.example.com", "is not a host name"),
        ("STORAGE_HOSTS", "storage.example.com,S3.eu-west-1.amazonaws.com", "is S3 itself"),
        ("HTTP_PORT", "65536", "less than or equal to 65535"),
        ("HTTP_SECRET", "short", "too easy to guess"),
        ("HTTP_SECRET", "long enough but with spaces", "write the token alone"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning', 'error' or 'critical'"),
        ("LOG_FORMAT", "xml", "'console' or 'json'"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_its_variable_and_a_sentence(
    monkeypatch, variable, value, sentence
):
    [problem] = problems(monkeypatch, **{f"SUBMITTAL_MCP_{variable}": value})
    assert problem.startswith(f"SUBMITTAL_MCP_{variable}: ")
    assert sentence in problem


def test_every_problem_is_told_at_once(monkeypatch):
    found = problems(monkeypatch, SUBMITTAL_MCP_READONLY="1", SUBMITTAL_MCP_HTTP_PORT="x", APS_BASE_URL="autodesk")
    assert [problem.partition(":")[0] for problem in found] == [
        "SUBMITTAL_MCP_READONLY",
        "APS_BASE_URL",
        "SUBMITTAL_MCP_HTTP_PORT",
    ]


@pytest.mark.parametrize("token", [f"Bearer {TOKEN}", f"{TOKEN}\u00e9"])
def test_a_refused_token_is_not_repeated(monkeypatch, token):
    [problem] = problems(monkeypatch, APS_ACCESS_TOKEN=token)
    assert problem.startswith("APS_ACCESS_TOKEN: it holds a space or a character that no token has")
    assert TOKEN not in problem


def test_the_error_carries_no_original_that_could_be_printed_with_the_secret(monkeypatch):
    monkeypatch.setenv("APS_ACCESS_TOKEN", f"Bearer {TOKEN}")
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_the_whole_disk_is_refused_as_a_folder(monkeypatch):
    [problem] = problems(monkeypatch, SUBMITTAL_MCP_FOLDERS=Path.cwd().anchor)
    assert "is the whole disk" in problem


@pytest.mark.parametrize("folder", ["~", "~/.", "~/a/..", "~/.."])
def test_the_home_folder_and_what_holds_it_are_refused(monkeypatch, tmp_path, folder):
    home = tmp_path / "people" / "home"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    [problem] = problems(monkeypatch, SUBMITTAL_MCP_FOLDERS=folder)
    assert "holds the whole home folder" in problem


@pytest.mark.skipif(os.name == "nt", reason="making a link needs a privilege on Windows")
def test_a_link_to_the_home_folder_is_refused_like_the_folder_itself(monkeypatch, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "link").symlink_to(home)
    monkeypatch.setenv("HOME", str(home))
    [problem] = problems(monkeypatch, SUBMITTAL_MCP_FOLDERS=str(tmp_path / "link"))
    assert "holds the whole home folder" in problem


def test_a_folder_as_wide_as_the_disk_or_the_home_folder_needs_the_flag(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    disk = Path.cwd().anchor
    monkeypatch.setenv("SUBMITTAL_MCP_FOLDERS", os.pathsep.join([disk, str(tmp_path)]))
    for load in (Settings.load, Settings.for_sandbox):
        with pytest.raises(SettingsError) as caught:
            load()
        assert [problem.count("--allow-wide-folder") for problem in caught.value.problems] == [1, 1]
        assert load(allow_wide_folder=True).folders == (Path(disk), tmp_path)


@pytest.mark.parametrize("folders", [" ", os.pathsep, f" {os.pathsep} "])
def test_no_empty_folder_is_taken_for_one_flag_or_not(monkeypatch, folders):
    monkeypatch.setenv("SUBMITTAL_MCP_FOLDERS", folders)
    with pytest.raises(SettingsError, match="an entry of the list is empty"):
        Settings.load(allow_wide_folder=True)


def test_a_folder_inside_the_home_folder_may_be_written_with_a_tilde(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("SUBMITTAL_MCP_FOLDERS", "~/Submittals")
    assert Settings.load().folders == (tmp_path / "Submittals",)


def test_a_base_url_that_is_neither_autodesks_nor_this_machine_needs_the_flag(monkeypatch):
    [problem] = problems(monkeypatch, APS_BASE_URL="https://autodesk.com.evil.example")
    assert "--allow-base-url" in problem
    assert Settings.load(allow_base_url=True).base_url == "https://autodesk.com.evil.example"


def test_the_sandbox_ignores_every_autodesk_variable_and_no_other(monkeypatch):
    monkeypatch.setenv("APS_BASE_URL", "not even a url")
    monkeypatch.setenv("APS_ACCESS_TOKEN", TOKEN)
    monkeypatch.setenv("SUBMITTAL_MCP_READ_ONLY", "true")
    settings = Settings.for_sandbox()
    assert (settings.base_url, settings.access_token, settings.read_only) == (None, None, True)
    pointed = Settings.for_sandbox(base_url="http://127.0.0.1:8788", access_token="sandbox-token")
    assert pointed.base_url == "http://127.0.0.1:8788"
    assert pointed.secrets == ("sandbox-token",)


def test_a_list_given_by_a_flag_must_be_a_list():
    with pytest.raises(SettingsError, match="SUBMITTAL_MCP_PROJECTS: this is not a list"):
        Settings.load(projects=3)


def test_settings_cannot_be_changed_once_read():
    with pytest.raises(ValueError, match="frozen"):
        Settings.load().read_only = True


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("APS_CALLBACK_URL", "https://example.com/canary", "on this machine"),
        ("APS_CALLBACK_URL", "http://localhost/canary", "on this machine"),
        ("SUBMITTAL_MCP_DATA_DIR", "relative/folder", "whole path"),
        ("SUBMITTAL_MCP_DATABASE_URL", "mysql://canary@host/x", "postgresql://"),
        ("SUBMITTAL_MCP_DATABASE_URL", "postgresql://u:p@host:canary/x", "postgresql://"),
        ("SUBMITTAL_MCP_DATABASE_URL", "postgresql://u:p@canary@host/x", "@ as %40"),
        ("SUBMITTAL_MCP_DATABASE_URL", "postgresql://u:p@[canary/x", "postgresql://"),
        ("SUBMITTAL_MCP_DATABASE_URL", "postgresql://canary@host:/x", "postgresql://"),
        ("SUBMITTAL_MCP_ENCRYPTION_KEYS", "canary", "openssl rand"),
        ("SUBMITTAL_MCP_ENCRYPTION_KEYS", f"{KEYS[0]},canary", "openssl rand"),
        ("APS_SERVICE_ACCOUNT_KEY_FILE", "key.pem", "whole path"),
    ],
)
def test_an_unusable_sign_in_setting_is_refused_without_quoting_a_secret(monkeypatch, variable, value, says):
    [problem] = problems(monkeypatch, **{variable: value})
    assert problem.startswith(f"{variable}: ")
    assert says in problem
    assert "canary" not in problem


@pytest.mark.parametrize(
    "missing",
    [
        "APS_SERVICE_ACCOUNT_ID",
        "APS_SERVICE_ACCOUNT_KEY_ID",
        "APS_SERVICE_ACCOUNT_KEY_FILE",
        "APS_CLIENT_ID",
        "APS_CLIENT_SECRET",
    ],
)
def test_half_a_service_account_is_none(monkeypatch, tmp_path, missing):
    whole = {
        "APS_SERVICE_ACCOUNT_ID": "account",
        "APS_SERVICE_ACCOUNT_KEY_ID": "key",
        "APS_SERVICE_ACCOUNT_KEY_FILE": str(tmp_path / "key.pem"),
        "APS_CLIENT_ID": "app",
        "APS_CLIENT_SECRET": "secret",
    }
    del whole[missing]
    [problem] = problems(monkeypatch, **whole)
    assert missing in problem


def test_a_shared_database_needs_shared_keys(monkeypatch):
    [problem] = problems(monkeypatch, SUBMITTAL_MCP_DATABASE_URL=DATABASE)
    assert "SUBMITTAL_MCP_ENCRYPTION_KEYS" in problem
    assert "canary" not in problem
