"""An Autodesk Construction Cloud on loopback, for practice and for tests.

`running` starts one and hands out a `Sandbox`. It is written from the documentation alone and shares no code with any
client, so that a misreading on either side shows.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from acc_sandbox.version import __version__

if TYPE_CHECKING:
    from acc_sandbox.faults.effects import (
        Effect,
        Expire,
        Fault,
        LoseAnswer,
        Refuse,
        Reset,
        ResetAfter,
        Slow,
        Stall,
    )
    from acc_sandbox.faults.plan import FaultPlan
    from acc_sandbox.faults.request_log import LoggedRequest, RequestLog
    from acc_sandbox.oauth.service_accounts import ServiceAccount
    from acc_sandbox.sandbox import File, Item, Project, Sandbox, Task
    from acc_sandbox.seed.loader import DocumentError
    from acc_sandbox.seed.model import SeedData
    from acc_sandbox.seed.seed_file import parse_seed, read_seed
    from acc_sandbox.server import running
    from acc_sandbox.state.clock import Clock
    from acc_sandbox.state.people import Person
    from acc_sandbox.state.store import DataFolderError
    from acc_sandbox.state.switches import Switches

# pytest imports this package in every run for its fixture, so what is behind the names is imported when one is used.
_HOMES = {
    **dict.fromkeys(("Sandbox", "File", "Item", "Project", "Task"), "sandbox"),
    **dict.fromkeys(("Effect", "Expire", "Fault", "LoseAnswer", "Refuse", "Reset"), "faults.effects"),
    **dict.fromkeys(("ResetAfter", "Slow", "Stall"), "faults.effects"),
    **dict.fromkeys(("parse_seed", "read_seed"), "seed.seed_file"),
    **dict.fromkeys(("LoggedRequest", "RequestLog"), "faults.request_log"),
    "Clock": "state.clock",
    "FaultPlan": "faults.plan",
    "DataFolderError": "state.store",
    "DocumentError": "seed.loader",
    "Person": "state.people",
    "SeedData": "seed.model",
    "ServiceAccount": "oauth.service_accounts",
    "Switches": "state.switches",
    "running": "server",
}

__all__ = [
    "Clock",
    "DataFolderError",
    "DocumentError",
    "Effect",
    "Expire",
    "Fault",
    "FaultPlan",
    "File",
    "Item",
    "LoggedRequest",
    "LoseAnswer",
    "Person",
    "Project",
    "Refuse",
    "RequestLog",
    "Reset",
    "ResetAfter",
    "Sandbox",
    "SeedData",
    "ServiceAccount",
    "Slow",
    "Stall",
    "Switches",
    "Task",
    "__version__",
    "parse_seed",
    "read_seed",
    "running",
]


def __getattr__(name: str) -> Any:
    """A public name, from the module that it lives in."""
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"acc_sandbox.{_HOMES[name]}"), name)
