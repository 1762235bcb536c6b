"""`login`, `whoami`, `logout` and `vault rekey` as real processes, against a sandbox's OAuth."""

import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest

from acc_sandbox import Fault, Refuse

BROWSER = """
import sys
from urllib.request import build_opener
build_opener().open(sys.argv[1] + "&sandbox_person=manager", timeout=120).read()
"""


class Stays(HTTPRedirectHandler):
    """Does not follow a redirect."""

    def redirect_request(self, *_: object) -> None:
        return None


def sent_back(url: str, person: str = "manager") -> str:
    """Choose a person on Autodesk's page, and return the address that the browser is sent to."""
    from urllib.error import HTTPError

    try:
        build_opener(Stays()).open(Request(f"{url}&sandbox_person={person}"), timeout=120)
    except HTTPError as redirect:
        with redirect:
            return redirect.headers["Location"]
    raise AssertionError("it was not redirected")


@pytest.fixture
def site(box, tmp_path, free_port) -> dict[str, str]:
    callback_url = f"http://localhost:{free_port}/callback"
    box.register_callback(callback_url)
    return {
        "APS_BASE_URL": box.base_url,
        "APS_CLIENT_ID": box.client_id,
        "APS_CALLBACK_URL": callback_url,
        "SUBMITTAL_MCP_DATA_DIR": str(tmp_path / "data"),
    }


@pytest.fixture
def run(start, site) -> Callable[..., tuple[int, str, str]]:
    """Run a command to its end: exit code, stdout, stderr."""
    return lambda *arguments, **more: start("-m", "server", *arguments, **(site | more)).rest()


def authorize_url(program) -> str:
    for line in program.process.stdout:
        if line.startswith("http"):
            return line.strip()
    raise AssertionError(f"no address was printed: {program.rest()}")


@pytest.fixture
def signed_in(start, site) -> Callable[[str], str]:
    """Sign a person in with `login --no-browser`, and return what it said after the address."""

    def sign_in(person: str = "manager") -> str:
        program = start("-m", "server", "login", "--no-browser", **site)
        url = authorize_url(program)
        program.process.stdin.write(sent_back(url, person) + "\n")
        program.process.stdin.flush()
        code, out, err = program.rest()
        assert (code, err) == (0, ""), err
        return out

    return sign_in


def test_a_person_signs_in_once_and_is_known_from_then_on(signed_in, run, site, box):
    said = signed_in()
    assert "Signed in as Project Manager <project.manager@example.com>" in said
    assert f"on the app {box.client_id} at {box.base_url}" in said
    assert "It lasts until" in said
    assert "encrypted with a key from a file" in said
    code, out, err = run("whoami")
    assert (code, err) == (0, "")
    assert out.splitlines() == [line for line in said.splitlines() if line.startswith(("Signed in", "It lasts"))]
    code, out, err = run("whoami", "--json")
    assert (code, err) == (0, "")
    facts = json.loads(out)
    assert (facts["kind"], facts["current"]["email"], facts["also_signed_in"]) == (
        "person",
        "project.manager@example.com",
        [],
    )


def test_login_opens_the_browser_and_takes_what_comes_back(start, site, tmp_path):
    script = tmp_path / "browser.py"
    script.write_text(BROWSER, encoding="utf-8")
    program = start("-m", "server", "login", BROWSER=f"{sys.executable} {script} %s", **site)
    code, out, err = program.rest()
    assert (code, err) == (0, "")
    assert "A browser was opened" in out
    assert "Signed in as Project Manager" in out


def test_the_end_of_standard_input_is_no_answer(start, site):
    program = start("-m", "server", "login", "--no-browser", **site)
    url = authorize_url(program)
    program.process.stdin.close()
    with build_opener().open(sent_back(url), timeout=120) as page:
        assert b"You can close this window" in page.read()
    program.process.wait()
    assert "Signed in as Project Manager" in program.process.stdout.read()


NO_BROWSER = [
    ("--no-browser", {}),
    *([("--allow-base-url", {"PATH": "/nonexistent"})] if sys.platform == "linux" else []),
]
"""A flag and an environment: no browser is wanted, or there is none."""


@pytest.mark.parametrize(("flag", "environment"), NO_BROWSER)
def test_without_a_browser_the_last_address_is_pasted_and_other_text_refused(start, site, flag, environment):
    program = start("-m", "server", "login", flag, **site, **environment)
    url = authorize_url(program)
    program.process.stdin.write("yes please\n")
    program.process.stdin.write(f"<{sent_back(url).replace('&', '&amp;')}>\n")  # as mail programs show it
    program.process.stdin.flush()
    code, out, _ = program.rest()
    assert code == 0
    assert "That is not the address of this sign-in's last page" in out


def test_a_web_page_in_place_of_the_token_is_said_to_be_of_a_proxy_or_of_the_network(start, site, box):
    box.faults.add(Fault("auth.token", Refuse(200, "<html>Sign in to the hotel</html>")))
    program = start("-m", "server", "login", "--no-browser", **site)
    program.process.stdin.write(sent_back(authorize_url(program)) + "\n")
    program.process.stdin.flush()
    code, _, err = program.rest()
    assert code == 1
    assert "proxy or the network's sign-in page answered" in err
    assert "hotel" not in err


def test_cancelling_ends_with_a_sentence(start, site):
    program = start("-m", "server", "login", "--no-browser", **site)
    program.process.stdin.write(sent_back(authorize_url(program), "deny") + "\n")
    program.process.stdin.flush()
    code, _, err = program.rest()
    assert code == 1
    assert err == (
        "submittal-mcp: The sign-in was cancelled, by you or by Autodesk; nothing was changed. Sign in again to go on.\n"
    )


def test_several_people_take_turns_on_one_machine(signed_in, run):
    signed_in("steel")
    signed_in("manager")
    _, out, _ = run("whoami")
    assert "Signed in as Project Manager" in out
    assert "Also signed in: steel.subcontractor@example.com." in out
    code, out, _ = run("logout", "--as", "Steel Subcontractor <mailto:Steel.Subcontractor@example.com>")
    assert (code, "Steel Subcontractor <steel.subcontractor@example.com> is signed out" in out) == (0, True)
    _, out, _ = run("whoami")
    assert "Also signed in" not in out


def test_an_unknown_person_is_answered_with_the_known_ones(signed_in, run, tmp_path):
    signed_in("steel")
    signed_in("manager")
    (tmp_path / "beam.pdf").write_bytes(b"beam")
    place = ("--project", "Riverside Medical Center", "--submittal", "051200-3")
    for command in (
        ("logout",),
        ("doctor",),
        ("attach", *place, "--folder", str(tmp_path), str(tmp_path / "beam.pdf")),
    ):
        code, out, err = run(*command, "--as", "sted.subcontractor@example.com")
        assert code != 0
        said = " ".join((out + err).split())
        assert "project.manager@example.com, steel.subcontractor@example.com" in said, said


def test_signing_out_ends_it_at_autodesk_and_here(signed_in, run, box):
    signed_in()
    code, out, err = run("logout")
    assert (code, err) == (0, "")
    assert "is signed out" in out
    assert box.requests.count("auth.revoke") == 2
    for command in ("whoami", "logout"):
        code, out, err = run(command)
        signed_out = "no one is signed in to Autodesk; `submittal-mcp login` signs a person in"
        assert (code, out, err) == (1, "", f"submittal-mcp: {signed_out}\n")


def test_keys_are_changed_by_a_command(signed_in, run, tmp_path):
    signed_in()
    before = (tmp_path / "data" / "vault.key").read_text(encoding="ascii")
    code, out, _ = run("vault", "rekey")
    assert (code, out) == (
        0,
        "1 sign-in is now encrypted with a key from a file beside the database (this machine offers no keyring).\n",
    )
    after = (tmp_path / "data" / "vault.key").read_text(encoding="ascii")
    assert after.endswith(f",{before}")
    assert run("whoami")[0] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")
def test_everything_is_private_under_umask_0(signed_in, run, tmp_path):
    """What a sign-in leaves, and what an attachment does: locks, the audit log, and the database's own files.

    GHSA-g5xv, -76pr, -4596 (mcp-atlassian).
    """
    (tmp_path / "drawings").mkdir()
    (tmp_path / "drawings" / "beams.pdf").write_bytes(b"%PDF-1.4 beams")
    place = ("--folder", str(tmp_path / "drawings"), "--project", "Riverside", "--submittal", "051200-3")
    before = os.umask(0)
    try:
        signed_in()
        assert run("attach", str(tmp_path / "drawings" / "beams.pdf"), *place)[0] == 0
    finally:
        os.umask(before)
    data = tmp_path / "data"
    modes = {path.relative_to(tmp_path).as_posix(): path for path in (data, *data.rglob("*"))}
    assert set(modes) >= {"data", "data/submittal-mcp.sqlite3", "data/vault.key", "data/audit.jsonl", "data/locks"}
    for name, path in modes.items():
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), name


@pytest.mark.parametrize("command", [["login"], ["find", "projects"]])
def test_without_an_app_there_is_a_sentence(run, command):
    code, out, err = run(*command, APS_CLIENT_ID="")
    assert (code, out) == (1, "")
    assert (
        err
        == "submittal-mcp: no APS app is named; `submittal-mcp setup` asks for yours, or set APS_CLIENT_ID to its client id\n"
    )


@pytest.mark.parametrize("command", [["login"], ["logout"]])
def test_with_an_access_token_set_login_and_logout_are_refused(run, command):
    code, _, err = run(*command, APS_ACCESS_TOKEN="canary-token-that-must-not-show")
    assert code == 1
    assert "unset it first" in err
    assert "canary" not in err


@pytest.mark.parametrize("command", [["whoami"], ["logout"], ["vault", "rekey"], ["login", "--no-browser"]])
def test_a_database_that_is_none_is_named_without_a_traceback(run, tmp_path, command):
    (tmp_path / "data").mkdir(0o700)
    (tmp_path / "data" / "submittal-mcp.sqlite3").write_text("this is no database " * 100, encoding="ascii")
    code, _, err = run(*command)
    assert code == 1
    assert "is damaged" in err
    assert "Traceback" not in err


def test_no_token_is_shown_anywhere_or_written_in_the_open(signed_in, run, box, tmp_path):
    """The tokens themselves are taken from the vault, and looked for in all that was said and written."""
    from auth.vault import UserAccount, Vault
    from persistence.database import Database, DatabaseAddress
    from persistence.keys import MachineKeys

    class NoKeyring:
        def read(self) -> str | None:
            from persistence.keys import KeyringUnavailable

            raise KeyringUnavailable

        def write(self, text: str) -> None:
            raise AssertionError

    said = [signed_in(), *run("whoami", SUBMITTAL_MCP_LOG_LEVEL="debug")[1:], *run("vault", "rekey")[1:]]
    data = tmp_path / "data"
    with Database.open(DatabaseAddress.sqlite(data / "submittal-mcp.sqlite3")) as database:
        vault = Vault(database, MachineKeys(data / "vault.key", NoKeyring()))
        found = vault.read(UserAccount(box.base_url, box.client_id, box.person("manager").autodesk_id))
    assert found is not None
    assert found.tokens.refresh_token is not None
    secrets = [found.tokens.access_token.get_secret_value(), found.tokens.refresh_token.get_secret_value()]
    said += run("logout", SUBMITTAL_MCP_LOG_LEVEL="debug")[1:]
    key = (data / "vault.key").read_text(encoding="ascii")
    files = {path.name: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    for secret in (*secrets, *key.split(",")):
        assert secret not in json.dumps(said)
        for name, content in files.items():
            assert name == "vault.key" or secret.encode() not in content, name
    _ = Path


def test_an_app_that_is_named_at_login_is_remembered_and_one_that_is_set_wins(start, site, run):
    without = {
        name: value for name, value in site.items() if not name.startswith("APS_CLIENT") and name != "APS_CALLBACK_URL"
    }
    program = start(
        *("-m", "server", "login", "--no-browser", "--client-id", site["APS_CLIENT_ID"]),
        **without,
        APS_CALLBACK_URL=site["APS_CALLBACK_URL"],
    )
    program.process.stdin.write(sent_back(authorize_url(program)) + "\n")
    program.process.stdin.flush()
    code, out, err = program.rest()
    assert (code, err) == (0, "")
    assert "The app is remembered" in out
    code, out, _ = start("-m", "server", "whoami", **without).rest()
    assert (code, "Signed in as Project Manager" in out) == (0, True)
    code, out, _ = start("-m", "server", "doctor", "--json", **without).rest()
    assert f"APS_CALLBACK_URL is {site['APS_CALLBACK_URL']}, from setup" in out
    assert start("-m", "server", "whoami", **without, APS_CLIENT_ID="another-app").rest()[0] == 1
    server = start("-m", "server", "serve", **without)
    server.shake_hands()
    answer = server.ask("tools/call", {"name": "find_projects", "arguments": {}})
    assert answer["result"]["structuredContent"]["projects"]


def test_an_app_is_remembered_for_the_autodesk_that_it_belongs_to(start, site):
    data = Path(site["SUBMITTAL_MCP_DATA_DIR"])
    data.mkdir()
    apps = {
        "https://developer.api.autodesk.com": {
            "client_id": "real-app",
            "callback_url": "http://localhost:8765/callback",
        }
    }
    (data / "setup.json").write_text(json.dumps({"apps": apps}), encoding="utf-8")
    here = {name: site[name] for name in ("APS_BASE_URL", "SUBMITTAL_MCP_DATA_DIR")}
    _, _, err = start("-m", "server", "whoami", **here).rest()
    assert "no APS app is named" in err
    (data / "setup.json").write_text("{", encoding="utf-8")
    code, _, err = start("-m", "server", "whoami", **here).rest()
    assert (code, f"{data / 'setup.json'} cannot be read; delete it" in err) == (2, True)


@pytest.mark.parametrize(
    "text", ["me@example.com", "https://aps.autodesk.com/myapps", "short", "two words of text", ""]
)
def test_a_malformed_client_id_is_refused(start, text):
    code, _, err = start("-m", "server", "login", "--client-id", text).rest()
    assert code == 2
    assert "a Client ID is one word" in " ".join(err.replace("│", " ").split())
