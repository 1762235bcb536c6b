"""The table of faults in docs/reliability.md, made from what an attach does under each of them.

`python -m scripts.fault_table` runs `tests/transfers/test_fault_table.py` with every fault and writes the table; with
`--check` it says whether the table is current. It takes some minutes.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "reliability.md"
TEST: Final = "tests/transfers/test_fault_table.py"

_BEGIN: Final = "<!-- faults -->\n"
_END: Final = "<!-- /faults -->"
_HEAD: Final = """\
| fault | the calls end as | attachments made | of these confirmed | parts sent again |
|---|---|--:|--:|--:|
"""


def table_in(page: str) -> str:
    """Return the table of faults in a page, without the marks around it."""
    return page.partition(_BEGIN)[2].partition(_END)[0]


def with_table(page: str, table: str) -> str:
    """Return a page with another table."""
    before, _, rest = page.partition(_BEGIN)
    return f"{before}{_BEGIN}{table}{_END}{rest.partition(_END)[2]}"


def measured_rows() -> list[str]:
    """Run the test with every fault, and return the rows that it recorded, in the order of its faults.

    Raises:
        RuntimeError: A fault has no row, because its test ended before one was known.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        environment = os.environ | {"HYPOTHESIS_PROFILE": "long"}
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", TEST, f"--junitxml={report}"], cwd=ROOT, env=environment, check=False
        )
        cases = list(ET.parse(report).iter("testcase"))
    recorded = [{one.get("name"): one.get("value", "") for one in case.iter("property")} for case in cases]
    if not recorded or not all("row" in one for one in recorded):
        raise RuntimeError(f"{TEST} failed before each fault had a row")
    return [one["row"] for one in sorted(recorded, key=lambda one: int(one["number"]))]


def main() -> None:
    """Write the table, or with `--check` compare it."""
    page = PAGE.read_text(encoding="utf-8")
    table = _HEAD + "".join(f"{row}\n" for row in measured_rows())
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(with_table(page, table), encoding="utf-8")
    elif table_in(page) != table:
        sys.exit("docs/reliability.md is out of date: python -m scripts.fault_table")


if __name__ == "__main__":
    main()
