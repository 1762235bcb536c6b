"""Documents of the repository: their pages, and the commands in their fenced blocks."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tests.support.constants import ROOT

SHELLS: Final = ("sh", "powershell")
BLOCK: Final = re.compile(
    r"(?:^ *<!-- (?P<marker>run|not run): (?P<words>[^\n]+) -->\n)?^(?P<indent> *)```(?P<language>\S*)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


@cache
def documents() -> tuple[Path, ...]:
    """Return every page of the repository; CHANGELOG.md is history and may name what is gone."""
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return tuple(ROOT / name for name in listed.splitlines() if name != "CHANGELOG.md")


@dataclass(frozen=True)
class FencedBlock:
    """A fenced block, and what the comment above it says: nothing, which file runs it, or why none does."""

    page: str
    language: str
    text: str
    run_by: str | None
    not_run: str | None

    def lines(self) -> Iterator[list[str]]:
        """Yield the words of each command of a shell, without comments."""
        for line in self.text.replace("\\\n", " ").splitlines():
            if words := shlex.split(line, comments=True):
                yield words


def blocks(page: Path) -> Iterator[FencedBlock]:
    """Yield the fenced blocks of a page."""
    for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
        by = {found["marker"]: found["words"]}
        text = re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
        yield FencedBlock(page.relative_to(ROOT).as_posix(), found["language"], text, by.get("run"), by.get("not run"))


@cache
def shell_blocks() -> tuple[FencedBlock, ...]:
    """Return the blocks of commands of every page."""
    return tuple(block for page in documents() for block in blocks(page) if block.language in SHELLS)


def run_by(file: Path) -> Iterator[FencedBlock]:
    """Yield the blocks that a test's file runs."""
    name = file.resolve().relative_to(ROOT).as_posix()
    yield from (block for block in shell_blocks() if block.run_by == name)
