"""Redirect URIs of MCP clients: which may be registered, and when a given one is the registered one.

Native clients listen on a loopback port of the moment, so for loopback hosts the port does not count (RFC 8252, section
7.3); everything else is compared character by character.
"""

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import SplitResult, urlsplit

from auth.login.browser import LOOPBACK_HOSTS

MAX_LENGTH: Final = 2048

PRIVATE_SCHEMES: Final = ("cursor", "vscode", "vscode-insiders", "com.*")
"""Schemes of desktop and mobile apps that may be registered unless the settings say otherwise."""

_URI_CHARACTERS: Final = re.compile(r"[!#-;=?-\[\]_a-z~]+", re.ASCII)
_NEVER: Final = frozenset({"javascript", "data", "file", "blob", "about", "vbscript", "http", "ws", "wss", "ftp"})


_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)*(?:\.\*)?", re.ASCII)


class InvalidRedirectUri(ValueError):
    """A redirect URI that no client may register; the text says why."""


def check_redirect_uri(uri: str, private_schemes: Collection[str] = PRIVATE_SCHEMES) -> None:
    """Require a redirect URI that may be registered: https, http on loopback, or a private scheme from the list.

    Args:
        uri: What a client wants to register.
        private_schemes: Allowed schemes of apps; one that ends with `.*` stands for every reverse-domain scheme
            that begins so.

    Raises:
        InvalidRedirectUri: It may not be.
    """
    if len(uri) > MAX_LENGTH:
        raise InvalidRedirectUri(f"a redirect URI has at most {MAX_LENGTH} characters")
    parts = _split(uri)
    if parts.fragment or "#" in uri:
        raise InvalidRedirectUri("a redirect URI has no fragment")
    if "@" in parts.netloc:
        raise InvalidRedirectUri("a redirect URI has no user name")
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS):
        if not parts.hostname:
            raise InvalidRedirectUri("a redirect URI names a host")
        return
    if parts.scheme == "http":
        raise InvalidRedirectUri("a redirect URI is https; http is for loopback hosts")
    if parts.scheme in _NEVER or not _is_listed(parts.scheme, private_schemes):
        raise InvalidRedirectUri(f"the scheme {parts.scheme[:40]!r} is not allowed for a redirect URI")


def check_private_scheme(scheme: str) -> str:
    """Return an entry of a list of private schemes.

    Raises:
        ValueError: No redirect URI could have it.
    """
    if not _SCHEME.fullmatch(scheme) or scheme in {*_NEVER, "https"}:
        raise ValueError(f"{scheme!r} is not the scheme of an app; write names such as cursor or com.example.*")
    return scheme


def matches(registered: str, given: str) -> bool:
    """Whether a `given` redirect URI is the registered one; a loopback port does not count."""
    if registered == given:
        return True
    try:
        one, other = _split(registered), _split(given)
    except InvalidRedirectUri:
        return False
    if not (_is_loopback(one) and _is_loopback(other)) or "@" in other.netloc or "#" in given:
        return False
    return (one.scheme, one.hostname, one.path, one.query) == (other.scheme, other.hostname, other.path, other.query)


def is_loopback_uri(uri: str) -> bool:
    """Whether it leads to a program on the person's own computer."""
    try:
        return _is_loopback(_split(uri))
    except InvalidRedirectUri:
        return False


def shown_host(uri: str) -> str:
    """Return the part of a redirect URI that tells a person where an answer goes: its host, or its app's scheme."""
    parts = _split(uri)
    if parts.scheme in ("http", "https"):
        return parts.hostname or ""
    return f"{parts.scheme}://"


def _split(uri: str) -> SplitResult:
    if not _URI_CHARACTERS.fullmatch(uri) or "\\" in uri:
        raise InvalidRedirectUri("a redirect URI consists of the characters of RFC 3986")
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        raise InvalidRedirectUri("this is no URI") from None
    if not parts.scheme:
        raise InvalidRedirectUri("a redirect URI is absolute")
    return parts


def _is_loopback(parts: SplitResult) -> bool:
    return parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS


def _is_listed(scheme: str, private_schemes: Collection[str]) -> bool:
    return any(
        scheme == listed or (listed.endswith(".*") and scheme.startswith(listed[:-1])) for listed in private_schemes
    )
