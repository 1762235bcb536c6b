"""Connections to the HTTP server: each has an end, however little is sent on it, and there are never too many."""

import asyncio
import errno
import itertools
import socket
import sys
from contextlib import asynccontextmanager

import anyio
import pytest
import uvicorn
from structlog.testing import capture_logs
from uvicorn.server import ServerState

from server.mcp.http import listen
from server.mcp.http_connections import (
    MAX_BODY_BYTES,
    MAX_CONNECTIONS,
    AcceptErrorLog,
    BoundedHttpProtocol,
    UnreadBodyMiddleware,
    connection_limit,
    end_accepting,
)
from server.team.serving import tls_of
from tests.support.certificates import write_certificate


async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def served(*, sock=None, **bounds):
    """The port of a server with bounds of its own, at a listening `sock`."""
    protocol = type("Protocol", (BoundedHttpProtocol,), bounds)
    config = uvicorn.Config(app, log_config=None, ws="none", lifespan="off")
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: protocol(config, state, {}), sock=sock or socket.create_server(("127.0.0.1", 0))
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        await end_accepting(server)
        server.close()
        # A connection that is being accepted is among them two turns of the loop later, and closed one after that.
        for _ in range(4):
            for connection in list(state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)


async def connected(port, sent=b""):
    """A connection to the server, which finds there what was `sent` when it accepts it."""
    raw = socket.create_connection(("127.0.0.1", port))
    raw.sendall(sent)
    return await asyncio.open_connection(sock=raw)


@pytest.mark.parametrize("turns", range(5))
async def test_a_connection_that_is_being_accepted_as_the_server_closes_is_closed(turns):
    async with served() as port:
        raw = socket.create_connection(("127.0.0.1", port))
        for _ in range(turns):
            await asyncio.sleep(0)
    reader, writer = await asyncio.open_connection(sock=raw)
    assert await end_of(reader) == b""
    writer.close()


async def end_of(reader):
    """All that a connection brings until the server hangs up."""
    with anyio.fail_after(120):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


class RecordingTransport(asyncio.Transport):
    """A connection that keeps what is written to it, piece by piece."""

    def __init__(self):
        super().__init__()
        self.pieces = []
        self.answered = asyncio.Event()

    def write(self, data):
        self.pieces.append(bytes(data))
        if self.pieces[-1].endswith(b"ok"):
            self.answered.set()

    def is_closing(self):
        return False

    def close(self):
        """It has no other side."""


REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
HALF = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nab"


async def test_a_short_answer_leaves_in_one_piece():
    """Or a proxy written in Go passes on its head alone, once in a thousand times."""
    config = uvicorn.Config(app, log_config=None, ws="none", lifespan="off")
    config.load()
    protocol, transport = BoundedHttpProtocol(config, ServerState(), {}), RecordingTransport()
    protocol.connection_made(transport)
    protocol.data_received(REQUEST)
    with anyio.fail_after(120):
        await transport.answered.wait()
    assert len(transport.pieces) == 1, transport.pieces
    protocol.connection_lost(None)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", REQUEST[:-2]])
async def test_headers_that_do_not_end_end_the_connection(sent):
    async with served(header_seconds=0.05) as port:
        reader, writer = await connected(port)
        writer.write(sent)
        assert await end_of(reader) == b""
        writer.close()


async def test_headers_that_trickle_do_not_move_their_deadline():
    async with served(header_seconds=0.2) as port:
        reader, writer = await connected(port)
        writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n")
        ended = asyncio.ensure_future(end_of(reader))
        with anyio.fail_after(120):
            while not ended.done():
                writer.write(b"X: y\r\n")
                await anyio.sleep(0.01)
        assert await ended == b""
        writer.close()


async def test_headers_of_a_later_request_have_a_deadline_too():
    async with served(header_seconds=0.1) as port:
        reader, writer = await connected(port, REQUEST)
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        writer.write(REQUEST[:9])
        assert await end_of(reader) == b""
        writer.close()


async def test_a_body_that_stops_ends_the_connection_and_one_that_goes_on_does_not():
    async with served(header_seconds=600, body_idle_seconds=0.05) as port:
        reader, writer = await connected(port, HALF)
        assert await end_of(reader) == b""
        writer.close()
    async with served(header_seconds=0.05, body_idle_seconds=600) as port:
        reader, writer = await connected(port, HALF)
        await anyio.sleep(0.1)
        writer.write(b"cde")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_a_connection_too_many_is_hung_up_on_and_the_next_one_is_served_again():
    async with served(most=2) as port:
        kept = [await connected(port) for _ in range(2)]
        for reader, writer in kept:
            writer.write(REQUEST)
            await reader.readuntil(b"ok")
        reader, writer = await connected(port)
        assert await end_of(reader) == b""
        writer.close()
        kept[0][1].close()
        await kept[0][1].wait_closed()
        with anyio.fail_after(120):
            while True:
                reader, writer = await connected(port)
                writer.write(REQUEST)
                if (await end_of_or_ok(reader)).endswith(b"ok"):
                    break
                writer.close()
        writer.close()
        kept[1][1].close()


@pytest.fixture
def tls(tmp_path):
    pem = write_certificate(tmp_path, "localhost")
    return tls_of(pem, pem)


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01", REQUEST])
async def test_a_handshake_has_the_time_of_headers(tls, sent):
    async with served(tls=tls, header_seconds=0.2) as port:
        reader, writer = await connected(port)
        writer.write(sent)
        assert b"HTTP" not in await end_of(reader)
        writer.close()


async def test_a_connection_that_shakes_no_hands_counts(tls):
    async with served(tls=tls, most=1, header_seconds=3600) as port:
        _, silent = await connected(port)
        reader, writer = await connected(port)
        assert await end_of(reader) == b""
        writer.close()
        silent.close()


async def end_of_or_ok(reader):
    try:
        return await reader.readuntil(b"ok")
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return b""


PARTS = [{"type": "http.request", "body": b"a", "more_body": True}] * 2 + [{"type": "http.request", "body": b"b"}]
LARGE = {"type": "http.request", "body": bytes(MAX_BODY_BYTES), "more_body": True}


@pytest.mark.parametrize(
    ("headers", "parts", "read"),
    [
        ([], PARTS, 3),
        ([], [{"type": "http.request", "body": b"", "more_body": False}], 1),
        ([], [PARTS[0], {"type": "http.disconnect"}], 2),
        ([], [LARGE, LARGE, LARGE], 1),
        ([(b"expect", b"100-continue")], PARTS, 0),
        ([], [], 0),
    ],
    ids=["in parts", "no body", "a caller who hangs up", "too large", "a caller who waits", "a caller who stops"],
)
async def test_an_answer_begins_after_the_body_was_read_since_proxies_cut_it_short_otherwise(headers, parts, read):
    happened, left = [], list(parts)

    async def receive():
        if not left:
            await anyio.sleep_forever()
        happened.append("read")
        return left.pop(0)

    async def send(message):
        happened.append(message["type"])

    async def refuses(scope, receive, send):
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b"no"})

    with anyio.fail_after(20):
        await UnreadBodyMiddleware(refuses, seconds=0.01)({"type": "http", "headers": headers}, receive, send)
    assert happened == ["read"] * read + ["http.response.start", "http.response.body"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(("descriptors", "connections"), [(64, 32), (1024, MAX_CONNECTIONS), (-1, MAX_CONNECTIONS)])
def test_connections_are_capped_and_take_half_the_descriptors_at_most(monkeypatch, descriptors, connections):
    monkeypatch.setattr("resource.getrlimit", lambda _: (descriptors, descriptors))
    assert connection_limit() == connections


async def test_that_nothing_can_be_accepted_is_logged_once_a_minute():
    now = [0.0]
    log = AcceptErrorLog(lambda: now[0])
    context = {"message": "socket.accept() out of system resource", "socket": None}
    with capture_logs() as lines:
        for _ in range(70):
            log(asyncio.get_running_loop(), context | {"exception": OSError(errno.EMFILE, "Too many open files")})
            now[0] += 1
    assert [line["event"] for line in lines] == ["connections_not_accepted"] * 2
    assert "ulimit -n" in lines[0]["reason"]


async def test_a_connection_that_cannot_be_accepted_is_tried_once_in_a_while(monkeypatch):
    """asyncio tries as often again as its queue is long: a server without descriptors did little else, nor ended."""
    monkeypatch.setattr("asyncio.constants.ACCEPT_RETRY_DELAY", 0.05)
    accept, failures, told = socket.socket.accept, [], []
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: told.append(context["message"]))

    def without_descriptors(listening):
        if len(failures) < 3:
            failures.append(loop.time())
            raise OSError(errno.EMFILE, "Too many open files")
        return accept(listening)

    monkeypatch.setattr(socket.socket, "accept", without_descriptors)
    try:
        async with served(sock=listen("127.0.0.1", 0)) as port:
            reader, writer = await connected(port, REQUEST)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()
    finally:
        loop.set_exception_handler(before)
    assert len(told) == 3
    assert min(later - earlier for earlier, later in itertools.pairwise(failures)) >= 0.04


async def test_a_listener_that_is_closed_while_nothing_can_be_accepted_ends_quietly(monkeypatch, caplog):
    monkeypatch.setattr("asyncio.constants.ACCEPT_RETRY_DELAY", 0.01)
    loop, log = asyncio.get_running_loop(), AcceptErrorLog()
    failed, tried_again = anyio.Event(), anyio.Event()
    before = loop.get_exception_handler()

    def never(_):
        raise OSError(errno.EMFILE, "Too many open files")

    def handled(loop, context):
        log(loop, context)
        (failed if isinstance(context["exception"], OSError) else tried_again).set()

    monkeypatch.setattr(socket.socket, "accept", never)
    loop.set_exception_handler(handled)
    try:
        with capture_logs() as lines:
            listener = listen("127.0.0.1", 0)
            server = await loop.create_server(asyncio.Protocol, sock=listener)
            with socket.create_connection(listener.getsockname()), anyio.fail_after(120):
                await failed.wait()
                server.close()
                await tried_again.wait()
    finally:
        loop.set_exception_handler(before)
    assert [line["event"] for line in lines] == ["connections_not_accepted"]
    assert caplog.records == []
