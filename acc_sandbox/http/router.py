"""Router: finds the operation of a method and a raw path."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from urllib.parse import unquote

from acc_sandbox.http.errors import GatewayRefusedError, RefusedError, Service
from acc_sandbox.http.operation import ApiOperation
from acc_sandbox.state.switches import Switches

SUBMITTALS = "/construction/submittals/v2/projects/{projectId}"
"""Base of every Submittals operation (fact sheet 0)."""

_SERVICES: tuple[tuple[str, Service], ...] = (
    ("/construction/submittals/", "submittals"),
    ("/oss/", "oss"),
    ("/project/", "dm"),
    ("/data/", "dm"),
    ("/authentication/", "auth"),
    ("/.well-known/", "auth"),
    ("/sandbox/", "control"),
)


def service_of(path: str) -> Service:
    """Service in whose error shape a path answers, known or not."""
    path = one_slash(path)
    for prefix, service in _SERVICES:
        if path.startswith(prefix):
            return service
    return "gateway"


def one_slash(raw_path: str) -> str:
    """The path as the gateway reads it: a doubled slash at its start is one (fact sheet 10; Autodesk's Node SDK)."""
    return re.sub("^//", "/", raw_path)


class OperationRouter:
    """Matches raw, still percent-encoded paths, since ids such as `urn…%3Fversion%3D1` carry reserved characters."""

    def __init__(self, operations: Iterable[ApiOperation]) -> None:
        # The more literal text a template has, the earlier it is tried: `{itemId}:transition` before `{itemId}`.
        ordered = sorted(operations, key=lambda one: -len(re.sub(r"\{\w+\}", "", one.template)))
        # No part of a path holds a slash, so that only templates with as many of them can match.
        self._routes: dict[int, list[tuple[re.Pattern[str], ApiOperation]]] = {}
        for operation in ordered:
            routes = self._routes.setdefault(operation.template.count("/"), [])
            routes.append((_pattern(operation.template), operation))

    def match(self, method: str, raw_path: str, switches: Switches) -> tuple[ApiOperation, dict[str, str]]:
        """The operation and its path parameters, decoded.

        Raises `RefusedError`: 404 for an unknown path, 405 (by a switch 404) for a method that the path does not have.
        """
        raw_path = one_slash(raw_path)
        if switches.encoded_colon == "accept":
            raw_path = re.sub(r"%3[aA](transition|close|change-sequence-type)$", r":\1", raw_path)
        allowed = []
        for pattern, operation in self._routes.get(raw_path.count("/"), ()):
            found = pattern.fullmatch(raw_path)
            if found is None:
                continue
            if operation.method == method or (method == "HEAD" and operation.method == "GET"):
                return operation, {name: unquote(value) for name, value in found.groupdict().items()}
            allowed.append(operation.method)
        if allowed:
            headers = {"Allow": ", ".join(sorted(set(allowed)))}
            raise RefusedError(switches.wrong_method_status, "Method not allowed", headers=headers)
        if raw_path.startswith("/authentication/v1/"):
            raise GatewayRefusedError(404, "This API has been retired.", code="AUTH-666")
        if service_of(raw_path) == "gateway":
            raise GatewayRefusedError(404, "The requested resource does not exist.")
        raise RefusedError(404, "The requested resource does not exist.")


@cache
def _pattern(template: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", template)
    # Ids of Submittals hold no colon, so that an unknown `:action` is an unknown path; URNs elsewhere do.
    segment = "[^/:]+" if template.startswith("/construction/") else "[^/]+"
    literal = [re.escape(piece) for piece in pieces[::2]]
    names = [f"(?P<{name}>{segment})" for name in pieces[1::2]]
    return re.compile("".join(one for pair in zip(literal, [*names, ""], strict=True) for one in pair))
