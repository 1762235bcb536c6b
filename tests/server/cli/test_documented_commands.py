"""The commands of the documents, run as they stand: each page in a home folder and on a sandbox of its own.

Which blocks need more than that, and where those are run, tests/house/test_documents.py counts.
"""

import csv
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import acc_sandbox
from tests.conftest import KEYS
from tests.support.documents import FencedBlock, shell_blocks

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the blocks are of a POSIX shell")

HERE = [block for block in shell_blocks() if block.run_by is None and block.not_run is None]
PAGES = sorted({block.page for block in HERE})
ROW = "Riverside Medical Center,05 12 00-3,{file}\n"

BROWSER = """
import sys
from urllib.request import build_opener
build_opener().open(sys.argv[1] + "&sandbox_person=manager", timeout=120).read()
"""


class CommandRunner:
    """Runs the blocks of a page one after the other, with the files that they name."""

    def __init__(self, start: Callable[..., Any], home: Path, box: acc_sandbox.Sandbox, more: dict[str, str]) -> None:
        self._start = start
        self._home = home
        self._folder = home / "Desktop"
        self._stand_ins = {"your-client-id": box.client_id, "/srv/drawings": str(home / "Drawings")}
        self._environment = {
            "HOME": str(home),
            "APS_BASE_URL": box.base_url,
            "SUBMITTAL_MCP_HTTP_PORT": "0",
            "SUBMITTAL_MCP_LOG_FORMAT": "json",
            **more,
        }
        for name in ("beam.pdf", "joist.pdf", "March/051200-3 beams.pdf", "DIR/any.pdf", "../Drawings/beams.pdf"):
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"%PDF-1.4 {name}".encode())
        (self._folder / "drawings.csv").write_text(
            "project,submittal,file\n" + ROW.format(file=home / "Drawings/beams.pdf")
        )

    def run(self, block: FencedBlock) -> None:
        """Run the lines of a block; what serves goes on until its end, and ends well."""
        with ExitStack() as served:
            for words in block.lines():
                assert words.pop(0) == "submittal-mcp"
                program = self._start("-m", "server", *self._arguments(words), cwd=self._folder, **self._environment)
                if words[0] in SERVES:
                    program.stderr_line(SERVES[words[0]])
                    served.callback(self._end, program)
                    continue
                code, out, err = program.rest()
                # The doctor warns of a key in a file, since these tests have no keyring.
                assert code <= (words[0] == "doctor"), (words, out, err)
                assert out, words
                if ">" in words:
                    (self._folder / words[-1]).write_text(out)
                if "--write-manifest" in words:
                    self._fill_in(self._folder / words[-1])

    def _arguments(self, words: list[str]) -> Iterator[str]:
        for word in words:
            if word == ">":
                return
            yield self._stand_ins.get(word, word.replace("~", str(self._home), 1) if word.startswith("~/") else word)

    def _fill_in(self, manifest: Path) -> None:
        """Do what the page asks a person for: name a file, and delete the rows without one."""
        with manifest.open(encoding="utf-8-sig", newline="") as opened:
            rows = csv.DictReader(opened)
            row = next(rows) | {"file": str(self._home / "Drawings/beams.pdf")}
        with manifest.open("w", encoding="utf-8", newline="") as opened:
            writer = csv.DictWriter(opened, row)
            writer.writeheader()
            writer.writerow(row)

    @staticmethod
    def _end(program: Any) -> None:
        program.process.send_signal(signal.SIGTERM)
        code, _, err = program.rest()
        assert code == 0, err


SERVES = {"serve": "serves a team at", "worker": "worker_ready"}
"""What a command that serves writes once it does."""


@pytest.fixture
def signed_in(box: acc_sandbox.Sandbox, tmp_path: Path) -> dict[str, str]:
    """What a page needs whose reader is signed in; one that signs in by itself gets a browser instead."""
    return {"APS_ACCESS_TOKEN": box.token("manager")}


@pytest.fixture
def browser(box: acc_sandbox.Sandbox, tmp_path: Path, free_port: int) -> dict[str, str]:
    """A browser whose person chooses themselves on Autodesk's page, and a callback URL on a free port."""
    script = tmp_path / "browser.py"
    script.write_text(BROWSER, encoding="utf-8")
    callback_url = f"http://localhost:{free_port}/callback"
    box.register_callback(callback_url)
    return {"BROWSER": f"{sys.executable} {script} %s", "APS_CALLBACK_URL": callback_url}


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_run_as_they_stand(page, start, box, tmp_path, request):
    page_blocks = [block for block in HERE if block.page == page]
    text = "".join(block.text for block in page_blocks)
    more = request.getfixturevalue("browser" if "submittal-mcp login" in text else "signed_in")
    home = tmp_path / "home"
    home.mkdir()
    for block in page_blocks:
        queue = {}
        if "submittal-mcp worker" in block.text:
            url = request.getfixturevalue("postgres_url")
            queue = {"SUBMITTAL_MCP_DATABASE_URL": url, "SUBMITTAL_MCP_ENCRYPTION_KEYS": KEYS}
        CommandRunner(start, home, box, more | queue).run(block)
