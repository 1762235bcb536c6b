"""What `APS_BASE_URL` may name, and which hosts are neither Autodesk's nor this machine."""

import re
from typing import Final

from acc.hosts import is_loopback

_AUTODESK: Final = "autodesk.com"
# Written by hand and strict: two parsers that read an address differently (`http://localhost\@evil`) would let a token
# go to a host other than the one that was checked.
_BASE_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?", re.ASCII
)


def check_base_url(url: str) -> str:
    """Return `url` in lower case and without a closing slash.

    Raises:
        ValueError: It is not https://HOST[:PORT], or http with a host that is not this machine.
    """
    match = _BASE_URL.fullmatch(url.lower())
    if match is None or int(match["port"] or 1) not in range(1, 65536):
        raise ValueError("this is not a base URL; write https://HOST or https://HOST:PORT, with nothing after it")
    if match["scheme"] == "http" and not is_loopback(match["host"]):
        raise ValueError("plain http would show your token to the network; write https:// (http is for this machine)")
    return url.lower().removesuffix("/")


def is_foreign(base_url: str) -> bool:
    """Whether the host of a `base_url` that was checked is neither Autodesk's nor this machine."""
    match = _BASE_URL.fullmatch(base_url)
    host = match["host"] if match else ""
    return not (host == _AUTODESK or host.endswith(f".{_AUTODESK}") or is_loopback(host))
