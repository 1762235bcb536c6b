"""Requests as plain data: an operation, where it goes, and what it carries. Nothing here sends anything."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from acc.hosts import AutodeskHosts
from acc.operations import ApiOperation

T = TypeVar("T")

Query = tuple[tuple[str, str], ...]
"""Query parameters in order; a name may occur twice."""


@dataclass(frozen=True)
class ApiRequest(Generic[T]):
    """One request of an operation, without its bearer token. `url_path` is percent-encoded already."""

    operation: ApiOperation[T]
    url_path: str
    query: Query = ()
    json: Mapping[str, Any] | None = None

    @property
    def method(self) -> str:
        """HTTP method."""
        return self.operation.method

    @property
    def headers(self) -> dict[str, str]:
        """Headers but for the bearer. Completing an upload wants exactly this content type (fact sheet 8)."""
        return {} if self.json is None else {"Content-Type": "application/json"}

    def url(self, hosts: AutodeskHosts) -> str:
        """The whole address at these hosts."""
        base = hosts.profile if self.operation.host == "profile" else hosts.api
        query = f"?{urlencode(self.query, quote_via=quote)}" if self.query else ""
        return f"{base}{self.url_path}{query}"


def build(
    operation: ApiOperation[T],
    ids: Mapping[str, str] | None = None,
    *,
    query: Iterable[tuple[str, str]] = (),
    json: Mapping[str, Any] | None = None,
) -> ApiRequest[T]:
    """Build a request of `operation`; `ids` fill the placeholders of its path.

    Raises:
        InvalidId: an id cannot be part of a path.
    """
    return ApiRequest(operation, operation.path_for(ids or {}), tuple(query), json)


Value = str | int | bool | Iterable[str]
"""A query value; several become one, separated by commas (fact sheet 2.3)."""


def query_parameters(**values: Value | None) -> list[tuple[str, str]]:
    """Query parameters under their own names, in order, leaving out those that are None."""
    return [(name, _text(value)) for name, value in values.items() if value is not None]


def filter_parameters(values: Mapping[str, Value | None]) -> list[tuple[str, str]]:
    """Query parameters `filter[name]`, in order, leaving out those that are None."""
    return [(f"filter[{name}]", _text(value)) for name, value in values.items() if value is not None]


def body(**values: Any) -> dict[str, Any]:
    """A JSON body without the fields that are None: Submittals takes an absent field, not a null one."""
    return {name: value for name, value in values.items() if value is not None}


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    return ",".join(value)
