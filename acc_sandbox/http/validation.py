"""How strictly a request is read: queries, headers and bodies, as the switches say (fact sheet 0)."""

from __future__ import annotations

import re
from typing import Any

from acc_sandbox.http.body_schema import BodySchema, read_json
from acc_sandbox.http.errors import RefusedError, not_allowed
from acc_sandbox.http.operation import ApiOperation, RequestContext

_SENT_AS_NULL = ("packageId",)
"""The field that the tutorial's creation of an item sends as null (fact sheet 2.4)."""


def check_query(call: RequestContext, operation: ApiOperation) -> None:
    """400 for a query parameter that the operation does not name, or that comes twice, unless the switch ignores it."""
    if call.sandbox.switches.unknown_query == "ignore":
        return
    seen = set()
    for name, _ in call.query.pairs:
        known = re.sub(r"(?<=\])-\w+$", "", name) if operation.comparisons else name
        if known not in operation.query or name in seen:
            raise not_allowed(name)
        seen.add(name)


def read_body(call: RequestContext, fields: BodySchema) -> dict[str, Any]:
    """The fields of a JSON body.

    Raises `RefusedError` (400): for a missing or other Content-Type, for what is no JSON object, for a field that is
    missing, of the wrong type, null or unknown; a switch lets each of these pass but for what is missing or wrong.
    """
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if call.sandbox.switches.content_type == "need" and kind != "application/json":
        raise RefusedError(400, "The Content-Type header must be application/json")
    body = validate_body(call, fields, read_json(call.content))
    if call.sandbox.switches.null_fields == "refuse":
        for name, value in body.items():
            if value is None and name not in _SENT_AS_NULL:
                raise RefusedError(400, f'"{name}" must not be null')
    return body


def validate_body(call: RequestContext, fields: BodySchema, body: Any) -> dict[str, Any]:
    """The fields of a JSON value, as the switches read them; `RefusedError` (400) for what they do not let pass."""
    switches = call.sandbox.switches
    return fields.validate(
        body, ignore_unknown=switches.unknown_fields == "ignore", text_booleans=switches.text_booleans == "accept"
    )


def conflict(call: RequestContext, reason: str) -> RefusedError:
    """Something exists already: 400, or 409 by a switch; 409 is documented for validate-custom-identifier only."""
    return RefusedError(call.sandbox.switches.conflict_status, reason)
