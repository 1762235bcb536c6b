"""Each fact on Autodesk's APIs that the documents claim is held by a test that exists."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from scripts.sandbox_facts import BASES, Fact, page, read_facts

HERE = Path(__file__).parent


@cache
def names_in(module: str) -> frozenset[str]:
    names = set()
    path = next((one for folder in (HERE, HERE.parent) if (one := folder / f"{module}.py").exists()), None)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))) if path else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names.add(node.targets[0].id)
    return frozenset(name for name in names if name.lower().startswith("test"))


def test_every_fact_has_a_test_that_exists():
    held_by = {fact.test: fact.test.rpartition(".") for fact in read_facts()}
    assert [test for test, (module, _, name) in held_by.items() if name not in names_in(module)] == []


def test_the_page_lists_what_is_inferred_before_what_is_documented():
    facts = [Fact("1", f"a statement by {basis}", (basis,), "test_x.test_y") for basis in BASES]
    partly = Fact("1", "a statement partly inferred", ("tutorial", "inferred"), "test_x.test_y")
    lines = page([*facts, partly], {"dm.folder": "inferred: its path"}).splitlines()
    inferred, unknown, documented = (
        next(i for i, line in enumerate(lines) if line.startswith(f"## {word}"))
        for word in ("Inferred", "Unknown", "Documented")
    )
    where = {
        fact.statement: next(i for i, line in enumerate(lines) if fact.statement in line) for fact in [*facts, partly]
    }
    assert inferred < where["a statement by inferred"] < where["a statement partly inferred"] < unknown
    assert inferred < lines.index("| `dm.folder` | inferred: its path |") < unknown
    assert unknown < where["a statement by unknown"] < documented
    assert all(where[f"a statement by {basis}"] > documented for basis in BASES if basis not in ("inferred", "unknown"))
