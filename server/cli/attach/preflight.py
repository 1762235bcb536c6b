"""Pre-flight check of all rows before any file is sent, so that every problem is reported at once.

It asks what the tool `add_submittal_attachment` asks before it creates anything, with the tool's own functions.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import anyio

from acc.errors import Forbidden, NotFound, RequestRejected
from server.cli.attach.manifest import BadRow, ManifestRow, was_converted
from server.cli.errors import with_candidates
from tools.add_submittal_attachment import Destination, LocalArguments, destination_of
from tools.core.arguments import read_arguments
from tools.core.context import Services
from tools.errors.description import ErrorDescription, describe_error
from tools.errors.exceptions import InvalidArguments, SubmittalNotFound, ToolError
from transfers.concurrency import task_group
from transfers.errors import TransferError
from transfers.idempotency import AttachTarget
from transfers.manager import LocalFileInfo

AT_ONCE: Final = 8
"""Look-ups under way at the same time."""

AT_A_GLANCE: Final = 50
"""Files that are looked at one after the other in one look-up."""

_ABOUT_A_ROW: Final = (ToolError, TransferError, Forbidden, NotFound, RequestRejected)
"""Errors of one row only; any other (no sign-in, ACC unavailable) ends the check."""


@dataclass(frozen=True)
class ValidatedRow:
    """A row that passed the check: the tool's arguments, and the file's name and size."""

    row: ManifestRow
    arguments: dict[str, Any]
    destination: Destination
    file: LocalFileInfo

    @property
    def where(self) -> AttachTarget:
        """Target of the job."""
        return self.destination.target

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.file.identity.size


@dataclass(frozen=True)
class PreflightReport:
    """Result of the pre-flight check. Files are sent only if `bad` is empty."""

    good: list[ValidatedRow]
    bad: list[BadRow]


async def check_rows(
    services: Services, rows: Sequence[ManifestRow], *, confirm: bool, report: Callable[[int, int], None]
) -> PreflightReport:
    """Check every row's submittal and file; `report` receives look-ups done and their total.

    A submittal is asked for once, however many rows name it.

    Raises:
        AccError: ACC is away, or does not know the person.
        AuthError: No user is signed in.
    """
    looking = _PreflightCache(services, report)
    chosen: dict[int, LocalArguments] = {}
    bad: list[BadRow] = []
    for row in rows:
        try:
            chosen[row.number] = read_arguments(LocalArguments, _arguments(row, confirm=confirm))
        except ToolError as problem:
            bad.append(_bad(row, problem))
    good = [row for row in rows if row.number in chosen]
    await looking.at([chosen[row.number] for row in good])
    found: dict[Hashable, ManifestRow] = {}
    checked: list[ValidatedRow] = []
    for row in good:
        place, file = looking.destination(chosen[row.number]), looking.file(chosen[row.number])
        bad += [_bad(row, problem) for problem in (place, file) if isinstance(problem, Exception)]
        if isinstance(place, Exception) or isinstance(file, Exception):
            continue
        before = found.setdefault((place.target, file.name, file.path), row)
        if before is not row:
            message = f"This is the same file for the same submittal as in row {before.number}."
            bad.append(row.refused("invalid_arguments", message, "Remove one of them."))
            continue
        checked.append(ValidatedRow(row, _resolved(row, place.target, confirm=confirm), place, file))
    return PreflightReport(good=checked, bad=sorted(bad, key=lambda one: one.number))


class _PreflightCache:
    """Cache of look-ups, each made once."""

    def __init__(self, services: Services, report: Callable[[int, int], None]) -> None:
        self._services = services
        self._report = report
        self._places: dict[Hashable, Destination | Exception] = {}
        self._files: dict[Hashable, LocalFileInfo | Exception] = {}
        self._limit = anyio.CapacityLimiter(AT_ONCE)
        self._done = 0

    async def at(self, rows: Iterable[LocalArguments]) -> None:
        places, files = ({key(one): one for one in rows} for key in (_place, _file))
        total = len(places) + len(files)
        async with task_group() as group:
            for one in places.values():
                group.start_soon(self._look_at_place, one, total)
            wanted = list(files.values())
            for start in range(0, len(wanted), AT_A_GLANCE):
                group.start_soon(self._look_at_files, wanted[start : start + AT_A_GLANCE], total)

    def destination(self, row: LocalArguments) -> Destination | Exception:
        return self._places[_place(row)]

    def file(self, row: LocalArguments) -> LocalFileInfo | Exception:
        return self._files[_file(row)]

    async def _look_at_place(self, row: LocalArguments, total: int) -> None:
        async with self._limit:
            try:
                self._places[_place(row)] = await destination_of(self._services, row)
            except _ABOUT_A_ROW as problem:
                self._places[_place(row)] = problem
        self._count(total)

    async def _look_at_files(self, rows: Sequence[LocalArguments], total: int) -> None:
        async with self._limit:
            found = await self._services.transfers.look_at_all([(row.file_path or "", row.name) for row in rows])
        self._files |= {_file(row): seen for row, seen in zip(rows, found, strict=True)}
        self._count(total, len(rows))

    def _count(self, total: int, more: int = 1) -> None:
        self._done += more
        self._report(self._done, total)


def _place(row: LocalArguments) -> Hashable:
    return (row.project, row.submittal, row.category, row.task_id)


def _file(row: LocalArguments) -> Hashable:
    return (row.file_path, row.name)


def _arguments(row: ManifestRow, *, confirm: bool) -> dict[str, Any]:
    given = {
        "project": row.project,
        "submittal": row.submittal,
        "file_path": row.file,
        "name": row.name,
        "category": row.category,
        "task_id": row.task,
    }
    return {name: value for name, value in given.items() if value is not None} | {"confirm": confirm}


def _resolved(row: ManifestRow, where: AttachTarget, *, confirm: bool) -> dict[str, Any]:
    """Return the arguments with names replaced by ids, which need no search again."""
    return _arguments(row, confirm=confirm) | {"project": where.project_id, "submittal": where.item_id}


def _bad(row: ManifestRow, problem: Exception) -> BadRow:
    explained = describe_error(problem)
    if explained is None:
        raise problem
    remedy = _remedy(problem, explained)
    if isinstance(problem, SubmittalNotFound) and was_converted(row.submittal):
        remedy = f"A spreadsheet may have made a number or a day of it: format the column as text. {remedy}"
    return row.refused(explained.code, explained.row.message, remedy)


def _remedy(problem: Exception, explained: ErrorDescription) -> str:
    if isinstance(problem, InvalidArguments):
        return "Correct the row."
    wish = explained.row.again.arguments.get("name") if explained.row.again is not None else None
    return " ".join(
        [
            with_candidates(explained.row.shell_hint, explained.candidates),
            *([f"For example: {wish!r}."] if wish else []),
        ]
    )
