"""An Autodesk Construction Cloud on loopback, for practice and for tests.

`running` starts one and hands out a `Box`. It is written from the documentation alone and shares no code with any
client, so that a misreading on either side shows.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.box import Box, File, Item, Project, Task
    from sandbox.clock import Clock
    from sandbox.data_folder import DataFolderError
    from sandbox.documents import DocumentError
    from sandbox.faults import Effect, Expire, Fault, Faults, LoseAnswer, Refuse, Reset, ResetAfter, Slow, Stall
    from sandbox.people import Person
    from sandbox.plan import Plan
    from sandbox.plan_file import plan_from, read_plan
    from sandbox.requests import Request, RequestLog
    from sandbox.service_accounts import ServiceAccount
    from sandbox.serving import running
    from sandbox.switches import Switches

# pytest imports this package in every run for its fixture, so what is behind the names is imported when one is used.
_HOMES = {
    **dict.fromkeys(("Box", "File", "Item", "Project", "Task"), "box"),
    **dict.fromkeys(("Effect", "Expire", "Fault", "Faults", "LoseAnswer", "Refuse", "Reset"), "faults"),
    **dict.fromkeys(("ResetAfter", "Slow", "Stall"), "faults"),
    **dict.fromkeys(("plan_from", "read_plan"), "plan_file"),
    **dict.fromkeys(("Request", "RequestLog"), "requests"),
    "Clock": "clock",
    "DataFolderError": "data_folder",
    "DocumentError": "documents",
    "Person": "people",
    "Plan": "plan",
    "ServiceAccount": "service_accounts",
    "Switches": "switches",
    "running": "serving",
}

__all__ = [
    "Box",
    "Clock",
    "DataFolderError",
    "DocumentError",
    "Effect",
    "Expire",
    "Fault",
    "Faults",
    "File",
    "Item",
    "LoseAnswer",
    "Person",
    "Plan",
    "Project",
    "Refuse",
    "Request",
    "RequestLog",
    "Reset",
    "ResetAfter",
    "ServiceAccount",
    "Slow",
    "Stall",
    "Switches",
    "Task",
    "plan_from",
    "read_plan",
    "running",
]


def __getattr__(name: str) -> Any:
    """A public name, from the module that it lives in."""
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"sandbox.{_HOMES[name]}"), name)
