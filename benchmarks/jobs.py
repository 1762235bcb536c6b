"""What the job engine costs beside the requests: first and later attaches, threads, memory, size of the database.

    python benchmarks/jobs.py [--before FOLDER] [--processes 7] [--later 30] [--write]

Each process attaches files of 4 KiB to a sandbox, one after the other, and confirms them; the first with an empty data
folder and nothing imported but what a server has imported when it is asked. FOLDER is a checkout of another commit
with a `.venv` of its own: its processes take turns with ours. `--write` puts it into docs/performance.md.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from page import ROOT, write_section

FILE_BYTES = 4096

SANDBOX = """
import json, sys
from acc_sandbox import running
with running(urn_delay=0) as box:
    item = box.item("05 12 00-3")
    person = box.person("manager")
    where = [box.base_url, person.autodesk_id, item.project_id, item.id, 0, "for_review", None, None]
    token = box.token("manager", expires_in=10**6)
    print(json.dumps({"base_url": box.base_url, "token": token, "where": where}), flush=True)
    sys.stdin.readline()
"""

ATTACH = """
import json, os, sys, threading, time
from pathlib import Path
import anyio, httpx, structlog
try:
    from acc.client import AccClient
    from acc.transport import storage_client
    from auth.oauth import StaticTokenSource
    from persistence.data_folder import StateLocation
    from transfers.files.allowed_folders import AllowedFolders
    from transfers.files.local_file import FilePolicy
    from acc.hosts import AutodeskHosts
    from transfers.idempotency import AttachTarget
    from transfers.jobs.context import JobContext
    from transfers.jobs.repository import JobRepository
    from transfers.manager import TransferManager
    from transfers.jobs.runner import WaitOptions
    def made(acc, hosts, place, folders, rules):
        return TransferManager(JobContext(acc, 4, lambda: storage_client(hosts), JobRepository(place), folders, rules))
except ImportError:  # the last commit with DBOS
    from acc.client import Acc as AccClient
    from acc.http import storage_client
    from auth.place import Place as StateLocation
    from auth.tokens import FixedToken as StaticTokenSource
    from transfers.attaching import Transfers
    from transfers.folders import AllowedFolders
    from acc.hosts import Hosts as AutodeskHosts
    from transfers.job import Destination as AttachTarget
    from transfers.ledger import Ledger
    from transfers.local_file import FileRules as FilePolicy
    from transfers.patience import Patience as WaitOptions
    from transfers.resources import Resources
    def made(acc, hosts, place, folders, rules):
        return Transfers(Resources(acc, 4, lambda: storage_client(hosts), Ledger(place)), folders, rules)

async def nothing(_):
    pass

async def work(site, folder, data, later):
    hosts, seconds = AutodeskHosts.at(site["base_url"]), []
    async with AccClient(hosts, StaticTokenSource(site["token"])) as acc:
        await acc.submittals.me(site["where"][2])  # any server has asked something by then
        rules = FilePolicy(frozenset(), 10**9)
        transfers = made(acc, hosts, StateLocation(data, keys=site["keys"]), AllowedFolders([folder]), rules)
        async with transfers.running():
            for number in range(later + 1):
                begun = time.perf_counter()
                done = await transfers.attach_file(AttachTarget(*site["where"]), f"{number}.pdf", None, None,
                                                   WaitOptions(60, nothing), confirm=True)
                seconds.append(time.perf_counter() - begun)
                assert done.job.uploaded
            while done.job.under_way:
                await anyio.sleep(0.01)
            status = Path("/proc/self/status").read_text()
            [memory] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
            threads = len(os.listdir("/proc/self/task"))
    return {"first": seconds[0], "later": sorted(seconds[1:])[later // 2], "threads": threads, "memory": int(memory)}

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
site, folder, data, later = json.loads(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
found = anyio.run(work, site, folder, data, later)
print(json.dumps(found | {"database": sum(p.stat().st_size for p in data.glob("submittal-mcp.sqlite3*"))}))
"""


def measure(root: Path, site: dict[str, object], later: int) -> dict[str, float]:
    """Let one process of a checkout attach files."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "files"
        folder.mkdir()
        for number in range(later + 1):
            (folder / f"{number}.pdf").write_bytes(random.randbytes(FILE_BYTES))
        python = root / ".venv" / "bin" / "python"
        command = [str(python) if python.exists() else sys.executable, "-c", ATTACH]
        arguments = [json.dumps(site), str(folder), str(Path(place) / "data"), str(later)]
        environment = os.environ | {"PYTHONPATH": str(root)}
        ended = subprocess.run([*command, *arguments], cwd=root, env=environment, stdout=subprocess.PIPE, check=True)
        found: dict[str, float] = json.loads(ended.stdout)
        return found


def table(runs: dict[str, list[dict[str, float]]]) -> list[str]:
    """Return the lines of the table, medians over all processes."""
    names = list(runs)
    lines = [f"| median of {len(runs[names[0]])} processes | {' | '.join(names)} |", f"|---|{'--:|' * len(names)}"]
    rows = (("first attach", "first", 1e-3, "ms"), ("later attach", "later", 1e-3, "ms"), ("threads", "threads", 1, ""))
    rows += (("memory", "memory", 1024, "MiB"), ("database, files written", "database", 1024, "KiB"))
    for what, key, unit, word in rows:
        values = [statistics.median(run[key] for run in runs[name]) / unit for name in names]
        cells = [f"{value:.0f}{' ' + word if word else ''}" for value in values]
        if len(values) == 2:
            cells[0] += f" ({values[0] / values[1]:.2f} times)"
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--processes", type=int, default=7)
    parser.add_argument("--later", type=int, default=30)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    checkouts = {"now": ROOT} | ({"with DBOS": chosen.before} if chosen.before else {})
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    keys = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
    load = os.getloadavg()[0]
    for _ in range(chosen.processes):
        for name, root in checkouts.items():
            # Each with a sandbox of its own: the more attachments an item has, the longer its list takes.
            with subprocess.Popen(
                [sys.executable, "-c", SANDBOX], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as sandbox:
                assert sandbox.stdin
                assert sandbox.stdout
                site = json.loads(sandbox.stdout.readline()) | {"keys": keys}
                runs[name].append(measure(root, site, chosen.later))
                sandbox.stdin.close()
    lines = table(runs)
    print("\n".join(lines))
    machine = (
        f"{chosen.later + 1} files of {FILE_BYTES // 1024} KiB a process, SQLite; sandbox and process on the same "
        f"{os.cpu_count()} cores (load {load:.1f}), {platform.system()}, Python {platform.python_version()}."
    )
    if chosen.write:
        write_section("jobs", "\n".join([machine, "", *lines]))


if __name__ == "__main__":
    main()
