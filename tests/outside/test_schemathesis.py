"""The sandbox against its own OpenAPI description, with requests that schemathesis makes up: none may end in a 5xx.

schemathesis brings many packages of its own, so it lives in an environment of its own: see the README.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import sandbox

PROGRAM = shutil.which(
    "schemathesis",
    path=os.pathsep.join([str(Path(__file__).with_name(".venv") / "bin"), os.environ.get("PATH", "")]),
)
CHECKS = "not_a_server_error"


def test_no_request_that_the_description_allows_or_forbids_ends_in_a_5xx():
    assert PROGRAM, "schemathesis is missing: run tests/outside/install"
    with sandbox.running() as box:
        box.register_callback("http://localhost:1/callback")
        words = [PROGRAM, "run", f"{box.base_url}/openapi.json", "--checks", CHECKS, "--max-examples", "15"]
        words += ["--header", f"Authorization: Bearer {box.token(expires_in=86_400)}", "--mode", "all", "--seed", "1"]
        # Stalls would stand still for ever, a moved clock would end the token, and the log is read below.
        words += [
            "--exclude-path-regex",
            "^/sandbox/(faults|clock|switches|requests)",
            "--phases",
            "examples,coverage,fuzzing",
        ]
        done = subprocess.run(words, capture_output=True, text=True, timeout=900, check=False)
        answered = [one.status for one in box.requests]
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert len(answered) > 1000
    assert not [status for status in answered if status is not None and status >= 500]
