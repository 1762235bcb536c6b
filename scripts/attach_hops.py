"""Files of ours that one attach runs through: from the tool's entry to the PATCH that makes the file visible.

A client starts `serve --sandbox` over stdio and attaches a small file with `confirm`, as the server's first call, so
the database is opened on the way as well. A profile hook in the server's process notes each file of ours in which a
function is entered or resumed, in any thread, but for what an import executes. Two figures come of it: the files from
the entry of the tool's function on, where neither the callers that wait for it are counted when they are resumed with
it, nor the heartbeat, which runs on a slow machine alone; and all files from the arrival of the request on, which
include the way through the MCP server and the opening of the user's services.
"""

import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import anyio

from scripts.house_figures import PRODUCT, ROOT

_FOLDERS = tuple(f"{ROOT / package}{os.sep}" for package in PRODUCT)
_IMPORT = "<frozen importlib._bootstrap>"

_FUNCTION = "add_submittal_attachment"
_HEARTBEAT = "_beat"
_TOOL = str(ROOT / "tools" / f"{_FUNCTION}.py")

Hop = tuple[str, str]
"""(file, first function entered or resumed in it)"""


class AttachHops(NamedTuple):
    """Files on the way to the PATCH, in the order in which they are entered."""

    from_request: list[Hop]
    from_tool: list[Hop]


class HopRecorder:
    """Profile hook: records between the `tools/call` of the attach and the PATCH, then writes the hops to `target`."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._recording = self._ended = False
        self._from_request: dict[str, str] = {}
        self._from_tool: dict[str, str] = {}
        self._callers: list[FrameType] = []

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        """Look at one event of the interpreter."""
        if event != "call" or self._ended:
            return
        file, function = frame.f_code.co_filename, frame.f_code.co_name
        if file.startswith(_FOLDERS):
            if self._recording and not _is_import(frame):
                self._from_request.setdefault(file, function)
                # Not a validator of its arguments, which stands in the same file.
                enters = file == _TOOL and function == _FUNCTION
                if not self._from_tool and enters:
                    self._callers = list(_callers_of(frame))
                if (self._from_tool or enters) and not (frame in self._callers or _is_heartbeat(frame)):
                    self._from_tool.setdefault(file, function)
        elif function == "_on_request" and file.endswith("runner.py"):
            parameters = frame.f_locals.get("params") or {}
            self._recording = self._recording or parameters.get("name") == _FUNCTION
        elif function == "send" and self._recording and getattr(frame.f_locals.get("request"), "method", "") == "PATCH":
            self._ended = True
            hops = [_relative(self._from_request), _relative(self._from_tool)]
            self._target.write_text(json.dumps(hops), encoding="utf-8")


def _relative(entered: dict[str, str]) -> list[Hop]:
    return [(Path(file).relative_to(ROOT).as_posix(), function) for file, function in entered.items()]


def _callers_of(frame: FrameType) -> Iterator[FrameType]:
    caller = frame.f_back
    while caller is not None:
        yield caller
        caller = caller.f_back


def _is_heartbeat(frame: FrameType) -> bool:
    return any(one.f_code.co_name == _HEARTBEAT for one in (frame, *_callers_of(frame)))


def _is_import(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORT:
            return True
        frame = frame.f_back
    return False


def attach_hops() -> AttachHops:
    """Attach a file in a sandbox and return the files of ours on the way.

    Raises:
        RuntimeError: The attach failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "hops.json"
        anyio.run(_attach, Path(folder), target)
        from_request, from_tool = json.loads(target.read_text(encoding="utf-8"))
        return AttachHops(from_request, from_tool)


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
        result = await client.call_tool(_FUNCTION, arguments)
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
    for number, (file, function) in enumerate(hops.from_tool, 1):
        print(f"{number:3}  {file:44} {function}")
    before = [file for file, _ in hops.from_request if file not in dict(hops.from_tool)]
    print(f"\n{len(hops.from_tool)} files from the tool's entry to the PATCH.")
    print(f"{len(hops.from_request)} files from the request to the PATCH; before the tool, and not after it:")
    print("\n".join(f"     {file}" for file in before))


if __name__ == "__main__":
    main(sys.argv[1:])
