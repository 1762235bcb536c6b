"""Whose request to the team server it is, where nobody is signed in yet: the network address of the caller."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from starlette.requests import HTTPConnection

_IPV6_PREFIX: Final = 64
"""A household or an office has so many bits of an IPv6 address in common."""


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
