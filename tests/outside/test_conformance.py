"""The official conformance suite, with the scenarios that need no fixtures of their own in the server.

Fixtures are what the scenarios need that read a resource, get a prompt, complete an argument or wait for a task: each
asks for one of the suite's own making. Those of ours are tried by the Inspector and the TypeScript client.

Left out beside them: scenarios that call a tool which only a fixture has and take any answer for
success (`tools-call-simple-text`, `tools-call-error`, `input-required-result-validate-input` and
`input-required-result-missing-input-response`), since they cannot fail.
"""

import json
from pathlib import Path
from typing import NamedTuple

import pytest


class Suite(NamedTuple):
    package: str
    revision: str
    scenarios: dict[str, int]
    """How many checks of each scenario succeed, so that none is passed by checking nothing."""


SUITES = [
    Suite(
        "conformance-2025",
        "2025-11-25",
        {
            "dns-rebinding-protection": 2,
            "ping": 1,
            "prompts-list": 1,
            "resources-list": 1,
            "server-initialize": 1,
            "server-sse-multiple-streams": 2,
            "tools-list": 1,
        },
    ),
    Suite(
        "conformance-2026",
        "2025-11-25",
        {
            "dns-rebinding-protection": 2,
            "ping": 2,
            "prompts-list": 2,
            "resources-list": 2,
            "server-initialize": 3,
            "server-session-lifecycle": 3,
            "server-sse-multiple-streams": 2,
            "tools-list": 3,
        },
    ),
    Suite(
        "conformance-2026",
        "2026-07-28",
        {
            "caching": 7,
            "dns-rebinding-protection": 2,
            "http-header-validation": 14,
            "input-required-result-ignore-extra-params": 2,
            "input-required-result-unsupported-methods": 2,
            "prompts-list": 2,
            "resources-list": 2,
            "sep-2164-resource-not-found": 4,
            "server-sse-multiple-streams": 1,
            "server-stateless": 26,
            "tools-list": 4,
        },
    ),
]

# The checks of `server-stateless` that want a tool of the suite's own, `test_missing_capability`.
NEED_A_FIXTURE = {"sep-2575-server-rejects-undeclared-capability", "sep-2575-missing-capability-http-400"}


@pytest.mark.parametrize(
    ("package", "revision", "scenario", "successes"),
    [
        pytest.param(
            suite.package, suite.revision, scenario, successes, id=f"{suite.package}-{suite.revision}-{scenario}"
        )
        for suite in SUITES
        for scenario, successes in suite.scenarios.items()
    ],
)
def test_the_server_conforms(node, sandbox_url, tmp_path: Path, package, revision, scenario, successes):
    done = node(
        f"node_modules/{package}/dist/index.js",
        *("server", "--url", sandbox_url, "--scenario", scenario, "--spec-version", revision, "-o", str(tmp_path)),
    )
    reports = list(tmp_path.glob("*/checks.json"))
    assert len(reports) == 1, done.stdout + done.stderr
    checks = json.loads(reports[0].read_text(encoding="utf-8"))
    failures = {check["id"]: check.get("errorMessage") for check in checks if check["status"] == "FAILURE"}
    excused = NEED_A_FIXTURE if scenario == "server-stateless" else set()
    assert failures.keys() == excused, json.dumps(failures, indent=2)
    assert sum(check["status"] == "SUCCESS" for check in checks) == successes
