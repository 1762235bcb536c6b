"""Starting a sandbox: two sockets, one thread, and an orderly end."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from acc_sandbox.admin.access import ControlAccess
from acc_sandbox.faults.middleware import FaultInjectionMiddleware
from acc_sandbox.http.app import ApiApplication
from acc_sandbox.http.connection import AcceptErrorLog, PausingListener, PortListener
from acc_sandbox.http.rate_limits import RateLimits
from acc_sandbox.object_storage.storage_app import StorageApplication, operation_name
from acc_sandbox.sandbox import Sandbox
from acc_sandbox.seed.bulk import request_bulk_items
from acc_sandbox.seed.default import DEFAULT
from acc_sandbox.seed.model import SeedData
from acc_sandbox.seed.projects import write_seed
from acc_sandbox.state.clock import Clock
from acc_sandbox.state.sandbox_state import CALLBACK_URL, SandboxState
from acc_sandbox.state.store import open_data_folder
from acc_sandbox.state.switches import Switches

_STOP_SECONDS = 60.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # recognised, not bound to by itself


@contextmanager
def running(
    port: int = 0,
    storage_port: int = 0,
    data: Path | None = None,
    *,
    host: str = "127.0.0.1",
    auto_approve: bool = False,
    urn_delay: float | None = None,
    folder_delay: float | None = None,
    clock: Clock | None = None,
    rate_limits: bool = False,
    callback_url: str = CALLBACK_URL,
    switches: Switches | None = None,
    seed: SeedData | None = None,
    items: int = 0,
    control_token: str | None = None,
    certificate: Path | None = None,
    private_key: Path | None = None,
) -> Iterator[Sandbox]:
    """Run a sandbox while the block lasts.

    Port 0 takes a free one. `data` is a folder that keeps the state for the next time, and how far the clock was moved;
    without it all is gone at the end. `urn_delay` and `folder_delay` are seconds of the sandbox's `clock`, and set the
    switches of these names. `seed` is what an empty sandbox starts with, `items` how many further submittals it makes.
    With a `certificate` (PEM files) both ports speak TLS. `control_token` opens the controls beyond loopback, and
    closes them to others on it.

    Raises `OSError` when a port is taken or a certificate cannot be read, `DataFolderError` when `data` cannot be used,
    `LookupError` for a seed with a reference that leads nowhere.
    """
    with ExitStack() as stack:
        tls = _tls(certificate, private_key)
        api_socket = stack.enter_context(_listening(host, port))
        storage_socket = stack.enter_context(_listening(host, storage_port))
        store, blobs = stack.enter_context(open_data_folder(data))
        sandbox = SandboxState(
            store=store,
            blobs=blobs,
            clock=clock or Clock(),
            switches=switches or Switches(),
            controls=ControlAccess(host, control_token),
        )
        _set_delays(sandbox.switches, urn_delay, folder_delay)
        sandbox.everywhere = host in _EVERYWHERE
        sandbox.origin = _origin(host, api_socket, secure=tls is not None)
        sandbox.storage_origin = _origin(host, storage_socket, secure=tls is not None)
        sandbox.callback_urls.add(callback_url)
        sandbox.auto_approve = auto_approve
        stack.enter_context(sandbox.persist_clock())

        def fill() -> None:
            write_seed(sandbox, seed or DEFAULT)
            request_bulk_items(sandbox, items)

        sandbox.begin(fill)
        thread = _ServingThread(_doors(sandbox, rate_limits=rate_limits), [api_socket, storage_socket], tls)
        thread.start()
        try:
            thread.wait_until_serving()
            yield Sandbox(sandbox, callback_url=callback_url)
        finally:
            sandbox.faults.close()
            thread.stop()


def _doors(sandbox: SandboxState, *, rate_limits: bool) -> list[FaultInjectionMiddleware]:
    api = ApiApplication(sandbox, RateLimits(enabled=rate_limits))
    log, faults, clock = sandbox.requests, sandbox.faults, sandbox.clock
    return [
        FaultInjectionMiddleware(api, api.operation_name, log=log, faults=faults, clock=clock, keep_bodies=True),
        FaultInjectionMiddleware(
            StorageApplication(sandbox), operation_name, log=log, faults=faults, clock=clock, keep_bodies=False
        ),
    ]


class _ServingThread(threading.Thread):
    """An event loop of its own that serves both ports."""

    def __init__(
        self, doors: list[FaultInjectionMiddleware], sockets: list[socket.socket], tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(name="submittal-sandbox", daemon=True)
        self._doors = doors
        self._sockets = sockets
        self._tls = tls
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
        self._loop.set_exception_handler(AcceptErrorLog())
        listeners = [PortListener(app, self._tls) for app in self._doors]
        try:
            for listener, listening in zip(listeners, self._sockets, strict=True):
                await listener.start(listening)
            self._serving.set()
            await self._ended.wait()
        finally:
            self._serving.set()
            for listener in listeners:
                await listener.stop()


def _set_delays(switches: Switches, urn_delay: float | None, folder_delay: float | None) -> None:
    if urn_delay is not None:
        switches.urn_delay = urn_delay
    if folder_delay is not None:
        switches.folder_delay = folder_delay


def _tls(certificate: Path | None, private_key: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private_key)
    return context


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.create_server((host, port), family=family, backlog=128)
    with PausingListener(opened.family, opened.type, opened.proto, opened.detach()) as listening:
        listening.setblocking(False)  # noqa: FBT003  # the socket's own signature
        yield listening


def _origin(host: str, listening: socket.socket, *, secure: bool) -> str:
    reached = _EVERYWHERE.get(host, host)
    shown = f"[{reached}]" if ":" in reached else reached
    return f"{'https' if secure else 'http'}://{shown}:{listening.getsockname()[1]}"
