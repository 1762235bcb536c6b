"""Words that stand for no actor, or for no term: in sources, pages and names of tests each is an error.

`python -m scripts.plain_words` lists them with a better one. CHANGELOG.md is history, docs/performance.md quotes users.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent

BETTER: Final = {
    "whoever": "name the actor: the process that, a caller that",
    "nobody": "name the actor: no user, no process; or say it without one",
    "somebody": "name the actor: a user, another process",
    "anew": "again",
    "mend": "fix",
    "mends": "fixes",
    "mended": "fixed",
    "befell": "happened to",
}
_WORD: Final = re.compile(rf"\b({'|'.join(BETTER)})\b", re.IGNORECASE)
_TEST_NAME: Final = re.compile(r"def (test_(?:what|who|whoever|whose|nobody|somebody)_\w+)")
_LEFT_OUT: Final = ("tests/", "benchmarks/", "CHANGELOG.md", "docs/performance.md", "scripts/plain_words.py")


def problems() -> Iterator[str]:
    """Yield a line for each word and each name of a test."""
    listed = subprocess.run(["git", "ls-files", "*.py", "*.md", "*.html"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().splitlines():
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1):
            if not name.startswith(_LEFT_OUT):
                for found in _WORD.findall(line):
                    yield f"{name}:{number}: {found!r}: {BETTER[found.lower()]}"
            for found in _TEST_NAME.findall(line):
                yield f"{name}:{number}: {found}: begin with the term that a search looks for"


def main() -> None:
    """Exit with the problems, if there are any."""
    found = list(problems())
    sys.exit("\n".join(found) or None)


if __name__ == "__main__":
    main()
