"""Run of a plan of many files: each attached as its own durable job, and waited for together."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final

import anyio

from acc.errors import AccError
from acc.models.submittals import Attachment, Item
from persistence.errors import StorageProblem
from tools.attachments.file_plan import AT_ONCE, DIGEST_BYTES, FileSelection, PlanRow, reason_of
from tools.attachments.following import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, is_processing
from tools.attachments.rejection import explain_rejection
from tools.core.context import Services, ToolCall
from tools.core.ports import ManyFilesSummary
from tools.core.results import FileOutcome, FileOutcomeRow
from tools.lookup.projects import ProjectSummary
from transfers.categories_and_states import attachment_state
from transfers.concurrency import task_group
from transfers.errors import AttachmentMissing, JobStopped
from transfers.jobs.runner import ACTIONABLE, UNHURRIED

_CHANGED: Final = "since the check"


@dataclass(frozen=True)
class FileRunRow:
    """Outcome of a row of the plan so far; a request whose answer was lost may have made the `look_alikes` as well."""

    row: PlanRow
    outcome: FileOutcome
    reason: str | None = None
    attachment: Attachment | None = None
    state: str | None = None
    look_alikes: tuple[str, ...] = ()

    @property
    def needs_submittal(self) -> bool:
        """Whether it was left out only because its submittal is not known."""
        return self.outcome == "left_out" and (self.reason or "").partition(":")[0] in ("none", "several", "uncertain")

    @property
    def is_under_way(self) -> bool:
        """Whether it goes on by itself."""
        return self.outcome == "planned" or self.state == "processing"

    def shown(self, *, at_length: bool) -> FileOutcomeRow:
        """Return it as an answer has it; `at_length` with all that names the submittal."""
        item = self.row.item
        return FileOutcomeRow(
            file=self.row.file.shown,
            submittal_id=item.id if item and at_length else None,
            number=item.number if item else None,
            title=item.title if item and at_length else None,
            matched_by=self.row.matched_by if at_length else None,
            outcome=self.outcome,
            reason=self.reason,
            attachment_id=self.attachment.id if self.attachment else None,
            state=self.state,
        )


def preview(row: PlanRow) -> FileRunRow:
    """Return a row of a plan as a check shows it."""
    if row.existing is not None:
        state = attachment_state(row.existing, sending=False, stored=False)
        return FileRunRow(row, "already_attached", attachment=row.existing, state=state)
    return FileRunRow(row, "planned" if row.planned else "left_out", row.reason)


def plan_payload(rows: Sequence[PlanRow]) -> bytes:
    """Return what a sealed plan holds: the digest of each row that would run."""
    return b"".join(row.digest for row in rows if row.planned)


def held_against(rows: Sequence[PlanRow], payload: bytes) -> tuple[list[FileRunRow], int]:
    """Return the rows as they are now beside those that were shown, and how many of these are gone.

    Only what was shown, and is still so, stays `planned`.
    """
    shown = [payload[start : start + DIGEST_BYTES] for start in range(0, len(payload), DIGEST_BYTES)]
    keys = Counter(digest[: len(rows[0].key)] for digest in shown) if rows else Counter()
    compared: list[FileRunRow] = []
    for row in rows:
        now = preview(row)
        was_shown = keys[row.key] > 0
        keys[row.key] -= was_shown
        if now.outcome == "planned" and row.digest not in shown:
            now = replace(now, outcome="changed", reason=_CHANGED if was_shown else "not in the plan")
        elif now.outcome == "left_out" and was_shown:
            now = replace(now, outcome="changed")
        compared.append(now)
    return compared, sum(keys.values()) if rows else len(shown)


def consent_summary(project: ProjectSummary, rows: Sequence[PlanRow]) -> ManyFilesSummary:
    """Return what a run would make visible: every file with its submittal."""
    lines = [f"{row.file.name} to {row.item.number} {row.item.title}".strip() for row in rows if row.item is not None]
    digests = tuple(row.digest.hex() for row in rows)
    return ManyFilesSummary(project.name, tuple(lines), (project.id, *digests))


def submittals_with_files(rows: Sequence[FileRunRow]) -> list[Item]:
    """Return the submittals that a run made a file visible at, and for which no other is on its way."""
    left = {row.row.item.id for row in rows if row.row.item is not None and row.outcome == "planned"}
    seen = [row for row in rows if row.outcome == "attached" and row.state in ("processing", "ready")]
    items = {row.row.item.id: row.row.item for row in seen if row.row.item is not None}
    return [item for item_id, item in items.items() if item_id not in left]


@dataclass(frozen=True)
class BegunRun:
    """A run under way, and what its answer says beside its rows."""

    run: "FilesRun"
    selection: FileSelection
    gone: int


class FilesRun:
    """A run of the planned rows. It goes on in the background when the call that began it has ended.

    A few files at once: Autodesk counts requests, and a file that waits for its turn asks for nothing.
    """

    def __init__(
        self, services: Services, project: ProjectSummary, rows: Sequence[FileRunRow], *, confirm: bool
    ) -> None:
        self._services = services
        self._project = project
        self._confirm = confirm
        self.rows = list(rows)
        self._began = services.transfers.context.clock()
        self._planned = [place for place, row in enumerate(rows) if row.outcome == "planned"]
        self._ended = 0
        self._error: Exception | None = None
        self.finished = anyio.Event()

    async def carry_out(self) -> None:
        """Attach every planned file, each as a job of its own."""
        limit = anyio.CapacityLimiter(AT_ONCE)
        try:
            async with task_group() as group:
                for place in self._planned:
                    await limit.acquire_on_behalf_of(place)
                    group.start_soon(self._attach, place, limit)
        except Exception as error:  # noqa: BLE001  # raised to the calls that wait; here it would end every other job
            self._error = error
        finally:
            self.finished.set()

    async def wait(self, call: ToolCall, deadline: float) -> None:
        """Wait until all is attached and processed, or until a `deadline` in the event loop's time.

        Raises:
            Exception: What ended the run, where that concerns every file: no sign-in, or a fault of ours.
        """
        while not self.finished.is_set() and anyio.current_time() < deadline:
            await call.report(self._ended, len(self._planned), "files attached")
            with anyio.move_on_after(min(call.every, deadline - anyio.current_time())):
                await self.finished.wait()
        if self._error is not None:
            raise self._error
        if self.finished.is_set():
            await self._follow(call, deadline)

    async def _attach(self, place: int, limit: anyio.CapacityLimiter) -> None:
        row, transfers = self.rows[place].row, self._services.transfers
        if row.target is None:
            raise RuntimeError("a planned row has a target")
        try:
            if row.file.version is not None:
                done = await transfers.link_version(row.target, row.file.version.id, row.file.name, None, UNHURRIED)
            else:
                done = await transfers.attach_file(
                    row.target, row.file.reference, None, None, UNHURRIED, confirm=self._confirm
                )
            job = done.job
            earlier = done.existed and (job.confirmed is None or job.confirmed < self._began)
            outcome: FileOutcome = "already_attached" if earlier else "attached"
            self.rows[place] = FileRunRow(row, outcome, None, job.attachment, job.state, job.look_alikes)
        except ACTIONABLE as problem:
            if isinstance(problem.cause if isinstance(problem, JobStopped) else problem, StorageProblem):
                raise  # no file can be attached before a person has seen to that
            await self._failed(place, problem)
        finally:
            self._ended += 1
            limit.release_on_behalf_of(place)

    async def _failed(self, place: int, problem: Exception) -> None:
        row = self.rows[place]
        if isinstance(problem, JobStopped) and row.row.item is not None:
            explained = await explain_rejection(self._services, self._project, row.row.item, problem)
            reason = reason_of(explained)
        else:
            reason = reason_of(problem)
        self.rows[place] = replace(row, outcome="failed", reason=reason)

    async def _follow(self, call: ToolCall, deadline: float) -> None:
        """Look at what ACC processes until the deadline, with one list for all files of a submittal."""
        with ExitStack() as stack:
            reads = {
                place: stack.enter_context(self._services.transfers.following(self._project.id, item.id, one.id))
                for place, row in enumerate(self.rows)
                if (one := row.attachment) is not None
                and (item := row.row.item) is not None
                and is_processing(self._services, one)
            }
            pause = FIRST_PAUSE_SECONDS
            while reads and anyio.current_time() + pause < deadline:
                await call.report(self._ended, len(self._planned), "processing")
                await anyio.sleep(pause)
                pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
                for place, read in list(reads.items()):
                    if not await self._look(place, read):
                        del reads[place]

    async def _look(self, place: int, read: Callable[[], Awaitable[Attachment]]) -> bool:
        """Look at an attachment again, and return whether there is something left to look for."""
        try:
            fresh = await read()
        except AttachmentMissing:
            return False  # a user deleted it in ACC, and knows
        except AccError:
            return True  # the jobs are done; how far ACC is, a later look tells
        state = attachment_state(fresh, sending=False, stored=False)
        seen = replace(self.rows[place], attachment=fresh, state=state)
        self.rows[place] = replace(seen, outcome="failed", reason="processing_failed") if state == "failed" else seen
        return is_processing(self._services, fresh)
