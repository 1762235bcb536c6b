"""Plan of many files: which submittal each goes to and why, or why not. Nothing is created by it.

A plan is looked up again each time: what was shown before, and what is carried out, meet in the digests of its rows.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, Literal

import anyio

from acc.errors import Forbidden, NotFound, RequestRejected
from acc.models.submittals import Attachment, Item
from tools.attachments.preconditions import attach_target
from tools.core.context import Services
from tools.core.text_sanitizer import clean
from tools.errors.description import describe_error
from tools.errors.exceptions import InvalidArguments, RetryHint, ToolError
from tools.lookup.file_matching import FileMatch, RegisterRow, SubmittalRegister
from tools.lookup.projects import ProjectSummary
from transfers.categories_and_states import GivenCategory, attachment_state, is_current
from transfers.concurrency import task_group
from transfers.errors import TransferError
from transfers.files.names import attachment_name
from transfers.idempotency import AttachTarget
from transfers.jobs.local_file import LocalFileJob

if TYPE_CHECKING:
    from acc.models.files import FileVersion
    from transfers.manager import LocalFileInfo

MOST_FILES: Final = 500
"""Files of one call: each is looked at, and a person reads the plan."""

MOST_SUBMITTALS: Final = 5000
"""Submittals of a project that names are matched against, 50 a request of the 600 that ACC allows a minute."""

AT_ONCE: Final = 8
"""Look-ups under way at the same time."""

_NAMED: Final = 3
"""Submittals that a reason names where a file's name means several."""

_KEY_BYTES: Final = 3
_FACT_BYTES: Final = 5
DIGEST_BYTES: Final = _KEY_BYTES + _FACT_BYTES
"""Length of the digest of a row: of which file it is, and of all that its plan rests on."""

_ABOUT_A_ROW: Final = (ToolError, TransferError, Forbidden, NotFound, RequestRejected)
"""Errors of one row only; any other (no sign-in, ACC unavailable) ends the call."""

_REASONS: Final = {"submittal_closed": "closed", "permission_denied": "not_permitted"}


@dataclass(frozen=True)
class SourceFile:
    """A file to attach: as the caller reads it (`shown`), its path or URN, and what is known of it now.

    `problem` is why it cannot be attached to any submittal.
    """

    shown: str
    reference: str
    name: str = ""
    stamp: tuple[int | str, ...] = ()
    version: "FileVersion | None" = None
    problem: Exception | None = None


@dataclass(frozen=True)
class FileSelection:
    """The files of a call; `more` are beyond what one call takes, `ignored` hidden or temporary."""

    files: tuple[SourceFile, ...]
    more: int = 0
    ignored: int = 0


@dataclass(frozen=True)
class PlanRow:
    """A file and where it goes. Without a `reason` against it and an `existing` attachment it would be attached."""

    file: SourceFile
    item: Item | None = None
    matched_by: Literal["number", "spec_section", "title", "given"] | None = None
    target: AttachTarget | None = None
    reason: str | None = None
    existing: Attachment | None = None

    @property
    def planned(self) -> bool:
        """Whether a run would attach it."""
        return self.reason is None and self.existing is None and self.target is not None

    @property
    def key(self) -> bytes:
        """Identity of the file among the others of a call."""
        return _digest([self.file.reference])[:_KEY_BYTES]

    @property
    def digest(self) -> bytes:
        """All that was shown of it, and what a change of would make it another plan."""
        where = self.target
        facts: list[object] = [self.file.name, self.file.stamp]
        facts += [where.item_id, where.revision, where.category, where.task_id] if where else []
        return self.key + _digest(facts)[:_FACT_BYTES]


def _digest(facts: Sequence[object]) -> bytes:
    # What a file name has that is no UTF-8 stands in it as a surrogate.
    return hashlib.sha256(json.dumps(facts).encode()).digest()


async def select_folder(services: Services, folder: str) -> FileSelection:
    """Return the files of an allowed folder; see `transfers.files.folder_listing`.

    Raises:
        FileProblem: There is no such folder, or it may not be read.
    """
    found = await services.transfers.list_folder(folder)
    chosen = list(zip(found.paths, found.shown, strict=True))[:MOST_FILES]
    files = await _local_files(services, chosen)
    return FileSelection(tuple(files), len(found.paths) - len(chosen), found.ignored)


async def select_paths(services: Services, paths: Sequence[str]) -> FileSelection:
    """Return local files by their paths, each once."""
    every = list(dict.fromkeys(paths))
    files = await _local_files(services, [(path, path) for path in every[:MOST_FILES]])
    once = {file.reference: file for file in reversed(files)}
    return FileSelection(tuple(reversed(once.values())), len(every[MOST_FILES:]))


async def select_again(services: Services, files: Sequence[SourceFile]) -> FileSelection:
    """Return the files as they are now; versions of the Files tool never change."""
    local = [file for file in files if file.version is None]
    found = iter(await _local_files(services, [(file.reference, file.shown) for file in local]))
    return FileSelection(tuple(file if file.version is not None else next(found) for file in files))


async def _local_files(services: Services, chosen: Sequence[tuple[str, str]]) -> list[SourceFile]:
    found = await services.transfers.look_at_all([(path, None) for path, _ in chosen])
    return [_local(path, shown, seen) for (path, shown), seen in zip(chosen, found, strict=True)]


def _local(path: str, shown: str, seen: "LocalFileInfo | TransferError") -> SourceFile:
    if isinstance(seen, TransferError):
        return SourceFile(shown, path, PurePath(path).name, problem=seen)
    return SourceFile(shown, seen.path, seen.name, tuple(seen.stamp))


async def select_versions(services: Services, project: ProjectSummary, urns: Sequence[str]) -> FileSelection:
    """Return versions of the Files tool by URN or address, each once.

    Raises:
        AccError: Data Management is away, or does not know the person.
    """
    from tools.lookup.files import linked_version

    every = list(dict.fromkeys(urns))
    files: dict[str, SourceFile] = {}

    async def look(urn: str) -> None:
        try:
            version = await linked_version(services, project.id, urn)
            name = attachment_name(None, version.name)
            files[urn] = SourceFile(version.name, version.id, name, (version.id,), version)
        except _ABOUT_A_ROW as problem:
            files[urn] = SourceFile(urn, urn, problem=problem)

    await _each(every[:MOST_FILES], look)
    once = {files[urn].reference: files[urn] for urn in every[:MOST_FILES]}
    return FileSelection(tuple(once.values()), len(every[MOST_FILES:]))


async def plan_files(
    services: Services,
    project: ProjectSummary,
    selection: FileSelection,
    *,
    submittal: str | None,
    category: GivenCategory | None,
) -> list[PlanRow]:
    """Return the plan of files: all to one `submittal`, or each to the one that its name singles out.

    Raises:
        ToolError: The submittal is not found, or there are too many to match names against.
        AccError: ACC is away, or does not know the person.
    """
    if submittal is not None:
        item = await services.resolver.submittal(project, submittal)
        rows = [PlanRow(file, item, "given") for file in selection.files]
    else:
        rows = await _matched(services, project, selection.files)
    rows = [replace(row, reason=_file_reason(row.file) or row.reason) for row in rows]
    rows = _without_twins(rows)
    items = {row.item.id: row.item for row in rows if row.item is not None and row.reason is None}
    targets: dict[str, AttachTarget | str] = {}
    there: dict[str, list[Attachment]] = {}

    async def look(item_id: str) -> None:
        try:
            targets[item_id] = await attach_target(services, project, items[item_id], category=category, task_id=None)
        except _ABOUT_A_ROW as problem:
            targets[item_id] = reason_of(problem)
            return
        listed = services.acc.submittals.all_attachments(project.id, item_id, revision=items[item_id].revision)
        there[item_id] = [one async for one in listed if is_current(one)]

    await _each(list(items), look)
    rows = [_placed(row, targets) for row in rows]
    return await _with_existing(services, rows, there)


async def _matched(services: Services, project: ProjectSummary, files: Sequence[SourceFile]) -> list[PlanRow]:
    """Return each file with the submittal that its name singles out in the project's whole register."""
    items: dict[str, Item] = {}
    async for item in services.acc.submittals.all_items(project.id, sort="identifier desc,id desc"):
        items[item.id] = item
        if len(items) > MOST_SUBMITTALS:
            raise InvalidArguments(
                f"The project has more than {MOST_SUBMITTALS} submittals: too many to match names of files against.",
                "Call {tool} again with the submittal that the files go to.",
                "Name the submittal that the files go to.",
                again=RetryHint(needs=["submittal"]),
            )
    register = SubmittalRegister(_register_row(item) for item in items.values())
    return [_by_match(file, register.match(file.name), items) for file in files]


def _register_row(item: Item) -> RegisterRow:
    return RegisterRow(
        item.id, item.number, item.title, item.spec_identifier or "", item.spec_title or "", item.revision or 0
    )


def _by_match(file: SourceFile, match: FileMatch, items: Mapping[str, Item]) -> PlanRow:
    if match.row is not None:
        return PlanRow(file, items[match.row.id], match.matched_by)
    named = ", ".join(row.number or row.title for row in match.candidates[:_NAMED])
    more = len(match.candidates) - _NAMED
    others = f" and {more} more" if more > 0 else ""
    return PlanRow(file, reason=f"{match.failure}: {clean(named)}{others}" if named else match.failure)


def _file_reason(file: SourceFile) -> str | None:
    """Return why a file can be attached to no submittal, with names of files that may be meant; else None."""
    if file.problem is None:
        return None
    near = [clean(PurePath(one).name) for one in getattr(file.problem, "near", ())[:_NAMED]]
    return ": ".join([reason_of(file.problem), *([", ".join(near)] if near else [])])


def reason_of(problem: Exception) -> str:
    """Return the word that says why a file is left out: of the match, or an error's code.

    Raises:
        Exception: `problem`, where it is a bug of ours.
    """
    explained = describe_error(problem)
    if explained is None:
        raise problem
    return _REASONS.get(explained.code, explained.code)


def _without_twins(rows: Sequence[PlanRow]) -> list[PlanRow]:
    """Leave out files that would have the same name in the same submittal: which one is meant is not known."""
    names = Counter((row.item.id, row.file.name) for row in rows if row.item is not None and row.reason is None)
    return [
        replace(row, reason="same_name") if row.item and row.reason is None and names[row.item.id, row.file.name] > 1
        else row
        for row in rows
    ]  # fmt: skip


def _placed(row: PlanRow, targets: Mapping[str, AttachTarget | str]) -> PlanRow:
    if row.item is None or row.reason is not None:
        return row
    found = targets[row.item.id]
    return replace(row, reason=found) if isinstance(found, str) else replace(row, target=found)


async def _with_existing(
    services: Services, rows: Sequence[PlanRow], there: Mapping[str, Sequence[Attachment]]
) -> list[PlanRow]:
    """Tell rows apart that are attached already from those whose name another file has."""
    by_name: defaultdict[tuple[str, str], list[Attachment]] = defaultdict(list)
    for item_id, attachments in there.items():
        for one in attachments:
            by_name[item_id, one.name].append(one)
    same = {
        row.file.reference: by_name[row.item.id, row.file.name]
        for row in rows
        if row.item is not None and row.target is not None
    }
    jobs = await services.transfers.repository.find([one.id for some in same.values() for one in some])
    found: list[PlanRow] = []
    for row in rows:
        alike = same.get(row.file.reference, []) if row.target is not None else []
        own = [one for one in alike if await _is_same(services, row, one, jobs.get(one.id))]
        done = [one for one in own if attachment_state(one, sending=False, stored=False) in ("processing", "ready")]
        if done:
            found.append(replace(row, existing=done[0]))
        elif alike and not own:
            found.append(replace(row, reason="name_taken"))
        else:
            found.append(row)
    return found


async def _is_same(services: Services, row: PlanRow, attachment: Attachment, job: object) -> bool:
    """Whether an attachment is of this very file; it is read only where its stamp may be that of other bytes."""
    if row.file.version is not None:
        return attachment.urn == row.file.version.id
    if not isinstance(job, LocalFileJob):
        return False
    if job.may_be_other_bytes and job.path == row.file.reference:
        try:
            return await services.transfers.has_bytes_of(job)
        except TransferError:  # the run reads it again, and says why it cannot
            return False
    return tuple(job.identity) == row.file.stamp


async def _each(keys: Iterable[str], look: Callable[[str], Awaitable[None]]) -> None:
    """Look up every key, some at once."""
    limit = anyio.CapacityLimiter(AT_ONCE)

    async def one(key: str) -> None:
        async with limit:
            await look(key)

    async with task_group() as group:
        for key in keys:
            group.start_soon(one, key)
