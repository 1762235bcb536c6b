"""Hosts of Autodesk: where a bearer token may go, and where file bytes may go.

A token goes to `AutodeskHosts.api` and `AutodeskHosts.profile` and nowhere else. File bytes go to a storage host and
nowhere else. Storage hosts are compared whole: `*.amazonaws.com` would admit any bucket, so would S3's own host with
the bucket in the path. Anybody can take a bucket name, so the region in one must be one of Autodesk's.
"""

import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

AUTODESK_API = "https://developer.api.autodesk.com"
AUTODESK_PROFILE = "https://api.userprofile.autodesk.com"

UPLOAD_HOSTS: Mapping[str, str] = {
    "US": "com-autodesk-oss-direct-upload.s3-accelerate.amazonaws.com",
    "EMEA": "com-autodesk-oss-prodemea-direct-upload.s3-accelerate.amazonaws.com",
}
"""Host of the signed upload URLs of a region, where a sample or a recording shows it (fact sheet 8)."""

# The same bucket without acceleration, and the buckets of the other regions (fact sheet 9), are inferred.
_STORAGE_HOST = re.compile(
    r"com-autodesk-oss-(?:prod(?:emea|aus|can|deu|gbr|ind|jpn)-)?direct-upload"
    r"\.s3(?:-accelerate)?(?:\.[a-z]{2}(?:-[a-z]+)+-[0-9])?\.amazonaws\.com"
)
_DOWNLOAD_HOST = re.compile(r"cdn\.(?:us|emea|aus|can|deu|gbr|ind|jpn)\.oss\.api\.autodesk\.com")
"""Host of signed download URLs: that of the US is documented (reference of signeds3download), the others inferred."""
_S3_ITSELF = re.compile(r"s3(?:-[a-z0-9-]+)?(?:\.(?!s3[.-])[a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?")

# What RFC 3986 lets a URL hold. A backslash, a blank or a control character makes parsers disagree on the host.
_URL_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")


class InvalidBaseUrl(ValueError):
    """A base URL that cannot stand for Autodesk's hosts; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the base URL {reason}")
        self.reason = reason


def is_loopback(host: str) -> bool:
    """Whether `host` (a name, an IPv4 address, or IPv6 with or without brackets) can only be this machine."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    # An IPv4 address mapped into IPv6 counts as loopback in some Pythons only, so it never counts here.
    return address.is_loopback and (address.version == 4 or address == ipaddress.IPv6Address("::1"))


def is_path_style(host: str) -> bool:
    """Whether `host` is S3 itself, where the path names the bucket: to trust it is to trust every bucket."""
    return _S3_ITSELF.fullmatch(host.lower()) is not None


@dataclass(frozen=True)
class _UrlOrigin:
    """Scheme, lower-case host (IPv6 in brackets) and port of a URL that every parser reads alike."""

    scheme: str
    host: str
    port: int

    @property
    def loopback(self) -> bool:
        return is_loopback(self.host)


def _origin(url: str) -> _UrlOrigin | None:
    """The origin of an absolute http(s) URL, or None if it names a person or could be read in two ways."""
    if not _URL_CHARACTERS.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = parts.netloc.lower().rpartition(":")[0] if port is not None else parts.netloc.lower().removesuffix(":")
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(host):
        return None
    return _UrlOrigin(parts.scheme, host, port if port is not None else {"http": 80, "https": 443}[parts.scheme])


@dataclass(frozen=True)
class AutodeskHosts:
    """The addresses of one Autodesk: the real one, a sandbox, or a stand-in somewhere else.

    `api` and `profile` are base URLs without a trailing slash; the profile service answers `/userinfo`.
    """

    api: str
    profile: str

    @classmethod
    def autodesk(cls) -> "AutodeskHosts":
        """Autodesk's own hosts."""
        return cls(api=AUTODESK_API, profile=AUTODESK_PROFILE)

    @classmethod
    def at(cls, base_url: str) -> "AutodeskHosts":
        """Every service, `/userinfo` included, under one base URL. Autodesk's own API host means Autodesk's hosts.

        Raises:
            InvalidBaseUrl: it is no plain http(s) URL, or plain http to a host beyond this machine.
        """
        base = base_url.strip().rstrip("/")
        origin = _origin(base)
        if origin is None or "?" in base or "#" in base:
            raise InvalidBaseUrl("must be like https://host or http://127.0.0.1:8788, with no user, query or fragment")
        if origin.scheme == "http" and not origin.loopback:
            raise InvalidBaseUrl("may use plain http on this machine only")
        if base.lower() in {AUTODESK_API, f"{AUTODESK_API}:443"}:
            return cls.autodesk()
        return cls(api=base, profile=base)

    @property
    def is_autodesk(self) -> bool:
        """Whether these are Autodesk's own hosts."""
        return self.api == AUTODESK_API

    @property
    def loopback(self) -> bool:
        """Whether the API is on this machine."""
        origin = _origin(self.api)
        return origin is not None and origin.loopback

    @property
    def api_host(self) -> str:
        """Host name of the API, lower case, without port; IPv6 in brackets."""
        origin = _origin(self.api)
        return origin.host if origin is not None else ""

    def storage_host_allowed(self, url: str, extra_hosts: Collection[str] = ()) -> bool:
        """Whether file bytes may be sent to this signed URL.

        True for Autodesk's storage hosts and `extra_hosts` (compared whole, any case) over https on port 443, and for
        the host of a base URL that is not Autodesk's: on any port, over plain http only on this machine. Never for S3
        itself.
        """
        return self._storage_allowed(url, extra_hosts, (_STORAGE_HOST,))

    def download_host_allowed(self, url: str, extra_hosts: Collection[str] = ()) -> bool:
        """Whether file bytes may be read from this signed URL: from Autodesk's download hosts too."""
        return self._storage_allowed(url, extra_hosts, (_STORAGE_HOST, _DOWNLOAD_HOST))

    def _storage_allowed(self, url: str, extra_hosts: Collection[str], patterns: Collection[re.Pattern[str]]) -> bool:
        target = _origin(url)
        if target is None or is_path_style(target.host):
            return False
        extra = {host.strip().lower() for host in extra_hosts}
        known = any(one.fullmatch(target.host) for one in patterns) or target.host in extra
        if known and target.scheme == "https" and target.port == 443:
            return True
        if self.is_autodesk or target.host != self.api_host:
            return False
        return target.scheme == "https" or target.loopback
