"""Starting a sandbox: two sockets, one thread, and an orderly end."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sandbox.app import Api
from sandbox.box import Box
from sandbox.clock import Clock
from sandbox.connection import Listener
from sandbox.faults import Faults
from sandbox.limits import RateLimits
from sandbox.requests import RequestLog
from sandbox.seed import seed
from sandbox.storage import Storage, operation_name
from sandbox.store import Store
from sandbox.switches import Switches
from sandbox.watch import Watched
from sandbox.world import CALLBACK_URL, Delays, World

_STOP_SECONDS = 10.0


@contextmanager
def running(
    port: int = 0,
    storage_port: int = 0,
    data: Path | None = None,
    *,
    host: str = "127.0.0.1",
    auto_approve: bool = False,
    urn_delay: float = 0.2,
    folder_delay: float = 1.0,
    clock: Clock | None = None,
    rate_limits: bool = False,
    callback_url: str = CALLBACK_URL,
    switches: Switches | None = None,
) -> Iterator[Box]:
    """Run a sandbox while the block lasts.

    Port 0 takes a free one. `data` is a folder that keeps everything for the next time; without it all is gone at the
    end. `urn_delay` and `folder_delay` are seconds of the sandbox's `clock`. Raises `OSError` when a port is taken.
    """
    with ExitStack() as stack:
        api_socket = stack.enter_context(_listening(host, port))
        storage_socket = stack.enter_context(_listening(host, storage_port))
        folder = data or Path(stack.enter_context(_temporary_folder()))
        blobs = folder / "blobs"
        blobs.mkdir(parents=True, exist_ok=True)
        store = Store(data / "sandbox.sqlite3" if data else None)
        stack.callback(store.close)
        world = World(
            store=store,
            blobs=blobs,
            clock=clock or Clock(),
            switches=switches or Switches(),
            delays=Delays(urn=urn_delay, folder=folder_delay, job=urn_delay),
        )
        world.origin, world.storage_origin = _origin(host, api_socket), _origin(host, storage_socket)
        world.callback_urls.add(callback_url)
        world.auto_approve = auto_approve
        seed(world)
        faults, requests = Faults(), RequestLog()
        api = Api(world, RateLimits(enabled=rate_limits))
        doors = [
            (Watched(api, api.operation_name, log=requests, faults=faults, clock=world.clock), api_socket),
            (Watched(Storage(world), operation_name, log=requests, faults=faults, clock=world.clock), storage_socket),
        ]
        thread = _ServingThread(doors)
        thread.start()
        try:
            thread.wait_until_serving()
            yield Box(world, faults=faults, requests=requests, callback_url=callback_url)
        finally:
            faults.close()
            thread.stop()


class _ServingThread(threading.Thread):
    """An event loop of its own that serves both ports."""

    def __init__(self, doors: list[tuple[Watched, socket.socket]]) -> None:
        super().__init__(name="submittal-sandbox", daemon=True)
        self._doors = doors
        self._serving = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None

    def run(self) -> None:
        asyncio.run(self._serve())

    def wait_until_serving(self) -> None:
        """Return once both ports accept connections."""
        self._serving.wait()

    def stop(self) -> None:
        """Cut what is open and wait for the thread's end."""
        if self._loop is not None and self._ended is not None:
            self._loop.call_soon_threadsafe(self._ended.set)
        self.join(_STOP_SECONDS)

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        listeners = [(Listener(app), listening) for app, listening in self._doors]
        try:
            for listener, listening in listeners:
                await listener.start(listening)
            self._serving.set()
            await self._ended.wait()
        finally:
            self._serving.set()
            for listener, _ in listeners:
                await listener.stop()


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=128) as listening:
        listening.setblocking(False)  # noqa: FBT003  # the socket's own signature
        yield listening


@contextmanager
def _temporary_folder() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="submittal-sandbox-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _origin(host: str, listening: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listening.getsockname()[1]}"
