"""Attaches checked files concurrently, by the same tool calls that an assistant makes."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import anyio

from server.cli.attach.preflight import ValidatedRow
from server.cli.attach.progress import ProgressView
from server.cli.attach.results import RowError, RowResult
from server.cli.errors import with_candidates
from tools.add_submittal_attachment import AttachArguments, Destination, attach_to, definition, destination_of
from tools.confirm_attachment import DEFINITION as CONFIRM
from tools.core.arguments import LONGEST_WAIT_SECONDS
from tools.core.context import Services, ToolCall, ToolDefinition
from tools.core.dispatch import dispatch
from tools.core.ports import ConsentPrompt
from tools.core.results import AttachmentResult, ErrorResult, NextStep, ToolResult
from tools.get_attachment_status import DEFINITION as STATUS

EVERY_SECONDS: Final = 0.5
"""Refresh interval of the progress bars."""

MOST_CALLS: Final = 200
"""Of one file: attaching, confirming, and looking for half a minute at a time."""

RECENT_SECONDS: Final = 10.0
"""How old a look at a submittal may be when a file is attached to it; files that follow on one another share it."""

First = Callable[[ToolCall, ValidatedRow], Awaitable[ToolResult]]
"""Answers the first call for a file."""

_ATTACH: Final = definition(local_files=True)
_TOOLS: Final[dict[str, ToolDefinition[Any]]] = {one.name: one for one in (_ATTACH, CONFIRM, STATUS)}


class AttachRunner:
    """Attaches the rows of one run.

    With `confirm` a file is done once ACC processes it, with `wait` besides only once reviewers can open it; without
    `confirm` once storage has it.
    """

    def __init__(
        self,
        services: Services,
        view: ProgressView,
        files: Sequence[ValidatedRow],
        *,
        confirm: bool,
        wait: bool,
        consent_prompt: ConsentPrompt | None,
    ) -> None:
        self._services = services
        self._view = view
        self._files = files
        self._consent_prompt = consent_prompt
        self._first = {"wait_seconds": LONGEST_WAIT_SECONDS} if confirm and wait else {}
        self._looked = {file.where: file.destination for file in files}
        self._enough = {"ready", *(["uploaded"] if not confirm else []), *(["processing"] if not wait else [])}
        self._results = {file.row.number: RowResult.of(file.row) for file in files}

    @property
    def results(self) -> list[RowResult]:
        """Results so far, in the order of the rows."""
        return list(self._results.values())

    async def attach(self, at_once: int, first: First | None = None) -> None:
        """Attach all files, `at_once` concurrently. A failure stops no other file.

        `first` answers in place of the tool's first call.
        """
        first = first or self._attached
        limit = anyio.CapacityLimiter(at_once)
        async with anyio.create_task_group() as group:
            for file in self._files:
                await limit.acquire_on_behalf_of(file.row.number)
                group.start_soon(self._one, file, limit, first)

    async def _one(self, file: ValidatedRow, limit: anyio.CapacityLimiter, first: First) -> None:
        number = file.row.number
        try:
            self._results[number] = self._results[number].model_copy(update={"outcome": "interrupted"})
            self._results[number] = await self._follow_steps(file, first)
            self._view.ended(file, self._results[number])
        finally:
            limit.release_on_behalf_of(number)

    async def _attached(self, call: ToolCall, file: ValidatedRow) -> ToolResult:
        async def attach(services: Services, call: ToolCall, arguments: AttachArguments) -> ToolResult:
            return await attach_to(await self._destination(file, arguments), services, call, arguments)

        return (await dispatch(replace(_ATTACH, run=attach), self._services, call, file.arguments | self._first))[1]

    async def _destination(self, file: ValidatedRow, arguments: AttachArguments) -> Destination:
        if anyio.current_time() - self._looked[file.where].at > RECENT_SECONDS:
            self._looked[file.where] = await destination_of(self._services, arguments)
        return self._looked[file.where]

    async def _follow_steps(self, file: ValidatedRow, first: First) -> RowResult:
        """Call the tool, then follow next steps until the file has the wanted state."""
        row, existed = RowResult.of(file.row), False
        answer = await first(self._call(file, _ATTACH, file.arguments), file)
        if isinstance(answer, AttachmentResult):
            own = (None, answer.attachment.id)
            asked = [one.arguments.get("attachment_id") for one in answer.next_steps if one.tool == STATUS.name]
            row = row.model_copy(update={"look_alikes": [one for one in asked if one not in own]})
        for _ in range(MOST_CALLS):
            if isinstance(answer, ErrorResult):
                error = answer.error
                return row.failed(
                    error.model_copy(update={"hint": with_candidates(error.shell_hint, error.candidates)})
                )
            if not isinstance(answer, AttachmentResult):
                raise TypeError("a tool that attaches answers about an attachment")
            existed = existed or answer.already_attached
            step = _next_callable_step(answer.next_steps)
            if answer.attachment.state in self._enough or step is None:
                became = row.succeeded(answer.attachment, existed=existed)
                return became if answer.attachment.state in self._enough else _no_progress(became)
            tool = _TOOLS[step.tool]
            call = self._call(file, tool, step.arguments)
            _, answer = await dispatch(tool, self._services, call, step.arguments)
        return _no_progress(row)

    def _call(self, file: ValidatedRow, tool: ToolDefinition[Any], arguments: dict[str, Any]) -> ToolCall:
        return ToolCall(tool.name, arguments, partial(self._moved, file), EVERY_SECONDS, self._consent_prompt)

    async def _moved(self, file: ValidatedRow, done: float, total: float | None, word: str) -> None:
        self._view.moved(file, done, total or 2 * file.size, word)


def _next_callable_step(steps: Iterable[NextStep]) -> NextStep | None:
    """Return the first step if it can be made as it stands, and leads on: one that waits for nothing does not."""
    first = next(iter(steps), None)
    if first is None or first.needs or first.tool not in _TOOLS or first.arguments.get("wait_seconds") == 0:
        return None
    return first


def _no_progress(row: RowResult) -> RowResult:
    why = RowError(
        code="upload_incomplete",
        message=f"The attachment is {row.state or 'under way'}, and there is no call that would bring it further now.",
        hint="Look at the submittal in ACC, or run the same command again later.",
    )
    return row.model_copy(update={"outcome": "failed", "error": why})
