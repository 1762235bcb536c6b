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


def test_every_advisory_is_named_by_a_test_of_its_row() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8").partition("## Advisories of other servers")[2]
    rows = [row for row in page.splitlines() if "`tests/" in row and row.startswith("| ")]
    assert len(rows) > 15
    for row in rows:
        advisory, file = row.split(" | ")[0].removeprefix("| "), re.findall(r"`(tests/[a-z_/]+\.py)::", row)[0]
        text = " ".join((ROOT / file).read_text(encoding="utf-8").split())
        assert advisory.lower() in text.lower(), row
