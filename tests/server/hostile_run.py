"""A run of calls against an Autodesk that answers with whatever a socket can carry; writes docs/reliability.md's table.

python -m tests.server.hostile_run [--write]
"""

import argparse
import gzip
import json
import os
import re
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from tests.support.constants import ROOT

UUID: Final = "0f5f9c1e-6f0e-5a3c-9d0a-2f3b7c1d8e4f"
CALLS: Final = (
    ("find_projects", {}),
    ("get_submittal", {"project": UUID, "submittal": UUID}),
    ("add_submittal_attachment", {"project": UUID, "submittal": UUID, "file_path": "beam.pdf"}),
)
PAGE: Final = ROOT / "docs" / "reliability.md"

Answer = Callable[[Callable[[bytes], None], threading.Event], None]


def _json(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _once(answer: bytes) -> Answer:
    return lambda send, _: send(answer)


def _forever(start: bytes, more: bytes) -> Answer:
    def answer(send: Callable[[bytes], None], _: threading.Event) -> None:
        send(start)
        while True:
            send(more)

    return answer


def _trickle(send: Callable[[bytes], None], ended: threading.Event) -> None:
    for byte in _json(b'{"data": []}'):
        send(bytes([byte]))
        if ended.wait(1):
            return


def _hang(_: Callable[[bytes], None], ended: threading.Event) -> None:
    ended.wait()


_BOMB: Final = gzip.compress(b" " * 100_000_000)
MODES: Final[dict[str, Answer]] = {
    "nothing, and the end": _once(b""),
    "bytes that are no HTTP": _once(bytes(range(256)) * 40),
    "a status line alone": _once(b"HTTP/1.1 200 OK\r\n"),
    "a status of four digits": _once(b"HTTP/1.1 2000 OK\r\n\r\n"),
    "interim answers without end": _forever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100),
    "headers without end": _forever(b"HTTP/1.1 200 OK\r\n", b"X-Filler: " + b"x" * 1000 + b"\r\n"),
    "one header of 10 MiB": _once(b"HTTP/1.1 200 OK\r\nX-Filler: " + b"x" * 10_485_760 + b"\r\n\r\n"),
    "less of a body than announced": _once(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}"),
    "a body without end": _forever(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[", b" " * 65536),
    "chunks without end": _forever(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65536 + b"\r\n"
    ),
    "chunks of two bytes without end": _forever(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\n  \r\n" * 20_000
    ),
    "trailers without end": _forever(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X-T: " + b"x" * 1000 + b"\r\n"
    ),
    "a chunk of a negative length": _once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n"),
    "100 MB in 97 kB of gzip": _once(_json(_BOMB, "Content-Encoding: gzip")),
    "32 MiB of small values": _once(_json(gzip.compress(b"[" + b"{}," * 11_000_000 + b"0]"), "Content-Encoding: gzip")),
    "a hundred thousand rows that are none": _once(_json(b'{"data": [' + b"{}," * 100_000 + b"{}]}")),
    "gzip within gzip": _once(_json(gzip.compress(_BOMB), "Content-Encoding: gzip, gzip")),
    "broken gzip": _once(_json(b"\x1f\x8b no gzip", "Content-Encoding: gzip")),
    "a byte a second": _trickle,
    "silence": _hang,
    "a page of HTML": _once(_json(b"<html><body>Sign in</body></html>").replace(b"application/json", b"text/html")),
    "null": _once(_json(b"null")),
    "an empty list": _once(_json(b"[]")),
    "a million levels": _once(_json(b"[" * 1_000_000)),
    "numbers of a million digits": _once(_json(b'{"data": ' + b"9" * 1_000_000 + b"}")),
    "text that is no UTF-8": _once(_json(b'{"data": "\xff\xfe\xed\xa0\x80"}')),
    "204 for everything": _once(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "a redirect to itself": _once(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
    "429 for a year": _once(b"HTTP/1.1 429 Slow\r\nRetry-After: 31536000\r\nContent-Length: 0\r\n\r\n"),
    "503 for ever": _once(b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n"),
}
"""What every request is answered with."""


@contextmanager
def hostile_server(answer: Answer) -> Iterator[str]:
    """The base URL of a server that answers every request so, and hangs up."""
    ended = threading.Event()

    class Hostile(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                while b"\r\n\r\n" not in self.request.recv(65536):
                    pass
                answer(self.request.sendall, ended)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Hostile) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        ended.set()
        server.shutdown()
        serving.join()


def environment_of(base_url: str, place: Path) -> dict[str, str]:
    """The settings of a server at a hostile Autodesk, with a file to attach."""
    files = place / "files"
    files.mkdir()
    (files / "beam.pdf").write_bytes(b"beam")
    return {
        "APS_BASE_URL": base_url,
        "APS_ACCESS_TOKEN": "a-token",
        "SUBMITTAL_MCP_FOLDERS": str(files),
        "SUBMITTAL_MCP_DATA_DIR": str(place / "data"),
        "SUBMITTAL_MCP_LOG_LEVEL": "error",
    }


def run(mode: str) -> tuple[set[str], float, int]:
    """Make every call under a mode, all at once; return the codes, the longest call in seconds, and the peak of memory in MiB."""
    with tempfile.TemporaryDirectory() as place, hostile_server(MODES[mode]) as base_url:
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment_of(base_url, Path(place))
        command = [sys.executable, "-P", "-m", "server", "serve"]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, env=environment, text=True, **pipes) as process:
            assert process.stdin
            assert process.stdout
            who = {"name": "hostile run", "version": "1"}
            hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": who}
            _send(process.stdin, 0, "initialize", hello)
            process.stdout.readline()
            codes, began = set(), time.monotonic()
            for number, (name, arguments) in enumerate(CALLS, start=1):
                _send(process.stdin, number, "tools/call", {"name": name, "arguments": arguments})
            for _ in CALLS:
                found = json.loads(process.stdout.readline()).get("result", {}).get("structuredContent", {})
                codes.add(found["error"]["code"] if "error" in found else "answered" if found else "protocol error")
            longest = time.monotonic() - began
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            peak = int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) // 1024
            process.stdin.close()
            process.wait()
    return codes, longest, peak


def _send(stdin: IO[str], number: int, method: str, params: dict[str, Any]) -> None:
    stdin.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}) + "\n")
    stdin.flush()


def main() -> None:
    """Run every mode and print the table, or write it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--write", action="store_true")
    lines = [
        "| every request is answered with | the calls end as | longest call | peak of memory |",
        "|---|---|--:|--:|",
    ]
    write = options.parse_args().write
    for mode in MODES:
        codes, longest, peak = run(mode)
        lines.append(f"| {mode} | {', '.join(f'`{code}`' for code in sorted(codes))} | {longest:.1f} s | {peak} MiB |")
        sys.stdout.write(f"{lines[-1]}\n")
        sys.stdout.flush()
    if write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition("<!-- hostile -->\n")
        after = rest.partition("<!-- /hostile -->")[2]
        table = "\n".join(lines)
        PAGE.write_text(f"{before}<!-- hostile -->\n{table}\n<!-- /hostile -->{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
