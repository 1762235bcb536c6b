"""Storage for benchmarks: takes any body as fast as it can and keeps none of it, over TLS or plain HTTP.

It stands for S3 (single and multipart PUTs, for boto3) and for as much of ACC as attaching one file asks for, so that
every contestant meets the same socket code. One thread a connection; bodies land in one reused buffer. Ends when its
stdin is closed. It can be as slow as a real line: so many bytes a second over all connections, and so many seconds
before each answer of storage to a part, and of ACC.

    python benchmarks/storage_sink.py [--tls CERTIFICATE KEY] [--rate BYTES] [--part-seconds S] [--api-seconds S]

It prints its port.
"""

import argparse
import json
import os
import socket
import ssl
import sys
import threading
import time
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

BUFFER_BYTES = 1024 * 1024
LATE_SECONDS = 0.01
"""Who sleeps wakes late; a line goes on meanwhile, and so much of it is made good."""
ETAG = '"9a0364b9e99bb480dd25e1f0284c8555"'
PERSON = "BENCHPERSON01"
LATER = "2099-01-01T00:00:00.000Z"


class Line:
    """The line that all connections share: how many bytes a second pass, and how long its answers take."""

    def __init__(self, rate: float, part_seconds: float, api_seconds: float) -> None:
        self.part_seconds = part_seconds
        self.api_seconds = api_seconds
        self._rate = rate
        self._turn = threading.Lock()
        self._free = 0.0

    def carry(self, size: int) -> None:
        """Wait until so many bytes have passed, after those of all other connections that came before."""
        if not self._rate:
            return
        with self._turn:
            self._free = max(self._free, time.monotonic() - LATE_SECONDS) + size / self._rate
            until = self._free
        time.sleep(max(0.0, until - time.monotonic()))


class Reader:
    """Reads lines and bodies from one connection."""

    def __init__(self, connection: socket.socket, line: Line) -> None:
        self._connection = connection
        self._line_shared = line
        self._held = b""
        self._buffer = bytearray(BUFFER_BYTES)

    def head(self) -> list[str] | None:
        """Return the lines of a request's head, or None at the end."""
        while b"\r\n\r\n" not in self._held:
            more = self._connection.recv(65536)
            if not more:
                return None
            self._held += more
        head, self._held = self._held.split(b"\r\n\r\n", 1)
        return head.decode("latin-1").split("\r\n")

    def skip(self, length: int) -> None:
        """Read and drop `length` bytes."""
        length -= len(self._held[:length])
        self._held = self._held[-length:] if length < 0 else b""
        view = memoryview(self._buffer)
        while length > 0:
            got = self._connection.recv_into(view[: min(length, BUFFER_BYTES)])
            if not got:
                raise ConnectionError("the body ended early")
            self._line_shared.carry(got)
            length -= got

    def body(self, length: int) -> bytes:
        """Return a short body."""
        while len(self._held) < length:
            more = self._connection.recv(65536)
            if not more:
                raise ConnectionError("the body ended early")
            self._held += more
        body, self._held = self._held[:length], self._held[length:]
        return body

    def chunks(self) -> None:
        """Read and drop a chunked body, as boto3 sends it with a trailing checksum."""
        while True:
            line = self._line()
            size = int(line.split(b";")[0], 16)
            if size == 0:
                while self._line():
                    pass
                return
            self.skip(size + 2)

    def _line(self) -> bytes:
        while b"\r\n" not in self._held:
            self._held += self._connection.recv(65536)
        line, self._held = self._held.split(b"\r\n", 1)
        return line


class Sink:
    """Answers requests; `origin` is where it listens."""

    def __init__(self, origin: str, line: Line) -> None:
        self.origin = origin
        self._line = line
        self._row: dict[str, Any] = {}

    def serve(self, connection: socket.socket) -> None:
        """Answer one connection until it ends."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = Reader(connection, self._line)
        try:
            while (head := reader.head()) is not None:
                method, target, _ = head[0].split(" ", 2)
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                if headers.get("expect", "").lower() == "100-continue":
                    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                content = b""
                if method == "PUT":
                    if "chunked" in headers.get("transfer-encoding", ""):
                        reader.chunks()
                    else:
                        reader.skip(int(headers["content-length"]))
                elif length := int(headers.get("content-length", "0")):
                    content = reader.body(length)
                time.sleep(self._line.part_seconds if method == "PUT" else self._line.api_seconds)
                connection.sendall(_response(*self._answer(method, target, content)))
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            connection.close()

    def _answer(self, method: str, target: str, content: bytes) -> tuple[str, bytes]:
        place = urlsplit(target)
        query = parse_qs(place.query, keep_blank_values=True)
        if method == "PUT":
            return "", b""
        if place.path.endswith("/signeds3upload"):
            return "application/json", json.dumps(self._storage(method, query)).encode()
        if place.path.endswith("/users/me"):
            return "application/json", json.dumps({"id": PERSON, "role": "manager", "permittedActions": []}).encode()
        if place.path.startswith("/construction/"):
            return "application/json", json.dumps(self._attachments(method, place.path, content)).encode()
        return "application/xml", _multipart(query)

    def _storage(self, method: str, query: dict[str, list[str]]) -> dict[str, Any]:
        if method == "POST":
            return {"bucketKey": "bench", "objectId": "urn:bench", "objectKey": "object", "size": 0}
        first, count = int(query.get("firstPart", ["1"])[0]), int(query.get("parts", ["1"])[0])
        urls = [f"{self.origin}/part?partNumber={number}&X-Amz-Expires=600" for number in range(first, first + count)]
        return {"uploadKey": "bench", "uploadExpiration": LATER, "urlExpiration": LATER, "urls": urls}

    def _attachments(self, method: str, path: str, content: bytes) -> dict[str, Any]:
        if method == "GET":
            rows = [self._row] if self._row else []
            return {"pagination": {"limit": 50, "offset": 0, "totalResults": len(rows)}, "results": rows}
        if method == "POST":
            asked = json.loads(content)
            self._row = {
                "id": str(uuid.uuid4()), "itemId": path.split("/")[-2], "taskId": None, "name": asked["name"],
                "isFileUploaded": False, "asyncState": "1", "urn": None, "urnVersion": None, "revision": 0,
                "uploadUrn": f"urn:adsk.objects:os.object:bench/{uuid.uuid4()}", "urnTypeId": "2", "categoryId": "1",
                "createdBy": PERSON, "createdAt": LATER, "updatedBy": PERSON, "updatedAt": LATER,
                "duplicatedFrom": None, "permittedActions": [],
            }  # fmt: skip
        if method == "PATCH":
            self._row |= {"isFileUploaded": True, "asyncState": "3", "urn": "urn:adsk.wipprod:fs.file:vf.x?version=1"}
        return self._row


def _multipart(query: dict[str, list[str]]) -> bytes:
    if "uploads" in query:
        return (
            b"<InitiateMultipartUploadResult><Bucket>bench</Bucket><Key>object</Key>"
            b"<UploadId>1</UploadId></InitiateMultipartUploadResult>"
        )
    return (
        b"<CompleteMultipartUploadResult><Bucket>bench</Bucket><Key>object</Key>"
        b"<ETag>&quot;1&quot;</ETag></CompleteMultipartUploadResult>"
    )


def _response(kind: str, content: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\nETag: {ETAG}\r\n"
    head += f"Content-Type: {kind}\r\n" if kind else ""
    return head.encode("ascii") + b"\r\n" + content


def _serve(sink: Sink, connection: socket.socket, context: ssl.SSLContext | None) -> None:
    try:
        # The handshake belongs into the connection's own thread: clients may shake hands in another order.
        sink.serve(connection if context is None else context.wrap_socket(connection, server_side=True))
    except (ssl.SSLError, ConnectionError):
        connection.close()


def main() -> None:
    """Serve until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"))
    parser.add_argument("--rate", type=float, default=0.0, help="bytes a second; 0 is as fast as it goes")
    parser.add_argument("--part-seconds", type=float, default=0.0)
    parser.add_argument("--api-seconds", type=float, default=0.0)
    chosen = parser.parse_args()
    tls = chosen.tls
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    port = listener.getsockname()[1]
    line = Line(chosen.rate, chosen.part_seconds, chosen.api_seconds)
    sink = Sink(f"{'https' if tls else 'http'}://127.0.0.1:{port}", line)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(sink, connection, context), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    print(port, flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    # Fewer switches between the threads that only read.
    sys.setswitchinterval(0.02)
    main()
