"""The fault plan of a sandbox, and its form in files and in the control API, as JSON or YAML.

faults:
- {operation: attachments.create, nth: 2, effect: refuse, status: 503, body: {reason: busy}}
- {operation: storage.put, times: null, effect: reset_after, size: 65536}
switches: {b_prefix: accept}
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acc_sandbox.seed.loader import DocumentError, describe_errors, read_document
from acc_sandbox.state.switches import Switches, switch_value

if TYPE_CHECKING:
    from acc_sandbox.faults.effects import Effect, Fault

# Faults are pydantic's, which takes as long to import as all else of a start: most sandboxes never meet one.


class FaultPlan:
    """The planned faults of one sandbox. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plan: list[Fault] = []
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._closed = False
        self.operations: frozenset[str] = frozenset()
        """Names that a fault may have, besides `*`."""

    def add(self, fault: Fault) -> Fault:
        """Plan a fault; it is returned, so that its `reached` can be waited for.

        Raises `DocumentError` (a `ValueError`) for an operation that does not exist.
        """
        if fault.operation != "*" and fault.operation not in self.operations:
            near = get_close_matches(fault.operation, self.operations, n=3)
            known = " or ".join(near) or f"* or one of {', '.join(sorted(self.operations))}"
            raise DocumentError(f"there is no operation {fault.operation!r}; try {known}")
        with self._lock:
            self._plan.append(fault)
        return fault

    def all(self) -> list[Fault]:
        """The planned faults, in the order in which they were added."""
        with self._lock:
            return list(self._plan)

    def clear(self) -> None:
        """Forget the plan and release every stall."""
        with self._lock:
            self._plan.clear()
        self.release()

    def release(self) -> None:
        """Release every stalled request."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for loop, event in waiting:
            loop.call_soon_threadsafe(event.set)

    def close(self) -> None:
        """Release everything, now and from now on; the sandbox is about to stop."""
        with self._lock:
            self._closed = True
        self.clear()

    def strike(self, operation: str) -> Fault | None:
        """The fault that this call of an operation meets; the first planned one that matches wins."""
        with self._lock:
            struck = [fault for fault in self._plan if fault.strikes(operation)]
        return struck[0] if struck else None

    async def wait(self, fault: Fault) -> None:
        """Wait until released."""
        event = asyncio.Event()
        with self._lock:
            if self._closed:
                return
            self._waiting.append((asyncio.get_running_loop(), event))
        fault.reached.set()
        await event.wait()


def read_fault_plan(path: Path) -> tuple[list[Fault], dict[str, Any]]:
    """The faults and switch values in a file; a bare list is one of faults. Raises `DocumentError`."""
    document = read_document(path)
    if isinstance(document, list):
        document = {"faults": document}
    if not isinstance(document, dict) or not document.keys() <= {"faults", "switches"}:
        raise DocumentError(f"{path}: a plan is a list of faults, or an object with faults and switches")
    faults, switches = document.get("faults", []), document.get("switches", {})
    if not isinstance(faults, list) or not isinstance(switches, dict):
        raise DocumentError(f"{path}: faults is a list, switches an object")
    try:
        values = {name: switch_value(name, value) for name, value in switches.items()}
        return [parse_fault(one, f"faults.{number}") for number, one in enumerate(faults)], values
    except DocumentError as error:
        raise DocumentError(f"{path}: {error}") from None


def parse_fault(value: Any, place: str = "fault") -> Fault:
    """A fault as a plan spells it; `place` is what errors call it. Raises `DocumentError`."""
    from pydantic import TypeAdapter, ValidationError

    from acc_sandbox.faults.effects import EFFECTS, Fault

    if not isinstance(value, dict):
        raise DocumentError(f"{place} is no object")
    parameters: dict[str, Any] = dict(value)
    fault = {name: parameters.pop(name) for name in ("operation", "nth", "times") if name in parameters}
    name = parameters.pop("effect", None)
    effect = EFFECTS.get(name) if isinstance(name, str) else None
    if effect is None:
        raise DocumentError(f"{place}: there is no effect {name!r}; there are {', '.join(EFFECTS)}")
    try:
        made: Effect = TypeAdapter(effect).validate_python(parameters)
        return TypeAdapter(Fault).validate_python({**fault, "effect": made})
    except ValidationError as error:
        raise DocumentError(f"{place} ({name}): {describe_errors(error)}") from None


def fault_json(fault: Fault) -> dict[str, Any]:
    """A fault as a plan spells it, with how many calls it has seen."""
    from acc_sandbox.faults.effects import EFFECTS

    [name] = [name for name, effect in EFFECTS.items() if effect is type(fault.effect)]
    shown: dict[str, Any] = {"operation": fault.operation, "effect": name}
    shown |= {"nth": fault.nth, "times": fault.times, "seen": fault.seen}
    return shown | asdict(fault.effect)


def set_switches(switches: Switches, values: Mapping[str, Any]) -> None:
    """Assign switch values, all or none. Raises `DocumentError`."""
    for name, value in {name: switch_value(name, value) for name, value in values.items()}.items():
        setattr(switches, name, value)
