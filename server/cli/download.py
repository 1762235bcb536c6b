"""`submittal-mcp download`: downloads the attachments of a submittal, and prints where they are."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import anyio

from server.cli.attach.prompt import TerminalConsentPrompt, can_ask
from server.cli.errors import CommandError, with_candidates
from server.cli.output import ProgressLine, json_text, print_table
from server.settings.model import Settings
from server.wiring import open_services, policy_of
from tools.core.context import ToolCall
from tools.core.dispatch import dispatch
from tools.core.results import DownloadRow, DownloadsResult, ErrorResult, ToolResult
from tools.download_attachments import definition

EVERY_SECONDS: Final = 0.5
"""Refresh interval of the progress line."""

TOLD_BYTES: Final = 256 * 1024**2
"""Bytes after which a line is written where stderr is no terminal."""


def download(settings: Settings, arguments: Mapping[str, Any], person: str | None, *, as_json: bool) -> bool:
    """Download what `arguments` of the tool name, print it, and return whether all of it is there.

    Raises:
        CommandError: It cannot be done; the text says how to fix it.
    """
    answer = anyio.run(_downloaded, settings, arguments, person)
    if isinstance(answer, ErrorResult):
        raise CommandError(
            with_candidates(f"{answer.error.message} {answer.error.shell_hint}", answer.error.candidates)
        )
    if not isinstance(answer, DownloadsResult):
        raise TypeError(type(answer).__name__)
    if as_json:
        sys.stdout.write(json_text(answer.model_dump(mode="json", exclude={"next_steps"})) + "\n")
    else:
        rows = [(Path(row.path or row.name).name, f"{row.size_bytes or 0:,}", _told(row)) for row in answer.files]
        found = f"{len(rows)} attachment{'s' if len(rows) > 1 else ''} in {answer.folder or ''}"
        below = found if rows else "The submittal has no attachments to download."
        print_table(("file", "bytes", "download"), rows, below, sys.stdout)
    return all(row.outcome in ("downloaded", "already_there") for row in answer.files)


def _told(row: DownloadRow) -> str:
    words = {"downloaded": "done", "already_there": "there already"}
    return words.get(row.outcome, f"{row.outcome}: {row.reason}")


async def _downloaded(settings: Settings, arguments: Mapping[str, Any], person: str | None) -> ToolResult:
    progress = ProgressLine(sys.stderr, TOLD_BYTES)
    tool = definition(local_files=True)
    prompt = TerminalConsentPrompt() if can_ask() else None
    policy = policy_of(settings, local_files=True)
    async with open_services(settings, policy, None, person, patient=True) as services:
        call = ToolCall(tool.name, dict(arguments), progress.report, EVERY_SECONDS, prompt)
        _, answer = await dispatch(tool, services, call, dict(arguments))
    progress.clear()
    return answer
