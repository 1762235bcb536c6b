"""What a tool call costs: requests to Autodesk, and milliseconds beside the call of a bare SDK server in the same run.

    python benchmarks/calls.py [--calls 25] [--write]

One assistant over stdio makes each kind of call again and again, in turn with the bare server's `echo`, against a
sandbox on this machine; the first of each kind is left out, and all fit into the quota of a minute. How many requests
follow one another is held by `tests/tools/test_round_trips.py`. `--write` puts it into docs/performance.md.
"""

import argparse
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from page import ROOT, write_section

import acc_sandbox

PLACE = {"project": "Riverside Medical Center", "submittal": "051200-3"}
SERVE = ["-c", "from server.cli.main import main; main()", "serve"]


async def measure(box: acc_sandbox.Sandbox, calls: int) -> list[tuple[str, float, float, float]]:
    """Return each kind of call with its requests, its milliseconds and those of the bare server's."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "files"
        folder.mkdir()
        environment = os.environ | {
            "APS_BASE_URL": box.base_url,
            "APS_ACCESS_TOKEN": box.token("manager", expires_in=10**6),
            "SUBMITTAL_MCP_DATA_DIR": f"{place}/data",
            "SUBMITTAL_MCP_FOLDERS": str(folder),
        }
        ours = StdioServerParameters(command=sys.executable, args=SERVE, env=environment, cwd=ROOT)
        bare = StdioServerParameters(command=sys.executable, args=[str(ROOT / "benchmarks" / "bare_server.py")])
        async with AsyncExitStack() as stack:
            client, other = [await stack.enter_async_context(Client(stdio_client(one))) for one in (ours, bare)]
            await client.list_tools()

            def file(number: int) -> dict[str, Any]:
                name = f"{number}.pdf"
                (folder / name).write_bytes(random.randbytes(100_000))
                return {**PLACE, "file_path": name, "confirm": True}

            kinds: list[tuple[str, Callable[[int], dict[str, Any]]]] = [
                ("get_submittal", lambda _: PLACE),
                ("get_attachment_status", lambda _: PLACE),
                ("find_submittals", lambda _: {"project": PLACE["project"]}),
                ("add_submittal_attachment", file),
            ]
            found = []
            for tool, arguments in kinds:
                requests, mine, theirs = [], [], []
                for number in range(calls + 1):
                    given, before = arguments(number), box.requests.count()
                    begun = time.perf_counter()
                    answer = await client.call_tool(tool, given)
                    mine.append(time.perf_counter() - begun)
                    if answer.is_error:
                        raise SystemExit(f"{tool}: {answer.content}")
                    requests.append(box.requests.count() - before)
                    begun = time.perf_counter()
                    await other.call_tool("echo", {"text": "text"})
                    theirs.append(time.perf_counter() - begun)
                middle = [statistics.median(values[1:]) for values in (requests, mine, theirs)]
                found.append((tool, middle[0], middle[1] * 1e3, middle[2] * 1e3))
            return found


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=25)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    with acc_sandbox.running(urn_delay=0) as box:
        found = anyio.run(measure, box, chosen.calls)
    machine = (
        f"Medians of {chosen.calls} calls; client, server and sandbox on the same {os.cpu_count()} cores "
        f"(load {load:.1f}), {platform.system()}, Python {platform.python_version()}."
    )
    lines = [
        machine,
        "",
        "| call | requests | ms | bare SDK call, ms | ratio |",
        "|---|--:|--:|--:|--:|",
        *(
            f"| {tool}{' with confirm, 100 kB' if tool.startswith('add') else ''} | {requests:.0f} | {mine:.1f} "
            f"| {theirs:.1f} | {mine / theirs:.1f} |"
            for tool, requests, mine, theirs in found
        ),
    ]
    print("\n".join(lines))
    if chosen.write:
        write_section("calls", "\n".join(lines))


if __name__ == "__main__":
    main()
