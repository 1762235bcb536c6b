"""The snippets of docs/frameworks.md, each in its framework's own environment, with models that answer from a script."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from .conftest import PATIENCE

HERE: Final = Path(__file__).parent
PAGE: Final = (HERE.parents[1] / "docs" / "frameworks.md").read_text(encoding="utf-8")
MARKED: Final = re.compile(r"<!-- (run|not run): ([^\n]+) -->\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SNIPPETS: Final = {name: code for kind, name, code in MARKED.findall(PAGE) if kind == "run"}
ENVIRONMENTS: Final = {
    "langgraph": "langgraph",
    "openai-agents": "converters",
    "pydantic-ai": "pydantic-ai",
    "fastmcp": "fastmcp",
    "fastmcp-http": "fastmcp",
}
"""Where each snippet runs: `.venv-NAME`, which `install` makes."""

Answer = Callable[..., Any]


@pytest.fixture
def answer(environment: Mapping[str, str], tmp_path: Path) -> Answer:
    """Run a snippet with `submittal-mcp` on the PATH, and return what its program answered."""
    alone = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    commands = Path(sys.executable).parent

    def answer(name: str, **more: str) -> Any:
        python = HERE / f".venv-{ENVIRONMENTS[name]}" / "bin" / "python"
        assert python.exists(), f"{name} is missing: run tests/outside/install"
        snippet = tmp_path / "snippet.py"
        snippet.write_text(SNIPPETS[name], encoding="utf-8")
        done = subprocess.run(
            [python, HERE / "framework_drivers.py", name, snippet],
            env={**alone, "PATH": f"{commands}{os.pathsep}{alone['PATH']}", **more},
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["answer"]

    return answer


def test_every_python_snippet_is_run_or_says_why_not() -> None:
    assert len(MARKED.findall(PAGE)) == PAGE.count("```python")
    assert list(SNIPPETS) == list(ENVIRONMENTS)
    assert [reason for kind, reason, _ in MARKED.findall(PAGE) if kind == "not run"] == [
        "OpenAI calls the server, which must be reachable from the internet"
    ]


@pytest.mark.parametrize("name", ["langgraph", "openai-agents", "pydantic-ai", "fastmcp"])
def test_a_framework_attaches_a_file_until_reviewers_can_open_it(answer: Answer, name: str) -> None:
    attachment = answer(name)
    assert attachment["name"] == "beam-shop-drawings.pdf"
    assert attachment["state"] == "ready"
    assert attachment["verified"] is True


def test_a_program_is_let_in_over_http_with_the_secret(answer: Answer, guarded_url: str, secret: str) -> None:
    person = answer("fastmcp-http", SERVER_URL=guarded_url, SUBMITTAL_MCP_HTTP_SECRET=secret)
    assert person["email"] == "project.manager@example.com"
