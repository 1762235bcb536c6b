"""A server starts without what an attach needs, and imports that once the tools were listed."""

import json
import subprocess
import sys
from pathlib import Path

import acc_sandbox
from tests.support.constants import STEEL_BEAMS

HEAVY = ["acc", "auth", "httpcore", "httpx", "persistence", "sqlalchemy", "tools", "transfers"]
"""What is looked for: packages of ours, and the large ones of others."""

PROGRAM = """
import json, sys
import anyio
from mcp import Client
from server.mcp.app import build_server
from server.settings.model import Settings

orders = json.loads(sys.argv[1])

def heavy():
    return {name for name in sys.modules if name.split(".")[0] in orders["heavy"]}

async def main():
    server = build_server(Settings.load(**orders["settings"]), transport="stdio")
    async with Client(server) as client:
        started = heavy()
        await client.list_tools()
        while not hasattr(sys.modules.get("transfers.jobs.tables"), "JobTables"):  # the last of them
            await anyio.sleep(0.01)
        imported = heavy()
        answer = await client.call_tool("add_submittal_attachment", orders["call"])
        assert not answer.is_error, answer
        print(json.dumps({"at_start": sorted(started), "later": sorted(heavy() - imported)}))

anyio.run(main)
"""


def test_imports_of_the_first_attach_follow_the_tool_list(box: acc_sandbox.Sandbox, tmp_path: Path) -> None:
    (tmp_path / "beams.pdf").write_bytes(b"beams")
    settings = {
        "base_url": box.base_url,
        "access_token": box.token("manager"),
        "data_dir": str(tmp_path / "data"),
        "folders": [str(tmp_path)],
    }
    call = {**STEEL_BEAMS, "file_path": "beams.pdf", "confirm": True}
    orders = json.dumps({"settings": settings, "call": call, "heavy": HEAVY})
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, orders], stdout=subprocess.PIPE, check=True, timeout=60, text=True
    )
    found = json.loads(ended.stdout.splitlines()[-1])  # after lines of the log
    assert not {"httpx", "sqlalchemy", "transfers.manager"} & set(found["at_start"])
    assert found["later"] == []
