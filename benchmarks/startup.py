"""Start-up: from starting the process to the first answered `tools/list` over stdio, beside a bare SDK server.

Both are started in turn, so that a machine that slows down slows both. Exits with 1 where the ratio of the medians is
beyond the limit. Nothing is contacted: the token is made up, and the server calls Autodesk for a tool call only.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

LIMIT = 1.15
ROOT = Path(__file__).resolve().parent.parent

OURS = [sys.executable, "-c", "from server.cli.main import main; main()", "serve"]
BARE = [sys.executable, str(ROOT / "benchmarks" / "bare_server.py")]

HANDSHAKE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "startup", "version": "1"},
    },
}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}


def measure(command: list[str], environment: dict[str, str]) -> float:
    """Return the seconds from starting `command` to its answer to `tools/list`."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with process:
        ask(process, HANDSHAKE)
        tell(process, READY)
        answer = ask(process, LIST)
        seconds = time.perf_counter() - begin
        process.stdin.close()
    if not answer["result"]["tools"]:
        raise SystemExit(f"{command} answered no tools")
    return seconds


def tell(process: subprocess.Popen[bytes], message: dict[str, object]) -> None:
    """Send one message."""
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()


def ask(process: subprocess.Popen[bytes], message: dict[str, object]) -> dict[str, dict[str, object]]:
    """Send a request and return its answer."""
    tell(process, message)
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{process.args} ended without an answer")
    return json.loads(line)


def main() -> int:
    """Measure both, print the medians and their ratio, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--limit", type=float, default=LIMIT)
    options = parser.parse_args()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("APS_", "SUBMITTAL_MCP_"))}
    # Installed programs have their bytecode compiled; without this ours would be compiled at every start.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment |= {"APS_BASE_URL": "http://127.0.0.1:9", "APS_ACCESS_TOKEN": "made-up-and-never-sent"}

    ours, bare = [], []
    for run in range(options.runs + 1):
        times = measure(OURS, environment), measure(BARE, environment)
        if run:  # the first of each compiles and warms the disk cache
            ours.append(times[0])
            bare.append(times[1])
    ratio = statistics.median(ours) / statistics.median(bare)
    print(f"submittal-mcp serve  {statistics.median(ours) * 1000:7.0f} ms")
    print(f"bare SDK server      {statistics.median(bare) * 1000:7.0f} ms")
    print(f"ratio of medians     {ratio:7.2f}  (limit {options.limit:.2f}, {options.runs} runs each)")
    return int(ratio > options.limit)


if __name__ == "__main__":
    sys.exit(main())
