"""stdio server, for the chat client that started this process.

Nothing but JSON-RPC is written to stdout: the SDK points descriptor 1 at stderr while it serves.
"""

import codecs
import contextvars
import json
import os
import re
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, Self

import anyio
import structlog
from anyio.abc import AsyncResource
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)
from pydantic import ValidationError

from server.shutdown import ANSWER_SECONDS, STDIO_SECONDS, force_exit_after, on_shutdown_signal

_CHUNK: Final = 64 * 1024

_UTF16: Final = {
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    b"{\x00": "utf-16-le",
    b"\x00{": "utf-16-be",
}
"""How UTF-16 begins, with a mark or with a message."""

_NOTIFIED: Final = "notifications/"
"""How the methods of all notifications begin."""

_UNANSWERED: Final = frozenset({"subscriptions/listen"})
"""Requests that stay open as long as the client is there."""


class _StdioTransport:
    """Transport over descriptor 0 as a pipe that this process can end itself.

    The SDK's reader sits in a blocking read of stdin, which nothing can interrupt, so a signal alone would end nothing.
    A daemon thread copies the real stdin into a pipe that takes its place. When the pipe is closed, because stdin ended
    or because of a signal, the SDK sees the end of input and everything unwinds the one ordinary way.
    """

    def __init__(self) -> None:
        self._stdin = os.dup(0)
        if sys.platform != "win32":  # a parent that shares its own end may have left these so
            os.set_blocking(0, True)
            os.set_blocking(1, True)
        reader, writer = os.pipe()
        os.dup2(reader, 0)
        os.close(reader)
        self._pipe = os.fdopen(writer, "wb", buffering=0)
        # A plain flag, not a lock: on Windows `end` runs in a signal handler, which may interrupt itself.
        self._ended = False

    def start(self) -> None:
        threading.Thread(target=self._copy, name="stdin", daemon=True).start()

    def end(self) -> None:
        """End the input of the server, and the process soon after. Further calls do nothing."""
        if not self._ended:
            self._ended = True
            force_exit_after(STDIO_SECONDS)
            self._pipe.close()

    def _copy(self) -> None:
        to_utf8 = Utf8Transcoder()
        try:
            is_open = True
            while is_open:
                chunk = os.read(self._stdin, _CHUNK)
                is_open = bool(chunk)
                chunk = to_utf8.transcode(chunk, final=not chunk)
                while chunk:
                    chunk = chunk[self._pipe.write(chunk) :]
        except (OSError, ValueError):
            # The client's end broke, or the pipe was closed by a signal: the end of input either way.
            pass
        self.end()


class Utf8Transcoder:
    """Transcoder to UTF-8: drops a byte-order mark, and converts the UTF-16 that some shells write into a pipe."""

    def __init__(self) -> None:
        self._start = b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._begun = False

    def transcode(self, chunk: bytes, *, final: bool = False) -> bytes:
        """Return the next bytes as UTF-8, without a mark; nothing while it is not clear yet whether there is one."""
        if not self._begun:
            self._start += chunk
            if len(self._start) < len(codecs.BOM_UTF8) and b"\n" not in self._start and not final:
                return b""
            self._begun = True
            chunk = self._start.removeprefix(codecs.BOM_UTF8)
            encoding = next((name for start, name in _UTF16.items() if chunk.startswith(start)), None)
            if encoding is not None:
                self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        return self._decoder.decode(chunk).encode() if self._decoder is not None else chunk


class OpenRequests:
    """Requests that were read and not answered yet."""

    def __init__(self) -> None:
        self._ids: set[str | int] = set()
        self._none_left = anyio.Event()
        self._patient = True

    def read(self, item: SessionMessage) -> None:
        """Note a message of the client's."""
        match item.message:
            case JSONRPCRequest(method=method, id=request_id) if method not in _UNANSWERED:
                self._ids.add(request_id)
            case JSONRPCNotification(
                method="notifications/cancelled", params={"requestId": str() | int() as request_id}
            ):
                self._ids.discard(request_id)

    def written(self, item: SessionMessage) -> None:
        """Note a message of the server's."""
        if isinstance(item.message, JSONRPCResponse | JSONRPCError) and item.message.id is not None:
            self._ids.discard(item.message.id)
            if not self._ids:
                self._none_left.set()

    def give_up(self) -> None:
        """Wait for no answer any more."""
        self._patient = False
        self._none_left.set()

    async def answered(self, seconds: float) -> None:
        """Wait until all are answered, at most so long."""
        with anyio.move_on_after(seconds):
            while self._ids and self._patient:
                self._none_left = anyio.Event()
                await self._none_left.wait()


class ClientMessages(AsyncResource):
    """The client's messages; their end waits until the requests before it are answered, `ANSWER_SECONDS` at most.

    A line that is no message is answered with an error, under its id where it has one: the SDK would drop it in
    silence, and take a request for a notification whose id is none.
    """

    def __init__(
        self,
        messages: ReadStream[SessionMessage | Exception],
        answers: WriteStream[SessionMessage],
        requests: OpenRequests,
    ) -> None:
        self._messages = messages
        self._answers = answers
        self._requests = requests

    @property
    def last_context(self) -> contextvars.Context | None:
        """The context of the last message's sender, where the SDK keeps one."""
        return getattr(self._messages, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message."""
        while True:
            try:
                item = await self._messages.receive()
            except anyio.EndOfStream:
                await self._requests.answered(ANSWER_SECONDS)
                raise
            answer = _refusal(item)
            if answer is None and isinstance(item, SessionMessage):
                self._requests.read(item)
                return item
            if answer is not None:
                structlog.get_logger().warning("unreadable_line")
                await self._answers.send(SessionMessage(answer))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        """Return the next message."""
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        """Read no further."""
        await self._messages.aclose()


class ServerMessages(AsyncResource):
    """The server's messages, each noted when it is handed on."""

    def __init__(self, messages: WriteStream[SessionMessage], requests: OpenRequests) -> None:
        self._messages = messages
        self._requests = requests

    async def send(self, item: SessionMessage, /) -> None:
        """Write a message."""
        await self._messages.send(item)
        self._requests.written(item)

    async def aclose(self) -> None:
        """Write no more."""
        await self._messages.aclose()


_NO_MESSAGE: Final = ErrorData(
    code=PARSE_ERROR, message="This line is no JSON-RPC message: write one JSON object a line, in UTF-8."
)
_NO_REQUEST: Final = ErrorData(
    code=INVALID_REQUEST,
    message='This is no JSON-RPC request: it needs "jsonrpc": "2.0", a method, an id that is a text or a whole number, '
    "params that are an object, and whole characters in its texts.",
)


def _refusal(item: SessionMessage | Exception) -> JSONRPCError | None:
    """Return the error that a line is answered with; None for a message, and for an empty line."""
    if isinstance(item, SessionMessage):
        # Without an id that is one, a request is read as a notification.
        is_request = isinstance(item.message, JSONRPCNotification) and not item.message.method.startswith(_NOTIFIED)
        return JSONRPCError(jsonrpc="2.0", id=None, error=_NO_REQUEST) if is_request else None
    found = item.errors() if isinstance(item, ValidationError) else []
    # The member that an object lacks is told with the whole object.
    given = next((one["input"] for one in found if one["type"] == "missing"), found[0]["input"] if found else None)
    if isinstance(given, str):
        if not given.strip():
            return None
        with suppress(ValueError, RecursionError):  # JSON with half of a character is read here alone
            given = json.loads(given)
    if not isinstance(given, dict):
        return JSONRPCError(jsonrpc="2.0", id=None, error=_NO_MESSAGE)
    return JSONRPCError(jsonrpc="2.0", id=_request_id(given), error=_NO_REQUEST)


def _request_id(given: Mapping[str, Any]) -> str | int | None:
    named = given.get("id")
    is_id = isinstance(named, str | int) and not isinstance(named, bool)
    return named if is_id and not re.search("[\ud800-\udfff]", str(named)) else None


async def _serve(server: Server[Any], wire: _StdioTransport) -> None:
    requests = OpenRequests()

    def end_now() -> None:
        requests.give_up()
        wire.end()

    on_shutdown_signal(end_now)
    wire.start()
    async with stdio_server() as (read, write):
        answers = ServerMessages(write, requests)
        await server.run(ClientMessages(read, write, requests), answers, server.create_initialization_options())


def serve_stdio(server: Server[Any]) -> None:
    """Serve until stdin ends or a signal stops the process (SIGTERM, Ctrl-C).

    The process is to end after this: within `STDIO_SECONDS` it does, whatever else still runs.
    """
    wire = _StdioTransport()
    try:
        anyio.run(_serve, server, wire)
    except* BrokenPipeError:
        structlog.get_logger().info("client_gone")
    finally:
        # The SDK has given descriptor 1 back to the client. What a library printed may still sit in sys.stdout's
        # buffer, which Python flushes at its end: it goes where the rest went.
        os.dup2(2, 1)
