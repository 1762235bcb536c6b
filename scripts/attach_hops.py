"""Files of ours that one attach runs through: from the tool's entry to the PATCH that makes the file visible.

A client starts `serve --sandbox` over stdio and attaches a small file with `confirm`. A profile hook in the server's
process notes each file of ours in which a function is entered or resumed on the way, in any thread, but for what an
import executes.
"""

import json
import os
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType

import anyio

from scripts.house_figures import PRODUCT, ROOT

_FOLDERS = tuple(f"{ROOT / package}{os.sep}" for package in PRODUCT)
_IMPORT = "<frozen importlib._bootstrap>"

Hop = tuple[str, str]
"""(file, first function entered or resumed in it)"""


class HopRecorder:
    """Profile hook: records between the `tools/call` of the attach and the PATCH, then writes the hops to `target`."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._recording = self._ended = False
        self._hops: dict[str, str] = {}

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        """Look at one event of the interpreter."""
        if event != "call" or self._ended:
            return
        file, function = frame.f_code.co_filename, frame.f_code.co_name
        if file.startswith(_FOLDERS):
            if self._recording and not _is_import(frame):
                self._hops.setdefault(file, function)
        elif function == "_on_request" and file.endswith("runner.py"):
            parameters = frame.f_locals.get("params") or {}
            self._recording = self._recording or parameters.get("name") == "add_submittal_attachment"
        elif function == "send" and self._recording and getattr(frame.f_locals.get("request"), "method", "") == "PATCH":
            self._ended = True
            hops = [(str(Path(name).relative_to(ROOT)), entered) for name, entered in self._hops.items()]
            self._target.write_text(json.dumps(hops), encoding="utf-8")


def _is_import(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORT:
            return True
        frame = frame.f_back
    return False


def attach_hops() -> list[Hop]:
    """Attach a file in a sandbox and return the files of ours on the way, in the order in which they are entered.

    Raises:
        RuntimeError: The attach failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "hops.json"
        anyio.run(_attach, Path(folder), target)
        return [(file, function) for file, function in json.loads(target.read_text(encoding="utf-8"))]


async def _attach(folder: Path, target: Path) -> None:
    from mcp.client import Client
    from mcp.client.stdio import StdioServerParameters

    (folder / "beams.pdf").write_bytes(b"%PDF-1.7 small")
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "scripts.attach_hops", str(target), "serve", "--sandbox", "--folder", str(folder)],
        cwd=str(ROOT),
    )
    arguments = {
        "project": "Riverside Medical Center",
        "submittal": "051200-3",
        "file_path": "beams.pdf",
        "confirm": True,
    }
    async with Client(server) as client:
        result = await client.call_tool("add_submittal_attachment", arguments)
    if result.is_error:
        raise RuntimeError(f"the attach failed: {result.content}")


def _serve(target: Path, arguments: list[str]) -> None:
    recorder = HopRecorder(target)
    threading.setprofile(recorder)
    sys.setprofile(recorder)
    from server.cli.main import main

    sys.argv = ["submittal-mcp", *arguments]
    main()


def main(arguments: list[str]) -> None:
    """Print the hops, or serve with the hook, which is what the client starts."""
    if arguments:
        _serve(Path(arguments[0]), arguments[1:])
        return
    hops = attach_hops()
    for number, (file, function) in enumerate(hops, 1):
        print(f"{number:3}  {file:44} {function}")


if __name__ == "__main__":
    main(sys.argv[1:])
