"""The log of requests that reached the sandbox, with secrets masked."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

_SECRET_PARAMETERS = frozenset(
    {"code", "code_verifier", "state", "uploadKey", "X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Credential"}
)
_KEPT = 10_000


@dataclass
class Request:
    """One request. `status` stays None while it is being answered, and for good when the connection was cut."""

    operation: str
    """Such as `attachments.create`; `unknown` for a path that does not exist."""
    method: str
    path: str
    query: str
    """The query string, secrets masked."""
    header_names: tuple[str, ...]
    """Lower-case names; values are never kept."""
    moment: str
    status: int | None = None
    person: str | None = None
    """Key of the person whose token came with it."""
    notes: list[str] = field(default_factory=list)
    """What the sandbox found remarkable, such as a bearer token sent to storage, or a fault that it played."""


class RequestLog:
    """The last 10,000 requests, oldest first. Safe to read from any thread."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def add(self, request: Request) -> None:
        """Remember one request as soon as its headers are there."""
        with self._lock:
            self._requests.append(request)

    def all(self, operation: str | None = None) -> list[Request]:
        """Every request, or every one of an operation."""
        with self._lock:
            return [one for one in self._requests if operation in (None, one.operation)]

    def count(self, operation: str | None = None) -> int:
        """How many requests there were (of an operation)."""
        return len(self.all(operation))

    def last(self, operation: str | None = None) -> Request:
        """The newest request; `IndexError` if there was none."""
        return self.all(operation)[-1]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._requests.clear()

    def __iter__(self) -> Iterator[Request]:
        return iter(self.all())

    def __len__(self) -> int:
        return self.count()


def masked_query(raw: str) -> str:
    """A query string that can be shown: values of secrets become `***`."""
    pairs = parse_qsl(raw, keep_blank_values=True, errors="replace")
    return urlencode([(name, "***" if name in _SECRET_PARAMETERS else value) for name, value in pairs], safe="*:[]/")
