"""Rate limits: requests a minute, answered with 429 and Retry-After (fact sheet 11)."""

from __future__ import annotations

import math
from datetime import datetime

from acc_sandbox.http.errors import quota_exceeded
from acc_sandbox.http.operation import ApiOperation, BearerToken

SUBMITTALS_PER_MINUTE = 600
"""For all endpoints together, per client and per person."""
OSS_PER_MINUTE = 1000
_AUTH_PER_MINUTE = {
    "auth.authorize": 500,
    "auth.token": 500,
    "auth.introspect": 500,
    "auth.logout": 500,
    "auth.revoke": 100,
}
_WINDOW = 60.0


class RateLimits:
    """Counts in fixed windows of a minute by the sandbox's clock."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self._windows: dict[str, tuple[float, int]] = {}

    def clear(self) -> None:
        """Forget what was counted."""
        self._windows.clear()

    def count(self, operation: ApiOperation, bearer: BearerToken | None, now: datetime) -> None:
        """Count a request; raises `GatewayRefusedError` (429) once a limit is passed."""
        for (name, whose), limit in _limits(operation, bearer):
            self.count_use(f"{name} {whose}", limit, now)

    def count_use(self, name: str, limit: int, now: datetime) -> None:
        """Count one use of what may be used so many times a minute; raises `GatewayRefusedError` (429) past that."""
        if not self.enabled:
            return
        start, seen = self._windows.get(name, (0.0, 0))
        moment = now.timestamp()
        if moment - start >= _WINDOW:
            start, seen = moment, 0
        self._windows[name] = (start, seen + 1)
        if seen + 1 > limit:
            raise quota_exceeded(max(1, math.ceil(start + _WINDOW - moment)))


def _limits(operation: ApiOperation, bearer: BearerToken | None) -> list[tuple[tuple[str, str], int]]:
    client = bearer.client_id if bearer else "anybody"
    person = bearer.person.key if bearer and bearer.person else "no-user"
    if operation.service == "submittals":
        return [
            (("submittals of client", client), SUBMITTALS_PER_MINUTE),
            (("submittals of person", person), SUBMITTALS_PER_MINUTE),
        ]
    if operation.service == "oss":
        return [(("oss", client), OSS_PER_MINUTE)]
    if operation.per_minute is not None:
        return [((operation.name, client), operation.per_minute)]
    if operation.name in _AUTH_PER_MINUTE:
        return [((operation.name, "all"), _AUTH_PER_MINUTE[operation.name])]
    return []
