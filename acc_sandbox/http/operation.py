"""Operations, and their requests and responses as handlers have them, free of any HTTP library."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from acc_sandbox.http.errors import GatewayRefusedError, RefusedError, Service
from acc_sandbox.http.validation import BodySchema, QueryParameters, read_json
from acc_sandbox.state.clock import stamp
from acc_sandbox.state.people import Person

if TYPE_CHECKING:
    from acc_sandbox.state.sandbox_state import SandboxState

_SENT_AS_NULL = ("packageId",)
"""The field that the tutorial's creation of an item sends as null (fact sheet 2.4)."""


@dataclass(frozen=True)
class BearerToken:
    """Claims of a valid access token."""

    token_id: str
    client_id: str
    scopes: frozenset[str]
    person: Person | None
    """None for a two-legged token."""


@dataclass(frozen=True)
class RequestContext:
    """One request to one operation, already matched, authenticated and within limits."""

    sandbox: SandboxState
    path: Mapping[str, str]
    query: QueryParameters
    headers: Mapping[str, str]
    content: bytes
    base_url: str
    storage_url: str
    """Origin of signed URLs."""
    url_path: str
    now: datetime
    bearer: BearerToken | None
    count: Callable[[str, int], None]
    """Counts one use of something that has so many a minute; raises `GatewayRefusedError` (429) past them."""

    @property
    def person(self) -> Person:
        """The person whose token it is."""
        return self.require_person()

    def require_person(self) -> Person:
        """The person of the token; `GatewayRefusedError` (403) for a two-legged one, which has none (fact sheet 0)."""
        if self.bearer is None or self.bearer.person is None:
            raise GatewayRefusedError(403, "This API requires a three-legged token.", code="AUTH-010")
        return self.bearer.person

    @property
    def moment(self) -> str:
        """Now, as Submittals writes it."""
        return stamp(self.now)

    def read_body(self, schema: BodySchema) -> dict[str, Any]:
        """The fields of a JSON body.

        Raises `RefusedError` (400): for a missing or other Content-Type, for what is no JSON object, for a field that
        is missing, of the wrong type, null or unknown; a switch lets each of these pass but for what is missing or
        wrong.
        """
        switches, kind = self.sandbox.switches, self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if switches.content_type == "need" and kind != "application/json":
            raise RefusedError(400, "The Content-Type header must be application/json")
        body = self.validate_body(schema, read_json(self.content))
        if switches.null_fields == "refuse":
            for name, value in body.items():
                if value is None and name not in _SENT_AS_NULL:
                    raise RefusedError(400, f'"{name}" must not be null')
        return body

    def validate_body(self, schema: BodySchema, body: Any) -> dict[str, Any]:
        """The fields of a JSON value, as the switches read them; `RefusedError` (400) for what they do not let pass."""
        switches = self.sandbox.switches
        return schema.validate(
            body, ignore_unknown=switches.unknown_fields == "ignore", text_booleans=switches.text_booleans == "accept"
        )

    def conflict(self, reason: str) -> RefusedError:
        """The error for what exists already: 400, or 409 by a switch.

        409 is documented for validate-custom-identifier only.
        """
        return RefusedError(self.sandbox.switches.conflict_status, reason)


class HtmlBody(str):
    """Text that is already HTML."""

    __slots__ = ()


@dataclass(frozen=True)
class FileBody:
    """The bytes of files, one after the other, sent as they are."""

    paths: Sequence[Path]


@dataclass(frozen=True)
class Response:
    """Status, body and headers. The body is written as JSON, unless it is HTML or files; None means an empty body."""

    body: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[RequestContext], Response | Awaitable[Response]]
"""A plain function runs inside one transaction; a coroutine function opens its own."""


@dataclass(frozen=True)
class ApiOperation:
    """One method of one path.

    `template` holds `{name}` for a path segment (or a part of one), the rest is literal. `scopes` are all needed.
    `access` says who may call it: anyone, any token, only a token of a person, or those who may use the controls.
    """

    name: str
    method: Literal["GET", "POST", "PATCH", "DELETE"]
    template: str
    handler: Handler
    service: Service
    scopes: tuple[str, ...] = ()
    access: Literal["anybody", "token", "person", "control"] = "person"
    per_minute: int | None = None
    """A limit of the operation's own, as Data Management has them (fact sheet 11)."""
    query: tuple[str, ...] = ()
    """Query parameters that it names; others are refused, unless a switch says otherwise."""
    comparisons: bool = False
    """Whether its filters take a comparison, as in `filter[displayName]-contains`."""
    fields: BodySchema | None = None
    """The JSON body, for the OpenAPI description."""
    answers: Mapping[int, Any] = field(default_factory=dict)
    """What comes back when it is carried out, for the description: by status a shape, a schema or None for no body."""
    refused: tuple[int, ...] = ()
    """With what it may be refused besides 400, 401, 403, 404, 413 and 429."""
