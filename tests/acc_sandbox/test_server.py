"""Starting, stopping, keeping data, and the public door."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import anyio
import httpx
import pytest

import acc_sandbox
from acc_sandbox import Fault, Refuse, Switches
from acc_sandbox.http.connection import PortListener

ROOT = Path(__file__).parents[2]


def test_all_public_names_are_exported():
    assert all(getattr(acc_sandbox, name) is not None for name in acc_sandbox.__all__)
    with pytest.raises(AttributeError):
        getattr(acc_sandbox, "nothing")  # noqa: B009  # so that no type checker looks
    assert acc_sandbox.__all__ == sorted(acc_sandbox.__all__, key=lambda name: (name[0].islower(), name))


def test_two_sandboxes_know_nothing_of_each_other():
    with acc_sandbox.running() as one, acc_sandbox.running() as two:
        assert one.base_url != two.base_url
        httpx.get(f"{one.base_url}/", verify=False)
        assert (one.requests.count(), two.requests.count()) == (1, 0)


def test_sandboxes_of_one_seed_share_neither_secrets_nor_changes():
    with acc_sandbox.running() as one, acc_sandbox.running() as two:
        item, path = one.item("051200-3"), f"/construction/submittals/v2/projects/{one.project().id}/items"
        path = f"{path}/{item.id}"
        assert call(two, "GET", path, token=one.token()).status_code == 401
        assert call(one, "PATCH", path, json={"title": "Changed"}).json()["title"] == "Changed"
        urn = str(one.attachments(item)[0]["uploadUrn"])
        signed = call(
            one, "GET", f"/oss/v2/buckets/{urn.rpartition(':')[2].replace('/', '/objects/')}/signeds3download"
        )
        there = httpx.URL(signed.json()["url"]).copy_with(port=httpx.URL(two.storage_url).port)
        refused = httpx.get(there, headers={"Host": httpx.URL(one.storage_url).netloc.decode()}, verify=False)
        assert "SignatureDoesNotMatch" in refused.text
        with acc_sandbox.running() as three:
            for other in (two, three):
                assert call(other, "GET", path).json()["title"] == item.title
                assert other.object_bytes(urn).startswith(b"%PDF")


def test_a_switch_that_a_seed_heeds_makes_another_seed():
    for fails, state in ((False, "3"), (True, "4"), (False, "3")):
        with acc_sandbox.running(switches=Switches(processing_fails=fails)) as box:
            assert box.attachments(box.item("051200-3"))[0]["asyncState"] == state


def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_behind():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=r"in use|permitted"), acc_sandbox.running(storage_port=port):
            pass


def test_the_port_is_closed_after_the_end():
    with acc_sandbox.running() as box:
        assert httpx.get(f"{box.base_url}/", verify=False).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{box.base_url}/", verify=False)


def call(box, method, path, **more):
    headers = {"Authorization": f"Bearer {more.pop('token', None) or box.token()}"}
    return httpx.request(method, box.base_url + path, headers=headers, verify=False, **more)


def test_a_connection_that_cannot_be_accepted_is_tried_once_in_a_while_and_logged_once(monkeypatch, caplog):
    monkeypatch.setattr("asyncio.constants.ACCEPT_RETRY_DELAY", 0.05)
    accept, failures = socket.socket.accept, []

    def without_descriptors(listening):
        if len(failures) < 3:
            failures.append(time.monotonic())
            raise OSError(errno.EMFILE, "Too many open files")
        return accept(listening)

    with acc_sandbox.running() as box:
        monkeypatch.setattr(socket.socket, "accept", without_descriptors)
        assert httpx.get(f"{box.base_url}/", verify=False, timeout=120).status_code == 200
    assert min(later - earlier for earlier, later in itertools.pairwise(failures)) >= 0.04
    assert [record.getMessage() for record in caplog.records if record.name.startswith(("acc_sandbox", "asyncio"))] == [
        "the sandbox accepts no connection: Too many open files"
    ]


def test_everything_survives_a_restart_in_the_data_folder(tmp_path):
    with acc_sandbox.running(data=tmp_path, urn_delay=60) as box:
        item, token = box.item("051200-3"), box.token(expires_in=10_000)
        base = f"/construction/submittals/v2/projects/{box.project().id}/items/{item.id}"
        made = call(box, "POST", f"{base}/attachments", json={"name": "kept.pdf", "urnTypeId": "2"}).json()
        oss = f"/oss/v2/buckets/wip.dm.prod/objects/{made['uploadUrn'].rpartition('/')[2]}/signeds3upload"
        signed = call(box, "GET", oss).json()
        assert httpx.put(signed["urls"][0], content=b"kept", verify=False).status_code == 200
    with acc_sandbox.running(data=tmp_path, urn_delay=60) as box:
        # A part sent before and an access token are still good; so is the upload.
        assert (
            call(box, "POST", oss, json={"uploadKey": signed["uploadKey"], "size": 4}, token=token).status_code == 200
        )
        call(box, "PATCH", f"{base}/attachments/{made['id']}", json={"isFileUploaded": True})
    with acc_sandbox.running(data=tmp_path) as box:
        box.clock.move(61)
        rows = {row["name"]: row["asyncState"] for row in call(box, "GET", f"{base}/attachments").json()["results"]}
        assert rows == {"kept.pdf": "3", "beam-schedule.pdf": "3"}
        assert box.object_bytes(made["uploadUrn"]) == b"kept"
        assert len(box.items()) == 15


def test_every_answer_tells_the_time_of_the_sandboxs_clock(box, manager, anonymous, storage_put):
    signed = manager.signed_urls(manager.attach(box.item("051200-3")).json()["uploadUrn"]).json()
    box.faults.add(Fault("specs.list", Refuse(503)))

    def answers():
        yield manager.submittals("GET", "/items")
        yield manager.submittals("GET", "/specs")
        yield anonymous.get("/.well-known/openid-configuration")
        yield anonymous.get("/userinfo")
        yield anonymous.get("/sandbox/state")
        yield anonymous.get("/")
        yield storage_put(signed["urls"][0], b"x")
        yield storage_put(signed["urls"][0] + "0", b"x")

    assert {one.headers["date"] for one in answers()} == {"Mon, 02 Mar 2026 08:30:00 GMT"}
    box.clock.move(86_400 + 1)
    assert {one.headers["date"] for one in answers()} == {"Tue, 03 Mar 2026 08:30:01 GMT"}


def test_a_planned_answer_keeps_its_own_date(box, anonymous):
    box.faults.add(Fault("auth.keys", Refuse(503, headers={"Date": "Thu, 01 Jan 1970 00:00:00 GMT"})))
    answer = anonymous.get("/authentication/v2/keys")
    assert answer.headers.get_list("date") == ["Thu, 01 Jan 1970 00:00:00 GMT"]


def test_without_a_data_folder_nothing_stays_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with acc_sandbox.running() as box:
        assert len(list(tmp_path.iterdir())) == 1
        assert box.object_bytes(str(box.attachments(box.item("051200-3"))[0]["uploadUrn"]))
    assert list(tmp_path.iterdir()) == []


PROGRAM = "import sys; from acc_sandbox.cli import run; sys.exit(run(port=0, storage_port=0, as_json={as_json}, auto_approve=True))"


def start(*, as_json):
    command = [sys.executable, "-W", "error", "-c", PROGRAM.format(as_json=as_json)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_what_a_shell_needs_and_stops_on_a_signal(stop):
    with start(as_json=False) as process:
        lines = [process.stdout.readline().rstrip("\n") for _ in range(12)]
        settings = dict(line.split("=", 1) for line in lines[:3])
        assert list(settings) == ["APS_BASE_URL", "APS_CLIENT_ID", "APS_CALLBACK_URL"]
        assert settings["APS_CALLBACK_URL"] == "http://localhost:8765/callback"
        assert httpx.get(settings["APS_BASE_URL"], verify=False).status_code == 200
        assert lines[3].startswith("# Project Manager <project.manager@example.com>")
        assert lines[-1] == f"# Look at it: {settings['APS_BASE_URL']}/"
        process.send_signal(stop)
        output, errors = process.communicate(timeout=120)
        assert (process.returncode, output, errors) == (0, "", "")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux sends a signal to a thread that another process names")
def test_the_command_stops_on_a_signal_that_the_system_gives_to_another_of_its_threads():
    with start(as_json=True) as process:
        process.stdout.readline()
        other = [int(one.name) for one in Path(f"/proc/{process.pid}/task").iterdir() if int(one.name) != process.pid]
        os.kill(other[0], signal.SIGTERM)
        process.communicate(timeout=120)
        assert process.returncode == 0


@pytest.mark.parametrize("turns", range(5))
async def test_a_connection_that_is_being_accepted_as_a_sandbox_stops_is_closed(turns):
    listener = PortListener(never_asked)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        await listener.start(listening)
        raw = socket.create_connection(listening.getsockname())
        for _ in range(turns):
            await asyncio.sleep(0)
        await listener.stop()
    with raw, anyio.fail_after(120), contextlib.suppress(ConnectionResetError):
        raw.setblocking(False)
        assert await asyncio.get_running_loop().sock_recv(raw, 1) == b""


async def never_asked(_scope, _receive, _send):
    raise AssertionError("no request was sent")


def test_the_command_prints_one_line_of_json():
    with start(as_json=True) as process:
        settings = json.loads(process.stdout.readline())
        assert {"APS_BASE_URL", "APS_CLIENT_ID", "APS_CALLBACK_URL", "people", "page", "storage"} == settings.keys()
        assert settings["people"][0]["key"] == "manager"
        query = {
            "response_type": "code",
            "client_id": settings["APS_CLIENT_ID"],
            "redirect_uri": settings["APS_CALLBACK_URL"],
            "scope": "data:read",
            "code_challenge": "c" * 43,
            "code_challenge_method": "S256",
        }
        answer = httpx.get(f"{settings['APS_BASE_URL']}/authentication/v2/authorize", params=query, verify=False)
        assert "code=" in answer.headers["location"]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)


def test_a_taken_port_is_said_on_stderr():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        program = PROGRAM.format(as_json=False).replace("port=0, ", f"port={taken.getsockname()[1]}, ", 1)
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("acc-sandbox: cannot listen on 127.0.0.1")


def test_the_sandbox_imports_nothing_of_the_client():
    program = "import sys, acc_sandbox, acc_sandbox.cli; print([n for n in ('server','tools','auth','transfers','acc','mcp') if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda box: box.project("attic"), "there is no project 'attic'; there are riverside, harbor, mill, canal"),
        (lambda box: box.item("99 99 99-9"), "project 'riverside' has no submittal '99 99 99-9'"),
        (lambda box: box.file("Project Files/none.pdf"), "project 'riverside' has no seeded file"),
        (lambda box: box.person("boss"), "there is no person 'boss'; there are manager, steel"),
        (lambda box: box.token("boss"), "there is no person 'boss'"),
        (lambda box: box.invite("a@example.com"), "no person or service account with the address a@example.com"),
        (lambda box: box.object_bytes("urn:x"), "there is no completed object 'urn:x'"),
        (lambda box: box.requests.last("items.get"), "no request of items.get has come"),
    ],
)
def test_an_error_of_the_python_interface_is_a_sentence(ask, sentence):
    with acc_sandbox.running() as box, pytest.raises(LookupError) as refused:
        ask(box)
    assert sentence in str(refused.value)


def test_a_value_that_a_switch_cannot_have_is_refused_from_python_too():
    with pytest.raises(ValueError, match="b_prefix is one of refuse, accept"):
        acc_sandbox.Switches(b_prefix="acept")
    with acc_sandbox.running() as box, pytest.raises(ValueError, match="there is no switch b_prefx; try b_prefix"):
        box.switches.b_prefx = "accept"
