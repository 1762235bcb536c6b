"""One file to one storage, in the same run: our full path beside boto3, curl, autodesk-platform-sdk and `http.client`.

    pip install -r benchmarks/requirements-upload.txt
    python benchmarks/upload.py [--sizes 1MB 10MB 120MB 1GiB] [--rounds 12] [--peer-python PYTHON] [--write]

Ours is the whole: hash, reserve, send, complete, confirm, every step on disk. The peer reserves, sends, completes and
confirms; the others only send. Times are from the call to the end; CPU is the contestant's own process; memory is the
peak beyond what it had taken before. PYTHON is one of 3.12 or later that has autodesk-platform-sdk; without it the peer
is left out. 8GiB is sent once, over TLS alone, by those that hold no file in memory and need no copy of it.
`--write` puts the tables into docs/performance.md and the plot beside it.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from page import PAGE, ROOT, write_section
from upload_contestants import RUNNERS, SHARE
from upload_report import GIB, LINES, MIB, PEER, SIZES, Figures, Line, plot, ratios, rows, summary, table

HERE = ROOT / "benchmarks"
PLOT = PAGE.with_name("performance-upload.svg")
SMALL_BYTES = 100_000
SETTLE_SECONDS = 2.5
"""A file that changed just now is hashed before it is sent; people attach what lies there for longer."""


@contextlib.contextmanager
def sink(scratch: Path, line: Line) -> Iterator[str]:
    """Run a storage sink until the block ends."""
    flags = ["--tls", str(scratch / "certificate.pem"), str(scratch / "key.pem")] if line.tls else []
    flags += [
        "--rate",
        str(line.rate),
        "--part-seconds",
        str(line.part_seconds),
        "--api-seconds",
        str(line.api_seconds),
    ]
    command = [sys.executable, str(HERE / "storage_sink.py"), *flags]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"{'https' if line.tls else 'http'}://127.0.0.1:{process.stdout.readline().strip()}"
        process.communicate()


def measure(contestant: str, line: Line, file: Path, peer: str | None) -> Figures:
    """Run one contestant in a process of its own against a sink of its own."""
    scratch = file.parent
    with sink(scratch, line) as origin:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(scratch),
            "SSL_CERT_FILE": str(scratch / "certificate.pem"),
        }
        if contestant == PEER:
            command = [str(peer), str(HERE / "upload_peer.py")]
        else:
            environment["PYTHONPATH"] = f"{ROOT}{os.pathsep}{HERE}"
            command = [sys.executable, str(HERE / "upload_contestants.py"), contestant]
        command += [origin, str(scratch / "small.bin"), str(file)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True, cwd=scratch)
    return Figures(contestant=contestant, line=line.name, size=file.stat().st_size, **json.loads(done.stdout))


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


def contestants(size: int, line: Line, peer: str | None) -> list[str]:
    """Return who sends a file of some size over a line."""
    if size > 2 * GIB:
        return ["ours", "boto3", "http.client"] if line is LINES[0] else []
    if line.sizes and size not in line.sizes:
        return []
    found = ["ours", *([PEER] if peer else []), "boto3", "curl", "http.client"]
    return [*found, SHARE] if line.rate else found


def race(sizes: list[str], rounds: int, peer: str | None) -> list[Figures]:
    """Run every contestant in turn, another one first each round: a machine that slows down slows all of them."""
    found = []
    with tempfile.TemporaryDirectory(prefix="upload-benchmark-") as folder:
        scratch = Path(folder)
        make_certificate(scratch)
        make_file(scratch / "small.bin", SMALL_BYTES)
        for name in sizes:
            file = scratch / "source.bin"
            make_file(file, SIZES[name])
            cut(file, scratch / "parts") if SIZES[name] <= 2 * GIB else None
            time.sleep(SETTLE_SECONDS)
            for number in range(rounds if SIZES[name] <= 2 * GIB else 1):
                for line in LINES:
                    running = contestants(SIZES[name], line, peer)
                    first = number % max(1, len(running))
                    for contestant in running[first:] + running[:first]:
                        found.append(measure(contestant, line, file, peer))
                        print(found[-1].told(), file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Run the race, print it, and write it down if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["1MB", "10MB", "120MB", "1GiB"])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--peer-python", help="a Python that has autodesk-platform-sdk")
    parser.add_argument("--write", action="store_true", help="put tables and plot into docs/")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    reduced = rows(race(arguments.sizes, arguments.rounds, arguments.peer_python))
    print(f"{table(reduced)}\n\n{ratios(reduced)}")
    if arguments.write:
        text = summary(reduced, arguments.rounds, load)
        write_section("upload", f"{text}\n\n![seconds in all over TLS, by size]({PLOT.name})")
        PLOT.write_text(plot(reduced), encoding="utf-8")


if __name__ == "__main__":
    assert set(RUNNERS) >= {"ours", SHARE}
    main()
