"""Refusals and the shape in which each service writes them.

    RefusedError                 a request is not carried out; state is unchanged
    +-- GatewayRefusedError      refused before any service saw it: token, scope, app, rate limit

A handler only says status and reason. Which JSON (or XML) a client reads depends on whose door it knocked at:
Submittals (UNKNOWN, a switch), object storage, Data Management (JSON:API), Authentication (OAuth) or the gateway.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from html import escape
from typing import Literal

from acc_sandbox.state.switches import Switches

Service = Literal["submittals", "oss", "dm", "auth", "gateway", "page", "control"]

_ERROR_PAGES = "https://developer.api.autodesk.com/documentation/v1/errors/"
_DM_CODES = {
    400: "BAD_INPUT",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    423: "LOCKED",
}


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{status} - submittal sandbox</title><link rel="stylesheet" href="/assets/style.css">
<header><a href="/">Submittal sandbox</a></header><main><h1>{reason}</h1></main></html>
"""
"""What a person at a page of the sandbox reads."""


class RefusedError(Exception):
    """The request is not carried out.

    `code` is the OAuth error, the gateway's code, or empty where a service has none; `body` replaces the service's
    usual shape where a page documents another.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        *,
        code: str = "",
        headers: Mapping[str, str] | None = None,
        body: object = None,
    ) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.code = code
        self.headers = dict(headers or {})
        self.body = body


class GatewayRefusedError(RefusedError):
    """The API gateway refused; every service shows the gateway's shape then (fact sheet 10, 11)."""


def unauthorized() -> GatewayRefusedError:
    """401 AUTH-006: no token, or one that is invalid or expired."""
    return GatewayRefusedError(401, "The token has expired or is invalid", code="AUTH-006")


def missing_scope() -> GatewayRefusedError:
    """403 AUTH-010: the token lacks a scope that the operation documents."""
    return GatewayRefusedError(403, "Token does not have the privilege for this request.", code="AUTH-010")


def app_not_provisioned() -> RefusedError:
    """403: the app is not added to the hub; Data Management says it in the words of its warning (fact sheet 9)."""
    return RefusedError(403, "You don't have permission to access this API", code="BIM360DM_ERROR")


def api_not_granted() -> GatewayRefusedError:
    """403 AUTH-001: the app itself was not given this API (fact sheet 10)."""
    return GatewayRefusedError(403, "The client_id specified does not have access to the api product", code="AUTH-001")


def quota_exceeded(seconds: int) -> GatewayRefusedError:
    """429 with Retry-After (fact sheet 11)."""
    headers = {"Retry-After": str(seconds), "Server": "Apigee Router"}
    return GatewayRefusedError(
        429, "Quota limit exceeded.", headers=headers, body={"developerMessage": "Quota limit exceeded."}
    )


def not_allowed(name: str) -> RefusedError:
    """400 in the words observed on a sibling service for an unknown key (fact sheet 0)."""
    return RefusedError(400, f'"{name}" is not allowed')


def error_body(service: Service, refused: RefusedError, switches: Switches) -> object:
    """Body of an error as the client reads it; a `str` is HTML, everything else JSON."""
    if refused.body is not None:
        return refused.body
    if isinstance(refused, GatewayRefusedError) or service == "gateway":
        code = refused.code or f"ERR-{refused.status}"
        return {"developerMessage": refused.reason, "errorCode": code, switches.more_info: _ERROR_PAGES + code}
    if service == "oss":
        return {"reason": refused.reason}
    if service == "dm":
        code = refused.code or _DM_CODES.get(refused.status, "ERROR")
        error = {
            "id": str(uuid.uuid4()),
            "status": str(refused.status),
            "code": code,
            "title": refused.reason,
            "detail": refused.reason,
        }
        return {"jsonapi": {"version": "1.0"}, "errors": [error]}
    if service == "auth" and switches.auth_error_body == "platform":
        code = refused.code or "invalid_request"
        return {"developerMessage": refused.reason, "errorCode": code, switches.more_info: _ERROR_PAGES + code}
    if service == "auth":
        return {"error": refused.code or "invalid_request", "error_description": refused.reason}
    if service == "control":
        return {"error": refused.reason}
    if service == "submittals":
        return _submittals_body(refused, switches)
    return _PAGE.format(status=refused.status, reason=escape(refused.reason))


def _submittals_body(refused: RefusedError, switches: Switches) -> object:
    shape = switches.submittals_error_body
    if shape == "html":
        return f"<!doctype html><title>Error {refused.status}</title><h1>{escape(refused.reason)}</h1>"
    if shape == "empty":
        return ""
    return {shape: refused.reason}
