"""How strictly Submittals reads a request: queries, headers and bodies, as the switches say (fact sheet 0)."""

from __future__ import annotations

from typing import Any

from sandbox.call import Call
from sandbox.fields import Fields
from sandbox.refusals import RefusedError


def refuse_unknown(call: Call, *known: str) -> None:
    """400 for a query parameter that the operation does not have, unless the switch says to ignore it."""
    if call.world.switches.unknown_query == "refuse":
        call.query.refuse_unknown(known)


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
