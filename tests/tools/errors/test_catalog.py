"""The catalogue of errors: hints for an agent name what it can call, hints for a shell what a person can type."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.support.constants import ROOT
from tools.core.registry import definitions
from tools.errors import exceptions
from tools.errors.catalog import ROWS

TOOLS = {one.name: one for local_files in (False, True) for one in definitions(local_files=local_files)}
ARGUMENTS = {name for one in TOOLS.values() for name in one.arguments.model_fields if "_" in name}
PROBLEMS = {
    name for name, kind in vars(exceptions).items() if isinstance(kind, type) and kind.__module__ == exceptions.__name__
}

OF_TOOLS = re.compile(
    rf"\b({'|'.join({*TOOLS} | ARGUMENTS)})\b|next_steps|retry_after|upload\.command|\b[Cc]all\b|{{tool}}"
)
"""What only an agent can use: tools, their arguments, members of answers."""

OF_A_SHELL = re.compile(r"submittal-mcp|(?<![\w-])--?[a-z]")
"""What only a person at a shell can use: commands and flags."""

AGENT, SHELL = 1, 2
"""Where the two hints stand among the arguments of a problem that a tool raises."""


def raise_sites() -> Iterator[tuple[str, ast.Call]]:
    """Each place where a tool says what is wrong: `file:line`, and the call of the exception."""
    for path in sorted((ROOT / "tools").rglob("*.py")):
        kinds = PROBLEMS | {"kind"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or len(node.args) < 3:
                continue
            called = node.func.func if isinstance(node.func, ast.Call) else node.func
            if isinstance(called, ast.Name) and called.id in kinds | {"_kind"}:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def texts(path: str, node: ast.expr) -> str:
    """All literal text that an argument can be made of, constants of its module included."""
    module = ast.parse((ROOT / path.partition(":")[0]).read_text(encoding="utf-8"))
    constants = {
        one.target.id: one.value
        for one in module.body
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and one.value is not None
    }
    parts = [one for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    named = [constants[one.id] for one in ast.walk(node) if isinstance(one, ast.Name) and one.id in constants]
    return " ".join([*(str(one.value) for one in parts), *(texts(path, one) for one in named)])


SITES = dict(raise_sites())


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.code)
def test_no_hint_of_a_row_speaks_to_the_other_side(row):
    assert not OF_TOOLS.search(row.shell_hint)
    assert not OF_A_SHELL.search(row.agent_hint)
    assert all((row.message, row.agent_hint, row.shell_hint))


@pytest.mark.parametrize("site", SITES)
def test_no_hint_of_a_raise_site_speaks_to_the_other_side(site):
    arguments = SITES[site].args
    shell = texts(site, arguments[SHELL])
    assert shell
    assert not OF_TOOLS.search(shell)
    assert not OF_A_SHELL.search(texts(site, arguments[AGENT]))


def test_every_problem_of_the_tools_is_raised_where_the_test_looks():
    found = {one.func.id for one in SITES.values() if isinstance(one.func, ast.Name)}
    raised = PROBLEMS - {"RetryHint", "ToolError", "BackgroundFailure", "UpstreamRejected"}
    assert raised <= found


def test_agent_words_and_shell_words_are_told_apart():
    assert OF_TOOLS.search("Give another file_path.")
    assert OF_TOOLS.search("Call {tool} again.")
    assert OF_A_SHELL.search("Sign in with `submittal-mcp login`.")
    assert OF_A_SHELL.search("Add --folder.")
    assert not OF_A_SHELL.search("Sign-in and read-only.")
