"""`submittal-mcp demo`: attaches a real file through a real MCP client and server.

A sandbox runs here; the server is started beside it as a chat client would start it; the SDK's client then makes the
one call that an assistant would, and looks at the submittal.
"""

import hashlib
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import anyio
import mcp
from mcp.client.stdio import StdioServerParameters, stdio_client
from rich.console import Console

from persistence.data_folder import home_folder
from server.cli.demo import SAMPLE_PDF
from server.cli.demo.printer import Answer, DemoPrinter
from server.cli.options import meant_path
from server.cli.own_command import shell_words, spoken_command

if TYPE_CHECKING:
    import acc_sandbox

PROJECT: Final = "Riverside Medical Center"
SUBMITTAL: Final = "051200-3"
WAIT_SECONDS: Final = 45

SECONDS: Final = 120
"""Long enough for any file a person would try on one machine; it takes a few seconds."""

MOST_STEPS: Final = 20


class DemoFailed(Exception):
    """The demo failed; the text says where, `details` holds the server's output."""

    def __init__(self, reason: str, details: str = "") -> None:
        super().__init__(reason)
        self.details = details


def run(file: Path | None, *, open_page: bool = False, verbose: bool = False) -> int:
    """Attach `file`, or the sample PDF, show every step, and return the exit code.

    With `open_page` the sandbox stays up, with the submittal's page in a browser, until Ctrl-C.
    """
    view = DemoPrinter(Console(), verbose=verbose)
    kept = Path(tempfile.mkdtemp(prefix="submittal-mcp-demo-"))
    try:
        path = _chosen(file, kept)
        _show(view, path, kept, open_page=open_page)
    except KeyboardInterrupt:
        return 0 if view.ended else 130
    except DemoFailed as failure:
        view.failure(str(failure), failure.details)
        return 1
    return 0


def _chosen(file: Path | None, kept: Path) -> Path:
    if file is None:
        sample = kept / SAMPLE_PDF.name
        sample.write_bytes(SAMPLE_PDF.read_bytes())
        return sample
    path = Path(os.path.realpath(meant_path(str(file), Path.cwd())))
    if os.path.isdir(path):  # noqa: PTH112  # a Path's own question raises where the path is too long
        raise DemoFailed(f"{file} is a folder; name one file in it")
    if not os.path.isfile(path):  # noqa: PTH113
        raise DemoFailed(f"there is no file {file}")
    if path.parent in (home_folder(), Path(path.anchor)):
        # The server refuses to open up a whole home folder; the demo lends it one that holds this file alone.
        return Path(shutil.copy2(path, kept / path.name))
    return path


def _show(view: DemoPrinter, path: Path, kept: Path, *, open_page: bool) -> None:
    import acc_sandbox
    from auth.login.browser import open_in_browser

    with acc_sandbox.running(data=kept / "sandbox") as box, tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        view.heading(
            f"Attach {path.name} to submittal {SUBMITTAL} of {PROJECT}",
            "A sandbox stands in for Autodesk; no account is used.",
        )
        try:
            attachment = anyio.run(_converse, view, box, path, kept / "server", log)
        except (BaseExceptionGroup, TimeoutError) as failure:
            log.seek(0)
            raise DemoFailed(_reason(failure), log.read()) from failure
        [row] = [row for row in box.attachments(box.item(SUBMITTAL)) if row["id"] == attachment["id"]]
        stored = box.object_bytes(str(row["uploadUrn"]))
        digest = hashlib.sha256(stored).hexdigest()
        if digest != attachment["sha256"] or stored != path.read_bytes():
            raise DemoFailed("the bytes in storage are not those of the file")
        view.end(
            f"Done: the {len(stored):,} bytes in storage are the file's own.",
            f"Try it from your chat client: {spoken_command()} config CLIENT --install --sandbox",
            f"Use it with your own account: {spoken_command()} setup",
        )
        item = box.item(SUBMITTAL)
        url = f"{box.base_url}/projects/{item.project_id}/items/{item.id}"
        if open_page:
            view.page("The submittal's page, until you press Ctrl-C:", url)
            open_in_browser(url)
            threading.Event().wait()
    # With the demo's own port: at the usual one another sandbox may listen, which knows the submittal and not the file.
    serves = f"{spoken_command()} sandbox --data {shell_words(str(kept / 'sandbox'))} --port {urlsplit(url).port}"
    view.page(f"To see it in a browser, run {serves} and open:", url)


async def _converse(view: DemoPrinter, box: "acc_sandbox.Sandbox", path: Path, data: Path, log: Any) -> Answer:
    server = StdioServerParameters(
        # -P: a folder called "server" in the present directory must not be taken for ours.
        command=sys.executable,
        args=["-P", "-m", "server.cli.demo.server", "serve", str(path.parent)],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("APS_", "SUBMITTAL_MCP_"))},
            "APS_BASE_URL": box.base_url,
            "APS_ACCESS_TOKEN": box.token("manager"),
            "SUBMITTAL_MCP_DATA_DIR": str(data),
        },
    )
    with anyio.fail_after(SECONDS):
        async with mcp.Client(stdio_client(server, errlog=log)) as client:
            return await _attach(view, client, path)


def _reason(failure: BaseException) -> str:
    """Return the first failure of a client's task group."""
    if isinstance(failure, BaseExceptionGroup):
        return _reason(failure.exceptions[0])
    if isinstance(failure, TimeoutError):
        return f"there was no end within {SECONDS} seconds"
    return str(failure) if isinstance(failure, DemoFailed) else f"the server did not answer ({failure})"


async def _attach(view: DemoPrinter, client: mcp.Client, path: Path) -> Answer:
    """Attach in one call what the person said; where that takes longer, follow the steps to `ready`. Then look."""
    place = {"project": PROJECT, "submittal": SUBMITTAL}
    tool = "add_submittal_attachment"
    arguments: dict[str, Any] = {**place, "file_path": str(path), "confirm": True, "wait_seconds": WAIT_SECONDS}
    for _ in range(MOST_STEPS):
        answer = await _call(view, client, tool, arguments)
        # A step that needs something is up to a person: where the submittal goes now.
        step = next((step for step in answer["next_steps"] if not step["needs"]), None)
        if step is None:
            await _call(view, client, "get_submittal", place)
            return _ready(answer)
        tool, arguments = step["tool"], step["arguments"]
    raise DemoFailed(f"no end after {MOST_STEPS} steps")


def _ready(answer: Answer) -> Answer:
    attachment: Answer = answer.get("attachment") or {}
    if attachment.get("state") != "ready":
        raise DemoFailed("the answers led nowhere before the file was ready")
    return attachment


async def _call(view: DemoPrinter, client: mcp.Client, tool: str, arguments: Mapping[str, Any]) -> Answer:
    view.call(tool, arguments)
    result = await client.call_tool(tool, dict(arguments))
    answer: Answer = result.structured_content or {}
    view.answer(answer)
    if result.is_error:
        raise DemoFailed(f"{tool} answered an error")
    return answer
