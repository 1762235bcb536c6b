"""`submittal-mcp find`: reads the register with the tools' own searches, and prints it.

Requests keep to Autodesk's limits (`acc.rate_limit`), so a long register takes its time; stderr tells how far it is.
"""

import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import anyio

from acc.errors import Forbidden, NotFound, RequestRejected
from acc.models.submittals import Item
from server.cli.attach.manifest import COLUMNS
from server.cli.errors import CommandError
from server.cli.find.register import (
    FoundAttachment,
    FoundProject,
    FoundRow,
    FoundSubmittal,
    found_attachment,
    found_submittal,
)
from server.cli.output import ProgressLine, json_text, print_table, say
from server.cli.own_command import shell_words
from server.cli.spreadsheets import BYTE_ORDER_MARK, csv_text, holds_formula, write_new_csv
from server.settings.model import Settings
from server.wiring import open_services, policy_of
from tools.core.arguments import read_arguments
from tools.core.context import Services
from tools.core.presenters import ATTACH, ProjectNames
from tools.errors.description import describe_error
from tools.errors.exceptions import ToolError
from tools.find_submittals import SubmittalsArguments, search_submittals
from tools.lookup.projects import ProjectSummary
from tools.lookup.references import fitting
from transfers.concurrency import gather_all

OutputFormat = Literal["table", "csv", "json"]

PAGE: Final = 50
AT_ONCE: Final = 8


@dataclass(frozen=True)
class FindOptions:
    """Options of the command line: `filters` are arguments of the tool `find_submittals`, but for the project."""

    project: str | None
    filters: Mapping[str, Any]
    person: str | None
    submittal: str | None = None
    overdue: bool = False
    files: bool = True
    manifest: Path | None = None


def find_projects(settings: Settings, query: str | None, output: OutputFormat, person: str | None) -> None:
    """Print the projects that a person can see and the settings allow.

    Raises:
        CommandError: Autodesk refused or is away; the text says how to fix it.
    """

    async def work(services: Services, progress: ProgressLine) -> Sequence[FoundRow]:
        listed = await services.resolver.project_lists.get()
        if listed.accounts_unavailable:
            progress.note(f"{listed.accounts_unavailable} accounts would not answer; their projects are missing here.")
        return [FoundProject.of(one) for one in listed.holding(query or "") if services.policy.allows(one.id)]

    _print(_run(settings, person, work), FoundProject, output)


def find_submittals(settings: Settings, options: FindOptions, output: OutputFormat) -> None:
    """Print submittals, and write a manifest for those that take a file.

    Raises:
        CommandError: An option means nothing here, Autodesk refused or is away, or the manifest cannot be written.
    """
    if options.manifest is not None and os.path.lexists(options.manifest):
        raise CommandError(f"{options.manifest} is there already, and nothing is overwritten: name a new file.")
    listed: list[tuple[ProjectSummary, bool]] = []

    async def work(services: Services, progress: ProgressLine) -> Sequence[FoundRow]:
        rows: list[FoundSubmittal] = []
        async for project, items in _items(services, options, progress):
            listed.append((project, len((await services.resolver.project_lists.get()).named(project.name)) == 1))
            rows += await _rows(services, project, items, options, progress)
        return rows

    found = [row for row in _run(settings, options.person, work) if isinstance(row, FoundSubmittal)]
    shown = [row for row in found if not options.overdue or row.days_overdue]
    _print(shown, FoundSubmittal, output)
    if options.manifest is not None:
        by_name = {project.id for project, is_only in listed if is_only}
        _write_manifest(options.manifest, shown, by_name)


def find_attachments(settings: Settings, options: FindOptions, output: OutputFormat) -> None:
    """Print the attachments of a submittal, or of all that are asked for.

    Raises:
        CommandError: An option means nothing here, or Autodesk refused or is away.
    """

    async def work(services: Services, progress: ProgressLine) -> Sequence[FoundRow]:
        rows: list[FoundRow] = []
        async for project, items in _items(services, options, progress):
            names = await _names(services, project)
            for start in range(0, len(items), AT_ONCE):
                some = items[start : start + AT_ONCE]
                lists = await gather_all([_attachments(services, project, item) for item in some])
                pairs = zip(some, lists, strict=True)
                rows += [found_attachment(row, item, project, names) for item, files in pairs for row in files]
                await progress.report(
                    start + len(some), len(items), f"submittals of {project.name} asked for attachments"
                )
        return rows

    _print(_run(settings, options.person, work), FoundAttachment, output)


def _run(
    settings: Settings,
    person: str | None,
    work: Callable[[Services, ProgressLine], Coroutine[Any, Any, Sequence[FoundRow]]],
) -> Sequence[FoundRow]:
    progress = ProgressLine(sys.stderr)

    async def run() -> Sequence[FoundRow]:
        policy = policy_of(settings, local_files=True)
        async with open_services(settings, policy, None, person, patient=True) as services:
            return await work(services, progress)

    try:
        return anyio.run(run)
    finally:
        progress.clear()


async def _projects(services: Services, options: FindOptions) -> list[ProjectSummary]:
    if options.project is not None:
        return [await services.resolver.project(options.project)]
    listed = await services.resolver.project_lists.get()
    return [one for one in listed.projects if one.supported and services.policy.allows(one.id)]


def _arguments(options: FindOptions, today: date) -> SubmittalsArguments:
    """Return the arguments of the search; what is overdue is open, and was due before today.

    Raises:
        InvalidArguments: An option has a value that no submittal has.
    """
    narrowed = {"state": ["open"], "due_before": today.isoformat()} if options.overdue else {}
    # Which project is asked, the search is told beside them.
    place = {"project": options.project or "all"}
    return read_arguments(SubmittalsArguments, {**place, **narrowed, **options.filters})


async def _items(
    services: Services, options: FindOptions, progress: ProgressLine
) -> AsyncIterator[tuple[ProjectSummary, list[Item]]]:
    """Yield what is asked for of each project; of several, those that refuse are said to be left out."""
    arguments = _arguments(options, services.now().date())
    projects = await _projects(services, options)
    for project in projects:
        try:
            items = (
                [await services.resolver.submittal(project, options.submittal)]
                if options.submittal is not None
                else await _items_of(services, project, arguments, progress)
            )
        except (Forbidden, NotFound, RequestRejected, ToolError) as refused:
            if len(projects) == 1:
                raise
            explained = describe_error(refused)
            progress.note(f"{project.name} is left out: {explained.row.message if explained else refused}")
        else:
            yield project, items


async def _items_of(
    services: Services, project: ProjectSummary, arguments: SubmittalsArguments, progress: ProgressLine
) -> list[Item]:
    found: list[Item] = []

    async def report(done: float, _total: float | None, _word: str) -> None:
        await progress.report(len(found) + done, None, f"submittals of {project.name} looked through")

    position = 0
    while True:
        page = await search_submittals(services, report, arguments, project, limit=PAGE, position=position)
        found += page.items
        if page.place is None:
            return found
        position = page.place.position


async def _rows(
    services: Services, project: ProjectSummary, items: Sequence[Item], options: FindOptions, progress: ProgressLine
) -> list[FoundSubmittal]:
    names = await _names(services, project)
    types = await _types(services, project.id)
    today = services.now().date()
    rows: list[FoundSubmittal] = []
    for start in range(0, len(items), AT_ONCE):
        some = items[start : start + AT_ONCE]
        counts: list[int | None] = [None] * len(some)
        if options.files:
            counts = [*await gather_all([_file_count(services, project.id, item.id) for item in some])]
            await progress.report(start + len(some), len(items), f"submittals of {project.name} asked for files")
        rows += [
            found_submittal(item, project, names, types, today, count, item.permitted(ATTACH) is not None)
            for item, count in zip(some, counts, strict=True)
        ]
    return rows


async def _file_count(services: Services, project_id: str, item_id: str) -> int:
    page = await services.acc.submittals.attachments(project_id, item_id, is_file_uploaded=True, limit=1)
    return page.pagination.total_results or len(page.results)


async def _attachments(services: Services, project: ProjectSummary, item: Item) -> list[Any]:
    return [row async for row in services.acc.submittals.all_attachments(project.id, item.id)]


async def _names(services: Services, project: ProjectSummary) -> ProjectNames:
    me = await services.resolver.me(project.id)
    return await services.resolver.names(project, me.id, responses=True)


async def _types(services: Services, project_id: str) -> Mapping[str, str]:
    try:
        return {one.id: one.value for one in await services.acc.submittals.item_types(project_id)}
    except (Forbidden, NotFound, RequestRejected):
        return {}


def _print(rows: Sequence[FoundRow], kind: type[FoundRow], output: OutputFormat) -> None:
    if output == "table":
        several = len({getattr(row, "project", None) for row in rows}) > 1
        names = [*(["project"] if several else []), *kind.summary]
        cells = (row.model_dump(mode="json", include=set(names)) for row in rows)
        table = [[_words(row[name]) for name in names] for row in cells]
        print_table([name.replace("_", " ") for name in names], table, f"{len(rows):,} found.", sys.stdout)
        return
    shown = [row.model_dump(mode="json") for row in rows]
    is_shown = sys.stdout.isatty()
    if output == "json":
        text = json_text(shown, indent=1) + "\n"
    else:
        text = ("" if is_shown else BYTE_ORDER_MARK) + csv_text(list(kind.model_fields), shown)
    if is_shown:
        sys.stdout.write(text)
    else:
        # A redirected stream can have a code page that lacks letters of names, and line ends of its own.
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
    sys.stdout.flush()


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _write_manifest(path: Path, rows: Sequence[FoundSubmittal], by_name: set[str]) -> None:
    """Write a manifest for the submittals that take a file, whose column `file` is to be filled in.

    A name that could be read otherwise, or as a formula, gives way to its id.

    Raises:
        CommandError: The file is there already, or cannot be written.
    """
    taking = [row for row in rows if row.can_attach]
    calls = [(row.number, row.title) for row in rows]
    cells = []
    for row in taking:
        words = f"{row.number} {row.title}"
        singles_out = [rows[place].id for place in fitting(words, calls)[1]] == [row.id]
        submittal = words if singles_out and not holds_formula(words) else row.id
        project = row.project if row.project_id in by_name and not holds_formula(row.project) else row.project_id
        cells.append(dict.fromkeys(COLUMNS, "") | {"project": project, "submittal": submittal})
    write_new_csv(path, COLUMNS, cells)
    left_out = f" {len(rows) - len(taking)} that take no file from you are left out." if len(rows) > len(taking) else ""
    say(
        f"{path}: {len(taking)} {'row' if len(taking) == 1 else 'rows'}.{left_out} Fill in the column file, delete the "
        "rows that get none, and run "
        f"`submittal-mcp attach --manifest {shell_words(str(path))}`.",
        err=True,
    )
