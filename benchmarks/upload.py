"""One file to one storage, in the same run: our full path beside boto3, curl and plain `http.client` threads.

    pip install -r benchmarks/requirements-upload.txt
    python benchmarks/upload.py [--sizes 120MB 1GiB 8GiB] [--rounds 3] [--write]

Ours is timed from the call to storage's completion with nothing cached: hash, reserve, send with SHA-256 and counts,
complete. The others only send. CPU is the contestant's own process; memory is the peak beyond what its imports took.
`--write` puts the table into docs/performance.md and the plot beside it.
"""

import argparse
import contextlib
import http.client
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from transfers.local_file import chunks
from transfers.parts import plan_parts

if TYPE_CHECKING:
    import ssl

ROOT = Path(__file__).resolve().parent.parent
SINK = ROOT / "benchmarks" / "storage_sink.py"
PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "performance-upload.png"

MIB, GIB = 1024**2, 1024**3
SIZES = {"120MB": 120_000_000, "1GiB": GIB, "8GiB": 8 * GIB}
CONTESTANTS = ("ours", "boto3", "curl", "http.client")
PARALLEL = 4
PERSON = "BENCHPERSON01"


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
    """Attach through `Transfers`, the way every tool does; what a server has imported by then is imported."""
    import dbos  # noqa: F401
    import httpx  # noqa: F401
    import sqlalchemy  # noqa: F401
    from transfers_for_benchmarks import attach

    def run() -> tuple[float, float]:
        points = attach(origin, file, PARALLEL)
        # Between the two lies the reservation: requests to ACC, and the database.
        return points["hashed"], points["stored"] - points["reserved"]

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


def one(contestant: str, origin: str, file: Path, scratch: Path) -> None:
    """Run one contestant in this process and print its figures."""
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


@contextlib.contextmanager
def sink(scratch: Path, *, tls: bool) -> Iterator[str]:
    """Run a storage sink until the block ends."""
    flags = ["--tls", str(scratch / "certificate.pem"), str(scratch / "key.pem")] if tls else []
    command = [sys.executable, str(SINK), *flags]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"{'https' if tls else 'http'}://127.0.0.1:{process.stdout.readline().strip()}"
        process.communicate()


def measure(contestant: str, file: Path, scratch: Path, *, tls: bool) -> Figures:
    """Run one contestant in a process of its own against a sink of its own."""
    with sink(scratch, tls=tls) as origin:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(scratch),
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'benchmarks'}",
            "SSL_CERT_FILE": str(scratch / "certificate.pem"),
        }
        command = [sys.executable, __file__, "--one", contestant, origin, str(file), str(scratch)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True, cwd=scratch)
    return Figures(**json.loads(done.stdout))


def make_certificate(scratch: Path) -> None:
    """Write a certificate for 127.0.0.1 that signs itself, good for a day."""
    import datetime as dt
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (scratch / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (scratch / "key.pem").write_bytes(private)


def make_file(path: Path, size: int) -> None:
    """Write `size` random bytes; one random mebibyte over and over, each time with its number in front."""
    block = os.urandom(MIB)
    with path.open("wb") as file:
        for number in range(-(-size // MIB)):
            file.write((number.to_bytes(8, "big") + block[8:])[: min(MIB, size - number * MIB)])


def cut(file: Path, folder: Path) -> None:
    """Cut `file` into parts of 5 MiB for curl."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    with file.open("rb") as source:
        number = 0
        while block := source.read(5 * MIB):
            number += 1
            (folder / f"{number:05}").write_bytes(block)


def rounds_of(size: int, rounds: int) -> int:
    """Large files are sent once: a minute evens out what a second does not."""
    return rounds if size <= 2 * GIB else 1


def race(sizes: list[str], rounds: int) -> list[Figures]:
    """Run every contestant in turn, another one first each round: a machine that slows down slows all of them."""
    found = []
    with tempfile.TemporaryDirectory(prefix="upload-benchmark-") as folder:
        scratch = Path(folder)
        make_certificate(scratch)
        for name in sizes:
            file = scratch / "source.bin"
            make_file(file, SIZES[name])
            cut(file, scratch / "parts")
            for number in range(rounds_of(SIZES[name], rounds)):
                for tls in (True, False):
                    first = number % len(CONTESTANTS)
                    for contestant in CONTESTANTS[first:] + CONTESTANTS[:first]:
                        found.append(measure(contestant, file, scratch, tls=tls))
                        print(_line(found[-1]), file=sys.stderr, flush=True)
    return found


def _line(figures: Figures) -> str:
    wire = "TLS" if figures.tls else "plain"
    speed = figures.size / MIB / figures.send_seconds
    sending = f"{speed:7.0f} MiB/s while sending"
    return f"{figures.size / MIB:8.0f} MiB {wire:5} {figures.contestant:12} {sending}, {figures.seconds:6.2f} s in all"


@dataclass(frozen=True)
class Row:
    """The medians of one contestant on one wire with one size."""

    size: int
    tls: bool
    contestant: str
    send_speed: float
    total_speed: float
    hash_seconds: float
    send_seconds: float
    seconds: float
    cpu_per_gib: float
    memory: int


def rows(found: list[Figures]) -> list[Row]:
    """Reduce the runs to medians (memory: to the maximum)."""
    reduced = []
    for size, tls, contestant in dict.fromkeys((one.size, one.tls, one.contestant) for one in found):
        runs = [one for one in found if (one.size, one.tls, one.contestant) == (size, tls, contestant)]

        def median(of: Callable[[Figures], float], runs: list[Figures] = runs) -> float:
            return statistics.median(of(run) for run in runs)

        reduced.append(
            Row(
                size=size,
                tls=tls,
                contestant=contestant,
                send_speed=size / MIB / median(lambda run: run.send_seconds),
                total_speed=size / MIB / median(lambda run: run.seconds),
                hash_seconds=median(lambda run: run.hash_seconds),
                send_seconds=median(lambda run: run.send_seconds),
                seconds=median(lambda run: run.seconds),
                cpu_per_gib=median(lambda run: run.cpu_seconds) / (size / GIB),
                memory=max(run.memory for run in runs),
            )
        )
    return reduced


def table(reduced: list[Row]) -> str:
    """Return the markdown table."""
    lines = [
        "| size | wire | contestant | send MiB/s | hash s | send s | total s | total MiB/s | CPU s/GiB | memory MiB |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    names = {size: name for name, size in SIZES.items()}
    lines += [
        f"| {names[row.size]} | {'TLS' if row.tls else 'plain'} | {row.contestant} | {row.send_speed:.0f} "
        f"| {row.hash_seconds:.2f} | {row.send_seconds:.2f} | {row.seconds:.2f} | {row.total_speed:.0f} "
        f"| {row.cpu_per_gib:.2f} | {row.memory / MIB:.0f} |"
        for row in reduced
    ]
    return "\n".join(lines)


def ratios(reduced: list[Row]) -> str:
    """Return how our send phase compares, a line for each size and wire."""
    speeds = {(row.size, row.tls, row.contestant): row.send_speed for row in reduced}
    names = {size: name for name, size in SIZES.items()}
    return "\n".join(
        f"- {names[size]}, {'TLS' if tls else 'plain'}: {ours / speeds[size, tls, 'boto3']:.2f} times boto3, "
        f"{ours / speeds[size, tls, 'curl']:.2f} times curl"
        for (size, tls, contestant), ours in speeds.items()
        if contestant == "ours"
    )


def plot(reduced: list[Row], path: Path) -> None:
    """Draw the speed of the send phase."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    groups = list(dict.fromkeys((row.size, row.tls) for row in reduced))
    names = {size: name for name, size in SIZES.items()}
    figure, axes = plt.subplots(figsize=(9, 4.2))
    width = 0.8 / len(CONTESTANTS)
    for index, contestant in enumerate(CONTESTANTS):
        speeds = [
            row.send_speed
            for group in groups
            for row in reduced
            if (row.size, row.tls, row.contestant) == (*group, contestant)
        ]
        axes.bar([place + index * width for place in range(len(groups))], speeds, width, label=contestant)
    axes.set_xticks(
        [place + 0.4 - width / 2 for place in range(len(groups))],
        [f"{names[size]}\n{'TLS' if tls else 'plain'}" for size, tls in groups],
    )
    axes.set_ylabel("MiB/s while sending")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def write(reduced: list[Row], rounds: int) -> None:
    """Put table, ratios and plot into the page."""
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    text = (
        f"Medians of {rounds} runs (8 GiB: one run) over loopback, contestant and sink on the same {machine}.\n\n"
        f"{table(reduced)}\n\nOur send phase, which hashes every part again while it sends:\n\n{ratios(reduced)}\n\n"
        f"![speed of the send phase]({PLOT.name})"
    )
    page = PAGE.read_text(encoding="utf-8")
    marked = re.compile(r"(<!-- upload -->\n).*?(\n?<!-- /upload -->)", re.DOTALL)
    if not marked.search(page):
        raise SystemExit(f"{PAGE} has no <!-- upload --> markers")
    PAGE.write_text(marked.sub(lambda found: found[1] + text + "\n<!-- /upload -->", page), encoding="utf-8")
    plot(reduced, PLOT)


def main() -> None:
    """Run the race, or one contestant of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["120MB", "1GiB"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put table and plot into docs/")
    arguments = parser.parse_args()
    if arguments.one:
        contestant, origin, file, scratch = arguments.one
        one(contestant, origin, Path(file), Path(scratch))
        return
    reduced = rows(race(arguments.sizes, arguments.rounds))
    print(f"{table(reduced)}\n\n{ratios(reduced)}")
    if arguments.write:
        write(reduced, arguments.rounds)


if __name__ == "__main__":
    main()
