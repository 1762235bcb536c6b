"""GET /openapi.json: a description of what the first port simulates, made from the table of operations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from acc_sandbox.data_management.schemas import VERSION
from acc_sandbox.http.errors import Service
from acc_sandbox.http.operation import ApiOperation, RequestContext, Response
from acc_sandbox.http.schemas import HTML, TEXT, ObjectSchema, described, either, several
from acc_sandbox.http.validation import LARGEST_NUMBER
from acc_sandbox.state.sandbox_state import CONFIDENTIAL_CLIENT_ID, PUBLIC_CLIENT_ID
from acc_sandbox.state.switches import Switches

_NUMBERS = ("limit", "offset", "parts", "firstPart", "minutesExpiration", "page[number]", "page[limit]", "after")
_FLAGS = (
    *("useAcceleration", "useCdn", "public-resource-fallback", "includeHidden", "excludeDeleted", "projectFilesOnly"),
    "filter[isFileUploaded]",
)
_FORMS: dict[str, tuple[str, ...]] = {
    "auth.token": (
        *("grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "assertion", "scope"),
        *("client_id", "client_secret"),
    ),
    "auth.revoke": ("token", "token_type_hint", "client_id", "client_secret"),
    "auth.introspect": ("token", "client_id", "client_secret"),
}
_TAGS = {
    "submittals": "Submittals",
    "oss": "Object storage",
    "dm": "Data Management",
    "auth": "Authentication",
    "gateway": "User profile and members",
    "control": "Controls of the sandbox",
}


def describe_api(operations: Iterable[ApiOperation], base_url: str, switches: Switches) -> dict[str, Any]:
    """An OpenAPI 3.1 document of operations as the switches stand; pages for people are left out."""
    paths: dict[str, Any] = {}
    components: dict[str, Any] = {}
    for operation in operations:
        if operation.service != "page":
            method = operation.method.lower()
            paths.setdefault(operation.template, {})[method] = _operation(operation, switches, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Submittal sandbox",
            "version": "2",
            "description": "ACC Submittals v2 and its surroundings, as far as this sandbox simulates them.",
        },
        "servers": [{"url": base_url}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _security_schemes(base_url)},
    }


def _operation(operation: ApiOperation, switches: Switches, components: dict[str, Any]) -> dict[str, Any]:
    document = (operation.handler.__doc__ or operation.name).strip().splitlines()
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [_TAGS[operation.service]],
        "summary": document[0],
        "parameters": [*_path_parameters(operation), *(_query_parameter(name) for name in operation.query)],
        "responses": _responses(operation, switches, components),
    }
    content = _request_content(operation)
    if content is not None:
        described["requestBody"] = {"required": True, "content": content}
    if operation.access in ("person", "token"):
        described["security"] = [{"bearer": list(operation.scopes)}]
    return described


def _responses(operation: ApiOperation, switches: Switches, components: dict[str, Any]) -> dict[str, Any]:
    bodies = refusals_of(operation, switches)
    for status, body in operation.answers.items():
        bodies[status] = either(body, bodies[status]) if status in bodies else body
    return {str(status): _response(status, bodies[status], components) for status in sorted(bodies)}


def _response(status: int, body: Any, components: dict[str, Any]) -> dict[str, Any]:
    response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if body == HTML:
        response["content"] = {HTML: {"schema": TEXT}}
    elif body is not None:
        response["content"] = {"application/json": {"schema": described(body, components)}}
    return response


def _path_parameters(operation: ApiOperation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", operation.template)
    ]


def _query_parameter(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if name in _NUMBERS:
        schema = {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER}
    elif name in _FLAGS:
        schema = {"type": "boolean"}
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _request_content(operation: ApiOperation) -> dict[str, Any] | None:
    if operation.fields is not None:
        return {"application/json": {"schema": operation.fields.schema()}}
    if operation.name in _FORMS:
        properties = {name: {"type": "string"} for name in _FORMS[operation.name]}
        return {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": properties}}}
    if operation.service == "control" and operation.method in ("POST", "PATCH") and "release" not in operation.name:
        return {"application/json": {"schema": {"type": "object"}}}
    return None


def _security_schemes(base_url: str) -> dict[str, Any]:
    return {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": (
                f"From {base_url}/authentication/v2/token, as {PUBLIC_CLIENT_ID} (PKCE) or {CONFIDENTIAL_CLIENT_ID};"
                f" a test may take one from {base_url}/sandbox/token."
            ),
        }
    }


def operation(operations: Iterable[ApiOperation]) -> ApiOperation:
    """The operation that serves the description of the others."""
    listed = tuple(operations)

    def read(call: RequestContext) -> Response:
        return Response(describe_api(listed, call.base_url, call.sandbox.switches))

    return ApiOperation("page.openapi", "GET", "/openapi.json", read, "page", access="anybody")


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
