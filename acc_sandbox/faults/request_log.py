"""The log of requests that reached the sandbox: the shape of messages, their secrets masked."""

from __future__ import annotations

import itertools
import re
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

_KEPT = 10_000
_KEPT_WITH_BODIES = 300
LARGEST_BODY_KEPT = 16 * 1024
"""Bytes of a body that are kept; files are never kept at all."""


@dataclass
class LoggedRequest:
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
    number: int = 0
    """Counts from 1 in the order of arrival."""
    sent: bytearray = field(default_factory=bytearray, repr=False)
    answered: bytearray = field(default_factory=bytearray, repr=False)

    @property
    def body(self) -> str:
        """The beginning of the request's body, secrets masked."""
        return _shown(self.sent)

    @property
    def answer(self) -> str:
        """The beginning of the answer's body, secrets masked."""
        return _shown(self.answered)


class RequestLog:
    """The last 10,000 requests, oldest first. Safe to read from any thread."""

    def __init__(self) -> None:
        self._requests: deque[LoggedRequest] = deque(maxlen=_KEPT)
        self._recent: deque[LoggedRequest] = deque()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, request: LoggedRequest) -> None:
        """Remember one request as soon as its headers are there."""
        with self._lock:
            request.number = next(self._numbers)
            self._requests.append(request)
            self._recent.append(request)
            if len(self._recent) > _KEPT_WITH_BODIES:
                old = self._recent.popleft()
                old.sent, old.answered = bytearray(), bytearray()

    def after(self, number: int, most: int) -> list[LoggedRequest]:
        """The newest `most` requests with a higher number, oldest first."""
        with self._lock:
            found = list(itertools.takewhile(lambda one: one.number > number, reversed(self._requests)))
        return found[:most][::-1]

    def all(self, operation: str | None = None) -> list[LoggedRequest]:
        """Every request, or every one of an operation."""
        with self._lock:
            return [one for one in self._requests if operation in (None, one.operation)]

    def count(self, operation: str | None = None) -> int:
        """Number of requests (of an operation)."""
        return len(self.all(operation))

    def last(self, operation: str | None = None) -> LoggedRequest:
        """The newest request (of an operation); `LookupError` if there was none."""
        found = self.all(operation)
        if not found:
            raise LookupError(f"no request of {operation or 'any operation'} has come")
        return found[-1]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._requests.clear()
            self._recent.clear()

    def __iter__(self) -> Iterator[LoggedRequest]:
        return iter(self.all())

    def __len__(self) -> int:
        return self.count()


def _shown(content: bytearray) -> str:
    text = masked_text(content.decode("utf-8", "replace"))
    return f"{text} …" if len(content) >= LARGEST_BODY_KEPT else text


_SECRET_NAMES = (
    *("access_token", "refresh_token", "id_token", "token", "client_secret", "code", "code_verifier", "assertion"),
    *("state", "uploadKey", "privateKey", "X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Credential"),
)
_NAMES = "|".join(_SECRET_NAMES)
_RULES = (
    # A body may be cut off in the middle of a value, so no closing mark is asked for.
    (re.compile(rf'("(?:{_NAMES})"\s*:\s*")(?:[^"\\]|\\.)*'), r"\1***"),
    (re.compile(rf"((?:^|[?&])(?:{_NAMES})=)[^&\"\s]*"), r"\1***"),
    (re.compile(r"eyJ[\w-]{5,}\.[\w.-]*"), "***"),
    (re.compile(r"-----BEGIN.*?(?:-----END[^-]*-----|$)", re.DOTALL), "***"),
)


def masked_text(text: str) -> str:
    """A JSON or form body, whole or cut off, with `***` for every secret: tokens, codes, keys, signatures."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def masked_query(raw: str) -> str:
    """A query string that can be shown."""
    pairs = parse_qsl(raw, keep_blank_values=True, errors="replace")
    return urlencode([(name, "***" if name in _SECRET_NAMES else value) for name, value in pairs], safe="*:[]/")
