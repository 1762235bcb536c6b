"""The sandbox as a command: says what a client needs, then serves until it is told to stop."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.box import Box
from sandbox.serving import running

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8788
DEFAULT_STORAGE_PORT = 8789
URN_DELAY = 2.0
"""Seconds from a confirmation to the version URN; long enough for a person to see it happen."""


def run(
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    storage_port: int = DEFAULT_STORAGE_PORT,
    data: Path | None = None,
    *,
    as_json: bool = False,
    auto_approve: bool = False,
) -> int:
    """Serve until SIGINT or SIGTERM; the exit code.

    Prints one setting a line, ready to paste into a shell, then the people and the page's address; with `as_json` the
    same as one line of JSON. A port that is taken is said on stderr, with exit code 1.
    """
    with _stop_signal() as stop:
        try:
            with running(
                port,
                storage_port,
                data,
                host=host,
                auto_approve=auto_approve,
                urn_delay=URN_DELAY,
                rate_limits=True,
            ) as box:
                sys.stdout.write(_as_json(box) if as_json else _as_lines(box))
                sys.stdout.flush()
                stop.wait()
        except OSError as error:
            sys.stderr.write(f"The sandbox cannot listen on {host}: {error.strerror or error}\n")
            return 1
    return 0


def _as_lines(box: Box) -> str:
    lines = [
        f"APS_BASE_URL={box.base_url}",
        f"APS_CLIENT_ID={box.client_id}",
        f"APS_CALLBACK_URL={box.callback_url}",
        *(f"# {one.name} <{one.email}>: {one.role}" for one in box.people),
        f"# Look at it: {box.base_url}/",
    ]
    return "\n".join(lines) + "\n"


def _as_json(box: Box) -> str:
    people = [
        {"key": one.key, "name": one.name, "email": one.email, "autodesk_id": one.autodesk_id, "role": one.role}
        for one in box.people
    ]
    settings = {
        "APS_BASE_URL": box.base_url,
        "APS_CLIENT_ID": box.client_id,
        "APS_CALLBACK_URL": box.callback_url,
        "people": people,
        "page": f"{box.base_url}/",
        "storage": box.storage_url,
    }
    return json.dumps(settings) + "\n"


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; the handlers that were there come back afterwards."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
