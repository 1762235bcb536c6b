"""A net between us and PostgreSQL that swallows everything, and what PostgreSQL tells those who wait."""

import os
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
import sqlalchemy

from acc_sandbox import Fault, Stall
from tests.support.ports import end_accepting
from transfers.concurrency import background_task

PUT, CREATE = "storage.put", "attachments.create"


class Net:
    """Carries connections to a PostgreSQL on a socket of this machine, until it falls silent."""

    def __init__(self, url: str) -> None:
        self._there = sqlalchemy.make_url(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._carried: list[threading.Event] = []
        self._sockets: list[socket.socket] = []
        self.url = self._there.set(host="127.0.0.1", port=self._listener.getsockname()[1], query={}).render_as_string(
            hide_password=False
        )
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def fall_silent(self) -> int:
        """Let nothing through any more on the connections that there are; returns how many those are."""
        silent, self._carried = self._carried, []
        for carries in silent:
            carries.clear()
        return len(silent)

    def close(self) -> None:
        end_accepting(self._listener, self._accepting)
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                ours, _ = self._listener.accept()
                self._sockets.append(ours)
                theirs = self._connect()
                carries = threading.Event()
                carries.set()
                self._carried.append(carries)
                threading.Thread(target=self._carry, args=(ours, theirs, carries), daemon=True).start()

    def _connect(self) -> socket.socket:
        host = str(self._there.query.get("host") or self._there.host)
        port = self._there.query.get("port") or self._there.port or 5432
        if host.startswith("/"):
            there = socket.socket(socket.AF_UNIX)
            self._sockets.append(there)
            there.connect(os.path.join(host, f".s.PGSQL.{port}"))  # noqa: PTH118  # a socket's name
            return there
        self._sockets.append(socket.create_connection((host, int(str(port)))))
        return self._sockets[-1]

    def _carry(self, ours: socket.socket, theirs: socket.socket, carries: threading.Event) -> None:
        with suppress(OSError, ValueError), selectors.DefaultSelector() as ready:
            ready.register(ours, selectors.EVENT_READ, theirs)
            ready.register(theirs, selectors.EVENT_READ, ours)
            while True:
                for key, _ in ready.select():
                    content = key.fileobj.recv(65536)  # type: ignore[union-attr]  # a socket
                    if not content:
                        ours.close()
                        theirs.close()
                        return
                    if carries.is_set():
                        key.data.sendall(content)


@pytest.fixture
def net(postgres_url: str) -> Iterator[Net]:
    net = Net(postgres_url)
    yield net
    net.close()


@pytest.mark.parametrize("held", [CREATE, PUT])
async def test_a_job_whose_connections_fall_silent_goes_on_over_new_ones(
    working: Any, folder: Path, net: Net, held: str
) -> None:
    async with working(database_url=net.url, answer_seconds=2) as site:
        stalled = site.box.faults.add(Fault(held, Stall()))

        async def cut() -> None:
            await anyio.to_thread.run_sync(stalled.reached.wait)
            assert net.fall_silent()
            site.box.faults.release()

        async with background_task(cut):
            outcome = await site.attach(confirm=True)
        [row] = site.rows()
        assert site.box.object_bytes(row["uploadUrn"]) == b"beam"
    assert (outcome.job.uploaded, outcome.existed) == (True, False)


async def test_postgresql_notifies_calls_that_wait_for_another_process_and_workers_of_the_queue(
    working: Any, folder: Path, postgres_url: str
) -> None:
    (folder / "joist.pdf").write_bytes(b"joist")
    async with working(database_url=postgres_url) as site, working(database_url=postgres_url) as other:
        stalled = site.box.faults.add(Fault(PUT, Stall()))
        job = (await site.attach(seconds=0)).job
        await anyio.to_thread.run_sync(stalled.reached.wait)
        await other.transfers.repository.open()
        signals = other.transfers.repository.signals
        while not signals.heard:
            await anyio.lowlevel.checkpoint()
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(partial(signals.wait, job.id, 3600))
            waiting.start_soon(partial(signals.wait, "queue", 3600))
            await anyio.wait_all_tasks_blocked()
            site.box.faults.release()
            await site.transfers.enqueue(site.where, "joist.pdf", None, confirm=False)
