"""The page of facts on Autodesk's APIs, docs/sandbox-facts.md, made from tests/acc_sandbox/facts.txt and tests/facts/.

`python scripts/sandbox_facts.py` writes the page; with `--check` it writes nothing and exits with 1 where the page is
not current. What no document of Autodesk's says comes first: it is what a real account can confirm or refute.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[1]
ROWS: Final = ROOT / "tests" / "acc_sandbox" / "facts.txt"
EXAMPLES: Final = tuple(ROOT / "tests" / "facts" / f"{name}_examples.json" for name in ("acc", "wire"))
PAGE: Final = ROOT / "docs" / "sandbox-facts.md"

BASES: Final = {
    "recording": "a real answer of the service, found in public code",
    "tutorial": "a sample payload that a tutorial or a reference page of Autodesk's prints",
    "reference": "the text of Autodesk's reference pages, field guides or OpenAPI files",
    "Postman": "what the tests of Autodesk's own Postman collection assert",
    "clients": "five independent clients of the real service agree",
    "blog": "an article of Autodesk's",
    "third party": "code or documents of others, not confirmed",
    "inferred": "our reading; no document says it",
    "unknown": "no document says it and every answer is tolerated: a switch of the sandbox",
}
"""Where a fact comes from, strongest first."""

_UNSUPPORTED: Final = ("inferred", "unknown")

_HEAD: Final = """# What the sandbox holds to

Every statement of the fact sheet on Autodesk's APIs that can be checked here, with its section there, its basis, and
the test that holds it; statements that only the client can hold to stand here too. Written by `scripts/tables` from
`tests/acc_sandbox/facts.txt`. What cannot be simulated, and why, stands in [sandbox.md](sandbox.md).

A test is in `tests/acc_sandbox`, or else in `tests`. The bases, strongest first; a statement with several rests in
part on the weakest:

"""
_INFERRED: Final = """
## Inferred: check these first with a real account

The program has not called the real service yet, and no document of Autodesk's says these in full. With an account,
[the shapes of real answers](recording.md) can be recorded, without their values, and settle some of them.

"""
_INFERRED_EXAMPLES: Final = """
Of the examples in `tests/facts/` that requests and answers are compared with, these are inferred, in whole or in part:

"""
_UNKNOWN: Final = """
## Unknown: switches of the sandbox

The documents are silent or contradict each other; the client tolerates each answer.

"""
_DOCUMENTED: Final = """
## Documented or recorded

"""


class Fact(NamedTuple):
    """A statement on Autodesk's APIs; `test` is `module.test`, of tests/acc_sandbox or else of tests."""

    section: str
    statement: str
    bases: tuple[str, ...]
    test: str


def read_facts() -> list[Fact]:
    """Return the facts in the order of their sections.

    Raises:
        ValueError: A row has not four cells, or a basis that is none of `BASES`.
    """
    facts = []
    for number, line in enumerate(ROWS.read_text("utf-8").splitlines(), start=1):
        if line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split(" | ")]
        if len(cells) != len(Fact._fields):
            raise ValueError(f"{ROWS.name}, line {number}: not section | statement | basis | test")
        section, statement, basis, test = cells
        given = set(basis.split(", "))
        if strange := given - set(BASES):
            raise ValueError(f"{ROWS.name}, line {number}: {strange} is no basis; they are {', '.join(BASES)}")
        facts.append(Fact(section, statement, tuple(one for one in BASES if one in given), test))
    return facts


def read_inferred_examples() -> dict[str, str]:
    """Return the basis of each example that is inferred, by its name."""
    examples = [one for path in EXAMPLES for one in json.loads(path.read_text("utf-8"))["examples"]]
    return {one["name"]: one["basis"] for one in examples if "inferred" in one["basis"]}


def page(facts: Iterable[Fact], inferred_examples: Mapping[str, str]) -> str:
    """Return the page: what is inferred, what is unknown, then everything else."""
    groups: dict[str, list[Fact]] = {"inferred": [], "unknown": [], "documented": []}
    for fact in facts:
        groups[next((basis for basis in _UNSUPPORTED if basis in fact.bases), "documented")].append(fact)
    legend = "".join(f"- **{basis}**: {meaning}\n" for basis, meaning in BASES.items())
    examples = "".join(f"| `{name}` | {basis} |\n" for name, basis in inferred_examples.items())
    return (
        f"{_HEAD}{legend}{_INFERRED}{_table(groups['inferred'])}"
        f"{_INFERRED_EXAMPLES}| example | basis |\n|---|---|\n{examples}"
        f"{_UNKNOWN}{_table(groups['unknown'])}{_DOCUMENTED}{_table(groups['documented'])}"
    )


def _table(facts: Iterable[Fact]) -> str:
    rows = (f"| {fact.section} | {fact.statement} | {', '.join(fact.bases)} | `{fact.test}` |\n" for fact in facts)
    return "| § | statement | basis | test |\n|---|---|---|---|\n" + "".join(rows)


def main(arguments: Sequence[str]) -> int:
    """Write the page, or check it; return the exit code."""
    current = page(read_facts(), read_inferred_examples())
    if PAGE.exists() and PAGE.read_text("utf-8") == current:
        return 0
    if "--check" in arguments:
        sys.stderr.write(f"{PAGE.relative_to(ROOT)} is not current; run scripts/tables\n")
        return 1
    PAGE.write_text(current, "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
