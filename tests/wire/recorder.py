"""A server on this machine that keeps each request as its bytes came, and answers what it was told to."""

import json
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request: its target and body undecoded, its headers in order of arrival, names in lower case."""

    method: str
    target: str
    version: str
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Recorder:
    """Where it listens, what came, and what is answered; `UploadUrls` name this host too."""

    url: str
    received: list[Received] = field(default_factory=list)
    status: int = 200
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self, response: Mapping[str, Any]) -> None:
        """Answer from now on what an example's response shows."""
        content = response.get("body")
        self.status = response["status"]
        self.headers = response.get("headers") or {}
        self.content = content.encode() if isinstance(content, str) else b""
        if not isinstance(content, str | None):
            self.content = json.dumps(content).encode()


@contextmanager
def recording() -> Iterator[Recorder]:
    """Listen on a free port while the block lasts."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            method, target, version = self.rfile.readline().decode("ascii").split()
            headers = []
            while line := self.rfile.readline().decode("latin-1").rstrip("\r\n"):
                name, _, value = line.partition(":")
                headers.append((name.lower(), value.strip()))
            body = self.rfile.read(int(dict(headers).get("content-length", 0)))
            recorder.received.append(Received(method, target, version, headers, body))
            lines = {**recorder.headers, "Content-Length": str(len(recorder.content)), "Connection": "close"}
            head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            self.wfile.write(f"HTTP/1.1 {recorder.status} X\r\n{head}\r\n".encode("latin-1") + recorder.content)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        recorder = Recorder(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield recorder
        server.shutdown()
        thread.join()
