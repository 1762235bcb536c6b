"""Load on the sandbox: a mix of requests over 100,000 submittals, and one large upload.

    python benchmarks/sandbox.py [--seconds 20] [--clients 8] [--gigabytes 2]

The mix: 60 % GET item, 25 % its attachments, 10 % a page of 20 items, 5 % a search. Prints how long a start and the
first look at the items took, requests a second and the 99th percentile as they come, then how much memory the sandbox's
process took more while the upload went through. Figures mean something on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
ITEMS = 100_000
PART = 64 * 1024 * 1024
BLOCK = bytes(1024 * 1024)
SERVER = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from acc_sandbox import running
import resource
with running(items=int(sys.argv[1])) as box:
    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(box.base_url, box.token(expires_in=86400), box.project().id, peak(), flush=True)
    sys.stdin.readline()
    print(peak(), flush=True)
"""
ITEM = "051200-3"
"""The number of a submittal of the seed, to which the large file is attached."""


class Api:
    """One kept connection with a token."""

    def __init__(self, base_url: str, token: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(base_url).netloc)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def __call__(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """The answer's JSON; an error ends the run."""
        content = None if body is None else json.dumps(body)
        self._connection.request(method, path, content, self._headers)
        answer = self._connection.getresponse()
        read = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {read[:200]!r}")
        return json.loads(read) if read else {}


def chosen(base: str, dice: random.Random) -> tuple[str, str]:
    """Kind and path of the next request."""
    item = f"{base}/items/00000000-5eed-4000-8000-{dice.randint(1, ITEMS):012}"
    throw = dice.random()
    if throw < 0.60:
        return "item", item
    if throw < 0.85:
        return "attachments", f"{item}/attachments"
    if throw < 0.95:
        return "page", f"{base}/items?limit=20&offset={dice.randrange(0, ITEMS, 20)}"
    return "search", f"{base}/items?limit=20&search=zone+{dice.randint(1, 26)}%2C+sheet+{dice.randint(1, 999)}"


def load(base_url: str, token: str, base: str, seconds: float, seed: int, took: dict[str, list[float]]) -> None:
    """Ask until the time is over; `took` gets milliseconds by kind."""
    api, dice, end = Api(base_url, token), random.Random(seed), time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        kind, path = chosen(base, dice)
        api("GET", path)
        took.setdefault(kind, []).append((time.perf_counter() - begun) * 1000)


def report(took: dict[str, list[float]], seconds: float) -> None:
    """Print one line for each kind, and one for all."""
    every = [one for times in took.values() for one in times]
    print(f"{'kind':<12}{'requests/s':>12}{'median ms':>12}{'p99 ms':>12}")
    for kind, times in [*sorted(took.items()), ("all", every)]:
        ordered = sorted(times)
        middle, last = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        print(f"{kind:<12}{len(times) / seconds:>12.1f}{middle:>12.1f}{last:>12.1f}")


def upload(api: Api, base: str, size: int) -> float:
    """Send so many bytes in parts, complete, confirm; megabytes a second."""
    rows: list[dict[str, str]] = api("GET", f"{base}/items?limit=50")["results"]  # type: ignore[assignment]  # a list of items
    item = next(row["id"] for row in rows if row["customIdentifierHumanReadable"] == ITEM)
    made = api("POST", f"{base}/items/{item}/attachments", {"name": "large.bin", "urnTypeId": "2"})
    bucket, key = str(made["uploadUrn"]).removeprefix("urn:adsk.objects:os.object:").split("/")
    path, upload_key, tags = f"/oss/v2/buckets/{bucket}/objects/{key}/signeds3upload", "", []
    begun = time.perf_counter()
    for number, start in enumerate(range(0, size, PART), start=1):
        more = f"&uploadKey={upload_key}" if upload_key else ""
        signed = api("GET", f"{path}?firstPart={number}&minutesExpiration=60{more}")
        upload_key = str(signed["uploadKey"])
        tags.append(put(signed["urls"][0], min(PART, size - start)))  # type: ignore[index]  # a list of addresses
    api("POST", path, {"uploadKey": upload_key, "size": size, "eTags": tags})
    api("PATCH", f"{base}/items/{item}/attachments/{made['id']}", {"isFileUploaded": True})
    return size / 1e6 / (time.perf_counter() - begun)


def put(url: str, length: int) -> str:
    """Send zeros to a signed URL; the part's bare hash."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc)
    blocks = (BLOCK[: min(len(BLOCK), length - sent)] for sent in range(0, length, len(BLOCK)))
    connection.request("PUT", f"{address.path}?{address.query}", blocks, {"Content-Length": str(length)})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.headers["ETag"].strip('"')


@contextmanager
def served(items: int) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A sandbox in a process of its own; address, token, project, and its peak of memory so far in MiB."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(items)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().split()
        finally:
            process.send_signal(signal.SIGTERM)


def main() -> None:
    """Run both."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--clients", type=int, default=8)
    options.add_argument("--gigabytes", type=float, default=2)
    given = options.parse_args()
    begun = time.perf_counter()
    with served(ITEMS) as (_, (base_url, token, project, _)):
        base = f"/construction/submittals/v2/projects/{project}"
        print(f"start: {time.perf_counter() - begun:.1f} s")
        begun = time.perf_counter()
        Api(base_url, token)("GET", f"{base}/items?limit=1")
        print(f"first look at {ITEMS} items: {time.perf_counter() - begun:.1f} s")
        took: dict[str, list[float]] = {}
        threads = [
            threading.Thread(target=load, args=(base_url, token, base, given.seconds, seed, took))
            for seed in range(given.clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        report(took, given.seconds)
    with served(0) as (process, (base_url, token, project, before)):
        base = f"/construction/submittals/v2/projects/{project}"
        speed = upload(Api(base_url, token), base, int(given.gigabytes * 1024**3))
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        after = process.stdout.readline()
        print(
            f"{given.gigabytes} GiB uploaded at {speed:.0f} MB/s; the sandbox's peak of memory went from"
            f" {int(before)} to {int(after)} MiB"
        )


if __name__ == "__main__":
    main()
