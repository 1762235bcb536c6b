"""Whatever an Autodesk answers with, a call ends with a code of ours, in time and in bounded memory; the server stays."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.server.hostile_run import CALLS, MODES, PAGE, environment_of, hostile_server
from tools.errors.codes import CODES

MOST_MIB = 220
WAIT_SECONDS = 1
FEW = (
    *("bytes that are no HTTP", "interim answers without end", "a body without end", "100 MB in 97 kB of gzip"),
    *("32 MiB of small values", "a hundred thousand rows that are none", "silence", "204 for everything"),
)
"""One of each kind, for the quick profile; `.ci/run --full` tries all."""


@pytest.mark.parametrize("mode", FEW if settings.get_current_profile_name() == "quick" else MODES)
def test_a_hostile_autodesk_ends_in_a_code_of_ours(start: Any, tmp_path: Path, mode: str) -> None:
    with hostile_server(MODES[mode]) as base_url:
        environment = environment_of(base_url, tmp_path) | {"SUBMITTAL_MCP_MAX_WAIT_SECONDS": str(WAIT_SECONDS)}
        server = start("-m", "server", "serve", **environment)
        server.shake_hands()
        for number, (name, arguments) in enumerate(CALLS, start=100):
            server.send({"id": number, "method": "tools/call", "params": {"name": name, "arguments": arguments}})
        for _ in CALLS:
            answer = json.loads(server.process.stdout.readline())["result"]["structuredContent"]
            assert answer["error"]["code"] in CODES, answer
        status = Path(f"/proc/{server.process.pid}/status")
        if status.exists():
            assert int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) < MOST_MIB * 1024
        assert server.ask("tools/list")["result"]["tools"]
        code, _, err = server.rest()
    assert (code, "Traceback" in err) == (0, False), err


def test_the_table_of_the_page_has_every_mode_within_the_bounds() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("<!-- hostile -->\n")[2].partition("<!-- /hostile -->")[0]
    rows = re.findall(r"\| (.+?) \| (`.+?`) \| ([\d.]+) s \| (\d+) MiB \|", table)
    assert [row[0] for row in rows] == list(MODES)
    for _, codes, seconds, peak in rows:
        assert set(re.findall(r"`(\w+)`", codes)) <= set(CODES)
        assert (float(seconds) < 61, int(peak) < MOST_MIB) == (True, True)
