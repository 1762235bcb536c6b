"""What a data folder keeps besides the state: how far the clock was moved, and which version wrote it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

import acc_sandbox
from acc_sandbox import Clock, DataFolderError
from acc_sandbox.state.tables import SCHEMA, VERSION
from tests.acc_sandbox.conftest import Caller, put, transport

ROOT = Path(__file__).parents[3]
MORNING = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


@contextmanager
def restarted(folder, token=None):
    """A sandbox on the folder with a clock that stands still, and a client of it."""
    with (
        acc_sandbox.running(data=folder, clock=Clock(MORNING), urn_delay=3600) as box,
        httpx.Client(base_url=box.base_url, transport=transport()) as client,
    ):
        client.headers["Authorization"] = f"Bearer {token or box.token()}"
        yield Caller(box, client, "manager")


def now(caller):
    return caller("GET", "/sandbox/state").json()["now"]


def test_after_a_restart_time_goes_on_from_where_the_clock_was_moved(tmp_path):
    with restarted(tmp_path) as caller:
        token = caller.box.token(expires_in=3600)
        item = caller.box.item("051200-3")
        confirmed, reserved = caller.attach(item).json(), caller.attach(item, name="late.pdf").json()
        caller.upload(confirmed["uploadUrn"], b"bytes")
        caller.confirm(item, confirmed["id"])
        signed = caller.signed_urls(reserved["uploadUrn"], minutesExpiration=60).json()
        caller("POST", "/sandbox/clock", json={"move": 3599})
    with restarted(tmp_path, token) as caller:
        assert now(caller) == "2026-03-02T09:29:59.000000Z"
        assert caller.attachment(item, confirmed["id"])["asyncState"] == "2"
        # The page's button is another way to the same clock.
        caller("POST", "/controls/clock", data={"seconds": "1"})
    with restarted(tmp_path) as caller:
        assert now(caller) == "2026-03-02T09:30:00.000000Z"
        assert caller("GET", "/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code == 401
        assert caller.attachment(item, confirmed["id"])["asyncState"] == "3"
        fresh = caller.signed_urls(reserved["uploadUrn"], uploadKey=signed["uploadKey"]).json()
        assert put(fresh["urls"][0], b"x").status_code == 200
        caller.box.clock.move(86_400 - 3600)
    with restarted(tmp_path) as caller:
        # The upload's 24 hours are over, which began before the first restart.
        late = caller.complete(reserved["uploadUrn"], uploadKey=signed["uploadKey"])
        assert (late.status_code, now(caller)) == (400, "2026-03-03T08:30:00.000000Z")


def test_a_clock_that_was_moved_already_stays_as_it_is_and_is_kept(tmp_path):
    clock = Clock(MORNING)
    for moved in (60, 120):
        clock.move(60)
        with acc_sandbox.running(data=tmp_path, clock=clock) as box:
            assert (box.clock.now() - MORNING).total_seconds() == moved
    # It is released now.
    clock.move(60)
    with restarted(tmp_path) as caller:
        assert now(caller) == "2026-03-02T08:32:00.000000Z"


PROGRAM = "import sys; from server.cli.main import app; app(['sandbox', '--port=0', '--storage-port=0', '--json', '--data', sys.argv[1]])"


def test_a_sandbox_that_was_killed_has_kept_its_clock(tmp_path):
    def killed(move):
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
        ) as process:
            try:
                base_url = json.loads(process.stdout.readline())["APS_BASE_URL"]
                with httpx.Client(base_url=base_url, transport=transport()) as client:
                    return client.post("/sandbox/clock", json={"move": move}).json()["now"]
            finally:
                process.kill()

    before = killed(90 * 86_400)
    assert killed(0) >= before


def marked(folder, version):
    with closing(sqlite3.connect(folder / "sandbox.sqlite3")) as connection:
        connection.execute(f"PRAGMA user_version = {version}")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("version", [0, VERSION + 1])
def test_a_folder_that_another_version_wrote_is_refused_and_left_alone(tmp_path, version):
    with acc_sandbox.running(data=tmp_path):
        pass
    marked(tmp_path, version)
    before = contents(tmp_path)
    with pytest.raises(DataFolderError) as refused, acc_sandbox.running(data=tmp_path):
        pass
    assert str(refused.value) == (
        f"the data folder {tmp_path} was written by another version of this program (its format is {version}, this"
        f" version's is {VERSION}); start that version with it, or choose an empty folder"
    )
    assert refused.value.folder == tmp_path
    assert contents(tmp_path) == before
    marked(tmp_path, VERSION)
    with acc_sandbox.running(data=tmp_path) as box:
        assert len(box.items()) == 15


def test_a_start_that_was_cut_off_before_any_table_does_not_spoil_the_folder(tmp_path):
    (tmp_path / "sandbox.sqlite3").touch()
    with acc_sandbox.running(data=tmp_path) as box:
        assert len(box.items()) == 15


def test_a_folder_that_cannot_be_used_is_said_and_nothing_starts(tmp_path):
    (tmp_path / "sandbox.sqlite3").write_bytes(b"no database, but long enough to be looked at" * 100)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        (
            f"submittal-mcp sandbox: the data folder {tmp_path} cannot be used (sandbox.sqlite3: file is not a database);"
            " choose another folder\n"
        ),
    )
    a_file = tmp_path / "sandbox.sqlite3"
    with pytest.raises(DataFolderError, match=r"cannot be used \(\w.*\); choose"), acc_sandbox.running(data=a_file):
        pass


def test_tables_change_with_a_new_version_only():
    """A change of them raises VERSION; then note here the digest of the new version's tables."""
    found = hashlib.sha256(SCHEMA.encode()).hexdigest()[:16]
    assert {VERSION: found} == {4: "50543c6af6d0c175"}
