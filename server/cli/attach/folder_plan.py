"""Plan of a folder at a shell: where each file goes, as a table, as JSON, or as a manifest for `attach --manifest`."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from server.cli.attach.manifest import COLUMNS, ManifestRow
from server.cli.output import print_table
from server.cli.spreadsheets import holds_formula, write_new_csv
from tools.attach_files import LocalManyFilesArguments
from tools.attachments.file_plan import FileSelection, plan_files, select_folder
from tools.attachments.file_run import FileRunRow, preview
from tools.core.arguments import read_arguments
from tools.core.context import Services

_REASONS: Final = {
    "none": "no submittal fits its name",
    "several": "several submittals fit its name",
    "uncertain": "not certain by its name",
    "closed": "the submittal is closed",
    "not_permitted": "ACC lets you attach nothing there now",
    "name_taken": "another file of this name is there",
    "same_name": "two files of this name for one submittal",
    "task_required": "several review tasks are yours there: attach it with --task",
    "invalid_name": "ACC takes no such name",
    "file_not_allowed": "it is a link, no plain file, or outside the allowed folders",
    "file_not_found": "it is no longer there",
    "file_type_not_allowed": "files of this type are not allowed",
    "file_too_large": "it is larger than allowed",
    "file_empty": "it is empty",
}
_MATCHES: Final = {"number": "number", "spec_section": "spec section", "title": "title", "given": "named"}


@dataclass(frozen=True)
class FolderPlan:
    """The files of a folder with where each goes; `project` and `submittal` as named on the command line."""

    project: str
    submittal: str | None
    rows: tuple[FileRunRow, ...]
    selection: FileSelection

    @property
    def planned(self) -> list[FileRunRow]:
        """The rows that would be attached."""
        return [row for row in self.rows if row.outcome == "planned"]

    @property
    def manifest_rows(self) -> list[ManifestRow]:
        """The planned rows, each with the ids of its project and submittal: as sure as they were found."""
        return [
            ManifestRow(place, row.row.file.reference, target.project_id, target.item_id, None, self._category(row))
            for place, row in enumerate(self.planned, start=1)
            if (target := row.row.target) is not None
        ]

    def _category(self, row: FileRunRow) -> str | None:
        target = row.row.target
        return target.category if target is not None and target.category_id is not None else None

    @property
    def json(self) -> dict[str, Any]:
        """The plan as JSON values, as the tool `attach_files` answers it."""
        return {
            "files": [row.shown(at_length=True).model_dump(mode="json") for row in self.rows],
            "counts": dict(self.counts),
        }

    @property
    def counts(self) -> Counter[str]:
        """Numbers of rows by how far they are, and of files without a row."""
        found = Counter[str](row.outcome for row in self.rows)
        found.update({"more": self.selection.more, "ignored": self.selection.ignored})
        return +found

    @property
    def summary(self) -> str:
        """The counts in a sentence."""
        words = {
            "planned": "to attach",
            "already_attached": "there already",
            "left_out": "left out",
            "more": "more than one command takes: name a part of the folder, such as 'Steel/*.pdf'",
            "ignored": "hidden or temporary",
        }
        counts = self.counts
        told = [f"{counts[name]} {word}" for name, word in words.items() if counts[name]]
        return f"{len(self.rows)} {'file' if len(self.rows) == 1 else 'files'}: {', '.join(told) or 'none'}."


async def plan_folder(
    services: Services, folder: str, *, project: str, submittal: str | None, category: str | None
) -> FolderPlan:
    """Look up where the files of a folder go; nothing is sent.

    Raises:
        ToolError: An argument or a reference stands against it.
        TransferError: The folder cannot be read.
        AccError: Autodesk refused or is away.
    """
    given = {"project": project, "submittal": submittal, "folder": folder, "category": category}
    chosen = read_arguments(LocalManyFilesArguments, {name: one for name, one in given.items() if one is not None})
    found = await services.resolver.project(chosen.project)
    selection = await select_folder(services, folder)
    rows = await plan_files(services, found, selection, submittal=chosen.submittal, category=chosen.category)
    return FolderPlan(project, submittal, tuple(map(preview, rows)), selection)


def print_plan(plan: FolderPlan, stream: TextIO) -> None:
    """Print a row for each file: its name, the submittal, and by what that is known or why there is none."""
    rows = []
    for row in plan.rows:
        shown = row.shown(at_length=True)
        submittal = f"{shown.number or ''} {shown.title or ''}".strip()
        rows.append((shown.file, submittal, _MATCHES.get(shown.matched_by or "", ""), _told(row)))
    print_table(("file", "submittal", "by", "plan"), rows, plan.summary, stream)


def _told(row: FileRunRow) -> str:
    if row.outcome != "left_out":
        return {"planned": "attach", "already_attached": "there already"}.get(row.outcome, row.outcome)
    word, colon, rest = (row.reason or "").partition(":")
    return f"left out: {_REASONS.get(word, word)}{colon}{rest}"


def write_manifest(path: Path, plan: FolderPlan) -> None:
    """Write the planned rows as a manifest, with project and submittals as people call them where that is as sure.

    Raises:
        CommandError: The file is there already, or cannot be written.
    """
    beside = path.absolute().parent
    called = [_called(row, plan.submittal) for row in plan.planned]
    cells = [
        _cells(row, beside) | {"project": plan.project, "submittal": submittal or row.submittal}
        for row, submittal in zip(plan.manifest_rows, called, strict=True)
    ]
    write_new_csv(path, COLUMNS, cells)


def _called(row: FileRunRow, given: str | None) -> str | None:
    """Return what a submittal is called that is singled out by it: as it was given, or by its number.

    Where it was found by its title, that stands beside the number: no other has both, or none had been singled out.
    """
    item = row.row.item
    if given or item is None:
        return given
    words = item.number if row.row.matched_by == "number" else f"{item.number} {item.title}"
    return None if holds_formula(words) else words


def _cells(row: ManifestRow, beside: Path) -> dict[str, str]:
    file = Path(row.file)
    shown = str(file.relative_to(beside)) if file.is_relative_to(beside) else row.file
    shown = os.path.join(".", shown) if holds_formula(shown) else shown  # noqa: PTH118  # a Path drops the dot
    return {
        "project": row.project,
        "submittal": row.submittal,
        "file": shown,
        "name": "",
        "category": row.category or "",
        "task": "",
    }
