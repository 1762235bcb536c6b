"""Access rule of the controls: who may move the clock, faults, switches and request log.

On loopback every program of the machine may, but no page of another site: requests must name a loopback host, and
must not come from another origin. Beyond loopback the controls are off, unless there is a control token.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from acc_sandbox.http.errors import RefusedError

COOKIE = "sandbox_control"


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class ControlAccess:
    """The rule for one sandbox; `host` is where it listens."""

    def __init__(self, host: str, token: str | None) -> None:
        self._token = token
        self._loopback = is_loopback(host)

    @property
    def off(self) -> bool:
        """Whether they are switched off for all requests."""
        return self._token is None and not self._loopback

    @property
    def asks_for_token(self) -> bool:
        """Whether a token opens them."""
        return self._token is not None

    def require_host(self, headers: Mapping[str, str]) -> None:
        """Raise `RefusedError` (403) on loopback for another host name, as a page that rebinds its name in DNS sends.

        With a control token anything may stand before the sandbox, so that no name is refused.
        """
        if self._loopback and self._token is None and not _is_loopback_name(headers.get("host", "")):
            raise RefusedError(403, "The sandbox listens on loopback and answers to a loopback host only")

    def require(self, headers: Mapping[str, str]) -> None:
        """Raise `RefusedError` (403) for a request that may not use them; header names are lower-case."""
        if self.off:
            raise RefusedError(403, "The controls are off beyond loopback; start the sandbox with --control-token")
        host = headers.get("host", "")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            raise RefusedError(403, "The controls do not answer another origin")
        if self._token is None:
            if not _is_loopback_name(host):
                raise RefusedError(403, "The controls answer to a loopback host only")
        elif not self.is_token(_given(headers)):
            raise RefusedError(403, "The control token is missing or wrong")

    def is_allowed(self, headers: Mapping[str, str]) -> bool:
        """Whether a request may use them."""
        try:
            self.require(headers)
        except RefusedError:
            return False
        return True

    def is_token(self, given: str) -> bool:
        """Whether `given` is the control token."""
        return self._token is not None and hmac.compare_digest(given.encode("utf-8", "replace"), self._token.encode())


def _is_loopback_name(host: str) -> bool:
    """Whether the value of a `Host` header names this machine; browsers resolve `*.localhost` themselves."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return is_loopback(name) or name.endswith(".localhost")


def _given(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        cookie = None
    return unquote(cookie.value) if cookie is not None else ""
