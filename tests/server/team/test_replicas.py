"""Two replicas on PostgreSQL behind a proxy that takes them by turns; one is killed while people work."""

import itertools
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpx
import pytest

import acc_sandbox
from acc_sandbox.seed.default import DEFAULT
from acc_sandbox.state.people import Person, known_autodesk_id
from auth.issuer.metadata import CALLBACK_PATH
from persistence.keys import EncryptionKey
from server.team.options import TeamOptions
from tests.conftest import NO_TRUST
from tests.support.ports import end_accepting

from .modern import PATIENCE, REDIRECT, ModernClient, repeated, sign_in
from .site import running_team


@dataclass
class RoundRobin:
    """A proxy of bytes: each connection goes to the next replica that takes it."""

    replicas: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._turn = itertools.count()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        try:
            yield
        finally:
            end_accepting(self._listener, thread)

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        with closing(caller):
            for _ in self.replicas:
                port = self.replicas[next(self._turn) % len(self.replicas)]
                try:
                    replica = socket.create_connection(("127.0.0.1", port), 5)
                except OSError:
                    continue  # it is dead; the next one is tried
                with closing(replica):
                    replica.settimeout(None)
                    back = threading.Thread(target=_pump, args=(replica, caller), daemon=True)
                    back.start()
                    _pump(caller, replica)
                    back.join()
                return


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


PEOPLE = [f"p{number}" for number in range(20)]


@pytest.fixture
def crowd() -> Iterator[acc_sandbox.Sandbox]:
    """An ACC whose largest project has twenty more submittals managers."""
    more = tuple(Person(key, f"Person {key}", f"{key}@example.com", known_autodesk_id(key), "") for key in PEOPLE)
    riverside, *others = DEFAULT.projects
    managed = replace(riverside, managers=(*riverside.managers, *PEOPLE), members=(*riverside.members, *PEOPLE))
    seed = replace(DEFAULT, people=DEFAULT.people + more, projects=(managed, *others))
    with acc_sandbox.running(seed=seed) as box:
        yield box


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="PostgreSQL of the tests listens on a socket file")
async def test_people_at_two_replicas_lose_and_double_nothing_when_one_is_killed(
    start, crowd: acc_sandbox.Sandbox, postgres_url: str, tmp_path
) -> None:
    box, proxy = crowd, RoundRobin()
    box.register_callback(f"{proxy.url}{CALLBACK_PATH}")
    client_id, secret = box.confidential_client
    (tmp_path / "settings.toml").write_text(
        "[team]\nregister_per_hour = 1000\ntoken_per_minute = 1000\nauthorize_per_minute = 1000\n"
    )
    environment = {
        "APS_CLIENT_ID": client_id,
        "APS_CLIENT_SECRET": secret,
        "APS_BASE_URL": box.base_url,
        "SUBMITTAL_MCP_DATABASE_URL": postgres_url,
        "SUBMITTAL_MCP_ENCRYPTION_KEYS": EncryptionKey.new().text,
        "SUBMITTAL_MCP_PUBLIC_URL": proxy.url,
        "SUBMITTAL_MCP_SETTINGS_FILE": str(tmp_path / "settings.toml"),
    }
    programs = [
        start(
            "-m", "server", "serve", "--team", "--port", "0", SUBMITTAL_MCP_DATA_DIR=str(tmp_path / name), **environment
        )
        for name in ("one", "two")
    ]
    for program in programs:
        line = program.stderr_line("It listens on")
        proxy.replicas.append(int(line.rsplit(" ", 1)[1]))
        threading.Thread(target=program.process.stderr.read, daemon=True).start()
    signed_in, done = [0], []

    async def work(person: str, number: int) -> None:
        client = ModernClient(proxy.url, await sign_in(proxy.url, box.base_url, person))
        signed_in[0] += 1
        who = await client.call("sign_in")
        assert who["person"]["id"] == box.person(person).autodesk_id
        rows = (await client.call("find_submittals", project="Riverside", attachable=True, limit=5))["submittals"]
        row = rows[number % len(rows)]
        name = f"drawing-of-{person}.pdf"
        where = {"project": "Riverside", "submittal": row["id"]}
        reserved = await client.call("add_submittal_attachment", **where, upload_by_caller=True, name=name)
        under_way = json.dumps(await client.call("get_attachment_status"))
        assert set(re.findall(r"drawing-of-p\d+", under_way)) <= {f"drawing-of-{person}"}
        async with httpx.AsyncClient(verify=NO_TRUST) as storage:
            upload = reserved["upload"]
            sent = await storage.put(upload["url"], content=b"%PDF-1.7", headers=upload["headers"])
            assert sent.status_code == 200
        await client.refresh()
        await client.call("confirm_attachment", **where, attachment_id=reserved["attachment"]["id"])
        await client.refresh()
        again = await client.call("get_attachment_status", **where, attachment_id=reserved["attachment"]["id"])
        assert again["attachment"]["name"] == name
        done.append((person, row["id"], name))
        again = await client.call("sign_in")
        assert again["person"]["id"] == who["person"]["id"]

    async def kill() -> None:
        while signed_in[0] < 8:  # noqa: ASYNC110
            await anyio.sleep(0.01)
        programs[0].process.kill()

    with proxy.running(), anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            group.start_soon(kill)
            for number, person in enumerate(PEOPLE):
                group.start_soon(work, person, number)
    assert sorted(person for person, _, _ in done) == sorted(PEOPLE)
    by_item = {item.id: box.attachments(item) for item in box.items()}
    for person, item_id, name in done:
        [row] = [row for row in by_item[item_id] if row["name"] == name]
        assert row["createdBy"] == box.person(person).autodesk_id
        assert row["isFileUploaded"]


async def test_limits_hold_over_all_replicas(box: acc_sandbox.Sandbox, postgres_url: str, tmp_path: Path) -> None:
    """Also where their clocks differ by more than the time that is counted."""
    proxy = RoundRobin()
    options = TeamOptions(register_per_hour=4, calls_per_minute=5)
    shared = {"url": proxy.url, "database_url": postgres_url, "options": options}
    with (
        running_team(box, tmp_path / "one", apart=3700, **shared) as one,
        running_team(box, tmp_path / "two", apart=-3700, **shared) as two,
        proxy.running(),
        anyio.fail_after(PATIENCE),
    ):
        proxy.replicas += [urlsplit(site.url).port or 0 for site in (one, two)]
        clients = [ModernClient(proxy.url, await sign_in(proxy.url, box.base_url, who)) for who in ("manager", "admin")]
        calls, registrations = [], []
        for _ in range(4):  # a connection each, so the replicas take turns
            async with httpx.AsyncClient(verify=NO_TRUST) as http:
                registrations.append(await http.post(f"{proxy.url}/register", json={"redirect_uris": [REDIRECT]}))

        async def call() -> None:
            async with httpx.AsyncClient(verify=NO_TRUST) as http:
                calls.append((await clients[0].post(http, "sign_in", {})).status_code)

        async with anyio.create_task_group() as together:  # so that no minute goes by
            for _ in range(7):
                together.start_soon(call)
        assert [answer.status_code for answer in registrations] == [201, 201, 429, 429]  # two were the clients' own
        assert all(int(answer.headers["retry-after"]) > 600 for answer in registrations[2:])
        assert sorted(calls) == [200] * 5 + [429] * 2
        assert await clients[1].status("sign_in", {}) == 200


@pytest.mark.parametrize(("one_apart", "two_apart", "autodesk_apart"), [(660, -660, 1200), (-660, 660, -1200)])
async def test_replicas_whose_clocks_differ_continue_what_another_one_began(
    box: acc_sandbox.Sandbox, postgres_url: str, tmp_path: Path, one_apart: int, two_apart: int, autodesk_apart: int
) -> None:
    """They take every step by turns; 660 seconds are longer than a code, a consent page and the grace of a refresh."""
    proxy = RoundRobin()
    box.clock.move(autodesk_apart)
    shared = {"url": proxy.url, "database_url": postgres_url, "confirm": "ask"}
    with (
        running_team(box, tmp_path / "one", apart=one_apart, **shared) as one,
        running_team(box, tmp_path / "two", apart=two_apart, **shared) as two,
        proxy.running(),
        anyio.fail_after(PATIENCE),
    ):
        proxy.replicas += [urlsplit(site.url).port or 0 for site in (one, two)]
        client = ModernClient(proxy.url, await sign_in(proxy.url, box.base_url, "manager"))
        first = await client.call("find_submittals", project="Riverside", attachable=True, limit=1)
        second = await client.call(
            "find_submittals", project="Riverside", attachable=True, limit=1, cursor=first["next_cursor"]
        )
        assert second["submittals"] != first["submittals"]

        urn = (await client.call("find_project_files", project="Riverside", query="beam"))["files"][0]["version_urn"]
        arguments = {"project": "Riverside", "submittal": first["submittals"][0]["id"], "file_urn": urn}
        asked = await client.result("add_submittal_attachment", arguments)
        assert asked["resultType"] == "input_required"
        agreed = {"inputResponses": {"make_visible": {"action": "accept", "content": {}}}}
        done = await client.result("add_submittal_attachment", arguments, requestState=asked["requestState"], **agreed)
        assert done["structuredContent"]["attachment"]["state"] in ("processing", "ready"), done

        other = ModernClient(proxy.url, await sign_in(proxy.url, box.base_url, "admin"))
        stolen = await other.status("add_submittal_attachment", arguments, requestState=asked["requestState"], **agreed)
        assert stolen == 400  # sealed for another person

        issued = client.tokens
        for _ in range(3):  # their answers are lost, but for the last one's
            client.tokens = issued
            await client.refresh()
        for clock in (one, two):
            clock.later(3700)
        box.clock.move(3700)  # Autodesk's tokens are over
        for _ in range(2):
            await client.call("find_projects")

        await repeated(
            lambda http: http.post(
                f"{proxy.url}/revoke",
                data={"client_id": client.tokens["client_id"], "token": client.tokens["refresh_token"]},
            )
        )
        assert [await client.status("sign_in", {}) for _ in range(2)] == [401, 401]
