"""How strictly a request is read: queries, headers and bodies, as the switches say (fact sheet 0)."""

from __future__ import annotations

import re
from typing import Any

from sandbox.call import Call, Operation
from sandbox.fields import Fields
from sandbox.refusals import RefusedError, not_allowed


def check_query(call: Call, operation: Operation) -> None:
    """400 for a query parameter that the operation does not name, or that comes twice, unless the switch ignores it."""
    if call.world.switches.unknown_query == "ignore":
        return
    seen = set()
    for name, _ in call.query.pairs:
        known = re.sub(r"(?<=\])-\w+$", "", name) if operation.comparisons else name
        if known not in operation.query or name in seen:
            raise not_allowed(name)
        seen.add(name)


def read_body(call: Call, fields: Fields) -> dict[str, Any]:
    """The fields of a JSON body.

    Raises `RefusedError` (400): for a missing or other Content-Type, for what is no JSON object, for a field that is
    missing, of the wrong type or unknown; the first and the last of these are switches.
    """
    switches = call.world.switches
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if switches.content_type == "need" and kind != "application/json":
        raise RefusedError(400, "The Content-Type header must be application/json")
    return fields.read(call.content, ignore_unknown=switches.unknown_fields == "ignore")


def conflict(call: Call, reason: str) -> RefusedError:
    """Something exists already: 400, or 409 by a switch; 409 is documented for validate-custom-identifier only."""
    return RefusedError(call.world.switches.conflict_status, reason)
