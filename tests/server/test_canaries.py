"""Canary secrets, sent through every command and every tool, and looked for everywhere."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import typer.main

import acc_sandbox
from auth.vault import TokenSet, UserAccount, Vault
from persistence.data_folder import DataFolder
from persistence.database import Database, DatabaseAddress
from persistence.keys import EncryptionKey, EnvironmentKeys
from server.cli import main as cli
from tests.support.constants import ROOT
from tools.core.registry import definitions

PROGRAM = Path(__file__).parent / "programs" / "every_tool.py"

CANARIES = {
    "APS_CLIENT_SECRET": "canary-client-secret-5e1f",
    "APS_ACCESS_TOKEN": "canary.access-token.77ab",
    "SUBMITTAL_MCP_HTTP_SECRET": "canary-http-secret-91c0",
    "SUBMITTAL_MCP_ENCRYPTION_KEYS": base64.b64encode(b"canary-encryption-key-32-bytes-!").decode(),
    "SUBMITTAL_MCP_DATABASE_URL": "postgresql://somebody:canary-password-3d2e@127.0.0.1:9/submittals",
}
LOOKED_FOR = (*CANARIES.values(), "canary")
TOOLS = {one.name for one in definitions(local_files=True)}

COMMANDS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("serve",): (),
    ("login",): ("--no-browser",),
    ("logout",): (),
    ("config",): ("cursor",),
    ("setup",): ("--folder", str(ROOT), "--client", "json", "--no-browser"),
    ("whoami",): (),
    ("doctor",): ("--project", "Riverside"),
    ("vault", "rekey"): (),
    ("attach",): (str(ROOT / "README.md"), "--folder", str(ROOT), "--project", "Riverside", "--submittal", "051200-3"),
    ("download",): ("--project", "Riverside", "--submittal", "051200-3"),
    ("find", "projects"): (),
    ("find", "submittals"): ("--project", "Riverside"),
    ("find", "attachments"): ("--project", "Riverside"),
    ("worker",): ("--folder", str(ROOT)),
    ("jobs", "list"): (),
    ("jobs", "cancel"): ("0123",),
    ("jobs", "resume"): ("0123",),
    ("team", "clients"): (),
    ("team", "grants"): (),
    ("team", "revoke"): ("--all",),
    ("team", "check-url"): ("http://127.0.0.1:9",),
}
"""Each command that reads settings, with arguments that make it do something."""

WITHOUT_SETTINGS = {("sandbox",), ("demo",)}
"""Commands that read no `APS_…` variable; they have a sandbox of their own."""


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*path, name))
    if not hasattr(command, "commands"):
        yield path


def spellings(secret: str) -> list[bytes]:
    """A secret as it is, as a part of a URL, and in base64 wherever it begins."""
    plain = secret.encode()
    # At each of the three offsets, without the ends, which depend on what stands beside it.
    coded = [base64.b64encode(b"x" * shift + plain)[4 if shift else 0 : -4] for shift in range(3)]
    return [plain, quote(secret, safe="").encode(), *coded]


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def environment(box: acc_sandbox.Sandbox, tmp_path: Path) -> dict[str, str]:
    return {
        "APS_BASE_URL": box.base_url,
        "APS_CLIENT_ID": box.client_id,
        "SUBMITTAL_MCP_DATA_DIR": str(tmp_path / "data"),
        "SUBMITTAL_MCP_LOG_LEVEL": "debug",
    }


def somebody_signed_in(box: acc_sandbox.Sandbox, data: Path) -> list[str]:
    """Keep a sign-in whose access token works, so that commands come as far as they can; return what is secret in it."""
    access, refresh = box.token("manager"), "canary-refresh-token-0d41"
    tokens = TokenSet.model_validate(
        {
            "access_token": access,
            "issued_at": time.time(),
            "expires_at": time.time() + 3599,
            "refresh_token": refresh,
            "refresh_expires_at": time.time() + 15 * 24 * 3600,
            "scopes": ("data:read", "data:write", "data:create", "user-profile:read"),
        }
    )
    key = EncryptionKey.parse(CANARIES["SUBMITTAL_MCP_ENCRYPTION_KEYS"])
    person = box.person("manager")
    with Database.open(DatabaseAddress.sqlite(DataFolder.open(data).database)) as database:
        account = UserAccount(box.base_url, box.client_id, person.autodesk_id)
        Vault(database, EnvironmentKeys([key])).save_login(account, person.name, person.email, tokens)
    return [access, refresh]


APP = ("APS_CLIENT_SECRET", "SUBMITTAL_MCP_ENCRYPTION_KEYS", "SUBMITTAL_MCP_HTTP_SECRET")
READY = ("APS_ACCESS_TOKEN", "SUBMITTAL_MCP_ENCRYPTION_KEYS", "SUBMITTAL_MCP_DATABASE_URL")


@pytest.mark.parametrize(
    ("command", "given"),
    [*((command, APP) for command in COMMANDS), (("serve",), READY), (("doctor",), READY), (("vault", "rekey"), READY)],
    ids=" ".join,
)
def test_no_command_shows_what_it_was_given(
    box: acc_sandbox.Sandbox,
    start: Any,
    start_anew: Any,
    environment: dict[str, str],
    tmp_path: Path,
    command: tuple[str, ...],
    given: tuple[str, ...],
) -> None:
    secrets = {name: CANARIES[name] for name in given}
    tokens = somebody_signed_in(box, tmp_path / "data")
    begun = start_anew if given is APP else start  # every command once by itself, with what it loads by itself
    program = begun("-m", "server", *command, *COMMANDS[command], **(environment | secrets))
    if command == ("serve",):
        program.shake_hands()
        said = json.dumps(program.ask("tools/call", {"name": "find_projects", "arguments": {}}))
    elif command == ("login",) and "APS_ACCESS_TOKEN" not in given:
        # A user signs in with an answer that Autodesk refuses, since this secret is none of the app's.
        url = next(line for line in program.process.stdout if line.startswith("http"))
        state = url.partition("state=")[2].partition("&")[0]
        program.process.stdin.write(f"http://localhost/?code=canary-code&state={state}\n")
        program.process.stdin.flush()
        said = ""
    else:
        said = ""
    _, out, err = program.rest()
    assert said + out + err
    for secret in (*LOOKED_FOR, *tokens):
        for spelling in spellings(secret):
            assert spelling not in f"{said}{out}{err}".encode(), err
            for path in files(tmp_path / "data"):
                assert spelling not in path.read_bytes(), path.name


def test_every_command_is_among_those_that_are_tried() -> None:
    """A newcomer takes its place in COMMANDS, or in WITHOUT_SETTINGS."""
    assert set(commands(typer.main.get_command(cli.app))) <= {*COMMANDS, *WITHOUT_SETTINGS}


def test_no_tool_shows_a_token_a_code_or_a_signed_url(
    box: acc_sandbox.Sandbox, start: Any, tmp_path: Path, free_port: int
) -> None:
    """What is looked for is what the run itself met: code, state, both tokens, the vault's key, signatures."""
    callback_url = f"http://localhost:{free_port}/callback"
    box.register_callback(callback_url)
    folder = tmp_path / "drawings"
    folder.mkdir()
    (folder / "beams.pdf").write_bytes(b"%PDF-1.4 beams")
    data, kept = tmp_path / "data", tmp_path / "kept"
    given = (PROGRAM, box.base_url, box.client_id, callback_url, data, folder, kept)
    code, out, err = start(*map(str, given)).rest()
    assert code == 0, err[-3000:]
    assert "tools/call" in out, "nothing was traced"
    assert "tool_answered" in err, "nothing was logged"
    secrets = [line for line in kept.read_text(encoding="utf-8").splitlines() if line]
    assert len(secrets) >= 5
    secrets.append((data / "vault.key").read_text(encoding="ascii"))
    for secret in secrets:
        for spelling in spellings(secret):
            assert spelling not in out.encode(), "in a trace"
            assert spelling not in err.encode(), "in the log"
            for path in files(data):
                assert path.name == "vault.key" or spelling not in path.read_bytes(), path.name
    # Every tool and both resources met a fault of ours: a log line with its traceback, and a span that noted the error.
    assert err.count('"event": "tool_crashed"') >= len(TOOLS)
    assert err.count("LookupError: https://storage.example/part?X-Amz-Signature=[redacted]") >= len(TOOLS)
    assert out.count("its log tells why under call_id") >= len(TOOLS)


def test_a_fault_in_a_command_ends_in_a_traceback_without_secrets(
    start_anew: Any, environment: dict[str, str], tmp_path: Path
) -> None:
    given = {
        "CANARY_TOKEN": "canary.access-token.77ab",
        "CANARY_REFRESH": "canary-refresh-token-0d41",
        "CANARY_SIGNATURE": "canary-signature-c55e",
        "APS_CLIENT_SECRET": CANARIES["APS_CLIENT_SECRET"],
    }
    code, out, err = start_anew(str(PROGRAM.with_name("failing_command.py")), "fail", **(environment | given)).rest()
    assert (code, out) == (1, "")
    assert "Traceback" in err
    assert "RuntimeError" in err
    assert "LookupError: Authorization: [redacted]" in err
    for secret in (*given.values(), "canary"):
        assert secret not in err, err
