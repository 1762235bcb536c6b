"""Those who send one file in `upload.py`: our full path, boto3, curl and plain `http.client` threads.

    python benchmarks/upload_contestants.py CONTESTANT ORIGIN SMALL FILE     prints one run's figures as JSON

Each sends the SMALL file first, which does not count: what it imports, and whom it asks for once, are there by then.
Beside the files lie the sink's certificate, and for curl the file's parts.
"""

import http.client
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from meter import Meter
from storage_sink import Line

from transfers.files.local_file import chunks
from transfers.upload.part_plan import plan_parts

if TYPE_CHECKING:
    import ssl

PARALLEL = 4
SHARE_BYTES_A_SECOND = 110e6
CERTIFICATE = "certificate.pem"


def run_ours(origin: str, files: Sequence[Path]) -> Meter:
    """Attach and confirm through `TransferManager`, the way every tool does."""
    from transfers_for_benchmarks import attach

    meter = Meter()
    attach(origin, files, PARALLEL, meter)
    return meter


def run_on_a_share(origin: str, files: Sequence[Path]) -> Meter:
    """Do so with files on a share: a byte is read slowly once, and comes from the system's cache after that."""
    read_now, share, known = os.pread, Line(SHARE_BYTES_A_SECOND, 0, 0), dict[int, int]()

    def read_slowly(descriptor: int, length: int, offset: int) -> bytes:
        data = read_now(descriptor, length, offset)
        first = offset + len(data) - max(offset, known.get(descriptor, 0))
        if first > 0:  # who reads what is in the cache does not wait for who reads on
            known[descriptor] = offset + len(data)
            share.carry(first)
        return data

    os.pread = read_slowly
    return run_ours(origin, files)


def run_boto3(origin: str, files: Sequence[Path]) -> Meter:
    """Upload with s3transfer's defaults but for the parallelism, checksums included."""
    import boto3
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config

    client = boto3.client(
        "s3",
        endpoint_url=origin,
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
        region_name="us-east-1",
        verify=str(files[0].with_name(CERTIFICATE)),
        config=Config(s3={"addressing_style": "path"}),
    )
    config = TransferConfig(max_concurrency=PARALLEL, preferred_transfer_client="classic")
    meter = Meter()
    for file in files:
        meter.start()
        client.upload_file(str(file), "bench", "object", Config=config)
        meter.stop()
    return meter


def run_curl(origin: str, files: Sequence[Path]) -> Meter:
    """`curl --parallel` over parts cut beforehand, since curl sends whole files only."""
    folder = files[0].parent
    parts = sorted((folder / "parts").iterdir())
    lines = [f'url = "{origin}/part?partNumber={n}"\nupload-file = "{part}"\n' for n, part in enumerate(parts, 1)]
    (folder / "curl.txt").write_text("next\n".join(lines), encoding="utf-8")
    quiet = ("--silent", "--show-error", "--fail", "--no-progress-meter")
    command = ["curl", *quiet, "--http1.1", "--parallel", "--parallel-max", str(PARALLEL)]
    trust = ["--cacert", str(folder / CERTIFICATE)] if origin.startswith("https") else []
    meter = Meter(children=True)
    meter.start()
    subprocess.run([*command, *trust, "--config", str(folder / "curl.txt")], check=True, stdout=subprocess.DEVNULL)
    meter.stop()
    return meter


def run_http_client(origin: str, files: Sequence[Path]) -> Meter:
    """Threads with `http.client`: the floor for Python."""
    import ssl

    trust = str(files[0].with_name(CERTIFICATE))
    context = ssl.create_default_context(cafile=trust) if origin.startswith("https") else None
    meter = Meter()
    for file in files:
        meter.start()
        _send_with_threads(origin, context, file)
        meter.stop()
    return meter


def _send_with_threads(origin: str, context: "ssl.SSLContext | None", file: Path) -> None:
    parts, lock = iter(plan_parts(file.stat().st_size)), threading.Lock()

    def work(descriptor: int) -> None:
        server = _connection(origin, context)
        while True:
            with lock:
                part = next(parts, None)
            if part is None:
                return
            headers = {"Content-Length": str(part.length)}
            body = (os.pread(descriptor, length, offset) for offset, length in chunks(part))
            server.request("PUT", f"/part?partNumber={part.number}", body=body, headers=headers)
            server.getresponse().read()

    with file.open("rb") as opened:
        threads = [threading.Thread(target=work, args=(opened.fileno(),)) for _ in range(PARALLEL)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _connection(origin: str, context: "ssl.SSLContext | None") -> http.client.HTTPConnection:
    place = urlsplit(origin)
    if context is not None:
        return http.client.HTTPSConnection(place.hostname or "", place.port, context=context)
    return http.client.HTTPConnection(place.hostname or "", place.port)


SHARE = "ours, from a share"
RUNNERS: dict[str, Callable[[str, Sequence[Path]], Meter]] = {
    "ours": run_ours,
    SHARE: run_on_a_share,
    "boto3": run_boto3,
    "curl": run_curl,
    "http.client": run_http_client,
}


def main(contestant: str, origin: str, *files: str) -> None:
    """Run one contestant in this process and print its figures."""
    print(json.dumps(RUNNERS[contestant](origin, [Path(file) for file in files]).figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
