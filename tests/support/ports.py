"""Ports that are known before a program listens there, and that no other program takes meanwhile."""

import errno
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress


@contextmanager
def reserved_ports(count: int = 1) -> Iterator[int]:
    """Yield the first of so many ports in a row on 127.0.0.1 and ::1, where nothing else listens until the block ends.

    On Linux a port that is bound, and not listened at, is given to no program that asks for any one; a program that
    asks for this one can listen there. Elsewhere nothing keeps it.
    """
    with ExitStack() as kept:
        while True:
            with suppress(OSError), ExitStack() as bound:
                first = _bound(bound, 0)
                for port in range(first + 1, first + count):
                    _bound(bound, port)
                for port in range(first, first + count):
                    _bound_on_ipv6(bound, port)
                kept.push(bound.pop_all())
                break
        if sys.platform != "linux":
            kept.close()
        yield first


def end_accepting(listener: socket.socket, accepting: threading.Thread) -> None:
    """Close a listener, and wait for the end of the thread that accepts connections there.

    On Linux a close alone ends no wait for a connection: the thread would wait on, its port would stay taken, and what
    it does with a connection of a later test would be that test's failure.
    """
    with suppress(OSError):  # elsewhere it is the close that ends the wait
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    accepting.join()


def _bound(stack: ExitStack, port: int, family: socket.AddressFamily = socket.AF_INET) -> int:
    found = stack.enter_context(socket.socket(family))
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    found.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
    return int(found.getsockname()[1])


def _bound_on_ipv6(stack: ExitStack, port: int) -> None:
    try:
        _bound(stack, port, socket.AF_INET6)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise  # else there is no ::1
