"""HTTP clients whose in-flight request can be aborted from another thread, by shutting down its sockets.

A thread that waits for a storage that stalls hears of nothing until its time-out. So to cancel an upload is to hang
up in its place: shutting a socket down wakes the thread that waits on it, which closing it does not.
"""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


class AbortableClient:
    """HTTP client for one part at a time, so that its sockets are those of that part."""

    def __init__(self, client: "httpx.Client") -> None:
        self.client = client
        self.is_aborted = False
        self._turn = threading.Lock()
        self._sockets: list[socket.socket] = []

    def watch(self, event: str, info: Mapping[str, Any]) -> None:
        """Learn of each connection that is made; httpx's `trace` extension calls this in the thread that makes it."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            made = info["return_value"].get_extra_info("socket")
            with self._turn:
                self._sockets = [one for one in self._sockets if one.fileno() >= 0]
                self._sockets.append(made)
                if self.is_aborted:
                    _hang_up(made)

    def abort(self) -> None:
        """Let whatever waits on the line fail now, from any thread. The line is of no use after that."""
        with self._turn:
            self.is_aborted = True
            for one in self._sockets:
                _hang_up(one)


class AbortableClientPool:
    """Pool of abortable clients; a returned one keeps its connection for the next part. For one event loop."""

    def __init__(self, make_client: "Callable[[], httpx.Client]") -> None:
        self._make_client = make_client
        self._free: list[AbortableClient] = []

    @contextmanager
    def borrow(self) -> Iterator[AbortableClient]:
        """Borrow a client for the block, exclusively.

        Raises:
            ProxyFailure: The proxy settings of this machine cannot be used.
        """
        line = self._free.pop() if self._free else AbortableClient(self._make_client())
        try:
            yield line
        finally:
            if line.is_aborted:
                line.client.close()
            else:
                self._free.append(line)

    def close(self) -> None:
        """Close the lines; only after every thread that uses one has ended."""
        while self._free:
            self._free.pop().client.close()


def _hang_up(one: socket.socket) -> None:
    with suppress(OSError):  # hung up or closed already
        # Not the socket's own method: that of a TLS socket also drops what another thread may be writing with.
        socket.socket.shutdown(one, socket.SHUT_RDWR)
