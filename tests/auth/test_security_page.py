"""docs/security.md names the tests that hold its promises; a name that is not there holds nothing."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_that_the_page_names_is_there() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[a-z_/]+\.py)(?:::(test_[a-z0-9_]+))?`", page)
    assert len(named) > 30
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not (ROOT / file).is_file() or (name and f"def {name}(" not in (ROOT / file).read_text(encoding="utf-8"))
    ]
    assert missing == []


def test_every_measure_names_one() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    for table in re.findall(r"\| held by \|\n\|(?:---\|)+\n((?:\|.*\n)+)", page):
        for row in table.splitlines():
            assert "`tests/" in row, row
