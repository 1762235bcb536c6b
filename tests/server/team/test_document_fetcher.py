"""Fetching a client's document: over real TLS, from public addresses only, by the address that was checked."""

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpcore
import pytest
from anyio.streams.tls import TLSListener

from auth.issuer.errors import InvalidClientDocument
from server.team.document_fetcher import GuardedFetcher
from tests.support.certificates import write_certificate

HOST = "client.example"
URL = f"https://{HOST}/client.json"
PUBLIC_ADDRESS = "93.184.216.34"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server of `client.example` and a client that trusts it use."""
    pem = write_certificate(tmp_path_factory.mktemp("tls"), HOST)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(cafile=pem)
    return server, client


@dataclass
class Network:
    """A web server on loopback that stands for the internet: every public address leads to it."""

    port: int
    tls: ssl.SSLContext
    connected: list[tuple[str, int]] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)

    def fetcher(self, *addresses: str) -> GuardedFetcher:
        async def resolve(host: str, _port: int) -> Sequence[str]:
            self.resolved.append(host)
            if not addresses:
                raise OSError("there is no such name")
            return addresses

        return GuardedFetcher(resolve=resolve, backend=_Redirected(self), tls=self.tls)


class _Redirected(httpcore.AsyncNetworkBackend):
    def __init__(self, network: Network) -> None:
        self._network = network

    async def connect_tcp(self, host: str, port: int, *options: Any) -> httpcore.AsyncNetworkStream:
        self._network.connected.append((host, port))
        return await httpcore.AnyIOBackend().connect_tcp("127.0.0.1", self._network.port, *options)


@asynccontextmanager
async def answering(answer: bytes, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> AsyncIterator[Network]:
    """A server that gives every connection the same answer."""

    async def serve(stream: Any) -> None:
        async with stream:
            request = b""
            while b"\r\n\r\n" not in request:
                request += await stream.receive()
            await stream.send(answer)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    secure = TLSListener(listener, tls[0], standard_compatible=False)
    async with secure, anyio.create_task_group() as group:
        group.start_soon(secure.serve, serve)
        yield Network(listener.extra(anyio.abc.SocketAttribute.local_port), tls[1])
        group.cancel_scope.cancel()


def http(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    headers = {"Content-Type": "application/json; charset=utf-8"} | headers
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


async def test_a_document_is_fetched_over_tls_from_the_address_that_was_checked(tls: Any) -> None:
    async with answering(http(b"{}", **{"Cache-Control": "max-age=60"}), tls) as network:
        with anyio.fail_after(120):
            found = await network.fetcher(PUBLIC_ADDRESS)(URL)
    assert (found.body, found.headers["cache-control"]) == (b"{}", "max-age=60")
    assert network.resolved == [HOST]
    assert network.connected == [(PUBLIC_ADDRESS, 443)]


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("169.254.169.254",),
        ("10.0.0.1",),
        ("::1",),
        ("::ffff:169.254.169.254",),
        (PUBLIC_ADDRESS, "192.168.0.1"),
        (),
    ],
)
async def test_a_name_of_an_inner_address_is_never_connected_to_and_answered_like_an_unknown_one(
    tls: Any, addresses: tuple[str, ...]
) -> None:
    async with answering(http(b"{}"), tls) as network:
        with pytest.raises(InvalidClientDocument, match=r"client\.example is not found on the public internet"):
            await network.fetcher(*addresses)(URL)
    assert network.connected == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (http(b"", "302 Found", Location="https://169.254.169.254/"), "HTTP 302"),
        (http(b"", "404 Not Found"), "HTTP 404"),
        (http(b"x" * 6000), "larger than"),
        (http(b"x", **{"Content-Encoding": "gzip"}), "compressed"),
        (http(b"{}", **{"Content-Type": "text/html"}), "Content-Type is text/html"),
        (http(b"{}", **{"Content-Type": ""}), "Content-Type is missing"),
        (http(b"{}", **{"Content-Type": "application/json5"}), "Content-Type is application/json5"),
        (b"nonsense\r\n\r\n", "could not be fetched"),
    ],
)
async def test_an_answer_that_is_no_small_document_is_refused(tls: Any, answer: bytes, words: str) -> None:
    async with answering(answer, tls) as network:
        with anyio.fail_after(120), pytest.raises(InvalidClientDocument, match=words):
            await network.fetcher(PUBLIC_ADDRESS)(URL)
    assert len(network.connected) == 1


async def test_a_certificate_of_another_name_is_refused(tls: Any) -> None:
    async with answering(http(b"{}"), tls) as network:
        with anyio.fail_after(120), pytest.raises(InvalidClientDocument):
            await network.fetcher(PUBLIC_ADDRESS)("https://other.example/client.json")
