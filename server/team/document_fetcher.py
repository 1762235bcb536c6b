"""Fetcher of client id metadata documents that no client can use to reach the inner network.

A host is resolved once, every address must be public, and the connection goes to that very address, so a name that
changes its mind leads nowhere. TLS still checks the certificate against the name. No redirects, no proxy, no cookies.
"""

import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import anyio
import httpcore
import truststore

from auth.issuer.client_documents import FETCH_SECONDS, MAX_DOCUMENT_BYTES, FetchedDocument, is_public_address
from auth.issuer.errors import InvalidClientDocument

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port -> its addresses."""

_OK: Final = 200
_JSON: Final = re.compile(r"application/(?:[\w.-]+\+)?json", re.ASCII)
"""Content types of a document; the draft has every other one treated as an error."""

_HEADERS: Final[Mapping[bytes | str, bytes | str]] = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "submittal-mcp",
}


async def resolve_host(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host by the system's resolver."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedFetcher:
    """Fetches a document; what `auth.issuer.client_documents.DocumentFetcher` asks for.

    `resolve` and `backend`, which opens connections, can be replaced by tests, and so can what TLS trusts.
    """

    def __init__(
        self,
        *,
        resolve: Resolver = resolve_host,
        backend: httpcore.AsyncNetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._backend = _PinnedBackend(resolve, backend or httpcore.AnyIOBackend())
        self._tls = tls

    async def __call__(self, url: str) -> FetchedDocument:
        """Fetch a document of at most 5 KB.

        Raises:
            InvalidClientDocument: It cannot be fetched.
        """
        tls = self._tls or truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), FETCH_SECONDS)
        try:
            async with (
                httpcore.AsyncConnectionPool(ssl_context=tls, network_backend=self._backend) as pool,
                pool.stream("GET", url, headers=_HEADERS, extensions={"timeout": timeouts}) as response,
            ):
                return await _read(response)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, ssl.SSLError) as error:
            raise InvalidClientDocument(f"it could not be fetched ({type(error).__name__})") from None


class _PinnedBackend(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only."""

    def __init__(self, resolve: Resolver, inner: httpcore.AsyncNetworkBackend) -> None:
        self._resolve = resolve
        self._inner = inner

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's own
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await self._resolve(host, port)
        except OSError:
            addresses = ()
        if not addresses or not all(map(is_public_address, addresses)):
            # The same words for a name of the inner network as for none: which names there are is not for callers.
            raise InvalidClientDocument(f"{host} is not found on the public internet")
        # IPv4 first: servers of companies often have no way out over IPv6.
        first = min(addresses, key=lambda address: ipaddress.ip_address(address.partition("%")[0]).version)
        return await self._inner.connect_tcp(first, port, timeout, local_address, socket_options)


async def _read(response: httpcore.Response) -> FetchedDocument:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
    if response.status != _OK:
        raise InvalidClientDocument(f"it was answered with HTTP {response.status}")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if not _JSON.fullmatch(kind):
        raise InvalidClientDocument(f"its Content-Type is {kind[:60] or 'missing'}, not application/json")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise InvalidClientDocument("it is compressed, though that was not asked for")
    body = bytearray()
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) > MAX_DOCUMENT_BYTES:
            raise InvalidClientDocument(f"it is larger than {MAX_DOCUMENT_BYTES} bytes")
    return FetchedDocument(headers, bytes(body))
