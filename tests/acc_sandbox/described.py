"""Answers held to what /openapi.json says of them, as the switches stand at that moment."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import operator
import re
from collections.abc import Iterator
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.validators import extend

from acc_sandbox import Sandbox, Switches
from acc_sandbox.http.app import OPERATIONS
from acc_sandbox.http.openapi import describe_api

FORMATS = FormatChecker()
SWITCHES = operator.attrgetter(*(one.name for one in dataclasses.fields(Switches)))
"""The values of all switches."""


class Document:
    """The description as the switches stand, and a validator for what it describes."""

    def __init__(self, switches: Switches) -> None:
        whole = describe_api(OPERATIONS, "https://sandbox.example", switches)
        self.components: dict[str, Any] = whole["components"]
        # Literal text first: `{itemId}:transition` before `{itemId}`.
        templates = sorted(whole["paths"], key=lambda one: -len(re.sub(r"\{\w+\}", "", one)))
        self.paths: list[tuple[re.Pattern[str], dict[str, Any]]] = [
            (re.compile("[^/]+".join(map(re.escape, re.split(r"\{\w+\}", one)))), whole["paths"][one])
            for one in templates
        ]
        self._validator = extend(Draft202012Validator, {"$ref": self._reference})
        self._fitting: set[tuple[str, bytes]] = set()

    def errors(self, schema: dict[str, Any], body: Any) -> list[Any]:
        """What a body has against a schema of this document."""
        whole = {**schema, "components": self.components}
        return list(self._validator(whole, format_checker=FORMATS).iter_errors(body))

    def _reference(self, validator: Any, reference: str, value: Any, schema: Any) -> Iterator[Any]:
        # The rows of the seed come back in nearly every answer, and looking at one takes longer than asking for it.
        key = (reference, hashlib.blake2b(json.dumps(value).encode()).digest())
        if key not in self._fitting:
            errors = list(Draft202012Validator.VALIDATORS["$ref"](validator, reference, value, schema))
            yield from errors
            if not errors:
                self._fitting.add(key)


@functools.cache
def document(*switches: Any) -> Document:
    """What any sandbox with these switches serves, but for its own address."""
    return Document(Switches(*switches))


class Description:
    """The document that a sandbox serves, as the switches stand when an answer comes.

    It is made here rather than fetched, which would show in the log of requests that tests look at;
    `test_openapi` sees to it that it is the one that is served.
    """

    def __init__(self, box: Sandbox) -> None:
        self._box = box

    def check(self, response: httpx.Response) -> None:
        """Fail for an answer that the description does not allow; what it does not describe is let pass.

        That is: pages, paths and methods that do not exist, and answers that a fault made up.
        """
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
        found = next(
            one for _, path in self._document.paths for one in path.values() if one["operationId"] == operation
        )
        schema: dict[str, Any] = found["responses"][str(status)]["content"]["application/json"]["schema"]
        return schema

    def errors(self, schema: dict[str, Any], body: Any) -> list[Any]:
        """What a body has against a schema of this description."""
        return self._document.errors(schema, body)

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
        for pattern, methods in self._document.paths:
            if pattern.fullmatch(path):
                found: dict[str, Any] | None = methods.get(request.method.lower().replace("head", "get"))
                return found
        return None

    @property
    def _document(self) -> Document:
        return document(*SWITCHES(self._box.switches))
