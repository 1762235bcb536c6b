"""One object from one storage to the disk, in the same run: our downloader beside curl.

    python benchmarks/download.py [--size 2GiB] [--rounds 3] [--write]

Ours writes and hashes (SHA-256, and SHA-1 as storage has it) and syncs; curl only writes. Memory is the peak of the
process beyond what its imports took. `--write` puts the table into docs/performance.md.
"""

import argparse
import hashlib
import json
import os
import resource
import shutil
import socketserver
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from page import write_section

ROOT = Path(__file__).resolve().parent.parent
MIB = 1024**2
UNITS = {"MB": 10**6, "MiB": MIB, "GiB": 1024 * MIB}


def serve(file: str) -> None:
    """Serve a file on a free port, whole or from an offset on, until stdin ends."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            start = 0
            while line := self.rfile.readline().strip().lower():
                if line.startswith(b"range: bytes="):
                    start = int(line[13:-1])
            with Path(file).open("rb") as source:
                size = os.fstat(source.fileno()).st_size
                head = f"206 X\r\nContent-Range: bytes {start}-{size - 1}/{size}" if start else "200 X"
                self.wfile.write(f"HTTP/1.1 {head}\r\nContent-Length: {size - start}\r\n\r\n".encode())
                self.connection.sendfile(source, start)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


def ours(url: str, size: int, sha1: str, folder: Path) -> dict[str, float]:
    """Download with the product's driver; seconds and MiB of growth."""
    import anyio
    import httpx

    from acc.ids import ObjectLocation
    from acc.models.files import DownloadLink
    from transfers.download.downloader import download_file
    from transfers.download.target_folder import TargetFolder
    from transfers.upload.uploader import AbortableClientPool

    @asynccontextmanager
    async def exclusive(_: str) -> Any:
        yield

    async def download_link(_: ObjectLocation, *, minutes: int) -> DownloadLink:
        del minutes
        return DownloadLink.model_validate({"status": "complete", "url": url, "size": size, "sha1": sha1})

    context: Any = SimpleNamespace(
        repository=SimpleNamespace(exclusive=exclusive),
        lines=AbortableClientPool(lambda: httpx.Client(trust_env=False)),
        sleep=anyio.sleep,
    )
    acc: Any = SimpleNamespace(storage=SimpleNamespace(download_link=download_link, check_download=lambda _: None))

    async def run() -> None:
        target = TargetFolder.open(folder, "ours")
        done = await download_file(
            context,
            acc,
            target,
            attachment_id="id",
            location=ObjectLocation("b", "o"),
            name="object",
            most=size,
            until=inf,
        )
        assert done is not None
        assert done.size == size

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    anyio.run(run)
    seconds = time.monotonic() - began
    return {"seconds": seconds, "growth": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024}


def curl(url: str, folder: Path) -> dict[str, float]:
    """Download with curl; seconds."""
    began = time.monotonic()
    subprocess.run(["curl", "-sS", "--fail", "-o", str(folder / "curl"), url], check=True)
    return {"seconds": time.monotonic() - began, "growth": 0.0}


def main() -> None:
    """Measure, print the table, and write it where asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", default="2GiB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--ours", nargs=4, metavar=("URL", "SIZE", "SHA1", "FOLDER"))
    parser.add_argument("--serve", metavar="FILE")
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    if options.ours:
        url, size, sha1, folder = options.ours
        print(json.dumps(ours(url, int(size), sha1, Path(folder))))
        return
    unit = next(one for one in sorted(UNITS, key=len, reverse=True) if options.size.endswith(one))
    size = int(options.size.removesuffix(unit)) * UNITS[unit]
    with tempfile.TemporaryDirectory() as scratch:
        table = measured(Path(scratch), size, options.size, options.rounds)
    print(table)
    if options.write:
        write_section("download", table)


def measured(scratch: Path, size: int, shown: str, rounds: int) -> str:
    """Return the table: the best of the rounds, in turn."""
    source = scratch / "object"
    block, digest = os.urandom(MIB), hashlib.sha1(usedforsecurity=False)
    with source.open("wb") as file:
        for start in range(0, size, MIB):
            part = block[: size - start]
            digest.update(part)
            file.write(part)
    found: dict[str, list[dict[str, float]]] = {"ours": [], "curl": []}
    me = [sys.executable, str(Path(__file__).resolve())]
    with subprocess.Popen([*me, "--serve", str(source)], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{server.stdout.readline().strip()}/object"
            for _ in range(rounds):
                found["curl"].append(curl(url, scratch))
                command = [*me, "--ours", url, str(size), digest.hexdigest(), str(scratch)]
                told = subprocess.run(
                    command, stdout=subprocess.PIPE, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
                )
                found["ours"].append(json.loads(told.stdout.splitlines()[-1]))
                shutil.rmtree(scratch / "ours")
                (scratch / "curl").unlink()
        finally:
            server.terminate()
    best = {name: min(runs, key=lambda run: run["seconds"]) for name, runs in found.items()}
    growth = max(run["growth"] for run in found["ours"])
    ours_speed, curl_speed = (size / MIB / best[name]["seconds"] for name in ("ours", "curl"))
    lines = [
        f"| {shown}, best of {rounds} | seconds | MiB/s | growth of memory |",
        "|---|--:|--:|--:|",
        f"| ours, with SHA-256 | {best['ours']['seconds']:.2f} | {ours_speed:.0f} | {growth:.0f} MiB at most |",
        f"| curl | {best['curl']['seconds']:.2f} | {curl_speed:.0f} | |",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
