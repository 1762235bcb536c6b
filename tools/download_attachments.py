"""The tool `download_attachments`: files into the download folder, or short-lived links over HTTP."""

import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import anyio
from pydantic import Field

from tools.core.arguments import Project, Submittal, ToolArguments
from tools.core.consent import require_consent
from tools.core.context import Services, ToolCall, ToolDefinition
from tools.core.results import DownloadRow, DownloadsResult
from tools.errors.exceptions import DownloadNotAllowed, DownloadTooLarge, RetryHint
from tools.next_steps.after_success import step
from transfers.categories_and_states import GivenCategory
from transfers.concurrency import background_task, gather_all, gather_two
from transfers.files.pasted_text import unwrap

if TYPE_CHECKING:
    from pathlib import Path

    from acc.models.files import DownloadLink
    from acc.models.submittals import Attachment, Item
    from tools.core.ports import DownloadSummary
    from tools.lookup.projects import ProjectSummary
    from transfers.download.target_folder import TargetFolder

ASKED_BYTES: Final = 1024**3
"""From which size on a person is asked, where they are asked at all."""

LINK_MINUTES: Final = 10

_NO_BYTES: Final = "Storage has no bytes of it."


class DownloadArguments(ToolArguments):
    """The submittal, and which of its attachments; all that are visible in its revision without a choice."""

    project: Project
    submittal: Submittal
    attachment_ids: Annotated[list[str] | None, Field(description="Ids or file names; default: all")] = None
    category: GivenCategory | None = None


@dataclass(frozen=True)
class _Source:
    """An attachment and the link to its bytes; None where storage has none, or ACC names no place."""

    row: "Attachment"
    link: "DownloadLink | None"

    @property
    def size(self) -> int:
        return (self.link.size or 0) if self.link else 0


@dataclass
class _ReceivedBytes:
    """Progress of a download: bytes received and in all, and the call that reports them."""

    call: ToolCall
    total: int
    by_id: dict[str, int] = field(default_factory=dict)

    async def report(self) -> None:
        await self.call.report(sum(self.by_id.values()), self.total, "bytes downloaded")

    async def keep_reporting(self) -> None:
        while True:
            await self.report()
            await anyio.sleep(self.call.every)


async def download_attachments(services: Services, call: ToolCall, arguments: DownloadArguments) -> DownloadsResult:
    """Download attachments of a submittal, or answer links to them."""
    folder = services.policy.downloads
    if [unwrap(one).casefold() for one in arguments.attachment_ids or ()] == ["all"]:  # as copy_attachments has it
        arguments = arguments.model_copy(update={"attachment_ids": None})
    if services.policy.local_files and folder is None:
        raise DownloadNotAllowed(
            "Nothing can be downloaded: no folder is set for that.",
            "A person sets SUBMITTAL_MCP_DOWNLOADS to a folder and restarts the server.",
            "Set SUBMITTAL_MCP_DOWNLOADS to the folder that is to hold the files.",
        )
    project = await services.resolver.project(arguments.project)
    (item, chosen), me = await gather_two(
        services.resolver.submittal_and(project, arguments.submittal, partial(_chosen, services, project, arguments)),
        services.resolver.me(project.id),
    )
    sources = await gather_all([_source(services, row) for row in _of_revision(chosen, item, arguments)])
    total = sum(one.size for one in sources)
    most = services.transfers.context.rules.max_bytes
    if total > most:
        raise DownloadTooLarge(
            f"These attachments have {total} bytes together; {most} are allowed.",
            "Call {tool} again with fewer attachment_ids; a person can raise SUBMITTAL_MCP_MAX_FILE_BYTES.",
            "Name fewer of them, or raise SUBMITTAL_MCP_MAX_FILE_BYTES.",
            again=RetryHint(needs=["attachment_ids"]),
        )
    if not services.policy.local_files or folder is None or not sources:
        rows = [_link_row(services, one) for one in sources]
        return DownloadsResult(
            files=rows, folder=None, manifest=None, next_steps=_again(project, item, arguments, rows)
        )
    if total >= ASKED_BYTES:

        async def summary() -> "DownloadSummary":
            from tools.core.ports import DownloadSummary

            submittal = f"{item.number} {item.title}".strip()
            ids = tuple(one.row.id for one in sources)
            return DownloadSummary(len(ids), total, str(folder), project.name, submittal, ids)

        await require_consent(services, call, summary, project_id=project.id, person_id=me.id)
    until = inf if call.deadline is None else time.monotonic() + call.deadline.wait_seconds_left
    received = _ReceivedBytes(call, total)
    async with background_task(received.keep_reporting):
        rows, manifest, place = await _into_folder(services, folder, project, item, sources, until, me.id, received)
    return DownloadsResult(
        files=rows, folder=place, manifest=manifest, next_steps=_again(project, item, arguments, rows)
    )


async def _chosen(
    services: Services, project: "ProjectSummary", arguments: DownloadArguments, item_id: str
) -> "list[Attachment]":
    """Return the attachments that are named, each once; all of the submittal's where none is."""
    from tools.attachments.following import NEWEST_FIRST, attachment_called

    listed = services.acc.submittals.all_attachments(project.id, item_id, sort=NEWEST_FIRST)
    rows = [row async for row in listed]
    named = [attachment_called(text, rows, "attachment_ids") for text in arguments.attachment_ids or ()]
    return list({row.id: row for row in named}.values()) if arguments.attachment_ids else rows


def _of_revision(rows: "Sequence[Attachment]", item: "Item", arguments: DownloadArguments) -> "list[Attachment]":
    """Return the rows of the wanted category; where none was named, those of the present revision that have a file."""
    from transfers.categories_and_states import category_word

    if not arguments.attachment_ids:
        rows = [row for row in rows if row.revision in (None, item.revision) and row.is_file_uploaded]
    wanted = arguments.category
    return [row for row in rows if wanted is None or category_word(row.category_id) == wanted]


async def _source(services: Services, row: "Attachment") -> _Source:
    from acc.ids import InvalidId, ObjectLocation

    try:
        location = ObjectLocation.parse(row.upload_urn or "")
    except InvalidId:
        return _Source(row, None)
    link = await services.acc.storage.download_link(location, minutes=LINK_MINUTES)
    if link is not None:
        services.acc.storage.check_download(link)
    return _Source(row, link)


def _link_row(services: Services, source: _Source) -> DownloadRow:
    row, link = source.row, source.link
    shared: dict[str, Any] = {"attachment_id": row.id, "name": row.name, "path": None, "sha256": None}
    if link is None:
        return DownloadRow(**shared, url=None, expires_at=None, size_bytes=None, outcome="failed", reason=_NO_BYTES)
    if link.url is None:
        reason = "Storage still assembles it: call again in a minute."
        return DownloadRow(
            **shared, url=None, expires_at=None, size_bytes=link.size, outcome="incomplete", reason=reason
        )
    ends = link.url.expires_at or services.now() + timedelta(minutes=LINK_MINUTES)
    return DownloadRow(**shared, url=link.url.value, expires_at=ends, size_bytes=link.size, outcome="link", reason=None)


async def _into_folder(
    services: Services,
    root: "Path",
    project: "ProjectSummary",
    item: "Item",
    sources: Sequence[_Source],
    until: float,
    person_id: str,
    received: "_ReceivedBytes",
) -> tuple[list[DownloadRow], str | None, str]:
    """Return the rows, the manifest's path and the folder's."""
    import anyio.to_thread

    from transfers.download.download_plan import MANIFEST, folder_name
    from transfers.download.target_folder import FolderUnusable, TargetFolder

    try:
        folder = await anyio.to_thread.run_sync(TargetFolder.open, root, folder_name(item.number, item.title))
        try:
            known = await anyio.to_thread.run_sync(folder.read_manifest)
            manifest = str(folder.path / MANIFEST) if known else None
            rows = []
            for source in sources:
                told = partial(received.by_id.__setitem__, source.row.id)
                row, entry = await _downloaded(services, project, folder, source, known, until, person_id, told)
                rows.append(row)
                if row.outcome in ("downloaded", "already_there"):
                    told(source.size)
                await received.report()
                if entry is not None:
                    known[source.row.id] = entry
                    about = {"project": project.name, "submittal": item.number, "title": item.title}
                    with suppress(OSError):  # the file is there all the same; the next download replaces it
                        manifest = await anyio.to_thread.run_sync(folder.write_manifest, about, list(known.values()))
            return rows, manifest, str(folder.path)
        finally:
            folder.close()
    except FolderUnusable as unusable:
        raise DownloadNotAllowed(
            f"The folder of SUBMITTAL_MCP_DOWNLOADS {unusable.reason}.",
            "Call {tool} again once a person has seen to that: it takes a folder with space left, no link, that this "
            "program may write to.",
            "It takes a folder with space left, no link, that this program may write to.",
            again=RetryHint(),
        ) from unusable


async def _downloaded(
    services: Services,
    project: "ProjectSummary",
    folder: "TargetFolder",
    source: _Source,
    known: dict[str, dict[str, Any]],
    until: float,
    person_id: str,
    told: Callable[[int], None],
) -> tuple[DownloadRow, dict[str, Any] | None]:
    """Return the row of an attachment, and its entry in the manifest where it is new."""
    from acc.errors import AccError
    from acc.ids import ObjectLocation
    from transfers.categories_and_states import category_word
    from transfers.download.download_plan import safe_name
    from transfers.download.downloader import BytesMissing, DigestMismatch, TooManyBytes, download_file

    row = source.row
    shared: dict[str, Any] = {"attachment_id": row.id, "name": row.name, "url": None, "expires_at": None}

    def ended(outcome: Literal["incomplete", "failed"], reason: str) -> tuple[DownloadRow, None]:
        left = DownloadRow(**shared, path=None, size_bytes=source.size, sha256=None, outcome=outcome, reason=reason)
        return left, None

    before = known.get(row.id, {})
    name, digest = str(before.get("file")), str(before.get("sha256"))
    # Another program may have written the manifest: of its texts only what can be a name and a digest is told.
    is_ours = name == safe_name(name) and re.fullmatch(r"[0-9a-f]{64}", digest)
    if is_ours and folder.size(name) == before.get("size_bytes"):
        done = DownloadRow(
            **shared,
            path=str(folder.path / name),
            size_bytes=folder.size(name),
            sha256=digest,
            outcome="already_there",
            reason=None,
        )
        return done, None
    if source.link is None:
        return ended("failed", _NO_BYTES)
    if time.monotonic() >= until:
        return ended("incomplete", "There was no time left for it.")
    context = services.transfers.context
    try:
        found = await download_file(
            context,
            context.acting_as(project.id, person_id),
            folder,
            attachment_id=row.id,
            location=ObjectLocation.parse(row.upload_urn or ""),
            name=safe_name(row.name),
            most=context.rules.max_bytes,
            until=until,
            told=told,
        )
    except (BytesMissing, DigestMismatch, TooManyBytes, AccError, OSError) as problem:
        return ended(*_why(problem))
    if found is None:
        return ended("incomplete", "There was no time left for all of it; what arrived is kept.")
    done = DownloadRow(
        **shared,
        path=str(folder.path / found.name),
        size_bytes=found.size,
        sha256=found.sha256,
        outcome="downloaded",
        reason=None,
    )
    entry = {
        "attachment_id": row.id,
        "name": row.name,
        "file": found.name,
        "size_bytes": found.size,
        "sha256": found.sha256,
        "category": category_word(row.category_id),
        "revision": row.revision,
        "version_urn": row.urn,
        "urn_version": row.urn_version,
    }
    return done, entry


def _why(problem: Exception) -> tuple[Literal["incomplete", "failed"], str]:
    """Return whether a later call can go on after a problem, and what it was."""
    from persistence.errors import check_descriptors
    from transfers.download.downloader import BytesMissing, DigestMismatch, TooManyBytes
    from transfers.download.target_folder import NO_SPACE

    match problem:
        case BytesMissing():
            return "failed", _NO_BYTES
        case DigestMismatch():
            return "failed", "What arrived is not what storage says it has: it was thrown away."
        case TooManyBytes():
            return "failed", "It is larger than SUBMITTAL_MCP_MAX_FILE_BYTES allows."
        case OSError() if problem.errno in NO_SPACE:
            return "incomplete", "The download folder is full; what arrived is kept."
        case OSError():
            check_descriptors(problem, "a file of the download folder")
            return "incomplete", "The download folder cannot be written to; what arrived is kept."
        case _:
            return "incomplete", "Storage failed or could not be reached; what arrived is kept."


def _again(
    project: "ProjectSummary", item: "Item", arguments: DownloadArguments, rows: Sequence[DownloadRow]
) -> list[Any]:
    """Return the call that goes on with what is not complete; where there was nothing to download, what there is."""
    place = {"project": project.id, "submittal": item.id}
    if not rows:
        return [step("get_attachment_status", place, "Nothing to download: this lists what is there, of any state.")]
    left = [row.attachment_id for row in rows if row.outcome == "incomplete"]
    if not left:
        return []
    wanted: dict[str, Any] = {"attachment_ids": left} if arguments.attachment_ids else {}
    if arguments.category:
        wanted["category"] = arguments.category
    return [step("download_attachments", {**place, **wanted}, "Go on with what is not complete.")]


def definition(*, local_files: bool) -> ToolDefinition[DownloadArguments]:
    """Return the tool: into a folder where the server writes to the person's machine, else with links."""
    how = "into the person's download folder" if local_files else "as short-lived links"
    return ToolDefinition(
        name="download_attachments",
        title="Download attachments",
        description=(
            f"Download the attached files of a submittal {how}, with SHA-256; what is there already stays. For "
            '"download the attachments of 051200-3". Repeat it to go on.'
        ),
        search_hint="download save get export attached files pdfs of submittal to disk folder, links, manifest",
        arguments=DownloadArguments,
        results=(DownloadsResult,),
        writes=False,
        idempotent=True,
        run=download_attachments,
        saves_files=local_files,
    )
