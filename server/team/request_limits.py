"""Limits of requests to a team server by person or network address, counted by all replicas together."""

import time
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

import structlog
from starlette.requests import HTTPConnection

from acc.rate_limit import TokenBucketStore
from persistence.errors import StorageProblem
from tools.core.request_quota import QuotaLimit, RequestQuota

_IPV6_PREFIX: Final = 64
"""A household or an office has so many bits of an IPv6 address in common."""


class SharedQuota:
    """Limit of one kind of request, by key. `buckets` are those of all replicas; without them this process is alone.

    Each process counts for itself first, so that a flood of refused requests costs the database nothing.
    """

    def __init__(
        self,
        name: str,
        limit: QuotaLimit,
        buckets: TokenBucketStore | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._limit = limit
        self._buckets = buckets
        self._own = RequestQuota(limit, clock)

    async def take(self, key: str) -> float:
        """Use one request of a key; return 0, or the seconds after which there is one again."""
        wait = self._own.take(key)
        if wait > 0 or self._buckets is None:
            return wait
        try:
            _, wait = await self._buckets.lease({f"{self._name} {key}": self._limit}, 1)
        except StorageProblem as problem:
            # The request's own handler says that the database is away; what is counted here still holds.
            structlog.get_logger(__name__).info("quota_not_shared", problem=str(problem))
            return 0.0
        return wait


class CallerAddress:
    """Finds the network address of a caller; `X-Forwarded-For` is believed from trusted proxies alone."""

    def __init__(self, trusted: tuple[IPv4Network | IPv6Network, ...]) -> None:
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
