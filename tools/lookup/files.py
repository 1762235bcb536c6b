"""Files tool: search folder by folder, with the paths that users see, and the version that `file_urn` refers to."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from acc.errors import Forbidden, NotFound, RequestRejected
from acc.ids import InvalidId, VersionUrn
from acc.models import FolderContents
from tools.core.context import Services
from tools.core.ports import ProgressCallback
from tools.core.results import FileRow
from tools.errors.exceptions import FileVersionNotFound, InvalidArguments, RetryHint
from tools.lookup.projects import ProjectSummary
from tools.lookup.references import LINEAGE, NameWords, NotAReference, all_found, file_reference, normalize

if TYPE_CHECKING:
    from acc.data_management import FilesService
    from acc.models import FileVersion

FOLDERS: Final = 100
"""Folders looked into in one call: Data Management allows 300 such requests a minute (fact sheet 11)."""


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
        FileVersionNotFound: `folder` is the URN of such a one.
        AccError: Data Management refused or is away.
    """
    by_path = folder is not None and not folder.startswith("urn:")
    wanted = _path(folder or "")
    found: list[FileRow] = []
    waiting = deque(await _beginnings(files, project, folder, wanted))
    looked = 0
    while waiting and looked < FOLDERS:
        here = waiting.popleft()
        looked += 1
        async for listing in files.all_contents(project.id, here.id):
            for below in listing.folders:
                if below.of_another_tool:
                    continue
                path = (*here.path, below.name)
                inside = here.inside or _ends_with(path, wanted)
                # What was asked for comes first, or the limit could be spent on other folders.
                (waiting.appendleft if inside and by_path else waiting.append)(_SearchedFolder(below.id, path, inside))
            if here.inside:
                found += [row for row in _rows(listing, here.path) if words is None or _holds(row.name, words)]
        await report(looked, min(looked + len(waiting), FOLDERS), "folders looked into")
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
    return [normalize(part) for part in folder.replace("\\", "/").split("/") if part.strip()]


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
        VersionUrn.parse(urn)
        version = await files.version(project_id, urn)
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
