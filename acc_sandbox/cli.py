"""Command line of the sandbox: print what a client needs, then serve until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from acc_sandbox.admin.access import is_loopback
from acc_sandbox.faults.plan import read_fault_plan, set_switches
from acc_sandbox.sandbox import Sandbox
from acc_sandbox.seed.loader import DocumentError
from acc_sandbox.seed.model import SeedData
from acc_sandbox.server import running
from acc_sandbox.state.store import DataFolderError
from acc_sandbox.state.switches import Switches, describe
from acc_sandbox.version import __version__

if TYPE_CHECKING:
    from acc_sandbox.faults.effects import Fault

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8788
MOST_PORT = 65535
URN_DELAY = 2.0
"""Seconds from a confirmation to the version URN; long enough for a person to see it happen."""
_TAKEN = "choose other ports with --port and --storage-port, or 0 for free ones"


@dataclass(frozen=True)
class CommandOptions:
    """Options of the command besides addresses and output."""

    seed: Path | None = None
    items: int = 0
    faults: Path | None = None
    switches: tuple[str, ...] = ()
    """Words such as `b_prefix=accept`."""
    control_token: str | None = None
    certificate: Path | None = None
    private_key: Path | None = None


def main(arguments: Sequence[str] | None = None, program: str = "acc-sandbox") -> int:
    """Run the command with `arguments` (those of the process if None); return its exit code.

    `program` is what help and errors call it, since other programs offer it as a command of theirs.
    """
    given = _parser(program).parse_args(arguments)
    if given.version:
        sys.stdout.write(f"acc-sandbox {__version__}\n")
        if note := doubled_installation():
            sys.stderr.write(f"{program}: {note}\n")
        return 0
    if given.list_switches:
        return list_switches()
    options = CommandOptions(
        given.seed,
        given.items,
        given.faults,
        tuple(given.switch),
        given.control_token,
        given.certificate,
        given.private_key,
    )
    return run(
        given.host,
        given.port,
        given.storage_port,
        given.data,
        as_json=given.json,
        options=options,
        program=program,
    )


class _Parser(argparse.ArgumentParser):
    """Argument parser whose errors stand on one line."""

    def error(self, message: str) -> NoReturn:
        super().error(_shown(message))


def _shown(text: str) -> str:
    """Return a line for a terminal, with what cannot be printed written out: names of a shell's `*` and of a seed."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _parser(program: str) -> argparse.ArgumentParser:
    parser = _Parser(prog=program, description="Run a simulated ACC on this machine, for trials and tests.")
    add = parser.add_argument
    add("--host", type=_text, default=DEFAULT_HOST, help="the address to listen on (default: %(default)s)")
    add("--port", type=_number(MOST_PORT), default=DEFAULT_PORT, help="0 picks a free one (default: %(default)s)")
    add(
        "--storage-port", type=_number(MOST_PORT), metavar="PORT", help="port of object storage (default: the next one)"
    )
    add("--data", type=_path, metavar="DIR", help="folder for its data; default: in memory")
    add("--json", action="store_true", help="print what a client needs as one line of JSON")
    add("--seed", type=_path, metavar="FILE", help="YAML or JSON file with your own projects")
    add("--items", type=_number(1_000_000), default=0, metavar="N", help="additional submittals to generate")
    add("--faults", type=_path, metavar="FILE", help="YAML or JSON file with faults and switches")
    add("--switch", action="append", default=[], metavar="NAME=VALUE", help="set a switch; may be repeated")
    add("--list-switches", action="store_true", help="print every switch and exit")
    add("--control-token", type=_text, metavar="TOKEN", help="token for the admin API beyond loopback")
    add("--certificate", type=_path, metavar="FILE", help="a PEM certificate: both ports speak TLS")
    add("--private-key", type=_path, metavar="FILE", help="its key, if the certificate's file has none")
    add("--version", action="store_true", help="print the version and exit")
    return parser


def _text(text: str) -> str:
    """Return a text that holds something: an empty one is a variable that is not set, and would mean something else."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty")
    return text


def _path(text: str) -> Path:
    """A shell leaves `--data=~/box` as it is."""
    return Path(os.path.expanduser(_text(text)))  # noqa: PTH111 - which raises where there is no home


def _number(largest: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and int(text) <= largest):
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 to {largest}")
        return int(text)

    return number


def doubled_installation() -> str:
    """A sentence if two distributions that hold this package are installed in one environment, else an empty text."""
    from importlib.metadata import packages_distributions

    names = sorted(set(packages_distributions().get("acc_sandbox", ())))
    if len(names) < 2:
        return ""
    return (
        f"{' and '.join(names)} are both installed here and hold the same package, so the one installed last counts;"
        f" keep one: pip uninstall {' '.join(names)}, then install it again"
    )


def run(
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    storage_port: int | None = None,
    data: Path | None = None,
    *,
    as_json: bool = False,
    auto_approve: bool = False,
    options: CommandOptions | None = None,
    program: str = "acc-sandbox",
) -> int:
    """Serve until SIGINT or SIGTERM; return the exit code.

    Prints one setting a line, then the people and the page's address; with `as_json` the same as one line of JSON. On a
    terminal the settings are lines for its shell. A port that is taken is an error on stderr with exit code 1; a wrong
    option, 2. Storage listens at the next port unless it is given one.
    """
    options = options or CommandOptions()
    if storage_port is None:
        storage_port = port + 1 if 0 < port < MOST_PORT else 0
    with _stop_signal() as wait_for_stop:
        try:
            switches, faults = _prepared(options)
            seed = _seed(options.seed) if options.seed else None
            with running(
                port,
                storage_port,
                data,
                host=host,
                auto_approve=auto_approve,
                rate_limits=True,
                switches=switches,
                seed=seed,
                items=options.items,
                control_token=options.control_token,
                certificate=options.certificate,
                private_key=options.private_key,
            ) as box:
                for fault in faults:
                    box.faults.add(fault)
                if not is_loopback(host):
                    sys.stderr.write(_warning(host, controls_open=options.control_token is not None))
                terminal = sys.stdout.isatty()
                sys.stdout.write(_as_json(box) if as_json else as_lines(box, terminal=terminal))
                sys.stdout.flush()
                wait_for_stop()
        except (DataFolderError, DocumentError, LookupError) as error:
            sys.stderr.write(f"{program}: {_shown(str(error.args[0]))}\n")
            return 2
        except OSError as error:
            sys.stderr.write(f"{program}: cannot listen on {_shown(host)}: {error.strerror or error}; {_TAKEN}\n")
            return 1
    return 0


def list_switches() -> int:
    """Print every switch: name, default, choices, the fact sheet's section, and what it asks; the exit code."""
    for one in describe(Switches(urn_delay=URN_DELAY)):
        default = str(one.value).lower() if isinstance(one.value, bool) else str(one.value)
        choices = " | ".join(one.choices) or "a number"
        sys.stdout.write(f"{one.name}={default}    ({choices})\n    {one.meaning} [fact sheet {one.section}]\n")
    return 0


def _seed(path: Path) -> SeedData:
    from acc_sandbox.seed.seed_file import read_seed

    return read_seed(path)


def _prepared(options: CommandOptions) -> tuple[Switches, list[Fault]]:
    switches = Switches(urn_delay=URN_DELAY)
    faults: list[Fault] = []
    if options.faults is not None:
        faults, values = read_fault_plan(options.faults)
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
        f"Warning: listening on {host}, so anyone who reaches this machine can sign in as anyone in the sandbox. "
        f"{controls}\n"
    )


def as_lines(box: Sandbox, *, terminal: bool = False, system: str = os.name) -> str:
    """What a client needs, one setting a line, then the people and the page's address.

    On a terminal every line can be pasted into a shell, be it PowerShell on Windows or bash, zsh or fish elsewhere. A
    program gets the settings plainly, and the rest as comments.
    """
    setting, note = "{name}={value}", "# {}"
    if terminal:
        setting = '$env:{name} = "{value}"' if system == "nt" else 'export {name}="{value}"'
    if terminal and system != "nt":
        note = ": {}"  # zsh takes no comment at its prompt
    settings = {"APS_BASE_URL": box.base_url, "APS_CLIENT_ID": box.client_id, "APS_CALLBACK_URL": box.callback_url}
    notes = [
        *(_shown(f"{one.name} <{one.email}>") + (f": {one.role}" if one.role else "") for one in box.people),
        f"Look at it: {box.base_url}/",
    ]
    lines = [setting.format(name=name, value=value) for name, value in settings.items()]
    lines += [note.format(shlex.quote(one) if note.startswith(":") else one) for one in notes]
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
def _stop_signal() -> Iterator[Callable[[], None]]:
    """Yield a wait for SIGINT or SIGTERM; the handlers that were there come back afterwards.

    A handler of Python runs in the main thread, and does not wake it: neither from a wait that was about to begin, nor
    when the system gave the signal to another thread. So the wait is for the byte that Python sends at once.
    """
    receiver, sender = socket.socketpair()
    with receiver, sender:
        sender.setblocking(False)  # noqa: FBT003  # the socket's own signature
        descriptor = signal.set_wakeup_fd(sender.fileno())
        before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}

        def wait() -> None:
            while receiver.recv(1)[0] not in before:
                pass

        try:
            yield wait
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(descriptor)
