"""Faults and switches as JSON or YAML: a plan from a file, and the same words in the control API.

faults:
- {operation: attachments.create, nth: 2, effect: refuse, status: 503, body: {reason: busy}}
- {operation: storage.put, times: null, effect: reset_after, size: 65536}
switches: {b_prefix: accept}
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from acc_sandbox.faults.effects import Effect, Expire, Fault, LoseAnswer, Refuse, Reset, ResetAfter, Slow, Stall
from acc_sandbox.seed.loader import DocumentError, read_document
from acc_sandbox.state.switches import Switches, switch_value

_PARAMETERS: dict[str, dict[str, tuple[type, ...]]] = {
    "refuse": {"status": (int,), "body": (object,), "headers": (dict,)},
    "reset": {},
    "reset_after": {"size": (int,)},
    "lose_answer": {},
    "stall": {"size": (int,)},
    "slow": {"bytes_per_second": (int,)},
    "expire": {},
}
_MAKERS: dict[str, Callable[..., Effect]] = {
    "refuse": Refuse,
    "reset": Reset,
    "reset_after": ResetAfter,
    "lose_answer": LoseAnswer,
    "stall": Stall,
    "slow": Slow,
    "expire": Expire,
}
_NAMES = {maker: name for name, maker in _MAKERS.items()}
_NEEDED = {"refuse": ("status",), "reset_after": ("size",), "slow": ("bytes_per_second",)}
EFFECTS = tuple(_MAKERS)
"""Names of the effects."""


def read_fault_plan(path: Path, operations: Collection[str]) -> tuple[list[Fault], dict[str, Any]]:
    """The faults and switch values in a file; a bare list is one of faults. Raises `DocumentError`."""
    document = read_document(path)
    if isinstance(document, list):
        document = {"faults": document}
    if not isinstance(document, dict) or not document.keys() <= {"faults", "switches"}:
        raise DocumentError(f"{path}: a plan is a list of faults, or an object with faults and switches")
    faults, switches = document.get("faults", []), document.get("switches", {})
    if not isinstance(faults, list) or not isinstance(switches, dict):
        raise DocumentError(f"{path}: faults is a list, switches an object")
    values = {name: switch_value(name, value) for name, value in switches.items()}
    return [parse_fault(one, operations) for one in faults], values


def parse_fault(value: Any, operations: Collection[str]) -> Fault:
    """A fault as a plan spells it; `operations` are the names there are. Raises `DocumentError`."""
    if not isinstance(value, dict):
        raise DocumentError("a fault is an object")
    given: dict[str, Any] = dict(value)
    operation, effect = given.pop("operation", None), given.pop("effect", None)
    if operation != "*" and operation not in operations:
        raise DocumentError(f"there is no operation {operation!r}; there are * and {', '.join(sorted(operations))}")
    if effect not in EFFECTS:
        raise DocumentError(f"there is no effect {effect!r}; there are {', '.join(EFFECTS)}")
    nth, times = given.pop("nth", 1), given.pop("times", 1)
    if not _counts(nth) or not (times is None or _counts(times)):
        raise DocumentError("nth and times are whole numbers from 1; times may be null, for ever")
    return Fault(operation, _effect(effect, given), nth, times)


def fault_json(fault: Fault) -> dict[str, Any]:
    """A fault as a plan spells it, with how many calls it has seen."""
    shown: dict[str, Any] = {"operation": fault.operation, "effect": _NAMES[type(fault.effect)]}
    shown |= {"nth": fault.nth, "times": fault.times, "seen": fault.seen}
    parameters = {name: getattr(fault.effect, name) for name in _PARAMETERS[shown["effect"]]}
    return shown | {name: dict(one) if isinstance(one, Mapping) else one for name, one in parameters.items()}


def set_switches(switches: Switches, values: Mapping[str, Any]) -> None:
    """Assign switch values, all or none. Raises `DocumentError`."""
    for name, value in {name: switch_value(name, value) for name, value in values.items()}.items():
        setattr(switches, name, value)


def _effect(name: str, given: dict[str, Any]) -> Effect:
    known = _PARAMETERS[name]
    for parameter, value in given.items():
        if parameter not in known:
            raise DocumentError(f"{name} does not take {parameter}")
        if isinstance(value, bool) or not isinstance(value, known[parameter]):
            raise DocumentError(f"{name}: {parameter} has the wrong type")
        if isinstance(value, int) and value < 0:
            raise DocumentError(f"{name}: {parameter} is negative")
    for parameter in _NEEDED.get(name, ()):
        if parameter not in given:
            raise DocumentError(f"{name} needs {parameter}")
    if name == "refuse" and not _is_refusal(given):
        raise DocumentError("refuse: status is from 200 to 599, headers are strings")
    if name == "slow" and given["bytes_per_second"] < 1:
        raise DocumentError("slow: bytes_per_second is at least 1")
    return _MAKERS[name](**given)


def _is_refusal(given: dict[str, Any]) -> bool:
    pairs = given.get("headers", {}).items()
    spelled = all(isinstance(one, str) and one.isprintable() and one.isascii() for pair in pairs for one in pair)
    return 200 <= given["status"] <= 599 and spelled


def _counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
