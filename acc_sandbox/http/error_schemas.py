"""What refusals look like, service by service, as the switches stand: the shapes of what `refusals` writes."""

from __future__ import annotations

from typing import Any, Final

from acc_sandbox.data_management.schemas import VERSION
from acc_sandbox.http.errors import Service
from acc_sandbox.http.operation import ApiOperation
from acc_sandbox.http.schemas import HTML, TEXT, ObjectSchema, either, several
from acc_sandbox.state.switches import Switches

QUOTA = ObjectSchema("QuotaExceeded", {"developerMessage": TEXT})
_REASON = ObjectSchema("StorageError", {"reason": TEXT})
_JSON_API_ERROR = ObjectSchema("JsonApiError", dict.fromkeys(("id", "status", "code", "title", "detail"), TEXT))
_JSON_API = ObjectSchema("JsonApiErrors", {"jsonapi": VERSION, "errors": several(_JSON_API_ERROR)})
_OAUTH = ObjectSchema("OAuthError", {"error": TEXT, "error_description": TEXT})
_CONTROL = ObjectSchema("ControlError", {"error": TEXT})
_NEEDS_TOKEN: Final = ("token", "person")


def refusals_of(operation: ApiOperation, switches: Switches) -> dict[int, Any]:
    """Every status with which an operation may be refused, and the body that comes with it."""
    gateway = ObjectSchema("GatewayError", dict.fromkeys(("developerMessage", "errorCode", switches.more_info), TEXT))
    own = _own(operation.service, switches, gateway)
    answers: dict[int, Any] = dict.fromkeys((400, 403, 404, 413, *operation.refused), own)
    if operation.service == "submittals" and operation.fields is not None:
        answers[switches.conflict_status] = own
    if operation.access in _NEEDS_TOKEN:
        answers[401] = gateway
        answers[403] = gateway if own is gateway else _together(own, gateway)
        answers[429] = QUOTA
    elif operation.service == "auth":
        answers |= {401: own, 429: QUOTA}
    return answers


def _own(service: Service, switches: Switches, gateway: ObjectSchema) -> Any:
    """The body of a service's own refusals; None for an empty one."""
    if service == "submittals":
        return _submittals(switches)
    if service == "auth":
        return gateway if switches.auth_error_body == "platform" else _OAUTH
    return {"oss": _REASON, "dm": _JSON_API, "control": _CONTROL, "gateway": gateway}[service]


def _submittals(switches: Switches) -> Any:
    shape = switches.submittals_error_body
    if shape == "html":
        return HTML
    return None if shape == "empty" else ObjectSchema("SubmittalsError", {shape: TEXT})


def _together(own: Any, gateway: ObjectSchema) -> Any:
    """A refusal of the service or of the gateway; where the service's is no JSON, only the gateway's is described."""
    return either(own, gateway) if isinstance(own, ObjectSchema) else gateway
