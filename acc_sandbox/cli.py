"""The sandbox as a command: says what a client needs, then serves until it is told to stop."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from acc_sandbox.admin.access import is_loopback
from acc_sandbox.faults.effects import Fault
from acc_sandbox.faults.plan import read_fault_plan, set_switches
from acc_sandbox.http.app import OPERATION_NAMES
from acc_sandbox.sandbox import Sandbox
from acc_sandbox.seed.loader import DocumentError
from acc_sandbox.seed.seed_file import read_seed
from acc_sandbox.server import running
from acc_sandbox.state.data_folder import DataFolderError
from acc_sandbox.state.switches import Switches, describe

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8788
DEFAULT_STORAGE_PORT = 8789
URN_DELAY = 2.0
"""Seconds from a confirmation to the version URN; long enough for a person to see it happen."""


@dataclass(frozen=True)
class CommandOptions:
    """What the command may be told beyond where to listen; `docs/sandbox.md` says what each is for."""

    seed: Path | None = None
    items: int = 0
    faults: Path | None = None
    switches: tuple[str, ...] = ()
    """Words such as `b_prefix=accept`."""
    control_token: str | None = None
    certificate: Path | None = None
    private_key: Path | None = None


def run(
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    storage_port: int = DEFAULT_STORAGE_PORT,
    data: Path | None = None,
    *,
    as_json: bool = False,
    auto_approve: bool = False,
    options: CommandOptions | None = None,
) -> int:
    """Serve until SIGINT or SIGTERM; the exit code.

    Prints one setting a line, ready to paste into a shell, then the people and the page's address; with `as_json` the
    same as one line of JSON. A port that is taken is said on stderr, with exit code 1; an option that is wrong, 2.
    """
    options = options or CommandOptions()
    with _stop_signal() as stop:
        try:
            switches, faults = _prepared(options)
            plan = read_seed(options.seed) if options.seed else None
            with running(
                port,
                storage_port,
                data,
                host=host,
                auto_approve=auto_approve,
                rate_limits=True,
                switches=switches,
                plan=plan,
                items=options.items,
                control_token=options.control_token,
                certificate=options.certificate,
                private_key=options.private_key,
            ) as box:
                for fault in faults:
                    box.faults.add(fault)
                if not is_loopback(host):
                    sys.stderr.write(_warning(host, controls_open=options.control_token is not None))
                sys.stdout.write(_as_json(box) if as_json else as_lines(box))
                sys.stdout.flush()
                stop.wait()
        except (DataFolderError, DocumentError, LookupError) as error:
            sys.stderr.write(f"submittal-mcp sandbox: {error.args[0]}\n")
            return 2
        except OSError as error:
            sys.stderr.write(f"The sandbox cannot listen on {host}: {error.strerror or error}\n")
            return 1
    return 0


def list_switches() -> int:
    """Print every switch: name, default, choices, the fact sheet's section, and what it asks; the exit code."""
    for one in describe(Switches(urn_delay=URN_DELAY)):
        default = str(one.value).lower() if isinstance(one.value, bool) else str(one.value)
        choices = " | ".join(one.choices) or "a number"
        sys.stdout.write(f"{one.name}={default}    ({choices})\n    {one.meaning} [fact sheet {one.section}]\n")
    return 0


def _prepared(options: CommandOptions) -> tuple[Switches, list[Fault]]:
    switches = Switches(urn_delay=URN_DELAY)
    faults: list[Fault] = []
    if options.faults is not None:
        faults, values = read_fault_plan(options.faults, OPERATION_NAMES)
        set_switches(switches, values)
    for words in options.switches:
        name, equals, value = words.partition("=")
        if not equals:
            raise DocumentError(f"a switch is set as NAME=VALUE, not {words}")
        set_switches(switches, {name: value})
    return switches, faults


def _warning(host: str, *, controls_open: bool) -> str:
    controls = "The control token opens its clock, faults and log." if controls_open else "Its controls are off."
    return (
        f"Warning: listening on {host}, so whoever reaches this machine can sign in as anybody in the sandbox. "
        f"{controls}\n"
    )


def as_lines(box: Sandbox) -> str:
    """What a client needs, ready to paste into a shell, then the people and the page's address as comments."""
    lines = [
        f"APS_BASE_URL={box.base_url}",
        f"APS_CLIENT_ID={box.client_id}",
        f"APS_CALLBACK_URL={box.callback_url}",
        *(f"# {one.name} <{one.email}>" + (f": {one.role}" if one.role else "") for one in box.people),
        f"# Look at it: {box.base_url}/",
    ]
    return "\n".join(lines) + "\n"


def _as_json(box: Sandbox) -> str:
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
