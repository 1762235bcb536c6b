"""One file to one storage, in the same run: our full path beside boto3, curl and plain `http.client` threads.

    pip install -r benchmarks/requirements-upload.txt
    python benchmarks/upload.py [--sizes 120MB 1GiB 8GiB] [--rounds 3] [--write]

Ours is timed from the call to storage's completion with nothing cached: hash, reserve, send with SHA-256 and counts,
complete. The others only send. CPU is the contestant's own process; memory is the peak beyond what its imports took.
`--write` puts the table into docs/performance.md and the plot beside it.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from page import PAGE, ROOT, write_section
from upload_contestants import RUNNERS, Figures
from upload_report import GIB, MIB, SIZES, plot, ratios, rows, summary, table

HERE = ROOT / "benchmarks"
PLOT = PAGE.with_name("performance-upload.png")
CONTESTANTS = tuple(RUNNERS)


@contextlib.contextmanager
def sink(scratch: Path, *, tls: bool) -> Iterator[str]:
    """Run a storage sink until the block ends."""
    flags = ["--tls", str(scratch / "certificate.pem"), str(scratch / "key.pem")] if tls else []
    command = [sys.executable, str(HERE / "storage_sink.py"), *flags]
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
            "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}",
            "SSL_CERT_FILE": str(scratch / "certificate.pem"),
        }
        command = [sys.executable, str(HERE / "upload_contestants.py"), contestant, origin, str(file), str(scratch)]
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


def main() -> None:
    """Run the race, print it, and write it down if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["120MB", "1GiB"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put table and plot into docs/")
    arguments = parser.parse_args()
    reduced = rows(race(arguments.sizes, arguments.rounds))
    print(f"{table(reduced)}\n\n{ratios(reduced)}")
    if arguments.write:
        write_section("upload", f"{summary(reduced, arguments.rounds)}\n\n![speed of the send phase]({PLOT.name})")
        plot(reduced, PLOT)


if __name__ == "__main__":
    main()
