"""Client id metadata documents: a client whose id is the https URL of a document about itself.

Rules without I/O (draft-ietf-oauth-client-id-metadata-document-00), and a bounded cache over a `DocumentFetcher`, which
guards against requests to inner addresses with `is_public_address`.
"""

import ipaddress
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Protocol
from urllib.parse import urlsplit

import anyio
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auth.issuer.clients import MAX_REDIRECT_URIS, RegisteredClient, visible_name
from auth.issuer.errors import InvalidClientDocument, first_problem
from auth.issuer.redirect_uris import PRIVATE_SCHEMES, InvalidRedirectUri, check_redirect_uri

MAX_DOCUMENT_BYTES: Final = 5 * 1024
FETCH_SECONDS: Final = 10.0
FRESH_SECONDS: Final = (300.0, 24 * 3600.0)
"""A document is used again for at least and at most so long, whatever its headers say."""

MAX_DOCUMENTS: Final = 1000
FETCHES_AT_ONCE: Final = 8

_URL_CHARACTERS: Final = re.compile(r"https://[A-Za-z0-9.-]+(?::443)?/[A-Za-z0-9._~!$&'()*+,;=:@%/-]+", re.ASCII)
_MAX_URL_LENGTH: Final = 512
_MAX_AGE: Final = re.compile(r"(?:^|,)\s*max-age=(\d{1,9})", re.IGNORECASE)
_NAT64: Final = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_SIX_TO_FOUR: Final = ipaddress.IPv6Network("2002::/16")
_ISATAP: Final = 0x5EFE

_Uri = Annotated[str, Field(max_length=2048)]


@dataclass(frozen=True)
class FetchedDocument:
    """A document as it was answered with status 200; header names in lower case."""

    headers: Mapping[str, str]
    body: bytes


class DocumentFetcher(Protocol):
    """Fetches a client's document with a GET."""

    async def __call__(self, url: str) -> FetchedDocument:
        """Fetch a document, without following redirects and from public addresses only.

        Raises:
            InvalidClientDocument: It cannot be fetched.
        """


class _ClientDocument(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)

    client_id: str
    client_name: str = Field(min_length=1, max_length=200)
    redirect_uris: list[_Uri] = Field(min_length=1, max_length=MAX_REDIRECT_URIS * 2)
    token_endpoint_auth_method: Literal["none"] = "none"  # noqa: S105
    client_secret: None = None
    application_type: Literal["native", "web"] | None = None


def is_document_url(client_id: str) -> bool:
    """Whether a client id claims to be the address of a document."""
    return client_id.startswith(("https://", "http://"))


def check_document_url(url: str, domains: Collection[str] = ()) -> str:
    """Return the host of a client id that is a URL: https, port 443, a path, no query, no dots that climb.

    `domains` are the only ones allowed, with what is below them; empty means any.

    Raises:
        InvalidClientDocument: It is no such URL, or its domain is not allowed.
    """
    if len(url) > _MAX_URL_LENGTH or not _URL_CHARACTERS.fullmatch(url):
        raise InvalidClientDocument("a client id that is a URL is https, with a path, and without query or fragment")
    parts = urlsplit(url)
    segments = re.sub(r"%2e", ".", parts.path, flags=re.IGNORECASE).split("/")
    if any(segment in (".", "..") for segment in segments):
        raise InvalidClientDocument("a client id that is a URL has no dot segments")
    host = parts.hostname or ""
    if _is_address(host):
        raise InvalidClientDocument("a client id that is a URL names a host, not an address")
    if domains and not any(host == domain or host.endswith(f".{domain}") for domain in domains):
        raise InvalidClientDocument(f"this server takes no clients of {host}")
    return host


def is_public_address(text: str) -> bool:
    """Whether an IP address is one of the public internet, also where it is wrapped in one of IPv6."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = _wrapped(address)
        if inner is not None:
            return is_public_address(str(inner))
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def read_document(
    url: str, document: FetchedDocument, private_schemes: Collection[str] = PRIVATE_SCHEMES
) -> RegisteredClient:
    """Return the client that a document describes.

    Raises:
        InvalidClientDocument: It describes another one, or cannot be used.
    """
    if len(document.body) > MAX_DOCUMENT_BYTES:
        raise InvalidClientDocument(f"the document is larger than {MAX_DOCUMENT_BYTES} bytes")
    try:
        found = _ClientDocument.model_validate_json(document.body)
    except ValidationError as error:
        raise InvalidClientDocument(f"of the document, {first_problem(error)}") from None
    if found.client_id != url:
        raise InvalidClientDocument("the document's client_id is another one than its address")
    for uri in found.redirect_uris:
        try:
            check_redirect_uri(uri, private_schemes)
        except InvalidRedirectUri as problem:
            raise InvalidClientDocument(f"the document has a redirect URI that is not allowed: {problem}") from None
    name = visible_name(found.client_name) or urlsplit(url).hostname or ""
    return RegisteredClient(url, name, tuple(found.redirect_uris), "document", application_type=found.application_type)


def fresh_seconds(headers: Mapping[str, str]) -> float:
    """Return how long a document may be used again, by its `Cache-Control` within our bounds."""
    shortest, longest = FRESH_SECONDS
    control = headers.get("cache-control", "")
    if re.search(r"no-store|no-cache", control, re.IGNORECASE):
        return shortest
    age = _MAX_AGE.search(control)
    return min(max(float(age[1]), shortest), longest) if age else shortest


class ClientDocuments:
    """Clients by their documents, fetched when first seen and when no longer fresh. A failure is never kept."""

    def __init__(
        self,
        fetch: DocumentFetcher,
        *,
        domains: Collection[str] = (),
        private_schemes: Collection[str] = PRIVATE_SCHEMES,
        seconds: float = FETCH_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._seconds = seconds
        self._domains = domains
        self._schemes = private_schemes
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, RegisteredClient]] = OrderedDict()
        self._at_once = anyio.CapacityLimiter(FETCHES_AT_ONCE)

    def is_fresh(self, url: str) -> bool:
        """Whether `get` answers without a request."""
        return url in self._known and self._clock() < self._known[url][0]

    async def get(self, url: str) -> RegisteredClient:
        """Return the client behind a URL.

        Raises:
            InvalidClientDocument: There is none that can be used.
        """
        check_document_url(url, self._domains)
        if self.is_fresh(url):
            return self._known[url][1]
        try:
            with anyio.fail_after(self._seconds):
                async with self._at_once:
                    document = await self._fetch(url)
        except TimeoutError:
            raise InvalidClientDocument("the document was not answered in time") from None
        client = read_document(url, document, self._schemes)
        self._known[url] = (self._clock() + fresh_seconds(document.headers), client)
        self._known.move_to_end(url)
        if len(self._known) > MAX_DOCUMENTS:
            self._known.popitem(last=False)
        return client


def _is_address(host: str) -> bool:
    # A last label of digits alone is an address to every resolver, in whichever of its old notations.
    return bool(re.fullmatch(r"(?:0x[0-9a-f]*|\d+)", host.rstrip(".").rpartition(".")[2], re.IGNORECASE))


def _wrapped(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    low = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if any(address in network for network in _NAT64) or (int(address) >> 32) & 0xFFFF == _ISATAP:
        return low
    if address in _SIX_TO_FOUR:
        return ipaddress.IPv4Address((int(address) >> 80) & 0xFFFFFFFF)
    return None
