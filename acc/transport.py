"""Create httpx clients, and map httpx's exceptions to ours; the only module that does either.

What holds for both clients: the operating system's certificates are trusted, `HTTPS_PROXY`/`NO_PROXY` and the
system's proxy settings are honoured except on the way to this machine, nothing waits without a limit, redirects are
never followed, and cookies are never kept, for one client may serve several people.

netrc is never read: without `trust_env` httpx looks at nothing of the environment; the proxies are found here.
"""

import ssl
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx
import truststore

from acc.errors import (
    AccError,
    ProxyFailure,
    ServiceUnavailable,
    StorageUnavailable,
    UnexpectedAnswer,
    UntrustedCertificate,
)
from acc.hosts import AutodeskHosts
from persistence.errors import check_descriptors

T = TypeVar("T")

API_TIMEOUT = httpx.Timeout(connect=10, read=30, write=30, pool=30)
"""Seconds without progress on a JSON request before it is given up."""

STORAGE_TIMEOUT = httpx.Timeout(connect=10, read=120, write=30, pool=30)
"""Seconds without progress on a part. `write` is one chunk that the network does not take, so a slow line is no
stall; `read` covers storage's own work on a part after its last byte."""

_CONNECTION: Final = "a connection to Autodesk"
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

# The request cannot have reached the other side: no connection was made.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def api_client(hosts: AutodeskHosts, *, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """A client for JSON requests to these hosts. It carries no credentials; a `transport` replaces the network.

    Raises:
        ProxyFailure: the proxy settings of this machine cannot be used.
    """
    try:
        common = _common(hosts, httpx.AsyncHTTPTransport)
        return httpx.AsyncClient(transport=transport, timeout=API_TIMEOUT, **common)
    except (ImportError, ValueError, httpx.InvalidURL):
        # What httpx says here quotes the proxy's URL, which can hold a password.
        raise ProxyFailure("acc.transport.api_client") from None


def storage_client(hosts: AutodeskHosts) -> httpx.Client:
    """A blocking client for file bytes, to be shared by worker threads. It carries no credentials, ever.

    Raises:
        ProxyFailure: the proxy settings of this machine cannot be used.
    """
    try:
        return httpx.Client(timeout=STORAGE_TIMEOUT, **_common(hosts, httpx.HTTPTransport))
    except (ImportError, ValueError, httpx.InvalidURL):
        raise ProxyFailure("acc.transport.storage_client") from None


def _common(hosts: AutodeskHosts, transport: Callable[..., T]) -> Mapping[str, Any]:
    trusted = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # On the way to this machine not even a setting that cannot be read is in the way.
    proxies = {} if hosts.loopback else _proxies()
    return {
        "verify": trusted,
        "follow_redirects": False,
        "trust_env": False,
        "mounts": {
            pattern: None if proxy is None else transport(proxy=httpx.Proxy(proxy), verify=trusted)
            for pattern, proxy in proxies.items()
        },
        "cookies": CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),
    }


def _proxies() -> dict[str, str | None]:
    """Return the proxy for each pattern of URLs, None for none: what httpx reads of the environment, and no more.

    An entry of `NO_PROXY` that httpx cannot read (an address with a mask, a wildcard within a name) is left out, where
    httpx would refuse to make any client.
    """
    found = urllib.request.getproxies()
    proxies = {
        f"{scheme}://": url if "://" in url else f"http://{url}"
        for scheme in ("http", "https", "all")
        if (url := found.get(scheme))
    }
    direct: dict[str, None] = {f"all://{host}": None for host in _LOOPBACK}
    for entry in filter(None, (entry.strip() for entry in found.get("no", "").split(","))):
        if entry == "*":
            return {}
        with suppress(httpx.InvalidURL):
            pattern = _pattern(entry)
            httpx.URL(pattern)
            direct[pattern] = None
    return {**proxies, **direct}


def proxy_set(hosts: AutodeskHosts) -> str | None:
    """Return host and port of the proxy that is set on the way to these hosts, without user and password."""
    proxies = {} if hosts.loopback else _proxies()
    url = proxies.get("https://") or proxies.get("all://")
    if url is None:
        return None
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:  # which quotes it
        return "no address"


def _pattern(entry: str) -> str:
    """Return httpx's pattern for an entry of `NO_PROXY`: an address is itself, a name also all that ends with it."""
    if "://" in entry:
        return entry
    try:
        address = ip_address(entry.strip("[]"))
    except ValueError:
        if entry.startswith("[") or entry.lower() == "localhost":
            return f"all://{entry}"
        name = entry.removeprefix("*").removesuffix(":443")  # httpx would look for the port in addresses without one
        plain = name.removeprefix(".")
        # httpx writes names of other scripts in ASCII, but none that a wildcard stands in.
        host = plain if plain.isascii() else httpx.URL(f"all://{plain}").netloc.decode("ascii")
        return f"all://*{'.' if name != plain else ''}{host}"
    return f"all://[{address}]" if address.version == 6 else f"all://{address}"


_PIECE_BYTES: Final = 64 * 1024


async def read_bounded(response: httpx.Response, operation: str, most: int) -> bytes:
    """Read the body of a streamed answer: at most so many bytes, decoded, and never through several codings.

    One coding makes a thousandfold of what came at the most, so it is decoded piece by piece; two, a millionfold.

    Raises:
        UnexpectedAnswer: It is longer, or in several codings.
    """
    if is_nested(response):
        problem = "the body has several content codings"
        raise UnexpectedAnswer(operation, problem=problem, http_status=response.status_code, sent=True)
    content = bytearray()  # a list of its chunks, which may have two bytes each, would take twenty times as much
    decode, answer = _bounded_decoder(response), response.aiter_raw()
    if response.is_stream_consumed:  # a transport that has it in memory, as tests do, has decoded it too
        decode, answer = lambda whole: iter((whole,)), response.aiter_bytes()
    try:
        async for raw in answer:
            for chunk in decode(raw):
                if len(content) + len(chunk) > most:
                    problem = f"the body is longer than {most} bytes"
                    raise UnexpectedAnswer(operation, problem=problem, http_status=response.status_code, sent=True)
                content += chunk
    except zlib.error:
        problem = "the body's compression is broken"
        raise UnexpectedAnswer(operation, problem=problem, http_status=response.status_code, sent=True) from None
    return bytes(content)


def _bounded_decoder(response: httpx.Response) -> Callable[[bytes], Iterator[bytes]]:
    """Return what decodes an answer of one coding in pieces of 64 KiB; httpx would decode at once all that came."""
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in ("gzip", "deflate"):
        return lambda raw: iter((raw,))
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def pieces(raw: bytes) -> Iterator[bytes]:
        while raw:
            yield decoder.decompress(raw, _PIECE_BYTES)
            raw = decoder.unconsumed_tail

    return pieces


def start_of_body(response: httpx.Response, most: int) -> bytes:
    """Return the start of a streamed answer, decoded to at most so many bytes; nothing of one in several codings.

    httpx would decode all that came at once, a thousandfold of it at the worst.
    """
    raw = next(response.iter_raw(most), b"")
    codings = response.headers.get_list("content-encoding", split_commas=True)
    if codings in ([], ["identity"]):
        return raw
    if codings not in (["gzip"], ["deflate"]):
        return b""
    with suppress(zlib.error):
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(raw, most)
    return b""


def is_nested(response: httpx.Response) -> bool:
    """Whether the body of an answer was coded several times over."""
    return len(response.headers.get_list("content-encoding", split_commas=True)) > 1


def network_errors() -> tuple[type[Exception], ...]:
    """Return what ends an exchange without an answer; what a SOCKS proxy says wrongly, httpx lets through as it is."""
    return (httpx.RequestError, TimeoutError, *_socks_errors())


def _socks_errors() -> tuple[type[Exception], ...]:
    """Return what only a SOCKS proxy can bring about: nothing of it is loaded before something has failed."""
    with suppress(ImportError):
        from socksio.exceptions import SOCKSError  # type: ignore[import-not-found,unused-ignore]

        return (SOCKSError,)
    return ()


def error_from_transport(operation: str, error: Exception) -> AccError:
    """Map the failure of a request without an answer; never quotes httpx, whose texts can hold addresses.

    Raises:
        DescriptorsExhausted: This process has no descriptor left for a connection.
    """
    sent = not isinstance(error, _NEVER_SENT)
    check_descriptors(error, _CONNECTION, may_hide=not sent)
    if isinstance(error, httpx.DecodingError):
        return UnexpectedAnswer(operation, problem="the body's compression is broken", sent=sent)
    if isinstance(error, _socks_errors()):
        return ProxyFailure(operation, sent=False)
    if isinstance(error, httpx.ProxyError):
        return ProxyFailure(operation, sent=sent)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error)):
        return UntrustedCertificate(operation, sent=sent)
    return ServiceUnavailable(operation, sent=sent)


def storage_error_from_transport(operation: str, error: Exception) -> AccError:
    """The same for a part: a lost connection to storage is `StorageUnavailable`. Raises as that does."""
    found = error_from_transport(operation, error)
    return StorageUnavailable(operation, sent=found.sent) if type(found) is ServiceUnavailable else found


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__
