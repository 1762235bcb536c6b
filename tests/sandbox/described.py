"""Answers held to what /openapi.json says of them, as the switches stand at that moment."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker

from sandbox import Box
from sandbox.app import OPERATIONS
from sandbox.openapi import describe_api


class Description:
    """The document that a sandbox serves, made anew whenever somebody has moved a switch.

    It is made here rather than fetched, which would show in the log of requests that tests look at;
    `test_openapi` sees to it that it is the one that is served.
    """

    def __init__(self, box: Box) -> None:
        self._box = box
        self._switches: object = None
        self._document: dict[str, Any] = {}
        self._paths: list[tuple[re.Pattern[str], dict[str, Any]]] = []

    def check(self, response: httpx.Response) -> None:
        """Fail for an answer that the description does not allow; what it does not describe is let pass.

        That is: pages, paths and methods that do not exist, and answers that a fault made up.
        """
        self._read()
        operation = self._operation(response.request)
        if operation is None or response.status_code == 405 or self._box.faults.all():
            return
        response.read()
        problems = self.problems(operation, response.status_code, response)
        assert problems == [], (operation["operationId"], response.status_code, response.text[:2000])

    def problems(self, operation: dict[str, Any], status: int, response: httpx.Response) -> list[str]:
        """What is wrong with an answer of an operation."""
        described = operation["responses"].get(str(status))
        if described is None:
            return [f"status {status} is not described"]
        content = described.get("content", {})
        kind = response.headers.get("content-type", "").partition(";")[0]
        if not content or not response.content or response.request.method == "HEAD":
            return [f"a body of {kind}"] if response.content and not content else []
        if kind not in content:
            return [f"a body of {kind}, not of {', '.join(content)}"]
        if kind != "application/json":
            return []
        return [error.message for error in self.errors(content[kind]["schema"], response.json())]

    def schema(self, operation: str, status: int) -> dict[str, Any]:
        """The schema of an operation's JSON answer."""
        self._read()
        found = next(one for _, path in self._paths for one in path.values() if one["operationId"] == operation)
        schema: dict[str, Any] = found["responses"][str(status)]["content"]["application/json"]["schema"]
        return schema

    def errors(self, schema: dict[str, Any], body: Any) -> list[Any]:
        """What a body has against a schema of this description."""
        whole = {**schema, "components": self._document["components"]}
        return list(Draft202012Validator(whole, format_checker=FormatChecker()).iter_errors(body))

    def leaves(self, schema: dict[str, Any], body: Any) -> list[Any]:
        """The same, each as deep as it goes: of several shapes, what is wrong with the one that fits best."""
        found = []
        for error in self.errors(schema, body):
            while error.context:
                ways: dict[int, list[Any]] = {}
                for one in error.context:
                    ways.setdefault(one.schema_path[0], []).append(one)
                error = min(ways.values(), key=len)[0]
            found.append(error)
        return found

    def _operation(self, request: httpx.Request) -> dict[str, Any] | None:
        path = request.url.raw_path.decode().partition("?")[0]
        for pattern, methods in self._paths:
            if pattern.fullmatch(path):
                found: dict[str, Any] | None = methods.get(request.method.lower().replace("head", "get"))
                return found
        return None

    def _read(self) -> None:
        switches = dataclasses.asdict(self._box.switches)
        if switches == self._switches:
            return
        self._switches = switches
        self._document = describe_api(OPERATIONS, self._box.base_url, self._box.switches)
        # Literal text first: `{itemId}:transition` before `{itemId}`.
        templates = sorted(self._document["paths"], key=lambda one: -len(re.sub(r"\{\w+\}", "", one)))
        self._paths = [
            (re.compile("[^/]+".join(map(re.escape, re.split(r"\{\w+\}", one)))), self._document["paths"][one])
            for one in templates
        ]
