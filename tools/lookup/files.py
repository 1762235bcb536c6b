"""Files tool: search folder by folder, with the paths that users see, and the version that `file_urn` refers to."""

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from acc.errors import Forbidden, NotFound, RequestRejected
from acc.ids import InvalidId, version_urn
from acc.models.files import FolderContents
from tools.core.context import Services
from tools.core.ports import ProgressCallback
from tools.core.results import Candidate, FileRow
from tools.errors.exceptions import FileVersionNotFound, InvalidArguments, RetryHint
from tools.lookup.projects import ProjectSummary
from tools.lookup.references import LINEAGE, NameWords, NotAReference, all_found, closest, file_reference, normalize
from transfers.concurrency import gather_all

if TYPE_CHECKING:
    from acc.data_management import FilesService
    from acc.models.files import FileVersion

AT_ONCE: Final = 8
"""Folders looked into at the same time."""

FOLDERS: Final = 100
"""Folders looked into in one call: Data Management allows 300 such requests a minute (fact sheet 11)."""

_PARTS: Final = re.compile(r"[/\\>\u203a\u2192]")
"""What stands between the folders of a path; ACC shows arrows there."""


@dataclass(frozen=True)
class FoundFiles:
    """All files that fit, by path; `complete` when every folder was looked into."""

    rows: list[FileRow]
    complete: bool


@dataclass(frozen=True)
class _SearchedFolder:
    """A folder yet to be looked into; `inside` when it lies in the one that was asked for."""

    id: str
    path: tuple[str, ...]
    inside: bool


async def search_files(
    files: "FilesService", project: ProjectSummary, words: str | None, folder: str | None, report: ProgressCallback
) -> FoundFiles:
    """Return the files whose name holds `words`; without any, all.

    With `folder`, a URN or the end of a path as people see it, only those in it.

    `report` receives the number of folders looked into, of those known by then.

    Folders of ACC's other tools are not looked into.

    Raises:
        FileVersionNotFound: `folder` is the URN of such a one, or the Files tool has no folder at that path.
        AccError: Data Management refused or is away.
    """
    wanted = _path(folder or "")
    folder = folder if wanted else None
    by_path = folder is not None and not folder.startswith("urn:")
    found: list[FileRow] = []
    waiting = deque(await _beginnings(files, project, folder, wanted))
    known = {here.path: here.inside for here in waiting}
    looked = 0

    async def look(here: _SearchedFolder) -> list[FolderContents]:
        nonlocal looked
        pages = [page async for page in files.all_contents(project.id, here.id)]
        looked += 1
        await report(looked, min(looked + len(waiting), FOLDERS), "folders looked into")
        return pages

    while waiting and looked < FOLDERS:
        some = [waiting.popleft() for _ in range(min(len(waiting), FOLDERS - looked, AT_ONCE))]
        contents = await gather_all([look(here) for here in some])
        for here, listing in ((here, page) for here, pages in zip(some, contents, strict=True) for page in pages):
            for below in listing.folders:
                if below.of_another_tool:
                    continue
                path = (*here.path, below.name)
                inside = known[path] = here.inside or _ends_with(path, wanted)
                # What was asked for comes first, or the limit could be spent on other folders.
                (waiting.appendleft if inside and by_path else waiting.append)(_SearchedFolder(below.id, path, inside))
            if here.inside:
                found += [row for row in _rows(listing, here.path) if words is None or _holds(row.name, words)]
    if by_path and not waiting and not any(known.values()):
        raise _no_folder(_PARTS.split((folder or "").rstrip("/\\ "))[-1], [*known], has_words=words is not None)
    return FoundFiles(sorted(found, key=lambda row: (row.path.casefold(), row.id)), not waiting)


async def _beginnings(
    files: "FilesService", project: ProjectSummary, folder: str | None, wanted: Sequence[str]
) -> list[_SearchedFolder]:
    if folder is not None and folder.startswith("urn:"):
        top = await files.folder(project.id, folder)
        if top.of_another_tool:
            raise FileVersionNotFound(
                "This folder belongs to another tool of ACC, not to the Files tool.",
                "Call {tool} again without folder, or with its path as people see it.",
                "Name a folder of the Files tool.",
                again=RetryHint(without=["folder"]),
            )
        return [_SearchedFolder(top.id, (*top.parents, top.name), inside=True)]
    tops = [top for top in await files.top_folders(project.hub_id, project.id) if not top.of_another_tool]
    paths = [(*top.parents, top.name) for top in tops]
    # The folder that was asked for can be one above, of which the person sees no more than this.
    return [
        _SearchedFolder(
            top.id, path, folder is None or any(_ends_with(path[:end], wanted) for end in range(1, len(path) + 1))
        )
        for top, path in zip(tops, paths, strict=True)
    ]


def _no_folder(wanted: str, paths: Sequence[Sequence[str]], *, has_words: bool) -> FileVersionNotFound:
    """Return the error of a path of which there is no folder, with those whose name comes closest to its last part."""
    shown = ["/".join(path) for path in paths]
    near = closest(wanted, [path[-1] for path in paths])
    return FileVersionNotFound(
        "The Files tool has no such folder, or this person may not see it.",
        "Call {tool} again with one of the candidates as folder, or without folder and with words of a file's name."
        if near
        else "Call {tool} again without folder, and with words of a file's name.",
        "Name a folder of the Files tool.",
        candidates=[Candidate(id=shown[place], name=shown[place]) for place in near],
        again=RetryHint(needs=["folder"])
        if near
        else RetryHint(without=["folder"], needs=[] if has_words else ["query"]),
    )


def _rows(listing: FolderContents, path: Sequence[str]) -> list[FileRow]:
    versions = {version.id: version for version in listing.versions}
    rows = []
    for file in listing.items:
        tip = versions.get(file.tip_id or "")
        if file.tip_id is not None:
            rows.append(
                FileRow(
                    id=file.id,
                    name=file.name,
                    path="/".join((*path, file.name)),
                    version_urn=file.tip_id,
                    version=tip.version_number if tip else None,
                    size_bytes=tip.size_bytes if tip else None,
                    modified_at=tip.modified_at if tip else None,
                )
            )
    return rows


def _holds(name: str, words: str) -> bool:
    return normalize(words) in normalize(name) or all_found(NameWords.of(words).significant, name)


def _path(folder: str) -> list[str]:
    return [part for one in _PARTS.split(folder) if (part := normalize(one))]


def _ends_with(path: Sequence[str], wanted: Sequence[str]) -> bool:
    return bool(wanted) and [normalize(part) for part in path[-len(wanted) :]] == list(wanted)


_ANOTHER = RetryHint(needs=["file_urn"])


async def linked_version(services: Services, project_id: str, text: str) -> "FileVersion":
    """Return the version, read in the target project: one of another project is not there.

    Raises:
        InvalidArguments: `text` names no file.
        FileVersionNotFound: The project has no such file.
        FileProblem: Its type or size is not to be attached.
        AccError: Data Management refused or is away.
    """
    files = services.acc.files
    try:
        urn = file_reference(text)
        if LINEAGE.fullmatch(urn):
            urn = (await files.item(project_id, urn)).data.tip_id or ""
        version = await files.version(project_id, version_urn(urn))
    except (InvalidId, NotAReference):
        raise InvalidArguments(
            "'file_urn' is not a version URN (urn:adsk.…:fs.file:vf.…?version=N), nor a file's address in ACC.",
            "Take version_urn from find_project_files.",
            "Copy the file's address in ACC.",
            again=_ANOTHER,
        ) from None
    except (Forbidden, NotFound, RequestRejected):
        raise FileVersionNotFound(
            "This project has no such file version, or this person may not see it.",
            "Only versions of the submittal's own project can be linked; look for it with find_project_files.",
            "Only versions of the submittal's own project can be linked: look for it in the project's Files tool.",
            again=_ANOTHER,
        ) from None
    services.transfers.context.rules.check(version.name, version.size_bytes)
    return version
