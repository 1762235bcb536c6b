"""Enqueues files for workers and waits for the results. To stop waiting stops no worker."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio

from server.cli.attach.preflight import ValidatedRow
from server.cli.attach.progress import ProgressView
from tools.attachments.status import attachment_result
from tools.core.context import Services, ToolCall
from tools.core.dispatch import error_result
from tools.core.results import ErrorBody, ErrorResult, ToolResult
from transfers.errors import JobStopped, TransferError
from transfers.jobs.base import Job
from transfers.jobs.rows import JobRow
from transfers.jobs.runner import UNHURRIED
from transfers.manager import AttachResult

if TYPE_CHECKING:
    from transfers.jobs.tables import JobTables

LOOK_SECONDS: Final = 1.0
"""Poll interval of the queue: one query covers hundreds of files."""

AT_A_GLANCE: Final = 500


_CALLED_OFF: Final = ErrorResult(
    error=ErrorBody(
        code="upload_incomplete",
        message="The job was cancelled before anything was sent.",
        hint="Run the same command again to enqueue it again.",
    ),
    next_steps=[],
)


class QueueSubmitter:
    """Enqueues up to `at_once` files concurrently; `watch` must run while callers wait."""

    def __init__(self, services: Services, view: ProgressView, at_once: int, *, confirm: bool) -> None:
        self._services = services
        self._view = view
        self._confirm = confirm
        self._limit = anyio.CapacityLimiter(at_once)
        self._waiting: dict[str, list[tuple[ValidatedRow, anyio.Event]]] = {}  # one job may be the end of several rows

    async def first(self, call: ToolCall, file: ValidatedRow) -> ToolResult:
        """Enqueue a file, wait until its job is done, and return the tool's result."""
        try:
            async with self._limit:
                outcome = await self._services.transfers.enqueue(
                    file.where, file.arguments["file_path"], file.arguments.get("name"), confirm=self._confirm
                )
            rests = anyio.Event()
            self._waiting.setdefault(outcome.job.id, []).append((file, rests))
            await rests.wait()
            job = await self._found(outcome)
            return (
                await attachment_result(self._services, call, AttachResult(job, outcome.existed))
                if job.attachment
                else _CALLED_OFF
            )
        except (TransferError, JobStopped) as error:
            refused = error_result(error, self._services.policy, call)
            if refused is None:
                raise
            return refused

    async def watch(self) -> None:
        """Poll the queue until cancelled."""
        while True:
            for ids in self._glances():
                for row in await self._services.transfers.repository.ask(partial(_rows, ids)):
                    self._see(row)
            await anyio.sleep(LOOK_SECONDS)

    def _glances(self) -> Iterator[list[str]]:
        ids = list(self._waiting)
        return (ids[start : start + AT_A_GLANCE] for start in range(0, len(ids), AT_A_GLANCE))

    def _see(self, row: JobRow) -> None:
        if row.rests:
            for _, rests in self._waiting.pop(row.id):
                rests.set()
        elif row.owner is not None:
            for file, _ in self._waiting[row.id]:
                self._view.moved(file, row.bytes_hashed + row.bytes_sent, 2 * file.size, "uploading")

    async def _found(self, outcome: AttachResult) -> Job:
        transfers, job_id = self._services.transfers, outcome.job.id
        [row] = await transfers.repository.ask(lambda tables: tables.rows([job_id]))
        return await transfers.runner.wait(await transfers.repository.load(row), UNHURRIED)


def _rows(ids: list[str], tables: "JobTables") -> list[JobRow]:
    return tables.rows(ids)
