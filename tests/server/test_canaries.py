"""Secrets that nobody has seen before, sent through every command and every tool, and looked for everywhere."""

import base64
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

import sandbox
from server import cli

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).parent / "programs" / "every_tool.py"

CANARIES = {
    "APS_CLIENT_SECRET": "canary-client-secret-5e1f",
    "APS_ACCESS_TOKEN": "canary.access-token.77ab",
    "SUBMITTAL_MCP_HTTP_SECRET": "canary-http-secret-91c0",
    "SUBMITTAL_MCP_ENCRYPTION_KEYS": base64.b64encode(b"canary-encryption-key-32-bytes-!").decode(),
    "SUBMITTAL_MCP_DATABASE_URL": "postgresql://somebody:canary-password-3d2e@127.0.0.1:9/submittals",
}
LOOKED_FOR = (*CANARIES.values(), "canary")

COMMANDS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("serve",): (),
    ("login",): ("--no-browser",),
    ("logout",): (),
    ("whoami",): (),
    ("doctor",): ("--project", "Riverside"),
    ("vault", "rekey"): (),
    ("attach",): (str(ROOT / "README.md"), "--folder", str(ROOT), "--project", "Riverside", "--submittal", "051200-3"),
    ("jobs", "list"): (),
    ("jobs", "cancel"): ("0123",),
    ("jobs", "resume"): ("0123",),
}
"""Each command that reads settings, with arguments that make it do something."""

WITHOUT_SETTINGS = {("sandbox",), ("demo",)}
"""Commands that read no `APS_…` variable; they have a sandbox of their own."""


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*path, name))
    if not hasattr(command, "commands"):
        yield path


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def environment(box: sandbox.Box, tmp_path: Path) -> dict[str, str]:
    return {
        "APS_BASE_URL": box.base_url,
        "APS_CLIENT_ID": box.client_id,
        "SUBMITTAL_MCP_DATA_DIR": str(tmp_path / "data"),
        "SUBMITTAL_MCP_LOG_LEVEL": "debug",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }


APP = ("APS_CLIENT_SECRET", "SUBMITTAL_MCP_ENCRYPTION_KEYS", "SUBMITTAL_MCP_HTTP_SECRET")
READY = ("APS_ACCESS_TOKEN", "SUBMITTAL_MCP_ENCRYPTION_KEYS", "SUBMITTAL_MCP_DATABASE_URL")


@pytest.mark.parametrize(
    ("command", "given"),
    [*((command, APP) for command in COMMANDS), (("serve",), READY), (("doctor",), READY), (("vault", "rekey"), READY)],
    ids=" ".join,
)
def test_no_command_shows_what_it_was_given(
    start: Any, environment: dict[str, str], tmp_path: Path, command: tuple[str, ...], given: tuple[str, ...]
) -> None:
    secrets = {name: CANARIES[name] for name in given}
    program = start("-m", "server", *command, *COMMANDS[command], **(environment | secrets))
    if command == ("serve",):
        program.shake_hands()
        said = json.dumps(program.ask("tools/call", {"name": "find_projects", "arguments": {}}))
    elif command == ("login",) and "APS_ACCESS_TOKEN" not in given:
        # Somebody signs in with an answer that Autodesk refuses, since this secret is none of the app's.
        url = next(line for line in program.process.stdout if line.startswith("http"))
        state = url.partition("state=")[2].partition("&")[0]
        program.process.stdin.write(f"http://localhost/?code=canary-code&state={state}\n")
        program.process.stdin.flush()
        said = ""
    else:
        said = ""
    _, out, err = program.rest()
    assert said + out + err
    for secret in LOOKED_FOR:
        assert secret not in said + out + err, err
        for path in files(tmp_path / "data"):
            assert secret.encode() not in path.read_bytes(), path.name


def test_every_command_is_among_those_that_are_tried() -> None:
    """A newcomer takes its place in COMMANDS, or in WITHOUT_SETTINGS."""
    assert set(commands(typer.main.get_command(cli.app))) <= {*COMMANDS, *WITHOUT_SETTINGS}


def test_no_tool_shows_a_token_a_code_or_a_signed_url(box: sandbox.Box, tmp_path: Path) -> None:
    """What is looked for is what the run itself met: code, state, both tokens, the vault's key, signatures."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        callback_url = f"http://localhost:{found.getsockname()[1]}/callback"
    box.register_callback(callback_url)
    folder = tmp_path / "drawings"
    folder.mkdir()
    (folder / "beams.pdf").write_bytes(b"%PDF-1.4 beams")
    data, kept = tmp_path / "data", tmp_path / "kept"
    program = subprocess.run(
        [sys.executable, PROGRAM, box.base_url, box.client_id, callback_url, data, folder, kept],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,  # it does everything there is to do, with the log at its most talkative
    )
    out, err = program.stdout, program.stderr
    assert program.returncode == 0, err[-3000:]
    assert "tools/call" in out, "nothing was traced"
    assert "tool_answered" in err, "nothing was logged"
    secrets = [line for line in kept.read_text(encoding="utf-8").splitlines() if line]
    assert len(secrets) >= 5
    secrets.append((data / "vault.key").read_text(encoding="ascii"))
    for secret in secrets:
        assert secret not in out, "in a trace"
        assert secret not in err, "in the log"
        for path in files(data):
            assert path.name == "vault.key" or secret.encode() not in path.read_bytes(), path.name
    assert "Traceback" not in err
