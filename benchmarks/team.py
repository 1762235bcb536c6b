"""A team server under load: calls a second, the slow ones, memory a person, and what knowing who calls costs.

    python benchmarks/team.py [--people 1 10 50 200] [--seconds 10] [--write]

Each person signs in through the whole flow, then asks `find_submittals` again and again, each with a token and services
of their own. Beside it, in the same run, the SDK's own server with one tool that answers as many bytes from memory. The
sandbox, the servers and the load share the machine; Autodesk's limits are not kept. `--write` puts the figures into
docs/performance.md.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
from page import ROOT, write_section

sys.path.insert(0, str(ROOT))

from tests.server.team.modern import ModernClient, sign_in

SANDBOX = """
import dataclasses, json, sys
from acc_sandbox import running
from acc_sandbox.seed.default import DEFAULT
from acc_sandbox.state.people import Person, known_autodesk_id
more = tuple(
    Person(f"p{n}", f"Person {n}", f"p{n}@example.com", known_autodesk_id(f"p{n}"), "a member of the team")
    for n in range(int(sys.argv[1]))
)
projects = tuple(dataclasses.replace(one, members=None) for one in DEFAULT.projects)
with running(seed=dataclasses.replace(DEFAULT, people=DEFAULT.people + more, projects=projects), items=2000) as box:
    box.register_callback(sys.argv[2] + "/callback/autodesk")
    print(json.dumps({"base_url": box.base_url, "app": box.confidential_client}), flush=True)
    sys.stdin.readline()
"""

TEAM = """
import asyncio, json, sys, time, resource, socket
import uvicorn
from server import logging
from server.auth_wiring import opened_vault
from server.settings.model import Settings
from server.team.options import TeamOptions
from server.team.team_server import TeamServer
order = json.loads(sys.argv[1])
logging.configure("error")
many = dict.fromkeys(
    ["authorize_per_minute", "token_per_minute", "register_per_hour", "calls_per_minute", "calls_at_once"], 10**6
)
settings = Settings.load(
    client_id=order["app"][0], client_secret=order["app"][1], base_url=order["base_url"], data_dir=order["data"],
    database_url=order["database"],
)
with opened_vault(settings) as opened:
    server = TeamServer(settings, order["url"], opened, TeamOptions(people_at_once=1000, **many), paced=False)
    async def app(scope, receive, send):
        if scope["type"] == "http" and scope["path"] == "/benchmark":
            token = dict(scope["headers"]).get(b"x-token", b"").decode()
            began = time.process_time()
            for _ in range(500 if token else 0):
                assert await server._verify(token) is not None
            verify = (time.process_time() - began) / 500
            with open("/proc/self/statm") as memory:
                pages = int(memory.read().split()[1])
            answer = {"verify": verify, "people": len(server.pool), "rss": pages * resource.getpagesize()}
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
            return
        await server.app(scope, receive, send)
    config = uvicorn.Config(app, port=order["port"], log_config=None, log_level="warning", ws="none", http="h11")
    uvicorn.Server(config).run()
"""

BARE = """
import sys
import uvicorn
from mcp.server import MCPServer
from mcp_types import CallToolResult, TextContent
server = MCPServer("bare", version="1")
answer = {"text": "x" * int(sys.argv[1])}
@server.tool(name="find_submittals")
async def find(project: str, limit: int) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=answer["text"])], structured_content=answer)
uvicorn.run(server.streamable_http_app(), port=int(sys.argv[2]), log_level="error", ws="none", http="h11")
"""


@contextmanager
def program(source: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a program until the block ends."""
    with subprocess.Popen(
        [sys.executable, "-c", source, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


FIGURES = "| calls a second | median | 99 % within | CPU a call"


def cpu_seconds(process: "subprocess.Popen[str]") -> float:
    """Return the processor's time that a process has used: what a busy machine changes least."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def load(
    clients: list[ModernClient], seconds: float, process: "subprocess.Popen[str]"
) -> tuple[float, float, float, float]:
    """Let each ask again and again.

    Returns calls a second, median and 99th percentile, and the server's own processor time a call; times in ms.
    """
    taken: list[float] = []
    used = cpu_seconds(process)
    ends = time.perf_counter() + seconds

    async def ask(client: ModernClient) -> None:
        async with httpx.AsyncClient(timeout=120) as http:
            while time.perf_counter() < ends:
                began = time.perf_counter()
                answer = await client.post(http, "find_submittals", {"project": "Riverside", "limit": 20})
                assert answer.status_code == 200, answer.text
                assert '"isError":true' not in answer.text, answer.text
                taken.append(time.perf_counter() - began)

    began = time.perf_counter()
    async with anyio.create_task_group() as group:
        for client in clients:
            group.start_soon(ask, client)
    whole = time.perf_counter() - began
    taken.sort()
    own = (cpu_seconds(process) - used) / len(taken)
    return len(taken) / whole, statistics.median(taken) * 1000, taken[int(len(taken) * 0.99)] * 1000, own * 1000


async def until_it_answers(url: str) -> None:
    """Wait for a server to listen."""
    async with httpx.AsyncClient() as http:
        while True:
            try:
                await http.get(url)
            except httpx.TransportError:
                await anyio.sleep(0.1)
            else:
                return


async def measure(people: list[int], seconds: float, database: str | None) -> dict[str, Any]:
    """Return the figures of a run."""
    port, bare_port = 8971, 8972
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as data, program(SANDBOX, str(max(people)), url) as sandbox:
        assert sandbox.stdout is not None
        found = json.loads(sandbox.stdout.readline())
        order = {**found, "url": url, "port": port, "data": data, "database": database}
        with program(TEAM, json.dumps(order)) as team:
            await until_it_answers(f"{url}/healthz")
            clients: list[ModernClient] = []
            rows, memory = [], []
            async with httpx.AsyncClient(timeout=120) as http:
                for count in people:
                    while len(clients) < count:
                        clients.append(ModernClient(url, await sign_in(url, found["base_url"], f"p{len(clients)}")))
                    for client in clients:
                        answer = await client.post(http, "find_submittals", {"project": "Riverside", "limit": 20})
                    memory.append((await http.get(f"{url}/benchmark")).json())
                    rows.append([count, *await load(clients, seconds, team)])
                token = clients[0].tokens["access_token"]
                verify = (await http.get(f"{url}/benchmark", headers={"X-Token": token})).json()["verify"] * 1000
        size = len(answer.content) // 2
        with program(BARE, str(size), str(bare_port)) as bare_server:
            await until_it_answers(f"http://127.0.0.1:{bare_port}/")
            bare = [ModernClient(f"http://127.0.0.1:{bare_port}", clients[0].tokens) for _ in range(max(people))]
            for row in rows:
                row += await load(bare[: row[0]], seconds, bare_server)
    first, last = memory[0], memory[-1]
    each = (last["rss"] - first["rss"]) / max(1, last["people"] - first["people"])
    return {"rows": rows, "verify": verify, "each": each, "rss": last["rss"], "size": size}


def main() -> None:
    """Measure, print, and write where that is wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, nargs="+", default=[1, 10, 50, 200])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    found = anyio.run(measure, sorted(given.people), given.seconds, None)
    lines = [
        f"| people at once {FIGURES} {FIGURES.replace('calls', 'bare SDK: calls')} |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        *(
            f"| {count} | {rate:.0f} | {middle:.0f} ms | {slow:.0f} ms | {own:.1f} ms "
            f"| {bare:.0f} | {bare_middle:.0f} ms | {bare_slow:.0f} ms | {bare_own:.1f} ms |"
            for count, rate, middle, slow, own, bare, bare_middle, bare_slow, bare_own in found["rows"]
        ),
        "",
    ]
    share = found["verify"] / found["rows"][0][4]
    load_average = os.getloadavg()[0]
    lines.append(
        f"Answers of {found['size'] / 1024:.0f} KiB, one process on SQLite, {platform.system()}. The {os.cpu_count()} "
        f"cores (load {load_average:.0f}) are shared with the sandbox, which answers a request or two a call, "
        f"and with the load itself. To know who calls takes {found['verify']:.2f} ms of CPU, {share:.0%} of a call; "
        f"each person at work takes {found['each'] / 1024:.0f} KiB, the server {found['rss'] / 2**20:.0f} MiB with all."
    )
    text = "\n".join(lines)
    sys.stdout.write(f"{text}\n")
    if given.write:
        write_section("team", text)


if __name__ == "__main__":
    main()
