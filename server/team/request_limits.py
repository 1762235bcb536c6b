"""Limits of requests to the team server: by network address where nobody is known yet, by person where somebody is.

They are counted in each process; replicas allow as many times more.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from starlette.requests import HTTPConnection

from acc.rate_limit import TokenBucket

_MOST_KEYS: Final = 50_000
_IPV6_PREFIX: Final = 64
"""A household or an office has so many bits of an IPv6 address in common."""


class RequestQuota:
    """A token bucket a key: `count` requests in `seconds`, all of which may come at once."""

    def __init__(self, count: int, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._count = count
        self._rate = count / seconds
        self._clock = clock
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, key: str) -> float:
        """Use one request of a key; return 0, or the seconds after which there is one again."""
        now = self._clock()
        bucket = self._buckets.pop(key, TokenBucket(self._count, now))
        tokens = min(self._count, bucket.tokens + max(0.0, now - bucket.at) * self._rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate
        self._buckets[key] = TokenBucket(tokens - 1 if wait == 0 else tokens, now)
        if len(self._buckets) > _MOST_KEYS:
            self._buckets.popitem(last=False)
        return wait


class CallerAddress:
    """Finds the network address of a caller; `X-Forwarded-For` is believed from trusted proxies alone."""

    def __init__(self, trusted: tuple[IPv4Network | IPv6Network, ...] = ()) -> None:
        self._trusted = trusted

    def of(self, request: HTTPConnection) -> str:
        """Return the nearest address that is no trusted proxy's; of IPv6 its network."""
        address = request.client.host if request.client is not None else ""
        forwarded = [one.strip() for value in request.headers.getlist("x-forwarded-for") for one in value.split(",")]
        while forwarded and self._is_trusted(address):
            address = forwarded.pop()
        return _grouped(address)

    def _is_trusted(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._trusted)


def _grouped(address: str) -> str:
    try:
        found = ip_address(address.partition("%")[0].strip("[]"))
    except ValueError:
        return "unknown"
    if found.version == 4:
        return str(found)
    return str(ip_network((int(found) >> (128 - _IPV6_PREFIX) << (128 - _IPV6_PREFIX), _IPV6_PREFIX)))
