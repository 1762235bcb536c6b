"""`submittal-mcp download`: brings the attachments of a submittal into the download folder, and says where they are."""

import sys
from collections.abc import Mapping
from typing import Any

import anyio

from server.cli.attach.prompt import TerminalConsentPrompt, can_ask
from server.cli.errors import CommandError, with_candidates
from server.cli.output import say
from server.settings.model import Settings
from server.wiring import open_services, policy_of
from tools.core.context import ToolCall
from tools.core.dispatch import dispatch
from tools.core.results import DownloadsResult, ErrorResult, ToolResult
from tools.core.text_sanitizer import visible
from tools.download_attachments import definition


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
        say(answer.model_dump_json(exclude={"next_steps"}))
    else:
        for row in answer.files:
            where = row.path or row.reason or ""
            say(visible(f"{row.outcome:<14} {row.size_bytes or 0:>15,}  {row.name}  {where}"))
        say(f"{len(answer.files)} attachments" if answer.files else "The submittal has no attachments to download.")
    return all(row.outcome in ("downloaded", "already_there") for row in answer.files)


async def _downloaded(settings: Settings, arguments: Mapping[str, Any], person: str | None) -> ToolResult:
    async def told(done: float, total: float | None, word: str) -> None:
        del done, total, word

    tool = definition(local_files=True)
    prompt = TerminalConsentPrompt() if can_ask() else None
    policy = policy_of(settings, local_files=True)
    async with open_services(settings, policy, None, person, patient=True) as services:
        call = ToolCall(tool.name, dict(arguments), told, consent_prompt=prompt)
        _, answer = await dispatch(tool, services, call, dict(arguments))
    sys.stdout.flush()
    return answer
