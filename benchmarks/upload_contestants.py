"""Those who send one file in `upload.py`: our full path, boto3, curl and plain `http.client` threads.

    python benchmarks/upload_contestants.py CONTESTANT ORIGIN FILE SCRATCH     prints one run's figures as JSON

SCRATCH holds the sink's certificate, and for curl the file's parts.
"""

import http.client
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from transfers.files.local_file import chunks
from transfers.upload.parts import plan_parts

if TYPE_CHECKING:
    import ssl

PARALLEL = 4


@dataclass(frozen=True)
class Figures:
    """One run. Times in seconds; `hash_seconds` is 0 where nothing is hashed first."""

    contestant: str
    size: int
    tls: bool
    seconds: float
    hash_seconds: float
    send_seconds: float
    cpu_seconds: float
    memory: int


def run_ours(origin: str, file: Path, _scratch: Path) -> Callable[[], tuple[float, float]]:
    """Attach through `TransferManager`, the way every tool does; what a server has imported by then is imported."""
    import httpx  # noqa: F401
    import sqlalchemy  # noqa: F401
    from transfers_for_benchmarks import attach

    def run() -> tuple[float, float]:
        points = attach(origin, file, PARALLEL)
        # Between the two lies the reservation: requests to ACC, and the database.
        return points.get("hashed", 0.0), points["stored"] - points["reserved"]

    return run


def run_boto3(origin: str, file: Path, scratch: Path) -> Callable[[], tuple[float, float]]:
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
        verify=str(scratch / "certificate.pem"),
        config=Config(s3={"addressing_style": "path"}),
    )
    config = TransferConfig(max_concurrency=PARALLEL, preferred_transfer_client="classic")

    def run() -> tuple[float, float]:
        begin = time.perf_counter()
        client.upload_file(str(file), "bench", "object", Config=config)
        return 0.0, time.perf_counter() - begin

    return run


def run_curl(origin: str, _file: Path, scratch: Path) -> Callable[[], tuple[float, float]]:
    """`curl --parallel` over parts cut beforehand, since curl sends whole files only."""
    parts = sorted((scratch / "parts").iterdir())
    config = scratch / "curl.txt"
    lines = [f'url = "{origin}/part?partNumber={n}"\nupload-file = "{part}"\n' for n, part in enumerate(parts, 1)]
    config.write_text("next\n".join(lines), encoding="utf-8")
    command = [
        "curl",
        "--silent",
        "--show-error",
        "--fail",
        "--no-progress-meter",
        "--parallel",
        "--parallel-max",
        str(PARALLEL),
    ]
    trust = ["--cacert", str(scratch / "certificate.pem")] if origin.startswith("https") else []

    def run() -> tuple[float, float]:
        begin = time.perf_counter()
        subprocess.run([*command, *trust, "--http1.1", "--config", str(config)], check=True, stdout=subprocess.DEVNULL)
        return 0.0, time.perf_counter() - begin

    return run


def run_http_client(origin: str, file: Path, scratch: Path) -> Callable[[], tuple[float, float]]:
    """Threads with `http.client`: the floor for Python."""
    import ssl

    context = (
        ssl.create_default_context(cafile=str(scratch / "certificate.pem")) if origin.startswith("https") else None
    )
    plan = plan_parts(file.stat().st_size)
    parts = iter(plan)
    lock = threading.Lock()

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

    def run() -> tuple[float, float]:
        begin = time.perf_counter()
        with file.open("rb") as opened:
            threads = [threading.Thread(target=work, args=(opened.fileno(),)) for _ in range(PARALLEL)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return 0.0, time.perf_counter() - begin

    return run


def _connection(origin: str, context: "ssl.SSLContext | None") -> http.client.HTTPConnection:
    place = urlsplit(origin)
    if context is not None:
        return http.client.HTTPSConnection(place.hostname or "", place.port, context=context)
    return http.client.HTTPConnection(place.hostname or "", place.port)


RUNNERS = {"ours": run_ours, "boto3": run_boto3, "curl": run_curl, "http.client": run_http_client}


def main(arguments: Sequence[str]) -> None:
    """Run one contestant in this process and print its figures."""
    contestant, origin, *paths = arguments
    file, scratch = map(Path, paths)
    run = RUNNERS[contestant](origin, file, scratch)
    who = resource.RUSAGE_CHILDREN if contestant == "curl" else resource.RUSAGE_SELF
    before = resource.getrusage(who)
    begin = time.perf_counter()
    hashing, sending = run()
    seconds = time.perf_counter() - begin
    after = resource.getrusage(who)
    figures = Figures(
        contestant=contestant,
        size=file.stat().st_size,
        tls=origin.startswith("https"),
        seconds=seconds,
        hash_seconds=hashing,
        send_seconds=sending,
        cpu_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        memory=(after.ru_maxrss - before.ru_maxrss) * 1024,
    )
    print(json.dumps(asdict(figures)))


if __name__ == "__main__":
    main(sys.argv[1:])
