"""What tests of transfers share: a watch over opened files, folders with files in them, and a person at the sandbox."""

import json
import os
import shutil
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

import acc_sandbox
from acc.client import AccClient
from acc.hosts import AutodeskHosts
from acc.models.submittals import Attachment
from acc.retry import RetryPolicy
from acc.transport import api_client, storage_client
from persistence.data_folder import StateLocation
from tests.conftest import NO_TRUST
from transfers.files.allowed_folders import AllowedFolders
from transfers.files.local_file import FilePolicy
from transfers.idempotency import AttachTarget
from transfers.jobs.base import Job
from transfers.jobs.caller_upload import CallerUpload, CallerUploadJob
from transfers.jobs.context import JobContext
from transfers.jobs.local_file import LocalFileJob
from transfers.jobs.repository import JobRepository
from transfers.jobs.runner import WaitOptions
from transfers.manager import AttachResult, TransferManager

Watcher = Callable[[str, int], object]
"""Told of each opening before it happens: the path as it was given, and the flags."""

WatchingOpens = Callable[[Watcher], AbstractContextManager[None]]

_watchers: dict[int, Watcher] = {}
"""By thread: what the test runner opens beside a test is its own affair."""


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    # A hook stays for the life of the process, so this one does nothing unless a test listens.
    if event == "open" and _watchers and (watcher := _watchers.get(threading.get_ident())) is not None:
        path, _, flags = arguments
        watcher(os.fsdecode(path) if isinstance(path, bytes) else str(path), flags)


sys.addaudithook(_hook)


@contextmanager
def _watching_opens(watcher: Watcher) -> Iterator[None]:
    _watchers[threading.get_ident()] = watcher
    try:
        yield
    finally:
        del _watchers[threading.get_ident()]


@pytest.fixture(scope="session")
def watching_opens() -> WatchingOpens:
    """`with watching_opens(watcher):` tells `watcher` of everything that this thread opens while the block lasts."""
    return _watching_opens


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An allowed folder with `beam.pdf` in it, and files beside it that are off limits."""
    allowed = tmp_path / "allowed"
    for place in (allowed, allowed / "sub", tmp_path / "allowed_evil", tmp_path / "outside"):
        place.mkdir()
    (allowed / "beam.pdf").write_bytes(b"beam")
    (allowed / "sub" / "joist.pdf").write_bytes(b"joist")
    for secret in (tmp_path / "secret.pdf", tmp_path / "allowed_evil/beam.pdf", tmp_path / "outside/beam.pdf"):
        secret.write_bytes(b"secret")
    return allowed


class Person:
    """Where a person's token comes from: the sandbox, for as long as a test lets time pass."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def access_token(self) -> str:
        return self._token

    async def renewed(self, rejected: str) -> str | None:
        return None


class Edge(httpx.AsyncBaseTransport):
    """The network's edge: passes requests on, unless a test has something else to say in ACC's place."""

    def __init__(self) -> None:
        self._network = httpx.AsyncHTTPTransport(verify=NO_TRUST)
        self.hidden: set[str] = set()
        """Ids of attachments that ACC lists no more, as after a deletion in its web pages."""
        self.completed: list[str] = []
        """Upload keys that a completion was asked for with."""
        self.before_create: list[Callable[[], Awaitable[None]]] = []
        """Each awaited before one POST that creates goes on, the first before the first."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith("/signeds3upload"):
            self.completed.append(json.loads(request.content)["uploadKey"])
        if request.method == "POST" and request.url.path.endswith("/attachments") and self.before_create:
            await self.before_create.pop(0)()
        response = await self._network.handle_async_request(request)
        if not self.hidden or request.method != "GET" or not request.url.path.endswith("/attachments"):
            return response
        page = json.loads(await response.aread())
        page["results"] = [row for row in page["results"] if row["id"] not in self.hidden]
        return httpx.Response(response.status_code, json=page)

    async def aclose(self) -> None:
        await self._network.aclose()


@dataclass
class Site:
    """One process of one person at the sandbox: their transfers, and where they attach."""

    box: acc_sandbox.Sandbox
    acc: AccClient
    edge: Edge
    transfers: TransferManager
    where: AttachTarget
    item: acc_sandbox.Item
    token: str
    ticks: list[tuple[str, int]] = field(default_factory=list)

    def patience(self, seconds: float = 60) -> WaitOptions:
        return WaitOptions(seconds, self._tick)

    async def attach(
        self, path: str = "beam.pdf", *, name: str | None = None, key: str | None = None, confirm: bool = False,
        seconds: float = 60, where: AttachTarget | None = None,
    ) -> AttachResult:  # fmt: skip
        patience = self.patience(seconds)
        return await self.transfers.attach_file(where or self.where, path, name, key, patience, confirm=confirm)

    async def confirm(self, attachment_id: str, *, person_id: str | None = None) -> Attachment:
        where = self.where
        person = person_id or where.person_id
        return await self.transfers.confirm(where.project_id, where.item_id, attachment_id, person, self.patience())

    async def reserve_for_caller(
        self, name: str = "beam.pdf", key: str | None = None
    ) -> tuple[CallerUploadJob, CallerUpload]:
        """A reservation for bytes that the caller sends, and where to."""
        job = await self.caller_job(name, key)
        upload = await self.transfers.sign(job, NOW)
        assert upload is not None
        return job, upload

    async def caller_job(self, name: str = "beam.pdf", key: str | None = None) -> CallerUploadJob:
        outcome = await self.transfers.reserve_for_caller(self.where, name, key, self.patience())
        assert isinstance(outcome.job, CallerUploadJob)
        return outcome.job

    async def link(self, version_urn: str, name: str = "linked.pdf", key: str | None = None) -> AttachResult:
        return await self.transfers.link_version(self.where, version_urn, name, key, self.patience())

    def rows(self) -> list[Mapping[str, Any]]:
        """What ACC has, by now, of attachments that were not there at the start."""
        return [row for row in self.box.attachments(self.item) if row["id"] not in self._seeded]

    def __post_init__(self) -> None:
        self._seeded = {row["id"] for row in self.box.attachments(self.item)}

    async def _tick(self, job: Job) -> None:
        done = job.progress.value if isinstance(job, LocalFileJob) else 0
        self.ticks.append((job.state, done))


KEYS = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
NOW = datetime(2026, 3, 4, tzinfo=UTC)
Working = Callable[..., AbstractAsyncContextManager[Site]]


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that was used before: it has every table, which take longer to make than many a job."""
    folder = tmp_path_factory.mktemp("used") / "data"

    async def use() -> None:
        repository = JobRepository(StateLocation(folder, keys=KEYS))
        await repository.open()
        await repository.close()

    anyio.run(use)
    return folder


@pytest.fixture
def working(box: acc_sandbox.Sandbox, folder: Path, data_folder: Path, tmp_path: Path) -> Working:
    """`working(person="manager", number="05 12 00-3", parallel=4)`: a process of that person, at that submittal.

    With `takes_up` it goes on with what dead processes left; `stall_seconds` replaces the usual time-outs, and
    `database_url` the database in the data folder. Further arguments are `JobContext`'s own: its pauses, its clock.
    """

    data = tmp_path / "data"

    @asynccontextmanager
    async def started(
        person: str = "manager",
        number: str = "05 12 00-3",
        *,
        parallel: int = 4,
        category: str = "for_review",
        takes_up: bool = False,
        files_at_once: int = 0,
        stall_seconds: float | None = None,
        database_url: str | None = None,
        answer_seconds: float | None = None,
        **seams: Any,
    ) -> AsyncIterator[Site]:
        hosts, item = AutodeskHosts.at(box.base_url), box.item(number)
        if not data.exists():
            shutil.copytree(data_folder, data)
        edge = Edge()
        client = api_client(hosts, transport=edge)

        def new_storage_client() -> httpx.Client:
            storage = storage_client(hosts)
            storage.timeout = storage.timeout if stall_seconds is None else httpx.Timeout(stall_seconds)
            return storage

        client.timeout = client.timeout if stall_seconds is None else httpx.Timeout(stall_seconds)
        access_token = box.token(person, expires_in=10**6)
        patient = RetryPolicy(attempts=3, base=0, cap=0)
        acc = AccClient(hosts, Person(access_token), client=client, policy=patient)
        repository = JobRepository(StateLocation(data, database_url, KEYS), answer_seconds=answer_seconds)
        rules = FilePolicy(frozenset(), 10**12)
        seams = {"sleep": no_pause} | seams
        context = JobContext(acc, parallel, new_storage_client, repository, AllowedFolders([folder]), rules, **seams)
        transfers = TransferManager(context)
        where = AttachTarget(
            base_url=box.base_url,
            person_id=box.person(person).autodesk_id,
            project_id=item.project_id,
            item_id=item.id,
            revision=0,
            category=category,
            category_id=None,
            task_id=None,
        )
        async with client:
            with anyio.fail_after(240):
                async with transfers.running((lambda _: True) if takes_up else None, files_at_once=files_at_once):
                    yield Site(box, acc, edge, transfers, where, item, access_token)

    return started


async def no_pause(seconds: float) -> None:
    await anyio.lowlevel.checkpoint()
