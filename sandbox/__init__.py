"""An Autodesk Construction Cloud on loopback, for practice and for tests.

`running` starts one and hands out a `Box`. It is written from the documentation alone and shares no code with any
client, so that a misreading on either side shows.
"""

from sandbox.box import Box, File, Item, Project, Task
from sandbox.clock import Clock
from sandbox.faults import Effect, Fault, Faults, LoseAnswer, Refuse, Reset, ResetAfter, Stall
from sandbox.people import Person
from sandbox.requests import Request, RequestLog
from sandbox.service_accounts import ServiceAccount
from sandbox.serving import running
from sandbox.switches import Switches

__all__ = [
    "Box",
    "Clock",
    "Effect",
    "Fault",
    "Faults",
    "File",
    "Item",
    "LoseAnswer",
    "Person",
    "Project",
    "Refuse",
    "Request",
    "RequestLog",
    "Reset",
    "ResetAfter",
    "ServiceAccount",
    "Stall",
    "Switches",
    "Task",
    "running",
]
