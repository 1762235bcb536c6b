"""Open URLs in the browser after a safety check, never through a shell."""

import re
import threading
from typing import Final
from urllib.parse import SplitResult, urlsplit

# What RFC 3986 lets a URL hold, without quotes, blanks and backslashes: nothing a command line could take amiss.
_PLAIN: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&()*+,;=%]{1,8000}")


LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts of a redirect to a program on the user's own computer (RFC 8252, section 7.3)."""


class UnsafeAddress(ValueError):  # it names what was found
    """An address that no browser is sent to: neither https nor on this machine, or written strangely."""

    def __str__(self) -> str:
        return "the address is neither https nor on this machine; it is not opened"


def require_safe_url(url: str) -> str:
    """Return a URL that a browser may be sent to.

    Raises:
        UnsafeAddress: It is none.
    """
    parts = _parts(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS)
    if not safe or not parts.hostname or parts.username is not None:
        raise UnsafeAddress
    return url


def checked_callback(url: str) -> str:
    """Return a callback URL that this program can listen at: plain http, this machine, a port and a path.

    Raises:
        ValueError: It is none; the text says what one looks like.
    """
    try:
        parts = _parts(url)
        good = parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS and parts.port and parts.username is None
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or not parts.path.startswith("/"):
        raise ValueError("the callback URL must be on this machine, like http://localhost:8765/callback")
    return url


def open_in_browser(url: str) -> bool:
    """Open a checked URL in the person's browser, without waiting for it; return whether this machine has one.

    Raises:
        UnsafeAddress: It is not one to open.
    """
    import webbrowser

    require_safe_url(url)
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    # In a thread: a browser that runs in the terminal would hold up the program that waits for its answer.
    threading.Thread(target=webbrowser.open, args=(url,), name="browser", daemon=True).start()
    return True


def _parts(url: str) -> SplitResult:
    if not _PLAIN.fullmatch(url):
        raise UnsafeAddress
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise UnsafeAddress from None
    return parts
